/**
 * Where everything lies in the memory that the threads of a search share. All of it has fixed addresses, far apart:
 * pages that nobody writes to take no memory.
 */
import { pageBytes } from "../wasm/platform.ts";
import { type Slot, segments } from "./slot.ts";

/** States in a block of the frontier: what a thread takes at once. */
export const blockStates = 512;
/** Successors in a batch, before the last state's. */
export const batchRecords = 4096;
/** Walks in a round. */
export const walksAtOnce = 256;
/** Bytes of the states that a thread saw lately: as much as stays in a core's own cache. */
const cacheBytes = 1 << 18;
/** Bytes in which a thread remembers for which states invariants held. */
export const memoBytes = 1 << 18;
/** States that were noted for the main thread; a batch, of each of whose states several are noted, fits when it is a quarter full. */
export const logEntries = 1 << 15;
/** States without a place in their buckets. */
export const stashEntries = 1 << 17;
export const mostStashed = 1 << 16;
/** Buckets of a segment that move at once. */
export const moveAtOnce = 64;

/** Of all states, so many wait at once where memory ends; the frontier gets room for them, and the table the rest. */
const shareOfFrontier = 0.11;

/** What a thread is to do. */
export const command = { expand: 1, grow: 2, quit: 3, walk: 4 } as const;
/** Why a thread stopped. */
export const reason = { done: 0, slice: 1, grow: 2, log: 3, limit: 4, memory: 5, paused: 6 } as const;
/** Why a state was noted. */
export const noted = {
  handedOver: 0,
  deadlock: 1,
  invariants: 2,
  witnesses: 3,
  sampled: 4,
  doubted: 5,
} as const;

/** Shared variables, each on a cache line of its own where threads write to it. */
export const control = {
  phase: 1024,
  done: 1088,
  pause: 1152,
  nextBlock: 1216,
  nextCount: 1280,
  size: 1344,
  blockLock: 1408,
  freeBlocks: 1412,
  usedBlocks: 1416,
  stashLock: 1472,
  stashed: 1476,
  nextSegment: 1536,
  ready: 1600,
  // Written by the main thread between phases.
  command: 1664,
  active: 1668,
  layerBlocks: 1672,
  currentList: 1676,
  nextList: 1680,
  buckets: 1684,
  oldBuckets: 1688,
  growAt: 1692,
  mostStates: 1696,
  mostBlocks: 1700,
  isLastLayer: 1704,
  isDeadlockSought: 1708,
  isWitnessSought: 1712,
  mostStashed: 1716,
  mostSteps: 1720,
} as const;

/** Variables of a thread, from its area's beginning on. */
export const own = {
  reason: 0,
  block: 4,
  position: 8,
  count: 12,
  batchAt: 16,
  batchEnd: 20,
  outBlock: 24,
  outCount: 28,
  logCount: 32,
  transitions: 36,
  digestHigh: 40,
  digestLow: 44,
  variables: 64,
} as const;

export interface MapNeeds {
  readonly words: number;
  readonly slot: Slot;
  readonly threads: number;
  readonly instances: number;
  readonly invariants: number;
  readonly stepProperties: number;
  readonly witnesses: number;
  readonly serverSets: number;
  readonly mostSuccessors: number;
  /** Bytes that other transitions than the model's take, for all threads together and for each: see reshape.ts. */
  readonly reshaped?: { readonly shared: number; readonly own: number };
  /** Bytes of the memory. */
  readonly memoryBytes: number;
}

export class MemoryMap {
  readonly needs: MapNeeds;
  readonly stateBytes: number;
  /** A record of a batch: a state, the instance (later, when that was counted, the hash), the bucket's address. */
  readonly recordBytes: number;
  readonly instanceOffset: number;
  readonly bucketOffset: number;
  /** By id: bytes that say which witnesses were reached, and which violations are not looked for any more. */
  readonly knownWitnesses: number;
  readonly knownInvariants: number;
  readonly knownSteps: number;
  /** By set of servers, by instance: whether it is in the set. */
  readonly servers: number;
  /** What a walk begins with (its random numbers, its first state), and whether it is to be walked again. */
  readonly walkBytes: number;
  readonly walks: number;
  readonly walkMark: number;
  /** Bytes of a stashed key: whether there is one, its hash, the others. */
  readonly stashBytes: number;
  readonly stash: number;
  readonly blockCounts: number;
  readonly freeList: number;
  /** Numbers of the blocks of two layers, in turn. */
  readonly lists: readonly [number, number];
  readonly mostBlocks: number;
  readonly blockBytes: number;
  readonly blocks: number;
  readonly table: number;
  readonly segmentBytes: number;
  /** Parts of a thread's area, from its beginning on. */
  readonly found: number;
  /** By id: witnesses that the thread knows, or has found, to be reached. */
  readonly reached: number;
  readonly walkStart: number;
  readonly taken: number;
  /** A violation by the least state that shows it: whether there is one, the state, the instance. */
  readonly candidateBytes: number;
  readonly candidates: number;
  /** States that were seen lately, by the low bits of their hash. */
  readonly cacheEntries: number;
  readonly cache: number;
  /** What is remembered of invariants. */
  readonly memo: number;
  readonly log: number;
  readonly logBytes: number;
  readonly moving: number;
  /** What other transitions than the model's take: of all threads, and of each. */
  readonly reshapedShared: number;
  readonly reshapedOwn: number;
  readonly batch: number;
  readonly firstThread: number;
  readonly threadBytes: number;

