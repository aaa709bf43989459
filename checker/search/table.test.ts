import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { StateTable } from "./table.ts";

/** Batches of states of the same number of words, drawn from few values so that many are equal. */
const batchesOfStates = fc.integer({ min: 1, max: 8 }).chain((words) =>
  fc.record({
    words: fc.constant(words),
    batches: fc.array(
      fc.array(
        fc.array(fc.constantFrom(0, 1, 2, -1, 0x7fffffff, -0x80000000), {
          minLength: words,
          maxLength: words,
        }),
        {
          maxLength: 40,
        },
      ),
      { maxLength: 20 },
    ),
  }),
);

function pack(states: readonly (readonly number[])[], words: number): Int32Array {
  const packed = Int32Array.from(states.flat());
  for (let i = 0; i < packed.length; i += words) packed[i] |= 1;
  return packed;
}

const keyOf = (packed: Int32Array, i: number, words: number): string =>
  packed.subarray(i * words, (i + 1) * words).join();

/** Inserts a batch into a table and into the set that it should behave like, and compares. */
function insertIntoBoth(table: StateTable, set: Set<string>, packed: Int32Array): void {
  const { words } = table;
  const count = packed.length / words;
  const expected: number[] = [];
  for (let i = 0; i < count; i++) {
    const key = keyOf(packed, i, words);
    expect(table.has(packed, i * words)).toBe(set.has(key));
  }
  for (let i = 0; i < count; i++) {
    const key = keyOf(packed, i, words);
    if (!set.has(key)) expected.push(i);
    set.add(key);
  }
  expect(table.makeRoom(count)).toBe(true);
  const fresh = table.insertBatch(packed, count);
  expect([...table.found.subarray(0, fresh)]).toEqual(expected);
  expect(table.handled).toBe(count);
  expect(table.size).toBe(set.size);
  for (let i = 0; i < count; i++) expect(table.has(packed, i * words)).toBe(true);
}

