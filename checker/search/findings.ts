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

  get hasViolation(): boolean {
    return this.found.length > 0;
  }

  /** Checks a state's invariants, and what it witnesses. `at` is asked for only when there is news. */
  check(words: Int32Array, offset: number, at: () => At): void {
    for (const id of this.evaluator.violatedInvariants(words, offset)) this.add("invariant", id, at);
    if (this.sought.length > 0) {
      this.evaluator.markWitnesses(words, offset, this.reached);
      if (this.sought.some((id) => this.reached[id] !== 0)) this.noteReached(at());
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

  violations(pathTo: (at: At) => Path): Violation[] {
    return this.found.map(({ at, ...rest }) => ({ ...rest, path: pathTo(at) }));
  }

  witnesses(pathTo: (at: At) => Path): (Path | null)[] {
    return this.reachedAt.map((at) => (at === null ? null : pathTo(at)));
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
