/**
 * Breadth-first search in WebAssembly, by one thread or several on one table.
 *
 * Threads take blocks of states from the layer, expand them, and insert the successors in batches; a barrier ends
 * the layer, so that the depth of a state is the same whoever finds it. What is counted does not depend on the order
 * in which states are found, and of the states that show a violation the least is reported. So counts, digest,
 * verdicts and lengths are the same for any number of threads.
 *
 * The main thread is one of them. Between phases, while the others wait, it does what compiled code does not: it
 * grows the table, expands states that were handed over, decides deadlocks, and looks at limits.
 */
import { type Deadlock, Successors } from "../evaluate/evaluator.ts";
import { ModelError } from "../errors.ts";
import { liftPath, liftViolation } from "../reduce/reduction.ts";
import { factsOf, partOf, readWhole, type SavedSearch } from "../search/checkpoint.ts";
import { recoverPathsTo, type StatePlace } from "../search/recover.ts";
import {
  type Ending,
  hasMoreToDo,
  locateError,
  type SearchOptions,
  type SearchResult,
  type Violation,
} from "../search/result.ts";
import { Watch } from "../search/watch.ts";
import { batchRecords, command, control, noted, reason } from "./memory-map.ts";
import { type AnyWasm, type SavedShared, Shared } from "./shared.ts";
import { WasmEvaluator } from "./wasm-evaluator.ts";

export { WasmEvaluator };

/** Blocks between two looks at the clock. */
const blocksAtOnce = 8;
/** A layer of fewer blocks is not worth waking the others. */
const blocksForOthers = 4;
interface Found extends StatePlace {
  readonly kind: Violation["kind"];
  readonly property: number;
  readonly deadlock?: Deadlock;
}

interface Failure extends StatePlace {
  readonly error: unknown;
}

/** A violation, as a checkpoint has it. */
type SavedFound = Omit<Found, "state"> & { readonly state: readonly number[] };

/** What a checkpoint of this search says. */
interface Facts {
  readonly strategy: "layers";
  readonly layer: number;
  readonly depth: number;
  readonly transitions: number;
  readonly taken: readonly number[];
  readonly seconds: number;
  readonly found: readonly SavedFound[];
  readonly witnessDepths: readonly (number | null)[];
  /** What was noted in the layer so far: violations, the deadlock among them, and ids of witnesses. */
  readonly pending: readonly SavedFound[];
  readonly pendingWitnesses: readonly number[];
  readonly table: SavedShared;
}

/** Explores until every state is seen or the options end it. Throws what the model throws, located. */
export async function searchInWasm(evaluator: AnyWasm, options: SearchOptions): Promise<SearchResult> {
  const search = new WasmSearch(evaluator, options);
  try {
    return await search.run();
  } finally {
    await search.end();
  }
}

class WasmSearch {
  private readonly evaluator: AnyWasm;
  private readonly options: SearchOptions;
  private readonly cells: Int32Array;
  private readonly shared: Shared;
  private readonly watch: Watch;
  /** The depth of the states that are being expanded, and the last complete one. */
  private layer = 0;
  private depth = 0;
  private transitions = 0;
  private readonly taken: Float64Array;
  private readonly found: Found[] = [];
  private readonly witnessDepths: (number | null)[];
  /** What went wrong in this layer, at the least state where something did. */
  private failure: Failure | null = null;
  private deadlock: Found | null = null;
  /** Whether the layer is the last one allowed: its states are looked at for deadlocks, and no step is taken. */
  private isLastLayer = false;
  /** Whether some states of the layer were taken up. */
  private isLayerOpen = false;
  /** Whether another search could go on from here. */
  private canBeSaved = false;

  constructor(evaluator: AnyWasm, options: SearchOptions) {
    this.evaluator = evaluator;
    this.options = options;
    this.cells = evaluator.cells;
    this.shared = new Shared(evaluator, options);
    this.taken = new Float64Array(options.instances);
    this.witnessDepths = Array.from({ length: options.witnesses }, () => null);
    this.watch = new Watch(options, () => ({
      depth: this.layer,
      states: this.shared.states,
      transitions: this.transitions + this.shared.sumOf("transitions"),
      queue: this.queued,
      memoryBytes: this.shared.totalBytes,
    }));
  }

