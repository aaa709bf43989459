import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { loadDesigns } from "./designs.ts";
import { runFake } from "./fake-world.ts";
import { prepareRun } from "./run.ts";
import { ledgerSchema } from "./schemas.ts";

test("the ledger names what breaks a property, and what it rests on", async () => {
  const { code, stdout } = await runFake("ledger --design sound --json");
  expect(code).toBe(0);
  const { properties, assumptions, scenarios } = ledgerSchema.parse(JSON.parse(stdout));
  expect(properties.find(({ name }) => name === "count-is-small")).toMatchObject({
    verdict: "holds",
    scenarios: ["counting"],
    brokenBy: [{ design: "broken", scenario: "counting", length: 3 }],
    weakenings: [{ name: "sound counts too far", mechanism: "M01", alone: true }],
    impliedBy: [],
    restsOn: [],
  });
  expect(scenarios[0].saturation).toEqual([
    { bound: "cpu", from: 1, fresh: [], exhaustive: true, states: expect.any(Number), refused: null },
  ]);
  expect(assumptions.map(({ name }) => name)).toEqual(["counts-are-seen"]);
});

test("a property that breaks without an assumption rests on it, and the page says so", async () => {
  const { code, stdout } = await runFake("ledger --design broken");
  expect(code).toBe(1);
  expect(stdout).toContain("- Verdict: **violated** on counting");
});

test("docs/ledger.md is of today's models (npm run ledger)", () => {
  const page = readFileSync(new URL("../docs/ledger.md", import.meta.url), "utf8");
  const registry = loadDesigns();
  const [pv] = registry.designs;
  for (const { name } of pv.scenarios) {
    const { modelDigest } = prepareRun(registry, { design: pv.name, scenario: name });
    expect(page, `${name} has changed`).toMatch(new RegExp(`^. ${name} . .*${modelDigest}`, "m"));
  }
});
