/**
 * Random models with locks, searched with persistent sets, alone and around blocks and symmetry: the same property
 * instances are violated and the same witnesses reached as in the whole search, and every violation's schedule is
 * one of the model's own. `REDUCTION_MODELS` says how many are tried.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { createCompiled } from "../../compile/compiled.ts";
import { ModelError } from "../../errors.ts";
import type { Evaluator } from "../../evaluate/evaluator.ts";
import { type Instance, instantiate } from "../../index.ts";
import type { SearchResult } from "../../search/result.ts";
import {
  type LockedModel,
  randomLockedModel,
  randomModelOfAlike,
} from "../../testing/random-locked-model.ts";
import { violatedLengths } from "../../testing/violated-lengths.ts";
import { applyReductions, searchReduced } from "../index.ts";
import { ReductionFailure, type ReductionName } from "../reduction.ts";
import { searchAll, unconfirmed, verdictByFamilies, verdictOf } from "../verdicts.ts";
import { withReached } from "../witnessed.ts";
import { orderSteps } from "./order.ts";
import type { Conditions } from "./persistent.ts";

const models = Number(process.env.REDUCTION_MODELS ?? 16);
const mostStates = 20_000;
const options = { audit: false, seed: 1, failures: [] };

/** A model that cannot be put into bounds (a label that nothing leads to) is none. */
function instanceOf({ model, scope }: LockedModel): Instance<never> | null {
  try {
    return instantiate(model, scope) as unknown as Instance<never>;
  } catch (error) {
    if (error instanceof ModelError) return null;
    throw error;
  }
}

/** The result, or the code of the model's error; null where it is too large. */
async function outcomeOf(of: Instance<never>, evaluator: Evaluator): Promise<SearchResult | string | null> {
  try {
    const result = await searchAll(of, evaluator, mostStates);
    return result.ending === "exhausted" ? result : null;
  } catch (error) {
    if (error instanceof ModelError) return error.code;
    throw error;
  }
}

/** A random model with what the whole search says of it. */
async function forEachModel(
  numRuns: number,
  seed: number,
  run: (of: Instance<never>, evaluator: Evaluator, full: SearchResult | string) => Promise<void>,
  from = randomLockedModel,
): Promise<void> {
  const property = fc.asyncProperty(from(), async (random) => {
    const of = instanceOf(random);
    if (of === null) return;
    const evaluator = createCompiled(of);
    const full = await outcomeOf(of, evaluator);
    if (full !== null) await run(of, evaluator, full);
  });
  await fc.assert(property, { numRuns, seed });
}

/** Every witness is to be seen, whatever walks reach. */
const seeingAll = { ...options, reached: [] };

const combinations: readonly (readonly ReductionName[])[] = [
  ["order"],
  ["locks", "order"],
  ["locks", "symmetry", "order"],
];

test("random models have the same verdicts", { timeout: 3_600_000 }, async () => {
  const seen = combinations.map(() => ({ states: 0, reduced: 0, ordered: 0, knowing: 0 }));
  const found = { violated: 0, deadlocks: 0, errors: 0 };
  await forEachModel(models, Number(process.env.REDUCTION_SEED ?? 1), async (of, evaluator, full) => {
    for (const [i, asked] of combinations.entries()) {
      const { evaluator: outermost, applied } = applyReductions(of, evaluator, asked, seeingAll);
      const outer = applied.at(-1);
      if (outer?.reduction !== "order") continue;
      // oxlint-disable-next-line no-await-in-loop
      const reduced = await outcomeOf(of, outermost);
      if (typeof full === "string" || typeof reduced === "string" || reduced === null) {
        found.errors++;
        expect(reduced).toEqual(full);
        continue;
      }
      expect(verdictOf(of, reduced)).toEqual(verdictOf(of, full));
      expect(unconfirmed(of, reduced)).toEqual([]);
      const known = applyReductions(of, evaluator, asked, options);
      // oxlint-disable-next-line no-await-in-loop
      const knowing = await outcomeOf(of, known.evaluator);
      if (typeof knowing === "string" || knowing === null) throw new Error("it did not end");
      expect(verdictByFamilies(of, withReached(knowing, known.reached))).toEqual(verdictByFamilies(of, full));
      seen[i].knowing += knowing.states;
      seen[i].states += full.states;
      seen[i].reduced += reduced.states;
      if (outer.describe(reduced).factor === null) seen[i].ordered++;
    }
    if (typeof full === "string") return;
    if (full.violations.length > 0) found.violated++;
    if (full.violations.some(({ kind }) => kind === "deadlock")) found.deadlocks++;
  });
  if (models > 1000) console.log(found, seen);
  // Models in which nothing can go wrong, or nothing is put off, would show nothing.
  expect(found.violated).toBeGreaterThan(models / 6);
  expect(found.deadlocks).toBeGreaterThan(models / 30);
  for (const { states, reduced, ordered, knowing } of seen) {
    expect(knowing).toBeLessThan(reduced);
    expect(ordered).toBeGreaterThan(models / 15);
    expect(reduced).toBeLessThan(states);
  }
});

