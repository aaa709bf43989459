/**
 * Arithmetic on scalars whose value is known when the code runs: from values to codes and back.
 */
import { type Facts, unite, valuesIn } from "./facts.ts";
import type { Exprs } from "./exprs.ts";
import type { Expr } from "./ir.ts";
import { Unsupported } from "./unsupported.ts";
import { fixed, type Scalar, scalar, someText, type Static, truth, truthValues } from "./values.ts";

/** Tables beyond this many values are not worked out value by value. */
const mostValues = 512;
/** A function of two scalars is worked out for up to this many values of the one with fewer. */
const mostCases = 64;

export class Scalars {
  private readonly exprs: Exprs;

  constructor(exprs: Exprs) {
    this.exprs = exprs;
  }

  /** The codes that a scalar may have here. */
  possible(code: Expr, facts: Facts): number[] {
    const range = facts.rangeOf(code);
    if (range.high - range.low >= mostValues)
      throw new Unsupported("a number with too many values is used as a name");
    return valuesIn(range);
  }

  /** The options that a place may be at here: a number that is none of the options' cannot occur. */
  possibleOptions(options: readonly unknown[], at: Expr, facts: Facts): number[] {
    return this.possible(at, facts).filter((k) => k >= 0 && k < options.length);
  }

  /** A scalar with what is known here: a constant where only one value is left. */
  settle(of: Scalar, facts: Facts): Static | Scalar {
    const { low, high } = facts.rangeOf(of.code);
    return low === high ? scalar(this.exprs.const(low), of.values) : of;
  }

  /** Is the code one of `wanted`, given that it is one of `possible`? */
  member(code: Expr, wanted: readonly number[], possible: readonly number[]): Expr {
    const { exprs } = this;
    const inside = possible.filter((n) => wanted.includes(n));
    const outside = possible.filter((n) => !wanted.includes(n));
    if (inside.length === 0) return exprs.zero;
    if (outside.length === 0) return exprs.one;
    if (inside.length === 1) return exprs.eq(code, exprs.const(inside[0]));
    if (outside.length === 1) return exprs.not(exprs.eq(code, exprs.const(outside[0])));
    if (inside[inside.length - 1] < outside[0]) return exprs.lt(code, exprs.const(outside[0]));
    if (outside[outside.length - 1] < inside[0]) return exprs.not(exprs.lt(code, exprs.const(inside[0])));
    if (possible[0] >= 0 && possible[possible.length - 1] < 32) {
      const set = inside.reduce((bits, n) => bits | (1 << n), 0);
      return exprs.and(exprs.shr(exprs.const(set), code), exprs.one);
    }
    const middle = possible[possible.length >> 1];
    return exprs.select(
      exprs.lt(code, exprs.const(middle)),
      this.member(
        code,
        wanted,
        possible.filter((n) => n < middle),
      ),
      this.member(
        code,
        wanted,
        possible.filter((n) => n >= middle),
      ),
    );
  }

  /** `table` as a function of the code, for the possible codes. */
  lookup(code: Expr, possible: readonly number[], table: (code: number) => number): Expr {
    const { exprs } = this;
    if (possible.length === 0) return exprs.zero;
    const values = possible.map(table);
    const first = values[0];
    if (values.every((value) => value === first)) return exprs.const(first);
    const by = first - possible[0];
    if (values.every((value, i) => value - possible[i] === by)) return exprs.add(code, exprs.const(by));
    const stride = (values[1] - first) / (possible[1] - possible[0]);
    const isStraight = values.every((value, i) => value - first === stride * (possible[i] - possible[0]));
    if (isStraight && Number.isInteger(stride)) {
      return exprs.add(exprs.mul(code, exprs.const(stride)), exprs.const(first - stride * possible[0]));
    }
    const distinct = [...new Set(values)];
    if (distinct.length === 2) {
      const wanted = possible.filter((_, i) => values[i] === first);
      const test = this.member(code, wanted, possible);
      return exprs.select(test, exprs.const(first), exprs.const(distinct[1]));
    }
    const width = 32 - Math.clz32(Math.max(...values));
    const last = possible[possible.length - 1];
    if (Math.min(...values) >= 0 && possible[0] >= 0 && (last + 1) * width <= 32) {
      const packed = values.reduce((word, value, i) => word | (value << (possible[i] * width)), 0);
      const at = exprs.mul(code, exprs.const(width));
      return exprs.and(exprs.shr(exprs.const(packed), at), exprs.const(2 ** width - 1));
    }
    const half = possible.length >> 1;
    return exprs.select(
      exprs.lt(code, exprs.const(possible[half])),
      this.lookup(code, possible.slice(0, half), table),
      this.lookup(code, possible.slice(half), table),
    );
  }

