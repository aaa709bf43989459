/** When a check uses reductions though nobody asked for them. */
import { expect, test } from "vitest";
import { exampleDesigns } from "../checker/examples/index.ts";
import { fakeWorld, runFake } from "./fake-world.ts";
import type { Registry } from "./registry.ts";
import { checkSchema } from "./schemas.ts";

const registry: Registry = {
  designs: [],
  examples: exampleDesigns,
  weakenings: [],
  equivalentMutants: {},
  explainedGaps: {},
};

async function check(words: string) {
  const { stdout, stderr } = await runFake(`check --design dma-core ${words} --json`, fakeWorld(), registry);
  return { output: checkSchema.parse(JSON.parse(stdout)), stderr };
}

test("what fits is searched without reductions", async () => {
  const { output } = await check("--scenario 2x2x2");
  expect(output).toMatchObject({ verdict: "holds", exhaustive: true, states: 50_924, reductions: [] });
});

test("where memory ends, the search is done again with all that apply, and is exhaustive", async () => {
  const { output, stderr } = await check("--scenario 3x3x2 --memory 2M");
  expect(stderr).toMatch(/memory ended after [\d,]+ states; searching again with reductions/);
  expect(output).toMatchObject({ verdict: "holds", exhaustive: true, states: 516 });
  expect(output.reductions).toEqual(["locks", "symmetry", "order"]);
  const [locks] = output.reductionReports;
  expect(locks).toMatchObject({ name: "locks", used: true, estimated: true });
});

test("--reduce none ends there", async () => {
  const { output } = await check("--scenario 3x3x2 --memory 2M --reduce none");
  expect(output).toMatchObject({ verdict: "incomplete", exhaustive: false, reductions: [] });
});
