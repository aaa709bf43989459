/** The inner loops of the state table, generated for the bits of a state and the format of a slot. */
import { type BitPart, joinBits, sliceBits } from "./bit-text.ts";
import { mostHops, type SlotFormat } from "./slot-format.ts";

/** How a packed state becomes a key. */
export interface KeySpec {
  /** Of each word of a state, how many bits (from bit 0 on) are in use. */
  readonly usedBits: readonly number[];
  /** `exact`: the key is the state. `fingerprint`: 64 bits that depend on all of it. */
  readonly kind: "exact" | "fingerprint";
}

/** States that found no place within `mostHops` buckets of their own: few. Keys are `[hash, ...others]`. */
export interface Stash {
  has(key: Int32Array): boolean;
  /** Adds a key that is not there yet. */
  add(key: Int32Array): void;
}

/** The memory of a table, seen as words, bytes and half words. */
export interface Cells {
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  readonly halves: Uint16Array;
}

/** `mask` selects the bits of a hash that a slot holds. */
export interface TableCode {
  /**
   * Of the states from `first` to `end`, lists in `which` those that were not seen lately, each with its hash and the
   * place of its bucket, and returns how many; all of them count as seen from now on.
   */
  sift(
    states: Int32Array,
    first: number,
    end: number,
    seen: Int32Array,
    which: Int32Array,
    hashes: Int32Array,
    at: Int32Array,
    scale: number,
  ): number;
  /**
   * Inserts what is new of the first `count` states that `which` lists, until `room` are found, and lists their
   * positions in `found`, where `fresh` are listed already. Returns how many are; `~n` when one more was new: its
   * position is then in `found[n]`.
   */
  insert(
    states: Int32Array,
    count: number,
    which: Int32Array,
    hashes: Int32Array,
    at: Int32Array,
    cells: Cells,
    mask: number,
    found: Int32Array,
    fresh: number,
    room: number,
    stash: Stash,
  ): number;
  has(states: Int32Array, offset: number, cells: Cells, mask: number, scale: number, stash: Stash): boolean;
  /** Takes all states out of the buckets from `first` to `end`, and frees them: keys, one behind the other. */
  extract(cells: Cells, mask: number, first: number, end: number, unscale: number, keys: Int32Array): number;
  /** Puts in keys that are not there yet. */
  place(keys: Int32Array, count: number, cells: Cells, mask: number, scale: number, stash: Stash): void;
}

/** Bits of a key that are not in its hash. */
export function otherBitsOf(spec: KeySpec): number {
  return Math.max(0, keyBitsOf(spec) - 32);
}

/** 32-bit words of a key, its hash included. */
export function keyWordsOf(spec: KeySpec): number {
  return 1 + Math.ceil(otherBitsOf(spec) / 32);
}

/** Bits of a key. */
export function keyBitsOf({ usedBits, kind }: KeySpec): number {
  return kind === "fingerprint" ? 64 : usedBits.reduce((sum, bits) => sum + bits, 0) - 1;
}

const codes = new Map<string, TableCode>();

/** The code for slots of this size. Larger tables with slots of the same size run the same code, warm as it is. */
export function tableCode(spec: KeySpec, format: SlotFormat): TableCode {
  const { slotWords, slotBytes } = format;
  const name = [spec.kind, ...spec.usedBits, "in", slotWords, slotBytes].join(" ");
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
  const mixText = (hash: string, word: string): string =>
    `f = Math.imul(${word}, 0xcc9e2d51); f = Math.imul((f << 15) | (f >>> 17), 0x1b873593); ` +
    `${hash} ^= f; ${hash} = (Math.imul((${hash} << 13) | (${hash} >>> 19), 5) + 0xe6546b64) | 0;`;
  const half = (name: string, seed: number, turn: number): string => {
    const mixed = Array.from({ length: words }, (_, i) =>
      mixText(name, `((w${i} << ${turn}) | (w${i} >>> ${32 - turn}))`),
    );
    return `let ${name} = ${seed | 0}; ${mixed.join(" ")} ${finishText(name)}`;
  };
  return `let f = 0; ${half("k0", 0x3c6ef372, 7)} ${half("k1", 0x2545f491, 19)}`;
}

