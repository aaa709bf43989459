import { expect, test } from "vitest";
import { loadDesigns } from "./designs.ts";
import { fakeWorld, runFake } from "./fake-world.ts";
import { noninterferenceSchema } from "./schemas.ts";

const run = async (words: string) => {
  const { code, stdout } = await runFake(`noninterference ${words} --json`, fakeWorld(), loadDesigns());
  return { code, output: noninterferenceSchema.parse(JSON.parse(stdout)) };
};

test("the host learns nothing of pv's guests, and something was hidden", async () => {
  const { code, output } = await run("--design pv");
  expect(code).toBe(0);
  expect(output).toMatchObject({ verdict: "holds", difference: null });
  expect(output.different).toBeGreaterThan(0);
});

// Without these mechanisms it learns something: each is a mechanism of confidentiality.
test.for([
  "pv~host_reclaim_page-does-not-scrub-the-page",
  "pv~host_donate_guest-gives-pages-away-that-are-in-use-for-DMA",
  "pv~unmap_pages-does-not-wait-for-the-SYNC",
])("%s: the host learns what a guest wrote", async (design) => {
  const { code, output } = await run(`--design ${design}`);
  expect(code).toBe(1);
  expect(output.difference).toMatch(/is .* in one run and .* in the other/);
  expect(output.steps.some(({ action, other }) => action !== other)).toBe(true);
});

test("a limit is no verdict, and pages without contents hide nothing", async () => {
  expect((await run("--design pv --max-pairs 10")).code).toBe(2);
  expect((await run("--design pv --scenario queue-time-outs")).code).toBe(3);
});
