/**
 * The set of states seen: an open-addressing table of exact packed states.
 *
 * The key is the state and lies inline: a slot is a state's words, a free slot has word 0 equal to 0 (every
 * state sets bit 0 of word 0). Collisions are probed linearly, so that a probe mostly stays in one or two cache
 * lines. Nothing is approximated.
 *
 * - The slot grows with the hash (`hash * capacity / 2^32`), so any capacity will do, and moving to a larger
 *   table reads the old and writes the new one from front to back.
 * - A batch goes in in two passes: the first hashes and touches the slots, so that their cache lines are on the
 *   way together; the second compares.
 * - The code is generated for the number of words, with the comparison and the hash unrolled.
 */

/** Fill up to which a table stays fast, and up to which it goes when there is no memory for a larger one. */
const usualLoad = 0.75;
const utmostLoad = 0.9;
/** Indices of words stay below this: small integers for the machine. */
const mostWords = 2 ** 31 - 1;
const smallestCapacity = 1 << 12;
/** From here on a table grows by half, because a doubled one would be half empty. */
const largeCapacity = 1 << 20;

interface TableCode {
  /** Writes each state's first word index to `at`, and reads there; returns a value that depends on the reads. */
  locate(words: Int32Array, count: number, at: Int32Array, keys: Int32Array, scale: number): number;
  /**
   * Inserts what is new, at most `room` states, and lists their positions in `found`. Returns how many; `~n`
   * after `n` when one more was new: its position is then in `found[n]`.
   */
  insert(
    words: Int32Array,
    count: number,
    at: Int32Array,
    keys: Int32Array,
    found: Int32Array,
    room: number,
  ): number;
  has(words: Int32Array, offset: number, keys: Int32Array, scale: number): boolean;
  /** Inserts every state of one table into another that has none of them. */
  move(from: Int32Array, to: Int32Array, scale: number): void;
}

export class StateTable {
  /** 32-bit words in a state. */
  readonly words: number;
  /** Positions in the last batch of the states that were new, ascending: the first `insertBatch(...)` of them. */
  found = new Int32Array(1024);
  /** How many states of the last batch were looked at: all, unless there was no room for one of them. */
  handled = 0;
  private readonly code: TableCode;
  private keys: Int32Array;
  private capacity: number;
  private used = 0;
  private at = new Int32Array(1024);
  private touched = 0;

  constructor(words: number, capacity = smallestCapacity) {
    this.words = words;
    this.code = tableCode(words);
    this.capacity = capacity;
    this.keys = new Int32Array(capacity * words);
  }

  /** States in the table. */
  get size(): number {
    return this.used;
  }

  get bytes(): number {
    return this.keys.byteLength;
  }

  /**
   * Makes room for `more` states, all of which may be new. `false`: there is none, because the old table and
   * the larger one would together take more than `budget` bytes, or more than the machine gives.
   */
  makeRoom(more: number, budget = Infinity): boolean {
    const needed = this.used + more;
    if (needed <= this.capacity * usualLoad) return true;
    for (const factor of [this.capacity < largeCapacity ? 2 : 1.5, 1.2]) {
      const capacity = Math.ceil(Math.max(this.capacity * factor, needed / usualLoad));
      const bytes = capacity * this.words * Int32Array.BYTES_PER_ELEMENT;
      if (capacity * this.words > mostWords || this.bytes + bytes > budget) continue;
      if (this.growTo(capacity)) return true;
    }
    return needed <= this.capacity * utmostLoad;
  }

  /**
   * Inserts `count` states that lie one behind the other in `words`; returns how many were new, at most `room`.
   * `found` lists them. Call `makeRoom(count)` first.
   */
  insertBatch(words: Int32Array, count: number, room = Infinity): number {
    if (this.at.length < count) {
      this.at = new Int32Array(count * 2);
      this.found = new Int32Array(count * 2);
    }
    const { at, keys, found } = this;
    this.touched ^= this.code.locate(words, count, at, keys, this.capacity / 2 ** 32);
    const most = Math.max(0, Math.min(room, count));
    const inserted = this.code.insert(words, count, at, keys, found, most);
    const isCutShort = inserted < 0;
    const fresh = isCutShort ? ~inserted : inserted;
    this.handled = isCutShort ? found[fresh] : count;
    this.used += fresh;
    return fresh;
  }

