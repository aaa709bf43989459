/**
 * Whether a formula is false in every state, decided by cases: a field of the state is given each of its values in
 * turn, and the formula folded, until it is a constant. A budget bounds the work; what it does not reach counts as
 * not decided.
 */
import { BeyondRange, type Exprs } from "../../compile/exprs.ts";
import type { Expr } from "../../compile/ir.ts";
import { operandsOf } from "../../compile/operations.ts";
import type { Leaf } from "../../schema/layout.ts";

/** Cases of one formula, and of all that one object is asked. */
const mostCases = 60;
const mostOfAll = 10_000;

export class Cases {
  private readonly exprs: Exprs;
  /** By word and shift. */
  private readonly fields: ReadonlyMap<string, Leaf>;
  private readonly known = new Map<Expr, boolean>();
  private left = mostOfAll;

  constructor(exprs: Exprs, leaves: readonly Leaf[]) {
    this.exprs = exprs;
    this.fields = new Map(leaves.map((leaf) => [`${leaf.word} ${leaf.shift}`, leaf]));
  }

  /** Is the formula false in every state? `false` also where that is not known. */
  isNever(formula: Expr): boolean {
    let answer = this.known.get(formula);
    if (answer === undefined) {
      const budget = { cases: Math.min(mostCases, this.left) };
      answer = this.decide(formula, budget);
      this.left -= Math.min(mostCases, this.left) - budget.cases;
      this.known.set(formula, answer);
    }
    return answer;
  }

  private decide(formula: Expr, budget: { cases: number }): boolean {
    if (formula.kind === "const") return formula.value === 0;
    const leaf = this.findField(formula);
    if (leaf === null) return false;
    const { word, shift, mask, shape } = leaf;
    const { exprs } = this;
    for (let code = 0; code < shape.cardinality; code++) {
      if (budget.cases-- <= 0) return false;
      const given = exprs.replace(exprs.word(0, word), shift, mask, shape.cardinality - 1, exprs.const(code));
      const put = (each: Extract<Expr, { kind: "word" }>): Expr =>
        each.bank === 0 && each.index === word ? given : each;
      const folded = this.fold(formula, put);
      if (folded === null || !this.decide(folded, budget)) return false;
    }
    return true;
  }

  private fold(formula: Expr, put: (word: Extract<Expr, { kind: "word" }>) => Expr): Expr | null {
    try {
      return this.exprs.replaceWords(formula, put, new Map());
    } catch (error) {
      if (error instanceof BeyondRange) return null;
      throw error;
    }
  }

  /** The field that is looked at most often, of these the one with the fewest values. */
  private findField(formula: Expr): Leaf | null {
    const counts = new Map<Leaf, number>();
    const seen = new Set<Expr>();
    const visit = (expr: Expr): void => {
      if (seen.has(expr)) return;
      seen.add(expr);
      for (const operand of operandsOf(expr)) {
        const leaf = this.fieldOf(operand);
        if (leaf !== null) counts.set(leaf, (counts.get(leaf) ?? 0) + 1);
        visit(operand);
      }
    };
    visit(formula);
    let best = this.fieldOf(formula);
    for (const [leaf, count] of counts) {
      const most = best === null ? 0 : (counts.get(best) ?? 0);
      const isLess = best !== null && leaf.shape.cardinality < best.shape.cardinality;
      if (count > most || (count === most && isLess)) best = leaf;
    }
    return best;
  }

  /** The field that an expression takes out of a word, if that is what it does. */
  private fieldOf(expr: Expr): Leaf | null {
    if (expr.kind !== "binary") return null;
    const inner = expr.op === "and" && expr.b.kind === "const" ? expr.a : expr;
    if (inner.kind === "word") return inner.bank === 0 ? (this.fields.get(`${inner.index} 0`) ?? null) : null;
    if (inner.kind !== "binary" || inner.op !== "shr" || inner.b.kind !== "const") return null;
    if (inner.a.kind !== "word" || inner.a.bank !== 0) return null;
    return this.fields.get(`${inner.a.index} ${inner.b.value}`) ?? null;
  }
}
