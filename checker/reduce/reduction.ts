/**
 * What a reduction is: an evaluator around another one, whose states each stand for many of the other's.
 *
 * A reduction that hides an error is worse than none. So each says where it applies and refuses elsewhere, with
 * the reason; checks while the search runs what it rests on, and throws a `ReductionFailure` where it finds that
 * wrong (the search is then done again without); and takes every path back to one of the model itself, which is
 * replayed on the reference evaluator like any other.
 */
import type { Evaluator, Successors } from "../evaluate/evaluator.ts";
import type { Instance } from "../model/model.ts";
import type { Kept } from "./kept.ts";
import type { KeptApart } from "./merge/kept-apart.ts";
import type { Sampled, StateSample } from "./sample.ts";
import type { Path, SearchResult, Violation } from "../search/result.ts";
import type { Reached } from "./witnessed.ts";

/** In the order in which they are applied: the last one is the outermost, and sees what the others left. */
export const reductionNames = ["locks", "symmetry", "order"] as const;
export type ReductionName = (typeof reductionNames)[number];

export interface ReduceOptions {
  /** Check everything that a reduction rests on in every state that is expanded, not on a sample. */
  readonly audit: boolean;
  /** Of every random choice of the checks. */
  readonly seed: number;
  /** What earlier attempts of the same run found wrong. */
  readonly failures: readonly ReductionFailure[];
  /** Witnesses that are known to be reached, and need not be seen again; absent: none is. */
  readonly reached?: Reached;
  /** Answers of earlier runs; nothing is taken from there with `audit`, or after a failure. */
  readonly kept?: Kept | undefined;
}

/** Where answers of earlier runs may be taken from. */
export function keptFor({ audit, failures, kept }: ReduceOptions): Kept | undefined {
  return audit || failures.length > 0 ? undefined : kept;
}

export interface Reduction {
  readonly name: ReductionName;
  /** Wraps the evaluator; or says why it does not. */
  apply<S>(of: Instance<S>, evaluator: Evaluator, options: ReduceOptions): Reduced | Refusal;
}

/** Why a reduction is not used: one sentence, what and where. */
export interface Refusal {
  readonly refused: string;
}

/** An evaluator that reduces another one. */
export interface Reduced extends Evaluator {
  readonly reduction: ReductionName;
  /** The evaluator that it reduces; its states and paths are what `lift` and `liftPath` give. */
  readonly inner: Evaluator;
  /** Expands as `expand` does, but leaves out none of which another one is as good. */
  expandWhole?(words: Int32Array, offset: number, out: Successors): boolean;
  /** Forgets what it counted and whom it met, and begins its random choices anew: a search is to be as any other. */
  forget?(): void;
  /** Is a shortest way here as long as a shortest way there? */
  readonly keepsLengths: boolean;
  /** A violation of the inner evaluator's that this one stands for. */
  lift(violation: Violation): Violation;
  /** A path of the inner evaluator's that this one stands for. */
  liftPath(path: Path): Path;
  /** Some of the states that it expanded in a search; each weighs as many states of the inner evaluator as it stands for. */
  readonly sample?: StateSample;
  /** What it did in a search. `sample`: states that were expanded, as the outermost reduction weighs them. */
  describe(result: SearchResult, sample?: readonly Sampled[]): ReductionReport;
}

/** What a reduction did, for the summary. */
export interface ReductionReport {
  readonly name: ReductionName;
  /** How many times fewer states there were; null where that is not known. */
  readonly factor: number | null;
  /** Is the factor an estimate? */
  readonly isEstimate: boolean;
  /** Sentences: what it used, what it left alone and why, on what it was checked. */
  readonly notes: readonly string[];
  /** The labels at which steps are kept apart that would otherwise be one transition; absent: it makes none of several. */
  readonly keptApart?: readonly KeptApart[];
}

/** How many states of the model those of a search stand for. */
export interface Represented {
  readonly states: number;
  /** Is it an estimate, and not the sum of the states' orbits? */
  readonly isEstimate: boolean;
}

/**
 * The states of a search times the factors of its reductions. What has no known factor, and what dead locals save, is
 * not counted. Null where no factor is known.
 */
export function countRepresented(states: number, used: readonly ReductionReport[]): Represented | null {
  const known = used.filter(({ factor }) => factor !== null && factor > 1);
  if (known.length === 0) return null;
  const product = known.reduce((all, { factor }) => all * (factor ?? 1), states);
  return { states: Math.round(product), isEstimate: known.some(({ isEstimate }) => isEstimate) };
}

/** What a reduction rests on was found wrong during the search. */
export class ReductionFailure extends Error {
  readonly reduction: ReductionName;
  /** What is wrong and where, in a sentence. */
  readonly reason: string;
  /** What to do without the next time, in the reduction's own terms. */
  readonly subject: string;

  constructor(reduction: ReductionName, reason: string, subject: string) {
    super(`the reduction ${reduction} does not apply: ${reason}`);
    this.name = "ReductionFailure";
    this.reduction = reduction;
    this.reason = reason;
    this.subject = subject;
  }
}

/** Steps with which no transition of a state need begin, for others are as good. */
export interface LeftOut {
  /** By id of the action instance, 1 for those. */
  readonly marks: Uint8Array;
  /** To be told the steps that are possible in the state, whether or not they are left out: ids `from` to `to` of a list. */
  look(steps: Int32Array, from: number, to: number): void;
}

/** An evaluator that need not give all transitions of a state. */
export interface Selective extends Evaluator {
  expandWithout(leftOut: LeftOut, words: Int32Array, offset: number, out: Successors): boolean;
}

export function isSelective(evaluator: Evaluator): evaluator is Selective {
  return "expandWithout" in evaluator;
}

export function isReduced(evaluator: Evaluator): evaluator is Reduced {
  return "liftPath" in evaluator;
}

/** The violation of the model itself that one of a reduced evaluator's stands for. */
export function liftViolation(evaluator: Evaluator, violation: Violation): Violation {
  return isReduced(evaluator) ? liftViolation(evaluator.inner, evaluator.lift(violation)) : violation;
}

/** The path of the model itself that one of a reduced evaluator's stands for. */
export function liftPath(evaluator: Evaluator, path: Path): Path {
  return isReduced(evaluator) ? liftPath(evaluator.inner, evaluator.liftPath(path)) : path;
}
