import { expect, test } from "vitest";
import { fakeRegistry, fakeWorld, runFake } from "./fake-world.ts";
import { coverageSchema } from "./schemas.ts";

test("coverage: what no run does makes it vacuous, and says where control stops", async () => {
  const { code, stdout } = await runFake("coverage --design panicking");
  expect(stdout).toContain("steps  checks pass");
  expect(code).toBe(0);
  const json = await runFake("coverage --design panicking --json");
  const { nodes } = coverageSchema.parse(JSON.parse(json.stdout));
  expect(nodes.map(({ name, yes, no }) => [name, yes > 0, no > 0])).toEqual([
    ["count the call", true, false],
    ["the place is the first", true, true],
    ["finish", true, false],
  ]);
});

test("coverage before a limit is incomplete", async () => {
  const { code, stdout } = await runFake("coverage --design panicking --max-depth 2");
  expect(code).toBe(2);
  expect(stdout).toContain('never taken: call: finish; control comes no further than "count the call"');
});

test("coverage --text prints the calls with what was seen", async () => {
  const { stdout } = await runFake("coverage --design panicking --text");
  expect(stdout).toMatch(/check: the place is the first, or panic: an unknown place/);
});

test("a gap with a reason is no gap; a reason without a gap is an error", async () => {
  const run = (node: string) =>
    runFake("coverage --design panicking --max-depth 2", fakeWorld(), {
      ...fakeRegistry,
      explainedGaps: { [`panicking: call: ${node}`]: "It takes three steps." },
    });
  expect((await run("finish")).stdout).not.toContain("never taken: call: finish");
  expect((await run("count the call")).stdout).toContain(
    "explained as never seen, and seen: call: count the call",
  );
});
