/**
 * The set of states seen: an open-addressing table of exact states, a few bytes each (slot-format.ts says how).
 *
 * - The bucket grows with the hash (`hash * buckets / 2^32`), so any number of buckets will do, and a larger table
 *   is the old one pulled apart: it grows where it is, from its end to its beginning, and never takes the memory
 *   of two.
 * - A batch goes in in blocks, each in three passes: the first hashes, and sifts out what came lately; the second
 *   touches the buckets, so that their cache lines are on the way together; the third compares.
 * - As a store of fingerprints, it keeps 64 bits of each state: two states may then be taken for one.
 */
import { maskOf } from "./bit-text.ts";
import { CheckpointError, type Part, partOf, readWhole, type SavedSearch } from "./checkpoint.ts";
import { chooseFormat, type SlotFormat, slotsOf, wordsOf } from "./slot-format.ts";
import { KeySet } from "./key-set.ts";
import { keyBitsOf, type KeySpec, keyWordsOf, otherBitsOf, tableCode, type TableCode } from "./table-code.ts";
import { TableMemory } from "./table-memory.ts";

/** Fill up to which a table stays fast, and up to which it goes when there is no memory for a larger one. */
const usualLoad = 0.8;
const utmostLoad = 0.88;
const smallestCapacity = 1 << 12;
/** From here on (more than a hundred megabytes) a table grows by half, because a doubled one would be half empty. */
const largeCapacity = 1 << 25;
/** By less than this a table does not grow in place: states would be put where others still lie. */
const leastGrowth = 1.2;
/** Buckets that move at once. */
const moveAtOnce = 64;
/** States without a place in their buckets: more than this share of all, and the table grows early. */
const mostStashed = 1 / 32;
const fewStashed = 1024;
/** States that are hashed, touched and compared at a time: what they touch is to stay in the cache nearest by. */
const blockSize = 256;
/** Words of the states that count as seen lately. */
const mostSeenWords = 1 << 13;
/** Hashes that there are. V8 does not work out `2 ** 32` beforehand. */
const hashCount = 0x1_0000_0000;

export interface TableOptions {
  /** Of each word of a state, how many bits (from bit 0 on) are in use; otherwise 32 of each. */
  readonly usedBits?: readonly number[] | undefined;
  readonly kind?: KeySpec["kind"];
  /** States for which there is to be room at first. */
  readonly capacity?: number;
}

/** What a checkpoint says of a table, beside the parts. */
export interface SavedTable {
  readonly kind: KeySpec["kind"];
  readonly format: SlotFormat;
  readonly used: number;
}

export class StateTable {
  /** 32-bit words in a state. */
  readonly words: number;
  /** Positions in the last batch of the states that were new, ascending: the first `insertBatch(...)` of them. */
  found = new Int32Array(1024);
  /** How much work there was, in all: states compared with slots, and states moved into larger tables. */
  readonly work = { compared: 0, moved: 0 };
  /** How many states of the last batch were looked at: all, unless there was no room for one of them. */
  handled = 0;
  private readonly spec: KeySpec;
  private readonly memory: TableMemory;
  private format: SlotFormat;
  private code: TableCode;
  private stash: KeySet;
  private used = 0;
  /**
   * States seen lately, by hash: most of those that come again come again soon, by another order of the same steps,
   * and are told here, in the nearest cache.
   */
  private readonly seen: Int32Array;
  /** Of a block's states those that are to be compared: positions, hashes, places of the buckets. */
  private readonly which = new Int32Array(blockSize);
  private readonly hashes = new Int32Array(blockSize);
  private readonly at = new Int32Array(blockSize);
  private touched = 0;

  constructor(words: number, { usedBits, kind = "exact", capacity = smallestCapacity }: TableOptions = {}) {
    this.words = words;
    this.spec = { kind, usedBits: usedBits ?? Array.from({ length: words }, () => 32) };
    this.format = chooseFormat(otherBitsOf(this.spec), capacity);
    this.code = tableCode(this.spec, this.format);
    this.memory = new TableMemory(wordsOf(this.format));
    this.stash = new KeySet(keyWordsOf(this.spec));
    this.seen = new Int32Array(words * 2 ** Math.floor(Math.log2(mostSeenWords / words)));
  }

  /** States in the table. */
  get size(): number {
    return this.used;
  }

  get bytes(): number {
    return this.memory.bytes + this.stash.bytes;
  }

  /** A bound on the probability that some state was taken for another one: 0 for exact states. */
  get omissionProbability(): number {
    if (this.spec.kind === "exact") return 0;
    return Math.min(1, (this.used * this.used) / 2 / 2 ** keyBitsOf(this.spec));
  }

  /**
   * Makes room for `more` states, all of which may be new. `false`: there is none, because the larger table would
   * take more than `budget` bytes, or more than the machine gives.
   */
  makeRoom(more: number, budget = Infinity): boolean {
    const needed = this.used + more;
    const slots = slotsOf(this.format);
    const isCrowded = this.stash.size > Math.max(fewStashed, this.used * mostStashed);
    if (needed <= slots * usualLoad && !isCrowded) return true;
    for (const factor of [slots < largeCapacity ? 2 : 1.5, leastGrowth]) {
      if (this.growTo(Math.ceil(Math.max(slots * factor, needed / usualLoad)), budget)) return true;
    }
    return needed <= slots * utmostLoad && !isCrowded;
  }

