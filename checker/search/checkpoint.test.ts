/** A search that was interrupted and continued ends as one that was not: for every engine, and wherever it stopped. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileInstance, runCompiled } from "../compile/compiled.ts";
import { createPacked } from "../evaluate/packed.ts";
import { dmaCore, dmaCoreScope } from "../examples/dma-core.ts";
import { philosophers, philosophersScope } from "../examples/philosophers.ts";
import { breadthFirst, type Instance, instantiate } from "../index.ts";
import { searchInWasm } from "../parallel/search.ts";
import { createWasm } from "../parallel/create-wasm.ts";
import { GridEvaluator } from "../testing/grid-evaluator.ts";
import { MemoryCheckpoints } from "../testing/memory-checkpoints.ts";
import { MemorySpill } from "../testing/memory-spill.ts";
import { randomModel } from "../testing/random-model.ts";
import type { SavedSearch } from "./checkpoint.ts";
import { isLocatedModelError, type SearchOptions, type SearchResult } from "./result.ts";

// oxlint-disable-next-line no-explicit-any
type AnyInstance = Instance<any>;
type Search = (options?: Partial<SearchOptions>) => Promise<SearchResult>;

const space = 64 * 2 ** 20;

function essenceOf(result: SearchResult) {
  const { ending, states, transitions, depth, digest, taken, witnesses } = result;
  const violations = result.violations
    .map(({ kind, property, path }) => `${kind} ${property}: ${path.instances.length} steps`)
    .toSorted();
  return { ending, states, transitions, depth, digest, violations, witnesses, taken: [...taken] };
}

/** Every engine's search of an instance, each time from an evaluator of its own. */
function searchesOf(of: AnyInstance): Record<string, Search> {
  const compiled = compileInstance(of);
  const complete = (options: Partial<SearchOptions> = {}): SearchOptions => ({
    instances: of.instances.length,
    witnesses: of.witnesses.length,
    stopAtViolation: false,
    ...options,
  });
  const wasm =
    (workers: number): Search =>
    (options) =>
      searchInWasm(createWasm(of, { workers, space }, compiled), complete(options));
  return {
    packed: (options) => breadthFirst(createPacked(of), complete(options)),
    js: (options) => breadthFirst(runCompiled(of, compiled), complete(options)),
    "wasm, one thread": wasm(1),
    "wasm, two threads": wasm(2),
  };
}

/** Runs a search in pieces, each of which ends the n-th time that it is asked whether a checkpoint is due. */
async function inPieces(search: Search, stops: Iterator<number>, options: Partial<SearchOptions> = {}) {
  let from: SavedSearch | null = null;
  for (let pieces = 1; ; pieces++) {
    let left = stops.next().value as number;
    const checkpoints: MemoryCheckpoints = new MemoryCheckpoints(from, () => left % 3 === 0);
    const isInterrupted = (): boolean => left-- <= 0;
    // oxlint-disable-next-line no-await-in-loop
    const result: SearchResult = await search({ ...options, checkpoints, isInterrupted });
    if (result.ending !== "interrupted") return { result, pieces };
    if (checkpoints.written > 0) from = checkpoints.last;
  }
}

function* always(n: number): Generator<number, number> {
  for (;;) yield n;
}