  async run(): Promise<SearchResult> {
    this.evaluator.beginSearch();
    const { checkpoints } = this.options;
    let ending = await (checkpoints?.from ? this.goOn(checkpoints.from) : this.begin());
    this.options.onFirstStates?.();
    while (ending === null && this.failure === null) {
      if (this.isSaveDue) this.save();
      // oxlint-disable-next-line no-await-in-loop
      ending = await this.searchLayer();
    }
    if (this.failure !== null) throw await this.locate(this.failure);
    if (ending !== null && hasMoreToDo(ending)) this.save();
    return this.resultOf(ending ?? "exhausted");
  }

  end(): Promise<void> {
    return this.shared.crew.end();
  }

  private get queued(): number {
    const { map } = this.evaluator;
    const blocks = this.shared.get(control.usedBlocks) - this.shared.get(control.freeBlocks);
    return blocks * (map.blockBytes / map.stateBytes);
  }

  // Layers

  /** Finds and checks the initial states. */
  private async begin(): Promise<Ending | null> {
    const { evaluator } = this;
    if (!this.shared.begin()) return "memory";
    const initial = evaluator.initialStates();
    this.layer = -1;
    const full = await this.insert(initial.map((state) => ({ state, offset: 0, instance: 0 })));
    // Nobody took a step to get there.
    this.shared.setOwn(0, "transitions", 0);
    this.shared.drainTaken(this.taken);
    this.taken.fill(0);
    if (full !== null) return full;
    this.canBeSaved = true;
    return this.endLayer();
  }

  /** What the last layer found is the layer to be searched. */
  private openLayer(): void {
    const blocks = this.shared.get(control.nextCount);
    const current = this.shared.get(control.nextList);
    this.shared.set(control.nextList, this.shared.get(control.currentList));
    this.shared.set(control.currentList, current);
    this.shared.set(control.layerBlocks, blocks);
    this.shared.set(control.nextCount, 0);
    this.shared.set(control.nextBlock, 0);
    this.isLayerOpen = true;
  }

