/**
 * Every design on every scenario at `tiny`, by the naive explorer and by the search: the same states, the same
 * transitions, the same violations at the same lengths. Whole spaces take the naive explorer many minutes;
 * here it goes so many steps deep (`npm run oracle` sets no limit); walks, in manifest.test.ts, go deeper. A literal
 * design shares most of its text with pv: it is tried less deep, and never to the end, which with a leak there is not.
 */
import { expect, test } from "vitest";
import { explore, instantiate } from "../checker/index.ts";
import { exploreNaively } from "../checker/search/naive.ts";
import { violatedLengths } from "../checker/testing/violated-lengths.ts";
import { designs } from "./index.ts";

const isWhole = process.env.ORACLE_DEPTH !== undefined;

/** How deep the naive explorer goes. */
const depthOf = (claimsToHold: boolean): number =>
  claimsToHold ? Number(process.env.ORACLE_DEPTH ?? 9) : isWhole ? 20 : 6;

const targets = designs.flatMap((design) =>
  design.scenarios.map((scenario) => {
    const maxDepth = depthOf(design.claimsToHold);
    return {
      name: `${design.name} on ${scenario.name}`,
      of: () => instantiate(design.build(), scenario.sizes.tiny),
      maxDepth,
      reach: maxDepth === Infinity ? "in every state" : `within ${maxDepth} steps`,
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
