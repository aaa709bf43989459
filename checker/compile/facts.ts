/**
 * What is known of expressions on the path that is being interpreted: after `if (x !== null)`, `x` is not
 * null. Facts fold conditions and prove that a write stays in its field's range.
 */
import { type Expr, isBool } from "./ir.ts";

export interface Range {
  readonly low: number;
  readonly high: number;
  /** The possible values as a bit set, where all of them are 0 .. 30; otherwise null. */
  readonly set: number | null;
}

const largestInSet = 30;
/** How deep the operands of an expression are looked at. */
const deepest = 5;

export class Facts {
  private readonly ranges: Map<Expr, Range>;

  constructor(ranges: ReadonlyMap<Expr, Range> = new Map()) {
    this.ranges = new Map(ranges);
  }

  clone(): Facts {
    return new Facts(this.ranges);
  }

  /** What holds on either of two paths. */
  static join(a: Facts, b: Facts): Facts {
    const joined = new Map<Expr, Range>();
    for (const [expr, range] of a.ranges) {
      const other = b.ranges.get(expr);
      if (other === undefined) continue;
      joined.set(expr, unite(range, other));
    }
    return new Facts(joined);
  }

  rangeOf(expr: Expr, depth = 0): Range {
    if (expr.kind === "const") return rangeFrom(expr.value, expr.value);
    const structural =
      depth < deepest ? this.structuralRange(expr, depth + 1) : rangeFrom(expr.low, expr.high);
    const known = this.ranges.get(expr);
    return known === undefined ? structural : intersect(structural, known);
  }

  private structuralRange(expr: Expr, depth: number): Range {
    const own = rangeFrom(expr.low, expr.high);
    if (expr.kind === "select") {
      const decided = this.decide(expr.test, depth);
      if (decided !== null) return intersect(own, this.rangeOf(decided ? expr.yes : expr.no, depth));
      return intersect(own, unite(this.rangeOf(expr.yes, depth), this.rangeOf(expr.no, depth)));
    }
    if (expr.kind !== "binary") return own;
    if (isBool(expr)) {
      const decided = this.decideBinary(expr, depth);
      return decided === null ? own : rangeFrom(Number(decided), Number(decided));
    }
    if (expr.op === "add") {
      const a = this.rangeOf(expr.a, depth);
      const b = this.rangeOf(expr.b, depth);
      return intersect(own, rangeFrom(a.low + b.low, a.high + b.high));
    }
    if (expr.op === "sub") {
      const a = this.rangeOf(expr.a, depth);
      const b = this.rangeOf(expr.b, depth);
      return intersect(own, rangeFrom(a.low - b.high, a.high - b.low));
    }
    if ((expr.op === "mul" || expr.op === "shl") && expr.b.kind === "const" && expr.a.low >= 0) {
      const by = expr.op === "mul" ? expr.b.value : 2 ** expr.b.value;
      const a = this.rangeOf(expr.a, depth);
      return intersect(own, by >= 0 ? rangeFrom(a.low * by, a.high * by) : own);
    }
    return own;
  }

  /** Does this truth value always hold here, or never? Otherwise null. */
  decide(test: Expr, depth = 0): boolean | null {
    if (test.kind === "const") return test.value !== 0;
    const { low, high } = this.rangeOf(test, depth);
    if (low > 0 || high < 0) return true;
    return low === 0 && high === 0 ? false : null;
  }

  private decideBinary(expr: Extract<Expr, { kind: "binary" }>, depth: number): boolean | null {
    switch (expr.op) {
      case "and":
      case "or": {
        if (!isBool(expr.a) || !isBool(expr.b)) return null;
        const a = this.decide(expr.a, depth);
        const b = this.decide(expr.b, depth);
        const decisive = expr.op === "or";
        if (a === decisive || b === decisive) return decisive;
        return a !== null && b !== null ? !decisive : null;
      }
      case "eq": {
        const a = this.rangeOf(expr.a, depth);
        const b = this.rangeOf(expr.b, depth);
        if (a.high < b.low || b.high < a.low) return false;
        if (a.set !== null && b.set !== null && (a.set & b.set) === 0) return false;
        return a.low === a.high && b.low === b.high ? true : null;
      }
      case "lt": {
        const a = this.rangeOf(expr.a, depth);
        const b = this.rangeOf(expr.b, depth);
        if (a.high < b.low) return true;
        return a.low >= b.high ? false : null;
      }
      default:
        return null;
    }
  }

