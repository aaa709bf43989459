/** The inner loops of the state table, generated for the bits of a state and the format of a slot. */
import { type BitPart, joinBits, maskOf, sliceBits } from "./bit-text.ts";
import { mostHops, type SlotFormat } from "./slot-format.ts";

/** How a packed state becomes a key. */
export interface KeySpec {
  /** Of each word of a state, how many bits (from bit 0 on) are in use. */
  readonly usedBits: readonly number[];
  /** `exact`: the key is the state. `fingerprint`: 64 bits that depend on all of it. */
  readonly kind: "exact" | "fingerprint";
}

/** States that found no place within `mostHops` buckets of their own: very few. Keys are `[hash, ...others]`. */
export interface Stash {
  has(key: Int32Array): boolean;
  add(key: Int32Array): void;
}

/** The memory of a table, seen as words, bytes and half words. */
export interface Cells {
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  readonly halves: Uint16Array;
}

export interface TableCode {
  /** Writes each state's hash and the place of its bucket, and reads there; returns what depends on the reads. */
  locate(
    states: Int32Array,
    count: number,
    hashes: Int32Array,
    at: Int32Array,
    cells: Cells,
    scale: number,
  ): number;
  /**
   * Inserts what is new, at most `room` states, and lists their positions in `found`. Returns how many; `~n` when
   * one more was new: its position is then in `found[n]`.
   */
  insert(
    states: Int32Array,
    count: number,
    hashes: Int32Array,
    at: Int32Array,
    cells: Cells,
    found: Int32Array,
    room: number,
    stash: Stash,
  ): number;
  has(states: Int32Array, offset: number, cells: Cells, scale: number, stash: Stash): boolean;
  /** Takes all states out of the buckets from `first` to `end`, and frees them: keys, one behind the other. */
  extract(cells: Cells, first: number, end: number, unscale: number, keys: Int32Array): number;
  /** Puts in keys that are not there yet. */
  place(keys: Int32Array, count: number, cells: Cells, scale: number, stash: Stash): void;
}

/** Bits of a key that are not in its hash. */
export function otherBitsOf(spec: KeySpec): number {
  return Math.max(0, keyBitsOf(spec) - 32);
}

/** Bits of a key. */
export function keyBitsOf({ usedBits, kind }: KeySpec): number {
  return kind === "fingerprint" ? 64 : usedBits.reduce((sum, bits) => sum + bits, 0) - 1;
}

const codes = new Map<string, TableCode>();

export function tableCode(spec: KeySpec, format: SlotFormat): TableCode {
  const { hashBits, slotWords, slotBytes } = format;
  const name = [spec.kind, ...spec.usedBits, "in", hashBits, slotWords, slotBytes].join(" ");
  const code = codes.get(name) ?? generate(spec, format);
  codes.set(name, code);
  return code;
}

/** Text that declares the words of a key, `k0` and so on, of the state at `offset`. */
function keyText({ usedBits, kind }: KeySpec): string {
  const load = usedBits.map((_, i) => `const w${i} = states[offset + ${i}];`).join(" ");
  if (kind === "fingerprint") return `${load} ${fingerprintText(usedBits.length)}`;
  const parts = usedBits.map(
    (bits, i): BitPart =>
      // Bit 0 of word 0 only says that the word belongs to a state.
      i === 0 ? { text: "(w0 >>> 1)", bits: bits - 1 } : { text: `w${i}`, bits },
  );
  const words = joinBits(parts);
  if (words.length === 0) words.push("0");
  return `${load} ${words.map((word, i) => `const k${i} = ${word};`).join(" ")}`;
}

/** MurmurHash3 for 32 bits, twice, with different seeds and with the words rotated differently. */
function fingerprintText(words: number): string {
  const half = (name: string, seed: number, turn: number): string => {
    const mixed = Array.from({ length: words }, (_, i) =>
      mixText(name, `((w${i} << ${turn}) | (w${i} >>> ${32 - turn}))`),
    );
    return `let ${name} = ${seed | 0}; ${mixed.join(" ")} ${finishText(name)}`;
  };
  return `${half("k0", 0x3c6ef372, 7)} ${half("k1", 0x2545f491, 19)}`;
}

function mixText(hash: string, word: string): string {
  return (
    `m = Math.imul(${word}, 0xcc9e2d51); m = Math.imul((m << 15) | (m >>> 17), 0x1b873593); ` +
    `${hash} ^= m; ${hash} = (Math.imul((${hash} << 13) | (${hash} >>> 19), 5) + 0xe6546b64) | 0;`
  );
}

function finishText(hash: string): string {
  return (
    `${hash} = Math.imul(${hash} ^ (${hash} >>> 16), 0x85ebca6b); ` +
    `${hash} = Math.imul(${hash} ^ (${hash} >>> 13), 0xc2b2ae35); ${hash} ^= ${hash} >>> 16;`
  );
}

/**
 * Text that computes the hash `h` of a key. MurmurHash3 with `k0` as its last block: every operation on the way
 * from `k0` to `h` can be undone when the other words are known.
 */
function hashText(keyWords: number): string {
  const blocks = [...Array.from({ length: keyWords - 1 }, (_, i) => `k${i + 1}`), "k0"];
  return `let h = ${0x3c6ef372 ^ (keyWords * 4)}; ${blocks.map((word) => mixText("h", word)).join(" ")} ${finishText("h")}`;
}

