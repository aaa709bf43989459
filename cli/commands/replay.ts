/** `dmaspec replay TRACE`: takes a trace's steps on the reference evaluator, and shows them. */
import { buildCommand } from "@stricli/core";
import { wrap } from "../../checker/trace/columns.ts";
import type { Trace } from "../../checker/trace/format.ts";
import { countOf, nameClaim } from "../../checker/trace/print.ts";
import { ReplayMismatch } from "../../checker/trace/replay.ts";
import { formatExplained } from "../../checker/trace/why/story.ts";
import { verbOf } from "../../checker/trace/shown.ts";
import type { Context } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { jsonFlag } from "../flags.ts";
import { colorsFor } from "../io.ts";
import { openTrace, rejectionOf, tryReplay } from "../read-trace.ts";
import type { ReplayOutput } from "../schemas.ts";
import { formatBounds, quoteForShell } from "../text.ts";

interface ReplayFlags {
  readonly json?: boolean;
}

export const replayCommand = buildCommand<ReplayFlags, [string], Context>({
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [{ parse: String, placeholder: "TRACE", brief: "A trace file, as `check` writes it" }],
    },
    flags: { json: jsonFlag() },
  },
  docs: {
    brief: "Replay a trace file step by step, and show it",
    fullDescription: [
      "Takes every step of the trace on the reference evaluator, compares what it did with what the trace",
      "says, and confirms that the property is broken at the end. docs/trace-format.md describes the file; the",
      "names of the actions and their arguments are all it needs.",
      "",
      "Exit codes: 0 the trace is accepted, 4 the model does not accept it (it says at which step, and why).",
    ].join("\n"),
  },
  async func(flags, file) {
    const { io } = this;
    const reproduce = `npx dmaspec replay ${quoteForShell(file)}`;
    const opened = await openTrace(this, file, reproduce);
    const { trace, run, sameModel } = opened;
    const replayed = tryReplay(opened);
    const rejection = replayed instanceof ReplayMismatch ? replayed : null;
    if (flags.json === true) {
      const output: ReplayOutput = {
        schema: "dmaspec/replay@1",
        trace: file,
        accepted: rejection === null,
        reason: rejection?.message ?? null,
        step: rejection?.step ?? null,
        design: trace.design,
        scenario: trace.scenario,
        size: trace.size,
        property: trace.property.name,
        instance: trace.property.args,
        length: trace.steps.length,
        sameModel,
      };
      io.stdout.write(`${JSON.stringify(output, null, 2)}\n`);
      this.exitCode = rejection === null ? exitCodes.holds : exitCodes.rejected;
      return;
    }
    if (replayed instanceof ReplayMismatch) throw rejectionOf(file, opened, replayed);
    const { stdout } = io;
    const options = { width: stdout.columns, colors: colorsFor(io, stdout) };
    const lines = [
      options.colors.bold(`${trace.design} on ${trace.scenario}, ${trace.size}`),
      ...wrap(`within ${formatBounds(trace.bounds)}`, stdout.columns, 2, 4),
      "",
      ...formatExplained(run.instance, replayed.replay, replayed.shown, options),
      "",
      `accepted: the model takes ${countOf(trace.steps.length, "step")}, and ${describeClaim(trace)} at the end.`,
      ...(sameModel
        ? []
        : ["The trace was written for another version of the model, and still shows what it did."]),
    ];
    stdout.write(`${lines.join("\n")}\n`);
  },
});

function describeClaim({ property }: Trace): string {
  return `${nameClaim(property)} ${verbOf(property)}`;
}
