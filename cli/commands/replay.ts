/** `dmaspec replay TRACE`: takes a trace's steps on the reference evaluator, and shows them. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { buildCommand } from "@stricli/core";
import type { Trace } from "../../checker/trace/format.ts";
import { countOf, formatCounterexample, nameClaim } from "../../checker/trace/print.ts";
import { confirmClaim, ReplayMismatch, replayTrace } from "../../checker/trace/replay.ts";
import type { Context } from "../context.ts";
import type { Counterexample } from "../counterexample.ts";
import { exitCodes, ReportedError, usageError } from "../exit-codes.ts";
import { jsonFlag } from "../flags.ts";
import { colorsFor, type Io } from "../io.ts";
import { type Preparation, prepareRun } from "../run.ts";
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
    const trace = await readTrace(io, file);
    const reproduce = `npx dmaspec replay ${quoteForShell(file)}`;
    let run: Preparation;
    try {
      run = prepareTrace(this, trace);
    } catch (error) {
      if (!(error instanceof ReportedError) || error.exitCode !== exitCodes.usage) throw error;
      const rejected = new ReportedError(exitCodes.rejected, `${file}: ${error.message}`, error.remedy);
      throw Object.assign(rejected, { reproduce });
    }
    const sameModel = run.modelDigest === trace.modelDigest;
    const replayed = tryReplay(run, trace);
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
    if (replayed instanceof ReplayMismatch) {
      const note = sameModel ? "" : " (the trace was written for another version of the model)";
      const what = `${file} is not accepted${note}: ${replayed.message}`;
      throw Object.assign(new ReportedError(exitCodes.rejected, what, replayed.remedy), { reproduce });
    }
    const { stdout } = io;
    const options = { width: stdout.columns, colors: colorsFor(io, stdout) };
    const lines = [
      `${options.colors.bold(`${trace.design} on ${trace.scenario}, ${trace.size}`)}, within ${formatBounds(trace.bounds)}`,
      "",
      ...formatCounterexample(run.instance, replayed.replay, replayed.shown, options),
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
  return `${nameClaim(property)} ${property.kind === "witness" ? "is reached" : "is broken"}`;
}

async function readTrace(io: Io, file: string): Promise<Trace> {
  // The schemas take a while to load, and no other command reads them.
  const { parseTrace, TraceFileError } = await import("../../checker/trace/format.ts");
  let text: string;
  try {
    text = readFileSync(resolve(io.cwd, file), "utf8");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw usageError(`the trace could not be read: ${why}`, "name a file that `dmaspec check` wrote");
  }
  try {
    return parseTrace(text, file);
  } catch (error) {
    if (error instanceof TraceFileError) throw usageError(error.message, error.remedy);
    throw error;
  }
}

/** The trace's design in the trace's bounds. Throws a usage error for names that nobody knows. */
function prepareTrace({ registry }: Context, trace: Trace): Preparation {
  const { design, scenario, size, powersOff, assumptionsOff, bounds } = trace;
  const run = prepareRun(registry, { design, scenario, size, power: powersOff, assume: assumptionsOff });
  const now = run.target.scope.bounds;
  const changed = Object.keys({ ...now, ...bounds }).find((name) => now[name] !== bounds[name]);
  if (changed === undefined) return run;
  const [then, today] = [bounds[changed] ?? "absent", now[changed] ?? "absent"];
  throw usageError(
    `bounds.${changed} is ${then}, and ${scenario} has ${today} in size ${size}`,
    "the scenario has changed since: find the trace again with `dmaspec check`",
  );
}

function tryReplay(run: Preparation, trace: Trace): Counterexample | ReplayMismatch {
  try {
    const replay = replayTrace(run.instance, trace);
    const shown = confirmClaim(run.instance, replay, trace.property);
    if (shown !== null) return { replay, shown };
    const missing = trace.property.kind === "witness" ? "is not reached" : "is not broken";
    return new ReplayMismatch(
      trace.steps.length,
      `${nameClaim(trace.property)} ${missing} after it`,
      "every step is possible, but the trace no longer shows what it claims: find it again with `dmaspec check`",
    );
  } catch (error) {
    if (error instanceof ReplayMismatch) return error;
    throw error;
  }
}
