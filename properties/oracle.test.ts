/**
 * Every design on every scenario at `tiny`, by the naive explorer and by the search: the same states, the same
 * transitions, the same violations at the same lengths. Whole spaces take the naive explorer many minutes;
 * here it goes so many steps deep (`npm run oracle` sets no limit), and walks go deeper. A literal design shares
 * most of its text with pv: it is tried less deep, and never to the end, which with a leak there is not.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { createCompiled } from "../checker/compile/compiled.ts";
import { createPacked, explore, instantiate } from "../checker/index.ts";
import { exploreNaively } from "../checker/search/naive.ts";
import { violatedLengths } from "../checker/testing/violated-lengths.ts";
import { walkTogether } from "../checker/testing/walk-together.ts";
import { designs } from "./index.ts";

const isWhole = process.env.ORACLE_DEPTH !== undefined;

/** How deep the naive explorer goes, how many walks are taken, and how long each is. */
const effortOf = (claimsToHold: boolean) => ({
  maxDepth: claimsToHold ? Number(process.env.ORACLE_DEPTH ?? 10) : isWhole ? 20 : 7,
  numRuns: (isWhole ? 2 : 1) * (claimsToHold ? 2 : 1),
  steps: isWhole ? 120 : 60,
});

const targets = designs.flatMap((design) =>
  design.scenarios.map((scenario) => {
    const effort = effortOf(design.claimsToHold);
    return {
      name: `${design.name} on ${scenario.name}`,
      of: () => instantiate(design.build(), scenario.sizes.tiny),
      ...effort,
      reach: effort.maxDepth === Infinity ? "in every state" : `within ${effort.maxDepth} steps`,
    };
  }),
);

test.for(targets)(
  "$name: the search and the naive explorer agree $reach",
  { timeout: 3_600_000 },
  async ({ of: build, maxDepth }) => {
    const of = build();
    const expected = exploreNaively(of, maxDepth);
    const found = await explore(of, { maxDepth });
    expect(found).toMatchObject({ states: expected.states, transitions: expected.transitions });
    expect(violatedLengths(of, found)).toEqual(expected.violated);
  },
);

test.for(targets)("$name: the evaluators agree along walks", ({ of: build, numRuns, steps }) => {
  const of = build();
  // Compiling takes longer than the walks.
  const evaluators = [createPacked(of), createCompiled(of)];
  fc.assert(
    fc.property(fc.infiniteStream(fc.nat()), (picks) => {
      walkTogether(of, steps, (count) => picks.next().value % count, evaluators);
    }),
    { numRuns },
  );
});
