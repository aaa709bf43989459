/**
 * Breadth-first search of every reachable state, layer by layer, so that the first path to anything is a
 * shortest one.
 *
 * States are expanded into a batch of some thousand successors, which then goes into the table at once. What was
 * new is appended to the log, which is the frontier too, and is checked there and then, in the order found.
 *
 * A search that ends at a limit has checked every state that it counts; `depth` says up to where it is complete.
 */
import { type Evaluator, Successors } from "../evaluate/evaluator.ts";
import { StateDigest } from "./digest.ts";
import { Findings } from "./findings.ts";
import { type Ending, locateError, type SearchOptions, type SearchResult } from "./result.ts";
import { StateLog } from "./state-log.ts";
import { StateTable } from "./table.ts";
import { type Place, TraceBack } from "./trace-back.ts";
import { Watch } from "./watch.ts";

/** Successors in a batch, roughly: enough to hide the latency of memory, few enough to stay in the cache. */
const batchSize = 4096;
/** States expanded between two looks at the clock. */
const lookEvery = 32;

/** Explores `evaluator` until every state is seen or the options end it. Throws what the model throws, located. */
export async function breadthFirst(evaluator: Evaluator, options: SearchOptions): Promise<SearchResult> {
  const search = new BreadthFirst(evaluator, options);
  let ending = search.begin();
  while (ending === null) {
    ending = search.advance();
    if (ending === null && search.watch.isPauseDue) await search.watch.pause();
  }
  return search.resultOf(ending);
}

class BreadthFirst {
  readonly watch: Watch;
  private readonly evaluator: Evaluator;
  private readonly options: SearchOptions;
  private readonly table: StateTable;
  private readonly log: StateLog;
  private readonly digest = new StateDigest();
  private readonly findings: Findings<Place>;
  private readonly traceBack: TraceBack;
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
  /** The last state appended to the log. */
  private readonly newest = (): Place => ({ ordinal: this.log.count - 1 });

  constructor(evaluator: Evaluator, options: SearchOptions) {
    this.evaluator = evaluator;
    this.options = options;
    this.table = new StateTable(evaluator.words);
    this.log = new StateLog(evaluator.words);
    this.findings = new Findings(evaluator, options.witnesses);
    this.traceBack = new TraceBack(evaluator, this.log);
    this.batch = new Successors(evaluator.words, 2 * batchSize);
    this.taken = new Float64Array(options.instances);
    this.watch = new Watch(options, () => ({
      depth: this.layer,
      states: this.log.count,
      transitions: this.transitions,
      queue: this.log.count - this.next,
      memoryBytes: this.totalBytes,
    }));
  }

  /** Finds and checks the initial states. */
  begin(): Ending | null {
    for (const [place, words] of this.evaluator.initialStates().entries()) {
      if (!this.makeRoom(1)) return "memory";
      if (this.table.insertBatch(words, 1) === 0) continue;
      this.admit(words, 0, ~place);
      this.checkDeadlock(this.log.count - 1);
    }
    this.layerEnd = this.log.count;
    return this.startLayer();
  }

  /** Expands up to a batch of states and takes in what was found. */
  advance(): Ending | null {
    if (this.layer === this.options.maxDepth) return this.checkLastLayer();
    const stop = this.expandBatch();
    const full = this.takeInBatch();
    if (full !== null) return full;
    if (stop !== null || this.next < this.layerEnd) return stop;
    this.depth = this.layer;
    this.layerEnd = this.log.count;
    if (this.next < this.layerEnd) this.layer++;
    return this.startLayer();
  }

  resultOf(ending: Ending): SearchResult {
    const pathTo = (place: Place) => this.traceBack.pathTo(place);
    return {
      ending,
      states: this.log.count,
      transitions: this.transitions,
      depth: this.depth,
      seconds: this.watch.seconds,
      digest: this.digest.toString(),
      violations: this.findings.violations(pathTo),
      witnesses: this.findings.witnesses(pathTo),
      taken: this.taken,
      tableBytes: this.table.bytes,
      totalBytes: this.totalBytes,
      peakMemoryBytes: this.watch.measureMemory(),
    };
  }

