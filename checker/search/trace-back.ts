/**
 * From a state in the log back to an initial state, and from there the path: the log knows each state's parent,
 * and the step between two states is found again by expanding the parent. Of several steps that lead there, it
 * is the one with the first id.
 */
import { ModelError } from "../errors.ts";
import { type Evaluator, Successors } from "../evaluate/evaluator.ts";
import type { Path } from "./result.ts";
import type { StateLog } from "./state-log.ts";

/** A state in the log, or the step `instance` from it, whose end need not be the log's. */
export interface Place {
  readonly ordinal: number;
  readonly instance?: number;
}

export class TraceBack {
  private readonly evaluator: Evaluator;
  private readonly log: StateLog;
  private readonly successors: Successors;
  /** The instance that led to a state from its parent, by the state's ordinal: paths share their beginnings. */
  private readonly steps = new Map<number, number>();

  constructor(evaluator: Evaluator, log: StateLog) {
    this.evaluator = evaluator;
    this.log = log;
    this.successors = new Successors(evaluator.words);
  }

  pathTo(place: Place): Path {
    const reversed = place.instance === undefined ? [] : [place.instance];
    let ordinal = place.ordinal;
    for (let parent = this.log.parentOf(ordinal); parent >= 0; parent = this.log.parentOf(ordinal)) {
      reversed.push(this.stepBetween(parent, ordinal));
      ordinal = parent;
    }
    return { initial: ~this.log.parentOf(ordinal), instances: reversed.reverse() };
  }

  private stepBetween(parent: number, child: number): number {
    const known = this.steps.get(child);
    if (known !== undefined) return known;
    const { evaluator, log, successors } = this;
    successors.clear();
    evaluator.expand(log.chunkOf(parent), log.offsetOf(parent), successors);
    let step = Infinity;
    for (let i = 0; i < successors.count; i++) {
      if (successors.instances[i] < step && this.isState(child, i * evaluator.words))
        step = successors.instances[i];
    }
    if (step < Infinity) {
      this.steps.set(child, step);
      return step;
    }
    throw new ModelError(
      "M03",
      "the same state had other successors when it was expanded again",
      "find the recipe that remembers something or reads outside the state",
    );
  }

  private isState(ordinal: number, offset: number): boolean {
    const words = this.log.chunkOf(ordinal);
    const start = this.log.offsetOf(ordinal);
    for (let k = 0; k < this.evaluator.words; k++) {
      if (words[start + k] !== this.successors.words[offset + k]) return false;
    }
    return true;
  }
}