  /** Whether the value is true, as JavaScript sees it. */
  truthOf(of: Static | Scalar, facts: Facts): Expr {
    if (of.kind === "static") {
      if (of.value === someText)
        throw new Unsupported("a text put together from the state is used as a condition");
      return this.exprs.bool(Boolean(of.value));
    }
    if (of.values === truthValues) return of.code;
    if (of.values === null) return this.exprs.not(this.exprs.eq(of.code, this.exprs.zero));
    const { values } = of;
    return this.isOneOf(of, facts, (code) => Boolean(values[code]));
  }

  /** Is the scalar's code one that passes? */
  isOneOf(of: Scalar, facts: Facts, passes: (code: number) => boolean): Expr {
    const possible = this.possible(of.code, facts);
    return this.member(of.code, possible.filter(passes), possible);
  }

  equal(a: Static | Scalar, b: Static | Scalar, facts: Facts): Expr {
    const { exprs } = this;
    if (a.kind === "static" && b.kind === "static") {
      if (a.value === someText || b.value === someText) {
        if (typeof a.value === "string" || typeof b.value === "string" || a.value === b.value) {
          throw new Unsupported("a text put together from the state is compared");
        }
      }
      return exprs.bool(a.value === b.value);
    }
    if (a.kind === "static") return this.equal(b, a, facts);
    if (b.kind === "static") {
      const { value } = b;
      if (a.values !== null) {
        const { values } = a;
        return this.isOneOf(a, facts, (code) => values[code] === value);
      }
      return Number.isInteger(value) && Math.abs(value as number) < 2 ** 31
        ? exprs.eq(a.code, exprs.const(value as number))
        : exprs.zero;
    }
    if (a.values === b.values) {
      // A table that a join or a call made may name a value twice.
      if (a.values === null || new Set(a.values).size === a.values.length) return exprs.eq(a.code, b.code);
    }
    return this.equalInTables(a, b, facts);
  }

  private equalInTables(a: Scalar, b: Scalar, facts: Facts): Expr {
    const { exprs } = this;
    const ofA = this.possible(a.code, facts);
    const ofB = this.possible(b.code, facts);
    const valueA = (code: number): unknown => (a.values === null ? code : a.values[code]);
    const valueB = (code: number): unknown => (b.values === null ? code : b.values[code]);
    // Codes of equal values mostly differ by the same number: then one comparison does.
    const pairs = ofA.flatMap((x) => ofB.filter((y) => valueA(x) === valueB(y)).map((y) => [x, y]));
    if (pairs.length === 0) return exprs.zero;
    const by = pairs[0][1] - pairs[0][0];
    const isUnique = new Set(pairs.map(([x]) => x)).size === pairs.length;
    if (isUnique && pairs.every(([x, y]) => y - x === by)) {
      // Other codes at the same distance stand for different values, and must be kept out.
      const paired = new Set(pairs.map(([x]) => x));
      const stray = ofA.filter((x) => !paired.has(x) && ofB.includes(x + by));
      const same = exprs.eq(exprs.add(a.code, exprs.const(by)), b.code);
      if (stray.length === 0) return same;
      return exprs.and(same, exprs.not(this.member(a.code, stray, ofA)));
    }
    if (pairs.length > 64) throw new Unsupported("two values of unlike ranges are compared");
    return pairs.reduce((any, [x, y]) => {
      const both = exprs.and(exprs.eq(a.code, exprs.const(x)), exprs.eq(b.code, exprs.const(y)));
      return exprs.or(any, both);
    }, exprs.zero);
  }

