import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { Trace } from "../checker/trace/format.ts";
import { type FakeWorld, fakeWorld, runFake } from "./fake-world.ts";
import { replaySchema } from "./schemas.ts";

const file = "trace.json";
let good: Trace;

beforeAll(async () => {
  const { world } = await runFake(`check --design broken --trace ${file}`);
  good = JSON.parse(readFileSync(join(world.io.cwd, file), "utf8"));
});

/** A world in which the trace file has this text. */
function worldWith(text: string): FakeWorld {
  const world = fakeWorld();
  writeFileSync(join(world.io.cwd, file), text);
  return world;
}

function replayText(text: string, more = "") {
  return runFake(`replay ${file}${more}`, worldWith(text));
}

/** Replays the good trace after a change. */
function replayChanged(change: (trace: Trace) => unknown, more = "") {
  const trace = structuredClone(good);
  change(trace);
  return replayText(JSON.stringify(trace), more);
}

describe("a trace that the model accepts", () => {
  test("is shown step by step", async () => {
    const { code, stdout } = await replayChanged(() => {});
    expect(code).toBe(0);
    expect(stdout).toContain("count-is-small(place: 0) is broken after 3 steps");
    expect(stdout).toContain("accepted: the model takes 3 steps");
  });

  test("needs only the actions and their arguments", async () => {
    const { code } = await replayChanged((trace) => {
      for (const step of trace.steps)
        for (const key of ["lane", "outcome", "changes"] as const) delete step[key];
      delete trace.initial.state;
    });
    expect(code).toBe(0);
  });

  test("may have been written for another version of the model; that is told", async () => {
    const { code, stdout } = await replayChanged((trace) => {
      trace.modelDigest = "0";
    });
    expect(code).toBe(0);
    expect(stdout).toContain("another version of the model");
  });

  test("as JSON", async () => {
    const { code, stdout } = await replayChanged(() => {}, " --json");
    expect(code).toBe(0);
    expect(replaySchema.parse(JSON.parse(stdout))).toEqual(JSON.parse(stdout));
    expect(JSON.parse(stdout)).toMatchObject({ accepted: true, length: 3, sameModel: true });
  });
});

describe("a trace that the model does not accept: exit code 4, the step and the reason", () => {
  const cases: readonly (readonly [what: string, change: (trace: Trace) => unknown, told: string])[] = [
    ["an unknown action", ({ steps }) => (steps[0].action = "cout"), 'step 1: there is no action "cout"'],
    ["an unknown argument", ({ steps }) => (steps[0].args.plac = 1), 'has no argument "plac"'],
    ["a missing argument", ({ steps }) => delete lastCount(steps).args.place, 'is given no "place"'],
    ["an argument out of range", ({ steps }) => (lastCount(steps).args.place = 7), "place is one of: 0 .. 1"],
    ["another outcome", ({ steps }) => (steps[1].outcome = "refused"), "step 2:"],
    ["another change", ({ steps }) => (steps[1].changes = []), "changes nothing there in the trace"],
    [
      "an initial state that is none",
      ({ initial }) => (initial.name = "middle"),
      'no initial state "middle"',
    ],
    ["another initial state", ({ initial }) => (initial.state = { n: 1, steps: 0 }), "is not the model's"],
    ["an unknown design", (trace) => (trace.design = "brokn"), 'did you mean "broken"?'],
    ["other bounds", (trace) => (trace.bounds.top = 5), "bounds.top is 5"],
    ["a power that is off", (trace) => (trace.powersOff = ["bumping"]), 'needs the power "bumping"'],
    [
      "an unknown property",
      ({ property }) => (property.name = "count-is-smal"),
      'did you mean "count-is-small"?',
    ],
    ["an unknown instance", ({ property }) => (property.args = { place: 9 }), "has no instance"],
    ["a property that holds", (trace) => trace.steps.pop(), "is not broken"],
  ];

  test.each(cases)("%s", async (_, change, told) => {
    const { code, stderr } = await replayChanged(change);
    expect(stderr).toContain(told);
    expect(code).toBe(4);
    expect(stderr.trimEnd().split("\n").at(-1)).toBe(`reproduce: npx dmaspec replay ${file}`);
  });

  function lastCount(steps: Trace["steps"]): Trace["steps"][number] {
    return steps.find(({ action }) => action === "count") as Trace["steps"][number];
  }

  test("a step that is not enabled", async () => {
    const { code, stderr } = await replayChanged(({ steps }) => {
      for (let n = 4; n <= 8; n++) steps.push({ n, action: "count", args: { place: 0 } });
    });
    expect(code).toBe(4);
    expect(stderr).toContain("step 5: count(place: 0) is not enabled");
  });

  test("as JSON", async () => {
    const { code, stdout } = await replayChanged((trace) => (trace.steps[0].action = "cout"), " --json");
    expect(code).toBe(4);
    expect(replaySchema.parse(JSON.parse(stdout))).toMatchObject({ accepted: false, step: 1 });
  });
});

describe("a file that is no trace: exit code 64, the place and the remedy", () => {
  const cases: readonly (readonly [what: string, text: () => string, told: string])[] = [
    ["not JSON", () => "{", "trace.json is not JSON"],
    ["another JSON", () => "[1]", 'schema: is missing, and a trace says "dmaspec/trace@1"'],
    ["another version", () => '{"schema":"dmaspec/trace@2"}', 'reads "dmaspec/trace@1"'],
    ["a missing field", () => JSON.stringify({ ...good, steps: undefined }), "trace.json: steps: "],
    ["a field of another kind", () => changed(0, { action: 7 }), "trace.json: steps[0].action: "],
    ["an unknown field", () => changed(1, { akshun: "x" }), "akshun"],
    ["a gap in the numbering", () => changed(1, { n: 5 }), "steps[1].n: is 5, and the step is number 2"],
  ];

  function changed(step: number, by: object): string {
    return JSON.stringify({
      ...good,
      steps: good.steps.map((old, i) => (i === step ? { ...old, ...by } : old)),
    });
  }

  test.each(cases)("%s", async (_, text, told) => {
    const { code, stderr } = await replayText(text());
    expect(stderr).toContain(told);
    expect(stderr).toContain("remedy: ");
    expect(code).toBe(64);
  });

  test("no file", async () => {
    const { code, stderr } = await runFake("replay nowhere.json");
    expect(code).toBe(64);
    expect(stderr).toContain("could not be read");
  });
});
