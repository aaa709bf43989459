/** The engines see the same of the designs: states, digests, violations, lengths. */
import { expect, test } from "vitest";
import { compileInstance, runCompiled } from "../checker/compile/compiled.ts";
import { breadthFirst, instantiate } from "../checker/index.ts";
import { searchInWasm } from "../checker/parallel/search.ts";
import { createWasm } from "../checker/parallel/wasm-evaluator.ts";
import type { SearchResult } from "../checker/search/result.ts";
import { designs } from "./index.ts";

/** So many states are compared, whole layers of them. */
const mostStates = 20_000;

function essenceOf({ ending, states, transitions, depth, digest, violations, witnesses }: SearchResult) {
  const found = violations.map(({ kind, property, path }) => `${kind} ${property}: ${path.instances.length}`);
  return { ending, states, transitions, depth, digest, witnesses, found: found.toSorted() };
}

test.each([
  ["pv", "map-unmap-donate"],
  ["pv", "late-stores"],
  ["pv-rfc2", "attach-detach-free"],
  ["pv-2025", "map-unmap-donate"],
])("%s on %s", async (name, scenarioName) => {
  const design = designs.find((each) => each.name === name);
  const scenario = design?.scenarios.find((each) => each.name === scenarioName);
  if (design === undefined || scenario === undefined) throw new Error("no such scenario");
  const of = instantiate(design.build(), scenario.sizes.tiny);
  const compiled = compileInstance(of);
  const options = {
    instances: of.instances.length,
    witnesses: of.witnesses.length,
    stopAtViolation: false,
  };
  const { depth } = await breadthFirst(runCompiled(of, compiled), { ...options, maxStates: mostStates });
  const whole = { ...options, maxDepth: depth };
  const expected = essenceOf(await breadthFirst(runCompiled(of, compiled), whole));
  expect(expected.states).toBeGreaterThan(1000);
  for (const workers of [1, 2]) {
    const evaluator = createWasm(of, { workers, space: 2 ** 28 }, compiled);
    // oxlint-disable-next-line no-await-in-loop
    expect(essenceOf(await searchInWasm(evaluator, whole))).toEqual(expected);
  }
});
