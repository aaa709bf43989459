/**
 * Statements of a recipe, interpreted.
 *
 * Running a statement gives the ways in which it completes, each with the condition under which it does,
 * given that none of the earlier ones was taken; the last one is what remains. Falling through is a way
 * too: at most one, and the last.
 */
import type * as acorn from "acorn";
import type { Context } from "./context.ts";
import type { Environment } from "./environment.ts";
import type { Expressions } from "./expressions.ts";
import type { Expr } from "./ir.ts";
import { getMember, itemsOf } from "./members.ts";
import { Scope } from "./scope.ts";
import { Unsupported } from "./unsupported.ts";
import { fixed, nothing, type Value } from "./values.ts";

export interface Completion {
  readonly how: "normal" | "return" | "break" | "continue";
  readonly label: string | null;
  readonly value: Value;
  readonly test: Expr;
  readonly env: Environment;
}

/** Rounds of one loop. */
const mostRounds = 1024;

export class Statements {
  private readonly context: Context;
  private readonly expressions: Expressions;

  constructor(context: Context, expressions: Expressions) {
    this.context = context;
    this.expressions = expressions;
  }

  private complete(
    how: Completion["how"],
    value: Value = nothing,
    label: string | null = null,
  ): Completion[] {
    const { env, exprs } = this.context;
    return env.isDead ? [] : [{ how, label, value, test: exprs.one, env }];
  }

  runList(nodes: readonly acorn.Statement[], scope: Scope): Completion[] {
    const { context } = this;
    for (const node of nodes) {
      if (node.type !== "FunctionDeclaration") continue;
      context.env.variables.set(scope.declare(node.id.name), { kind: "closure", node, scope });
    }
    const ways: Completion[] = [];
    for (const node of nodes) {
      const found = this.run(node, scope, []);
      const last = found.at(-1);
      if (last?.how !== "normal") return [...ways, ...found];
      ways.push(...found.slice(0, -1));
      context.env = last.env;
    }
    return [...ways, ...this.complete("normal")];
  }

  private run(node: acorn.Statement, scope: Scope, labels: readonly string[]): Completion[] {
    const { context, expressions } = this;
    context.spend();
    switch (node.type) {
      case "EmptyStatement":
      case "FunctionDeclaration":
        return this.complete("normal");
      case "ExpressionStatement":
        expressions.evaluate(node.expression, scope);
        return this.complete("normal");
      case "VariableDeclaration":
        this.declare(node, scope);
        return this.complete("normal");
      case "BlockStatement":
        return this.runList(node.body, new Scope(scope));
      case "ReturnStatement": {
        const value = node.argument ? expressions.evaluate(node.argument, scope) : nothing;
        return this.complete("return", value);
      }
      case "ThrowStatement":
        // The text of the error is the packed evaluator's business.
        context.fail(context.exprs.one);
        return [];
      case "BreakStatement":
        return this.complete("break", nothing, node.label?.name ?? null);
      case "ContinueStatement":
        return this.complete("continue", nothing, node.label?.name ?? null);
      case "IfStatement": {
        const test = context.test(expressions.evaluate(node.test, scope));
        return this.fork(
          test,
          () => this.run(node.consequent, scope, []),
          () => (node.alternate ? this.run(node.alternate, scope, []) : this.complete("normal")),
        );
      }
      case "SwitchStatement":
        return this.runSwitch(node, scope);
      case "LabeledStatement": {
        const all = this.run(node.body, scope, [...labels, node.label.name]);
        return this.merge(
          all,
          (way) => way.how === "normal" || (way.how === "break" && way.label === node.label.name),
        );
      }
      case "WhileStatement":
        return this.runLoop({ test: node.test, body: node.body }, scope, labels);
      case "ForStatement": {
        const inner = new Scope(scope);
        if (node.init?.type === "VariableDeclaration") this.declare(node.init, inner);
        else if (node.init) expressions.evaluate(node.init, inner);
        return this.runLoop(
          { test: node.test ?? null, body: node.body, update: node.update ?? null },
          inner,
          labels,
        );
      }
      case "ForOfStatement":
        return this.runForOf(node, scope, labels);
      default:
        throw new Unsupported(`the construct ${node.type}`);
    }
  }

