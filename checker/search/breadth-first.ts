/**
 * Breadth-first search of every reachable state, layer by layer, so that the first path to anything is a
 * shortest one.
 *
 * States are expanded into a batch of some thousand successors, which then goes into the table at once. What was
 * new is appended to the queue, and is checked there and then, in the order found. Parents are not kept: recover.ts
 * finds the paths to what is to be shown.
 *
 * A search that ends at a limit has checked every state that it counts; `depth` says up to where it is complete.
 */
import { type Evaluator, Successors } from "../evaluate/evaluator.ts";
import { factsOf, type SavedSearch } from "./checkpoint.ts";
import { StateDigest } from "./digest.ts";
import { Findings, type SavedFindings } from "./findings.ts";
import { ModelError } from "../errors.ts";
import { liftPath, liftViolation } from "../reduce/reduction.ts";
import {
  type Ending,
  hasMoreToDo,
  isLocatedModelError,
  type Path,
  type SearchOptions,
  type SearchResult,
} from "./result.ts";
import { Origins, type Place } from "./origins.ts";
import { recoverPaths } from "./recover.ts";
import { StateQueue } from "./state-queue.ts";
import { type SavedTable, StateTable } from "./table.ts";
import { Watch } from "./watch.ts";

/** Successors in a batch, roughly: enough to hide the latency of memory, few enough to stay in the cache. */
const batchSize = 4096;
/** States expanded between two looks at the clock, and at most at once. */
const lookEvery = 32;
const longestRun = 512;

/** Explores `evaluator` until every state is seen or the options end it. Throws what the model throws, located. */
export async function breadthFirst(evaluator: Evaluator, options: SearchOptions): Promise<SearchResult> {
  const search = new BreadthFirst(evaluator, options);
  try {
    return await search.resultOf(await search.run());
  } finally {
    search.dispose();
  }
}

/** What a checkpoint of this search says. */
interface Facts {
  readonly strategy: "breadth-first";
  readonly layer: number;
  readonly depth: number;
  /** The next state to expand, the first one of the next layer, and how many states there are. */
  readonly next: number;
  readonly layerEnd: number;
  readonly count: number;
  readonly transitions: number;
  readonly taken: readonly number[];
  readonly seconds: number;
  readonly digest: readonly [number, number];
  readonly findings: SavedFindings<Place>;
  readonly table: SavedTable;
}

class BreadthFirst {
  private readonly watch: Watch;
  private readonly evaluator: Evaluator;
  private readonly options: SearchOptions;
  private table: StateTable;
  private queue: StateQueue;
  private readonly origins: Origins | null;
  private digest = new StateDigest();
  private readonly findings: Findings<Place>;
  private readonly batch: Successors;
  /** The batch comes from consecutive states from `batchStart` on; `ends[k]` is where the k-th one's end. */
  private readonly ends = new Int32Array(batchSize);
  private batchStart = 0;
  /** The next state to expand, and the first one of the next layer. */
  private next = 0;
  private layerEnd = 0;
  /** The depth of the states that are being expanded, and the last complete one. */
  private layer = 0;
  private depth = 0;
  private transitions = 0;
  private readonly taken: Float64Array;
  /** Where a search that goes on is to begin, and what is not to be counted twice, if a batch was not taken in whole. */
  private cut: Pick<Facts, "next" | "transitions" | "taken"> | null = null;
  /** Whether another search could go on from here: not among the initial states, nor in the last layer allowed. */
  private canBeSaved = false;
  /** The state that was looked at when the model threw. */
  private suspect: Place | null = null;

  constructor(evaluator: Evaluator, options: SearchOptions) {
    this.evaluator = evaluator;
    this.options = options;
    this.table = new StateTable(evaluator.words, {
      usedBits: evaluator.usedBits,
      kind: options.fingerprints === true ? "fingerprint" : "exact",
    });
    this.queue = new StateQueue(evaluator.words, options.spill);
    this.origins = options.keepOrigins === true ? new Origins(options.spill) : null;
    this.findings = new Findings(evaluator, options.witnesses);
    this.batch = new Successors(evaluator.words, 2 * batchSize);
    this.taken = new Float64Array(options.instances);
    this.watch = new Watch(options, () => ({
      depth: this.layer,
      states: this.queue.count,
      transitions: this.transitions,
      queue: this.queue.count - this.next,
      memoryBytes: this.totalBytes,
    }));
  }

