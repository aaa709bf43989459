/**
 * What the search finds in every design on every scenario at `tiny`: counts, digest, verdicts. A change of any
 * of them is a change of the model or of the engine, and is to be meant; `npx vitest run properties/manifest
 * --update` writes the new figures. What is too large to exhaust is pinned to a depth. And along random walks, the
 * evaluators say the same of each state.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type CompiledEvaluator, createCompiled } from "../checker/compile/compiled.ts";
import {
  createPacked,
  type Instance,
  instantiate,
  type SearchOptions,
  type SearchResult,
} from "../checker/index.ts";
import { searchAll, searchAllInWasm } from "../checker/reduce/verdicts.ts";
import { violatedLengths } from "../checker/testing/violated-lengths.ts";
import { walkTogether } from "../checker/testing/walk-together.ts";
import { designs } from "./index.ts";

/** Beyond this many states a scenario is searched to a depth only. */
const affordable = 2_000_000;
/** With `npm run oracle`, walks are twice as many and as long. */
const areLong = process.env.ORACLE_DEPTH !== undefined;
/** Steps of a walk. */
const walkLength = areLong ? 120 : 60;
/** Steps that a search is cut to where it is not exhausted. */
const cutDepth = 30;

const figuresOf = (of: Instance<unknown>, result: SearchResult) => {
  const { ending, states, transitions, depth, digest } = result;
  const violated = [...violatedLengths(of, result)].sort(([a], [b]) => a.localeCompare(b));
  return { ending, states, transitions, depth, digest, violated: Object.fromEntries(violated) };
};

const targets = designs.flatMap((design) =>
  design.scenarios.map((scenario) => ({
    name: `${design.name} ${scenario.name} tiny`,
    claimsToHold: design.claimsToHold,
    of: (): Instance<unknown> => instantiate(design.build(), scenario.sizes.tiny),
  })),
);
type Target = (typeof targets)[number];

/** Compiled once, for walks and for the search, which is worth it for its speed. */
let latest: {
  readonly name: string;
  readonly of: Instance<unknown>;
  readonly compiled: CompiledEvaluator;
} | null = null;
function compiledOf({ name, of: build }: Target) {
  if (latest?.name === name) return latest;
  const of = build();
  latest = { name, of, compiled: createCompiled(of) };
  return latest;
}

const figures = new Map<string, ReturnType<typeof figuresOf>>();
async function figuresFor(target: Target) {
  const known = figures.get(target.name);
  if (known !== undefined) return known;
  const { of, compiled } = compiledOf(target);
  // What compiles whole is faster in WebAssembly, even made anew for each search; the figures are the same.
  const search = (limit: Pick<SearchOptions, "maxDepth" | "maxStates">): Promise<SearchResult> =>
    compiled.fallbacks.length === 0
      ? searchAllInWasm(of, compiled, { ...limit, workers: 1 })
      : searchAll(of, compiled, limit.maxStates, limit.maxDepth);
  // A design that does not claim to hold may have leaks without end: it is cut at once.
  const whole = target.claimsToHold ? await search({ maxStates: affordable }) : null;
  const result = whole?.ending === "exhausted" ? whole : await search({ maxDepth: cutDepth });
  const found = figuresOf(of, result);
  figures.set(target.name, found);
  return found;
}

test.for(targets)("$name: the evaluators agree along walks", { timeout: 600_000 }, async (target) => {
  const { of, compiled } = compiledOf(target);
  const evaluators = [createPacked(of), compiled];
  fc.assert(
    fc.property(fc.infiniteStream(fc.nat()), (picks) => {
      walkTogether(of, walkLength, (count) => picks.next().value % count, evaluators);
    }),
    { numRuns: (areLong ? 2 : 1) * (target.claimsToHold ? 2 : 1) },
  );
  // While it is compiled.
  await figuresFor(target);
});

test("the manifest", { timeout: 1_800_000 }, async () => {
  const manifest: Record<string, unknown> = {};
  for (const target of targets) manifest[target.name] = await figuresFor(target);
  await expect(`${JSON.stringify(manifest, null, 2)}\n`).toMatchFileSnapshot("manifest.json");
});
