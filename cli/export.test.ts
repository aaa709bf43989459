import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import mermaid from "mermaid";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { mermaidLimits } from "../checker/trace/export/mermaid.ts";
import { toItf } from "../checker/trace/export/itf.ts";
import { defineModel, environmentRule, instantiate, invariant, range, record } from "../checker/index.ts";
import type { Exported } from "../checker/trace/export/exported.ts";
import { exportTrace } from "../checker/trace/export/index.ts";
import type { Trace } from "../checker/trace/format.ts";
import { recordTrace } from "../checker/trace/record.ts";
import { replayPath } from "../checker/trace/replay.ts";
import { sliceBack } from "../checker/trace/why/slice.ts";
import { nameStep } from "../checker/trace/taken.ts";
import type { PlainValue } from "../checker/trace/plain.ts";
import { loadDesigns } from "./designs.ts";
import {
  chromeStepsOf,
  countShivizSteps,
  createSarifValidator,
  fromItf,
  parseItf,
} from "../tests/export-validators.ts";
import { type FakeWorld, fakeWorld, runFake } from "./fake-world.ts";

const file = "trace.json";
let world: FakeWorld;
let trace: Trace;

/** A trace of a real design: 49 steps and more, several lanes. */
beforeAll(async () => {
  world = fakeWorld();
  const words = `check --design pv-2025 --property dma-secrecy --engine packed --trace ${file}`;
  expect((await runFake(words, world, loadDesigns())).code).toBe(1);
  trace = JSON.parse(readFileSync(join(world.io.cwd, file), "utf8"));
}, 60_000);

async function exported(to: string): Promise<string> {
  const own = fakeWorld();
  const here = { ...own, io: { ...own.io, cwd: world.io.cwd } };
  const { code, stdout } = await runFake(`export ${file} --to ${to}`, here, loadDesigns());
  expect(code).toBe(0);
  return stdout;
}

test("itf: every variable in every state, and the states are those of the trace", async () => {
  const itf = parseItf(await exported("itf"));
  expect(itf.states).toHaveLength(trace.steps.length + 1);
  expect(itf.states[0]["mbt::actionTaken"]).toBe("init");
  const { "#meta": _, "mbt::actionTaken": __, "mbt::nondetPicks": ___, ...initial } = itf.states[0];
  expect(fromItf(initial)).toEqual(trace.initial.state);
  for (const [i, { action, args }] of trace.steps.entries()) {
    expect(itf.states[i + 1]["mbt::actionTaken"]).toBe(action);
    expect(fromItf(itf.states[i + 1]["mbt::nondetPicks"])).toEqual(args);
  }
});

test("itf: the header says what is broken, and how to find it again", async () => {
  const { "#meta": meta } = JSON.parse(await exported("itf"));
  const { property, design, scenario, size, bounds, modelDigest, reproduce, seed } = trace;
  expect(meta.dmaspec).toMatchObject({
    property: property.name,
    conjunct: { kind: property.kind, args: property.args, explanation: property.explanation },
    verdict: "violated",
    seed,
    config: { design, scenario, size, bounds },
    engine: { name: "packed" },
    digest: modelDigest,
    reproduce,
  });
  expect(seed).toBe(1);
});

test("itf: no value is lost", () => {
  const { value } = fc.letrec<{ value: PlainValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.boolean(),
      fc.integer(),
      fc.string(),
      fc.constant(null),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom("a", "b", "use"), tie("value"), { noNullPrototype: true }),
    ),
  }));
  fc.assert(
    fc.property(value, (plain) => {
      expect(fromItf(toItf(plain))).toEqual(plain);
    }),
  );
});

test("chrome: every step once, on its lane's thread, in order", async () => {
  const text = await exported("chrome");
  expect(chromeStepsOf(text)).toEqual(trace.steps.map(({ action }) => action));
  expect(
    JSON.parse(text).traceEvents.filter(({ cat }: { cat?: string }) => cat === "call").length,
  ).toBeGreaterThan(1);
});

test("shiviz: every line is read, and a lane's clock goes up by one", async () => {
  expect(countShivizSteps(await exported("shiviz"))).toBe(trace.steps.length);
});

