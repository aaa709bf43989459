/** What every export is made from: a trace that the model has accepted. */
import type { Instance } from "../../model/model.ts";
import type { Trace } from "../format.ts";
import type { Replay } from "../replay.ts";

export interface Exported<S> {
  readonly trace: Trace;
  readonly of: Instance<S>;
  readonly replay: Replay<S>;
}

/** The lanes that act, in the order of their first step. */
export function lanesOf<S>({ replay }: Exported<S>): string[] {
  return [...new Set(replay.steps.map(({ instance }) => instance.lane))];
}