  /** Notes that a truth value holds (or does not) from here on. */
  assume(test: Expr, truth: boolean): void {
    if (test.kind === "const") return;
    const value = Number(truth);
    const known = this.ranges.get(test);
    if (known !== undefined && known.low === value && known.high === value) return;
    this.ranges.set(test, rangeFrom(value, value));
    if (test.kind === "select" && isBool(test.yes) && isBool(test.no)) {
      if (this.decide(test.yes) === !truth) {
        this.assume(test.test, false);
        this.assume(test.no, truth);
      } else if (this.decide(test.no) === !truth) {
        this.assume(test.test, true);
        this.assume(test.yes, truth);
      }
    }
    if (test.kind !== "binary") return;
    const { op, a, b } = test;
    if (op === "eq") this.assumeEqual(a, b, truth);
    else if (op === "lt" && truth) this.assumeLess(a, b);
    else if (op === "lt") this.assumeAtMost(b, a);
    else if ((op === "and" || op === "or") && isBool(a) && isBool(b)) {
      if ((op === "and") === truth) {
        this.assume(a, truth);
        this.assume(b, truth);
      } else if (this.decide(a) === !truth) {
        this.assume(b, truth);
      } else if (this.decide(b) === !truth) {
        this.assume(a, truth);
      }
    } else if (op === "and" && b.kind === "const" && b.value === 1) {
      this.assumeMember(a, truth);
    }
  }

  /** `(set >>> x) & 1`: membership of `x` in a constant set. */
  private assumeMember(a: Expr, truth: boolean): void {
    if (a.kind !== "binary" || a.op !== "shr" || a.a.kind !== "const") return;
    const set = truth ? a.a.value : ~a.a.value;
    if (this.rangeOf(a.b).high <= largestInSet)
      this.narrow(a.b, { low: 0, high: largestInSet, set: set & ~(1 << 31) });
  }

  private assumeEqual(a: Expr, b: Expr, truth: boolean): void {
    const ofA = this.rangeOf(a);
    const ofB = this.rangeOf(b);
    if (truth) {
      this.narrow(a, ofB);
      this.narrow(b, ofA);
      return;
    }
    if (ofB.low === ofB.high) this.exclude(a, ofB.low);
    if (ofA.low === ofA.high) this.exclude(b, ofA.low);
  }

  private exclude(expr: Expr, value: number): void {
    const { low, high, set } = this.rangeOf(expr);
    if (set !== null && value >= 0 && value <= largestInSet)
      this.narrow(expr, { low, high, set: set & ~(1 << value) });
    else if (value === low) this.narrow(expr, { low: low + 1, high, set });
    else if (value === high) this.narrow(expr, { low, high: high - 1, set });
    // A truth value that is an expression of its own: x === 0 is false, so x is true.
    if (isBool(expr)) this.assume(expr, value === 0);
  }

  private assumeLess(a: Expr, b: Expr): void {
    const ofA = this.rangeOf(a);
    const ofB = this.rangeOf(b);
    this.narrow(a, clip(ofA, ofA.low, ofB.high - 1));
    this.narrow(b, clip(ofB, ofA.low + 1, ofB.high));
  }

  private assumeAtMost(a: Expr, b: Expr): void {
    const ofA = this.rangeOf(a);
    const ofB = this.rangeOf(b);
    this.narrow(a, clip(ofA, ofA.low, ofB.high));
    this.narrow(b, clip(ofB, ofA.low, ofB.high));
  }

  /** Notes that an expression's value lies in a range from here on. */
  narrow(expr: Expr, to: Range): void {
    if (expr.kind === "const") return;
    if (isBool(expr) && to.low === to.high) {
      this.assume(expr, to.low === 1);
      return;
    }
    const before = this.rangeOf(expr);
    const after = intersect(before, to);
    if (after.low === before.low && after.high === before.high && after.set === before.set) return;
    this.ranges.set(expr, after);
    // x + 1 < 3 says something of x.
    if (expr.kind === "binary" && expr.op === "add" && expr.b.kind === "const") {
      const by = expr.b.value;
      this.narrow(expr.a, rangeFrom(after.low - by, after.high - by));
    }
  }
}

function rangeFrom(low: number, high: number): Range {
  const isSmall = low >= 0 && high <= largestInSet && low <= high;
  return { low, high, set: isSmall ? ((2 << high) - 1) & ~((1 << low) - 1) : null };
}

function clip(range: Range, low: number, high: number): Range {
  return intersect(range, rangeFrom(low, high));
}

function intersect(a: Range, b: Range): Range {
  const low = Math.max(a.low, b.low);
  const high = Math.min(a.high, b.high);
  const bounds = rangeFrom(low, high);
  if (bounds.set === null) return bounds;
  const set = bounds.set & (a.set ?? -1) & (b.set ?? -1);
  if (set === 0) return bounds;
  return { low: 31 - Math.clz32(set & -set), high: 31 - Math.clz32(set), set };
}

export function unite(a: Range, b: Range): Range {
  const set = a.set === null || b.set === null ? null : a.set | b.set;
  return { low: Math.min(a.low, b.low), high: Math.max(a.high, b.high), set };
}

/** The numbers in a range, ascending. */
export function valuesIn({ low, high, set }: Range): number[] {
  const values: number[] = [];
  for (let n = low; n <= high; n++) if (set === null || (set >>> n) & 1) values.push(n);
  return values;
}
