/**
 * Which steps a property or a witness may see.
 *
 * States within a block are not looked at, so a step in it must not hide an error. What is asked of it depends on
 * where in the block it is:
 * - After the block's one step that may be anything, the states passed are answered for by the state at the
 *   block's end: a step here must not mend what is broken before it.
 * - Before that step, they are answered for by the state where the block began: a step here must not break what
 *   was whole before it.
 * The same goes for what is asked of the steps that others take meanwhile, and for witnesses, with "shown" for
 * "broken".
 *
 * Whether that is so is decided on the compiled formulas: the step's effect is put into them, with what is known
 * of a process at the step's label; what does not fold to a constant counts as seen.
 */
import type { Formula, Insight } from "../../compile/compile.ts";
import { BeyondRange, type Exprs } from "../../compile/exprs.ts";
import type { Footprints } from "../../compile/footprint.ts";
import type { Expr } from "../../compile/ir.ts";
import { Cases } from "./cases.ts";
import type { Known } from "./known.ts";
import type { LeafSet } from "./leaf-set.ts";
import type { LockSets } from "./locks.ts";
import { isKeptOut } from "./movers.ts";
import type { ControlPoint, End, Question, StepTable } from "./steps.ts";

/** A question of the steps of others. */
interface Asked extends Question {
  readonly end: End;
  /** The process that takes the step; -1 for the environment. */
  readonly process: number;
  readonly held: LeafSet | null;
}

export class Visibility {
  private readonly exprs: Exprs;
  private readonly locks: LockSets;
  private readonly known: readonly Known[];
  private readonly cases: Cases;
  private readonly ofStates: readonly Question[];
  private readonly ofSteps: readonly Asked[];
  private readonly effects = new Map<End, Effect>();

  constructor(
    names: { readonly invariants: readonly string[]; readonly witnesses: readonly string[] },
    insight: Insight,
    footprints: Footprints,
    table: StepTable,
    locks: LockSets,
    known: readonly Known[],
    settled: readonly boolean[],
  ) {
    this.exprs = insight.exprs;
    this.locks = locks;
    this.known = known;
    this.cases = new Cases(insight.exprs, table.numbers.leaves);
    const ask = (
      formulas: readonly (Formula | null)[],
      reads: Footprints["invariants"],
      ofNames: readonly string[],
      isBad: boolean,
    ): Question[] =>
      formulas.map((formula, id) => ({
        name: ofNames[id],
        reads: table.numbers.setOf(reads[id].reads),
        shows: formula === null ? null : isBad ? this.exprs.not(formula.holds) : formula.holds,
        deopts: formula?.deopts ?? [],
      }));
    this.ofStates = [
      ...ask(insight.invariants, footprints.invariants, names.invariants, true),
      // A witness that was reached is reached.
      ...ask(insight.witnesses, footprints.witnesses, names.witnesses, false).filter((_, id) => !settled[id]),
    ];
    const askedOf = (end: End, process: number, held: LeafSet | null): Asked[] =>
      end.questions.map((question) => ({ ...question, end, process, held }));
    this.ofSteps = [
      ...table.points.flat().flatMap(({ steps, process, number }) => {
        if (!locks.isReached[number]) return [];
        return steps.flatMap(({ ends }) => ends.flatMap((end) => askedOf(end, process, locks.held[number])));
      }),
      ...table.environment.flatMap(({ ends }) => ends.flatMap((end) => askedOf(end, -1, null))),
    ];
  }

  /** What sees this end of the step, if it comes after the block's one free step: the name of a property. */
  seesAfter(point: ControlPoint, end: End): string | null {
    return this.find("after", point, end, point);
  }

  /** What sees this end of the step, which leads to `there`, if it comes before the block's one free step. */
  seesBefore(point: ControlPoint, end: End, there: ControlPoint): string | null {
    return this.find("before", point, end, there);
  }

  /** What sees this end of the step, if it is moved before all that others do while its process is at `meanwhile`. */
  seesMoved(point: ControlPoint, end: End, meanwhile: ControlPoint): string | null {
    return this.find("after", point, end, meanwhile);
  }

  /** `meanwhile`: the label where the process is while others take the steps that the step is moved past. */
  private find(
    where: "after" | "before",
    point: ControlPoint,
    end: End,
    meanwhile: ControlPoint,
  ): string | null {
    const mine = this.locks.held[meanwhile.number];
    const effect = this.effectOf(point, end);
    const isSeen = (question: Question): boolean =>
      end.writes.meets(question.reads) && !effect.hides(question, where, this.exprs);
    const seen =
      this.ofStates.find(isSeen) ??
      this.ofSteps.find(
        (asked) =>
          asked.process !== point.process &&
          (asked.held === null || !isKeptOut(asked.end, asked.held, mine, this.locks)) &&
          isSeen(asked),
      );
    return seen?.name ?? null;
  }

  private effectOf(point: ControlPoint, end: End): Effect {
    let effect = this.effects.get(end);
    if (effect === undefined) {
      effect = new Effect(end, this.known[point.number].at(end), this.exprs, this.cases);
      this.effects.set(end, effect);
    }
    return effect;
  }
}

/** What one end of a step does to the answers of questions. */
class Effect {
  private readonly known: Pick<Known, "of">;
  private readonly exprs: Exprs;
  private readonly cases: Cases;
  private readonly words: readonly Expr[];
  private readonly done = new Map<Expr, Expr>();
  private readonly answers = new Map<
    Question,
    { readonly before: Expr; readonly after: Expr; same: boolean }
  >();

  constructor({ words }: End, known: Pick<Known, "of">, exprs: Exprs, cases: Cases) {
    this.cases = cases;
    this.words = words;
    this.known = known;
    this.exprs = exprs;
  }

  /** May a state on one side of the step be skipped, since the one on the other side shows what it shows? */
  hides(question: Question, where: "after" | "before", exprs: Exprs): boolean {
    try {
      return this.isHidden(question, where, exprs);
    } catch (error) {
      // Nobody knows what a formula shows that is beyond what code computes.
      if (error instanceof BeyondRange) return false;
      throw error;
    }
  }

  private isHidden(question: Question, where: "after" | "before", exprs: Exprs): boolean {
    if (question.shows === null) return false;
    let answer = this.answers.get(question);
    if (answer === undefined) {
      // Where a formula cannot be evaluated is an error of the model: it must come up on both sides or on none.
      const same = question.deopts.every((each) => this.known.of(each) === this.after(each));
      answer = { before: this.known.of(question.shows), after: this.after(question.shows), same };
      this.answers.set(question, answer);
    }
    const [skipped, kept] = where === "after" ? [answer.before, answer.after] : [answer.after, answer.before];
    if (!answer.same) return false;
    return skipped === kept || this.cases.isNever(exprs.and(skipped, exprs.not(kept)));
  }

  /** An expression over the state after the step, as one over the state before it. */
  private after(expr: Expr): Expr {
    const put = (word: Extract<Expr, { kind: "word" }>): Expr =>
      word.bank === 0 ? this.words[word.index] : word;
    return this.known.of(this.exprs.replaceWords(expr, put, this.done));
  }
}