  private get totalBytes(): number {
    return this.table.bytes + this.log.bytes;
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
    const { evaluator, log, batch, ends } = this;
    batch.clear();
    this.batchStart = this.next;
    const limit = Math.min(this.layerEnd, this.next + batchSize);
    while (this.next < limit && batch.count < batchSize) {
      const ordinal = this.next;
      let mayBeStuck: boolean;
      try {
        mayBeStuck = evaluator.expand(log.chunkOf(ordinal), log.offsetOf(ordinal), batch);
      } catch (error) {
        throw this.locate(error, ordinal);
      }
      if (mayBeStuck) this.checkDeadlock(ordinal);
      this.next++;
      ends[ordinal - this.batchStart] = batch.count;
      if (this.next % lookEvery !== 0) continue;
      const stop = this.watch.look();
      if (stop !== null || this.watch.isPauseDue) return stop;
    }
    return null;
  }

  /** Where the depth is limited, the states of the last layer are not expanded, but may be deadlocks. */
  private checkLastLayer(): Ending | null {
    while (this.next < this.layerEnd) {
      this.checkDeadlock(this.next++);
      if (this.next % lookEvery !== 0) continue;
      const stop = this.watch.look();
      if (stop !== null || this.watch.isPauseDue) return stop;
    }
    this.depth = this.layer;
    return this.isToStop ? "violated" : "max-depth";
  }

  /** Inserts the batch; appends and checks what was new, in the order found. */
  private takeInBatch(): Ending | null {
    const { batch, table, ends } = this;
    if (!this.makeRoom(batch.count)) return "memory";
    const room = (this.options.maxStates ?? Infinity) - table.size;
    const fresh = table.insertBatch(batch.words, batch.count, room);
    const { found, handled } = table;
    let parent = 0;
    let broken = 0;
    for (let n = 0; n < fresh; n++) {
      const successor = found[n];
      if (batch.brokenSteps.length > 0) broken = this.noteBrokenSteps(broken, successor + 1);
      while (successor >= ends[parent]) parent++;
      this.admit(batch.words, successor * batch.wordsPerState, this.batchStart + parent);
    }
    this.noteBrokenSteps(broken, handled);
    this.transitions += handled;
    for (let i = 0; i < handled; i++) this.taken[batch.instances[i]]++;
    return handled < batch.count ? "max-states" : null;
  }

  /** Appends a new state, for which there is room, and checks it. */
  private admit(words: Int32Array, offset: number, parent: number): void {
    const { log } = this;
    const ordinal = log.count;
    log.append(words, offset, parent);
    this.digest.add(words, offset, log.words);
    try {
      this.findings.check(log.chunkOf(ordinal), log.offsetOf(ordinal), this.newest);
    } catch (error) {
      throw this.locate(error, ordinal);
    }
  }

  private checkDeadlock(ordinal: number): void {
    try {
      this.findings.checkDeadlock(this.log.chunkOf(ordinal), this.log.offsetOf(ordinal), () => ({ ordinal }));
    } catch (error) {
      throw this.locate(error, ordinal);
    }
  }

  private locate(error: unknown, ordinal: number): unknown {
    return locateError(error, () => this.traceBack.pathTo({ ordinal }));
  }

  /** Notes the broken steps from the `from`-th on whose successors come before `end`; returns the next one. */
  private noteBrokenSteps(from: number, end: number): number {
    const { brokenSteps, instances } = this.batch;
    let n = from;
    for (; n < brokenSteps.length && brokenSteps[n].successor < end; n++) {
      const { successor, property } = brokenSteps[n];
      this.findings.noteBrokenStep(property, () => ({
        ordinal: this.batchStart + this.ends.findIndex((upTo) => successor < upTo),
        instance: instances[successor],
      }));
    }
    return n;
  }

  /** Makes room for `more` states, in the table and in the log, within the memory allowed. */
  private makeRoom(more: number): boolean {
    const budget = (this.options.maxMemory ?? Infinity) - this.log.bytes - this.log.growthFor(more);
    return this.table.bytes <= budget && this.table.makeRoom(more, budget) && this.log.makeRoom(more);
  }
}
