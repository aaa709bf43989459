import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ModelError } from "../errors.ts";
import type { Evaluator } from "../evaluate/evaluator.ts";
import { breadthFirst } from "./breadth-first.ts";
import { type Grid, GridEvaluator } from "../testing/grid-evaluator.ts";
import type { Progress, SearchOptions, SearchResult } from "./result.ts";

function explore(grid: Grid | GridEvaluator, options: Partial<SearchOptions> = {}): Promise<SearchResult> {
  const evaluator = grid instanceof GridEvaluator ? grid : new GridEvaluator(grid);
  return breadthFirst(evaluator, { stopAtViolation: true, ...evaluator.counts, ...options });
}

const sum = (counters: readonly number[]): number => counters.reduce((a, b) => a + b, 0);
const cube = { sides: [10, 10, 10] };

describe("an exhaustive search", () => {
  test("sees every state and every step once", async () => {
    const evaluator = new GridEvaluator({ ...cube, words: 2 });
    const result = await explore(evaluator);
    expect(result).toMatchObject({
      ending: "exhausted",
      states: 1000,
      transitions: 2700,
      depth: 27,
      violations: [],
      witnesses: [],
    });
    expect([...result.taken]).toEqual([900, 900, 900]);
    expect(evaluator.expanded).toBe(1000);
    expect(evaluator.checked).toBe(1000);
  });

  test("counts more states than a batch and a chunk hold", async () => {
    const result = await explore({ sides: [32, 32, 32, 34], wraps: true, words: 2 });
    expect(result).toMatchObject({ ending: "exhausted", states: 34 * 2 ** 15, transitions: 34 * 2 ** 17 });
    expect(result.depth).toBe(3 * 31 + 33);
    expect(result.totalBytes / result.states).toBeLessThan(40);
  });

  test("takes equal initial states for one, and starts paths at the first of them", async () => {
    const initial = [
      [2, 0],
      [2, 0],
      [0, 2],
    ];
    const result = await explore({ sides: [4, 4], initial, violatedBy: [([a, b]) => a === 0 && b === 3] });
    expect(result.violations[0].path).toEqual({ initial: 2, instances: [1] });
    const all = await explore({ sides: [4, 4], initial });
    expect(all).toMatchObject({ ending: "exhausted", states: 12 });
  });

  test("a model without steps or without initial states has depth 0", async () => {
    expect(await explore({ sides: [1] })).toMatchObject({ ending: "exhausted", states: 1, depth: 0 });
    expect(await explore({ sides: [3], initial: [] })).toMatchObject({
      ending: "exhausted",
      states: 0,
      depth: 0,
    });
  });
});

describe("the digest", () => {
  test("depends on the set of states and not on the order in which they are found", async () => {
    const sides = [5, 6, 7, 3];
    const digests = new Set<string>();
    for (const order of [
      [0, 1, 2, 3],
      [3, 2, 1, 0],
      [2, 0, 3, 1],
    ]) {
      digests.add((await explore({ sides, order })).digest);
    }
    digests.add((await explore({ sides, wraps: true })).digest);
    expect(digests.size).toBe(1);
    expect([...digests][0]).toMatch(/^[0-9a-f]{16}$/);
    digests.add((await explore({ sides: [5, 6, 7, 4] })).digest);
    expect(digests.size).toBe(2);
  });
});

