/**
 * What a search has found: the first violation of each property instance, and where each witness was first seen.
 * `At` is how the search remembers a place until it is asked for the path.
 */
import type { Deadlock, Evaluator } from "../evaluate/evaluator.ts";
import type { Path, Violation } from "./result.ts";

interface Found<At> {
  readonly kind: Violation["kind"];
  readonly property: number;
  readonly at: At;
  readonly deadlock?: Deadlock;
}

/** What was found up to a checkpoint. */
export interface SavedFindings<At> {
  readonly found: readonly Found<At>[];
  readonly reachedAt: readonly (At | null)[];
}

export class Findings<At> {
  private readonly evaluator: Evaluator;
  private readonly found: Found<At>[] = [];
  private readonly seen = {
    invariant: new Set<number>(),
    step: new Set<number>(),
    deadlock: new Set<number>(),
  };
  private readonly reached: Uint8Array;
  private readonly reachedAt: (At | null)[];
  /** The witness instances not yet reached. */
  private sought: number[];

  constructor(evaluator: Evaluator, witnesses: number) {
    this.evaluator = evaluator;
    this.reached = new Uint8Array(witnesses);
    this.reachedAt = Array.from({ length: witnesses }, () => null);
    this.sought = Array.from({ length: witnesses }, (_, id) => id);
  }

  /** What was found, for a checkpoint. */
  get saved(): SavedFindings<At> {
    return { found: this.found, reachedAt: this.reachedAt };
  }

  /** Takes over what was found before. */
  restore({ found, reachedAt }: SavedFindings<At>): void {
    for (const each of found) {
      this.found.push(each);
      this.seen[each.kind].add(each.property);
    }
    reachedAt.forEach((at, id) => {
      if (at === null) return;
      this.reached[id] = 1;
      this.noteReached(at);
    });
  }

  get hasViolation(): boolean {
    return this.found.length > 0;
  }

  /**
   * Checks the invariants of `count` states that lie one behind the other, and what they witness. `at` is asked
   * for the n-th of them when there is news, or when the model may throw there.
   */
  check(words: Int32Array, offset: number, count: number, at: (n: number) => At): void {
    const { evaluator } = this;
    for (let n = 0; n < count; n++) {
      const start = offset + n * evaluator.words;
      if (this.sought.length === 0 && evaluator.countClean !== undefined) {
        n += evaluator.countClean(words, start, count - n);
        if (n < count) this.checkOne(words, offset + n * evaluator.words, n, at);
      } else {
        this.checkOne(words, start, n, at);
      }
    }
  }

  private checkOne(words: Int32Array, offset: number, n: number, at: (n: number) => At): void {
    try {
      for (const id of this.evaluator.violatedInvariants(words, offset))
        this.add("invariant", id, () => at(n));
      if (this.sought.length > 0) this.checkWitnesses(words, offset, () => at(n));
    } catch (error) {
      at(n);
      throw error;
    }
  }

  private checkWitnesses(words: Int32Array, offset: number, at: () => At): void {
    const { reached, sought } = this;
    this.evaluator.markWitnesses(words, offset, reached);
    for (let i = 0; i < sought.length; i++) {
      if (reached[sought[i]] === 0) continue;
      this.noteReached(at());
      return;
    }
  }

  /** Checks a state for deadlock, unless there is one already. */
  checkDeadlock(words: Int32Array, offset: number, at: () => At): void {
    if (this.seen.deadlock.size > 0) return;
    const deadlock = this.evaluator.deadlockIn(words, offset);
    if (deadlock !== null) this.add("deadlock", -1, at, deadlock);
  }

  /** Notes that the step to `at` broke a step property. */
  noteBrokenStep(property: number, at: () => At): void {
    this.add("step", property, at);
  }

  /** Where the violations are, in the order found. */
  get violatingPlaces(): At[] {
    return this.found.map(({ at }) => at);
  }

  /** The violations, given the paths to their places. */
  violations(paths: readonly Path[]): Violation[] {
    return this.found.map(({ kind, property, deadlock }, i) => ({
      kind,
      property,
      path: paths[i],
      ...(deadlock && { deadlock }),
    }));
  }

  /** By id of the witness instance: where it was first seen, or null. */
  witnesses(): readonly (At | null)[] {
    return this.reachedAt;
  }

  private add(kind: Violation["kind"], property: number, at: () => At, deadlock?: Deadlock): void {
    if (this.seen[kind].has(property)) return;
    this.seen[kind].add(property);
    this.found.push({ kind, property, at: at(), ...(deadlock && { deadlock }) });
  }

  private noteReached(at: At): void {
    for (const id of this.sought) if (this.reached[id] !== 0) this.reachedAt[id] = at;
    this.sought = this.sought.filter((id) => this.reached[id] === 0);
  }
}
