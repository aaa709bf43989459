/**
 * What the parts of the interpreter share: the path that is being followed, and how it forks and meets again.
 */
import type { Leaf } from "../schema/layout.ts";
import { type Environment, Joiner } from "./environment.ts";
import { Exprs } from "./exprs.ts";
import type { Expr, Stmt } from "./ir.ts";
import { Scalars } from "./scalars.ts";
import { fieldSpot, type Run, StateAccess } from "./state.ts";
import { Unsupported } from "./unsupported.ts";
import {
  type Contents,
  type Made,
  nothing,
  type Place,
  type Scalar,
  type Static,
  type Value,
} from "./values.ts";

/** Calls a function of the model, with everything that takes. */
export type Call = (fn: Value, args: readonly Value[]) => Value;

/** Steps of the interpretation before an instance counts as too large to be compiled. */
const mostWork = 200_000;

export class Context implements Run {
  readonly exprs: Exprs;
  readonly scalars: Scalars;
  readonly joiner: Joiner;
  readonly state: StateAccess;
  /** The path that is being followed. */
  env: Environment;
  /** Where statements go: the checks that hand a state to the packed evaluator. */
  out: Stmt[] = [];
  readonly reads = new Set<Leaf>();
  readonly writes = new Set<Leaf>();
  private work = 0;

  constructor(exprs: Exprs, env: Environment) {
    this.exprs = exprs;
    this.scalars = new Scalars(exprs);
    this.joiner = new Joiner(exprs, this.scalars);
    this.state = new StateAccess(this);
    this.env = env;
  }

  touch(leaf: Leaf, how: "read" | "write"): void {
    (how === "read" ? this.reads : this.writes).add(leaf);
  }

  /** Counts a step of the interpretation. */
  spend(): void {
    if (++this.work > mostWork) throw new Unsupported("too much to be worked out beforehand");
  }

  fail(when: Expr): void {
    const { env } = this;
    const decided = env.facts.decide(when);
    if (decided === false || env.isDead) return;
    const test = this.exprs.and(env.path, decided === true ? this.exprs.one : when);
    this.out.push({ do: "deopt", when: test });
    if (decided === true) env.isDead = true;
    else env.facts.assume(when, false);
  }

  /** Whether a value is true. */
  test(value: Value): Expr {
    switch (value.kind) {
      case "static":
      case "scalar":
        return this.scalars.truthOf(value, this.env.facts);
      case "place":
        return this.exprs.not(this.isAbsent(value));
      case "made":
        return value.missing === null ? this.exprs.one : this.exprs.not(value.missing.when);
      case "closure":
        return this.exprs.one;
      case "choice":
        return this.exprs.select(value.test, this.test(value.yes), this.test(value.no));
      case "unknown":
        throw new Unsupported(value.reason);
    }
  }

  /** Does something with a value, once for each of the values that it may be. */
  each(value: Value, use: (one: Value) => Value): Value {
    if (value.kind !== "choice") return use(value);
    return this.branch(
      value.test,
      () => this.each(value.yes, use),
      () => this.each(value.no, use),
    );
  }

  /** Where a place is none of the state; all such options, or those with the value given. */
  isAbsent(place: Place, ...only: readonly (null | undefined)[]): Expr {
    const { options, at } = place;
    const possible = this.scalars.possibleOptions(options, at, this.env.facts);
    const absent = possible.filter((k) => {
      const spot = options[k];
      return spot.kind === "absent" && (only.length === 0 || only.includes(spot.value));
    });
    return this.scalars.member(at, absent, possible);
  }

  /** Follows the one path where the test holds and the other where it does not, and joins them. */
  branch(test: Expr, yes: () => Value, no: () => Value): Value {
    const decided = this.env.facts.decide(test);
    if (decided !== null) return decided ? yes() : no();
    const [envYes, envNo] = this.fork(test);
    this.env = envYes;
    const a = yes();
    const endOfYes = this.env;
    this.env = envNo;
    const b = no();
    const endOfNo = this.env;
    this.env = this.joiner.environments(test, endOfYes, endOfNo);
    if (endOfYes.isDead) return b;
    if (endOfNo.isDead) return a;
    return this.joiner.values(test, a, endOfYes, b, endOfNo, this.env);
  }