describe("violations", () => {
  test("are found by a shortest path, which leads to them", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(fc.nat(5), fc.nat(5), fc.nat(5), fc.nat(5)),
        fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }),
        fc.integer({ min: 1, max: 3 }),
        async (target, order, words) => {
          const isTarget = (counters: readonly number[]): boolean => counters.join() === target.join();
          const evaluator = new GridEvaluator({ sides: [6, 6, 6, 6], order, words, violatedBy: [isTarget] });
          const result = await explore(evaluator);
          expect(result.ending).toBe("violated");
          expect(result.violations).toHaveLength(1);
          const [{ kind, property, path }] = result.violations;
          expect([kind, property, path.instances.length]).toEqual(["invariant", 0, sum(target)]);
          expect(evaluator.replay(path)).toEqual(target);
        },
      ),
      { numRuns: 50 },
    );
  });

  test("stop the search when all states as deep are checked", async () => {
    const violatedBy = [
      ([a]: readonly number[]) => a === 4,
      ([, b]: readonly number[]) => b === 4,
      ([a]: readonly number[]) => a === 5,
    ];
    const result = await explore({ ...cube, violatedBy });
    expect(result.ending).toBe("violated");
    expect(result.violations.map(({ property, path }) => [property, path.instances.length])).toEqual([
      [0, 4],
      [1, 4],
    ]);
    // All states up to depth 4, of which the last layer is found and checked but not expanded.
    expect(result.states).toBe(35);
    expect(result.depth).toBe(3);
  });

  test("do not stop a search that is to go on; each instance keeps its first one", async () => {
    const evaluator = new GridEvaluator({
      ...cube,
      violatedBy: [(c) => sum(c) >= 3, (c) => c[2] === 9, (c) => sum(c) === 0],
      brokenBy: [(before, instance) => sum(before) >= 2 && instance === 1],
    });
    const result = await explore(evaluator, { stopAtViolation: false });
    expect(result).toMatchObject({ ending: "exhausted", states: 1000, depth: 27 });
    expect(
      result.violations.map(({ kind, property, path }) => [kind, property, path.instances.length]),
    ).toEqual([
      ["invariant", 2, 0],
      ["invariant", 0, 3],
      ["step", 0, 3],
      ["invariant", 1, 9],
    ]);
  });

  test("of an initial state end the search before its first step", async () => {
    const evaluator = new GridEvaluator({ ...cube, violatedBy: [() => true] });
    const result = await explore(evaluator);
    expect(result).toMatchObject({ ending: "violated", states: 1, transitions: 0, depth: 0 });
    expect(result.violations[0].path).toEqual({ initial: 0, instances: [] });
    expect(evaluator.expanded).toBe(0);
  });

  test("of a step name the instance that broke it, though another step leads to the same state", async () => {
    const evaluator = new GridEvaluator({
      sides: [3, 3],
      brokenBy: [([a, b], instance) => a === 1 && b === 1 && instance === 1],
    });
    const doubled = withTwins(evaluator);
    const result = await breadthFirst(doubled, { stopAtViolation: true, instances: 4, witnesses: 0 });
    expect(result.ending).toBe("violated");
    expect(result.depth).toBe(2);
    const [{ kind, path }] = result.violations;
    expect(kind).toBe("step");
    // The steps before are told by the first instance that takes them, the last by the one to blame.
    expect(path.instances).toHaveLength(3);
    expect(path.instances.slice(0, 2).every((instance) => instance < 2)).toBe(true);
    expect(path.instances[2]).toBe(3);
  });
});

/** For every instance, a second one with the same effect; only the second is blamed for broken steps. */
function withTwins(evaluator: GridEvaluator): Evaluator {
  const { words } = evaluator;
  return {
    name: "packed",
    words,
    initialStates: () => evaluator.initialStates(),
    expand(states, offset, out) {
      const first = out.count;
      const blamed = out.brokenSteps.length;
      const mayBeStuck = evaluator.expand(states, offset, out);
      const count = out.count - first;
      for (let i = 0; i < count; i++) {
        const at = out.nextOffset();
        out.words.copyWithin(at, (first + i) * words, (first + i + 1) * words);
        out.instances[out.count++] = out.instances[first + i] + 2;
      }
      for (const broken of out.brokenSteps.slice(blamed)) broken.successor += count;
      return mayBeStuck;
    },
    violatedInvariants: (states, offset) => evaluator.violatedInvariants(states, offset),
    markWitnesses: (states, offset, reached) => evaluator.markWitnesses(states, offset, reached),
    deadlockIn: (states, offset) => evaluator.deadlockIn(states, offset),
  };
}

describe("deadlocks", () => {
  const deadlockedBy = (counters: readonly number[]): boolean => counters.every((value) => value === 2);

  test("are reported once, with a shortest path and the reason", async () => {
    const evaluator = new GridEvaluator({ ...cube, deadlockedBy });
    const result = await explore(evaluator);
    expect(result).toMatchObject({ ending: "violated", depth: 6 });
    expect(result.violations).toHaveLength(1);
    const [{ kind, property, path, deadlock }] = result.violations;
    expect([kind, property, path.instances.length]).toEqual(["deadlock", -1, 6]);
    expect(deadlock?.explanation).toEqual(["the counters wait"]);
    expect(evaluator.replay(path)).toEqual([2, 2, 2]);
  });

  test("are found in the last layer that a limit allows, and among the initial states", async () => {
    expect(await explore({ ...cube, deadlockedBy }, { maxDepth: 6 })).toMatchObject({
      ending: "violated",
      depth: 6,
    });
    expect((await explore({ ...cube, deadlockedBy }, { maxDepth: 5 })).ending).toBe("max-depth");
    const initial = await explore({ ...cube, deadlockedBy: () => true }, { maxDepth: 0 });
    expect(initial).toMatchObject({ ending: "violated", depth: 0, states: 1 });
  });
});

describe("witnesses", () => {
  test("are told with the length of a shortest path, or as not reached", async () => {
    const evaluator = new GridEvaluator({
      ...cube,
      witnessedBy: [(c) => c.join() === "3,1,2", (c) => sum(c) > 27, () => true, ([a]) => a === 9],
    });
    const { witnesses } = await explore(evaluator);
    expect(witnesses).toEqual([{ length: 6 }, null, { length: 0 }, { length: 9 }]);
  });
});