function generate(spec: KeySpec, format: SlotFormat): TableCode {
  const { hashBits, slotWords, slotBytes, slotsPerBucket, bucketWords } = format;
  const width = spec.usedBits.length;
  const otherBits = otherBitsOf(spec);
  const others = Array.from({ length: Math.ceil(otherBits / 32) }, (_, i) => `k${i + 1}`);
  const keyWords = 1 + others.length;
  const bitsOfOther = (i: number): number => Math.min(32, otherBits - 32 * i);
  const parts: BitPart[] = [
    ...others.map((text, i) => ({ text, bits: bitsOfOther(i) })),
    { text: hashBits === 32 ? "h" : `(h & ${maskOf(hashBits)})`, bits: hashBits },
  ];
  const payload = joinBits(parts);
  const isTail = (i: number): boolean => i === slotWords;
  /** The place of the i-th part of slot `s` in the bucket at word `b`. */
  const cell = (i: number, s: string): string => {
    const afterWords = 1 + slotsPerBucket * slotWords;
    if (isTail(i)) {
      return slotBytes === 1
        ? `bytes[(b + ${afterWords}) * 4 + ${s}]`
        : `halves[(b + ${afterWords}) * 2 + ${s}]`;
    }
    if (i === 0) return `words[b + 1 + ${s}]`;
    return `words[b + ${1 + slotsPerBucket + i - 1} + ${s} * ${slotWords - 1}]`;
  };
  const declare = payload.map((text, i) => `const p${i} = ${isTail(i) ? text : `(${text}) | 0`};`).join(" ");
  const isSame = payload.map((_, i) => `${cell(i, "s")} === p${i}`).join(" && ");
  const store = payload.map((_, i) => `${cell(i, "used")} = p${i};`).join(" ");
  const count = "(33 - Math.clz32(marks)) >> 1";
  const bucket = `(((h >>> 0) * scale) | 0) * ${bucketWords}`;
  const open = "const { words, bytes, halves } = cells;";
  const scratch = ["h", ...others].map((text, i) => `scratch[${i}] = ${text};`).join(" ");
  const hops = `let d = 1; d <= ${1 + mostHops}; d++, b += ${bucketWords}`;
  const find = `for (let s = 0; s < used; s++) if (${isSame} && ((marks >>> (s << 1)) & 3) === d)`;

  const slotNames = payload.map((_, i) => `q${i}`);
  const extracted = others.map((_, i) => sliceBits(slotNames, 32 * i, bitsOfOther(i)));
  const low = sliceBits(slotNames, otherBits, hashBits);
  const text = `"use strict";
const scratch = new Int32Array(${keyWords});
return {
  locate(states, count, hashes, at, cells, scale) {
    const { words } = cells;
    let touched = 0;
    for (let i = 0, offset = 0; i < count; i++, offset += ${width}) {
      let m = 0;
      ${keyText(spec)}
      ${hashText(keyWords)}
      hashes[i] = h;
      at[i] = ${bucket};
    }
    // A loop of its own: with nothing between the reads, the machine has many of them under way at once.
    for (let i = 0; i < count; i++) touched ^= words[at[i]];
    return touched;
  },
  insert(states, count, hashes, at, cells, found, room, stash) {
    ${open}
    let fresh = 0;
    next: for (let i = 0, offset = 0; i < count; i++, offset += ${width}) {
      ${spec.kind === "fingerprint" ? "let m = 0;" : ""}
      ${keyText(spec)}
      const h = hashes[i];
      ${declare}
      let b = at[i];
      for (${hops}) {
        const marks = words[b], used = ${count};
        ${find} continue next;
        if (used === ${slotsPerBucket}) continue;
        found[fresh] = i;
        if (fresh === room) return ~fresh;
        words[b] = marks | (d << (used << 1));
        ${store}
        fresh++;
        continue next;
      }
      ${scratch}
      if (stash.has(scratch)) continue;
      found[fresh] = i;
      if (fresh === room) return ~fresh;
      stash.add(scratch);
      fresh++;
    }
    return fresh;
  },
  has(states, offset, cells, scale, stash) {
    ${open}
    let m = 0;
    ${keyText(spec)}
    ${hashText(keyWords)}
    ${declare}
    let b = ${bucket};
    for (${hops}) {
      const marks = words[b], used = ${count};
      ${find} return true;
      if (used < ${slotsPerBucket}) return false;
    }
    ${scratch}
    return stash.has(scratch);
  },
  extract(cells, first, end, unscale, keys) {
    ${open}
    let n = 0;
    for (let j = first, b = first * ${bucketWords}; j < end; j++, b += ${bucketWords}) {
      const marks = words[b], used = ${count};
      for (let s = 0; s < used; s++) {
        ${payload.map((_, i) => `const q${i} = ${cell(i, "s")};`).join(" ")}
        const home = j + 1 - ((marks >>> (s << 1)) & 3);
        const base = home === 0 ? 0 : Math.floor(home * unscale) - 1;
        ${hashBits === 32 ? `keys[n++] = ${low};` : `keys[n++] = (base + ((${low} - base) & ${maskOf(hashBits)})) | 0;`}
        ${extracted.map((other) => `keys[n++] = ${other};`).join(" ")}
      }
    }
    words.fill(0, first * ${bucketWords}, end * ${bucketWords});
    return n / ${keyWords};
  },
  place(keys, count, cells, scale, stash) {
    ${open}
    next: for (let i = 0, n = 0; i < count; i++, n += ${keyWords}) {
      const h = keys[n];
      ${others.map((name, i) => `const ${name} = keys[n + ${i + 1}];`).join(" ")}
      ${declare}
      let b = ${bucket};
      for (${hops}) {
        const marks = words[b], used = ${count};
        if (used === ${slotsPerBucket}) continue;
        words[b] = marks | (d << (used << 1));
        ${store}
        continue next;
      }
      ${scratch}
      stash.add(scratch);
    }
  },
};`;
  // The text depends on the widths alone.
  // oxlint-disable-next-line typescript/no-implied-eval, no-new-func
  return new Function(text)() as TableCode;
}
