/**
 * Expressions are simplified as they are made. Whatever is simplified, the value stays, and so it does when
 * the expression is printed and run; what facts say of a value is true.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { emitJavaScript, type Host } from "./emit-js.ts";
import { Facts } from "./facts.ts";
import { Exprs } from "./exprs.ts";
import type { Expr } from "./ir.ts";
import { operandsOf } from "./operations.ts";

/** What is meant, before any simplification. */
type Meant =
  | { readonly is: "number"; readonly value: number }
  | { readonly is: "field"; readonly word: number; readonly shift: number; readonly mask: number }
  | {
      readonly is: "add" | "sub" | "mul" | "rem" | "eq" | "lt" | "and" | "or";
      readonly a: Meant;
      readonly b: Meant;
    }
  | { readonly is: "not"; readonly a: Meant }
  | { readonly is: "select"; readonly test: Meant; readonly yes: Meant; readonly no: Meant }
  | { readonly is: "rewritten"; readonly at: number; readonly value: Meant; readonly read: number };

const fields = [
  { word: 0, shift: 1, mask: 3 },
  { word: 0, shift: 3, mask: 1 },
  { word: 0, shift: 4, mask: 7 },
  { word: 1, shift: 0, mask: 7 },
  { word: 1, shift: 29, mask: 7 },
  { word: 1, shift: 28, mask: 1 },
] as const;

const { number: numberMeant, truth: truthMeant } = fc.letrec<{ number: Meant; truth: Meant }>((tie) => ({
  number: fc.oneof(
    { maxDepth: 4, depthIdentifier: "meant" },
    fc.integer({ min: -3, max: 9 }).map((value): Meant => ({ is: "number", value })),
    fc.constantFrom(...fields).map((field): Meant => ({ is: "field", ...field })),
    fc.record({ is: fc.constantFrom("add" as const, "sub" as const), a: tie("number"), b: tie("number") }),
    fc.record({
      is: fc.constant("mul" as const),
      a: tie("number"),
      b: fc.constantFrom<Meant>({ is: "number", value: 4 }, { is: "number", value: 3 }),
    }),
    fc.record({
      is: fc.constant("rem" as const),
      a: tie("number"),
      b: fc.constantFrom<Meant>({ is: "number", value: 4 }, { is: "number", value: 5 }),
    }),
    fc.record({
      is: fc.constant("select" as const),
      test: tie("truth"),
      yes: tie("number"),
      no: tie("number"),
    }),
    tie("truth"),
    fc.record({
      is: fc.constant("rewritten" as const),
      at: fc.nat(fields.length - 1),
      value: tie("truth"),
      read: fc.nat(fields.length - 1),
    }),
  ),
  truth: fc.oneof(
    { maxDepth: 4, depthIdentifier: "meant" },
    fc.constantFrom<Meant>({ is: "field", ...fields[1] }, { is: "field", ...fields[5] }),
    fc.record({ is: fc.constantFrom("eq" as const, "lt" as const), a: tie("number"), b: tie("number") }),
    fc.record({ is: fc.constantFrom("and" as const, "or" as const), a: tie("truth"), b: tie("truth") }),
    fc.record({ is: fc.constant("not" as const), a: tie("truth") }),
    fc.record({
      is: fc.constant("select" as const),
      test: tie("truth"),
      yes: tie("truth"),
      no: tie("truth"),
    }),
  ),
}));

function valueOf(meant: Meant, words: Int32Array): number {
  const at = (inner: Meant): number => valueOf(inner, words);
  switch (meant.is) {
    case "number":
      return meant.value;
    case "field":
      return (words[meant.word] >>> meant.shift) & meant.mask;
    case "add":
      return at(meant.a) + at(meant.b);
    case "sub":
      return at(meant.a) - at(meant.b);
    case "mul":
      return at(meant.a) * at(meant.b);
    case "rem":
      return (at(meant.a) % at(meant.b)) | 0;
    case "eq":
      return Number(at(meant.a) === at(meant.b));
    case "lt":
      return Number(at(meant.a) < at(meant.b));
    case "and":
      return at(meant.a) & at(meant.b);
    case "or":
      return at(meant.a) | at(meant.b);
    case "not":
      return 1 - at(meant.a);
    case "select":
      return at(meant.test) === 1 ? at(meant.yes) : at(meant.no);
    case "rewritten": {
      const { word, shift, mask } = fields[meant.at];
      const changed = Int32Array.from(words);
      changed[word] = (changed[word] & ~(mask << shift)) | (at(meant.value) << shift);
      const read = fields[meant.read];
      return (changed[read.word] >>> read.shift) & read.mask;
    }
  }
}

