/**
 * What is asked of steps: whether they break a step property. The answer must be the same wherever the step is
 * moved to; so what it depends on is worked out for each step, with what is known at its label put in.
 */
import type { CompiledEvaluator } from "../../compile/compiled.ts";
import { BeyondRange } from "../../compile/exprs.ts";
import { Facts } from "../../compile/facts.ts";
import type { Check, Expr } from "../../compile/ir.ts";
import type { Instance } from "../../model/model.ts";
import type { Known } from "./known.ts";
import { LeafSet } from "./leaf-set.ts";
import type { End, Question, Step, StepTable } from "./steps.ts";

/** The steps, each with what is asked of it. */
export function withQuestions<S>(
  of: Instance<S>,
  table: StepTable,
  known: readonly Known[],
  evaluator: CompiledEvaluator,
): StepTable {
  const plain: Pick<Known, "of"> = { of: (expr) => expr };
  const stepWith = (step: Step, at: Known | null): Step => ({
    ...step,
    ends: step.ends.map((end) => {
      if (end.checks.length === 0) return end;
      const asker = new Asker(of, table, evaluator, end, at?.at(end) ?? plain);
      return { ...end, questions: end.checks.flatMap((check) => asker.ask(check) ?? []) };
    }),
  });
  return {
    ...table,
    points: table.points.map((process) =>
      process.map((point) => ({
        ...point,
        steps: point.steps.map((step) => stepWith(step, known[point.number])),
      })),
    ),
    environment: table.environment.map((step) => stepWith(step, null)),
  };
}

/** Asks the questions of one end of a step. */
class Asker<S> {
  private readonly of: Instance<S>;
  private readonly table: StepTable;
  private readonly evaluator: CompiledEvaluator;
  private readonly known: Pick<Known, "of">;
  private readonly words: readonly Expr[];
  private readonly done = new Map<Expr, Expr>();

  constructor(
    of: Instance<S>,
    table: StepTable,
    evaluator: CompiledEvaluator,
    { words }: End,
    known: Pick<Known, "of">,
  ) {
    this.of = of;
    this.table = table;
    this.evaluator = evaluator;
    this.known = known;
    this.words = words;
  }

  /** The question that a check comes to; null where it is answered by what is known. */
  ask({ fn, property }: Check): Question | null {
    const { name } = this.of.stepProperties[property].property;
    const { reads: all } = this.evaluator.footprints.stepProperties[property];
    const unknown = { name, reads: this.table.numbers.setOf(all), shows: null, deopts: [] };
    if (fn < 0) return unknown;
    try {
      return this.askFunction(name, fn);
    } catch (error) {
      // With the step's effect put in, it may be beyond what code computes.
      if (error instanceof BeyondRange) return unknown;
      throw error;
    }
  }

  private askFunction(name: string, fn: number): Question | null {
    const { exprs } = this.evaluator.insight;
    let shows = exprs.zero;
    const deopts: Expr[] = [];
    for (const stmt of this.evaluator.module.checks[fn]) {
      if (stmt.do !== "deopt" && stmt.do !== "answer") throw new Error(`a check with a "${stmt.do}"`);
      const when = this.beforeStep(stmt.when);
      if (stmt.do === "answer") shows = exprs.or(shows, when);
      else if (when !== exprs.zero) deopts.push(when);
    }
    if (shows === exprs.zero && deopts.length === 0) return null;
    const reads = new LeafSet(this.table.numbers.leaves.length);
    for (const each of [shows, ...deopts]) reads.addAll(leavesIn(each, this.table));
    return { name, reads, shows, deopts };
  }

  /** An expression over the states before and after the step, as one over the state before it. */
  private beforeStep(expr: Expr): Expr {
    const put = (word: Extract<Expr, { kind: "word" }>): Expr =>
      word.bank === 1 ? this.words[word.index] : word;
    return this.known.of(this.evaluator.insight.exprs.replaceWords(expr, put, this.done));
  }
}

/** The leaves that an expression depends on. */
function leavesIn(expr: Expr, { numbers }: StepTable): LeafSet {
  const bits = new Map<number, number>();
  new Demand((word, mask) => bits.set(word, (bits.get(word) ?? 0) | mask)).ask(expr, -1);
  const found = new LeafSet(numbers.leaves.length);
  numbers.leaves.forEach(({ word, shift, mask }, n) => {
    if (((bits.get(word) ?? 0) & (mask << shift)) !== 0) found.add(n);
  });
  return found;
}

/** Follows which bits of the state's words the bits of an expression depend on. */
class Demand {
  private readonly note: (word: number, mask: number) => void;
  private readonly asked = new Map<Expr, number>();
  private readonly facts = new Facts();

  constructor(note: (word: number, mask: number) => void) {
    this.note = note;
  }

  ask(expr: Expr, mask: number): void {
    const before = this.asked.get(expr) ?? 0;
    const wanted = mask & expr.bits;
    if ((before | wanted) === before) return;
    this.asked.set(expr, before | wanted);
    switch (expr.kind) {
      case "const":
        return;
      case "word":
        this.note(expr.index, wanted);
        return;
      case "select":
        this.ask(expr.test, -1);
        this.ask(expr.yes, wanted);
        this.ask(expr.no, wanted);
        return;
      case "insert":
        this.ask(expr.word, wanted);
        if ((wanted & expr.touched) === 0) return;
        this.ask(expr.value, -1);
        this.ask(expr.shift, -1);
        return;
      case "binary":
        this.askOperands(expr, wanted);
    }
  }

  private askOperands({ op, a, b }: Extract<Expr, { kind: "binary" }>, mask: number): void {
    switch (op) {
      case "and":
        this.ask(a, b.kind === "const" ? mask & b.value : mask);
        this.ask(b, mask);
        return;
      case "or":
        this.ask(a, mask);
        this.ask(b, mask);
        return;
      case "shr":
      case "shl": {
        let needed = 0;
        const { low, high, set } = this.facts.rangeOf(b);
        for (let by = Math.max(0, low); by <= Math.min(31, high); by++) {
          if (set === null || by > 30 || (set >>> by) & 1) needed |= op === "shr" ? mask << by : mask >>> by;
        }
        this.ask(a, needed);
        this.ask(b, -1);
        return;
      }
      default:
        this.ask(a, -1);
        this.ask(b, -1);
    }
  }
}
