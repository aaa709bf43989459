/**
 * The state of the interpretation on one path: variables, objects made, the words of the state, and what is
 * known. Where two paths meet, their environments are joined: what differs becomes a `select`.
 */
import { Facts, unite } from "./facts.ts";
import type { Exprs } from "./exprs.ts";
import type { Expr } from "./ir.ts";
import type { Scalars } from "./scalars.ts";
import type { Binding } from "./scope.ts";
import { Unsupported } from "./unsupported.ts";
import { type Contents, type Made, nothing, type Place, type Spot, type Value } from "./values.ts";

export class Environment {
  /** The words of each bank, as written so far. */
  readonly words: Expr[][];
  readonly variables: Map<Binding, Value>;
  readonly heap: Map<number, Contents>;
  facts: Facts;
  /** Holds where control is on this path. */
  path: Expr;
  /** Control never gets here. */
  isDead = false;

  constructor(words: readonly (readonly Expr[])[], path: Expr, from?: Environment) {
    this.words = words.map((bank) => [...bank]);
    this.variables = new Map(from?.variables);
    this.heap = new Map(from?.heap);
    this.facts = from?.facts.clone() ?? new Facts();
    this.path = path;
  }

  clone(): Environment {
    return new Environment(this.words, this.path, this);
  }
}

export class Joiner {
  private readonly exprs: Exprs;
  private readonly scalars: Scalars;
  private nextId = 0;

  constructor(exprs: Exprs, scalars: Scalars) {
    this.exprs = exprs;
    this.scalars = scalars;
  }

  /** A number for a new object. */
  newId(): number {
    return this.nextId++;
  }

  /** The environment that is `a` where the test holds, and `b` elsewhere. */
  environments(test: Expr, a: Environment, b: Environment): Environment {
    if (a.isDead) return b;
    if (b.isDead) return a;
    const { exprs } = this;
    const words = a.words.map((bank, k) => bank.map((word, i) => exprs.select(test, word, b.words[k][i])));
    const joined = new Environment(words, this.joinPaths(test, a.path, b.path));
    joined.facts = Facts.join(a.facts, b.facts);
    for (const [binding, value] of a.variables) {
      const other = b.variables.get(binding);
      joined.variables.set(
        binding,
        other === undefined ? value : this.values(test, value, a, other, b, joined),
      );
    }
    // What one path declared is out of scope here, but for a function that was made there.
    for (const [binding, value] of b.variables) {
      if (!a.variables.has(binding)) joined.variables.set(binding, value);
    }
    for (const [id, contents] of a.heap) {
      const other = b.heap.get(id);
      joined.heap.set(
        id,
        other === undefined ? contents : this.contents(test, contents, a, other, b, joined),
      );
    }
    for (const [id, contents] of b.heap) if (!a.heap.has(id)) joined.heap.set(id, contents);
    return joined;
  }

  private joinPaths(test: Expr, a: Expr, b: Expr): Expr {
    const { exprs } = this;
    if (a === b) return a;
    // What two branches of one `if` have in common is the path that led there.
    for (const [path, other, own] of [
      [a, b, test],
      [b, a, exprs.not(test)],
    ] as const) {
      if (path === own && other === exprs.not(own)) return exprs.one;
      if (path.kind !== "binary" || path.op !== "and") continue;
      const before = path.a === own ? path.b : path.b === own ? path.a : null;
      if (before !== null && other === exprs.and(before, exprs.not(own))) return before;
    }
    return exprs.or(a, b);
  }

  /** The value that is `a` where the test holds, and `b` elsewhere; `Unknown` where that cannot be told. */
  values(test: Expr, a: Value, envA: Environment, b: Value, envB: Environment, joined: Environment): Value {
    if (a === b) return a;
    if ((a.kind === "static" || a.kind === "scalar") && (b.kind === "static" || b.kind === "scalar")) {
      try {
        return this.scalars.join(test, a, envA.facts, b, envB.facts, joined.facts);
      } catch (error) {
        if (error instanceof Unsupported) return { kind: "unknown", reason: error.message };
        throw error;
      }
    }
    if (a.kind === "place" || b.kind === "place") {
      const first = asPlace(a, b, this.exprs.zero);
      const second = asPlace(b, a, this.exprs.zero);
      if (first !== null && second !== null && first.bank === second.bank) {
        return this.places(test, first, envA, second, envB, joined);
      }
    }
    if (a.kind === "made" || b.kind === "made") {
      const made = this.made(test, a, envA, b, envB, joined);
      if (made !== null) return made;
    }
    if (a.kind === "closure" && b.kind === "closure" && a.node === b.node && a.scope === b.scope) return a;
    return { kind: "choice", test, yes: a, no: b };
  }

