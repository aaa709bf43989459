import fc from "fast-check";
import { expect, test } from "vitest";
import {
  array,
  bool,
  type Field,
  oneOf,
  option,
  queue,
  range,
  record,
  setOf,
  sort,
  union,
} from "./fields.ts";
import { computeLayout, decode, encode } from "./layout.ts";
import { computeShape, initialValueOf, type Shape } from "./shape.ts";

const page = sort("page");
const bounds = { page: 3, most: 5 };

const everything = record({
  flag: bool(),
  wide: range(-7, 1_000_000),
  bounded: range(0, "most"),
  kinds: array(page, oneOf("a", "b", "c")),
  records: array(2, record({ owner: option(page), n: range(3, 3) })),
  commands: queue(3, union({ SYNC: {}, TLBI: { page, leaf: bool() } })),
  cached: setOf(page),
});

function valuesOf(shape: Shape): fc.Arbitrary<unknown> {
  switch (shape.kind) {
    case "scalar":
      if (shape.coding !== "number") return fc.constantFrom(...shape.values);
      return fc.integer({ min: shape.low, max: shape.low + shape.cardinality - 1 });
    case "record":
      return fc.record(Object.fromEntries(shape.fields.map(([name, of]) => [name, valuesOf(of)])));
    case "array":
      return fc.array(valuesOf(shape.of), { minLength: shape.length, maxLength: shape.length });
    case "queue":
      return fc.array(valuesOf(shape.of), { maxLength: shape.capacity });
    case "set":
      return fc.subarray(Array.from({ length: shape.size }, (_, i) => i)).map((members) => new Set(members));
    case "union":
      return fc.constantFrom(...Object.keys(shape.variants)).chain((tag) => {
        const fields = shape.fields.filter(([name]) => shape.variants[tag].includes(name));
        return fc.record({
          tag: fc.constant(tag),
          ...Object.fromEntries(fields.map(([name, of]) => [name, valuesOf(of)])),
        });
      });
  }
}

const layoutOf = (field: Field<unknown>) => computeLayout(computeShape(field, bounds));

test("what is packed unpacks to the same, and different states pack differently", () => {
  const shape = computeShape(everything, bounds);
  const layout = computeLayout(shape);
  fc.assert(
    fc.property(valuesOf(shape), valuesOf(shape), (a, b) => {
      expect(decode(layout, encode(layout, a))).toEqual(a);
      const same = encode(layout, a).join() === encode(layout, b).join();
      expect(same).toBe(JSON.stringify(plain(a)) === JSON.stringify(plain(b)));
    }),
  );
});

/** Sets as sorted lists, and keys sorted, so that JSON tells states apart. */
function plain(value: unknown): unknown {
  if (value instanceof Set) return [...value].map(Number).sort((a, b) => a - b);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([name, of]) => [name, plain(of)]),
  );
}

test("no field straddles a word, none overlaps another, and every state has its used bit", () => {
  const layout = layoutOf(everything);
  const used = Array.from({ length: layout.words }, () => new Set<number>());
  used[0].add(0);
  for (const { bits, word, shift, path } of layout.leaves) {
    expect(shift + bits, path).toBeLessThanOrEqual(32);
    for (let bit = shift; bit < shift + bits; bit++) {
      expect(used[word].has(bit), path).toBe(false);
      used[word].add(bit);
    }
  }
  expect(encode(layout, initialValueOf(computeShape(everything, bounds)))[0] & 1).toBe(1);
});

test("bits are not wasted: dma-core's 58 bits and the used bit fit two words", () => {
  const small = record({ a: array(29, bool()), b: array(29, oneOf("x", "y")), c: range(0, 7) });
  expect(layoutOf(small)).toMatchObject({ words: 2, bits: 62 });
});

test.each([
  [{ bounded: 6 }, "[M01] state.bounded was given 6, and holds 0 .. 5"],
  [{ flag: 1 }, "[M01] flag was given 1, and holds false, true"],
  [{ surplus: 1 }, "[M02] state.surplus is not declared in the schema"],
  [{ cached: new Set([3]) }, "[M01] state.cached was given 3, no element of its sort"],
  [
    { commands: Array.from({ length: 4 }, () => ({ tag: "SYNC" })) },
    "[M01] state.commands was given 4 elements, and holds 3",
  ],
  [{ kinds: ["a", "b"] }, "[M01] state.kinds was given 2 elements, and holds 3"],
  [{ commands: [{ tag: "SYNC", leaf: true }] }, "[M02] state.commands[0].leaf is not declared in the schema"],
])("a state that the schema cannot hold is refused by name: %o", (wrong, message) => {
  const shape = computeShape(everything, bounds);
  const state = { ...(initialValueOf(shape) as object), ...wrong };
  expect(() => encode(computeLayout(shape), state)).toThrow(message.replace("state.bounded", "bounded"));
});

test.each([
  ["an unknown size", () => computeShape(range(0, "mots"), bounds), /M06.*did you mean "most"/s],
  ["a range upside down", () => computeShape(range(3, 1), bounds), /M07.*ranges from 3 to 1/],
  ["a name twice", () => computeShape(oneOf("a", "b", "a"), bounds), /M04.*names "a" twice/],
  ["an option of an option", () => computeShape(option(option(page)), bounds), /M07.*option of an option/],
  [
    "variants that disagree",
    () => computeShape(union({ A: { x: bool() }, B: { x: page } }), bounds),
    /M07.*"x"/,
  ],
])("a schema with %s is refused", (_, declare, message) => {
  expect(declare).toThrow(message);
});
