/** Formulas decided by cases: never wrong where it says "never", and it does say so. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Exprs } from "../../compile/exprs.ts";
import type { Expr } from "../../compile/ir.ts";
import { range, record } from "../../index.ts";
import { computeLayout, type Leaf } from "../../schema/layout.ts";
import { computeShape } from "../../schema/shape.ts";
import { Cases } from "./cases.ts";

const layout = computeLayout(computeShape(record({ a: range(0, 2), b: range(0, 4), c: range(0, 1) }), {}));
const leaves = layout.leaves.filter(({ mask }) => mask !== 0);

/** A formula, and what it says of the codes of the three fields. */
interface Formula {
  build(exprs: Exprs): Expr;
  holds(codes: readonly number[]): boolean;
}

const field = (exprs: Exprs, { word, shift, mask, shape }: Leaf): Expr =>
  exprs.extract(exprs.word(0, word), shift, mask, shape.cardinality - 1);

const atom = fc
  .record({
    at: fc.nat(leaves.length - 1),
    other: fc.nat(leaves.length - 1),
    value: fc.nat(4),
    isLess: fc.boolean(),
  })
  .map(
    ({ at, other, value, isLess }): Formula => ({
      build: (exprs) =>
        isLess
          ? exprs.lt(field(exprs, leaves[at]), field(exprs, leaves[other]))
          : exprs.eq(field(exprs, leaves[at]), exprs.const(value)),
      holds: (codes) => (isLess ? codes[at] < codes[other] : codes[at] === value),
    }),
  );

const { formula } = fc.letrec<{ formula: Formula }>((tie) => ({
  formula: fc.oneof(
    { maxDepth: 5 },
    atom,
    tie("formula").map(
      (a): Formula => ({
        build: (exprs) => exprs.not(a.build(exprs)),
        holds: (codes) => !a.holds(codes),
      }),
    ),
    fc.tuple(tie("formula"), tie("formula")).map(
      ([a, b]): Formula => ({
        build: (exprs) => exprs.and(a.build(exprs), b.build(exprs)),
        holds: (codes) => a.holds(codes) && b.holds(codes),
      }),
    ),
    fc.tuple(tie("formula"), tie("formula")).map(
      ([a, b]): Formula => ({
        build: (exprs) => exprs.or(a.build(exprs), b.build(exprs)),
        holds: (codes) => a.holds(codes) || b.holds(codes),
      }),
    ),
  ),
}));

function doesHoldSomewhere(each: Formula, codes: readonly number[] = []): boolean {
  if (codes.length === leaves.length) return each.holds(codes);
  const { cardinality } = leaves[codes.length].shape;
  return Array.from({ length: cardinality }, (_, code) => code).some((code) =>
    doesHoldSomewhere(each, [...codes, code]),
  );
}

test("never means never, and the other way round where there are few fields", () => {
  const seen = { never: 0, sometimes: 0 };
  const property = fc.property(formula, (each) => {
    const exprs = new Exprs();
    const isNever = new Cases(exprs, layout.leaves).isNever(each.build(exprs));
    expect(isNever).toBe(!doesHoldSomewhere(each));
    seen[isNever ? "never" : "sometimes"]++;
  });
  fc.assert(property, { numRuns: 300, seed: 1 });
  expect(Math.min(seen.never, seen.sometimes)).toBeGreaterThan(30);
});

test("what takes too many cases is not decided", () => {
  const wide = computeLayout(computeShape(record({ a: range(0, 999), b: range(0, 999) }), {}));
  const exprs = new Exprs();
  const [a, b] = wide.leaves.filter(({ mask }) => mask !== 0).map((leaf) => field(exprs, leaf));
  const isBoth = exprs.and(exprs.lt(a, b), exprs.lt(b, a));
  expect(new Cases(exprs, wide.leaves).isNever(isBoth)).toBe(false);
});
