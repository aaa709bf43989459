/**
 * What the search finds in every design on every scenario at `tiny`: counts, digest, verdicts. A change of any
 * of them is a change of the model or of the engine, and is to be meant; `npx vitest run properties/manifest
 * --update` writes the new figures. What is too large to exhaust is pinned to a depth.
 */
import { expect, test } from "vitest";
import { createCompiled } from "../checker/compile/compiled.ts";
import { breadthFirst, explore, instantiate, type SearchResult, type Instance } from "../checker/index.ts";
import { violatedLengths } from "../checker/testing/violated-lengths.ts";
import { designs } from "./index.ts";

/** Beyond this many states a scenario is searched to a depth only. */
const affordable = 2_000_000;
/** Steps that a search is cut to where it is not exhausted. */
const cutDepth = 30;

const figuresOf = (of: Instance<unknown>, result: SearchResult) => {
  const { ending, states, transitions, depth, digest } = result;
  const violated = [...violatedLengths(of, result)].sort(([a], [b]) => a.localeCompare(b));
  return { ending, states, transitions, depth, digest, violated: Object.fromEntries(violated) };
};

/** All states, or as many as can be afforded. What compiling takes is less than what it saves. */
const searchWhole = (of: Instance<unknown>): Promise<SearchResult> =>
  breadthFirst(createCompiled(of), {
    instances: of.instances.length,
    witnesses: of.witnesses.length,
    stopAtViolation: false,
    maxStates: affordable,
  });

test("the manifest", { timeout: 1_800_000 }, async () => {
  const manifest: Record<string, unknown> = {};
  for (const design of designs) {
    for (const scenario of design.scenarios) {
      const of = instantiate(design.build(), scenario.sizes.tiny);
      // A design that does not claim to hold may have leaks without end: it is cut at once.
      const whole = design.claimsToHold ? await searchWhole(of) : null;
      const result = whole?.ending === "exhausted" ? whole : await explore(of, { maxDepth: cutDepth });
      manifest[`${design.name} ${scenario.name} tiny`] = figuresOf(of, result);
    }
  }
  await expect(`${JSON.stringify(manifest, null, 2)}\n`).toMatchFileSnapshot("manifest.json");
});
