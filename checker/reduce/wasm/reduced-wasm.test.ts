/**
 * Reductions in WebAssembly are those in JavaScript: of random models, with locks, with symmetry and without, the same
 * states are kept, and the same is found. `REDUCTION_MODELS` says how many are tried.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createCompiled } from "../../compile/compiled.ts";
import { NotInWasm } from "../../compile/print-wasm.ts";
import { ModelError } from "../../errors.ts";
import { dmaCore, dmaCoreScope } from "../../examples/dma-core.ts";
import { exampleDesigns } from "../../examples/index.ts";
import {
  array,
  bool,
  defineModel,
  environmentRule,
  type Instance,
  instantiate,
  option,
  record,
  sort,
  type StateOf,
} from "../../index.ts";
import { searchInWasm } from "../../parallel/search.ts";
import { isLocatedModelError, type SearchResult } from "../../search/result.ts";
import { randomLockedModel, randomModelOfAlike } from "../../testing/random-locked-model.ts";
import { buildSymmetric, symmetricModel } from "../../testing/symmetric-model.ts";
import { violatedLengths } from "../../testing/violated-lengths.ts";
import { replayPath } from "../../trace/replay.ts";
import { applyReductions, searchReduced } from "../index.ts";
import { MergedEvaluator } from "../merge/merged.ts";
import { type Reduced, ReductionFailure, type ReductionName, reductionNames } from "../reduction.ts";
import { SymmetryEvaluator } from "../symmetry/quotient.ts";
import { searchAll, searchAllInWasm, unconfirmed, violatedUpTo } from "../verdicts.ts";
import { createReducedWasm } from "./reduced-wasm.ts";

// oxlint-disable-next-line no-explicit-any
type AnyInstance = Instance<any>;

const models = Number(process.env.REDUCTION_MODELS ?? 12);
const seed = Number(process.env.REDUCTION_SEED ?? 1);
const mostStates = 20_000;
const space = 64 * 2 ** 20;
const options = { audit: false, seed: 1, failures: [] };

const combinations: readonly (readonly ReductionName[])[] = [
  ["locks"],
  ["symmetry"],
  ["order"],
  ["locks", "order"],
  reductionNames,
];

/**
 * What does not depend on who searches; of an error, its code, and that its path is one. Of blocks, lengths may differ,
 * and of instances that differ in interchangeable elements only, which one is told.
 */
async function essenceOf(of: AnyInstance, applied: readonly Reduced[], search: Promise<SearchResult>) {
  try {
    const result = await search;
    const { depth, digest, ending, states, witnesses } = result;
    expect(unconfirmed(of, result)).toEqual([]);
    const areKept = applied.every(({ keepsLengths }) => keepsLengths);
    const symmetric = applied.find((each) => each instanceof SymmetryEvaluator);
    const violated = violatedUpTo(of, result, symmetric?.sorts ?? new Set());
    const lengths = [...violatedLengths(of, areKept ? result : { ...result, violations: [] })];
    lengths.sort(([a], [b]) => (a < b ? -1 : 1));
    return { depth, digest, ending, lengths, states, violated, witnesses };
  } catch (error) {
    if (error instanceof ReductionFailure) return `failed: ${error.reduction}`;
    if (!(error instanceof ModelError)) throw error;
    if (isLocatedModelError(error)) replayPath(of, error.path);
    return error.code;
  }
}

