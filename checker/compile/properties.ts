/**
 * Invariants and witnesses as expressions.
 */
import type { Instance } from "../model/model.ts";
import type { AnyArgs } from "../model/rule.ts";
import type { Interpreter } from "./interpreter.ts";
import type { Bank, Expr, Stmt } from "./ir.ts";
import { fixed, type Place } from "./values.ts";

/** The state of a bank, as what a recipe or formula is given. */
export function stateIn<S>(of: Instance<S>, run: Interpreter, bank: Bank): Place {
  return { kind: "place", bank, options: [of.layout.root], at: run.exprs.zero };
}

/** A formula over a state: where it holds, and the checks that come before. */
export function compileFormula<S>(
  of: Instance<S>,
  run: Interpreter,
  holds: Function,
  args: AnyArgs,
): { test: Expr; before: Stmt[] } {
  run.out = [];
  const value = run.call(fixed(holds), [stateIn(of, run, 0), fixed(args), fixed(of.setting)]);
  const test = run.env.isDead ? run.exprs.one : run.test(value);
  return { test, before: run.out };
}
