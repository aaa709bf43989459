/**
 * An evaluator for tests of the search: counters that step up, one at a time, with violations where a test wants
 * them. Its state spaces, depths and shortest paths are known without a search.
 */
import { ModelError } from "../errors.ts";
import type { Deadlock, Evaluator, Successors } from "../evaluate/evaluator.ts";

export interface Grid {
  /** How many values each counter has: it counts from 0 to one less. */
  readonly sides: readonly number[];
  /** From the last value back to 0; otherwise a counter stops there. */
  readonly wraps?: boolean;
  /** Words in a packed state; the counters take turns. Default 1, enough for 31 bits. */
  readonly words?: number;
  /** The order in which the counters are tried: action instance `i` steps counter `order[i]`. */
  readonly order?: readonly number[];
  /** Initial states; default: all counters at 0. */
  readonly initial?: readonly (readonly number[])[];
  /** Each is an invariant, violated where it is true. */
  readonly violatedBy?: readonly ((counters: readonly number[]) => boolean)[];
  /** Each is a step property, broken where it is true: counters before the step, and the instance. */
  readonly brokenBy?: readonly ((counters: readonly number[], instance: number) => boolean)[];
  readonly witnessedBy?: readonly ((counters: readonly number[]) => boolean)[];
  readonly deadlockedBy?: (counters: readonly number[]) => boolean;
  /** States whose expansion throws. */
  readonly throwsAt?: (counters: readonly number[]) => boolean;
}

export class GridEvaluator implements Evaluator {
  readonly name = "packed";
  readonly words: number;
  /** What the search is told about the model. */
  readonly counts: { readonly instances: number; readonly witnesses: number };
  /** How many states were expanded and checked. */
  expanded = 0;
  checked = 0;
  private readonly grid: Grid;
  private readonly places: readonly { word: number; shift: number; mask: number; last: number }[];

  constructor(grid: Grid) {
    this.grid = grid;
    this.words = grid.words ?? 1;
    const free = Array.from({ length: this.words }, (_, word) => (word === 0 ? 1 : 0));
    this.places = grid.sides.map((side, i) => {
      const bits = 32 - Math.clz32(side - 1);
      const word = i % this.words;
      const shift = free[word];
      free[word] += bits;
      if (free[word] > 32) throw new Error("the grid needs more words");
      return { word, shift, mask: 2 ** bits - 1, last: side - 1 };
    });
    this.counts = { instances: grid.sides.length, witnesses: grid.witnessedBy?.length ?? 0 };
  }

  initialStates(): Int32Array[] {
    return (this.grid.initial ?? [this.grid.sides.map(() => 0)]).map((counters) => this.pack(counters));
  }

  expand(words: Int32Array, offset: number, out: Successors): boolean {
    const { brokenBy, order, throwsAt, wraps } = this.grid;
    const { places, words: width } = this;
    this.expanded++;
    if (throwsAt?.(this.unpack(words, offset))) throw new ModelError("M09", "the grid threw", "leave it");
    for (let instance = 0; instance < places.length; instance++) {
      const { word, shift, mask, last } = places[order === undefined ? instance : order[instance]];
      const value = (words[offset + word] >>> shift) & mask;
      if (value === last && wraps !== true) continue;
      const at = out.nextOffset();
      for (let k = 0; k < width; k++) out.words[at + k] = words[offset + k];
      out.words[at + word] += (value === last ? -last : 1) << shift;
      out.instances[out.count++] = instance;
      brokenBy?.forEach((isBroken, property) => {
        const before = this.unpack(words, offset);
        if (isBroken(before, instance)) out.brokenSteps.push({ successor: out.count - 1, property });
      });
    }
    return this.grid.deadlockedBy !== undefined;
  }

  violatedInvariants(words: Int32Array, offset: number): readonly number[] {
    this.checked++;
    return this.idsOf(this.grid.violatedBy, words, offset);
  }

  markWitnesses(words: Int32Array, offset: number, reached: Uint8Array): void {
    for (const id of this.idsOf(this.grid.witnessedBy, words, offset)) reached[id] = 1;
  }

  deadlockIn(words: Int32Array, offset: number): Deadlock | null {
    if (this.grid.deadlockedBy?.(this.unpack(words, offset)) !== true) return null;
    return { explanation: ["the counters wait"], processes: [] };
  }

  /** The counters after a path, by arithmetic. */
  replay(path: { readonly initial: number; readonly instances: readonly number[] }): number[] {
    const counters = this.unpack(this.initialStates()[path.initial], 0);
    for (const instance of path.instances) {
      const i = this.grid.order?.[instance] ?? instance;
      counters[i] = (counters[i] + 1) % this.grid.sides[i];
    }
    return counters;
  }

  pack(counters: readonly number[]): Int32Array {
    const words = new Int32Array(this.words);
    words[0] = 1;
    for (const [i, { word, shift }] of this.places.entries()) words[word] |= counters[i] << shift;
    return words;
  }

  unpack(words: Int32Array, offset: number): number[] {
    return this.places.map(({ word, shift, mask }) => (words[offset + word] >>> shift) & mask);
  }

  private idsOf(
    predicates: readonly ((counters: readonly number[]) => boolean)[] | undefined,
    words: Int32Array,
    offset: number,
  ): readonly number[] {
    if (predicates === undefined) return none;
    const counters = this.unpack(words, offset);
    return predicates.flatMap((holds, id) => (holds(counters) ? [id] : []));
  }
}

const none: readonly number[] = [];