  /** The environments after a test, where it holds and where it does not. */
  fork(test: Expr): [Environment, Environment] {
    const { exprs, env } = this;
    const yes = env.clone();
    const no = env.clone();
    yes.facts.assume(test, true);
    no.facts.assume(test, false);
    yes.path = exprs.and(env.path, test);
    no.path = exprs.and(env.path, exprs.not(test));
    return [yes, no];
  }

  /** A value as a scalar or constant. */
  scalarOf(value: Value, what: string): Static | Scalar {
    switch (value.kind) {
      case "static":
        return value;
      case "scalar":
        return this.scalars.settle(value, this.env.facts);
      case "unknown":
        throw new Unsupported(value.reason);
      default:
        throw new Unsupported(`${what} of a ${value.kind}`);
    }
  }

  /** A value as a number; where it is none, the packed evaluator takes over. */
  numberOf(value: Value, what: string): Expr {
    const { number, unless } = this.scalars.asNumber(this.scalarOf(value, what), this.env.facts);
    if (unless === this.exprs.one) throw new Unsupported(`${what} of what is no number`);
    this.failOddly(unless);
    return number;
  }

  /** As `fail`, for what may be no error of the model: then nothing is known of what is read or written. */
  failOddly(when: Expr): void {
    if (this.env.facts.decide(when) === false || this.env.isDead) return;
    this.isOdd = true;
    this.fail(when);
  }
  isOdd = false;

  // Objects that the recipe made

  make(contents: Contents): Made {
    const id = this.joiner.newId();
    this.env.heap.set(id, contents);
    return { kind: "made", id, missing: null };
  }

  makeRecord(fields: ReadonlyMap<string, Value>): Made {
    return this.make({ kind: "record", fields, isFrozen: false });
  }

  contents(of: Made): Contents {
    if (of.missing !== null) this.fail(of.missing.when);
    const contents = this.env.heap.get(of.id);
    if (contents === undefined) throw new Unsupported("an object that is gone");
    return contents;
  }

  change(of: Made, to: Contents): void {
    if (to.isFrozen) throw new Unsupported("a change of an object that two paths made");
    this.env.heap.set(of.id, to);
  }

  /** The fields of a value that is assigned or copied as a whole. */
  contentsOf(value: Value): ReadonlyMap<string, Value> {
    switch (value.kind) {
      case "made": {
        const contents = this.contents(value);
        if (contents.kind === "record") return contents.fields;
        break;
      }
      case "static":
        if (typeof value.value === "object" && value.value !== null) {
          return new Map(
            Object.entries(value.value).map(([name, of]) => [name, { kind: "static", value: of }]),
          );
        }
        break;
      case "place": {
        this.fail(this.isAbsent(value));
        const some = value.options.find((spot) => spot.kind !== "absent");
        if (some?.kind === "record" || some?.kind === "union") {
          const names = some.fields.map(([name]) => name);
          const all = some.kind === "union" ? ["tag", ...names] : names;
          return new Map(all.map((name) => [name, this.fieldOf(value, name)]));
        }
        break;
      }
      case "choice":
        throw new Unsupported("a copy of one of several values");
      case "unknown":
        throw new Unsupported(value.reason);
      case "scalar":
      case "closure":
        break;
    }
    // What has no fields cannot be assigned as a whole: an error of the model.
    this.fail(this.exprs.one);
    return new Map();
  }

  fieldOf(place: Place, name: string): Value {
    const options = place.options.map((spot) => fieldSpot(spot, name));
    return this.env.isDead ? nothing : this.state.valueAt(place.bank, options, place.at);
  }
}
