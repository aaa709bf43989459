import { expect, test } from "vitest";
import { exampleDesigns } from "../checker/examples/index.ts";
import { fakeRegistry, fakeWorld, runFake } from "./fake-world.ts";
import type { Io } from "./io.ts";
import { main } from "./main.ts";
import { listSchema, matrixSchema, simulateSchema } from "./schemas.ts";

test("simulate finds a violation, and the seed decides which", async () => {
  const run = () => runFake("simulate --design broken --seed 7 --json");
  const [one, two] = [await run(), await run()];
  expect(one.code).toBe(1);
  const output = simulateSchema.parse(JSON.parse(one.stdout));
  expect(output).toEqual(JSON.parse(one.stdout));
  expect(output.reproduce).toContain("--seed 7");
  expect(output.properties).toEqual(JSON.parse(two.stdout).properties);
});

test("simulate never says that a property holds", async () => {
  const { code, stdout } = await runFake("simulate --design sound --walks 20 --json");
  expect(code).toBe(2);
  expect(JSON.parse(stdout)).toMatchObject({
    verdict: "incomplete",
    exhaustive: false,
    ending: "walks-done",
  });
});

test("list names everything that an option can name", async () => {
  const { code, stdout } = await runFake("list");
  expect(code).toBe(0);
  for (const word of [
    "sound",
    "broken",
    "panicking",
    "counting",
    "paper",
    "count-is-small",
    "bumping",
    "counts-are-seen",
  ]) {
    expect(stdout).toContain(word);
  }
  const json = await runFake("list --json");
  expect(listSchema.parse(JSON.parse(json.stdout))).toEqual(JSON.parse(json.stdout));
  const one = await runFake("list --json --design broken");
  expect(JSON.parse(one.stdout).designs).toHaveLength(1);
});

test("matrix: one cell for each design and property; the examples are left out", async () => {
  const { code, stdout } = await runFake("matrix --json");
  expect(code).toBe(0);
  const { cells } = matrixSchema.parse(JSON.parse(stdout));
  expect(new Set(cells.map(({ design }) => design))).toEqual(new Set(["sound", "broken"]));
  expect(
    cells.find(({ design, property }) => design === "broken" && property === "count-is-small"),
  ).toMatchObject({
    verdict: "violated",
    length: 3,
    trace: "traces/broken-counting-tiny-count-is-small.json",
  });
  const text = await runFake("matrix --size paper");
  expect(text.stdout).toContain("violated in 3 steps");
});

test("matrix --reduce: the same cells, and the command to reproduce them says so", async () => {
  const [plain, reduced] = [await runFake("matrix --json"), await runFake("matrix --reduce all --json")];
  expect(reduced.code).toBe(plain.code);
  const [table, same] = [plain, reduced].map(({ stdout }) => matrixSchema.parse(JSON.parse(stdout)));
  expect(same.cells).toEqual(table.cells);
  expect(same.reproduce).toBe(`${table.reproduce} --reduce all`);
});

test("matrix and start exit 1 when a design that claims to hold does not", async () => {
  const broken = fakeRegistry.designs.map((design) => ({ ...design, claimsToHold: true }));
  const limited = await runFake("matrix --max-states 2");
  expect(limited.code).toBe(1);
  for (const words of ["matrix", "start"]) {
    const { code, stdout } = await runFake(words, fakeWorld(), { ...fakeRegistry, designs: broken });
    expect(code).toBe(1);
    expect(stdout.trimEnd().split("\n").at(-1)).toMatch(
      /^reproduce: npx dmaspec check --design broken .* --all$/,
    );
  }
});

test("start: the verdict table, a counterexample in words, and where to go next", async () => {
  const { code, stdout } = await runFake("start");
  expect(code).toBe(0);
  expect(stdout).toMatch(/count-is-small +holds +violated in 3 steps/);
  expect(stdout).toContain("the count is 5, and 5 is bad");
  expect(stdout).toContain("npx dmaspec replay traces/broken-counting-tiny-count-is-small.json");
  const json = await runFake("start --json");
  expect(matrixSchema.parse(JSON.parse(json.stdout)).cells).toHaveLength(6);
});

test("Ctrl-C ends a search with an honest incomplete; a second one ends the process", async () => {
  const world = fakeWorld();
  // The keys are pressed as soon as somebody listens.
  const onInterrupt: Io["onInterrupt"] = (listener) => {
    listener();
    listener();
    return () => {};
  };
  const registry = {
    designs: [],
    examples: exampleDesigns,
    weakenings: [],
    equivalentMutants: {},
    explainedGaps: {},
  };
  const words = "check --design dma-core --scenario 4x3x2 --json";
  const code = await main(words.split(" "), { ...world.io, onInterrupt }, registry);
  expect(code).toBe(2);
  expect(JSON.parse(world.stdout())).toMatchObject({ verdict: "incomplete", ending: "interrupted" });
  expect(world.stderr()).toContain("interrupted");
  expect(world.exits).toEqual([130]);
});

test("Ctrl-C ends a whole table, which then shows nothing", async () => {
  const world = fakeWorld();
  const onInterrupt: Io["onInterrupt"] = (listener) => {
    listener();
    return () => {};
  };
  const code = await main(["matrix"], { ...world.io, onInterrupt }, fakeRegistry);
  expect(code).toBe(1);
  expect(world.stdout()).toContain("what is not in it was not checked");
});