describe("limits", () => {
  test("of states are kept to the state, and are no limit when there are no more", async () => {
    const limited = await explore(cube, { maxStates: 100 });
    // 84 states within 6 steps, 120 within 7; the states of depth 6 were being expanded.
    expect(limited).toMatchObject({ ending: "max-states", states: 100, depth: 5 });
    expect(await explore(cube, { maxStates: 1000 })).toMatchObject({ ending: "exhausted", states: 1000 });
    expect(await explore(cube, { maxStates: 999 })).toMatchObject({ ending: "max-states", states: 999 });
  });

  test("of depth leave all states within so many steps found and checked", async () => {
    const evaluator = new GridEvaluator(cube);
    const result = await explore(evaluator, { maxDepth: 5 });
    expect(result).toMatchObject({ ending: "max-depth", states: 56, depth: 5 });
    expect(evaluator.checked).toBe(56);
    expect(evaluator.expanded).toBe(35);
    expect(await explore(cube, { maxDepth: 28 })).toMatchObject({ ending: "exhausted", depth: 27 });
  });

  test("of memory hold for table and frontier together", async () => {
    const maxMemory = 1_000_000;
    const result = await explore({ sides: [50, 50, 50] }, { maxMemory });
    expect(result.ending).toBe("memory");
    expect(result.totalBytes).toBeLessThanOrEqual(maxMemory);
    expect(result.totalBytes).toBeGreaterThan(maxMemory / 2);
    expect(result.states).toBeGreaterThan(10_000);
    expect((await explore(cube, { maxMemory: 10 })).ending).toBe("memory");
  });

  test("of time end a search within a layer", async () => {
    const result = await explore({ sides: [30, 30, 30, 30], wraps: true }, { maxSeconds: 0.05 });
    expect(result.ending).toBe("max-seconds");
    expect(result.states).toBeLessThan(810_000);
    expect(result.seconds).toBeLessThan(2);
  });

  test("do not hide a violation that was found before", async () => {
    const result = await explore({ ...cube, violatedBy: [(c) => c[0] === 1] }, { maxStates: 3 });
    expect(result.ending).toBe("max-states");
    expect(result.violations).toHaveLength(1);
  });

  test("an interruption ends the search, from within or from an event", async () => {
    expect(await explore(cube, { isInterrupted: () => true })).toMatchObject({
      ending: "interrupted",
      depth: 0,
    });
    let isStopped = false;
    setTimeout(() => (isStopped = true), 20);
    const result = await explore(
      { sides: [40, 40, 40, 40], wraps: true },
      { isInterrupted: () => isStopped },
    );
    expect(result.ending).toBe("interrupted");
    expect(result.states).toBeLessThan(40 ** 4);
  });

  test("a long search reports its progress", async () => {
    const reports: Progress[] = [];
    const onProgress = (progress: Progress): number => reports.push(progress);
    // More states than any machine sees in that time, and time for a growth of the table in between.
    const { ending } = await explore(
      { sides: [90, 90, 90, 90], wraps: true },
      { maxSeconds: 2.2, onProgress },
    );
    expect(ending).toBe("max-seconds");
    expect(reports.length).toBeGreaterThanOrEqual(1);
    expect(reports.length).toBeLessThanOrEqual(2);
    expect(reports[0].states).toBeGreaterThan(1000);
    expect(reports[0].queue).toBeGreaterThan(0);
    expect(reports[0].memoryBytes).toBeGreaterThan(0);
    expect(reports[0].seconds).toBeGreaterThanOrEqual(1);
  });
});

describe("errors", () => {
  test("of the model are thrown with the path to the state in which they came up", async () => {
    const throwsAt = (counters: readonly number[]): boolean => counters.join() === "1,2,0";
    const evaluator = new GridEvaluator({ ...cube, throwsAt });
    const error = await explore(evaluator).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ModelError);
    const { path } = error as ModelError & { path: { initial: number; instances: number[] } };
    expect(evaluator.replay(path)).toEqual([1, 2, 0]);
    expect(path.instances).toHaveLength(3);
  });

  test("of properties too", async () => {
    const fault = new ModelError("M09", "an invariant threw", "mend it");
    const violatedBy = [
      (counters: readonly number[]): boolean => {
        if (counters[2] === 2) throw fault;
        return false;
      },
    ];
    const evaluator = new GridEvaluator({ ...cube, violatedBy });
    await expect(explore(evaluator)).rejects.toBe(fault);
    expect(fault).toHaveProperty("path", { initial: 0, instances: [2, 2] });
  });

  test("of our own pass through as they are", async () => {
    const ours = new TypeError("ours");
    const violatedBy = [
      (): boolean => {
        throw ours;
      },
    ];
    await expect(explore({ ...cube, violatedBy })).rejects.toBe(ours);
    expect(ours).not.toHaveProperty("path");
  });

  test("a model with a memory of its own is told when its path cannot be found again", async () => {
    const evaluator = new GridEvaluator({ sides: [5], violatedBy: [([a]) => a === 3] });
    const expand = evaluator.expand.bind(evaluator);
    evaluator.expand = (words, offset, out) => (evaluator.expanded < 3 ? expand(words, offset, out) : false);
    await expect(explore(evaluator)).rejects.toThrow("[M03]");
  });
});
