/**
 * Reductions on random models, with symmetry planted and broken and with violations: verdicts, the sets of violated
 * properties and witnesses, and shortest lengths must be those of the whole search.
 *
 * `npm run reductions` does the same on thousands of models (minutes).
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { createPacked, type Instance } from "../index.ts";
import { breadthFirst } from "../search/breadth-first.ts";
import type { SearchResult } from "../search/result.ts";
import { buildSymmetric, type SymmetricModel, symmetricModel } from "../testing/symmetric-model.ts";
import { violatedLengths } from "../testing/violated-lengths.ts";
import { replayPath } from "../trace/replay.ts";
import { searchReduced } from "./index.ts";

const models = Number(process.env.REDUCTION_MODELS ?? 100);
/** Models with larger spaces are passed over. */
const mostStates = 1500;

function optionsFor<S>(of: Instance<S>) {
  const counts = { instances: of.instances.length, witnesses: of.witnesses.length };
  return { ...counts, stopAtViolation: false, maxStates: mostStates };
}

function witnessed<S>(of: Instance<S>, { witnesses }: SearchResult): Set<string> {
  return new Set(
    of.witnesses.filter(({ id }) => witnesses[id] !== null).map(({ property }) => property.name),
  );
}

/** Models that were told wrong once. */
const known: [SymmetricModel, number][] = [
  [
    // The rule asks for a thing that is not the first, and says nothing of it: no transition leads elsewhere for another.
    {
      rules: [{ tests: [], effects: [{ do: "set", at: ["mode"], value: "q" }] }],
      steps: [],
      isLocked: false,
      forbidden: [{ is: "value", at: ["mode"], value: "q" }],
      wanted: [{ is: "value", at: ["mode"], value: "q" }],
      fades: { is: "value", at: ["mode"], value: "p" },
      breach: "compares things",
    },
    1,
  ],
];

test("random models: the same violations, as short, and the same witnesses", {
  timeout: 3_600_000,
}, async () => {
  const seen = { compared: 0, violated: 0, breached: 0, told: 0, reduced: 0 };
  await fc.assert(
    fc.asyncProperty(symmetricModel(), fc.integer({ min: 1 }), async (model, seed) => {
      const { breach } = model;
      const of = buildSymmetric(model);
      const full = await breadthFirst(createPacked(of), optionsFor(of));
      if (full.ending !== "exhausted") return;
      const asked = { audit: false, seed };
      const { result, used, refused } = await searchReduced(
        of,
        createPacked(of),
        ["symmetry"],
        asked,
        (evaluator) => breadthFirst(evaluator, optionsFor(of)),
      );
      expect(result.ending).toBe("exhausted");
      expect(violatedLengths(of, result)).toEqual(violatedLengths(of, full));
      expect(witnessed(of, result)).toEqual(witnessed(of, full));
      for (const { path } of result.violations) replayPath(of, path);
      expect(result.states).toBeLessThanOrEqual(full.states);
      seen.compared++;
      if (full.violations.length > 0) seen.violated++;
      if (result.states < full.states) seen.reduced++;
      const { steps } = model;
      if (breach === null && steps.length === 0) {
        expect(refused).toEqual([]);
        expect(used[0].notes.join()).not.toContain("not interchangeable");
        // Each state of the whole search is in one orbit.
        expect(Math.round((used[0].factor ?? 0) * result.states)).toBe(full.states);
      }
      if (breach !== null) {
        seen.breached++;
        if (JSON.stringify([used, refused]).includes("not interchangeable")) seen.told++;
      }
    }),
    { numRuns: models, examples: known },
  );
  // What was tried is worth something.
  expect(seen.compared).toBeGreaterThan(models / 3);
  expect(seen.violated).toBeGreaterThan(models / 20);
  expect(seen.reduced).toBeGreaterThan(models / 5);
  expect(seen.told).toBeGreaterThan(0);
  if (models > 1000) console.log(seen);
});
