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
        const table = new StateTable(words, 4);
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
    const table = new StateTable(words, 16);
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
    const table = new StateTable(1, 100);
    expect(table.makeRoom(90, 400)).toBe(true);
    expect(table.makeRoom(91, 400)).toBe(false);
    expect(table.bytes).toBe(400);
    expect(table.makeRoom(76, 400 + 800)).toBe(true);
    expect(table.bytes).toBe(800);
  });

  test("refuses room beyond what an array can hold", () => {
    expect(new StateTable(8).makeRoom(2 ** 28)).toBe(false);
    expect(new StateTable(1).makeRoom(2 ** 31)).toBe(false);
  });
});