  /** Searches; throws what the model throws, located. */
  async run(): Promise<Ending> {
    try {
      const { checkpoints } = this.options;
      let ending = checkpoints?.from ? this.goOn(checkpoints.from) : this.begin();
      this.options.onFirstStates?.();
      while (ending === null) {
        ending = this.advance();
        if (ending === null && checkpoints?.isDue() === true) this.save();
        // oxlint-disable-next-line no-await-in-loop
        if (ending === null && this.watch.isPauseDue) await this.watch.pause();
      }
      if (hasMoreToDo(ending)) this.save();
      return ending;
    } catch (error) {
      throw await this.locate(error);
    }
  }

  /** Finds and checks the initial states. */
  private begin(): Ending | null {
    for (const [place, words] of this.evaluator.initialStates().entries()) {
      if (!this.makeRoom(1)) return "memory";
      if (this.table.insertBatch(words, 1) === 0) continue;
      this.admit(words, 0);
      this.origins?.append(~place, -1);
      this.checkNew(this.queue.count - 1, 0);
      this.checkDeadlock(this.queue.count - 1);
    }
    this.layerEnd = this.queue.count;
    this.canBeSaved = true;
    return this.startLayer();
  }

  /** Takes over what a search had found up to a checkpoint. */
  private goOn(saved: SavedSearch): Ending | null {
    const facts = factsOf<Facts>(saved, "breadth-first");
    this.next = facts.next;
    this.layerEnd = facts.layerEnd;
    this.layer = facts.layer;
    this.depth = facts.depth;
    this.transitions = facts.transitions;
    this.taken.set(facts.taken);
    this.watch.secondsBefore = facts.seconds;
    this.digest = new StateDigest(facts.digest);
    this.findings.restore(facts.findings);
    if (!this.table.restore(saved, facts.table)) return "memory";
    const budget = (this.options.maxMemory ?? Infinity) - this.table.bytes;
    if (!this.queue.restore(saved, facts.next, facts.count, budget)) return "memory";
    this.canBeSaved = true;
    return this.watch.look();
  }

  /** Keeps the search as it is between two batches. */
  private save(): void {
    const { checkpoints } = this.options;
    if (checkpoints === undefined || !this.canBeSaved) return;
    const cut = this.cut ?? { next: this.next, transitions: this.transitions, taken: [...this.taken] };
    const facts: Facts = {
      strategy: "breadth-first",
      layer: this.layer,
      depth: this.depth,
      layerEnd: this.layerEnd,
      count: this.queue.count,
      ...cut,
      seconds: this.watch.seconds,
      digest: this.digest.sums,
      findings: this.findings.saved,
      table: this.table.saved,
    };
    checkpoints.write(facts, [...this.table.parts, this.queue.partFrom(cut.next)]);
  }

  /** Expands up to a batch of states and takes in what was found. */
  private advance(): Ending | null {
    if (this.layer >= (this.options.maxDepth ?? Infinity)) {
      this.save();
      this.canBeSaved = false;
      return this.checkLastLayer();
    }
    const stop = this.expandBatch();
    const full = this.takeInBatch();
    if (full !== null) return full;
    if (stop !== null || this.next < this.layerEnd) return stop;
    this.depth = this.layer;
    this.layerEnd = this.queue.count;
    if (this.next < this.layerEnd) this.layer++;
    return this.startLayer();
  }

  async resultOf(ending: Ending): Promise<SearchResult> {
    const counts = {
      ending,
      states: this.queue.count,
      transitions: this.transitions,
      depth: this.depth,
      seconds: this.watch.seconds,
      digest: this.digest.toString(),
      omissionProbability: this.table.omissionProbability,
      taken: this.taken,
      tableBytes: this.table.bytes,
      totalBytes: this.totalBytes,
      peakMemoryBytes: this.watch.measureMemory(),
    };
    const places = this.findings.violatingPlaces;
    const paths = places.length === 0 ? [] : await this.recover(places);
    return {
      ...counts,
      violations: this.findings
        .violations(paths)
        .map((violation) => liftViolation(this.evaluator, violation)),
      witnesses: this.findings.witnesses().map((place) => place && { length: place.depth }),
    };
  }

