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

/** States that found no place within `mostHops` buckets of their own: few. Keys are `[hash, ...others]`. */
export interface Stash {
  has(key: Int32Array): boolean;
  /** Adds a key that is not there yet. */
  add(key: Int32Array): void;
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
   * Reads at the first `count` places, up to seven more, and in the next bucket where one is full: their cache lines
   * are then on the way together. Returns a number that means nothing, so that the reads are not left out.
   */
  touch(cells: Int32Array, at: Int32Array, count: number): number;
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
    cells: Int32Array,
    mask: number,
    found: Int32Array,
    fresh: number,
    room: number,
    stash: Stash,
  ): number;
  has(
    states: Int32Array,
    offset: number,
    cells: Int32Array,
    mask: number,
    scale: number,
    stash: Stash,
  ): boolean;
  /** Takes all states out of the buckets from `first` to `end`, and frees them: keys, one behind the other. */
  extract(
    cells: Int32Array,
    mask: number,
    first: number,
    end: number,
    unscale: number,
    keys: Int32Array,
  ): number;
  /** Puts in keys that are not there yet. */
  place(keys: Int32Array, count: number, cells: Int32Array, mask: number, scale: number, stash: Stash): void;
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

const eight = [0, 1, 2, 3, 4, 5, 6, 7];

