/** Trace files: read, put into today's model, and replayed. For every command that takes one. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Trace } from "../checker/trace/format.ts";
import { nameClaim } from "../checker/trace/print.ts";
import { confirmClaim, ReplayMismatch, replayTrace } from "../checker/trace/replay.ts";
import { isViolation } from "../checker/trace/shown.ts";
import type { Context } from "./context.ts";
import type { Counterexample } from "./counterexample.ts";
import { exitCodes, ReportedError, usageError } from "./exit-codes.ts";
import type { Io } from "./io.ts";
import { type Preparation, prepareRun } from "./run.ts";
import { quoteForShell } from "./text.ts";

/** A trace file and the model that it is to be replayed on. */
export interface OpenedTrace {
  readonly trace: Trace;
  readonly run: Preparation;
  /** Is the model's structure the one that the trace was written for? */
  readonly sameModel: boolean;
}

/** Reads a trace. What the model cannot be brought to is told as a trace that is not accepted. */
export async function openTrace(context: Context, file: string, reproduce: string): Promise<OpenedTrace> {
  const trace = await readTrace(context.io, file);
  try {
    const run = prepareTrace(context, trace);
    return { trace, run, sameModel: run.modelDigest === trace.modelDigest };
  } catch (error) {
    if (!(error instanceof ReportedError) || error.exitCode !== exitCodes.usage) throw error;
    const rejected = new ReportedError(exitCodes.rejected, `${file}: ${error.message}`, error.remedy);
    throw Object.assign(rejected, { reproduce });
  }
}

/** The error of a trace that the model does not accept. */
export function rejectionOf(
  file: string,
  { sameModel }: OpenedTrace,
  mismatch: ReplayMismatch,
  reproduce = `npx dmaspec replay ${quoteForShell(file)}`,
): ReportedError {
  const note = sameModel ? "" : " (the trace was written for another version of the model)";
  const what = `${file} is not accepted${note}: ${mismatch.message}`;
  return Object.assign(new ReportedError(exitCodes.rejected, what, mismatch.remedy), { reproduce });
}

async function readTrace(io: Io, file: string): Promise<Trace> {
  // The schemas take a while to load, and no other command reads them.
  const { parseTrace, TraceFileError } = await import("../checker/trace/format.ts");
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
  const now = run.instance.scope.bounds;
  const changed = Object.keys({ ...now, ...bounds }).find((name) => now[name] !== bounds[name]);
  if (changed === undefined) return run;
  const [then, today] = [bounds[changed] ?? "absent", now[changed] ?? "absent"];
  throw usageError(
    `bounds.${changed} is ${then}, and ${scenario} has ${today} in size ${size}`,
    "the scenario has changed since: find the trace again with `dmaspec check`",
  );
}

/** Replays a trace; what the model does not accept is returned, not thrown. */
export function tryReplay({ run, trace }: OpenedTrace): Counterexample | ReplayMismatch {
  try {
    const replay = replayTrace(run.instance, trace);
    const shown = confirmClaim(run.instance, replay, trace.property);
    if (shown !== null) return { replay, shown };
    const missing = isViolation(trace.property) ? "is not broken" : "is not reached";
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

/** Opens and replays a trace. Throws where the model does not accept it. */
export async function acceptTrace(
  context: Context,
  file: string,
  reproduce: string,
): Promise<{ readonly opened: OpenedTrace; readonly replayed: Counterexample }> {
  const opened = await openTrace(context, file, reproduce);
  const replayed = tryReplay(opened);
  if (replayed instanceof ReplayMismatch) throw rejectionOf(file, opened, replayed, reproduce);
  return { opened, replayed };
}
