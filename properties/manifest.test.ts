/**
 * What the search finds in every design on every scenario at `tiny`: counts, digest, verdicts. A change of any
 * of them is a change of the model or of the engine, and is to be meant; `npx vitest run properties/manifest
 * --update` writes the new figures. What is too large to exhaust is pinned to a depth.
 */
import { expect, test } from "vitest";
import { explore, instantiate, type SearchResult, type Instance } from "../checker/index.ts";
import { designs } from "./index.ts";

/** Beyond this many states a scenario is searched to a depth only. */
const affordable = 2_000_000;
/** Steps that a search is cut to where it is not exhausted. */
const cutDepth = 30;

const figuresOf = (
  of: Instance<unknown>,
  { ending, states, transitions, depth, digest, ...found }: SearchResult,
) => ({
  ending,
  states,
  transitions,
  depth,
  digest,
  violated: Object.fromEntries(
    found.violations
      .map(({ kind, property, path }) => {
        const families = kind === "step" ? of.stepProperties : of.invariants;
        const name = kind === "deadlock" ? "no-deadlock" : families[property].property.name;
        return [name, path.instances.length] as const;
      })
      .sort(([a, m], [b, n]) => a.localeCompare(b) || n - m),
  ),
});

test("the manifest", { timeout: 600_000 }, async () => {
  const manifest: Record<string, unknown> = {};
  for (const design of designs) {
    for (const scenario of design.scenarios) {
      const of = instantiate(design.build(), scenario.sizes.tiny);
      // A design that does not claim to hold may have leaks without end: it is cut at once.
      const whole = design.claimsToHold ? await explore(of, { maxStates: affordable }) : null;
      const result = whole?.ending === "exhausted" ? whole : await explore(of, { maxDepth: cutDepth });
      manifest[`${design.name} ${scenario.name} tiny`] = figuresOf(of, result);
    }
  }
  await expect(`${JSON.stringify(manifest, null, 2)}\n`).toMatchFileSnapshot("manifest.json");
});