  /** What the model threw, with the path to the state in which it did. */
  private async locate(error: unknown): Promise<unknown> {
    if (!(error instanceof ModelError) || isLocatedModelError(error) || this.suspect === null) return error;
    const [path] = await this.recover([this.suspect]);
    return Object.assign(error, { path: liftPath(this.evaluator, path) });
  }

  /** Forgets what is on the disk. */
  dispose(): void {
    this.queue.dispose();
    this.origins?.dispose();
  }

  private async recover(places: readonly Place[]): Promise<Path[]> {
    const { evaluator, origins, options } = this;
    if (origins !== null) return places.map((place) => origins.pathTo(evaluator, place));
    // The memory is needed again.
    this.table = new StateTable(evaluator.words);
    this.queue.dispose();
    this.queue = new StateQueue(evaluator.words);
    return recoverPaths(evaluator, places, options);
  }

  private get totalBytes(): number {
    return this.table.bytes + this.queue.bytes + (this.origins?.bytes ?? 0);
  }

  private startLayer(): Ending | null {
    if (this.isToStop) return "violated";
    if (this.next === this.layerEnd) return "exhausted";
    return this.watch.look();
  }

  private get isToStop(): boolean {
    return this.options.stopAtViolation && this.findings.hasViolation;
  }

  private expandBatch(): Ending | null {
    const { batch } = this;
    batch.clear();
    this.batchStart = this.next;
    const limit = Math.min(this.layerEnd, this.next + batchSize);
    while (this.next < limit && batch.count < batchSize) {
      const looked = Math.floor(this.next / lookEvery);
      this.expandRun(limit);
      if (this.next < limit && batch.count < batchSize) this.expandOne();
      if (Math.floor(this.next / lookEvery) === looked) continue;
      const stop = this.watch.look();
      if (stop !== null || this.watch.isPauseDue) return stop;
    }
    return null;
  }

  /** Expands what the evaluator expands at once. */
  private expandRun(limit: number): void {
    const { batch, ends, evaluator, next, queue } = this;
    if (evaluator.expandRun === undefined) return;
    const count = Math.min(limit - next, queue.runFrom(next), longestRun);
    const [words, offset] = [queue.chunkOf(next), queue.offsetOf(next)];
    this.next += evaluator.expandRun(words, offset, count, batch, batchSize, ends, next - this.batchStart);
  }

  /** Expands one state, which may be a deadlock, and in which the model may throw. */
  private expandOne(): void {
    const { batch, ends, evaluator, next, queue } = this;
    let mayBeStuck: boolean;
    try {
      mayBeStuck = evaluator.expand(queue.chunkOf(next), queue.offsetOf(next), batch);
    } catch (error) {
      this.suspect = { ordinal: next, depth: this.layer };
      throw error;
    }
    if (mayBeStuck) this.checkDeadlock(next);
    ends[next - this.batchStart] = batch.count;
    this.next++;
  }

  /** Where the depth is limited, the states of the last layer are not expanded, but may be deadlocks. */
  private checkLastLayer(): Ending | null {
    while (this.next < this.layerEnd) {
      this.checkDeadlock(this.next++);
      if (this.next % lookEvery !== 0) continue;
      this.queue.forgetBefore(this.next);
      const stop = this.watch.look();
      if (stop !== null || this.watch.isPauseDue) return stop;
    }
    this.depth = this.layer;
    return this.isToStop ? "violated" : "max-depth";
  }

  /** Inserts the batch; appends and checks what was new, in the order found. */
  private takeInBatch(): Ending | null {
    const { batch, table, queue } = this;
    if (!this.makeRoom(batch.count)) {
      this.cutBefore(0);
      return "memory";
    }
    const room = (this.options.maxStates ?? Infinity) - table.size;
    const fresh = table.insertBatch(batch.words, batch.count, room);
    const { found, handled } = table;
    const first = queue.count;
    if (this.origins !== null) this.noteOrigins(this.origins, fresh);
    queue.appendListed(batch.words, found, fresh);
    this.digest.addListed(batch.words, found, fresh, batch.wordsPerState);
    if (batch.brokenSteps.length === 0) this.checkNew(first, this.layer + 1);
    else this.checkNewAndSteps(first, fresh);
    this.transitions += handled;
    countEach(batch.instances, handled, this.taken);
    if (handled < batch.count) {
      this.cutBefore(handled);
      return "max-states";
    }
    queue.forgetBefore(this.next);
    return null;
  }