function generate(spec: KeySpec, format: SlotFormat): TableCode {
  const { slotWords, slotBytes, slotsPerBucket, bucketWords } = format;
  const width = spec.usedBits.length;
  const words = Array.from({ length: width }, (_, i) => i);
  const otherBits = otherBitsOf(spec);
  const others = Array.from({ length: Math.ceil(otherBits / 32) }, (_, i) => `k${i + 1}`);
  const keyWords = keyWordsOf(spec);
  const hashRoom = Math.min(32, 32 * slotWords + 8 * slotBytes - otherBits);
  const bitsOfOther = (i: number): number => Math.min(32, otherBits - 32 * i);
  const slot = new SlotText(format);
  const payload = joinBits([
    ...others.map((text, i): BitPart => ({ text, bits: bitsOfOther(i) })),
    { text: "(h & mask)", bits: hashRoom },
  ]);
  const declare = slot.declare("p", payload);
  const lastMark = 2 * (slotsPerBucket - 1);
  const isFull = `(marks >>> ${lastMark}) !== 0`;
  const bucket = `(((h >>> 0) * scale) | 0) * ${bucketWords}`;
  const scratch = ["h", ...others].map((text, i) => `scratch[${i}] = ${text};`).join(" ");
  /** Text that puts what is declared into the first free slot of the bucket at `b`, `d - 1` buckets from its own. */
  const put = (d: string): string =>
    `const s = ${usedText}; cells[b] = marks | (${d} << (s << 1)); ${slot.store}`;
  /** Text that goes through the buckets of a state: `onSame` where it is, `onFree` where it is not and has a place. */
  const walk = (onSame: string, onFree: string): string => `
      for (let d = 1; d <= ${1 + mostHops}; d++, b += ${bucketWords}) {
        const marks = cells[b];
        for (let s = ${usedText} - 1; s >= 0; s--) if (${slot.isSame("d")}) { ${onSame} }
        if (${isFull}) continue;
        ${onFree}
      }`;
  const base = (j: string): string => `(${j} <= 0 ? 0 : ~~((${j}) * unscale) - 1)`;
  const read = slot.names("q");
  const extracted = others.map((_, i) => sliceBits(read, 32 * i, bitsOfOther(i)));
  const low = `(${sliceBits(read, otherBits, hashRoom)} & mask)`;
  // V8 looks at an array once, and not at each access, where it is used in an innermost loop without calls. Nearly all
  // states are done in such loops; what is rare comes behind them.
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
      const other = ${words.map((i) => `(seen[e + ${i}] ^ w${i})`).join(" | ")};
      ${words.map((i) => `seen[e + ${i}] = w${i};`).join(" ")}
      which[n] = i;
      hashes[n] = h;
      at[n] = ${bucket};
      // No branch: it could not be foretold.
      n = n + ((other !== 0) | 0) | 0;
    }
    return n;
  },
  touch(cells, at, count) {
    // The fewer instructions between two reads, the more of them are under way: so eight to a turn.
    let all = 0;
    for (let i = 0; i < count; i += 8) all ^= ${eight.map((n) => `cells[at[i + ${n}]]`).join(" ^ ")};
    for (let i = 0; i < count; i += 8) {
      ${eight.map((n) => `const b${n} = at[i + ${n}];`).join(" ")}
      all ^= ${eight.map((n) => `cells[b${n} + ((cells[b${n}] >>> ${lastMark}) !== 0 | 0) * ${bucketWords}]`).join(" ^ ")};
    }
    return all;
  },
  insert(states, count, which, hashes, at, cells, mask, found, fresh, room, stash) {
    for (let j = 0; ; j++) {
      for (; j < count; j++) {
        const i = which[j], offset = i * ${width}, h = hashes[j], b = at[j];
        ${keyText(spec)}
        ${declare}
        const marks = cells[b];
        ${slot.find(`if (${slot.isSame("1")}) continue; break;`)}
        if (${isFull}) break;
        found[fresh] = i;
        if (fresh === room) return ~fresh;
        ${put("1")}
        fresh++;
      }
      if (j >= count) return fresh;
      rare: {
        const i = which[j], offset = i * ${width}, h = hashes[j];
        ${keyText(spec)}
        ${declare}
        let b = at[j];
        ${walk(
          "break rare;",
          `found[fresh] = i;
          if (fresh === room) return ~fresh;
          ${put("d")}
          fresh++;
          break rare;`,
        )}
        ${scratch}
        if (stash.has(scratch)) break rare;
        found[fresh] = i;
        if (fresh === room) return ~fresh;
        stash.add(scratch);
        fresh++;
      }
    }
  },
  has(states, offset, cells, mask, scale, stash) {
    ${keyText(spec)}
    ${hashText(keyWords)}
    ${declare}
    let b = ${bucket};
    ${walk("return true;", "return false;")}
    ${scratch}
    return stash.has(scratch);
  },
  extract(cells, mask, first, end, unscale, keys) {
    let n = 0;
    for (let j = first, b = first * ${bucketWords}; j < end; j++, b += ${bucketWords}) {
      const marks = cells[b], used = ${usedText};
      // The lowest hashes, about, of this bucket and of those whose states may have come here.
      const base1 = ${base("j")}, base2 = ${base("j - 1")}, base3 = ${base("j - 2")};
      for (let s = 0; s < used; s++) {
        const mark = (marks >>> (s << 1)) & 3;
        ${slot.declare("q", slot.cells)}
        const base = mark === 1 ? base1 : mark === 2 ? base2 : base3;
        keys[n] = (base + ((${low} - base) & mask)) | 0;
        ${extracted.map((other, i) => `keys[n + ${i + 1}] = ${other};`).join(" ")}
        n += ${keyWords};
      }
    }
    cells.fill(0, first * ${bucketWords}, end * ${bucketWords});
    return n / ${keyWords};
  },
  place(keys, count, cells, mask, scale, stash) {
    const end = count * ${keyWords};
    for (let n = 0; ; n += ${keyWords}) {
      for (; n < end; n += ${keyWords}) {
        const h = keys[n];
        ${others.map((name, i) => `const ${name} = keys[n + ${i + 1}];`).join(" ")}
        const b = ${bucket}, marks = cells[b];
        if (${isFull}) break;
        ${declare}
        ${put("1")}
      }
      if (n >= end) return;
      rare: {
        const h = keys[n];
        ${others.map((name, i) => `const ${name} = keys[n + ${i + 1}];`).join(" ")}
        ${declare}
        let b = ${bucket};
        for (let d = 1; d <= ${1 + mostHops}; d++, b += ${bucketWords}) {
          const marks = cells[b];
          if (${isFull}) continue;
          ${put("d")}
          break rare;
        }
        ${scratch}
        stash.add(scratch);
      }
    }
  },
};`;
  // The text depends on the widths alone.
  // oxlint-disable-next-line typescript/no-implied-eval, no-new-func
  return new Function(text)() as TableCode;
}

/** How many slots of a bucket are used, by its marks: they are filled in order. */
const usedText = "((33 - Math.clz32(marks)) >> 1)";

/**
 * Text for the slots of the bucket at word `b`. What a slot holds are words and, behind them, a tail of one or two
 * bytes or none. States are told apart by the tails first (several are compared at once), or by the first words: one of
 * them that may be the same in many states is therefore kept mixed with the others.
 */
class SlotText {
  /** Where slot `s` has its words and its tail. */
  readonly cells: readonly string[];
  private readonly format: SlotFormat;
  private readonly tailBits: number;
  private readonly tailWords: number;

  constructor(format: SlotFormat) {
    this.format = format;
    const { slotBytes, slotWords, slotsPerBucket } = format;
    this.tailBits = 8 * slotBytes;
    this.tailWords = Math.ceil((slotsPerBucket * slotBytes) / 4);
    const first = 1 + this.tailWords;
    const rest = first + slotsPerBucket;
    const words = Array.from({ length: slotWords }, (_, i) =>
      i === 0 ? `cells[b + ${first} + s]` : `cells[b + ${rest + i - 1} + s * ${slotWords - 1}]`,
    );
    const tail = `((${this.tailWord} >>> ${this.tailShift}) & ${maskOf(this.tailBits)})`;
    this.cells = this.tailBits === 0 ? words : [...words, tail];
  }

  names(letter: string): string[] {
    return this.cells.map((_, i) => `${letter}${i}`);
  }

  /** Declares the parts as they are kept, given as they are; or as they are, given as they are kept. */
  declare(letter: string, parts: readonly string[]): string {
    const names = this.names(letter);
    const { slotWords } = this.format;
    const mixed = this.tailBits > 0 ? slotWords : 0;
    const rest = names.filter((_, i) => i !== mixed);
    const mix = rest.length === 0 ? "0" : `Math.imul(${rest.join(" ^ ")}, 0x9e3779b1)`;
    const declared = names.map((name, i) =>
      i === mixed
        ? `const ${name} = ((${parts[i]}) ^ ${this.tailBits > 0 ? `(${mix} >>> ${32 - this.tailBits})` : mix}) | 0;`
        : `const ${name} = (${parts[i]}) | 0;`,
    );
    return [...declared.filter((_, i) => i !== mixed), declared[mixed]].join(" ");
  }

  /** Does slot `s` hold the declared state, `d - 1` buckets from its own? */
  isSame(d: string): string {
    const parts = this.cells.map((cell, i) => `${cell} === p${i}`);
    return [`((marks >>> (s << 1)) & 3) === ${d}`, ...parts].join(" && ");
  }

  /** Puts the declared state into slot `s`, which is free. */
  get store(): string {
    const { slotWords } = this.format;
    const words = this.cells.slice(0, slotWords).map((cell, i) => `${cell} = p${i};`);
    if (this.tailBits > 0) words.push(`${this.tailWord} |= p${slotWords} << ${this.tailShift};`);
    return words.join(" ");
  }

  /** Runs `onFound` for the first slot that may hold the declared state. */
  find(onFound: string): string {
    const { slotWords, slotsPerBucket } = this.format;
    if (this.tailBits === 0) {
      const slots = Array.from({ length: slotsPerBucket }, (_, s) => s);
      const chain = slots.map((s) => `cells[b + ${1 + s}] === p0 ? ${s}`).join(" : ");
      return `{ const s = ${chain} : -1; if (s >= 0) { ${onFound} } }`;
    }
    // A tail is the same where the difference is zero: subtracting one then borrows from the lane's highest bit. The
    // lowest such lane is right, and the others may be.
    const ones = this.tailBits === 8 ? 0x01010101 : 0x00010001;
    const tops = this.tailBits === 8 ? -0x7f7f7f80 : -0x7fff8000;
    const lanes = Array.from({ length: this.tailWords }, (_, k) => k);
    const differences = lanes.map((k) => `const x${k} = cells[b + ${1 + k}] ^ tails;`);
    const zeros = lanes.map((k) => `(((x${k} - ${ones}) & ~x${k} & ${tops}) >>> ${this.tailBits - 1 - k})`);
    const [lane, word] =
      this.tailBits === 8 ? ["bit >> 3", "(bit & 7) << 2"] : ["bit >> 4", "(bit & 15) << 1"];
    return `const tails = Math.imul(p${slotWords}, ${ones}); ${differences.join(" ")}
        const zeros = ${zeros.join(" | ")};
        if (zeros !== 0) { const bit = 31 - Math.clz32(zeros & -zeros), s = (${word}) + (${lane}); ${onFound} }`;
  }

  private get tailWord(): string {
    return `cells[b + 1 + (s >> ${this.tailBits === 8 ? 2 : 1})]`;
  }

  private get tailShift(): string {
    return this.tailBits === 8 ? "((s & 3) << 3)" : "((s & 1) << 4)";
  }
}
