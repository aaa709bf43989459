/** The shared memory of a search as its main thread sees it: variables, and the table with its growth. */
import { CheckpointError, type Part, partOf, readWhole, type SavedSearch } from "../search/checkpoint.ts";
import type { SearchOptions } from "../search/result.ts";
import { Crew } from "./crew.ts";
import { blockStates, command, control, mostStashed, own, stashEntries } from "./memory-map.ts";
import { mostHops, segments, type Slot, tableBytes } from "./slot.ts";
import type { WasmEvaluator } from "./wasm-evaluator.ts";

/** Slots at first, and how much larger a table gets. */
const firstSlots = 1 << 16;
const smallTable = 1 << 20;
const growths = { small: 2, usual: 1.5, least: 1.2 } as const;
/** Fill up to which a table stays fast, and up to which it goes when there is no memory for a larger one. */
const usualLoad = 0.82;
const utmostLoad = 0.88;
/** Share of the memory that a table leaves to the frontier, where it is not more already. */
const leastForFrontier = 0.05;
/** More than any table holds. */
const noLimit = 2 ** 32 - 2 ** 20;

// The state's type is the model's own.
// oxlint-disable-next-line no-explicit-any
export type AnyWasm = WasmEvaluator<any>;

/** What a checkpoint says of the table, beside its words. */
export interface SavedShared {
  readonly slot: Slot;
  readonly buckets: number;
  readonly states: number;
  /** The digest's two sums. */
  readonly digest: readonly [number, number];
}

export class Shared {
  readonly evaluator: AnyWasm;
  readonly crew: Crew;
  /** Threads beside this one that work now. */
  others = 0;
  private readonly options: SearchOptions;
  private readonly cells: Int32Array;
  private buckets: number;

  constructor(evaluator: AnyWasm, options: SearchOptions) {
    this.evaluator = evaluator;
    this.options = options;
    this.cells = evaluator.cells;
    this.crew = new Crew(evaluator.cells);
    const { slot } = evaluator.map.needs;
    this.buckets = Math.max(slot.leastBuckets, Math.ceil(firstSlots / segments / slot.slots));
  }

  /** Fills in what every search begins with. `false`: not even the empty table has room. */
  begin(): boolean {
    const { evaluator, options } = this;
    for (const thread of this.threads) {
      this.setOwn(thread, "block", -1);
      this.setOwn(thread, "outBlock", -1);
    }
    this.set(control.nextList, evaluator.map.lists[0]);
    this.set(control.currentList, evaluator.map.lists[1]);
    this.set(control.mostStates, Math.min(options.maxStates ?? noLimit, noLimit) | 0);
    this.set(control.mostStashed, mostStashed);
    this.set(control.isWitnessSought, options.witnesses > 0 ? 1 : 0);
    this.set(control.isDeadlockSought, evaluator.of.model.deadlock === "none" ? 0 : 1);
    this.setTable(this.buckets);
    this.setMostBlocks();
    return this.tableBytes <= this.budget;
  }

  // Variables

  get(address: number): number {
    return this.cells[address >>> 2];
  }

  set(address: number, value: number): void {
    this.cells[address >>> 2] = value;
  }

  getOwn(thread: number, variable: keyof typeof own): number {
    return this.get(this.evaluator.map.thread(thread) + own[variable]);
  }

  setOwn(thread: number, variable: keyof typeof own, value: number): void {
    this.set(this.evaluator.map.thread(thread) + own[variable], value);
  }

  /** The numbers of all threads; this one's is 0. */
  get threads(): number[] {
    return Array.from({ length: this.evaluator.workers }, (_, n) => n);
  }

  sumOf(variable: keyof typeof own): number {
    return this.threads.reduce((sum, n) => sum + (this.getOwn(n, variable) >>> 0), 0);
  }

  get states(): number {
    return this.get(control.size) >>> 0;
  }

  /** The digest of the states, as digest.ts writes it. */
  get digest(): string {
    return this.digestSums.map((sum) => sum.toString(16).padStart(8, "0")).join("");
  }

  private get digestSums(): [number, number] {
    return [this.sumOf("digestHigh") % 2 ** 32, this.sumOf("digestLow") % 2 ** 32];
  }

  /** Adds how often each instance was taken, and begins to count anew. */
  drainTaken(into: Float64Array): void {
    const { map } = this.evaluator;
    for (const thread of this.threads) {
      const first = (map.thread(thread) + map.taken) >>> 2;
      for (let i = 0; i < into.length; i++) into[i] += this.cells[first + i] >>> 0;
      this.cells.fill(0, first, first + into.length);
    }
  }