  private declare(node: acorn.VariableDeclaration, scope: Scope): void {
    if (node.kind === "var") throw new Unsupported("var");
    for (const { id, init } of node.declarations) {
      this.expressions.bind(id, init ? this.expressions.evaluate(init, scope) : nothing, scope);
    }
  }

  /** Runs both branches of a condition that is not decided, and joins where both fall through. */
  fork(test: Expr, yes: () => Completion[], no: () => Completion[]): Completion[] {
    const { context } = this;
    const { exprs } = context;
    if (context.env.isDead) return [];
    const decided = context.env.facts.decide(test);
    if (decided !== null) return decided ? yes() : no();
    const [envYes, envNo] = context.fork(test);
    context.env = envYes;
    const ofYes = yes();
    context.env = envNo;
    const ofNo = no();
    if (ofYes.length === 0) return ofNo;
    if (ofNo.length === 0) return ofYes;
    const under = (guard: Expr, ways: readonly Completion[]): Completion[] =>
      ways.map((way) => ({ ...way, test: exprs.and(guard, way.test) }));
    const lastYes = ofYes[ofYes.length - 1];
    const lastNo = ofNo[ofNo.length - 1];
    const not = exprs.not(test);
    if (lastYes.how !== "normal") return [...under(test, ofYes), ...ofNo];
    if (lastNo.how !== "normal") return [...under(not, ofNo), ...ofYes];
    const env = context.joiner.environments(test, lastYes.env, lastNo.env);
    return [
      ...under(test, ofYes.slice(0, -1)),
      ...under(not, ofNo.slice(0, -1)),
      { how: "normal", label: null, value: nothing, test: exprs.one, env },
    ];
  }

  /** Makes of all ways that `isMerged` picks the one that falls through. */
  merge(ways: readonly Completion[], isMerged: (way: Completion) => boolean): Completion[] {
    const { joiner, exprs } = this.context;
    const picked = ways.filter(isMerged);
    const last = picked.at(-1);
    if (last === undefined) return [...ways];
    let { env, value } = last;
    for (const way of picked.slice(0, -1).reverse()) {
      const joined = joiner.environments(way.test, way.env, env);
      value = joiner.values(way.test, way.value, way.env, value, env, joined);
      env = joined;
    }
    const kept: Completion[] = [];
    let taken = exprs.zero;
    for (const way of ways) {
      if (isMerged(way)) taken = exprs.or(taken, way.test);
      else kept.push({ ...way, test: exprs.and(exprs.not(taken), way.test) });
    }
    return [...kept, { how: "normal", label: null, value, test: exprs.one, env }];
  }

  private runLoop(
    loop: { test: acorn.Expression | null; body: acorn.Statement; update?: acorn.Expression | null },
    scope: Scope,
    labels: readonly string[],
  ): Completion[] {
    const { context } = this;
    return this.rounds(labels, () => {
      const test =
        loop.test === null ? context.exprs.one : context.test(this.expressions.evaluate(loop.test, scope));
      return {
        test,
        body: () => this.run(loop.body, scope, []),
        after: () => {
          if (loop.update) this.expressions.evaluate(loop.update, scope);
        },
      };
    });
  }

