/**
 * The search in WebAssembly agrees with the one in JavaScript: counts, digests, verdicts, lengths; with one thread
 * and with two. And the evaluator in it agrees with the reference, state by state.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileInstance, runCompiled } from "../compile/compiled.ts";
import type { Module, Stmt } from "../compile/ir.ts";
import { dmaCore, dmaCoreScope } from "../examples/dma-core.ts";
import { exampleDesigns } from "../examples/index.ts";
import { philosophers, philosophersScope } from "../examples/philosophers.ts";
import {
  breadthFirst,
  defineModel,
  environmentRule,
  type Instance,
  instantiate,
  range,
  record,
  type StateOf,
  stepProperty,
} from "../index.ts";
import type { SearchOptions, SearchResult } from "../search/result.ts";
import { isLocatedModelError } from "../search/result.ts";
import { randomModel } from "../testing/random-model.ts";
import { walkTogether } from "../testing/walk-together.ts";
import { searchInWasm } from "./search.ts";
import { createWasm } from "./create-wasm.ts";
import type { WasmOptions } from "./wasm-evaluator.ts";

// oxlint-disable-next-line no-explicit-any
type AnyInstance = Instance<any>;
type Options = Partial<SearchOptions> & WasmOptions;

const space = 64 * 2 ** 20;

function optionsFor(of: AnyInstance, options: Partial<SearchOptions>): SearchOptions {
  return {
    instances: of.instances.length,
    witnesses: of.witnesses.length,
    stopAtViolation: false,
    ...options,
  };
}

function searchWasm(of: AnyInstance, { workers, ...options }: Options = {}): Promise<SearchResult> {
  const memory = options.maxMemory;
  const evaluator = createWasm(of, { workers: workers ?? 1, space: options.space ?? space, memory });
  return searchInWasm(evaluator, optionsFor(of, options));
}

function searchJs(of: AnyInstance, options: Partial<SearchOptions> = {}): Promise<SearchResult> {
  return breadthFirst(runCompiled(of, compileInstance(of)), optionsFor(of, options));
}

/** What does not depend on the order in which states are found, nor on the machine. */
function essenceOf(result: SearchResult) {
  const { ending, states, transitions, depth, digest, taken, witnesses } = result;
  const violations = result.violations
    .map(({ kind, property, path }) => `${kind} ${property}: ${path.instances.length} steps`)
    .toSorted();
  return { ending, states, transitions, depth, digest, violations, witnesses, taken: [...taken] };
}

