/**
 * From where each state was found: its parent and the instance that led to it, by the order in which states are
 * found. Eight bytes for each state; what is not needed at once goes to a spill, where there is one.
 */
import { type Evaluator, Successors } from "../evaluate/evaluator.ts";
import { ModelError } from "../errors.ts";
import type { Path } from "./result.ts";
import type { Spill } from "./spill.ts";

/** A state by its place in the order found, or the step `instance` from it, whose end need not be new. */
export interface Place {
  readonly ordinal: number;
  /** Steps from an initial state to this state. */
  readonly depth: number;
  readonly instance?: number;
}

const chunkShift = 17;
const chunkWords = 2 << chunkShift;

export class Origins {
  private readonly spill: Spill | null;
  /** Pairs of a parent and an instance; a negative parent `~n` is initial state number `n`. `null`: spilled. */
  private readonly chunks: (Int32Array | null)[] = [];
  private count = 0;
  /** The spilled chunk that was read last. */
  private readonly lent = { chunk: -1, words: new Int32Array(0) };

  constructor(spill: Spill | null = null) {
    this.spill = spill;
  }

  /** Bytes in memory. */
  get bytes(): number {
    return this.chunks.filter((chunk) => chunk !== null).length * 4 * chunkWords + this.lent.words.byteLength;
  }

  /** Bytes that `more` states would add. */
  growthFor(more: number): number {
    const needed = Math.ceil((this.count + more) / 2 ** chunkShift);
    return Math.max(0, needed - this.chunks.length) * 4 * chunkWords;
  }

  /** Notes from where the next state was found. */
  append(parent: number, instance: number): void {
    const at = 2 * (this.count++ & (2 ** chunkShift - 1));
    if (at === 0) this.chunks.push(new Int32Array(chunkWords));
    const chunk = this.chunks[this.chunks.length - 1] as Int32Array;
    chunk[at] = parent;
    chunk[at + 1] = instance;
  }

  /** Spills all that is full. */
  free(): void {
    const { chunks, spill } = this;
    if (spill === null) return;
    for (let i = 0; i < chunks.length - 1; i++) {
      const chunk = chunks[i];
      if (chunk === null) continue;
      if (!spill.write(nameOf(i), chunk)) return;
      chunks[i] = null;
    }
  }

  /** The path to a place. */
  pathTo(evaluator: Evaluator, { ordinal, instance }: Place): Path {
    const chain: number[] = [];
    let at = ordinal;
    for (; this.parentOf(at) >= 0; at = this.parentOf(at)) chain.push(at);
    const initial = ~this.parentOf(at);
    const instances: number[] = [];
    let state = evaluator.initialStates()[initial];
    for (const child of chain.reverse()) {
      const step = stepTo(evaluator, this.instanceOf(child), state);
      instances.push(step.instance);
      ({ state } = step);
    }
    return { initial, instances: instance === undefined ? instances : [...instances, instance] };
  }

  /** Forgets what was spilled. */
  dispose(): void {
    this.chunks.forEach((chunk, i) => {
      if (chunk === null) this.spill?.forget(nameOf(i));
    });
    this.chunks.length = 0;
  }

  private parentOf(ordinal: number): number {
    return this.chunkOf(ordinal)[2 * (ordinal & (2 ** chunkShift - 1))];
  }

  private instanceOf(ordinal: number): number {
    return this.chunkOf(ordinal)[2 * (ordinal & (2 ** chunkShift - 1)) + 1];
  }

  private chunkOf(ordinal: number): Int32Array {
    const i = ordinal >>> chunkShift;
    const chunk = this.chunks[i];
    if (chunk !== null) return chunk;
    const { lent } = this;
    if (lent.chunk === i) return lent.words;
    if (lent.words.length === 0) lent.words = new Int32Array(chunkWords);
    this.spill?.read(nameOf(i), lent.words);
    lent.chunk = i;
    return lent.words;
  }
}

/** The step from a state that an instance takes: of several that lead to the same state, the one with the first id. */
function stepTo(
  evaluator: Evaluator,
  taken: number,
  state: Int32Array,
): { instance: number; state: Int32Array } {
  const { words } = evaluator;
  const successors = new Successors(words);
  evaluator.expand(state, 0, successors);
  const found = successors.instances.subarray(0, successors.count).indexOf(taken);
  if (found < 0) throw cannotFindAgain();
  const next = successors.words.slice(found * words, (found + 1) * words);
  let instance = taken;
  for (let i = 0; i < successors.count; i++) {
    const isSame = next.every((word, k) => successors.words[i * words + k] === word);
    if (isSame) instance = Math.min(instance, successors.instances[i]);
  }
  return { instance, state: next };
}

export function cannotFindAgain(): ModelError {
  return new ModelError(
    "M03",
    "the same state had other successors when it was expanded again",
    "find the recipe that remembers something or reads outside the state",
  );
}

function nameOf(chunk: number): string {
  return `origins-${chunk}`;
}