describe("a search in pieces", () => {
  const of = instantiate(dmaCore(), dmaCoreScope("2x2x2")) as AnyInstance;
  const larger = instantiate(dmaCore(), dmaCoreScope("3x2x2")) as AnyInstance;
  const searches = Object.entries(searchesOf(of));
  const fast = searches.filter(([name]) => name !== "packed");

  test.each(searches)("finds the same: %s", async (_, search) => {
    const whole = essenceOf(await search());
    expect([whole.states, whole.transitions]).toEqual([50_924, 148_280]);
    const { result, pieces } = await inPieces(search, always(10));
    expect(essenceOf(result)).toEqual(whole);
    expect(pieces).toBeGreaterThan(4);
  });

  test.each(fast)("goes on where a limit was: %s", async (_, search) => {
    const whole = essenceOf(await search());
    const one = new MemoryCheckpoints();
    expect(await search({ maxStates: 10_000, checkpoints: one })).toMatchObject({
      ending: "max-states",
      states: 10_000,
    });
    const two = new MemoryCheckpoints(one.last);
    expect((await search({ maxDepth: 11, checkpoints: two })).ending).toBe("max-depth");
    const three = new MemoryCheckpoints(two.last);
    expect((await search({ maxDepth: 12, checkpoints: three })).depth).toBe(12);
    const saved = three.last;
    const last = await search({ checkpoints: new MemoryCheckpoints(saved) });
    expect(essenceOf(last)).toEqual(whole);
    expect(last.seconds).toBeGreaterThan((saved.facts as { seconds: number }).seconds);
  });

  test.each(Object.entries(searchesOf(larger)).slice(1))(
    "goes on with more memory: %s",
    async (_, search) => {
      const whole = essenceOf(await search());
      const one = new MemoryCheckpoints();
      const maxMemory = 1_500_000;
      const poor = await search({ maxMemory, checkpoints: one });
      expect(poor.ending).toBe("memory");
      expect(poor.states).toBeLessThan(whole.states);
      const again = new MemoryCheckpoints(one.last);
      expect((await search({ maxMemory, checkpoints: again })).ending).toBe("memory");
      expect(essenceOf(await search({ checkpoints: new MemoryCheckpoints(one.last) }))).toEqual(whole);
    },
  );

  test("with as many threads as there are then", async () => {
    const all = searchesOf(of);
    const whole = essenceOf(await all["wasm, one thread"]());
    const one = new MemoryCheckpoints();
    await all["wasm, two threads"]({ maxStates: 30_000, checkpoints: one });
    const two = await all["wasm, one thread"]({ checkpoints: new MemoryCheckpoints(one.last) });
    expect(essenceOf(two)).toEqual(whole);
  });

  test("in the engine that wrote the checkpoint, and with the same kind of states", async () => {
    const all = searchesOf(of);
    const one = new MemoryCheckpoints();
    await all.js({ maxStates: 1000, checkpoints: one });
    const further = { checkpoints: new MemoryCheckpoints(one.last) };
    await expect(all["wasm, one thread"](further)).rejects.toThrow(/search of another kind/);
    const prints = { checkpoints: new MemoryCheckpoints(one.last), fingerprints: true };
    await expect(all.js(prints)).rejects.toThrow(/exact states/);
  });
});

test("a frontier on the disk is kept, and comes back there", async () => {
  const evaluator = new GridEvaluator({ sides: Array.from({ length: 8 }, () => 40), words: 40 });
  const options = { stopAtViolation: true, ...evaluator.counts, maxDepth: 10 };
  const whole = await breadthFirst(evaluator, options);
  const spill = new MemorySpill();
  const one = new MemoryCheckpoints();
  const limited = { ...options, maxMemory: 11_200_000, spill };
  await breadthFirst(evaluator, { ...limited, maxStates: 40_000, checkpoints: one });
  expect(spill.most).toBeGreaterThan(2);
  spill.most = 0;
  const two = await breadthFirst(evaluator, { ...limited, checkpoints: new MemoryCheckpoints(one.last) });
  expect(essenceOf(two)).toEqual(essenceOf(whole));
  expect(spill.most).toBeGreaterThan(2);
  expect(spill.size).toBe(0);
});

test("violations found before and after are told, with their shortest lengths", async () => {
  const of = instantiate(philosophers(false), philosophersScope(4)) as AnyInstance;
  for (const search of Object.values(searchesOf(of))) {
    // oxlint-disable-next-line no-await-in-loop
    const whole = essenceOf(await search());
    expect(whole.violations).toEqual(["deadlock -1: 8 steps"]);
    // oxlint-disable-next-line no-await-in-loop
    expect(essenceOf((await inPieces(search, always(5))).result)).toEqual(whole);
  }
});

test("random models, right and wrong, in random pieces", async () => {
  const stops = fc.infiniteStream(fc.integer({ min: 1, max: 3 }));
  let several = 0;
  await fc.assert(
    fc.asyncProperty(randomModel(true), stops, fc.nat(3), async ({ model, scope }, stream, engine) => {
      const search = Object.values(searchesOf(instantiate(model, scope)))[engine];
      const expected = await search().then(essenceOf, lengthOfFailure);
      const found = await inPieces(search, stream).then(({ result, pieces }) => {
        if (pieces > 1) several++;
        return essenceOf(result);
      }, lengthOfFailure);
      expect(found).toEqual(expected);
    }),
    { numRuns: 40 },
  );
  expect(several).toBeGreaterThan(5);
});

function lengthOfFailure(error: unknown) {
  if (!isLocatedModelError(error)) throw error;
  return { code: error.code, length: error.path.instances.length };
}