  constructor(needs: MapNeeds) {
    this.needs = needs;
    const { words, instances, slot } = needs;
    this.stateBytes = 4 * words;
    this.instanceOffset = 4 * words;
    this.bucketOffset = 4 * words + 4;
    this.recordBytes = 4 * words + 8;
    const keyBytes = 4 + 4 * Math.ceil(slot.otherBits / 32);

    const area = new Places(0);
    area.take(own.variables);
    this.found = area.take(4 * (batchRecords + needs.mostSuccessors));
    this.reached = area.take(needs.witnesses);
    this.walkStart = area.take(this.recordBytes);
    this.taken = area.take(4 * instances);
    this.candidateBytes = 8 + this.stateBytes;
    this.candidates = area.take(this.candidateBytes * (needs.invariants + needs.stepProperties));
    this.cacheEntries = 2 ** Math.floor(Math.log2(cacheBytes / this.stateBytes));
    this.cache = area.take(this.stateBytes * this.cacheEntries);
    this.memo = area.take(memoBytes);
    this.logBytes = 4 + this.stateBytes;
    this.log = area.take(this.logBytes * logEntries);
    this.moving = area.take(keyBytes * moveAtOnce * slot.slots);
    this.reshapedOwn = area.take(needs.reshaped?.own ?? 0);
    this.batch = area.take(this.recordBytes * (batchRecords + needs.mostSuccessors));
    this.threadBytes = area.next;

    const all = new Places(2048);
    this.knownWitnesses = all.take(needs.witnesses);
    this.knownInvariants = all.take(needs.invariants);
    this.knownSteps = all.take(needs.stepProperties);
    this.servers = all.take(instances * needs.serverSets);
    this.reshapedShared = all.take(needs.reshaped?.shared ?? 0);
    this.firstThread = all.take(this.threadBytes * needs.threads);
    this.walkMark = 16 + this.stateBytes;
    this.walkBytes = this.walkMark + 4;
    this.walks = all.take(this.walkBytes * walksAtOnce);
    this.stashBytes = 4 + keyBytes;
    this.stash = all.take(this.stashBytes * stashEntries);
    this.blockBytes = blockStates * this.stateBytes;
    const left = needs.memoryBytes - all.next - 2 * pageBytes;
    const frontier = shareOfFrontier * this.stateBytes;
    const table = slot.bucketBytes / slot.slots;
    this.mostBlocks = Math.floor((left * frontier) / (frontier + table) / (this.blockBytes + 16));
    this.blockCounts = all.take(4 * this.mostBlocks);
    this.freeList = all.take(4 * this.mostBlocks);
    this.lists = [all.take(4 * this.mostBlocks), all.take(4 * this.mostBlocks)];
    this.blocks = all.take(this.blockBytes * this.mostBlocks);
    this.table = all.next;
    this.segmentBytes = Math.floor((needs.memoryBytes - this.table) / segments / pageBytes) * pageBytes;
  }

  thread(n: number): number {
    return this.firstThread + n * this.threadBytes;
  }

  invariantCandidate(id: number): number {
    return this.candidates + id * this.candidateBytes;
  }

  stepCandidate(id: number): number {
    return this.candidates + (this.needs.invariants + id) * this.candidateBytes;
  }
}

/** Gives out places one behind the other, each at the beginning of a cache line. */
class Places {
  next: number;

  constructor(first: number) {
    this.next = first;
  }

  take(bytes: number): number {
    const at = this.next;
    this.next = Math.ceil((at + bytes) / 64) * 64;
    return at;
  }
}
