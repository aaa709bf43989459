import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fakeRegistry, fakeWorld, runFake } from "./fake-world.ts";
import { main } from "./main.ts";
import type { MinimiseOutput } from "./schemas.ts";

/** Finds a trace with `find`, and minimises it. */
async function minimised(find: string): Promise<{ output: MinimiseOutput; cwd: string }> {
  const { world, code } = await runFake(`${find} --trace trace.json`);
  expect(code).toBe(1);
  const own = fakeWorld();
  const { cwd } = world.io;
  expect(await main(["minimise", "trace.json", "--json"], { ...own.io, cwd }, fakeRegistry)).toBe(0);
  return { output: JSON.parse(own.stdout()), cwd };
}

test("every removal is tried: what the host can spare, and what it cannot", async () => {
  const { output } = await minimised("check --design broken --power bumping=off");
  expect(output).toMatchObject({ property: "count-is-small", before: { length: 5 }, after: { length: 5 } });
  const outcomes = Object.fromEntries(output.removals.map(({ name, outcome }) => [name, outcome]));
  // One place is as good as the other; without the only event that is left, nothing counts.
  expect(outcomes).toMatchObject({ "place 1": "unused", "place 0": "needed", count: "needed" });
  expect(outcomes.bumping).toBeUndefined();
  // 5 is bad, and can be come to as long as counts go so far.
  expect(outcomes).toMatchObject({ "top above 5": "spared", "top above 4": "needed" });
  expect(outcomes["top above 3"]).toBeUndefined();
});

test("a power that shortens the schedule is spared at the cost of more steps", async () => {
  const { output, cwd } = await minimised("check --design broken");
  const power = output.removals.find(({ name }) => name === "bumping");
  expect(power).toMatchObject({ kind: "power", outcome: "spared" });
  expect(output.after.length).toBe(3);
  expect(output.weakest.length).toBe(5);
  expect(existsSync(join(cwd, output.out))).toBe(true);
  // What is written is a trace like any other.
  const own = fakeWorld();
  expect(await main(["replay", output.out], { ...own.io, cwd }, fakeRegistry)).toBe(0);
});

test("a random walk comes down to a shortest schedule", async () => {
  const { output } = await minimised("simulate --design broken --walks 20");
  expect(output.before.length).toBeGreaterThanOrEqual(3);
  expect(output.after.length).toBe(3);
});
