/** A run at its memory limit ends `incomplete`, not dead, whatever the engine. */
import { expect, test } from "vitest";
import { exampleDesigns } from "../checker/examples/index.ts";
import { fakeRegistry, fakeWorld } from "./fake-world.ts";
import { main } from "./main.ts";
import { checkSchema } from "./schemas.ts";

const examples = { ...fakeRegistry, designs: [], examples: exampleDesigns };

async function runWith(words: string) {
  const world = fakeWorld();
  const code = await main(`check ${words} --json`.split(" "), world.io, examples);
  return { code, output: checkSchema.parse(JSON.parse(world.stdout())), stderr: world.stderr() };
}

const engines = ["js", "packed", "wasm --workers 1", "wasm --workers 2"];

test.each(engines)("--engine %s", async (engine) => {
  const bytes = 1.5 * 2 ** 20;
  const { code, output } = await runWith(
    `--design dma-core --scenario 3x2x2 --engine ${engine} --memory ${bytes} --reduce none`,
  );
  expect([code, output.verdict, output.ending]).toEqual([2, "incomplete", "memory"]);
  expect(output.states).toBeGreaterThan(50_000);
  expect(output.states).toBeLessThan(347_016);
  expect(output.bytesPerState * output.states).toBeLessThanOrEqual(bytes * 1.05);
  // Not even an empty table has room.
  const none = await runWith(
    `--design dma-core --scenario 3x2x2 --engine ${engine} --memory 1k --reduce none`,
  );
  expect([none.code, none.output.ending]).toEqual([2, "memory"]);
});

test("with --memory, auto is js, whose frontier has room on the disk", async () => {
  const { output } = await runWith("--design dma-core --scenario 2x2x2 --memory 100M");
  expect([output.engine.name, output.engine.workers]).toEqual(["js", 1]);
});
