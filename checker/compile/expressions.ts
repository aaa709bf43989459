/**
 * Expressions of a recipe, interpreted: to a value, with the effects on the environment.
 */
import type * as acorn from "acorn";
import type { Context } from "./context.ts";
import { getMember, itemsOf, setMember } from "./members.ts";
import { callMethod, pushAllInto } from "./methods.ts";
import { Operators } from "./operators.ts";
import type { FunctionNode } from "./parse.ts";
import type { Scope } from "./scope.ts";
import { Unsupported } from "./unsupported.ts";
import { fixed, nothing, scalar, someText, type Static, truth, type Value } from "./values.ts";

/** Names that a recipe may use without declaring them. */
const globals: Readonly<Record<string, unknown>> = {
  undefined,
  Infinity,
  NaN,
  Object,
  Array,
  Map,
  Set,
  Math,
  Number,
  String,
  Boolean,
  Error,
  TypeError,
  RangeError,
};

export class Expressions {
  readonly operators: Operators;
  private readonly context: Context;
  private readonly callFunction: (fn: Value, args: readonly Value[]) => Value;

  constructor(context: Context, callFunction: (fn: Value, args: readonly Value[]) => Value) {
    this.context = context;
    this.operators = new Operators(context);
    this.callFunction = callFunction;
  }

  evaluate(
    node: acorn.Expression | acorn.SpreadElement | acorn.Super | acorn.PrivateIdentifier,
    scope: Scope,
  ): Value {
    const { context } = this;
    context.spend();
    if (context.env.isDead) return nothing;
    switch (node.type) {
      case "Identifier":
        return this.lookUp(node.name, scope);
      case "Literal":
        if (node.regex !== undefined || typeof node.value === "bigint")
          throw new Unsupported("a regular expression or a bigint");
        return fixed(node.value);
      case "TemplateLiteral":
        return this.template(node, scope);
      case "MemberExpression":
        return this.member(node, scope);
      case "ChainExpression":
        return this.evaluate(node.expression, scope);
      case "CallExpression":
        return this.call(node, scope);
      case "UnaryExpression":
        return this.unary(node, scope);
      case "BinaryExpression":
        return this.operators.binary(
          node.operator,
          this.evaluate(node.left, scope),
          this.evaluate(node.right, scope),
        );
      case "LogicalExpression":
        return this.logical(node.operator, this.evaluate(node.left, scope), () =>
          this.evaluate(node.right, scope),
        );
      case "ConditionalExpression":
        return this.choose(node, scope);
      case "AssignmentExpression":
        return this.assignment(node, scope);
      case "UpdateExpression":
        return this.update(node, scope);
      case "ArrowFunctionExpression":
      case "FunctionExpression":
        return { kind: "closure", node: node as FunctionNode, scope };
      case "ObjectExpression":
        return this.object(node, scope);
      case "ArrayExpression":
        return this.array(node, scope);
      case "SequenceExpression":
        return node.expressions.map((each) => this.evaluate(each, scope)).at(-1) ?? nothing;
      default:
        throw new Unsupported(`the construct ${node.type}`);
    }
  }

  private lookUp(name: string, scope: Scope): Value {
    const found = scope.find(name);
    if (found === null) {
      if (Object.hasOwn(globals, name)) return fixed(globals[name]);
      throw new Unsupported(`the name "${name}", which was not captured`);
    }
    if ("value" in found) return fixed(found.value);
    const value = this.context.env.variables.get(found);
    if (value === undefined) throw new Unsupported(`"${name}" before its declaration, or after its scope`);
    return value;
  }

  private template(node: acorn.TemplateLiteral, scope: Scope): Value {
    const parts = node.expressions.map((each) => this.evaluate(each, scope));
    if (!parts.every((part) => part.kind === "static" && part.value !== someText)) return fixed(someText);
    const texts = node.quasis.map(
      ({ value }, i) => `${value.cooked}${i < parts.length ? String((parts[i] as Static).value) : ""}`,
    );
    return fixed(texts.join(""));
  }

  private key(node: acorn.MemberExpression, scope: Scope): Value {
    if (node.computed) return this.evaluate(node.property, scope);
    if (node.property.type !== "Identifier") throw new Unsupported("a private name");
    return fixed(node.property.name);
  }

  private member(node: acorn.MemberExpression, scope: Scope): Value {
    const object = this.evaluate(node.object, scope);
    if (node.optional)
      return this.optional(object, () => getMember(this.context, object, this.key(node, scope)));
    const key = this.key(node, scope);
    return this.context.env.isDead ? nothing : getMember(this.context, object, key);
  }

