/**
 * The examples' counts, which others have found too: dma-core by an independent search in C, SPIN, TLC and
 * Rumur; two-phase commit in the literature. And the small ones against the naive explorer.
 */
import { describe, expect, test } from "vitest";
import { createPacked } from "../evaluate/packed.ts";
import { createReference } from "../evaluate/reference.ts";
import { instantiate } from "../model/model.ts";
import { breadthFirst } from "../search/breadth-first.ts";
import { explore } from "../search/explore.ts";
import { exploreNaively } from "../search/naive.ts";
import { violatedLengths } from "../testing/violated-lengths.ts";
import { dmaCore, dmaCoreScope } from "./dma-core.ts";
import { exampleDesigns } from "./index.ts";

/** scenario: distinct states, transitions, steps to the farthest state. */
const dmaCoreCounts = {
  "2x2x2": [50_924, 148_280, 31],
  "3x2x2": [347_016, 1_040_728, 35],
  "2x2x3": [970_948, 3_781_972, 32],
  "3x3x2": [3_317_456, 11_288_964, 43],
} as const;

const designOf = (name: string) => {
  const design = exampleDesigns.find((of) => of.name === name);
  if (design === undefined) throw new Error(`no example ${name}`);
  return design;
};

function instanceOf(name: string, scenario: string) {
  const design = designOf(name);
  const scope = design.scenarios.find((of) => of.name === scenario)?.sizes.tiny;
  if (scope === undefined) throw new Error(`no scenario ${scenario}`);
  return instantiate(design.build(), scope);
}

test.each(Object.entries(dmaCoreCounts))("dma-core %s", async (scenario, [states, transitions, depth]) => {
  const found = await explore(instanceOf("dma-core", scenario));
  expect(found).toMatchObject({ ending: "exhausted", states, transitions, depth, violations: [] });
  // Table and frontier together; a small table has room to spare.
  if (states > 1_000_000) expect(found.totalBytes / states).toBeLessThan(12);
});

test("dma-core holds because of what it does: with one step changed, it does not", async () => {
  const model = dmaCore();
  const early = model.rules.map((rule) =>
    rule.name === "U4"
      ? { ...rule, bind: () => (s: Parameters<ReturnType<typeof rule.bind>>[0]) => goOn(s) }
      : rule,
  );
  function goOn(s: Parameters<ReturnType<(typeof model.rules)[number]["bind"]>>[0]): string {
    s.cpus[0].pc = "U5";
    return "";
  }
  const found = await explore(instantiate({ ...model, rules: early }, dmaCoreScope("2x2x2")), {
    stopAtViolation: true,
  });
  expect(found.ending).toBe("violated");
});

test.each([
  ["2x2x2", 20_810],
  ["3x2x2", 127_704],
])("dma-core %s with an eager TLB", async (scenario, states) => {
  const found = await explore(instanceOf("dma-core-eager-tlb", scenario));
  expect(found).toMatchObject({ ending: "exhausted", states, violations: [] });
});

test.each([
  ["3rm", 288],
  ["5rm", 8832],
])("two-phase commit %s", async (scenario, states) => {
  const found = await explore(instanceOf("two-phase-commit", scenario));
  expect(found).toMatchObject({ ending: "exhausted", states, violations: [] });
  expect(found.witnesses.every((path) => path !== null)).toBe(true);
});

const small = exampleDesigns.flatMap(({ name, scenarios }) =>
  name.startsWith("dma-core") ? [] : scenarios.slice(0, 2).map((scenario) => [name, scenario.name] as const),
);

describe("breadth-first search agrees with the naive explorer", () => {
  test.each(small)("on %s %s, on both evaluators", async (name, scenario) => {
    const of = instanceOf(name, scenario);
    const expected = exploreNaively(of);
    for (const evaluator of [createPacked(of), createReference(of)]) {
      const found = await breadthFirst(evaluator, {
        stopAtViolation: false,
        instances: of.instances.length,
        witnesses: of.witnesses.length,
      });
      const { states, transitions, depth } = found;
      expect({ states, transitions, depth }).toEqual({
        states: expected.states,
        transitions: expected.transitions,
        depth: expected.depth,
      });
      expect(violatedLengths(of, found)).toEqual(expected.violated);
    }
  });
});