describe("the state table", () => {
  test("behaves as a set of word tuples while it grows", () => {
    fc.assert(
      fc.property(batchesOfStates, ({ words, batches }) => {
        const table = new StateTable(words, { capacity: 4 });
        const set = new Set<string>();
        for (const batch of batches) insertIntoBoth(table, set, pack(batch, words));
      }),
    );
  });

  test.each([1, 2, 3, 5, 8, 40])("keeps every state of %i words through many growths", (words) => {
    const count = 60_000;
    const packed = new Int32Array(count * words);
    // Neighbours that differ in few bits: what states look like.
    for (let i = 0; i < count; i++) {
      packed[i * words] = 1 | (i << 1);
      packed[(i + 1) * words - 1] ^= (i % 7) << 20;
    }
    const table = new StateTable(words, { capacity: 16 });
    for (let from = 0; from < count; from += 1000) {
      const batch = packed.subarray(from * words, (from + 1000) * words);
      expect(table.makeRoom(1000)).toBe(true);
      expect(table.insertBatch(batch, 1000)).toBe(1000);
    }
    expect(table.size).toBe(count);
    expect(table.insertBatch(packed, count)).toBe(0);
    expect(table.bytes).toBeGreaterThanOrEqual(count * words * 4);
    expect(table.bytes).toBeLessThan((count * words * 4) / 0.37);
  });

  test("stops at the first new state for which there is no room", () => {
    const table = new StateTable(1);
    expect(table.insertBatch(Int32Array.of(3, 5, 3), 3, 2)).toBe(2);
    expect(table.handled).toBe(3);
    expect(table.insertBatch(Int32Array.of(5, 7, 9, 11), 4, 1)).toBe(1);
    expect(table.handled).toBe(2);
    expect([table.has(Int32Array.of(7)), table.has(Int32Array.of(9))]).toEqual([true, false]);
    expect(table.insertBatch(Int32Array.of(9), 1, 0)).toBe(0);
    expect(table.handled).toBe(0);
    expect(table.size).toBe(3);
  });

  test("refuses room beyond its budget, after filling what it has", () => {
    const table = new StateTable(1, { capacity: 150 });
    const { bytes } = table;
    expect(table.makeRoom(130, bytes)).toBe(true);
    expect(table.makeRoom(134, bytes)).toBe(false);
    expect(table.bytes).toBe(bytes);
    expect(table.makeRoom(134, 4 * bytes)).toBe(true);
    expect(table.bytes).toBeGreaterThan(bytes * 1.2);
    expect(table.bytes).toBeLessThan(bytes * 3);
  });

  test("refuses room beyond what an array can hold", () => {
    expect(new StateTable(8).makeRoom(2 ** 28)).toBe(false);
    expect(new StateTable(1).makeRoom(2 ** 31)).toBe(false);
  });

  test("holds what its buckets have no room for", () => {
    const table = new StateTable(2, { capacity: 64 });
    const packed = numbered(2000, 2);
    expect(table.insertBatch(packed, 2000)).toBe(2000);
    expect(table.insertBatch(packed, 2000)).toBe(0);
    expect(table.makeRoom(1)).toBe(true);
    expect(table.insertBatch(packed, 2000)).toBe(0);
    expect(table.has(Int32Array.of(2001 * 2 + 1, 5))).toBe(false);
  });

  test.each([
    ["one word", [22], 11],
    ["two words", [32, 6], 11],
    ["two words, neither full", [20, 29], 11],
    ["three words", [31, 30, 17], 21],
  ])("keeps exactly the bits in use, of %s, while it grows where it is", (_, usedBits, mostBytes) => {
    const words = usedBits.length;
    const table = new StateTable(words, { usedBits, capacity: 64 });
    const count = 800_000;
    const states = new Int32Array(count * words);
    // All small numbers, their bits dealt out to the words by turns: among them are states that differ in one bit.
    const free = usedBits.map((bits, w) => (w === 0 ? bits - 1 : bits));
    const places: [number, number][] = [];
    for (let w = 0; places.length < 20; w = (w + 1) % words)
      if (free[w] > 0) places.push([w, usedBits[w] - free[w]--]);
    for (let i = 0; i < count; i++) {
      states[i * words] = 1;
      for (let bit = 0; bit < 20; bit++) {
        const [w, shift] = places[bit];
        states[i * words + w] |= ((i >>> bit) & 1) << shift;
      }
    }
    for (let from = 0; from < count; from += 5000) {
      const batch = states.subarray(from * words, (from + 5000) * words);
      if (!table.makeRoom(5000) || table.insertBatch(batch, 5000) !== 5000)
        throw new Error(`lost after ${from}`);
    }
    expect(table.insertBatch(states, count)).toBe(0);
    expect(table.bytes / count).toBeLessThan(mostBytes);
  });

  test("takes states apart that agree in all but one bit, whichever it is", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 32 }), { minLength: 1, maxLength: 5 }),
        fc.integer(),
        (usedBits, seed) => {
          const words = usedBits.length;
          const base = usedBits.map((bits, w) => (Math.imul(seed, 2654435761 + w) & -1) >>> (32 - bits));
          base[0] |= 1;
          const table = new StateTable(words, { usedBits, capacity: 8 });
          const all = [base];
          usedBits.forEach((bits, w) => {
            for (let bit = w === 0 ? 1 : 0; bit < bits; bit++)
              all.push(base.map((word, at) => (at === w ? word ^ (1 << bit) : word)));
          });
          const packed = Int32Array.from(all.flat());
          expect(table.makeRoom(all.length)).toBe(true);
          expect(table.insertBatch(packed, all.length)).toBe(all.length);
          expect(table.makeRoom(4000)).toBe(true);
          expect(table.insertBatch(packed, all.length)).toBe(0);
        },
      ),
    );
  });

  test("as a store of fingerprints, says how likely it is to have taken two states for one", () => {
    const table = new StateTable(5, { kind: "fingerprint" });
    const packed = numbered(100_000, 5);
    expect(table.makeRoom(100_000)).toBe(true);
    expect(table.insertBatch(packed, 100_000)).toBe(100_000);
    expect(table.omissionProbability).toBeCloseTo(1e10 / 2 ** 65, 12);
    expect(table.bytes / 100_000).toBeLessThan(16);
    expect(new StateTable(5).omissionProbability).toBe(0);
  });
});

/** States that differ in their number only. */
function numbered(count: number, words: number): Int32Array {
  const packed = new Int32Array(count * words);
  for (let i = 0; i < count; i++) {
    packed[i * words] = 2 * i + 1;
    packed[(i + 1) * words - 1] |= words === 1 ? 0 : i & 0xff;
  }
  return packed;
}