  private places(
    test: Expr,
    a: Place,
    envA: Environment,
    b: Place,
    envB: Environment,
    joined: Environment,
  ): Value {
    const { exprs } = this;
    const isSame =
      a.options.length === b.options.length && a.options.every((spot, i) => isSameSpot(spot, b.options[i]));
    const options = isSame ? a.options : [...a.options, ...b.options];
    const other = isSame ? b.at : exprs.add(b.at, exprs.const(a.options.length));
    const at = exprs.select(test, a.at, other);
    joined.facts.narrow(at, unite(envA.facts.rangeOf(a.at), envB.facts.rangeOf(other)));
    return { kind: "place", bank: a.bank, options, at };
  }

  private made(
    test: Expr,
    a: Value,
    envA: Environment,
    b: Value,
    envB: Environment,
    joined: Environment,
  ): Value | null {
    const { exprs } = this;
    if (a.kind !== "made" || b.kind !== "made") {
      const [made, other, isOther] = a.kind === "made" ? [a, b, exprs.not(test)] : [b, a, test];
      if (made.kind !== "made" || other.kind !== "static") return null;
      const { value } = other;
      if ((value !== null && value !== undefined) || (made.missing !== null && made.missing.value !== value))
        return null;
      const before = made.missing?.when ?? exprs.zero;
      return { ...made, missing: { when: exprs.select(isOther, exprs.one, before), value } };
    }
    if (a.missing !== null && b.missing !== null && a.missing.value !== b.missing.value) return null;
    const isMissing = exprs.select(test, a.missing?.when ?? exprs.zero, b.missing?.when ?? exprs.zero);
    const missing =
      isMissing === exprs.zero ? null : { when: isMissing, value: (a.missing ?? b.missing)?.value };
    if (a.id === b.id) return { ...a, missing };
    // Two objects become one: from here on, neither may change.
    const ofA = freeze(envA, a, joined);
    const ofB = freeze(envB, b, joined);
    if (ofA.kind !== ofB.kind) return null;
    const merged: Made = { kind: "made", id: this.newId(), missing };
    joined.heap.set(merged.id, { ...this.contents(test, ofA, envA, ofB, envB, joined), isFrozen: true });
    return merged;
  }

  private contents(
    test: Expr,
    a: Contents,
    envA: Environment,
    b: Contents,
    envB: Environment,
    joined: Environment,
  ): Contents {
    if (a === b) return a;
    const isFrozen = a.isFrozen || b.isFrozen;
    const join = (x: Value, y: Value): Value => this.values(test, x, envA, y, envB, joined);
    if (a.kind === "list" && b.kind === "list") {
      const count = Math.max(a.items.length, b.items.length);
      const items = Array.from({ length: count }, (_, i) =>
        join(a.items[i] ?? nothing, b.items[i] ?? nothing),
      );
      return { kind: "list", items, length: join(a.length, b.length), isFrozen };
    }
    if (a.kind !== "record" || b.kind !== "record")
      throw new Unsupported("an object and an array under one name");
    const names = new Set([...a.fields.keys(), ...b.fields.keys()]);
    const fields = new Map(
      [...names].map((name) => [name, join(a.fields.get(name) ?? nothing, b.fields.get(name) ?? nothing)]),
    );
    return { kind: "record", fields, isFrozen };
  }
}

function freeze(env: Environment, of: Made, joined: Environment): Contents {
  const contents = env.heap.get(of.id);
  if (contents === undefined) throw new Unsupported("an object that is gone");
  const frozen = { ...contents, isFrozen: true };
  joined.heap.set(of.id, frozen);
  return frozen;
}

/** A value as a place, so that it can be joined with one: the absence of one is an option too. */
function asPlace(of: Value, other: Value, zero: Expr): Place | null {
  if (of.kind === "place") return of;
  if (of.kind !== "static" || other.kind !== "place") return null;
  const { value } = of;
  if (value !== null && value !== undefined) return null;
  return { kind: "place", bank: other.bank, options: [{ kind: "absent", value }], at: zero };
}

function isSameSpot(a: Spot, b: Spot): boolean {
  return a === b || (a.kind === "absent" && b.kind === "absent" && a.value === b.value);
}
