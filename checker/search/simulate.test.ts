import { describe, expect, test } from "vitest";
import { type Grid, GridEvaluator } from "../testing/grid-evaluator.ts";
import { Random } from "./random.ts";
import type { SearchResult } from "./result.ts";
import { simulate, type SimulationOptions } from "./simulate.ts";

function walk(grid: Grid | GridEvaluator, options: Partial<SimulationOptions> = {}): Promise<SearchResult> {
  const evaluator = grid instanceof GridEvaluator ? grid : new GridEvaluator(grid);
  const defaults = { stopAtViolation: true, walks: 100, depth: 20, seed: 1, ...evaluator.counts };
  return simulate(evaluator, { ...defaults, ...options });
}

const cube = { sides: [10, 10, 10], wraps: true };

/** What a run found, without what depends on the machine. */
function findingsOf({ seconds, peakMemoryBytes, ...rest }: SearchResult): unknown {
  expect(seconds).toBeGreaterThanOrEqual(0);
  expect(peakMemoryBytes).toBeGreaterThan(0);
  return rest;
}

describe("a simulation", () => {
  test("walks all its walks, and is not exhaustive even when it has seen everything", async () => {
    const result = await walk(cube);
    expect(result).toMatchObject({ ending: "walks-done", transitions: 2000, depth: 0 });
    expect(result.taken.reduce((a, b) => a + b)).toBe(2000);
    // The first steps are uniform: a third for each counter, within five standard deviations.
    for (const times of result.taken) expect(Math.abs(times - 667)).toBeLessThan(105);
    expect((await walk({ sides: [2, 2] })).ending).toBe("walks-done");
  });

  test("is told by its seed", async () => {
    const planted = { ...cube, violatedBy: [([a, b]: readonly number[]) => a === 3 && b === 2] };
    const once = await walk(planted, { stopAtViolation: false, seed: 7 });
    const again = await walk(planted, { stopAtViolation: false, seed: 7 });
    expect(findingsOf(again)).toEqual(findingsOf(once));
    const others = await Promise.all(
      [8, 7 + 2 ** 32, -7].map((seed) => walk(planted, { stopAtViolation: false, seed })),
    );
    expect(new Set([once, ...others].map(({ digest }) => digest)).size).toBe(4);
  });

  test("finds invariants violated, steps broken, deadlocks and witnesses, with paths that lead to them", async () => {
    const evaluator = new GridEvaluator({
      ...cube,
      initial: [
        [0, 0, 0],
        [0, 0, 5],
      ],
      violatedBy: [([, , c]) => c === 7],
      brokenBy: [([a], instance) => a === 2 && instance === 0],
      deadlockedBy: ([, b]) => b === 4,
      witnessedBy: [([a]) => a === 1, () => false],
    });
    const { ending, violations, witnesses } = await walk(evaluator, { stopAtViolation: false });
    expect(ending).toBe("walks-done");
    const ends = new Map(violations.map(({ kind, path }) => [kind, evaluator.replay(path)]));
    expect([...ends.keys()].sort()).toEqual(["deadlock", "invariant", "step"]);
    expect(ends.get("invariant")?.[2]).toBe(7);
    expect(ends.get("step")?.[0]).toBe(3);
    expect(ends.get("deadlock")?.[1]).toBe(4);
    expect(witnesses[0]?.length).toBeGreaterThan(0);
    expect(witnesses[1]).toBeNull();
  });

  test("stops at the first violation when asked to", async () => {
    const result = await walk({ ...cube, violatedBy: [([a]) => a === 2] });
    expect(result.ending).toBe("violated");
    expect(result.violations[0].path.instances).toHaveLength(result.transitions);
    const atOnce = await walk({ ...cube, violatedBy: [() => true] });
    expect(atOnce).toMatchObject({ ending: "violated", transitions: 0 });
  });

  test("ends a walk where there is no step", async () => {
    const result = await walk({ sides: [3, 3] }, { walks: 5 });
    expect(result).toMatchObject({ ending: "walks-done", transitions: 20 });
  });

  test("keeps to its limits", async () => {
    expect(await walk(cube, { maxDepth: 3 })).toMatchObject({ transitions: 300 });
    expect(await walk(cube, { maxStates: 10 })).toMatchObject({ ending: "max-states", states: 10 });
    expect((await walk(cube, { isInterrupted: () => true })).ending).toBe("interrupted");
    expect((await walk(cube, { walks: 1e9, maxSeconds: 0.1 })).ending).toBe("max-seconds");
    const large = { sides: [60, 60, 60, 60], wraps: true };
    expect((await walk(large, { walks: 1e9, depth: 1000, maxMemory: 100_000 })).ending).toBe("memory");
  });

  test("throws the model's errors with the walk to them", async () => {
    const evaluator = new GridEvaluator({ ...cube, throwsAt: ([a]) => a === 2 });
    const error = await walk(evaluator).catch((thrown: unknown) => thrown);
    const { path } = error as { path: { initial: number; instances: number[] } };
    expect(evaluator.replay(path)[0]).toBe(2);
  });
});

test("random numbers below n are all drawn, about equally often", () => {
  const random = new Random(42);
  const counts = [0, 0, 0, 0, 0, 0, 0];
  for (let i = 0; i < 70_000; i++) counts[random.below(7)]++;
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
});
