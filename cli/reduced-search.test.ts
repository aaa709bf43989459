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

// [bounds, states, and what each is above: every CPU in no call, or with any arguments before its first lock, for each of
// the configurations at rest, which were counted with two CPUs]
test.each([
  ["3x3x5", 516, 800 * 19 ** 5],
  ["4x3x7", 789, 2960 * 24 ** 7],
])(
  "dma-core %s is searched whole, in %i states that stand for an estimate",
  async (scenario, states, least) => {
    const { output } = await check(`--scenario ${scenario} --reduce all`);
    expect(output).toMatchObject({ verdict: "holds", exhaustive: true, states });
    expect(output.represented?.estimated).toBe(true);
    expect(output.represented?.states).toBeGreaterThan(least);
  },
);

test("what 4x3x2 is said to stand for is near what there is", async () => {
  const { output } = await check("--scenario 4x3x2 --reduce all");
  expect(output.states).toBe(789);
  const share = (output.represented?.states ?? 0) / 19_958_400;
  expect(share).toBeGreaterThan(0.7);
  expect(share).toBeLessThan(1.4);
});

test("with symmetry alone, it is the sum of the orbits", async () => {
  const { output } = await check("--scenario 2x2x2 --reduce symmetry");
  expect(output.represented).toEqual({ states: 38_800, estimated: false });
});

test("what is large without reductions is searched with them", async () => {
  const { output, stderr } = await check("--scenario 4x3x2");
  expect(stderr).toMatch(/there are more than 8,000,000 states; searching again with reductions/);
  expect(output).toMatchObject({ verdict: "holds", exhaustive: true, states: 789 });
  expect(output.engine.name).toBe("wasm");
});

test("a limit that is lower is a limit", async () => {
  const { output } = await check("--scenario 4x3x2 --max-states 100000");
  expect(output).toMatchObject({ verdict: "incomplete", states: 100_000, reductions: [] });
});

test("who asks for all violations gets the whole search", async () => {
  const { output } = await check("--scenario 4x3x2 --all");
  expect(output).toMatchObject({ verdict: "holds", exhaustive: true, states: 19_958_400, reductions: [] });
});