describe("agrees with the search in JavaScript", () => {
  const examples = exampleDesigns.flatMap((design) =>
    design.scenarios.flatMap((scenario) =>
      Object.entries(scenario.sizes).map(([size, scope]): [string, AnyInstance] => [
        `${design.name}, ${scenario.name}, ${size}`,
        instantiate(design.build(), scope),
      ]),
    ),
  );

  test.each(examples)("on %s", async (_, of) => {
    const maxDepth = (of.scope.bounds.cpu ?? 0) > 3 ? 2 : 13;
    const expected = essenceOf(await searchJs(of, { maxDepth }));
    for (const workers of [1, 2])
      expect(essenceOf(await searchWasm(of, { maxDepth, workers }))).toEqual(expected);
  });

  test("on all of dma-core 3x2x2, with a table that grows", async () => {
    const of = instantiate(dmaCore(), dmaCoreScope("3x2x2"));
    const one = await searchWasm(of);
    expect([one.states, one.transitions, one.depth]).toEqual([347_016, 1_040_728, 35]);
    expect(essenceOf(await searchWasm(of, { workers: 2 }))).toEqual(essenceOf(one));
    expect(essenceOf(await searchJs(of))).toEqual(essenceOf(one));
  });

  test("on random models, right and wrong", async () => {
    await fc.assert(
      fc.asyncProperty(randomModel(true), async ({ model, scope }) => {
        const of = instantiate(model, scope);
        const [expected, ...found] = await Promise.all(
          [searchJs(of), searchWasm(of), searchWasm(of, { workers: 2 })].map((run) =>
            run.then(essenceOf, (error: unknown) => lengthOfFailure(error)),
          ),
        );
        for (const each of found) expect(each).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  test("on steps that lead beyond the depth allowed", async () => {
    const counter = record({ n: range(0, 9) });
    type Counter = StateOf<typeof counter>;
    const model = defineModel<Counter>({
      name: "counter",
      state: counter,
      deadlock: "none",
      rules: [
        environmentRule("count", {}, { when: (s: Counter) => s.n < 9, then: (s: Counter) => void s.n++ }),
      ],
      stepProperties: [
        stepProperty(
          "four-is-not-left",
          {},
          {
            sentence: "Nothing leads on from four.",
            holds: (before: Counter, after: Counter) => before.n !== 4 || after.n === 4,
          },
        ),
      ],
    });
    const of = instantiate(model, { bounds: {} }) as AnyInstance;
    for (const [maxDepth, found] of [
      [4, []],
      [5, ["step 0: 5 steps"]],
    ] as const) {
      // oxlint-disable-next-line no-await-in-loop
      const expected = essenceOf(await searchJs(of, { maxDepth }));
      expect(expected.violations).toEqual(found);
      // oxlint-disable-next-line no-await-in-loop
      expect(essenceOf(await searchWasm(of, { maxDepth }))).toEqual(expected);
    }
  });

  /** Where a model goes wrong, the search ends: how many steps away. */
  function lengthOfFailure(error: unknown) {
    if (!isLocatedModelError(error)) throw error;
    return { code: error.code, length: error.path.instances.length };
  }

  test("state by state, on random models that go wrong", () => {
    let errors = 0;
    fc.assert(
      fc.property(randomModel(true), fc.infiniteStream(fc.nat()), ({ model, scope }, picks) => {
        const of = instantiate(model, scope);
        errors += walkTogether(of, 10, (count) => picks.next().value % count, [createWasm(of, { space })]);
      }),
      { numRuns: 60 },
    );
    expect(errors).toBeGreaterThan(5);
  });
});

describe("violations", () => {
  test("a deadlock is as near as it is in JavaScript, and the path leads there", async () => {
    const of = instantiate(philosophers(false), philosophersScope(4)) as AnyInstance;
    const expected = essenceOf(await searchJs(of, { stopAtViolation: true }));
    expect(expected.violations).toEqual(["deadlock -1: 8 steps"]);
    for (const workers of [1, 2]) {
      const found = await searchWasm(of, { stopAtViolation: true, workers });
      expect(essenceOf(found)).toEqual(expected);
    }
  });

  test("the same trace for any number of threads", async () => {
    const of = instantiate(philosophers(false), philosophersScope(5)) as AnyInstance;
    const [one, two] = await Promise.all([1, 2].map((workers) => searchWasm(of, { workers })));
    expect(two.violations).toEqual(one.violations);
  });
});

describe("limits", () => {
  const of = instantiate(dmaCore(), dmaCoreScope("2x2x2")) as AnyInstance;

  test.each([1, 2])("so many states and no more, %d threads", async (workers) => {
    const found = await searchWasm(of, { maxStates: 10_000, workers });
    expect([found.ending, found.states]).toEqual(["max-states", 10_000]);
    const all = await searchWasm(of, { maxStates: 50_924, workers });
    expect([all.ending, all.states]).toEqual(["exhausted", 50_924]);
  });

  test("depth, memory, time, interruption", async () => {
    expect(essenceOf(await searchWasm(of, { maxDepth: 7 }))).toEqual(
      essenceOf(await searchJs(of, { maxDepth: 7 })),
    );
    const larger = instantiate(dmaCore(), dmaCoreScope("3x2x2")) as AnyInstance;
    const poor = await searchWasm(larger, { maxMemory: 1_500_000, workers: 2 });
    expect(poor.ending).toBe("memory");
    expect(poor.totalBytes).toBeLessThanOrEqual(1_500_000);
    expect(poor.states).toBeGreaterThan(50_000);
    expect((await searchWasm(of, { maxSeconds: 0 })).ending).toBe("max-seconds");
    expect((await searchWasm(of, { isInterrupted: () => true, workers: 2 })).ending).toBe("interrupted");
  });

  test("a memory too small for the states is a limit too", async () => {
    const large = instantiate(dmaCore(), dmaCoreScope("4x3x2")) as AnyInstance;
    const found = await searchWasm(large, { space: 1, workers: 2 });
    expect(found.ending).toBe("memory");
    expect(found.states).toBeGreaterThan(1_000_000);
  });
});

/** States that compiled code leaves to the packed evaluator are found, counted and checked like all others. */
test("states that are handed over", async () => {
  const of = instantiate(dmaCore(), dmaCoreScope("2x2x2")) as AnyInstance;
  const compiled = compileInstance(of);
  const { exprs, module } = handOverSome(compiled.module);
  expect(exprs).toBeGreaterThan(3);
  const evaluator = createWasm(of, { space, workers: 2 }, { ...compiled, module });
  expect(essenceOf(await searchInWasm(evaluator, optionsFor(of, {})))).toEqual(essenceOf(await searchJs(of)));
});

/** At some labels, and in some invariants, the state is given up where the lowest bits of its first word are set. */
function handOverSome(module: Module): { module: Module; exprs: number } {
  const word = module.dispatches[0].labels
    .flatMap(({ body }) => body)
    .map(findWord)
    .find((found) => found !== null);
  if (word === undefined || word === null) throw new Error("no word of the state");
  let exprs = 0;
  const give = (body: readonly Stmt[], n: number): readonly Stmt[] => {
    if (n % 3 !== 0 || body.length === 0) return body;
    exprs++;
    return [...body, { do: "deopt", when: word }];
  };
  const dispatches = module.dispatches.map((dispatch) => ({
    ...dispatch,
    labels: dispatch.labels.map((label, n) => ({ ...label, body: give(label.body, n) })),
  }));
  const invariants = module.invariants.map((group) => ({ body: give(group.body, 0), reads: null }));
  return { module: { ...module, dispatches, invariants }, exprs };
}

/** A condition somewhere in a statement. */
function findWord(stmt: Stmt) {
  return stmt.do === "if" ? stmt.test : null;
}

test("a model with a recipe that is not compiled is not taken", () => {
  const of = instantiate(dmaCore(), dmaCoreScope("2x2x2"));
  const compiled = compileInstance(of);
  const fallbacks = [{ kind: "action" as const, id: 0, name: "map", reason: "a construct" }];
  expect(() => createWasm(of, {}, { ...compiled, fallbacks })).toThrow("map: a construct");
});
