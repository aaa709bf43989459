/** From a violation that a search reports to a counterexample that has been replayed, and its trace file. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import type { Shown } from "../checker/trace/format.ts";
import { recordTrace, type RunIdentity } from "../checker/trace/record.ts";
import { confirmClaim, type Replay, ReplayMismatch, replayPath } from "../checker/trace/replay.ts";
import type { Violation } from "../checker/search/result.ts";
import { exitCodes, ReportedError, usageError } from "./exit-codes.ts";
import type { Io } from "./io.ts";
import { argumentsOfViolation, nameOfViolation } from "./judge.ts";
import type { AnyInstance, Preparation } from "./run.ts";

/** A violation that the reference evaluator confirmed. */
export interface Counterexample {
  readonly shown: Shown;
  // oxlint-disable-next-line no-explicit-any
  readonly replay: Replay<any>;
}

/** Replays a violation's schedule. Throws an internal error where the reference evaluator does not agree. */
export function replayViolation(of: AnyInstance, violation: Violation, engine: string): Counterexample {
  const name = nameOfViolation(of, violation);
  const claim = { kind: violation.kind, name, args: argumentsOfViolation(of, violation) };
  const disagree = (why: string, cause?: unknown): ReportedError =>
    new ReportedError(
      exitCodes.internal,
      `internal error: the ${engine} engine reports a violation of ${name} that the reference evaluator does not confirm: ${why}`,
      "believe neither; run again with --engine reference, and report the design and the scenario",
      { cause },
    );
  try {
    const replay = replayPath(of, violation.path);
    const shown = confirmClaim(of, replay, claim);
    if (shown === null) throw disagree("the property holds at the end of the schedule");
    return { shown, replay };
  } catch (error) {
    if (error instanceof ReplayMismatch) throw disagree(error.message, error);
    throw error;
  }
}

/**
 * The name of a trace file: `<design>-<scenario>-<size>-<what it shows>.json`, and before what it shows, what was
 * switched off and what else differs from a plain check (`found`): another run is to leave the file alone.
 */
export function nameTraceFile(
  { target, powersOff, assumptionsOff }: Preparation,
  shows: string,
  found: readonly string[] = [],
): string {
  const { design, scenario, size, scope } = target;
  const off = powersOff.filter((name) => scope.powersOff?.includes(name) !== true);
  const unassumed = assumptionsOff.filter((name) => scope.assumptionsOff?.includes(name) !== true);
  const differs = [
    ...off.map((name) => `without-${name}`),
    ...unassumed.map((name) => `not-assuming-${name}`),
    ...found,
  ];
  const name = [design.name, scenario.name, size, ...differs, shows].join("-");
  return `${name.replaceAll(/[^\w.-]+/g, "-")}.json`;
}

/** Where the trace of a property goes when nobody says. */
export function defaultTraceFile(run: Preparation, property: string, found: readonly string[] = []): string {
  return join("traces", nameTraceFile(run, property, found));
}

/** Writes a counterexample's trace; returns the file as seen from the folder of the command. */
export function writeTrace(
  io: Io,
  run: Preparation,
  { shown, replay }: Counterexample,
  file: string,
  identityOfRun: Pick<RunIdentity, "engine" | "reproduce" | "seed" | "reductions">,
): string {
  const identity = {
    design: run.target.design.name,
    scenario: run.target.scenario.name,
    size: run.target.size,
    modelDigest: run.modelDigest,
    ...identityOfRun,
  };
  const path = resolve(io.cwd, file);
  const trace = recordTrace(run.instance, identity, replay, shown);
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${JSON.stringify(trace, null, 2)}\n`);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw usageError(`the trace could not be written: ${why}`, "name another file with --trace FILE");
  }
  const near = relative(io.cwd, path);
  return near.startsWith("..") ? path : near;
}
