import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fakeRegistry, fakeWorld, runFake } from "./fake-world.ts";
import { main } from "./main.ts";
import type { ExamplesOutput } from "./schemas.ts";

async function examplesOf(design: string): Promise<{ output: ExamplesOutput; cwd: string }> {
  const { stdout, code, world } = await runFake(`examples --design ${design} --json`);
  expect(code).toBe(0);
  return { output: JSON.parse(stdout), cwd: world.io.cwd };
}

test("every way in which a call ends has a shortest example, which replays", async () => {
  const { output, cwd } = await examplesOf("panicking");
  expect(output.examples.map(({ name, length }) => [name, length])).toEqual([
    ["call: returns ok", 3],
    ["call: panics: an unknown place", 3],
  ]);
  expect(output.exhaustive).toBe(true);
  for (const { trace } of output.examples)
    for (const command of ["replay", "why"]) {
      const own = fakeWorld();
      // Each command has a world of its own, and one thing is done after the other.
      // oxlint-disable-next-line no-await-in-loop
      expect(await main([command, trace], { ...own.io, cwd }, fakeRegistry)).toBe(0);
      expect(own.stdout()).toContain("is reached");
    }
});

test("witnesses have one each, and those that are not reached are named", async () => {
  const { output } = await examplesOf("empty");
  expect(output.examples.map(({ kind, name, length }) => [kind, name, length])).toEqual([
    ["witness", "something-counted", 1],
  ]);
  expect(output.missing).toEqual(["the-impossible"]);
});

test("an outcome that the last step does not have is not accepted", async () => {
  const { output, cwd } = await examplesOf("panicking");
  const [{ trace }] = output.examples;
  const text = readFileSync(join(cwd, trace), "utf8").replace(
    '"name": "call: returns ok"',
    '"name": "call: panics: an unknown place"',
  );
  writeFileSync(join(cwd, "wrong.json"), text);
  const own = fakeWorld();
  expect(await main(["replay", "wrong.json"], { ...own.io, cwd }, fakeRegistry)).toBe(4);
  expect(own.stderr()).toContain("is not reached");
});
