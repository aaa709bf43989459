/**
 * What the search asks of an evaluator. Evaluators run the same recipes and must agree; the search does
 * not know which one it drives.
 */
import { ModelError } from "../errors.ts";

/** Successor states, one behind the other, with the action instance that led to each. */
export class Successors {
  readonly wordsPerState: number;
  /** The packed states: successor `i` begins at `i * wordsPerState`. Replaced when it grows. */
  words: Int32Array;
  /** The id of the action instance of each successor. Replaced when it grows. */
  instances: Int32Array;
  count = 0;
  /** Step properties that a step broke: the successor's position here, and the property instance's id. */
  readonly brokenSteps: { successor: number; property: number }[] = [];

  constructor(wordsPerState: number, capacity = 256) {
    this.wordsPerState = wordsPerState;
    this.words = new Int32Array(capacity * wordsPerState);
    this.instances = new Int32Array(capacity);
  }

  clear(): void {
    this.count = 0;
    if (this.brokenSteps.length > 0) this.brokenSteps.length = 0;
  }

  /** Takes the successors from number `first` on back. */
  takeBack(first: number): void {
    const { brokenSteps } = this;
    while (brokenSteps.length > 0 && brokenSteps[brokenSteps.length - 1].successor >= first)
      brokenSteps.pop();
    this.count = first;
  }

  /** Keeps, of the successors from number `first` on, those to which one of these instances led. */
  keepFrom(first: number, isKept: (instance: number) => boolean): void {
    const { instances, words, wordsPerState, brokenSteps } = this;
    const places = new Map<number, number>();
    let count = first;
    for (let i = first; i < this.count; i++) {
      if (!isKept(instances[i])) continue;
      instances[count] = instances[i];
      words.copyWithin(count * wordsPerState, i * wordsPerState, (i + 1) * wordsPerState);
      places.set(i, count++);
    }
    this.count = count;
    for (const each of brokenSteps.splice(0)) {
      const successor = each.successor < first ? each.successor : places.get(each.successor);
      if (successor !== undefined) brokenSteps.push({ ...each, successor });
    }
  }

  /** Makes room for one more successor and returns the offset of its first word. */
  nextOffset(): number {
    if (this.count === this.instances.length) {
      const words = new Int32Array(this.words.length * 2);
      words.set(this.words);
      this.words = words;
      const instances = new Int32Array(this.instances.length * 2);
      instances.set(this.instances);
      this.instances = instances;
    }
    return this.count * this.wordsPerState;
  }
}

/** Processes that can never go on. */
export interface Deadlock {
  /** Who waits for what and whom, one sentence each. */
  readonly explanation: readonly string[];
  /** The processes in it, e.g. `cpu 0`; empty for a state without any step. */
  readonly processes: readonly string[];
}

export interface Evaluator {
  readonly name: "reference" | "packed" | "js" | "wasm";
  /** 32-bit words in a packed state. Bit 0 of word 0 is set in every state, so no state is all zero. */
  readonly words: number;
  /** Of each word of a state, how many bits (from bit 0 on) are in use; all the others are 0. Absent: 32 of each. */
  readonly usedBits?: readonly number[];
  /** The initial states, packed, in the order of their names in the model. */
  initialStates(): Int32Array[];
  /**
   * Appends every successor of the state at `words[offset]` to `out`. Returns whether the state may be a
   * deadlock, so that the search asks `deadlockIn` only then.
   */
  expand(words: Int32Array, offset: number, out: Successors): boolean;
  /**
   * Expands states that lie one behind the other, up to `count` of them, until `out` has `enough` successors, and
   * writes into `ends`, from `first` on, where each one's end. Returns how many it expanded. Fewer than it might makes
   * the search expand the next one by itself: it may be a deadlock, or wrong.
   */
  expandRun?(
    words: Int32Array,
    offset: number,
    count: number,
    out: Successors,
    enough: number,
    ends: Int32Array,
    first: number,
  ): number;
  /** The ids of the invariant instances that the state violates. */
  violatedInvariants(words: Int32Array, offset: number): readonly number[];
  /**
   * Of `count` states that lie one behind the other, how many from the first on certainly violate no invariant.
   * Fewer than there are makes the search look at the next one by itself.
   */
  countClean?(words: Int32Array, offset: number, count: number): number;
  /** Marks in `reached` (by id of the witness instance) what the state shows. */
  markWitnesses(words: Int32Array, offset: number, reached: Uint8Array): void;
  /** The deadlock that the state is in, by the model's rule for it, or null. */
  deadlockIn(words: Int32Array, offset: number): Deadlock | null;
}

/** What a recipe threw, as an error of the model that names the place. */
export function asModelError(error: unknown, place: string): ModelError {
  if (error instanceof ModelError) return error.at(place);
  const message = error instanceof Error ? error.message : String(error);
  // Accessor objects and frozen plain states refuse unknown fields with a TypeError.
  if (/not extensible|Cannot add property|Cannot assign to read only|only a getter|read-only/.test(message)) {
    return new ModelError(
      "M02",
      `${place} writes outside the schema (${message})`,
      "declare the field; change arrays, records, queues and sets in place",
    );
  }
  return new ModelError("M09", `${place} threw: ${message}`, "guard the step, or mend its recipe");
}
