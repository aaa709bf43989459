/** `dmaspec examples`: what a design does, shown: a schedule for every way in which a call ends, and every witness. */
import { join } from "node:path";
import { buildCommand } from "@stricli/core";
import { countOf } from "../../checker/trace/print.ts";
import type { Context } from "../context.ts";
import { nameTraceFile, writeTrace } from "../counterexample.ts";
import { findExamples } from "../find-examples.ts";
import { jsonFlag, type LimitFlags, limitFlags, type TargetFlags, targetFlags } from "../flags.ts";
import { withInterrupts } from "../interrupt.ts";
import { colorsFor } from "../io.ts";
import { ProgressLine } from "../progress.ts";
import { limitsOf, prepareRun, runSearch } from "../run.ts";
import type { ExamplesOutput } from "../schemas.ts";
import { formatCount, formatTable, quoteForShell } from "../text.ts";

interface ExamplesFlags extends TargetFlags, LimitFlags {
  readonly out: string;
  readonly json?: boolean;
}

/** Most outcomes lie near the start; who wants all of them says so. */
const defaultStates = 300_000;

export const examplesCommand = buildCommand<ExamplesFlags, [], Context>({
  parameters: {
    flags: {
      ...targetFlags,
      ...limitFlags,
      out: {
        kind: "parsed",
        parse: String,
        default: "traces/examples",
        placeholder: "FOLDER",
        brief: "Where to write the traces",
      },
      json: jsonFlag(),
    },
  },
  docs: {
    brief: "Show what a design does: a schedule for every way in which a call ends, and for every witness",
    customUsage: ["[--design NAME] [--scenario NAME] [--size SIZE] [--out FOLDER] [--max-states N] [--json]"],
    fullDescription: [
      "So that a green result can be disbelieved: what was tried, in schedules that replay like counterexamples",
      "(`replay`, `why`, `export`, `explore`). Each is a shortest one.",
      "",
      `Searches ${formatCount(defaultStates)} states unless --max-states says otherwise; what lies beyond is not shown, and said.`,
      "Exit code: 0.",
    ].join("\n"),
  },
  async func(flags) {
    const { io } = this;
    const run = prepareRun(this.registry, flags);
    const { target, instance } = run;
    const progress = new ProgressLine(io);
    const { found, missing, result } = await runSearch(run, () =>
      withInterrupts(io, (isInterrupted) =>
        findExamples(instance, {
          maxStates: defaultStates,
          ...limitsOf(flags),
          onProgress: progress.report,
          isInterrupted,
        }),
      ).finally(() => progress.clear()),
    );
    const names = [target.design.name, target.scenario.name, target.size];
    const reproduce = `npx dmaspec examples --design ${quoteForShell(names[0])} --scenario ${quoteForShell(names[1])} --size ${quoteForShell(names[2])}`;
    const examples = found.map((example) => {
      const file = join(flags.out, nameTraceFile(run, `${example.shown.kind}-${example.shown.name}`));
      const written = writeTrace(io, run, example, file, { reproduce, engine: "packed", reductions: [] });
      return { ...example, written };
    });
    const exhaustive = result.ending === "exhausted";
    if (flags.json === true) {
      const output: ExamplesOutput = {
        schema: "dmaspec/examples@1",
        design: names[0],
        scenario: names[1],
        size: names[2],
        states: result.states,
        exhaustive,
        examples: examples.map(({ shown: { kind, name, args }, replay, written }) => ({
          kind: kind === "outcome" ? kind : "witness",
          name,
          args,
          length: replay.steps.length,
          trace: written,
        })),
        missing: [...missing],
        reproduce,
      };
      io.stdout.write(`${JSON.stringify(output, null, 2)}\n`);
      return;
    }
    const colors = colorsFor(io, io.stdout);
    const rowsOf = (kind: string) =>
      examples
        .filter(({ shown }) => shown.kind === kind)
        .sort((a, b) => (a.shown.name < b.shown.name ? -1 : 1))
        .map(({ shown, replay, written }) => [
          shown.name,
          countOf(replay.steps.length, "step"),
          colors.dim(written),
        ]);
    const beyond = exhaustive
      ? "every reachable state was tried"
      : `${formatCount(result.states)} states were tried, not all`;
    const lines = [
      colors.bold("how calls end"),
      ...formatTable(rowsOf("outcome")),
      "",
      colors.bold("witnesses"),
      ...formatTable(rowsOf("witness")),
      ...missing.map((name) => `  ${colors.yellow("not reached")}: ${name}`),
      "",
      `${countOf(examples.length, "example")}; ${beyond}. Each is shown by: npx dmaspec replay FILE`,
    ];
    io.stdout.write(`${lines.join("\n")}\n`);
  },
});