  /** The scalar as a number, and where it is none. */
  asNumber(of: Static | Scalar, facts: Facts): { readonly number: Expr; readonly unless: Expr } {
    const { exprs } = this;
    if (of.kind === "static") {
      const { value } = of;
      if (typeof value === "boolean") return { number: exprs.const(Number(value)), unless: exprs.zero };
      if (Number.isInteger(value)) return { number: exprs.const(value as number), unless: exprs.zero };
      return { number: exprs.zero, unless: exprs.one };
    }
    const { values } = of;
    if (values === null || values === truthValues) return { number: of.code, unless: exprs.zero };
    const possible = this.possible(of.code, facts);
    const numeric = possible.filter((code) => Number.isInteger(values[code]));
    const unless = exprs.not(this.member(of.code, numeric, possible));
    return { number: this.lookup(of.code, numeric, (code) => values[code] as number), unless };
  }

  /** A function of scalars, worked out for every value that they may have. */
  lift(
    of: readonly (Static | Scalar)[],
    facts: Facts,
    computeUnguarded: (...values: unknown[]) => unknown,
  ): Static | Scalar {
    // What throws for one of the values may stand behind a guard that is not understood: the recipe will tell.
    const compute = (...values: unknown[]): unknown => {
      try {
        return computeUnguarded(...values);
      } catch (error) {
        throw new Unsupported(`what throws: ${error instanceof Error ? error.message : String(error)}`);
      }
    };
    if (of.some((each) => each.kind === "static" && each.value === someText)) {
      throw new Unsupported("a text put together from the state is looked at");
    }
    const open = of.filter((each) => each.kind === "scalar");
    if (open.length === 0) return fixed(compute(...of.map((each) => (each as Static).value)));
    if (open.length > 1) return this.liftOneByOne(of, open, facts, computeUnguarded);
    const [first] = open;
    const possible = this.possible(first.code, facts);
    const values: unknown[] = [];
    for (const code of possible) {
      const value = first.values === null ? code : first.values[code];
      values[code - Math.min(0, possible[0])] = compute(
        ...of.map((each) => (each === first ? value : (each as Static).value)),
      );
    }
    if (possible.length > 0 && possible[0] < 0) throw new Unsupported("a function of a negative number");
    const results = possible.map((code) => values[code]);
    if (results.every((result) => result === results[0])) return fixed(results[0]);
    if (results.every((result) => typeof result === "boolean")) {
      return truth(this.isOneOf(first, facts, (code) => values[code] === true));
    }
    return scalar(first.code, values);
  }

  /** A function of several scalars: for one value of one of them after the other. */
  private liftOneByOne(
    of: readonly (Static | Scalar)[],
    open: readonly Scalar[],
    facts: Facts,
    computeUnguarded: (...values: unknown[]) => unknown,
  ): Static | Scalar {
    const grouped = open.map((each) => ({ of: each, groups: this.codesByValue(each, facts) }));
    const fewest = grouped.reduce((a, b) => (b.groups.size < a.groups.size ? b : a));
    if (fewest.groups.size > mostCases) throw new Unsupported("a function of two values of the state");
    const possible = [...fewest.groups.values()].flat().sort((a, b) => a - b);
    let result: Static | Scalar | null = null;
    for (const [value, codes] of fewest.groups) {
      const one = this.lift(
        of.map((each) => (each === fewest.of ? fixed(value) : each)),
        facts,
        computeUnguarded,
      );
      const isThis = this.member(fewest.of.code, codes, possible);
      result = result === null ? one : this.join(isThis, one, facts, result, facts, facts);
    }
    return result ?? fixed(undefined);
  }

  private codesByValue({ code, values }: Scalar, facts: Facts): Map<unknown, number[]> {
    const groups = new Map<unknown, number[]>();
    for (const each of this.possible(code, facts)) {
      const value = values === null ? each : values[each];
      const group = groups.get(value);
      if (group === undefined) groups.set(value, [each]);
      else group.push(each);
    }
    return groups;
  }

