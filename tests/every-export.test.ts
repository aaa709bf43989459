/**
 * Every finding of docs/findings.json in every format: each export is read by its consumer or its schema, and an ITF
 * trace or a generated test has the same states. All of them take minutes (`npm run exports`); `npm test` takes a few,
 * spread over the designs.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import mermaid from "mermaid";
import { expect, test } from "vitest";
import { exportTrace } from "../checker/trace/export/index.ts";
import type { Exported } from "../checker/trace/export/exported.ts";
import { recordTrace } from "../checker/trace/record.ts";
import { confirmClaim, replayTrace } from "../checker/trace/replay.ts";
import { sliceBack } from "../checker/trace/why/slice.ts";
import type { Findings, Found, Searched } from "../scripts/docs/findings.ts";
import { loadDesigns } from "../cli/designs.ts";
import {
  chromeStepsOf,
  compareItf,
  countShivizSteps,
  createSarifValidator,
  parseItf,
} from "./export-validators.ts";
import { prepareRun } from "../cli/run.ts";
import { createLocator } from "../cli/sources.ts";

const root = join(import.meta.dirname, "..");
const { runs } = JSON.parse(readFileSync(join(root, "docs/findings.json"), "utf8")) as Findings;
const all = runs.flatMap((run) => run.found.map((found) => ({ run, found })));
const step = process.env.EXPORTS === "all" ? 1 : Math.ceil(all.length / 3);
const chosen = all.filter((_, i) => i % step === 0);

type AnyExported = Exported<unknown>;

function exportedOf({ run, found }: { run: Searched; found: Found }): AnyExported {
  const { design, scenario, size } = run;
  const prepared = prepareRun(loadDesigns(), { design, scenario, size });
  const of = prepared.instance;
  const steps = found.steps.map(([action, args], i) => ({ n: i + 1, action, args }));
  const told = { initial: { name: found.initial }, steps } as unknown as Parameters<typeof replayTrace>[1];
  const replay = replayTrace(of, told);
  const shown = confirmClaim(of, replay, found);
  if (shown === null) throw new Error(`the schedule of ${found.name} does not break it`);
  const { modelDigest } = prepared;
  const identity = {
    design,
    scenario,
    size,
    engine: "reference",
    reductions: [],
    modelDigest,
    reproduce: "",
  };
  return {
    trace: recordTrace(of, identity, replay, shown),
    of,
    replay,
    shown,
    reasons: sliceBack(of, replay, shown),
    version: "0",
    locate: createLocator(design),
    caseModule: "../cli/replay-case.ts",
  };
}

const nameOf = ({ run, found }: { run: Searched; found: Found }): string =>
  `${run.design} on ${run.scenario}: ${found.name}`;
const named = chosen.map((one) => ({ ...one, name: nameOf(one) }));
const findSarifErrors = createSarifValidator();
const graphviz = spawnSync("dot", ["-V"]).error === undefined;

test.for(named)("$name: every export is valid", { timeout: 120_000 }, async (one) => {
  const exported = exportedOf(one);
  const { trace, replay } = exported;
  const length = trace.steps.length;

  const states = [replay.initial, ...replay.steps.map(({ after }) => after)];
  compareItf(parseItf(exportTrace(exported, "itf")), states, trace);
  expect(await mermaid.parse(exportTrace(exported, "mermaid"))).toMatchObject({ diagramType: "sequence" });
  expect(exportTrace(exported, "markdown")).toContain(trace.property.sentence);
  expect(chromeStepsOf(exportTrace(exported, "chrome"))).toEqual(trace.steps.map(({ action }) => action));
  expect(countShivizSteps(exportTrace(exported, "shiviz"))).toBe(length);
  expect(findSarifErrors(JSON.parse(exportTrace(exported, "sarif")))).toEqual([]);
  if (graphviz) {
    const drawn = spawnSync("dot", ["-Tsvg"], { input: exportTrace(exported, "dot"), encoding: "utf8" });
    expect(drawn.stderr).toBe("");
    expect(drawn.stdout.match(/<g id="node/g)).toHaveLength(length);
  }
  const turns = [...exportTrace(exported, "hvc").matchAll(/^\tturn\((\d+)\);$/gm)].map(([, n]) => Number(n));
  expect(turns.toSorted((a, b) => a - b)).toEqual(turns.map((_, i) => i));
});

test("generated tests take the same steps to the same states", { timeout: 1_800_000 }, () => {
  // Beside the project's node_modules, so that vitest finds the cases and the cases their imports.
  // Not isolated: the models are loaded once for all cases, not once for each.
  const folder = mkdtempSync(join(root, "traces-export-"));
  try {
    for (const [i, one] of chosen.entries())
      writeFileSync(join(folder, `case-${i}.test.ts`), exportTrace(exportedOf(one), "vitest"));
    const command = [
      "node_modules/vitest/vitest.mjs",
      "run",
      "--reporter=json",
      "--maxWorkers=1",
      "--no-isolate",
      folder,
    ];
    const { stdout } = spawnSync(process.execPath, command, {
      cwd: root,
      encoding: "utf8",
      maxBuffer: 2 ** 28,
    });
    const { numTotalTests, numPassedTests } = JSON.parse(stdout.slice(stdout.indexOf("{")));
    expect({ numTotalTests, numPassedTests }).toEqual({
      numTotalTests: chosen.length,
      numPassedTests: chosen.length,
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