/** Searches by both, on one thread and two. */
async function compareEngines(of: AnyInstance, asked: readonly ReductionName[], most = mostStates) {
  const compiled = createCompiled(of);
  const apply = () => applyReductions(of, compiled, asked, options);
  let made: ReturnType<typeof apply>;
  try {
    made = apply();
  } catch (error) {
    if (error instanceof ReductionFailure) return null;
    throw error;
  }
  const { applied, evaluator } = made;
  if (applied.length === 0) return null;
  const expected = await essenceOf(of, applied, searchAll(of, evaluator, most));
  if (typeof expected !== "string" && expected.ending !== "exhausted") return null;
  for (const workers of [1, 2]) {
    const again = apply();
    // oxlint-disable-next-line no-await-in-loop
    const found = await essenceOf(
      of,
      again.applied,
      searchAllInWasm(of, again.evaluator, { workers, space, maxStates: most }),
    );
    // Not every state in which something may be found not to apply is looked at by both.
    if (typeof expected === "string" && expected.startsWith("failed")) continue;
    if (typeof found === "string" && found.startsWith("failed")) continue;
    expect(found).toEqual(expected);
    if (typeof found === "string") continue;
    const mine = again.applied.find(({ reduction }) => reduction === "symmetry");
    const theirs = applied.find(({ reduction }) => reduction === "symmetry");
    expect(mine?.describe({} as SearchResult).factor).toEqual(theirs?.describe({} as SearchResult).factor);
  }
  return expected;
}

describe("agrees with JavaScript", () => {
  test.each(["2x2x2", "3x2x2", "4x3x2"] as const)("on dma-core %s", async (size) => {
    const of = instantiate(dmaCore(), dmaCoreScope(size));
    for (const asked of combinations) {
      if (size !== "2x2x2" && asked.length < 3) continue;
      // oxlint-disable-next-line no-await-in-loop
      expect(await compareEngines(of, asked, 200_000)).not.toBeNull();
    }
  });

  const examples = exampleDesigns.flatMap((design) =>
    design.scenarios
      // The largest have many transitions, and show no more.
      .filter(({ name, sizes }) => sizes.tiny !== undefined && !["3x3x5", "4x3x7"].includes(name))
      .map((scenario): [string, AnyInstance] => [
        `${design.name}, ${scenario.name}`,
        instantiate(design.build(), scenario.sizes.tiny as never),
      ]),
  );
  test.each(examples)("on %s", async (_, of) => {
    await compareEngines(of, reductionNames);
  });

  test("on random models", { timeout: 3_600_000 }, async () => {
    const seen = { compared: 0, violated: 0, errors: 0, steps: 0 };
    const compare = async (of: AnyInstance): Promise<void> => {
      for (const asked of combinations) {
        // oxlint-disable-next-line no-await-in-loop
        const found = await compareEngines(of, asked);
        if (found === null) continue;
        seen.compared++;
        if (typeof found === "string") seen.errors++;
        else if (found.violated.length > 0) seen.violated++;
      }
    };
    for (const from of [randomLockedModel, randomModelOfAlike]) {
      const property = fc.asyncProperty(from(), async ({ model, scope }) => {
        let of: AnyInstance;
        try {
          of = instantiate(model, scope);
        } catch (error) {
          if (error instanceof ModelError) return;
          throw error;
        }
        await compare(of);
      });
      // oxlint-disable-next-line no-await-in-loop
      await fc.assert(property, { numRuns: models, seed });
    }
    await fc.assert(
      fc.asyncProperty(symmetricModel(), (model) => compare(buildSymmetric(model))),
      { numRuns: models, seed },
    );
    if (models > 100) console.log(seen);
    expect(seen.compared).toBeGreaterThan(models);
    expect(seen.violated).toBeGreaterThan(models / 5);
    if (models > 100) expect(seen.errors).toBeGreaterThan(0);
  });
});