  /** The rounds of a loop, one after the other, until its condition is known not to hold. */
  private rounds(
    labels: readonly string[],
    next: () => { test: Expr; body: () => Completion[]; after: () => void },
  ): Completion[] {
    const { context } = this;
    const { exprs } = context;
    const isOwn = (way: Completion): boolean => way.label === null || labels.includes(way.label);
    const ways: Completion[] = [];
    for (let n = 0; !context.env.isDead; n++) {
      if (n > mostRounds) throw new Unsupported("a loop without a known bound");
      const round = next();
      if (context.env.isDead) break;
      const decided = context.env.facts.decide(round.test);
      if (decided === false) {
        ways.push(...this.complete("break"));
        break;
      }
      if (decided === null) {
        const [on, off] = context.fork(round.test);
        ways.push({ how: "break", label: null, value: nothing, test: exprs.not(round.test), env: off });
        context.env = on;
      }
      const done = this.merge(
        round.body(),
        (way) => way.how === "normal" || (way.how === "continue" && isOwn(way)),
      );
      const last = done.at(-1);
      if (last?.how !== "normal") {
        ways.push(...done);
        break;
      }
      ways.push(...done.slice(0, -1));
      context.env = last.env;
      round.after();
    }
    return this.merge(ways, (way) => way.how === "break" && isOwn(way));
  }

  private runForOf(node: acorn.ForOfStatement, scope: Scope, labels: readonly string[]): Completion[] {
    const { context, expressions } = this;
    if (node.await || node.left.type !== "VariableDeclaration")
      throw new Unsupported("the construct ForOfStatement");
    const { id } = node.left.declarations[0];
    const list = expressions.evaluate(node.right, scope);
    if (context.env.isDead) return [];
    const isSet = list.kind === "place" && list.options.some(({ kind }) => kind === "set");
    const fixedList = list.kind === "static" ? itemsOf(list.value) : null;
    const setSize = isSet
      ? Math.max(...list.options.map((spot) => (spot.kind === "set" ? spot.members.length : 0)))
      : 0;
    let i = 0;
    const elementAt = (k: number): Value => {
      if (fixedList !== null) return fixedList[k];
      return isSet ? fixed(k) : getMember(context, list, fixed(k));
    };
    return this.rounds(labels, () => {
      const k = i++;
      const inner = new Scope(scope);
      return {
        test: this.hasElement(list, fixedList?.length ?? (isSet ? setSize : null), k),
        body: () => {
          const runBody = (): Completion[] => {
            expressions.bind(id, elementAt(k), inner);
            return this.run(node.body, inner, []);
          };
          if (!isSet) return runBody();
          const member = expressions.callMethod(list, "has", [fixed(k)]);
          return this.fork(context.test(member), runBody, () => this.complete("normal"));
        },
        after: () => {},
      };
    });
  }

  private hasElement(list: Value, count: number | null, k: number): Expr {
    const { context } = this;
    const { exprs } = context;
    if (count !== null) return exprs.bool(k < count);
    const length = getMember(context, list, fixed("length"));
    return exprs.lt(exprs.const(k), context.numberOf(length, "a length"));
  }

  private runSwitch(node: acorn.SwitchStatement, scope: Scope): Completion[] {
    const { context, expressions } = this;
    const { exprs } = context;
    const value = expressions.evaluate(node.discriminant, scope);
    const inner = new Scope(scope);
    const from = (k: number): Completion[] =>
      this.runList(
        node.cases.slice(k).flatMap(({ consequent }) => consequent),
        inner,
      );
    const tryCase = (k: number): Completion[] => {
      if (context.env.isDead) return [];
      if (k === node.cases.length) {
        const last = node.cases.findIndex(({ test }) => !test);
        return last < 0 ? this.complete("normal") : from(last);
      }
      // Cases that share their statements are one.
      let test = exprs.zero;
      let end = k;
      for (; end < node.cases.length; end++) {
        const each = node.cases[end];
        if (each.test)
          test = exprs.or(test, expressions.operators.equal(value, expressions.evaluate(each.test, inner)));
        if (each.consequent.length > 0) break;
      }
      const first = end === node.cases.length ? k : end;
      return this.fork(
        test,
        () => from(first),
        () => tryCase(end + 1 > node.cases.length ? node.cases.length : end + 1),
      );
    };
    return this.merge(
      tryCase(0),
      (way) => way.how === "normal" || (way.how === "break" && way.label === null),
    );
  }
}