  /** Notes that of the batch only `handled` successors were taken in: the state with the next one is expanded again. */
  private cutBefore(handled: number): void {
    const { batch, batchStart, ends } = this;
    let parent = 0;
    while (batchStart + parent < this.next && ends[parent] <= handled) parent++;
    const first = parent === 0 ? 0 : ends[parent - 1];
    const taken = [...this.taken];
    for (let i = first; i < handled; i++) taken[batch.instances[i]]--;
    this.cut = { next: batchStart + parent, transitions: this.transitions - (handled - first), taken };
  }

  /** Notes from where the new states of the batch were found. */
  private noteOrigins(origins: Origins, fresh: number): void {
    const { batch, batchStart, ends } = this;
    const { found } = this.table;
    let parent = 0;
    for (let n = 0; n < fresh; n++) {
      while (ends[parent] <= found[n]) parent++;
      origins.append(batchStart + parent, batch.instances[found[n]]);
    }
  }

  /** Appends a new state, for which there is room. */
  private admit(words: Int32Array, offset: number): void {
    this.queue.append(words, offset);
    this.digest.add(words, offset, this.queue.words);
  }

  /** Checks the states that were appended from `first` on. */
  private checkNew(first: number, depth: number, end = this.queue.count): void {
    const { queue } = this;
    for (let ordinal = first; ordinal < end; ) {
      const count = Math.min(end - ordinal, queue.runFrom(ordinal));
      const start = ordinal;
      this.findings.check(queue.chunkOf(ordinal), queue.offsetOf(ordinal), count, (n) => {
        this.suspect = { ordinal: start + n, depth };
        return this.suspect;
      });
      ordinal += count;
    }
  }

  /** Checks the new states of a batch and the steps that broke a property, in the order found. */
  private checkNewAndSteps(first: number, fresh: number): void {
    const { found, handled } = this.table;
    let broken = 0;
    for (let n = 0; n < fresh; n++) {
      broken = this.noteBrokenSteps(broken, found[n] + 1);
      this.checkNew(first + n, this.layer + 1, first + n + 1);
    }
    this.noteBrokenSteps(broken, handled);
  }

  private checkDeadlock(ordinal: number): void {
    const { queue } = this;
    const place = { ordinal, depth: this.layer };
    this.suspect = place;
    this.findings.checkDeadlock(queue.chunkOf(ordinal), queue.offsetOf(ordinal), () => place);
  }

  /** Notes the broken steps from the `from`-th on whose successors come before `end`; returns the next one. */
  private noteBrokenSteps(from: number, end: number): number {
    const { brokenSteps, instances } = this.batch;
    let n = from;
    for (; n < brokenSteps.length && brokenSteps[n].successor < end; n++) {
      const { successor, property } = brokenSteps[n];
      this.findings.noteBrokenStep(property, () => ({
        ordinal: this.batchStart + this.ends.findIndex((upTo) => successor < upTo),
        depth: this.layer,
        instance: instances[successor],
      }));
    }
    return n;
  }

  /** Makes room for `more` states, in the table and in the queue, within the memory allowed. */
  private makeRoom(more: number): boolean {
    const { origins, queue, table } = this;
    const budget = (): number => {
      const others =
        queue.bytes + queue.growthFor(more) + (origins?.bytes ?? 0) + (origins?.growthFor(more) ?? 0);
      return (this.options.maxMemory ?? Infinity) - others;
    };
    const fits = (): boolean => table.bytes <= budget() && table.makeRoom(more, budget());
    if (fits()) return queue.makeRoom(more);
    // What waits on the disk makes room for the table.
    origins?.free();
    queue.free(Infinity);
    return fits() && queue.makeRoom(more);
  }
}

function countEach(instances: Int32Array, count: number, taken: Float64Array): void {
  for (let i = 0; i < count; i++) taken[instances[i]]++;
}
