/** What every export is made from: a trace that the model has accepted. */
import type { Instance } from "../../model/model.ts";
import type { Shown, Trace } from "../format.ts";
import type { Replay, ReplayedStep } from "../replay.ts";
import { verbOf } from "../shown.ts";
import type { StepReason } from "../why/slice.ts";

/** A line of the specification. */
export interface SourceLine {
  /** Relative to the project's root, with `/`. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

export interface Exported<S> {
  readonly trace: Trace;
  readonly of: Instance<S>;
  readonly replay: Replay<S>;
  /** What the replay shows at its end, as today's model puts it. */
  readonly shown: Shown;
  /** Why each step matters. */
  readonly reasons: readonly StepReason[];
  /** The version of dmaspec. */
  readonly version: string;
  /** Where in the sources a step is written, if that is known. */
  readonly locate: (step: Pick<ReplayedStep<S>, "instance" | "outcome">) => SourceLine | null;
  /** What a generated test imports `replayCase` from. */
  readonly caseModule: string;
}

/** The lanes that act, in the order of their first step. */
export function lanesOf<S>({ replay }: Pick<Exported<S>, "replay">): string[] {
  return [...new Set(replay.steps.map(({ instance }) => instance.lane))];
}

/** `is broken after 7 steps`, `is reached after 1 step`. */
export function describeEndOf<S>({ shown, replay }: Pick<Exported<S>, "shown" | "replay">): string {
  return `${verbOf(shown)} after ${replay.steps.length} ${replay.steps.length === 1 ? "step" : "steps"}`;
}