function finishText(hash: string): string {
  return (
    `${hash} = Math.imul(${hash} ^ (${hash} >>> 16), 0x85ebca6b); ` +
    `${hash} = Math.imul(${hash} ^ (${hash} >>> 13), 0xc2b2ae35); ${hash} ^= ${hash} >>> 16;`
  );
}

/**
 * Text that computes the hash `h` of a key. The other words are mixed into one, which is added to `k0`; what follows
 * mixes 32 bits with one another. Every operation on the way from `k0` to `h` can be undone when the other words are
 * known.
 */
function hashText(keyWords: number): string {
  const others = Array.from({ length: keyWords - 1 }, (_, i) => `k${i + 1}`);
  const mixed = others.map(
    (word, i) =>
      `${i === 0 ? `let m = Math.imul(${word}` : `m = Math.imul(m ^ ${word}`}, 0x9e3779b1); m ^= m >>> 15;`,
  );
  const start =
    others.length === 0 ? "let h = k0;" : `${mixed.join(" ")} let h = k0 ^ Math.imul(m, 0xcc9e2d51);`;
  return `${start} ${finishText("h")}`;
}

function generate(spec: KeySpec, format: SlotFormat): TableCode {
  const { slotWords, slotBytes, slotsPerBucket, bucketWords } = format;
  const width = spec.usedBits.length;
  const words = Array.from({ length: width }, (_, i) => i);
  const otherBits = otherBitsOf(spec);
  const others = Array.from({ length: Math.ceil(otherBits / 32) }, (_, i) => `k${i + 1}`);
  const keyWords = keyWordsOf(spec);
  const hashRoom = Math.min(32, 32 * slotWords + 8 * slotBytes - otherBits);
  const bitsOfOther = (i: number): number => Math.min(32, otherBits - 32 * i);
  const parts: BitPart[] = [
    ...others.map((text, i) => ({ text, bits: bitsOfOther(i) })),
    { text: "(h & mask)", bits: hashRoom },
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
  const store = payload.map((_, i) => `${cell(i, "s")} = p${i};`).join(" ");
  const bucket = `(((h >>> 0) * scale) | 0) * ${bucketWords}`;
  const tail = slotBytes === 0 ? "" : slotBytes === 1 ? ", bytes" : ", halves";
  const open = `const { words${tail} } = cells;`;
  const scratch = ["h", ...others].map((text, i) => `scratch[${i}] = ${text};`).join(" ");
  // The slot at which to begin: by low bits of the hash above all, which the bucket's place does not tell.
  const home = `const home = ((Math.imul(h, 0x9e3779b1) >>> 24) * ${slotsPerBucket}) >>> 8;`;
  /** Text that goes through the slots of a state until one is free; `onUsed` sees those of which the mark is `d`. */
  const walk = (onUsed: string, onFree: string): string => `
      ${home}
      for (let d = 1; d <= ${1 + mostHops}; d++, b += ${bucketWords}) {
        const marks = words[b];
        let s = home;
        do {
          const mark = (marks >>> (s << 1)) & 3;
          if (mark === 0) { ${onFree} }
          if (mark === d && ${isSame}) { ${onUsed} }
          if (++s === ${slotsPerBucket}) s = 0;
        } while (s !== home);
      }`;

  // One bit for each slot: whether it is used is told without a branch, which here could not be foretold.
  const everySlot = 0x55555555 & (4 ** slotsPerBucket - 1);
  const base = (j: string): string => `(${j} <= 0 ? 0 : ~~((${j}) * unscale) - 1)`;
  const slotNames = payload.map((_, i) => `q${i}`);
  const extracted = others.map((_, i) => sliceBits(slotNames, 32 * i, bitsOfOther(i)));
  const low = `(${sliceBits(slotNames, otherBits, hashRoom)} & mask)`;
  const text = `"use strict";
const scratch = new Int32Array(${keyWords});
return {
  sift(states, first, end, seen, which, hashes, at, scale) {
    let n = 0;
    const last = (seen.length / ${width} - 1) | 0;
    for (let i = first, offset = first * ${width}; i < end; i++, offset += ${width}) {
      ${keyText(spec)}
      ${hashText(keyWords)}
      const e = ((h >>> 8) & last) * ${width};
      if (${words.map((i) => `seen[e + ${i}] === w${i}`).join(" && ")}) continue;
      ${words.map((i) => `seen[e + ${i}] = w${i};`).join(" ")}
      which[n] = i;
      hashes[n] = h;
      at[n] = ${bucket};
      n++;
    }
    return n;
  },
  insert(states, count, which, hashes, at, cells, mask, found, fresh, room, stash) {
    ${open}
    next: for (let j = 0; j < count; j++) {
      const i = which[j], offset = i * ${width}, h = hashes[j];
      ${keyText(spec)}
      ${declare}
      let b = at[j];
      ${walk(
        "continue next;",
        `found[fresh] = i;
        if (fresh === room) return ~fresh;
        words[b] = marks | (d << (s << 1));
        ${store}
        fresh++;
        continue next;`,
      )}
      ${scratch}
      if (stash.has(scratch)) continue;
      found[fresh] = i;
      if (fresh === room) return ~fresh;
      stash.add(scratch);
      fresh++;
    }
    return fresh;
  },
  has(states, offset, cells, mask, scale, stash) {
    ${open}
    ${keyText(spec)}
    ${hashText(keyWords)}
    ${declare}
    let b = ${bucket};
    ${walk("return true;", "return false;")}
    ${scratch}
    return stash.has(scratch);
  },
  extract(cells, mask, first, end, unscale, keys) {
    ${open}
    let n = 0;
    for (let j = first, b = first * ${bucketWords}; j < end; j++, b += ${bucketWords}) {
      const marks = words[b];
      if (marks === 0) continue;
      // The lowest hashes, about, of this bucket and of those whose states may have come here.
      const base1 = ${base("j")}, base2 = ${base("j - 1")}, base3 = ${base("j - 2")};
      for (let bits = (marks | (marks >>> 1)) & ${everySlot}; bits !== 0; bits &= bits - 1) {
        const s = (31 - Math.clz32(bits & -bits)) >> 1, mark = (marks >>> (s << 1)) & 3;
        ${payload.map((_, i) => `const q${i} = ${cell(i, "s")};`).join(" ")}
        const base = mark === 1 ? base1 : mark === 2 ? base2 : base3;
        keys[n++] = (base + ((${low} - base) & mask)) | 0;
        ${extracted.map((other) => `keys[n++] = ${other};`).join(" ")}
      }
    }
    words.fill(0, first * ${bucketWords}, end * ${bucketWords});
    return n / ${keyWords};
  },
  place(keys, count, cells, mask, scale, stash) {
    ${open}
    next: for (let i = 0, n = 0; i < count; i++, n += ${keyWords}) {
      const h = keys[n];
      ${others.map((name, i) => `const ${name} = keys[n + ${i + 1}];`).join(" ")}
      ${declare}
      let b = ${bucket};
      ${home}
      for (let d = 1; d <= ${1 + mostHops}; d++, b += ${bucketWords}) {
        const marks = words[b], free = ~(marks | (marks >>> 1)) & ${everySlot};
        if (free === 0) continue;
        const behind = free >>> (home << 1), bits = behind === 0 ? free : behind;
        const s = ((31 - Math.clz32(bits & -bits)) >> 1) + (behind === 0 ? 0 : home);
        words[b] = marks | (d << (s << 1));
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