  /** The witnesses that some thread has found; from now on all threads know them. */
  shareWitnesses(): Uint8Array {
    const { bytes, map } = this.evaluator;
    const { witnesses } = map.needs;
    const known = bytes.subarray(map.knownWitnesses, map.knownWitnesses + witnesses);
    for (const thread of this.threads) {
      for (let id = 0; id < witnesses; id++) known[id] |= bytes[map.thread(thread) + map.reached + id];
    }
    for (const thread of this.threads) bytes.set(known, map.thread(thread) + map.reached);
    if (!known.includes(0)) this.set(control.isWitnessSought, 0);
    return known;
  }

  /** Ids of the witnesses that some thread has found. */
  reachedWitnesses(): number[] {
    const { bytes, map } = this.evaluator;
    const isReached = (id: number): boolean =>
      this.threads.some((thread) => bytes[map.thread(thread) + map.reached + id] !== 0);
    return Array.from({ length: map.needs.witnesses }, (_, id) => id).filter(isReached);
  }

  /** Notes that a witness was found. */
  noteReached(id: number): void {
    const { bytes, map } = this.evaluator;
    bytes[map.thread(0) + map.reached + id] = 1;
  }

  // The table

  get tableBytes(): number {
    return tableBytes(this.buckets, this.evaluator.map.needs.slot.bucketBytes);
  }

  /** Bytes of table and frontier together. */
  get totalBytes(): number {
    return this.tableBytes + this.get(control.usedBlocks) * this.evaluator.map.blockBytes;
  }

  setMostBlocks(): void {
    const { map } = this.evaluator;
    const most = Math.floor((this.budget - this.tableBytes) / map.blockBytes);
    this.set(control.mostBlocks, Math.max(0, Math.min(map.mostBlocks, most)));
  }

  /** Makes the table large enough for `more` states. `false`: there is no more memory. */
  async makeRoom(more: number): Promise<boolean> {
    while (this.states + more > this.get(control.growAt) >>> 0) {
      // oxlint-disable-next-line no-await-in-loop
      if (!(await this.grow())) return false;
    }
    return true;
  }

  /** Makes the table larger, or lets it be fuller. `false`: there is no more memory. */
  async grow(): Promise<boolean> {
    const { slot } = this.evaluator.map.needs;
    const slots = segments * this.buckets * slot.slots;
    const usual = Math.ceil(this.buckets * (slots < smallTable ? growths.small : growths.usual));
    const least = Math.ceil(this.buckets * growths.least);
    const most = this.mostBuckets;
    if (least <= most) {
      // What is left after the next growth is to be enough for another: otherwise all of it is taken now.
      await this.moveInto(usual * growths.least <= most ? usual : most);
      return true;
    }
    const utmost = Math.floor(slots * utmostLoad);
    const isLast = this.get(control.growAt) >>> 0 >= utmost || this.get(control.stashed) > mostStashed;
    if (isLast) return false;
    this.set(control.growAt, utmost | 0);
    return true;
  }

  /** The buckets of a segment for which there is memory, with a frontier that grows as the table does. */
  private get mostBuckets(): number {
    const { map } = this.evaluator;
    const { bucketBytes } = map.needs.slot;
    const frontier = (this.totalBytes - this.tableBytes) / this.buckets;
    const within = Math.min(
      map.segmentBytes / bucketBytes,
      this.budget / (segments * bucketBytes + frontier),
      (this.budget * (1 - leastForFrontier)) / segments / bucketBytes,
    );
    return Math.floor(within) - mostHops;
  }

  private get budget(): number {
    return this.options.maxMemory ?? Infinity;
  }

  private setTable(buckets: number): void {
    const { slot } = this.evaluator.map.needs;
    this.buckets = buckets;
    this.set(control.buckets, buckets);
    this.set(control.growAt, Math.floor(segments * buckets * slot.slots * usualLoad) | 0);
  }

  /** The keys that have no place in their buckets. */
  private stashed(): number[][] {
    const { map } = this.evaluator;
    const keys: number[][] = [];
    if (this.get(control.stashed) === 0) return keys;
    const entryWords = map.stashBytes >>> 2;
    const end = (map.stash + stashEntries * map.stashBytes) >>> 2;
    for (let at = map.stash >>> 2; at < end; at += entryWords) {
      if (this.cells[at] !== 0) keys.push([...this.cells.subarray(at + 1, at + entryWords)]);
    }
    return keys;
  }

