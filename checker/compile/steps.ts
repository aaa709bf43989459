/**
 * Step properties: compiled once for all steps, and then made for each step that they may be broken by.
 *
 * What a property asks of the step (its action, an argument) is a parameter at first. A step that gives
 * another answer needs no new interpretation: the parameter is replaced, and what that decides is folded.
 * Most steps turn out to need no check at all: they write nothing that the property reads, or the property
 * speaks of other actions.
 */
import type { ActionInstance, Instance, PropertyInstance } from "../model/model.ts";
import type { StepProperty } from "../model/property.ts";
import type { Leaf } from "../schema/layout.ts";
import type { Environment } from "./environment.ts";
import type { Interpreter } from "./interpreter.ts";
import type { Exprs } from "./exprs.ts";
import type { Expr, Stmt } from "./ir.ts";
import { operandsOf } from "./operations.ts";
import { stateIn } from "./properties.ts";
import { Unsupported } from "./unsupported.ts";
import { fixed, functionAt, scalar, someText, type Value } from "./values.ts";

/** What a property may ask of a step, and the answers of all instances. */
export class StepParameters<S> {
  private readonly exprs: Exprs;
  private readonly answers: {
    readonly name: string;
    readonly values: readonly unknown[];
    readonly word: Expr;
  }[];

  constructor(of: Instance<S>, exprs: Exprs) {
    this.exprs = exprs;
    const names = new Set(of.instances.flatMap(({ args }) => Object.keys(args)));
    this.answers = ["action", ...[...names].map((name) => `args.${name}`)].map((name, i) => ({
      name,
      values: [...new Set(of.instances.map((instance) => answerOf(name, instance)))],
      word: exprs.word(2, i),
    }));
  }

  /** The step as a value: an object whose properties are the parameters. */
  stepFor(run: Interpreter): Value {
    const fields = new Map<string, Value>([["outcome", fixed(someText)]]);
    const args = new Map<string, Value>();
    for (const { name, values, word } of this.answers) {
      run.env.facts.narrow(word, { low: 0, high: values.length - 1, set: null });
      const value = values.length === 1 ? fixed(values[0]) : scalar(word, values);
      if (name === "action") fields.set(name, value);
      else args.set(name.slice("args.".length), value);
    }
    fields.set("args", run.makeRecord(args));
    return run.makeRecord(fields);
  }

  /** The parameters' values for one instance, by the number of their word. */
  valuesFor(instance: ActionInstance<S>): Expr[] {
    return this.answers.map(({ name, values }) => this.exprs.const(values.indexOf(answerOf(name, instance))));
  }
}

function answerOf<S>(name: string, { action, args }: ActionInstance<S>): unknown {
  return name === "action" ? action.name : args[name.slice("args.".length)];
}

/** A step property with its parameters open. */
export interface OpenCheck {
  /** Where the step breaks the property. */
  readonly broken: Expr;
  /** Where the packed evaluator has to look at it. */
  readonly deopts: readonly Expr[];
  readonly reads: ReadonlySet<Leaf>;
  /** The parameters that matter. */
  readonly asked: readonly number[];
}

export function compileStep<S>(
  of: Instance<S>,
  run: Interpreter,
  { property, args }: PropertyInstance<StepProperty<S>>,
  parameters: StepParameters<S>,
): OpenCheck {
  run.out = [];
  const step = parameters.stepFor(run);
  const given = [stateIn(of, run, 0), stateIn(of, run, 1), step, fixed(args), fixed(of.setting)];
  const value = run.call(functionAt(property, "holds"), given);
  const broken = run.env.isDead ? run.exprs.zero : run.exprs.not(run.test(value));
  const deopts = run.out.map((stmt) => {
    if (stmt.do !== "deopt") throw new Unsupported("a step property with effects");
    return stmt.when;
  });
  if (run.writes.size > 0) throw new Unsupported("a step property that writes");
  return { broken, deopts, reads: run.reads, asked: parametersIn([broken, ...deopts]) };
}

function parametersIn(expressions: readonly Expr[]): number[] {
  const seen = new Set<Expr>();
  const found = new Set<number>();
  const visit = (expr: Expr): void => {
    if (seen.has(expr)) return;
    seen.add(expr);
    if (expr.kind === "word" && expr.bank === 2) found.add(expr.index);
    operandsOf(expr).forEach(visit);
  };
  expressions.forEach(visit);
  return [...found].sort((a, b) => a - b);
}

/** The banks of the words after a step and of the parameters, as bits. */
const after = 1 << 1;
const parameters = 1 << 2;

/** A step property for the steps that answer alike. */
export interface ClosedCheck {
  readonly body: readonly Stmt[];
  /** No step of these breaks the property if it changes nothing that the property reads. */
  readonly isKeptByStutter: boolean;
}

/** Looks at checks from the steps that need them. */
export class StepChecks {
  private readonly exprs: Exprs;
  /** By id of the expression: the banks that it reads, as bits; as far as somebody asked. */
  private readonly banks: (number | undefined)[] = [];

  constructor(exprs: Exprs) {
    this.exprs = exprs;
  }

  /** The check for steps that have these values as their parameters. `start`: the state before a step. */
  close(open: OpenCheck, values: readonly Expr[], start: Environment): ClosedCheck {
    const { exprs } = this;
    const closed = (isStutter: boolean): Stmt[] => {
      const done = new Map<Expr, Expr>();
      const replaced = parameters | (isStutter ? after : 0);
      const replace = (expr: Expr): Expr =>
        exprs.replaceWords(
          expr,
          (word) => (word.bank === 2 ? values[word.index] : isStutter ? start.words[0][word.index] : word),
          done,
          (part) => (this.banksOf(part) & replaced) === 0,
        );
      const deopts = open.deopts.map(replace).filter((when) => when !== exprs.zero);
      const broken = replace(open.broken);
      const body: Stmt[] = deopts.map((when) => ({ do: "deopt", when }));
      if (broken !== exprs.zero) body.push({ do: "answer", when: broken, value: exprs.one });
      return body;
    };
    return { body: closed(false), isKeptByStutter: closed(true).length === 0 };
  }

  /** Does the step that leads to these words keep the property, whatever the state? */
  isKept({ body }: ClosedCheck, words: readonly Expr[], replaced: Map<Expr, Expr>): boolean {
    return body.every((stmt) => {
      const when = stmt.do === "deopt" || stmt.do === "answer" ? stmt.when : this.exprs.one;
      return this.replace(when, words, replaced) === this.exprs.zero;
    });
  }

  private replace(expr: Expr, words: readonly Expr[], replaced: Map<Expr, Expr>): Expr {
    // Parts that do not look at the state after the step stay as they are.
    const isKept = (part: Expr): boolean => (this.banksOf(part) & after) === 0;
    return this.exprs.replaceWords(expr, ({ index }) => words[index], replaced, isKept);
  }

  private banksOf(expr: Expr): number {
    return (this.banks[expr.id] ??=
      expr.kind === "word"
        ? 1 << expr.bank
        : operandsOf(expr).reduce((all, operand) => all | this.banksOf(operand), 0));
  }
}
