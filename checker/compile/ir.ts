/**
 * The compiler's own language: pure 32-bit expressions, and structured statements that use them.
 *
 * An expression has no effect and depends only on the words of the state (bank 0: the state that is looked
 * at; bank 1: the state after a step, for step properties). Equal expressions are one object, so that
 * `before.x === after.x` is decided where nothing wrote `x`, and that a back end computes it once. Truth
 * values are 0 and 1. There are no variables and no jumps: what a recipe does under a condition is a
 * `select`, and a back end turns it into branches where that pays.
 */

export type BinaryOperator = "add" | "sub" | "mul" | "rem" | "and" | "or" | "shl" | "shr" | "eq" | "lt";

interface ExprBase {
  /** Numbered in the order of creation: operands come before what uses them. */
  readonly id: number;
  /** Bounds of the value, as a signed number. */
  readonly low: number;
  readonly high: number;
  /** The bits that may be set. */
  readonly bits: number;
}

export type Expr =
  | (ExprBase & { readonly kind: "const"; readonly value: number })
  | (ExprBase & { readonly kind: "word"; readonly bank: Bank; readonly index: number })
  /** `shr` is unsigned, its shift and that of `shl` are 0 .. 31; `eq` and `lt` (signed) give 0 or 1. */
  | (ExprBase & { readonly kind: "binary"; readonly op: BinaryOperator; readonly a: Expr; readonly b: Expr })
  | (ExprBase & { readonly kind: "select"; readonly test: Expr; readonly yes: Expr; readonly no: Expr })
  /** `word` with `value` at `shift`: `(word & ~(mask << shift)) | (value << shift)`. */
  | (ExprBase & {
      readonly kind: "insert";
      readonly word: Expr;
      readonly value: Expr;
      readonly shift: Expr;
      readonly mask: number;
      /** The largest value that the field may hold. */
      readonly top: number;
      /** The bits that it may change. */
      readonly touched: number;
    });

/** Which state a word belongs to. Words of bank 2 stand for parameters, until they are known. */
export type Bank = 0 | 1 | 2;

/** Functions of a compiled model are lists of statements over one state (or two, for step properties). */
export type Stmt =
  | { readonly do: "if"; readonly test: Expr; readonly yes: readonly Stmt[]; readonly no: readonly Stmt[] }
  /** A successor by an action instance: its words. `checks` are step properties to be looked at. */
  | {
      readonly do: "emit";
      readonly instance: number;
      readonly words: readonly Expr[];
      readonly checks: readonly Check[];
    }
  /** The state is handed to the packed evaluator: it throws the exact error, or does what is not compiled. */
  | { readonly do: "deopt"; readonly when: Expr }
  /** An instance that is not compiled: the packed evaluator tries it. */
  | { readonly do: "try"; readonly instance: number }
  /** Reports a number: a violated invariant, a reached witness. */
  | { readonly do: "report"; readonly when: Expr; readonly what: number }
  /** Runs the body while witness `what` is not reached yet. */
  | { readonly do: "unless-reached"; readonly what: number; readonly body: readonly Stmt[] }
  /** The function's result, a number; where no answer is given, it is -1. */
  | { readonly do: "answer"; readonly when: Expr; readonly value: Expr };

/** A step property to be checked: a compiled function over both states, or the recipe itself. */
export interface Check {
  readonly property: number;
  /** The compiled function, or -1 where the recipe is called. */
  readonly fn: number;
}

/** Where a field of the state lies. */
export interface Field {
  readonly word: number;
  readonly shift: number;
  readonly mask: number;
}

/** One process: what is tried at each code of its control label. */
export interface Dispatch {
  readonly control: Field;
  /** By code. */
  readonly labels: readonly Label[];
}

export interface Label {
  readonly body: readonly Stmt[];
  /** The process is in a call here: without a successor, it is blocked. */
  readonly isBlocking: boolean;
  /**
   * Answers on whom a process that is blocked here waits: the number of the dispatch that holds its lock, or
   * `-2 - n` for a wait that the `n`-th set of servers serves. No answer where that is not known.
   */
  readonly waits: readonly Stmt[];
  /** Is all that decides whom it waits for in `waits`? Then without any it waits for nobody. */
  readonly areWaitsKnown: boolean;
}

/** Formulas that are looked at together. */
export interface FormulaGroup {
  readonly body: readonly Stmt[];
  /**
   * By word of the state: the bits that the body may read; `null` where it is not worth remembering for which of them
   * the formulas held.
   */
  readonly reads: readonly number[] | null;
}

/** A compiled model, for the back ends. */
export interface Module {
  /** Words in a packed state. */
  readonly words: number;
  readonly dispatches: readonly Dispatch[];
  readonly environment: readonly Stmt[];
  /** Report the ids of the violated invariant instances. */
  readonly invariants: readonly FormulaGroup[];
  /** Reports the ids of the witness instances that the state shows. */
  readonly witnesses: readonly Stmt[];
  /** Step properties as functions of both states: they answer 1 where the step breaks the property. */
  readonly checks: readonly (readonly Stmt[])[];
  /** The most successors that one state can have. */
  readonly mostSuccessors: number;
}

/** Is the expression a truth value, or a number that could be one? */
export function isBool(expr: Expr): boolean {
  return expr.low >= 0 && expr.high <= 1;
}
