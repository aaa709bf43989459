/**
 * Paths to what a search has found. The search keeps no parents, which would cost memory and time where nothing is
 * wrong. It finds states in an order that depends on the model alone, so that when a path is wanted the search is
 * done again, up to the state in question, and this time remembers from where each state was found.
 */
import { type Evaluator, Successors } from "../evaluate/evaluator.ts";
import { cannotFindAgain, Origins, type Place } from "./origins.ts";
import type { Path, SearchOptions } from "./result.ts";
import { StateQueue } from "./state-queue.ts";
import { StateTable } from "./table.ts";
import { eventLoopTurn } from "./watch.ts";

/** A state by itself, found by a search in whatever order, or the step `instance` from it. */
export interface StatePlace {
  readonly state: Int32Array;
  readonly depth: number;
  readonly instance?: number;
}

const batchSize = 4096;
const pauseEvery = 50;

/** The memory that a search may take, where it may go beyond, and what it keeps of a state. */
export type Limits = Pick<SearchOptions, "maxMemory" | "spill" | "fingerprints">;

/** The paths to places that a breadth-first search of `evaluator` has found. */
export async function recoverPaths(
  evaluator: Evaluator,
  places: readonly Place[],
  limits: Limits = {},
): Promise<Path[]> {
  const last = Math.max(-1, ...places.map(({ ordinal }) => ordinal));
  const again = new SecondSearch(evaluator, last, limits);
  try {
    await again.run();
    return places.map((place) => again.origins.pathTo(evaluator, place));
  } finally {
    again.dispose();
  }
}

/** The paths to states. They are shortest ones, and the same in every run. */
export async function recoverPathsTo(
  evaluator: Evaluator,
  places: readonly StatePlace[],
  limits: Limits = {},
): Promise<Path[]> {
  if (places.length === 0) return [];
  const states = places.map(({ state }) => state);
  const again = new SecondSearch(evaluator, -1, limits, states);
  try {
    await again.run();
    return places.map((place, i) =>
      again.origins.pathTo(evaluator, { ...place, ordinal: again.wantedAt[i] }),
    );
  } finally {
    again.dispose();
  }
}

class SecondSearch {
  private readonly evaluator: Evaluator;
  /** The last state of interest. */
  private readonly last: number;
  private readonly table: StateTable;
  private readonly queue: StateQueue;
  readonly origins: Origins;
  private readonly limits: Limits;
  private next = 0;
  /** States that are looked for, where they were found (-1: not yet), and how many are missing. */
  private readonly wanted: readonly Int32Array[];
  readonly wantedAt: number[];
  private missing: number;

  constructor(evaluator: Evaluator, last: number, limits: Limits, wanted: readonly Int32Array[] = []) {
    this.evaluator = evaluator;
    this.last = last;
    this.limits = limits;
    this.wanted = wanted;
    this.wantedAt = wanted.map(() => -1);
    this.missing = wanted.length;
    this.origins = new Origins(limits.spill);
    this.table = new StateTable(evaluator.words, {
      usedBits: evaluator.usedBits,
      kind: limits.fingerprints === true ? "fingerprint" : "exact",
    });
    this.queue = new StateQueue(evaluator.words, limits.spill);
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

  dispose(): void {
    this.queue.dispose();
    this.origins.dispose();
  }

  private expandBatch(): void {
    const { evaluator, queue, table } = this;
    const batch = new Successors(evaluator.words, 2 * batchSize);
    const parents: number[] = [];
    const first = this.next;
    while (this.next < queue.count && batch.count < batchSize) {
      const before = batch.count;
      try {
        evaluator.expand(queue.chunkOf(this.next), queue.offsetOf(this.next), batch);
      } catch (error) {
        // The search that is done again ended here or later: what it found was found before.
        if (before === 0) throw error;
        // A reduced evaluator may have given some successors before it came to the step that throws.
        batch.count = before;
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

  /**
   * Makes room within the memory that the first search had: what it held is free, the origins come on top, and go to
   * the spill. Where there is none, or no room on it, more memory is taken: a path is worth it.
   */
  private makeRoom(more: number): void {
    const { limits, origins, queue, table } = this;
    const others = queue.bytes + queue.growthFor(more) + origins.bytes + origins.growthFor(more);
    if (table.bytes + others > (limits.maxMemory ?? Infinity)) {
      origins.free();
      queue.free(Infinity);
    }
    if (table.makeRoom(more) && queue.makeRoom(more)) return;
    throw new Error(
      "there is no memory left to find the path again; give the process more, or smaller bounds",
    );
  }

  private admit(words: Int32Array, offset: number, parent: number, instance: number): void {
    this.origins.append(parent, instance);
    if (this.missing > 0) this.lookFor(words, offset, this.queue.count);
    this.queue.append(words, offset);
  }

  private lookFor(words: Int32Array, offset: number, ordinal: number): void {
    this.wanted.forEach((state, i) => {
      if (this.wantedAt[i] >= 0 || !state.every((word, k) => word === words[offset + k])) return;
      this.wantedAt[i] = ordinal;
      this.missing--;
    });
  }
}