  private async searchLayer(): Promise<Ending | null> {
    const isLast = this.layer >= (this.options.maxDepth ?? Infinity);
    this.isLastLayer = isLast;
    if (isLast) {
      this.save();
      this.canBeSaved = false;
    }
    if (!this.isLayerOpen) this.openLayer();
    this.shared.set(control.isLastLayer, isLast ? 1 : 0);
    this.shared.setMostBlocks();
    const blocks = this.shared.get(control.layerBlocks);
    const areOthersUseful = blocks >= blocksForOthers;
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop
      if (areOthersUseful) await this.callOthers();
      const wasFull = this.shared.states >= this.shared.get(control.mostStates) >>> 0;
      // oxlint-disable-next-line no-await-in-loop
      const { ending, reasons } = await this.phase();
      // oxlint-disable-next-line no-await-in-loop
      const full = await this.drain();
      if (ending !== null) return ending;
      if (full !== null) {
        // Of the states that were handed over, some were not expanded.
        this.canBeSaved = false;
        return full;
      }
      if (reasons.includes(reason.memory)) return "memory";
      if (reasons.includes(reason.limit) && wasFull) return "max-states";
      // oxlint-disable-next-line no-await-in-loop
      if (reasons.includes(reason.grow) && !(await this.shared.grow())) return "memory";
      if (reasons.every((each) => each === reason.done)) break;
      if (this.isSaveDue) this.save();
    }
    this.shared.others = 0;
    if (!isLast) return this.endLayer();
    this.takeStock();
    this.depth = this.layer;
    return this.isToStop ? "violated" : "max-depth";
  }

  /** Lets those of the other threads take part that are ready. */
  private async callOthers(): Promise<void> {
    const { evaluator, shared } = this;
    await shared.crew.start(evaluator);
    shared.others = Math.min(shared.crew.ready, evaluator.workers - 1);
  }

  /** All threads work until there is nothing more to do, or one of them cannot go on. */
  private async phase(): Promise<{ ending: Ending | null; reasons: number[] }> {
    const { evaluator, watch } = this;
    const { crew, others } = this.shared;
    const pause = control.pause >>> 2;
    Atomics.store(this.cells, pause, 0);
    crew.begin(command.expand, others);
    let ending: Ending | null = null;
    let why = evaluator.run.work(blocksAtOnce);
    for (; why === reason.slice; why = evaluator.run.work(blocksAtOnce)) {
      ending ??= watch.look();
      if (ending !== null || this.isSaveDue) Atomics.store(this.cells, pause, 1);
      // oxlint-disable-next-line no-await-in-loop
      else if (watch.isPauseDue) await watch.pause();
    }
    await crew.finish(others);
    ending ??= watch.look();
    if (watch.isPauseDue) await watch.pause();
    const reasons = Array.from({ length: others }, (_, n) => this.shared.getOwn(n + 1, "reason"));
    return { ending, reasons: [why, ...reasons] };
  }

  /** Closes the layer that was searched, and looks whether there is another. */
  private endLayer(): Ending | null {
    this.takeStock();
    this.isLayerOpen = false;
    this.evaluator.endLayer?.(this.shared.states);
    if (this.layer >= 0) this.depth = this.layer;
    const hasMore = this.shared.get(control.nextCount) > 0;
    if (hasMore) this.layer++;
    if (this.isToStop) return "violated";
    if (!hasMore) return "exhausted";
    if (this.shared.states > (this.options.maxStatesOfLayers ?? Infinity)) return "max-states";
    return this.watch.look();
  }

  private get isToStop(): boolean {
    return this.options.stopAtViolation && this.found.length > 0;
  }

  /** At the end of a layer: blocks that are not full, counts, and what was found. */
  private takeStock(): void {
    const { map, run } = this.evaluator;
    for (const thread of this.shared.threads) {
      run.setBase(map.thread(thread));
      run.publish();
    }
    run.setBase(map.thread(0));
    this.drainCounts();
    this.noteViolations();
    const depth = this.layer + 1;
    this.shared.shareWitnesses().forEach((isReached, id) => {
      if (isReached !== 0) this.witnessDepths[id] ??= depth;
    });
  }

  private drainCounts(): void {
    for (const thread of this.shared.threads) {
      this.transitions += this.shared.getOwn(thread, "transitions") >>> 0;
      this.shared.setOwn(thread, "transitions", 0);
    }
    this.shared.drainTaken(this.taken);
  }

  // Checkpoints

  /** Where the model went wrong, the search ends with the layer: that is not to be forgotten. */
  private get isSaveDue(): boolean {
    return this.canBeSaved && this.failure === null && this.options.checkpoints?.isDue() === true;
  }

  /** Keeps the search as it is while the threads wait. */
  private save(): void {
    const { checkpoints } = this.options;
    if (checkpoints === undefined || !this.canBeSaved) return;
    const { map, words } = this.evaluator;
    const { shared } = this;
    this.drainCounts();
    const [current, next] = this.statesToSave();
    const waiting = shared.threads.flatMap((thread) => {
      const records = this.batchOf(thread);
      const recordWords = map.recordBytes >>> 2;
      return Array.from({ length: records.length / recordWords }, (_, n) =>
        records.subarray(n * recordWords, n * recordWords + words + 1),
      );
    });
    const facts: Facts = {
      strategy: "layers",
      layer: this.layer,
      depth: this.depth,
      transitions: this.transitions,
      taken: [...this.taken],
      seconds: this.watch.seconds,
      found: this.found.map(savedFound),
      witnessDepths: this.witnessDepths,
      pending: this.pendingViolations().map(savedFound),
      pendingWitnesses: shared.reachedWitnesses().filter((id) => this.witnessDepths[id] === null),
      table: shared.saved,
    };
    checkpoints.write(facts, [
      ...shared.parts,
      partOf("layer", current),
      partOf("next layer", next),
      partOf("waiting", waiting),
    ]);
  }

  /** The states of the layer that were not expanded yet, and those found for the next one. */
  private statesToSave(): readonly [current: Int32Array[], next: Int32Array[]] {
    const { shared } = this;
    const found = shared.statesIn(shared.get(control.nextList), 0, shared.get(control.nextCount));
    if (!this.isLayerOpen) return [found, []];
    const [from, end] = [shared.get(control.nextBlock), shared.get(control.layerBlocks)];
    const current = shared.statesIn(shared.get(control.currentList), from, end);
    for (const thread of shared.threads) {
      const [block, outBlock] = [shared.getOwn(thread, "block"), shared.getOwn(thread, "outBlock")];
      if (block >= 0) {
        const [position, count] = [shared.getOwn(thread, "position"), shared.getOwn(thread, "count")];
        current.push(shared.statesOf(block, position, count));
      }
      if (outBlock >= 0) found.push(shared.statesOf(outBlock, 0, shared.getOwn(thread, "outCount")));
    }
    return [current, found];
  }

  private pendingViolations(): Found[] {
    const { map, of } = this.evaluator;
    const { layer: depth } = this;
    const pendingOf = (kind: "invariant" | "step", property: number, candidate: number): Found[] => {
      const least = this.leastCandidate(candidate);
      return least === null ? [] : [{ kind, property, depth, ...least }];
    };
    return [
      ...of.invariants.flatMap(({ id }) => pendingOf("invariant", id, map.invariantCandidate(id))),
      ...of.stepProperties.flatMap(({ id }) => pendingOf("step", id, map.stepCandidate(id))),
      ...(this.deadlock === null ? [] : [this.deadlock]),
    ];
  }

  /** Takes over what a search had found up to a checkpoint. */
  private async goOn(saved: SavedSearch): Promise<Ending | null> {
    const facts = factsOf<Facts>(saved, "layers");
    const { bytes, map } = this.evaluator;
    const { shared } = this;
    if (!shared.begin()) return "memory";
    this.layer = facts.layer;
    this.depth = facts.depth;
    this.transitions = facts.transitions;
    this.taken.set(facts.taken);
    this.watch.secondsBefore = facts.seconds;
    facts.witnessDepths.forEach((depth, id) => {
      this.witnessDepths[id] = depth;
      if (depth !== null) shared.noteReached(id);
    });
    shared.shareWitnesses();
    for (const id of facts.pendingWitnesses) shared.noteReached(id);
    for (const found of facts.found.map(restoredFound)) {
      this.found.push(found);
      const { kind, property } = found;
      if (kind === "deadlock") shared.set(control.isDeadlockSought, 0);
      else bytes[(kind === "invariant" ? map.knownInvariants : map.knownSteps) + property] = 1;
    }
    for (const found of facts.pending.map(restoredFound)) {
      const { kind, property, state, instance = -1 } = found;
      if (kind === "deadlock") this.deadlock = found;
      else if (kind === "invariant")
        this.noteCandidate(map.invariantCandidate(property), map.knownInvariants + property, state, instance);
      else this.noteCandidate(map.stepCandidate(property), map.knownSteps + property, state, instance);
    }
    if (!shared.restore(saved, facts.table) || !this.restoreStates(saved)) return "memory";
    const full = await this.insertWaiting(readWhole(saved, "waiting"));
    if (full !== null) return full;
    this.canBeSaved = true;
    return this.watch.look();
  }

  private restoreStates(saved: SavedSearch): boolean {
    const { shared } = this;
    const layer = shared.putStates(saved, "layer", shared.get(control.currentList));
    const next = shared.putStates(saved, "next layer", shared.get(control.nextList));
    if (layer === null || next === null) return false;
    shared.set(control.layerBlocks, layer);
    shared.set(control.nextCount, next);
    this.isLayerOpen = true;
    return true;
  }

  /** Inserts records that were counted, and not taken in: states with their hashes. */
  private async insertWaiting(waiting: Int32Array): Promise<Ending | null> {
    const { map, words } = this.evaluator;
    const recordWords = map.recordBytes >>> 2;
    for (let from = 0; from < waiting.length; from += batchRecords * (words + 1)) {
      const count = Math.min(batchRecords, (waiting.length - from) / (words + 1));
      const records = new Int32Array(count * recordWords);
      for (let n = 0; n < count; n++) {
        const at = from + n * (words + 1);
        records.set(waiting.subarray(at, at + words + 1), n * recordWords);
      }
      this.putBatch(records);
      // oxlint-disable-next-line no-await-in-loop
      const full = await this.takeInAll();
      if (full !== null) return full;
    }
    return null;
  }

  // Violations

  private noteViolations(): void {
    const { bytes, map, of } = this.evaluator;
    const note = (kind: "invariant" | "step", property: number, candidate: number, known: number): void => {
      const least = this.leastCandidate(candidate);
      if (least === null) return;
      for (const thread of this.shared.threads) this.shared.set(map.thread(thread) + candidate, 0);
      // Compiled code looks for deadlocks by trying the steps; those from the last layer lead beyond the limit.
      if (this.isLastLayer) return;
      bytes[known] = 1;
      const { instance, state } = least;
      if (kind === "step") this.found.push({ kind, property, state, depth: this.layer, instance });
      else this.found.push({ kind, property, state, depth: this.layer + 1 });
    };
    for (const { id } of of.invariants)
      note("invariant", id, map.invariantCandidate(id), map.knownInvariants + id);
    for (const { id } of of.stepProperties) note("step", id, map.stepCandidate(id), map.knownSteps + id);
    if (this.deadlock !== null) {
      this.found.push(this.deadlock);
      this.deadlock = null;
      this.shared.set(control.isDeadlockSought, 0);
    }
  }

  /** Of what the threads noted of one property the least. */
  private leastCandidate(offset: number): { state: Int32Array; instance: number } | null {
    const { map, words } = this.evaluator;
    let least: { state: Int32Array; instance: number } | null = null;
    for (const thread of this.shared.threads) {
      const at = (map.thread(thread) + offset) >>> 2;
      if (this.cells[at] === 0) continue;
      const state = this.cells.slice(at + 1, at + 1 + words);
      const instance = this.cells[at + 1 + words];
      const order = least === null ? -1 : compare(state, least.state);
      if (least === null || order < 0 || (order === 0 && instance < least.instance))
        least = { state, instance };
    }
    return least;
  }

  /** Notes a violation as compiled code does, in this thread's area. */
  private noteCandidate(offset: number, known: number, state: Int32Array, instance: number): void {
    const { bytes, map, words } = this.evaluator;
    if (bytes[known] !== 0) return;
    const at = (map.thread(0) + offset) >>> 2;
    if (this.cells[at] !== 0) {
      const order = compare(state, this.cells.subarray(at + 1, at + 1 + words));
      if (order > 0 || (order === 0 && instance >= this.cells[at + 1 + words])) return;
    }
    this.cells[at] = 1;
    this.cells.set(state, at + 1);
    this.cells[at + 1 + words] = instance;
  }

  // What compiled code does not do

  /** Does what the threads have noted for this one. Returns an ending if there was no room for what it found. */
  private async drain(): Promise<Ending | null> {
    const { map, words } = this.evaluator;
    const handedOver: Int32Array[] = [];
    for (const thread of this.shared.threads) {
      const count = this.shared.getOwn(thread, "logCount");
      this.shared.setOwn(thread, "logCount", 0);
      for (let n = 0; n < count; n++) {
        const at = (map.thread(thread) + map.log + n * map.logBytes) >>> 2;
        const state = this.cells.slice(at + 1, at + 1 + words);
        if (this.cells[at] === noted.handedOver) handedOver.push(state);
        else if (this.cells[at] === noted.sampled || this.cells[at] === noted.doubted) {
          const isDoubted = this.cells[at] === noted.doubted;
          this.guard(state, this.layer, () => this.evaluator.examine?.(state, isDoubted));
        } else this.lookAgain(this.cells[at], state);
      }
    }
    for (const state of handedOver) {
      this.evaluator.learn?.(state);
      const successors = this.expandPacked(state);
      // oxlint-disable-next-line no-await-in-loop
      const full = successors === null ? null : await this.insert(successors);
      if (full !== null) return full;
    }
    return null;
  }

  private lookAgain(kind: number, state: Int32Array): void {
    const { bytes, map, of, packed } = this.evaluator;
    const depth = kind === noted.deadlock ? this.layer : this.layer + 1;
    this.guard(state, depth, () => {
      if (kind === noted.deadlock) this.lookForDeadlock(state);
      else if (kind === noted.witnesses) {
        const at = map.thread(0) + map.reached;
        packed.markWitnesses(state, 0, bytes.subarray(at, at + of.witnesses.length));
      } else {
        for (const id of packed.violatedInvariants(state, 0)) {
          this.noteCandidate(map.invariantCandidate(id), map.knownInvariants + id, state, -1);
        }
      }
    });
  }

  private lookForDeadlock(state: Int32Array): void {
    if (this.shared.get(control.isDeadlockSought) === 0) return;
    if (this.deadlock !== null && compare(this.deadlock.state, state) <= 0) return;
    const deadlock = this.evaluator.packed.deadlockIn(state, 0);
    if (deadlock !== null) {
      this.deadlock = { kind: "deadlock", property: -1, state, depth: this.layer, deadlock };
    }
  }

  /** The successors of a state that was handed over, or null where the model went wrong. */
  private expandPacked(state: Int32Array): Insertion[] | null {
    const { map, packed, words } = this.evaluator;
    const out = new Successors(words);
    const isDone = this.guard(state, this.layer, () => {
      if (packed.expand(state, 0, out)) this.lookForDeadlock(state);
    });
    if (!isDone) return null;
    for (const { successor, property } of out.brokenSteps) {
      const instance = out.instances[successor];
      this.noteCandidate(map.stepCandidate(property), map.knownSteps + property, state, instance);
    }
    return Array.from({ length: out.count }, (_, i) => ({
      state: out.words,
      offset: i * words,
      instance: this.evaluator.stepOf(out.instances[i]),
    }));
  }

  /** Keeps what is thrown, if there is nothing yet at a smaller state. */
  private guard(state: Int32Array, depth: number, run: () => void): boolean {
    try {
      run();
      return true;
    } catch (error) {
      if (this.failure === null || compare(state, this.failure.state) < 0)
        this.failure = { state, depth, error };
      return false;
    }
  }

  /** Inserts states as this thread's batch. */
  private async insert(all: readonly Insertion[]): Promise<Ending | null> {
    const { map, run, words } = this.evaluator;
    const first = map.thread(0) + map.batch;
    // What is in the batch already could not go in before, and is kept for later.
    const waiting = this.batchOf(0).slice();
    for (let from = 0; from < all.length; from += batchRecords) {
      const some = all.slice(from, from + batchRecords);
      some.forEach(({ state, offset, instance }, i) => {
        const at = (first + i * map.recordBytes) >>> 2;
        for (let k = 0; k < words; k++) this.cells[at + k] = state[offset + k];
        this.cells[at + (map.instanceOffset >>> 2)] = instance;
      });
      run.sift(first + some.length * map.recordBytes);
      // oxlint-disable-next-line no-await-in-loop
      const full = await this.takeInAll();
      if (full !== null) return full;
    }
    this.putBatch(waiting);
    return null;
  }

  /** Takes in all of this thread's batch. */
  private async takeInAll(): Promise<Ending | null> {
    for (;;) {
      const why = this.evaluator.run.takeIn();
      if (why === reason.slice) return null;
      if (why === reason.limit) return "max-states";
      // oxlint-disable-next-line no-await-in-loop
      if (why !== reason.grow || !(await this.shared.grow())) return "memory";
    }
  }

  /** What a thread's batch holds that is not taken in. */
  private batchOf(thread: number): Int32Array {
    const [at, end] = [this.shared.getOwn(thread, "batchAt"), this.shared.getOwn(thread, "batchEnd")];
    return this.cells.subarray(at >>> 2, end >>> 2);
  }

  private putBatch(records: Int32Array): void {
    const { map } = this.evaluator;
    const first = map.thread(0) + map.batch;
    this.cells.set(records, first >>> 2);
    this.shared.setOwn(0, "batchAt", first);
    this.shared.setOwn(0, "batchEnd", first + 4 * records.length);
  }

  // The result

  private async locate({ state, depth, error }: Failure): Promise<unknown> {
    if (!(error instanceof ModelError)) return error;
    const [path] = await recoverPathsTo(this.evaluator, [{ state, depth }], this.options);
    return locateError(error, () => liftPath(this.evaluator.packed, path));
  }

  private async resultOf(ending: Ending): Promise<SearchResult> {
    const { evaluator, watch } = this;
    // The layer may have ended early.
    this.takeStock();
    const counts = {
      ending,
      states: this.shared.states,
      transitions: this.transitions,
      depth: this.depth,
      seconds: watch.seconds,
      digest: this.shared.digest,
      taken: this.taken,
      tableBytes: this.shared.tableBytes,
      totalBytes: this.shared.totalBytes,
      peakMemoryBytes: watch.measureMemory(),
    };
    evaluator.endSearch();
    const paths = await recoverPathsTo(evaluator, this.found, this.options);
    return {
      ...counts,
      violations: this.found
        .map(({ kind, property, deadlock }, i) => ({
          kind,
          property,
          path: paths[i],
          ...(deadlock && { deadlock }),
        }))
        .map((violation) => liftViolation(evaluator.packed, violation)),
      witnesses: this.witnessDepths.map((depth) => (depth === null ? null : { length: depth })),
    };
  }
}

function savedFound(found: Found): SavedFound {
  return { ...found, state: [...found.state] };
}

function restoredFound(found: SavedFound): Found {
  return { ...found, state: Int32Array.from(found.state) };
}

interface Insertion {
  readonly state: Int32Array;
  readonly offset: number;
  readonly instance: number;
}

/** The order of states: of their words, without signs. */
function compare(a: Int32Array, b: Int32Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return (a[i] >>> 0) - (b[i] >>> 0);
  return 0;
}