function exprOf(exprs: Exprs, meant: Meant): Expr {
  const make = (inner: Meant): Expr => exprOf(exprs, inner);
  switch (meant.is) {
    case "number":
      return exprs.const(meant.value);
    case "field":
      return exprs.extract(exprs.word(0, meant.word), meant.shift, meant.mask, meant.mask);
    case "not":
      return exprs.not(make(meant.a));
    case "select":
      return exprs.select(make(meant.test), make(meant.yes), make(meant.no));
    case "rewritten": {
      const { word, shift, mask } = fields[meant.at];
      const read = fields[meant.read];
      const written = exprs.replace(exprs.word(0, word), shift, mask, mask, make(meant.value));
      return exprs.extract(
        read.word === word ? written : exprs.word(0, read.word),
        read.shift,
        read.mask,
        read.mask,
      );
    }
    default:
      return exprs[meant.is](make(meant.a), make(meant.b));
  }
}

/** Runs an expression as generated code: as the answer of the only process there is. */
function run(expr: Expr, one: Expr, words: Int32Array): number {
  const label = {
    body: [],
    isBlocking: true,
    waits: [{ do: "answer", when: one, value: expr }],
    areWaitsKnown: true,
  } as const;
  const { code } = emitJavaScript(
    {
      words: 2,
      dispatches: [{ control: { word: 0, shift: 0, mask: 0 }, labels: [label] }],
      environment: [],
      invariants: [],
      witnesses: [],
      checks: [],
      mostSuccessors: 0,
    },
    {} as Host,
  );
  return code.waitsOn(0, words, 0);
}

const twoWords = fc.tuple(fc.integer(), fc.integer()).map((pair) => Int32Array.from(pair));

test("simplifying and printing keep the value", () => {
  fc.assert(
    fc.property(numberMeant, fc.array(twoWords, { minLength: 3, maxLength: 3 }), (meant, states) => {
      const exprs = new Exprs();
      const expr = exprOf(exprs, meant);
      for (const words of states) {
        const value = valueOf(meant, words);
        expect(run(expr, exprs.one, words)).toBe(value);
        expect(value).toBeGreaterThanOrEqual(expr.low);
        expect(value).toBeLessThanOrEqual(expr.high);
        expect(value & ~expr.bits).toBe(0);
      }
    }),
    { numRuns: 2000 },
  );
});

test("replacing words keeps the value", () => {
  fc.assert(
    fc.property(numberMeant, twoWords, (meant, words) => {
      const exprs = new Exprs();
      const replaced = exprs.replaceWords(
        exprOf(exprs, meant),
        ({ index }) => (index === 0 ? exprs.const(words[0]) : exprs.word(1, 1)),
        new Map(),
      );
      const again = exprs.replaceWords(replaced, () => exprs.const(words[1]), new Map());
      expect(again).toBe(exprs.const(valueOf(meant, words)));
    }),
    { numRuns: 1000 },
  );
});

test("what facts say after an assumption is true", () => {
  fc.assert(
    fc.property(
      truthMeant,
      numberMeant,
      fc.array(twoWords, { minLength: 8, maxLength: 8 }),
      (assumed, asked, states) => {
        const exprs = new Exprs();
        const condition = exprOf(exprs, assumed);
        const expr = exprOf(exprs, asked);
        for (const words of states) {
          const facts = new Facts();
          facts.assume(condition, valueOf(assumed, words) === 1);
          for (const part of [expr, condition, ...operandsOf(expr), ...operandsOf(condition)]) {
            if (part.kind === "word") continue;
            const { low, high, set } = facts.rangeOf(part);
            const value = run(part, exprs.one, words);
            expect(value).toBeGreaterThanOrEqual(low);
            expect(value).toBeLessThanOrEqual(high);
            if (set !== null) expect((set >>> value) & 1).toBe(1);
          }
        }
      },
    ),
    { numRuns: 500 },
  );
});
