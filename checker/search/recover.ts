/**
 * Paths to what a search has found. The search keeps no parents, which would cost memory and time where nothing is
 * wrong. It finds states in an order that depends on the model alone, so that when a path is wanted the search is
 * done again, up to the state in question, and this time remembers from where each state was found.
 */
import { ModelError } from "../errors.ts";
import { type Evaluator, Successors } from "../evaluate/evaluator.ts";
import type { Path } from "./result.ts";
import { StateQueue } from "./state-queue.ts";
import { StateTable } from "./table.ts";
import { eventLoopTurn } from "./watch.ts";

/** A state by its place in the order found, or the step `instance` from it, whose end need not be new. */
export interface Place {
  readonly ordinal: number;
  /** Steps from an initial state to this state. */
  readonly depth: number;
  readonly instance?: number;
}

/** A state by itself, found by a search in whatever order, or the step `instance` from it. */
export interface StatePlace {
  readonly state: Int32Array;
  readonly depth: number;
  readonly instance?: number;
}

const batchSize = 4096;
const pauseEvery = 50;
const chunkShift = 18;

/** The paths to places that a breadth-first search of `evaluator` has found. */
export async function recoverPaths(evaluator: Evaluator, places: readonly Place[]): Promise<Path[]> {
  const last = Math.max(-1, ...places.map(({ ordinal }) => ordinal));
  const again = new SecondSearch(evaluator, last);
  await again.run();
  return places.map((place) => again.pathTo(place));
}

/** The paths to states. They are shortest ones, and the same in every run. */
export async function recoverPathsTo(evaluator: Evaluator, places: readonly StatePlace[]): Promise<Path[]> {
  if (places.length === 0) return [];
  const states = places.map(({ state }) => state);
  const again = new SecondSearch(evaluator, -1, states);
  await again.run();
  return places.map((place, i) => again.pathTo({ ...place, ordinal: again.wantedAt[i] }));
}

class SecondSearch {
  private readonly evaluator: Evaluator;
  /** The last state of interest. */
  private readonly last: number;
  private readonly table: StateTable;
  private readonly queue: StateQueue;
  /** Of each state its parent and the instance that led to it; a negative parent `~n`: initial state number `n`. */
  private readonly origins: Int32Array[] = [];
  private next = 0;
  /** States that are looked for, where they were found (-1: not yet), and how many are missing. */
  private readonly wanted: readonly Int32Array[];
  readonly wantedAt: number[];
  private missing: number;

  constructor(evaluator: Evaluator, last: number, wanted: readonly Int32Array[] = []) {
    this.evaluator = evaluator;
    this.last = last;
    this.wanted = wanted;
    this.wantedAt = wanted.map(() => -1);
    this.missing = wanted.length;
    this.table = new StateTable(evaluator.words, { usedBits: evaluator.usedBits });
    this.queue = new StateQueue(evaluator.words);
  }

  /** Searches up to the last state of interest. */
  async run(): Promise<void> {
    for (const [place, words] of this.evaluator.initialStates().entries()) {
      this.makeRoom(1);
      if (this.table.insertBatch(words, 1) === 1) this.admit(words, 0, ~place, -1);
    }
    let paused = performance.now();
    while (this.queue.count <= this.last || this.missing > 0) {
      this.expandBatch();
      if (performance.now() - paused < pauseEvery) continue;
      // oxlint-disable-next-line no-await-in-loop
      await eventLoopTurn();
      paused = performance.now();
    }
  }

  pathTo({ ordinal, instance }: Place): Path {
    const chain: number[] = [];
    let at = ordinal;
    for (; this.parentOf(at) >= 0; at = this.parentOf(at)) chain.push(at);
    const initial = ~this.parentOf(at);
    const instances: number[] = [];
    let state = this.evaluator.initialStates()[initial];
    for (const child of chain.reverse()) {
      const step = this.stepTo(child, state);
      instances.push(step.instance);
      ({ state } = step);
    }
    return { initial, instances: instance === undefined ? instances : [...instances, instance] };
  }

  private expandBatch(): void {
    const { evaluator, queue, table } = this;
    const batch = new Successors(evaluator.words, 2 * batchSize);
    const parents: number[] = [];
    const first = this.next;
    while (this.next < queue.count && batch.count < batchSize) {
      try {
        evaluator.expand(queue.chunkOf(this.next), queue.offsetOf(this.next), batch);
      } catch (error) {
        // The search that is done again ended here or later: what it found was found before.
        if (batch.count === 0) throw error;
        break;
      }
      for (let i = parents.length; i < batch.count; i++) parents.push(this.next);
      this.next++;
    }
    if (this.next === first && this.next === queue.count) throw cannotFindAgain();
    this.makeRoom(batch.count);
    const fresh = table.insertBatch(batch.words, batch.count);
    for (let n = 0; n < fresh; n++) {
      const i = table.found[n];
      this.admit(batch.words, i * evaluator.words, parents[i], batch.instances[i]);
    }
    queue.forgetBefore(this.next);
  }

  private makeRoom(more: number): void {
    if (this.table.makeRoom(more) && this.queue.makeRoom(more)) return;
    throw new Error(
      "there is no memory left to find the path again; give the process more, or smaller bounds",
    );
  }

  private admit(words: Int32Array, offset: number, parent: number, instance: number): void {
    const { count } = this.queue;
    const at = 2 * (count & ((1 << chunkShift) - 1));
    if (at === 0) this.origins.push(new Int32Array(2 << chunkShift));
    const origins = this.origins[this.origins.length - 1];
    origins[at] = parent;
    origins[at + 1] = instance;
    this.queue.append(words, offset);
    if (this.missing > 0) this.lookFor(words, offset, count);
  }

  private lookFor(words: Int32Array, offset: number, ordinal: number): void {
    this.wanted.forEach((state, i) => {
      if (this.wantedAt[i] >= 0 || !state.every((word, k) => word === words[offset + k])) return;
      this.wantedAt[i] = ordinal;
      this.missing--;
    });
  }

  private parentOf(ordinal: number): number {
    return this.origins[ordinal >>> chunkShift][2 * (ordinal & ((1 << chunkShift) - 1))];
  }

  /** The step from a state to its child: of several that lead there, the one with the first id. */
  private stepTo(child: number, state: Int32Array): { instance: number; state: Int32Array } {
    const { evaluator } = this;
    const { words } = evaluator;
    const successors = new Successors(words);
    evaluator.expand(state, 0, successors);
    const taken = this.origins[child >>> chunkShift][2 * (child & ((1 << chunkShift) - 1)) + 1];
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
}

function cannotFindAgain(): ModelError {
  return new ModelError(
    "M03",
    "the same state had other successors when it was expanded again",
    "find the recipe that remembers something or reads outside the state",
  );
}