  /**
   * Inserts `count` states that lie one behind the other in `states`; returns how many were new, at most `room`.
   * `found` lists them. Call `makeRoom(count)` first.
   */
  insertBatch(states: Int32Array, count: number, room = Infinity): number {
    if (this.found.length < count) this.found = new Int32Array(count * 2);
    const { at, code, found, hashes, stash, which } = this;
    const { cells } = this.memory;
    const most = Math.max(0, Math.min(room, count));
    let fresh = 0;
    this.handled = count;
    for (let first = 0; first < count; first += blockSize) {
      const end = Math.min(count, first + blockSize);
      const sifted = code.sift(states, first, end, this.seen, which, hashes, at, this.scale);
      this.work.compared += sifted;
      this.touched ^= code.touch(cells, at, sifted);
      const inserted = code.insert(
        states,
        sifted,
        which,
        hashes,
        at,
        cells,
        this.mask,
        found,
        fresh,
        most,
        stash,
      );
      const isCutShort = inserted < 0;
      fresh = isCutShort ? ~inserted : inserted;
      if (!isCutShort) continue;
      this.handled = found[fresh];
      // Of what was seen, some was not inserted.
      this.seen.fill(0);
      break;
    }
    this.used += fresh;
    return fresh;
  }

  has(states: Int32Array, offset = 0): boolean {
    return this.code.has(states, offset, this.memory.cells, this.mask, this.scale, this.stash);
  }

  /** The table for a checkpoint. */
  get saved(): SavedTable {
    return { kind: this.spec.kind, format: this.format, used: this.used };
  }

  /** Its words for a checkpoint: the slots, and the keys that have no place among them. */
  get parts(): readonly Part[] {
    const stashed = new Int32Array(this.stash.size * keyWordsOf(this.spec));
    let at = 0;
    for (const key of this.stash.keys()) {
      stashed.set(key, at);
      at += key.length;
    }
    return [partOf("table", [this.memory.inUse]), partOf("stash", [stashed])];
  }

  /** Becomes the table of a checkpoint. `false`: the machine has no memory for it. */
  restore(saved: SavedSearch, { format, kind, used }: SavedTable): boolean {
    if (kind !== this.spec.kind) {
      throw new CheckpointError(
        `the checkpoint has ${kind} states, and this search ${this.spec.kind} ones`,
        "ask for the same",
      );
    }
    if (this.memory.growTo(wordsOf(format)) === null) return false;
    saved.read("table", this.memory.inUse);
    this.format = format;
    this.code = tableCode(this.spec, format);
    this.used = used;
    const keyWords = keyWordsOf(this.spec);
    const stashed = readWhole(saved, "stash");
    this.stash = new KeySet(keyWords);
    for (let at = 0; at < stashed.length; at += keyWords) {
      this.stash.add(stashed.subarray(at, at + keyWords));
    }
    return true;
  }

  private get scale(): number {
    return this.format.buckets / hashCount;
  }

  private get mask(): number {
    return maskOf(this.format.hashBits);
  }

  private growTo(slots: number, budget: number): boolean {
    const format = this.largerFormat(slots);
    const words = wordsOf(format);
    if (this.memory.bytesToGrowTo(words) > budget) return false;
    const { code, format: old, memory, spec, stash } = this;
    const { cells: from } = memory;
    const cells = memory.growTo(words);
    if (cells === null) return false;
    const unscale = hashCount / old.buckets;
    const oldMask = this.mask;
    this.work.moved += this.used;
    this.format = format;
    this.code = tableCode(spec, format);
    const keyWords = keyWordsOf(spec);
    this.stash = new KeySet(keyWords);
    const all = wordsOf(old) / old.bucketWords;
    const keys = new Int32Array(moveAtOnce * old.slotsPerBucket * keyWords);
    for (let first = Math.floor((all - 1) / moveAtOnce) * moveAtOnce; first >= 0; first -= moveAtOnce) {
      const end = Math.min(all, first + moveAtOnce);
      const count = code.extract(from, oldMask, first, end, unscale, keys);
      this.code.place(keys, count, cells, this.mask, this.scale, this.stash);
    }
    for (const key of stash.keys()) this.code.place(key, 1, cells, this.mask, this.scale, this.stash);
    return true;
  }

  /** The format for so many slots, or for as many more as make it a larger table. */
  private largerFormat(slots: number): SlotFormat {
    const least = wordsOf(this.format) * leastGrowth;
    const others = otherBitsOf(this.spec);
    let format = chooseFormat(others, slots);
    for (let more = slots; wordsOf(format) < least; format = chooseFormat(others, more)) {
      more = Math.ceil(more * Math.max(1.05, least / wordsOf(format)));
    }
    return format;
  }
}