  /** `object?.` ...: undefined where there is no object. */
  private optional(object: Value, go: () => Value): Value {
    return this.context.branch(this.operators.isNullish(object), () => nothing, go);
  }

  private call(node: acorn.CallExpression, scope: Scope): Value {
    const { context } = this;
    const { callee } = node;
    // What esbuild adds to keep the names of functions.
    if (callee.type === "Identifier" && callee.name === "__name")
      return this.evaluate(node.arguments[0], scope);
    const target = callee.type === "ChainExpression" ? callee.expression : callee;
    if (target.type === "MemberExpression") {
      const receiver = this.evaluate(target.object, scope);
      const go = (): Value => {
        const key = this.key(target, scope);
        const args = this.arguments(node.arguments, scope);
        if (context.env.isDead) return nothing;
        if (key.kind !== "static") return this.callFunction(getMember(context, receiver, key), args);
        return this.callMethod(receiver, String(key.value), args);
      };
      return target.optional ? this.optional(receiver, go) : go();
    }
    const fn = this.evaluate(callee, scope);
    const go = (): Value => {
      const args = this.arguments(node.arguments, scope);
      return context.env.isDead ? nothing : this.callFunction(fn, args);
    };
    return node.optional ? this.optional(fn, go) : go();
  }

  callMethod(receiver: Value, name: string, args: readonly Value[]): Value {
    return callMethod(this.context, this.callFunction, receiver, name, args);
  }

  private arguments(nodes: readonly (acorn.Expression | acorn.SpreadElement)[], scope: Scope): Value[] {
    return nodes.flatMap((each) => {
      if (each.type !== "SpreadElement") return [this.evaluate(each, scope)];
      return this.listed(this.evaluate(each.argument, scope));
    });
  }

  /** The elements of a sequence whose length is known. */
  private listed(value: Value): Value[] {
    const { context } = this;
    if (value.kind === "static") return itemsOf(value.value);
    if (value.kind !== "place" && value.kind !== "made")
      throw new Unsupported(`the elements of a ${value.kind}`);
    const length = context.scalarOf(getMember(context, value, fixed("length")), "a length");
    if (length.kind !== "static") throw new Unsupported("all elements of a sequence whose length changes");
    return Array.from({ length: length.value as number }, (_, i) => getMember(context, value, fixed(i)));
  }

  private unary(node: acorn.UnaryExpression, scope: Scope): Value {
    const { context } = this;
    const { exprs } = context;
    const value = this.evaluate(node.argument, scope);
    if (context.env.isDead) return nothing;
    switch (node.operator) {
      case "!":
        return truth(exprs.not(context.test(value)));
      case "-":
        return scalar(exprs.sub(exprs.zero, context.numberOf(value, "-")), null);
      case "+":
        return scalar(context.numberOf(value, "+"), null);
      case "void":
        return nothing;
      case "typeof":
        return this.operators.typeOf(value);
      default:
        throw new Unsupported(`the operator ${node.operator}`);
    }
  }

  private logical(operator: acorn.LogicalOperator, left: Value, right: () => Value): Value {
    const { context } = this;
    if (context.env.isDead) return nothing;
    switch (operator) {
      case "&&":
        return context.branch(context.test(left), right, () => left);
      case "||":
        return context.branch(context.test(left), () => left, right);
      case "??":
        return context.branch(this.operators.isNullish(left), right, () => left);
    }
  }

  private choose(node: acorn.ConditionalExpression, scope: Scope): Value {
    const { context } = this;
    const test = context.test(this.evaluate(node.test, scope));
    return context.branch(
      test,
      () => this.evaluate(node.consequent, scope),
      () => this.evaluate(node.alternate, scope),
    );
  }

  private assignment(node: acorn.AssignmentExpression, scope: Scope): Value {
    const { left, operator } = node;
    if (left.type === "ObjectPattern" || left.type === "ArrayPattern")
      throw new Unsupported("an assignment to a pattern");
    const target = this.target(left, scope);
    const right = (): Value => this.evaluate(node.right, scope);
    switch (operator) {
      case "=": {
        const value = right();
        target.set(value);
        return value;
      }
      case "&&=":
      case "||=":
      case "??=":
        return this.logical(operator.slice(0, -1) as acorn.LogicalOperator, target.get(), () => {
          const value = right();
          target.set(value);
          return value;
        });
      default: {
        const value = this.operators.binary(
          operator.slice(0, -1) as acorn.BinaryOperator,
          target.get(),
          right(),
        );
        target.set(value);
        return value;
      }
    }
  }