  // Checkpoints

  get saved(): SavedShared {
    const { slot } = this.evaluator.map.needs;
    return { slot, buckets: this.buckets, states: this.states, digest: this.digestSums };
  }

  /** The table's words for a checkpoint. */
  get parts(): readonly Part[] {
    const stash = Int32Array.from(this.stashed().flat());
    return [partOf("table", this.segmentsOf(this.buckets)), partOf("stash", [stash])];
  }

  /** Takes over the table of a checkpoint, after `begin`. `false`: there is no memory for it. */
  restore(saved: SavedSearch, { slot, buckets, states, digest }: SavedShared): boolean {
    const { map, run } = this.evaluator;
    if (JSON.stringify(slot) !== JSON.stringify(map.needs.slot)) {
      throw new CheckpointError(
        "the checkpoint's table has slots of another size, because it was made for another memory",
        "go on with as much memory (--memory, and address space) as the search began with",
      );
    }
    const bytes = tableBytes(buckets, slot.bucketBytes);
    if (bytes > this.budget || bytes / segments > map.segmentBytes) return false;
    this.setTable(buckets);
    for (const segment of this.segmentsOf(buckets)) saved.read("table", segment);
    const keys = readWhole(saved, "stash");
    const keyWords = (map.stashBytes >>> 2) - 1;
    for (let at = 0; at < keys.length; at += keyWords) run.place(...keys.subarray(at, at + keyWords));
    this.set(control.size, states | 0);
    this.setOwn(0, "digestHigh", digest[0] | 0);
    this.setOwn(0, "digestLow", digest[1] | 0);
    this.setMostBlocks();
    return true;
  }

  /** The used words of every segment. */
  private segmentsOf(buckets: number): Int32Array[] {
    const { map } = this.evaluator;
    const words = (buckets + mostHops) * (map.needs.slot.bucketBytes >>> 2);
    return Array.from({ length: segments }, (_, n) => {
      const first = (map.table + n * map.segmentBytes) >>> 2;
      return this.cells.subarray(first, first + words);
    });
  }

  /** The states of a list's blocks from the `first`-th on, of each block in one piece. */
  statesIn(list: number, first: number, end: number): Int32Array[] {
    const { map } = this.evaluator;
    return Array.from({ length: Math.max(0, end - first) }, (_, n) => {
      const block = this.get(list + 4 * (first + n));
      return this.statesOf(block, 0, this.get(map.blockCounts + 4 * block));
    });
  }

  /** Some states of a block. */
  statesOf(block: number, first: number, end: number): Int32Array {
    const { map } = this.evaluator;
    const at = (map.blocks + block * map.blockBytes) >>> 2;
    const words = map.stateBytes >>> 2;
    return this.cells.subarray(at + first * words, at + end * words);
  }

  /** Puts the states of a part of a checkpoint into a list of blocks; returns how many, or null: there is no room. */
  putStates(saved: SavedSearch, part: string, list: number): number | null {
    const { map } = this.evaluator;
    const count = saved.wordsOf(part) / (map.stateBytes >>> 2);
    const blocks = Math.ceil(count / blockStates);
    const used = this.get(control.usedBlocks);
    if (used + blocks > this.get(control.mostBlocks)) return null;
    for (let n = 0; n < blocks; n++) {
      const states = Math.min(blockStates, count - n * blockStates);
      this.set(map.blockCounts + 4 * (used + n), states);
      this.set(list + 4 * n, used + n);
      saved.read(part, this.statesOf(used + n, 0, states));
    }
    this.set(control.usedBlocks, used + blocks);
    return blocks;
  }

  private async moveInto(buckets: number): Promise<void> {
    const { crew, evaluator, others } = this;
    const { map, run } = evaluator;
    const keys = this.stashed();
    if (keys.length > 0) {
      this.cells.fill(0, map.stash >>> 2, (map.stash + stashEntries * map.stashBytes) >>> 2);
      this.set(control.stashed, 0);
    }
    this.set(control.oldBuckets, this.buckets);
    this.set(control.nextSegment, 0);
    this.setTable(buckets);
    this.setMostBlocks();
    crew.begin(command.grow, others);
    let isDone = run.rehash() === 1;
    await crew.finish(others);
    for (let n = 1; n <= others; n++) isDone &&= this.getOwn(n, "reason") === 1;
    for (const key of keys) isDone &&= run.place(...key) === 1;
    if (!isDone) throw new Error("a state found no place in a larger table");
  }
}
