import { describe, expect, test } from "vitest";
import { array, bool, option, queue, range, record, setOf, sort, union } from "../schema/fields.ts";
import { computeShape, initialValueOf } from "../schema/shape.ts";
import { diffStates, formatChange, formatValue, isSame, toPlain } from "./plain.ts";

const page = sort("page");
const schema = record({
  count: range(0, 3),
  pages: array(page, record({ used: bool(), by: option(page) })),
  waiting: queue(3, union({ SYNC: {}, TLBI: { page } })),
  seen: setOf(page),
  last: union({ none: {}, page: { page } }),
});
const shape = computeShape(schema, { page: 3 });

/** The initial state after a change. */
// oxlint-disable-next-line no-explicit-any
function changed(change: (state: any) => void): unknown {
  const state = initialValueOf(shape);
  change(state);
  return state;
}

const initial = initialValueOf(shape);

test("a state as JSON: a set has its members in ascending order", () => {
  expect(toPlain(changed(({ seen }) => seen.add(2).add(0)))).toEqual({
    count: 0,
    pages: Array.from({ length: 3 }, () => ({ used: false, by: null })),
    waiting: [],
    seen: { "#set": [0, 2] },
    last: { tag: "none" },
  });
});

describe("differences", () => {
  const told = (change: Parameters<typeof changed>[0]) =>
    diffStates(shape, initial, changed(change)).map(formatChange);

  test("of nothing", () => {
    expect(told(() => {})).toEqual([]);
  });

  test("name the place, and are told in the order of the schema", () => {
    const change = (state: { count: number; pages: { used: boolean; by: number | null }[] }) => {
      state.pages[2].by = 1;
      state.pages[0].used = true;
      state.count = 3;
    };
    expect(told(change)).toEqual(["count: 0 → 3", "pages[0].used: false → true", "pages[2].by: none → 1"]);
  });

  test("of queues and sets tell what joins and what leaves", () => {
    const full = changed(({ waiting, seen }) => {
      waiting.push({ tag: "TLBI", page: 1 }, { tag: "SYNC" });
      seen.add(1);
    });
    expect(diffStates(shape, initial, full).map(formatChange)).toEqual([
      "waiting: + TLBI(page: 1), SYNC",
      "seen: + 1",
    ]);
    expect(diffStates(shape, full, initial).map(formatChange)).toEqual([
      "waiting: - TLBI(page: 1), SYNC",
      "seen: - 1",
    ]);
    const shifted = changed(({ waiting }) => waiting.push({ tag: "SYNC" }));
    expect(formatChange(diffStates(shape, full, shifted)[0])).toBe("waiting: - TLBI(page: 1)");
  });

  test("of unions are told as a whole", () => {
    expect(told((state) => (state.last = { tag: "page", page: 2 }))).toEqual(["last: none → page(page: 2)"]);
  });
});

test("values as people read them", () => {
  expect(formatValue([{ tag: "SYNC" }, { a: 1, b: null }])).toBe("[SYNC, {a: 1, b: none}]");
  expect(formatValue({ "#set": [] })).toBe("{}");
  expect(formatValue({ tag: 3 })).toBe("{tag: 3}");
});

test("sameness does not depend on the order of fields", () => {
  expect(isSame({ a: 1, b: [2] }, { b: [2], a: 1 })).toBe(true);
  expect(isSame({ a: 1 }, { b: 1 })).toBe(false);
  expect(isSame([1], { 0: 1 })).toBe(false);
  expect(isSame(null, 0)).toBe(false);
});