  private update(node: acorn.UpdateExpression, scope: Scope): Value {
    const { exprs } = this.context;
    const target = this.target(node.argument, scope);
    const before = this.context.numberOf(target.get(), node.operator);
    const after = scalar(exprs.add(before, exprs.const(node.operator === "++" ? 1 : -1)), null);
    target.set(after);
    return node.prefix ? after : scalar(before, null);
  }

  /** A variable, or a property of an object that is evaluated once. */
  private target(
    node: acorn.Pattern | acorn.Expression,
    scope: Scope,
  ): { get(): Value; set(value: Value): void } {
    const { context } = this;
    if (node.type === "Identifier") {
      return {
        get: () => this.lookUp(node.name, scope),
        set: (value) => {
          const found = scope.find(node.name);
          if (found === null || "value" in found)
            throw new Unsupported(`a write to "${node.name}", which was captured`);
          if (!context.env.isDead) context.env.variables.set(found, value);
        },
      };
    }
    if (node.type !== "MemberExpression") throw new Unsupported(`an assignment to a ${node.type}`);
    const object = this.evaluate(node.object, scope);
    const key = this.key(node, scope);
    return {
      get: () => (context.env.isDead ? nothing : getMember(context, object, key)),
      set: (value) => {
        if (!context.env.isDead) setMember(context, object, key, value);
      },
    };
  }

  private object(node: acorn.ObjectExpression, scope: Scope): Value {
    const fields = new Map<string, Value>();
    for (const property of node.properties) {
      if (property.type === "SpreadElement") {
        const source = this.evaluate(property.argument, scope);
        if (source.kind === "place") throw new Unsupported("a copy of a record of the state by ...");
        for (const [name, value] of this.context.contentsOf(source)) fields.set(name, value);
        continue;
      }
      if (property.kind !== "init") throw new Unsupported("an object with a getter or setter");
      fields.set(this.propertyName(property, scope), this.evaluate(property.value, scope));
    }
    return this.context.env.isDead ? nothing : this.context.makeRecord(fields);
  }

  private propertyName(property: acorn.Property | acorn.AssignmentProperty, scope: Scope): string {
    if (property.computed) {
      const key = this.evaluate(property.key, scope);
      if (key.kind !== "static")
        throw new Unsupported("an object with a property whose name is looked up in the state");
      return String(key.value);
    }
    if (property.key.type === "Identifier") return property.key.name;
    if (property.key.type === "Literal") return String(property.key.value);
    throw new Unsupported("the name of a property");
  }

  private array(node: acorn.ArrayExpression, scope: Scope): Value {
    const { context } = this;
    const list = context.make({ kind: "list", items: [], length: fixed(0), isFrozen: false });
    for (const each of node.elements) {
      if (each?.type === "SpreadElement") this.pushAll(this.evaluate(each.argument, scope), list);
      else this.callMethod(list, "push", [each === null ? nothing : this.evaluate(each, scope)]);
      if (context.env.isDead) return nothing;
    }
    return list;
  }

  private pushAll(source: Value, list: Value): void {
    if (source.kind !== "static") this.callMethod(source, pushAllInto, [list]);
    else for (const each of this.listed(source)) this.callMethod(list, "push", [each]);
  }

  /** Declares what a pattern names, with its parts of the value. */
  bind(pattern: acorn.Pattern, value: Value, scope: Scope): void {
    const { context } = this;
    if (context.env.isDead) return;
    switch (pattern.type) {
      case "Identifier":
        context.env.variables.set(scope.declare(pattern.name), value);
        return;
      case "ObjectPattern":
        for (const property of pattern.properties) {
          if (property.type === "RestElement") throw new Unsupported("the rest of an object");
          const key = fixed(this.propertyName(property, scope));
          this.bind(property.value, getMember(context, value, key), scope);
        }
        return;
      case "ArrayPattern":
        pattern.elements.forEach((element, i) => {
          if (element?.type === "RestElement") throw new Unsupported("the rest of an array");
          if (element !== null) this.bind(element, getMember(context, value, fixed(i)), scope);
        });
        return;
      case "AssignmentPattern": {
        const isLeftOut = this.operators.equal(value, nothing);
        const bound = context.branch(
          isLeftOut,
          () => this.evaluate(pattern.right, scope),
          () => value,
        );
        this.bind(pattern.left, bound, scope);
        return;
      }
      default:
        throw new Unsupported(`the pattern ${pattern.type}`);
    }
  }
}