  has(words: Int32Array, offset = 0): boolean {
    return this.code.has(words, offset, this.keys, this.capacity / 2 ** 32);
  }

  private growTo(capacity: number): boolean {
    let keys: Int32Array;
    try {
      keys = new Int32Array(capacity * this.words);
    } catch (error) {
      if (error instanceof RangeError) return false;
      throw error;
    }
    this.code.move(this.keys, keys, capacity / 2 ** 32);
    this.keys = keys;
    this.capacity = capacity;
    return true;
  }
}

const codes = new Map<number, TableCode>();

function tableCode(words: number): TableCode {
  const code = codes.get(words) ?? generateTableCode(words);
  codes.set(words, code);
  return code;
}

function generateTableCode(words: number): TableCode {
  const each = (text: (k: number) => string, between: string): string =>
    Array.from({ length: words }, (_, k) => text(k)).join(between);
  const plus = (k: number): string => (k === 0 ? "" : ` + ${k}`);
  const load = each((k) => `const w${k} = words[offset${plus(k)}];`, " ");
  const store = each((k) => `keys[p${plus(k)}] = w${k};`, " ");
  const isSame = each((k) => (k === 0 ? "key === w0" : `keys[p + ${k}] === w${k}`), " && ");
  // MurmurHash3 for 32 bits, with each word as a block.
  const hash = `let h = ${0x3c6ef372 ^ (words * 4)}, m = 0; ${each(
    (k) =>
      `m = Math.imul(w${k}, 0xcc9e2d51); m = Math.imul((m << 15) | (m >>> 17), 0x1b873593); ` +
      `h ^= m; h = (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;`,
    " ",
  )} h = Math.imul(h ^ (h >>> 16), 0x85ebca6b); h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35); h ^= h >>> 16;`;
  const slot = `(((h >>> 0) * scale) | 0) * ${words}`;
  const next = `p += ${words}; if (p === end) p = 0;`;
  const text = `"use strict";
return {
  locate(words, count, at, keys, scale) {
    let touched = 0;
    for (let i = 0, offset = 0; i < count; i++, offset += ${words}) {
      ${load}
      ${hash}
      const p = ${slot};
      at[i] = p;
    }
    // A loop of its own: with nothing between the reads, the machine has many of them under way at once.
    for (let i = 0; i < count; i++) touched ^= keys[at[i]];
    return touched;
  },
  insert(words, count, at, keys, found, room) {
    const end = keys.length;
    let fresh = 0;
    for (let i = 0, offset = 0; i < count; i++, offset += ${words}) {
      ${load}
      let p = at[i];
      for (;;) {
        const key = keys[p];
        if (${isSame}) break;
        if (key === 0) {
          found[fresh] = i;
          if (fresh === room) return ~fresh;
          ${store}
          fresh++;
          break;
        }
        ${next}
      }
    }
    return fresh;
  },
  has(words, offset, keys, scale) {
    const end = keys.length;
    ${load}
    ${hash}
    for (let p = ${slot}; ; ) {
      const key = keys[p];
      if (${isSame}) return true;
      if (key === 0) return false;
      ${next}
    }
  },
  move(words, keys, scale) {
    const end = keys.length;
    for (let offset = 0; offset < words.length; offset += ${words}) {
      ${load}
      if (w0 === 0) continue;
      ${hash}
      let p = ${slot};
      while (keys[p] !== 0) { ${next} }
      ${store}
    }
  },
};`;
  // The text depends on the number of words alone.
  // oxlint-disable-next-line typescript/no-implied-eval, no-new-func
  return new Function(text)() as TableCode;
}