/** What a search says, whichever of several that are alike it says it of. */
function namesIn({ violated, reached }: ReturnType<typeof verdictOf>): string[] {
  return [...violated, ...reached.filter((each) => each.startsWith("left"))]
    .map((each) => (each.includes('"cpu"') ? each.replace(/ \{.*/, "") : each))
    .filter((each, i, all) => all.indexOf(each) === i)
    .toSorted();
}

test("models of CPUs that are alike have the same verdicts", { timeout: 3_600_000 }, async () => {
  const all: readonly (readonly ReductionName[])[] = [["symmetry"], ["locks", "symmetry"], ...combinations];
  const seen = { violated: 0, states: 0, reduced: 0 };
  const seed = Number(process.env.REDUCTION_SEED ?? 1);
  const count = Math.ceil(models / 2);
  await forEachModel(
    count,
    seed,
    async (of, evaluator, full) => {
      for (const asked of all) {
        const outer = applyReductions(of, evaluator, asked, seeingAll).evaluator;
        // oxlint-disable-next-line no-await-in-loop
        const reduced = await outcomeOf(of, outer);
        if (typeof full === "string" || typeof reduced === "string" || reduced === null) {
          expect(reduced).toEqual(full);
          continue;
        }
        expect(namesIn(verdictOf(of, reduced))).toEqual(namesIn(verdictOf(of, full)));
        expect(unconfirmed(of, reduced)).toEqual([]);
        if (asked.length > 1) continue;
        seen.states += full.states;
        seen.reduced += reduced.states;
      }
      if (typeof full !== "string" && full.violations.length > 0) seen.violated++;
    },
    randomModelOfAlike,
  );
  if (models > 1000) console.log(seen);
  expect(seen.violated).toBeGreaterThan(count / 6);
  // Two or three CPUs that are alike: nearly half of the states.
  expect(seen.reduced).toBeLessThan(0.7 * seen.states);
});

test("lengths of counterexamples are the shortest, after a search to that depth", async () => {
  await forEachModel(12, 3, async (of, evaluator, full) => {
    if (typeof full === "string" || full.violations.length === 0) return;
    const { result, keepsLengths } = await searchReduced(
      of,
      evaluator,
      ["locks", "order"],
      options,
      (each, maxDepth) => searchAll(of, each, mostStates, maxDepth),
    );
    expect(keepsLengths).toBe(true);
    expect(violatedLengths(of, result)).toEqual(violatedLengths(of, full));
  });
});

test("sets that do not take in whom they meet make a difference, and the diamonds notice them", async () => {
  const careless = (sound: Conditions): Conditions => ({ ...sound, meets: () => false });
  const seen = { different: 0, noticed: 0 };
  await forEachModel(25, 1, async (of, evaluator, full) => {
    const search = (checkEvery: number) => {
      const spoilt = orderSteps(of, evaluator, { checkEvery, seed: 1 }, {}, careless);
      return "refused" in spoilt ? null : outcomeOf(of, spoilt);
    };
    const reduced = await search(0);
    if (reduced === null || typeof reduced === "string" || typeof full === "string") return;
    if (JSON.stringify(verdictOf(of, reduced)) !== JSON.stringify(verdictOf(of, full))) seen.different++;
    await search(1)?.catch((error: unknown) => {
      if (!(error instanceof ReductionFailure)) throw error;
      seen.noticed++;
    });
  });
  expect(seen.different).toBeGreaterThan(1);
  expect(seen.noticed).toBeGreaterThan(10);
});