test("markdown: the sentence, the schedule, the command", async () => {
  const text = await exported("markdown");
  expect(text).toContain(trace.property.sentence);
  expect(text).toContain(trace.reproduce);
  expect(text).toMatch(/^ +\*1 {2}/m);
  expect(text).toMatch(/^## What happens\n\n(.+\n){2,5}\n## The schedule\n/m);
  expect(text).toMatch(/^## The nearest schedule that does not fail\n\nstep \d+ /m);
  expect(text).toMatch(/^words: pgsize: 0: pages, /m);
  // A bound of 0 is a part of the machine that is not there.
  expect(text).not.toMatch(/ 0[,.] .*`\*` marks/);
});

const graphviz = spawnSync("dot", ["-V"]).error === undefined;

test.skipIf(!graphviz)("dot: Graphviz draws every step", async () => {
  const drawn = spawnSync("dot", ["-Tsvg"], { input: await exported("dot"), encoding: "utf8" });
  expect(drawn.stderr).toBe("");
  expect(drawn.stdout.match(/<g id="node/g)).toHaveLength(trace.steps.length);
});

test("mermaid: Mermaid's own parser reads it, and every step is in it", async () => {
  const text = await exported("mermaid");
  expect(await mermaid.parse(text)).toMatchObject({ diagramType: "sequence" });
  for (const { n, action, outcome = "" } of trace.steps) {
    const name = nameStep({ instance: { action: { name: action } }, outcome });
    expect(text).toContain(`: ${n}. ${name.replaceAll(/[;#<>]/g, (sign) => `#${entities[sign]};`)}`);
  }
  expect(text).not.toContain("Cut to fit");
});

test.each(["mermaid", "markdown", "hvc"])(
  "%s: the function that a step mirrors, and the version",
  async (format) => {
    expect(await exported(format)).toContain("__pkvm_host_donate_guest (2025)");
  },
);

const entities: Readonly<Record<string, string>> = { ";": "59", "#": "35", "<": "lt", ">": "gt" };

test("mermaid: what GitHub would refuse is cut, and says so", async () => {
  const long = exportTrace(longExported(1200), "mermaid");
  expect(long.length).toBeLessThanOrEqual(mermaidLimits.characters);
  expect(long.match(/->>/g)?.length).toBeLessThanOrEqual(mermaidLimits.arrows);
  expect(long).toMatch(/Cut to fit: without [\d,]+ steps of 1200/);
  expect(await mermaid.parse(long)).toMatchObject({ diagramType: "sequence" });
});

/** A schedule of a counter that counts up `top` times, each step essential. */
function longExported(top: number): Exported<{ n: number }> {
  const of = instantiate(
    defineModel<{ n: number }>({
      name: "counter",
      state: record({ n: range(0, top) }),
      rules: [
        environmentRule(
          "count; #up",
          {},
          {
            when: (s: { n: number }) => s.n < top,
            then: (s) => {
              s.n++;
            },
          },
        ),
      ],
      invariants: [
        invariant("low", {}, { sentence: "The count is low.", holds: (s: { n: number }) => s.n < top }),
      ],
    }),
    { bounds: {} },
  );
  const replay = replayPath(of, { initial: 0, instances: Array.from({ length: top }, () => 0) });
  const shown = {
    kind: "invariant",
    name: "low",
    args: {},
    sentence: "The count is low.",
    explanation: "",
  } as const;
  const identity = { design: "counter", scenario: "all", size: "tiny", engine: "packed", reductions: [] };
  const recorded = recordTrace(of, { ...identity, modelDigest: "", reproduce: "" }, replay, shown);
  const reasons = sliceBack(of, replay, shown);
  return { trace: recorded, of, replay, shown, reasons, version: "0", locate: () => null, caseModule: "" };
}

test("sarif: valid against the standard's schema, every step once, at lines that exist", async () => {
  const log = JSON.parse(await exported("sarif"));
  const findErrors = createSarifValidator();
  expect(findErrors(log)).toEqual([]);
  expect(findErrors({ ...log, version: "2.0.0" })).not.toEqual([]);
  const [result] = log.runs[0].results;
  expect(result.ruleId).toBe(trace.property.name);
  const locations = result.codeFlows[0].threadFlows.flatMap(
    (flow: { locations: unknown[] }) => flow.locations,
  );
  const orders = locations.map(({ executionOrder }: { executionOrder: number }) => executionOrder);
  expect(orders.sort((a: number, b: number) => a - b)).toEqual(trace.steps.map(({ n }) => n));
  for (const { location } of locations) {
    const { artifactLocation, region } = location.physicalLocation;
    const lines = readFileSync(join(import.meta.dirname, "..", artifactLocation.uri), "utf8").split("\n");
    expect(lines.length).toBeGreaterThanOrEqual(region.startLine);
  }
});

test("sarif: a step is at the line that declares it, in the design's own file where it is edited", async () => {
  const locations = JSON.parse(await exported("sarif"))
    .runs[0].results[0].codeFlows[0].threadFlows.flatMap((flow: { locations: unknown[] }) => flow.locations)
    .map(({ location }: { location: never }) => location);
  const lineOf = (action: string): string => {
    const { physicalLocation: at } = locations.find(
      (each: { logicalLocations: { name: string }[] }) => each.logicalLocations[0].name === action,
    );
    const lines = readFileSync(join(import.meta.dirname, "..", at.artifactLocation.uri), "utf8").split("\n");
    return `${at.artifactLocation.uri}: ${lines[at.region.startLine - 1].trim()}`;
  };
  expect(lineOf("map_pages: write the entry")).toBe('model/hypercalls/map-pages.ts: "write the entry",');
  expect(lineOf("map_pages")).toBe('model/hypercalls/map-pages.ts: "map_pages",');
  expect(lineOf("map_pages: acquire pgt_lock")).toBe("model/hypercalls/map-pages.ts: under(pgtLock, [");
});

test("vitest: the case passes, and fails when a step does something else", async () => {
  // Beside the project's node_modules, so that vitest finds the case and the case its imports.
  const folder = mkdtempSync(join(import.meta.dirname, "..", "traces-export-"));
  try {
    const text = (await exported("vitest")).replace(
      /from "[^"]*replay-case.ts"/,
      'from "../cli/replay-case.ts"',
    );
    writeFileSync(join(folder, "right.test.ts"), text);
    writeFileSync(join(folder, "wrong.test.ts"), text.replace("none → 0", "none → 1"));
    const command = ["node_modules/vitest/vitest.mjs", "run", "--reporter=json", "--maxWorkers=1", folder];
    const ran = spawnSync(process.execPath, command, {
      cwd: join(import.meta.dirname, ".."),
      encoding: "utf8",
    });
    const { testResults } = JSON.parse(ran.stdout.slice(ran.stdout.indexOf("{")));
    const statuses = testResults.map(({ name, status }: { name: string; status: string }) => [
      name.replace(/.*\//, ""),
      status,
    ]);
    expect(Object.fromEntries(statuses)).toEqual({ "right.test.ts": "passed", "wrong.test.ts": "failed" });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const gcc = spawnSync("gcc", ["--version"]).error === undefined;

test.skipIf(!gcc)("hvc: a C compiler takes it", async () => {
  const text = await exported("hvc");
  const options = ["-std=c99", "-Wall", "-Werror", "-Wno-unused-function", "-fsyntax-only", "-xc", "-"];
  const compiled = spawnSync("gcc", options, { input: text, encoding: "utf8" });
  expect(compiled.stderr).toBe("");
});

test("hvc: every lane's turns, each once, and the points where a call is paused", async () => {
  const text = await exported("hvc");
  const turns = [...text.matchAll(/^\tturn\((\d+)\);$/gm)].map(([, n]) => Number(n)).sort((a, b) => a - b);
  expect(turns).toEqual(turns.map((_, i) => i));
  expect(turns.length).toBeGreaterThan(3);
  expect(text).toMatch(/hvc_until\("unmap_pages", .*\.domain = 0.*, "unmap_pages: /);
});

test("what the model does not accept is not exported", async () => {
  const wrong = { ...trace, steps: trace.steps.slice(0, -1) };
  writeFileSync(join(world.io.cwd, "wrong.json"), JSON.stringify(wrong));
  const own = fakeWorld();
  const here = { ...own, io: { ...own.io, cwd: world.io.cwd } };
  const { code, stderr } = await runFake("export wrong.json --to itf", here, loadDesigns());
  expect(code).toBe(4);
  expect(stderr).toContain("reproduce: npx dmaspec export wrong.json --to itf");
});