  /** `a` where the test holds, otherwise `b`; each with what is known on its path. */
  join(
    test: Expr,
    a: Static | Scalar,
    factsOfA: Facts,
    b: Static | Scalar,
    factsOfB: Facts,
    joined: Facts,
  ): Static | Scalar {
    if (a.kind === "static" && b.kind === "static" && Object.is(a.value, b.value)) return a;
    if (a.kind === "scalar" && b.kind === "scalar" && a.code === b.code && a.values === b.values) return a;
    const tables = this.alike(a, factsOfA, b, factsOfB);
    const code = this.exprs.select(test, tables.a, tables.b);
    joined.narrow(code, unite(factsOfA.rangeOf(tables.a), factsOfB.rangeOf(tables.b)));
    return scalar(code, tables.values);
  }

  /** Two scalars in one coding. */
  private alike(a: Static | Scalar, factsOfA: Facts, b: Static | Scalar, factsOfB: Facts) {
    const { exprs } = this;
    if (a.kind === "scalar" && b.kind === "scalar" && a.values === b.values)
      return { a: a.code, b: b.code, values: a.values };
    if (
      a.kind === "scalar" &&
      a.values === truthValues &&
      b.kind === "static" &&
      typeof b.value === "boolean"
    ) {
      return { a: a.code, b: exprs.bool(b.value), values: truthValues };
    }
    if (
      b.kind === "scalar" &&
      b.values === truthValues &&
      a.kind === "static" &&
      typeof a.value === "boolean"
    ) {
      return { a: exprs.bool(a.value), b: b.code, values: truthValues };
    }
    const numberA = this.numberIn(a, factsOfA);
    const numberB = this.numberIn(b, factsOfB);
    if (numberA !== null && numberB !== null) return { a: numberA, b: numberB, values: null };
    if (
      a.kind === "static" &&
      b.kind === "static" &&
      typeof a.value === "boolean" &&
      typeof b.value === "boolean"
    ) {
      return { a: exprs.bool(a.value), b: exprs.bool(b.value), values: truthValues };
    }
    const tableA = this.tableOf(a, factsOfA);
    const tableB = this.tableOf(b, factsOfB);
    if (tableB.values.length > tableA.values.length) {
      const merged = this.merge(tableB, tableA, factsOfA);
      return { a: merged.second, b: merged.first, values: merged.values };
    }
    const merged = this.merge(tableA, tableB, factsOfB);
    return { a: merged.first, b: merged.second, values: merged.values };
  }

  private merge(one: Coded, other: Coded, factsOfOther: Facts) {
    const values = [...one.values];
    const possible = this.possible(other.code, factsOfOther);
    const second = this.lookup(other.code, possible, (code) => {
      const value = other.values[code];
      const known = values.findIndex((each) => Object.is(each, value));
      return known >= 0 ? known : values.push(value) - 1;
    });
    // Where the table suffices it stays the same object: scalars of one table compare by their codes.
    return { first: one.code, second, values: values.length === one.values.length ? one.values : values };
  }

  /** The value as a number, if it can be nothing else here (and no truth value). */
  private numberIn(of: Static | Scalar, facts: Facts): Expr | null {
    if (of.kind === "static") return Number.isInteger(of.value) ? this.exprs.const(of.value as number) : null;
    if (of.values === null) return of.code;
    if (of.values === truthValues) return null;
    const { values } = of;
    const possible = this.possible(of.code, facts);
    if (!possible.every((code) => Number.isInteger(values[code]))) return null;
    return this.lookup(of.code, possible, (code) => values[code] as number);
  }

  private tableOf(of: Static | Scalar, facts: Facts): Coded {
    if (of.kind === "static") return { code: this.exprs.zero, values: [of.value] };
    if (of.values !== null) return { code: of.code, values: of.values };
    const possible = this.possible(of.code, facts);
    const low = possible[0];
    const values = Array.from({ length: possible[possible.length - 1] - low + 1 }, (_, i) => low + i);
    return { code: this.exprs.add(of.code, this.exprs.const(-low)), values };
  }
}

interface Coded {
  readonly code: Expr;
  readonly values: readonly unknown[];
}
