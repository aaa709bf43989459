/**
 * The set of states seen: an open-addressing table of exact states, a few bytes each (slot-format.ts says how).
 *
 * - The bucket grows with the hash (`hash * buckets / 2^32`), so any number of buckets will do, and a larger table
 *   is the old one pulled apart: it grows where it is, from its end to its beginning, and never takes the memory
 *   of two.
 * - A batch goes in in two passes: the first hashes and touches the buckets, so that their cache lines are on the
 *   way together; the second compares.
 * - As a store of fingerprints, it keeps 64 bits of each state: two states may then be taken for one.
 */
import { chooseFormat, type SlotFormat, slotsOf, wordsOf } from "./slot-format.ts";
import { keyBitsOf, type KeySpec, otherBitsOf, type Stash, tableCode, type TableCode } from "./table-code.ts";
import { TableMemory } from "./table-memory.ts";

/** Fill up to which a table stays fast, and up to which it goes when there is no memory for a larger one. */
const usualLoad = 0.8;
const utmostLoad = 0.88;
const smallestCapacity = 1 << 12;
/** From here on a table grows by half, because a doubled one would be half empty. */
const largeCapacity = 1 << 20;
/** By less than this a table does not grow in place: states would be put where others still lie. */
const leastGrowth = 1.2;
/** Buckets that move at once. */
const moveAtOnce = 64;
/** States without a place in their buckets: more than this, and the table grows early. */
const mostStashed = 4096;

export interface TableOptions {
  /** Of each word of a state, how many bits (from bit 0 on) are in use; otherwise 32 of each. */
  readonly usedBits?: readonly number[] | undefined;
  readonly kind?: KeySpec["kind"];
  /** States for which there is to be room at first. */
  readonly capacity?: number;
}

export class StateTable {
  /** 32-bit words in a state. */
  readonly words: number;
  /** Positions in the last batch of the states that were new, ascending: the first `insertBatch(...)` of them. */
  found = new Int32Array(1024);
  /** How many states of the last batch were looked at: all, unless there was no room for one of them. */
  handled = 0;
  private readonly spec: KeySpec;
  private readonly memory: TableMemory;
  private format: SlotFormat;
  private code: TableCode;
  private stash = new KeySet();
  private used = 0;
  private hashes = new Int32Array(1024);
  private at = new Int32Array(1024);
  private touched = 0;

  constructor(words: number, { usedBits, kind = "exact", capacity = smallestCapacity }: TableOptions = {}) {
    this.words = words;
    this.spec = { kind, usedBits: usedBits ?? Array.from({ length: words }, () => 32) };
    this.format = chooseFormat(otherBitsOf(this.spec), capacity);
    this.code = tableCode(this.spec, this.format);
    this.memory = new TableMemory(wordsOf(this.format));
  }

  /** States in the table. */
  get size(): number {
    return this.used;
  }

  get bytes(): number {
    return this.memory.bytes;
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
    const isCrowded = this.stash.size > mostStashed;
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
    if (this.at.length < count) {
      this.at = new Int32Array(count * 2);
      this.hashes = new Int32Array(count * 2);
      this.found = new Int32Array(count * 2);
    }
    const { at, code, found, hashes, stash } = this;
    const { cells } = this.memory;
    this.touched ^= code.locate(states, count, hashes, at, cells, this.scale);
    const most = Math.max(0, Math.min(room, count));
    const inserted = code.insert(states, count, hashes, at, cells, found, most, stash);
    const isCutShort = inserted < 0;
    const fresh = isCutShort ? ~inserted : inserted;
    this.handled = isCutShort ? found[fresh] : count;
    this.used += fresh;
    return fresh;
  }

  has(states: Int32Array, offset = 0): boolean {
    return this.code.has(states, offset, this.memory.cells, this.scale, this.stash);
  }

  private get scale(): number {
    return this.format.buckets / 2 ** 32;
  }

  private growTo(slots: number, budget: number): boolean {
    const format = this.largerFormat(slots);
    const words = wordsOf(format);
    if (this.memory.bytesToGrowTo(words) > budget) return false;
    const { code, format: old, memory, spec, stash } = this;
    const { cells: from } = memory;
    const cells = memory.growTo(words);
    if (cells === null) return false;
    // Where the memory grew in place, the old array may have lost its own.
    const source = from.words.length > 0 && from.words.buffer !== cells.words.buffer ? from : cells;
    const unscale = 2 ** 32 / old.buckets;
    this.format = format;
    this.code = tableCode(spec, format);
    this.stash = new KeySet();
    const all = wordsOf(old) / old.bucketWords;
    const keyWords = 1 + Math.ceil(otherBitsOf(spec) / 32);
    const keys = new Int32Array(moveAtOnce * old.slotsPerBucket * keyWords);
    for (let first = Math.floor((all - 1) / moveAtOnce) * moveAtOnce; first >= 0; first -= moveAtOnce) {
      const end = Math.min(all, first + moveAtOnce);
      const count = code.extract(source, first, end, unscale, keys);
      this.code.place(keys, count, cells, this.scale, this.stash);
    }
    for (const key of stash.keys()) this.code.place(key, 1, cells, this.scale, this.stash);
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

/** A small set of keys. */
class KeySet implements Stash {
  private readonly byName = new Map<string, Int32Array>();

  get size(): number {
    return this.byName.size;
  }

  has(key: Int32Array): boolean {
    return this.byName.size > 0 && this.byName.has(key.join());
  }

  add(key: Int32Array): void {
    this.byName.set(key.join(), key.slice());
  }

  keys(): Iterable<Int32Array> {
    return this.byName.values();
  }
}
