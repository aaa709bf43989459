/**
 * The partial evaluator: runs a recipe on a state that is not known, and gives what it computes as expressions
 * over the state's words.
 *
 * Everything that is known beforehand (arguments, bounds, captured constants) is computed while compiling;
 * loops are unrolled and calls inlined. What depends on the state becomes an expression. Where two paths
 * meet, what differs becomes a `select`. There is one limit to all this: a construct that is not known here
 * raises `Unsupported`, and the instance is left to the packed evaluator.
 */
import type { ClosureReader } from "./closures.ts";
import { Context } from "./context.ts";
import type { Environment } from "./environment.ts";
import { Expressions } from "./expressions.ts";
import type { Exprs } from "./exprs.ts";
import { callFunctionOfPlatform } from "./methods.ts";
import { type FunctionNode, parseFunction } from "./parse.ts";
import { Scope } from "./scope.ts";
import { type Completion, Statements } from "./statements.ts";
import { Unsupported } from "./unsupported.ts";
import { fixed, nothing, type Scalar, type Value } from "./values.ts";

const deepest = 64;

export class Interpreter extends Context {
  private readonly closures: ClosureReader;
  private readonly expressions: Expressions;
  private readonly statements: Statements;
  /** Functions known to depend on their arguments alone: called, not interpreted, where these are constant. */
  private readonly pure: ReadonlySet<unknown>;
  private depth = 0;

  constructor(exprs: Exprs, env: Environment, closures: ClosureReader, pure: ReadonlySet<unknown>) {
    super(exprs, env);
    this.closures = closures;
    this.pure = pure;
    this.expressions = new Expressions(this, (fn, args) => this.call(fn, args));
    this.statements = new Statements(this, this.expressions);
  }

  /** Calls a function, and joins the ways in which it returns. */
  call(fn: Value, args: readonly Value[]): Value {
    if (fn.kind === "choice") return this.each(fn, (one) => this.call(one, args));
    if (fn.kind === "scalar") return this.callOneOf(fn, args);
    if (fn.kind === "static" && typeof fn.value === "function") {
      const known = callFunctionOfPlatform(this, fn.value, args) ?? this.callPure(fn.value, args);
      if (known !== null) return known;
    }
    const ways = this.callWays(fn, args);
    const [last] = this.statements.merge(ways, () => true);
    if (last === undefined) {
      this.env.isDead = true;
      return nothing;
    }
    this.env = last.env;
    return last.value;
  }

  /** Calls a function for all the ways in which it returns, each with its condition and environment. */
  callWays(fn: Value, args: readonly Value[]): Completion[] {
    if (fn.kind === "unknown") throw new Unsupported(fn.reason);
    if (this.depth >= deepest) throw new Unsupported("calls too deep to be inlined");
    const { node, scope } = this.functionOf(fn);
    const inner = new Scope(scope);
    this.depth++;
    node.params.forEach((pattern, i) => {
      if (pattern.type === "RestElement") throw new Unsupported("a rest parameter");
      this.expressions.bind(pattern, args[i] ?? nothing, inner);
    });
    const ways = this.runBody(node, inner);
    this.depth--;
    return ways;
  }

  private runBody(node: FunctionNode, scope: Scope): Completion[] {
    if (node.body.type === "BlockStatement") return this.statements.runList(node.body.body, scope);
    const value = this.expressions.evaluate(node.body, scope);
    const { env, exprs } = this;
    return env.isDead ? [] : [{ how: "return", label: null, value, test: exprs.one, env }];
  }

  private functionOf(fn: Value): { node: FunctionNode; scope: Scope } {
    if (fn.kind === "closure") return fn;
    if (fn.kind !== "static" || typeof fn.value !== "function")
      throw new Unsupported("a call of what is no function");
    const { value } = fn;
    return { node: parseFunction(value), scope: new Scope(null, () => this.closures.scopesOf(value)) };
  }

  private callPure(fn: Function, args: readonly Value[]): Value | null {
    if (!this.pure.has(fn)) return null;
    const known = args.map((each) => (each.kind === "static" ? each.value : undefined));
    if (args.some(({ kind }) => kind !== "static"))
      throw new Unsupported("a name that is looked up in the state");
    return fixed((fn as (...given: unknown[]) => unknown)(...known));
  }

  /** A call of one of several functions, which the state decides. */
  private callOneOf(fn: Scalar, args: readonly Value[]): Value {
    const { values, code } = fn;
    const possible = this.scalars.possible(code, this.env.facts);
    const tryFrom = (i: number): Value => {
      const one = fixed(values?.[possible[i]]);
      if (i === possible.length - 1) return this.call(one, args);
      return this.branch(
        this.exprs.eq(code, this.exprs.const(possible[i])),
        () => this.call(one, args),
        () => tryFrom(i + 1),
      );
    };
    return tryFrom(0);
  }
}
