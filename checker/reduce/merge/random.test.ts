/**
 * Random models with locks: the same property instances are violated, and the same witnesses reached, with merging
 * and without; every violation's schedule is one of the model's own. `REDUCTION_MODELS` says how many are tried.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { createCompiled } from "../../compile/compiled.ts";
import { ModelError } from "../../errors.ts";
import type { Evaluator } from "../../evaluate/evaluator.ts";
import { type Instance, instantiate } from "../../index.ts";
import { isLocatedModelError, type SearchResult } from "../../search/result.ts";
import { replayPath } from "../../trace/replay.ts";
import { searchAll, unconfirmed, verdictOf } from "../verdicts.ts";
import { type LockedModel, randomLockedModel } from "../../testing/random-locked-model.ts";
import { violatedLengths } from "../../testing/violated-lengths.ts";
import { searchReduced } from "../index.ts";
import { ReductionFailure } from "../reduction.ts";
import { analyse } from "./analysis.ts";
import { LeafSet } from "./leaf-set.ts";
import { mergeBlocks } from "./merge.ts";
import { MergedEvaluator } from "./merged.ts";

const models = Number(process.env.REDUCTION_MODELS ?? 80);
const mostStates = 50_000;

const options = { audit: false, seed: 1 };

/** A model that cannot be put into bounds (a label that nothing leads to) is none. */
function instanceOf({ model, scope }: LockedModel): Instance<never> | null {
  try {
    return instantiate(model, scope) as unknown as Instance<never>;
  } catch (error) {
    if (error instanceof ModelError) return null;
    throw error;
  }
}

/** The result, or the code of the model's error, to which a path of the model's own leads. */
async function outcomeOf(of: Instance<never>, evaluator: Evaluator): Promise<SearchResult | string> {
  try {
    return await searchAll(of, evaluator, mostStates);
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    if (isLocatedModelError(error)) replayPath(of, error.path);
    return error.code;
  }
}

test("random models have the same verdicts", { timeout: 3_600_000 }, async () => {
  const seen = { states: 0, merged: 0, violated: 0, deadlocks: 0, errors: 0 };
  const property = fc.asyncProperty(randomLockedModel(), async (random) => {
    const of = instanceOf(random);
    if (of === null) return;
    const evaluator = createCompiled(of);
    const merged = mergeBlocks(of, evaluator, { checkEvery: 8, seed: 1 });
    if ("refused" in merged) return;
    const full = await outcomeOf(of, evaluator);
    if (typeof full !== "string" && full.ending !== "exhausted") return;
    const reduced = await outcomeOf(of, merged);
    if (typeof full === "string" || typeof reduced === "string") {
      seen.errors++;
      expect(reduced).toEqual(full);
      return;
    }
    expect(verdictOf(of, reduced)).toEqual(verdictOf(of, full));
    expect(unconfirmed(of, reduced)).toEqual([]);
    expect(reduced.states).toBeLessThanOrEqual(full.states);
    seen.states += full.states;
    seen.merged += reduced.states;
    if (full.violations.length > 0) seen.violated++;
    if (full.violations.some(({ kind }) => kind === "deadlock")) seen.deadlocks++;
  });
  await fc.assert(property, { numRuns: models, seed: Number(process.env.REDUCTION_SEED ?? 1) });
  // Models in which nothing can go wrong, or nothing is merged, would show nothing.
  expect(seen.violated).toBeGreaterThan(models / 5);
  expect(seen.deadlocks).toBeGreaterThan(models / 20);
  expect(seen.errors).toBeGreaterThan(models / 80);
  expect(seen.merged).toBeLessThan(seen.states / 2);
});

test("lengths of counterexamples are the shortest, after a search to that depth", async () => {
  let shortened = 0;
  const property = fc.asyncProperty(randomLockedModel(), async (random) => {
    const of = instanceOf(random);
    if (of === null) return;
    const evaluator = createCompiled(of);
    const full = await outcomeOf(of, evaluator);
    if (typeof full === "string" || full.ending !== "exhausted" || full.violations.length === 0) return;
    const merged: SearchResult[] = [];
    const { result, used } = await searchReduced(
      of,
      evaluator,
      ["locks"],
      options,
      async (each, maxDepth) => {
        const found = await searchAll(of, each, mostStates, maxDepth);
        merged.push(found);
        return found;
      },
    );
    const lengths = violatedLengths(of, full);
    expect(violatedLengths(of, result)).toEqual(lengths);
    expect(used[0].notes.at(-1)).toContain("the lengths of counterexamples are the shortest");
    if (JSON.stringify([...violatedLengths(of, merged[0])]) !== JSON.stringify([...lengths])) shortened++;
  });
  await fc.assert(property, { numRuns: 25, seed: 3 });
  expect(shortened).toBeGreaterThan(0);
});

test("an analysis that misses what others do is noticed", { timeout: 600_000 }, async () => {
  let noticed = 0;
  const property = fc.asyncProperty(randomLockedModel(), async (random) => {
    const of = instanceOf(random);
    if (of === null) return;
    const evaluator = createCompiled(of);
    const none = new LeafSet(of.layout.leaves.length);
    const careless = analyse(of, evaluator, {}, (hazards) =>
      hazards.map((at) => at && { reads: none, writes: none }),
    );
    const full = await outcomeOf(of, evaluator);
    const reduced = await outcomeOf(
      of,
      new MergedEvaluator(of, evaluator, careless, { checkEvery: 0, seed: 1 }),
    );
    if (typeof full === "string" || typeof reduced === "string") return;
    if (JSON.stringify(verdictOf(of, full)) !== JSON.stringify(verdictOf(of, reduced))) noticed++;
  });
  await fc.assert(property, { numRuns: 50, seed: 1 });
  expect(noticed).toBeGreaterThan(1);
});

test("the check of diamonds notices it too", { timeout: 600_000 }, async () => {
  let noticed = 0;
  const property = fc.asyncProperty(randomLockedModel(), async (random) => {
    const of = instanceOf(random);
    if (of === null) return;
    const evaluator = createCompiled(of);
    const none = new LeafSet(of.layout.leaves.length);
    const careless = analyse(of, evaluator, {}, (hazards) =>
      hazards.map((at) => at && { reads: none, writes: none }),
    );
    try {
      await outcomeOf(of, new MergedEvaluator(of, evaluator, careless, { checkEvery: 1, seed: 1 }));
    } catch (error) {
      if (!(error instanceof ReductionFailure)) throw error;
      noticed++;
    }
  });
  await fc.assert(property, { numRuns: 30, seed: 1 });
  expect(noticed).toBeGreaterThan(5);
});
