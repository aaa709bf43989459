import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadDesigns } from "./designs.ts";
import { fakeWorld, runFake } from "./fake-world.ts";
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

test("the ledger tells what noticed which mutants, by the output of mutate", async () => {
  const world = fakeWorld();
  const { stdout: mutants } = await runFake("mutate --design panicking --json", world);
  const ofSound = mutants.replace('"design": "panicking"', '"design": "sound"');
  // Behind the violation a count leaves its range: what else would have broken nobody knows.
  expect(ofSound).toContain('"alsoBroken": null');
  const file = join(mkdtempSync(join(tmpdir(), "ledger-")), "mutants.json");
  writeFileSync(file, ofSound);
  const { stdout: unknown } = await runFake(`ledger --design sound --mutants ${file}`, world);
  expect(unknown).toContain("| few-calls | 1 | 0 |");
  writeFileSync(file, ofSound.replace('"alsoBroken": null', '"alsoBroken": []'));
  const { stdout } = await runFake(`ledger --design sound --mutants ${file}`, world);
  expect(stdout).toContain('| few-calls | 1 | 1: call without the step "finish" |');
  expect(stdout).toContain(`--mutants ${file}`);
  const other = await runFake(`ledger --design broken --mutants ${file}`, world);
  expect(other.code).toBe(64);
  expect(other.stderr).toContain("has the mutants of sound, not of broken");
  const missing = await runFake("ledger --design sound --mutants nowhere.json", world);
  expect(missing.stderr).toMatch(/the mutants could not be read from nowhere.json: ENOENT/);
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
