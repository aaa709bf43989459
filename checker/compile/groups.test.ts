import fc from "fast-check";
import { expect, test } from "vitest";
import { array, range } from "../index.ts";
import { computeLayout, type Leaf } from "../schema/layout.ts";
import { computeShape } from "../schema/shape.ts";
import { Exprs } from "./exprs.ts";
import { groupFormulas, statementsOf } from "./groups.ts";
import type { Stmt } from "./ir.ts";

/** Leaves of four bits each, in some words. */
const layout = computeLayout(computeShape(array(24, range(0, 15)), {}));
const { leaves, words } = layout;
const exprs = new Exprs();

/** A formula that says which it is. */
function formula(what: number, read: readonly number[]) {
  const body: Stmt[] = [{ do: "report", when: exprs.word(0, what % words), what }];
  return { body, footprint: { reads: new Set(read.map((i) => leaves[i])), writes: new Set<Leaf>() } };
}

const formulas = fc.array(fc.uniqueArray(fc.nat(leaves.length - 1)), { maxLength: 12 });

test("every formula is in one group, and the group reads all that it reads", () => {
  fc.assert(
    fc.property(formulas, fc.constantFrom(0, 0.01, 1), (reads, price) => {
      const all = reads.map((read, what) => formula(what, read));
      const groups = groupFormulas(layout, all, price);
      expect(new Set(statementsOf(groups))).toEqual(new Set(all.flatMap(({ body }) => body)));
      expect(statementsOf(groups)).toHaveLength(all.length);
      for (const { body, footprint } of all) {
        const group = groups.find((each) => each.body.includes(body[0]));
        if (group?.reads == null) continue;
        for (const { mask, shift, word } of footprint.reads) {
          expect((group.reads[word] >>> shift) & mask).toBe(mask);
        }
      }
    }),
  );
});

test("what reads the same is one group, what reads something else is another", () => {
  const low = Array.from({ length: 10 }, (_, i) => i);
  const high = low.map((i) => i + 12);
  const groups = groupFormulas(layout, [formula(0, low), formula(1, high), formula(2, low.slice(1))], 0);
  const numbers = groups.map(({ body }) => body.map((stmt) => (stmt.do === "report" ? stmt.what : -1)));
  expect(numbers).toEqual([[0, 2], [1]]);
});

test("what takes no more to look at than to remember is not remembered", () => {
  const [group, ...others] = groupFormulas(layout, [formula(0, [1]), formula(1, [20])]);
  expect(others).toEqual([]);
  expect(group.reads).toBeNull();
  expect(group.body).toHaveLength(2);
});