test("random models with symmetry, planted and broken, have the verdicts of the whole search", {
  timeout: 3_600_000,
}, async () => {
  const seen = { compared: 0, violated: 0, breached: 0, reduced: 0 };
  const property = fc.asyncProperty(symmetricModel(), fc.integer({ min: 1 }), async (model, chosen) => {
    const of = buildSymmetric(model) as AnyInstance;
    const evaluator = createCompiled(of);
    const full = await searchAll(of, evaluator, mostStates / 4);
    if (full.ending !== "exhausted") return;
    const asked = { audit: false, seed: chosen };
    let result: SearchResult;
    try {
      ({ result } = await searchReduced(of, evaluator, ["symmetry"], asked, (each, maxDepth) =>
        searchAllInWasm(of, each, { space, ...(maxDepth === undefined ? {} : { maxDepth }) }),
      ));
    } catch (error) {
      if (error instanceof NotInWasm) return;
      throw error;
    }
    expect(violatedLengths(of, result)).toEqual(violatedLengths(of, full));
    const names = (found: SearchResult) =>
      new Set(
        of.witnesses.flatMap(({ id, property: { name } }) => (found.witnesses[id] === null ? [] : [name])),
      );
    expect(names(result)).toEqual(names(full));
    seen.compared++;
    if (full.violations.length > 0) seen.violated++;
    if (model.breach !== null) seen.breached++;
    if (result.states < full.states) seen.reduced++;
  });
  await fc.assert(property, { numRuns: 2 * models, seed });
  if (models > 100) console.log(seen);
  expect(seen.compared).toBeGreaterThan(models / 2);
  expect(seen.violated).toBeGreaterThan(models / 10);
  expect(seen.reduced).toBeGreaterThan(models / 5);
});

test("states are looked at in JavaScript: blocks that end elsewhere there are noticed", async () => {
  const of = instantiate(dmaCore(), dmaCoreScope("3x2x2"));
  const { evaluator } = applyReductions(of, createCompiled(of), ["locks"], options);
  if (!(evaluator instanceof MergedEvaluator)) throw new Error("no blocks");
  const wasm = createReducedWasm(of, evaluator, { space });
  // What compiled code was made of is as it was.
  for (const goesOn of evaluator.analysis.plan.goesOnAfter) goesOn.fill(0);
  const search = { instances: of.instances.length, witnesses: 0, stopAtViolation: false };
  await expect(searchInWasm(wasm, search)).rejects.toThrow("find other successors than in JavaScript");
});

test("states are expanded with two elements exchanged: compiled code that tells CPUs apart is noticed", async () => {
  const of = instantiate(dmaCore(), dmaCoreScope("2x2x2"));
  const compiled = createCompiled(of);
  const { evaluator } = applyReductions(of, compiled, ["symmetry"], options);
  // CPU 1 does nothing at a label at which CPU 0 does something.
  const [first, second] = compiled.module.dispatches;
  const busy = second.labels.findIndex(({ body, isBlocking }) => isBlocking && body.length > 0);
  const labels = second.labels.map((label, code) => (code === busy ? { ...label, body: [] } : label));
  Object.assign(compiled, { module: { ...compiled.module, dispatches: [first, { ...second, labels }] } });
  const wasm = createReducedWasm(of, evaluator, { space });
  // Almost no state is compared with what JavaScript finds.
  wasm.endLayer?.(Infinity);
  Object.assign(wasm, { endLayer: () => {} });
  const search = { instances: of.instances.length, witnesses: 0, stopAtViolation: false };
  await expect(searchInWasm(wasm, search)).rejects.toThrow("has other successors in WebAssembly only");
});

test("where a state has many ways to be renamed to itself, JavaScript finds its canonical form", async () => {
  const left = sort("left", "", { interchangeable: true });
  const right = sort("right", "", { interchangeable: true });
  const state = record({ links: array(left, option(right)), used: array(right, bool()) });
  type State = StateOf<typeof state>;
  const link = environmentRule<State, { x: typeof left; y: typeof right }>(
    "link",
    { x: left, y: right },
    {
      when: (s, { x, y }) => s.links[x] === null && !s.used[y],
      then: (s, { x, y }) => {
        s.links[x] = y;
        s.used[y] = true;
      },
    },
  );
  const model = defineModel<State>({ name: "pairs", state, rules: [link], invariants: [] });
  // Seven pairs can be exchanged in 5,040 ways.
  const of = instantiate(model, { bounds: { left: 7, right: 7 } }) as AnyInstance;
  expect(await compareEngines(of, ["symmetry"])).toMatchObject({ states: 8, ending: "exhausted" });
});
