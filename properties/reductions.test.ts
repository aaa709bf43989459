/**
 * Merging by locks on the paravirtual model: the same property instances violated and the same witnesses reached as
 * without, where the whole space is small. All designs, scenarios and weakenings: `npm run reductions:designs`.
 */
import { expect, test } from "vitest";
import { createCompiled } from "../checker/compile/compiled.ts";
import { instantiate } from "../checker/index.ts";
import { mergeBlocks } from "../checker/reduce/merge/merge.ts";
import { searchAll, unconfirmed, verdictOf } from "../checker/reduce/verdicts.ts";
import { designs } from "./index.ts";

/** Two designs that differ in what they violate, and scenarios with two CPUs and with one. */
const cases = [
  { design: "pv", scenario: "secrets" },
  { design: "pv-rfc1", scenario: "attach-detach-free" },
  { design: "pv-2025", scenario: "late-stores" },
];

test.for(cases)("$design on $scenario", async ({ design: name, scenario: on }) => {
  const design = designs.find((each) => each.name === name);
  const scope = design?.scenarios.find((each) => each.name === on)?.sizes.tiny;
  if (design === undefined || scope === undefined) throw new Error(`no ${name} on ${on}`);
  const of = instantiate(design.build(), scope);
  const evaluator = createCompiled(of);
  const merged = mergeBlocks(of, evaluator, { checkEvery: 64, seed: 1 });
  if ("refused" in merged) throw new Error(merged.refused);
  const full = await searchAll(of, evaluator);
  const reduced = await searchAll(of, merged);
  expect(verdictOf(of, reduced)).toEqual(verdictOf(of, full));
  expect(unconfirmed(of, reduced)).toEqual([]);
  expect(reduced.states).toBeLessThan(0.8 * full.states);
});
