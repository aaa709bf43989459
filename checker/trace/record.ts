/**
 * From a replayed schedule to a trace file.
 */
import type { Instance } from "../model/model.ts";
import type { Shown, Trace } from "./format.ts";
import { traceSchemaName } from "./version.ts";
import { toPlain } from "./plain.ts";
import type { Replay } from "./replay.ts";

/** What a run knows of itself, and its traces repeat. */
export interface RunIdentity {
  readonly design: string;
  readonly scenario: string;
  readonly size: string;
  readonly engine: string;
  readonly reductions: readonly string[];
  readonly seed?: number | undefined;
  readonly modelDigest: string;
  /** The command that finds the schedule again. */
  readonly reproduce: string;
}

/** The trace of a replayed schedule that shows `shown` at its end. */
export function recordTrace<S>(of: Instance<S>, run: RunIdentity, replay: Replay<S>, shown: Shown): Trace {
  return {
    schema: traceSchemaName,
    design: run.design,
    scenario: run.scenario,
    size: run.size,
    bounds: { ...of.scope.bounds },
    powersOff: [...(of.scope.powersOff ?? [])],
    assumptionsOff: [...(of.scope.assumptionsOff ?? [])],
    engine: run.engine,
    reductions: [...run.reductions],
    ...(run.seed === undefined ? {} : { seed: run.seed }),
    modelDigest: run.modelDigest,
    property: shown,
    initial: { name: replay.initialName, state: toPlain(replay.initial) },
    steps: replay.steps.map(({ n, instance, outcome, changes }) => ({
      n,
      lane: instance.lane,
      action: instance.action.name,
      args: { ...instance.args },
      outcome,
      changes: [...changes],
    })),
    reproduce: run.reproduce,
  };
}
