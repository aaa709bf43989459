/**
 * Operators on values.
 */
import type * as acorn from "acorn";
import { ModelError } from "../errors.ts";
import type { Context } from "./context.ts";
import type { Expr } from "./ir.ts";
import { Unsupported } from "./unsupported.ts";
import { fixed, nothing, type Scalar, scalar, someText, type Static, truth, type Value } from "./values.ts";

export class Operators {
  private readonly context: Context;

  constructor(context: Context) {
    this.context = context;
  }

  isNullish(value: Value): Expr {
    const { context } = this;
    switch (value.kind) {
      case "static":
        return context.exprs.bool(value.value === null || value.value === undefined);
      case "scalar": {
        const { values } = value;
        if (values === null) return context.exprs.zero;
        return context.scalars.isOneOf(
          value,
          context.env.facts,
          (code) => values[code] === null || values[code] === undefined,
        );
      }
      case "choice":
        return context.exprs.select(value.test, this.isNullish(value.yes), this.isNullish(value.no));
      case "unknown":
        throw new Unsupported(value.reason);
      default:
        return context.exprs.not(context.test(value));
    }
  }

  typeOf(value: Value): Value {
    const { context } = this;
    switch (value.kind) {
      case "static":
        return fixed(value.value === someText ? "string" : typeof value.value);
      case "scalar":
        if (value.values === null) return fixed("number");
        return context.scalars.lift([value], context.env.facts, (each) =>
          each === someText ? "string" : typeof each,
        );
      case "choice":
        return context.each(value, (one) => this.typeOf(one));
      case "closure":
        return fixed("function");
      case "unknown":
        throw new Unsupported(value.reason);
      default:
        // Null is an object too.
        return context.branch(
          this.equal(value, nothing),
          () => fixed("undefined"),
          () => fixed("object"),
        );
    }
  }

  binary(operator: acorn.BinaryOperator, left: Value, right: Value): Value {
    const { context } = this;
    const { exprs } = context;
    if (context.env.isDead) return nothing;
    const number = (value: Value): Expr => context.numberOf(value, operator);
    switch (operator) {
      case "===":
        return truth(this.equal(left, right));
      case "!==":
        return truth(exprs.not(this.equal(left, right)));
      case "==":
      case "!=": {
        const isNullish = (value: Value): boolean =>
          value.kind === "static" && (value.value === null || value.value === undefined);
        if (!isNullish(left) && !isNullish(right)) throw new Unsupported(`the operator ${operator}`);
        const test = this.isNullish(isNullish(left) ? right : left);
        return truth(operator === "==" ? test : exprs.not(test));
      }
      case "<":
        return truth(exprs.lt(number(left), number(right)));
      case ">":
        return truth(exprs.lt(number(right), number(left)));
      case "<=":
        return truth(exprs.not(exprs.lt(number(right), number(left))));
      case ">=":
        return truth(exprs.not(exprs.lt(number(left), number(right))));
      case "+":
        return this.plus(left, right);
      case "-":
        return scalar(exprs.sub(number(left), number(right)), null);
      case "*":
        return scalar(exprs.mul(number(left), number(right)), null);
      case "%": {
        const divisor = number(right);
        context.failOddly(exprs.eq(divisor, exprs.zero));
        return context.env.isDead ? nothing : scalar(exprs.rem(number(left), divisor), null);
      }
      case "&":
        return scalar(exprs.and(number(left), number(right)), null);
      case "|":
        return scalar(exprs.or(number(left), number(right)), null);
      case "in":
        if (right.kind !== "static") throw new Unsupported("the operator in");
        return context.scalars.lift(
          [context.scalarOf(left, "in")],
          context.env.facts,
          (name) => (name as PropertyKey) in (right.value as object),
        );
      default:
        return this.folded(operator, left, right);
    }
  }

  private plus(left: Value, right: Value): Value {
    const { context } = this;
    const isText = (value: Value): boolean =>
      value.kind === "static"
        ? typeof value.value === "string" || value.value === someText
        : value.kind === "scalar" &&
          value.values !== null &&
          value.values.every((each) => typeof each === "string");
    if (isText(left) || isText(right)) {
      const all = [left, right].map((each) => (each.kind === "static" ? each.value : someText));
      return fixed(all.includes(someText) ? someText : `${String(all[0])}${String(all[1])}`);
    }
    return scalar(context.exprs.add(context.numberOf(left, "+"), context.numberOf(right, "+")), null);
  }

  /** Operators that are worked out for constants only. */
  private folded(operator: acorn.BinaryOperator, left: Value, right: Value): Value {
    if (left.kind !== "static" || right.kind !== "static" || operator === "instanceof") {
      throw new Unsupported(`the operator ${operator}`);
    }
    const a = left.value as number;
    const b = right.value as number;
    switch (operator) {
      case "/":
        return fixed(a / b);
      case "**":
        return fixed(a ** b);
      case "<<":
        return fixed(a << b);
      case ">>":
        return fixed(a >> b);
      case ">>>":
        return fixed(a >>> b);
      case "^":
        return fixed(a ^ b);
      default:
        throw new Unsupported(`the operator ${operator}`);
    }
  }

  equal(left: Value, right: Value): Expr {
    const { context } = this;
    const { exprs } = context;
    const isScalar = (value: Value): value is Static | Scalar =>
      value.kind === "static" || value.kind === "scalar";
    if (isScalar(left) && isScalar(right)) return context.scalars.equal(left, right, context.env.facts);
    if (right.kind === "choice") return this.equal(right, left);
    if (left.kind === "choice") {
      return exprs.select(left.test, this.equal(left.yes, right), this.equal(left.no, right));
    }
    for (const value of [left, right]) if (value.kind === "unknown") throw new Unsupported(value.reason);
    if (isScalar(left)) return this.equal(right, left);
    // An object is never equal to a scalar; what may be missing is where it is.
    if (isScalar(right)) {
      if (right.kind === "scalar") throw new Unsupported("an object is compared with a scalar");
      const { value } = right;
      if (typeof value === "object" && value !== null) throw identity();
      if (value !== null && value !== undefined) return exprs.zero;
      if (left.kind === "place") return context.isAbsent(left, value);
      const missing = left.kind === "made" ? left.missing : null;
      return missing !== null && missing.value === value ? missing.when : exprs.zero;
    }
    throw identity();
  }
}

/** Evaluators keep records in different ways, and so do not agree on which of them are one. */
function identity(): ModelError {
  return new ModelError(
    "M13",
    "two records, unions or lists are compared with ===, or looked for with includes",
    "compare their fields, e.g. a.kind === b.kind",
  );
}
