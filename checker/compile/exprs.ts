/**
 * Making expressions of the compiler's own language. Each is simplified as it is made.
 */
import { type Bank, type BinaryOperator, type Expr, isBool } from "./ir.ts";

/** An expression whose value is beyond what 32-bit code computes. */
export class BeyondRange extends Error {}

const least = -(2 ** 31);
const most = 2 ** 31 - 1;

/** Makes expressions, simplified; equal ones are the same object. */
export class Exprs {
  private readonly known = new Map<string, Expr>();
  private readonly extracted = new Map<string, Expr>();
  private next = 0;
  readonly zero = this.const(0);
  readonly one = this.const(1);

  private intern(key: string, make: (id: number) => Expr): Expr {
    let found = this.known.get(key);
    if (found === undefined) {
      found = make(this.next++);
      this.known.set(key, found);
    }
    return found;
  }

  const(value: number): Expr {
    if (value < least || value > most) throw new BeyondRange("a number beyond 32 bits");
    return this.intern(`c${value}`, (id) => ({
      id,
      kind: "const",
      value,
      low: value,
      high: value,
      bits: value,
    }));
  }

  bool(value: boolean): Expr {
    return value ? this.one : this.zero;
  }

  word(bank: Bank, index: number): Expr {
    return this.intern(`w${bank} ${index}`, (id) => ({
      id,
      kind: "word",
      bank,
      index,
      low: least,
      high: most,
      bits: -1,
    }));
  }

  private binary(
    op: BinaryOperator,
    a: Expr,
    b: Expr,
    low: number,
    high: number,
    bits = bitsUpTo(low, high),
  ): Expr {
    if (low < least || high > most) throw new BeyondRange(`${op} beyond 32 bits`);
    return this.intern(`${op} ${a.id} ${b.id}`, (id) => ({ id, kind: "binary", op, a, b, low, high, bits }));
  }

  add(a: Expr, b: Expr): Expr {
    if (a.kind === "const" && b.kind === "const") return this.const(a.value + b.value);
    if (a.kind === "const") return this.add(b, a);
    if (b.kind === "const") {
      if (b.value === 0) return a;
      if (a.kind === "binary" && a.op === "add" && a.b.kind === "const")
        return this.add(a.a, this.const(a.b.value + b.value));
    } else if (a.kind === "binary" && a.op === "add" && a.b.kind === "const") {
      return this.add(this.add(a.a, b), a.b);
    } else if (b.kind === "binary" && b.op === "add" && b.b.kind === "const") {
      return this.add(this.add(a, b.a), b.b);
    }
    return this.binary("add", a, b, a.low + b.low, a.high + b.high);
  }

  sub(a: Expr, b: Expr): Expr {
    if (a === b) return this.zero;
    if (b.kind === "const") return this.add(a, this.const(-b.value));
    if (a.kind === "binary" && a.op === "add" && a.b.kind === "const") return this.add(this.sub(a.a, b), a.b);
    if (b.kind === "binary" && b.op === "add" && b.b.kind === "const") {
      return this.add(this.sub(a, b.a), this.const(-b.b.value));
    }
    return this.binary("sub", a, b, a.low - b.high, a.high - b.low);
  }

  mul(a: Expr, b: Expr): Expr {
    if (a.kind === "const" && b.kind === "const") return this.const(a.value * b.value);
    if (a.kind === "const") return this.mul(b, a);
    if (b.kind === "const") {
      if (b.value === 0) return this.zero;
      if (b.value === 1) return a;
      if (a.kind === "binary" && a.op === "add" && a.b.kind === "const") {
        return this.add(this.mul(a.a, b), this.const(a.b.value * b.value));
      }
      if (b.value > 0 && (b.value & (b.value - 1)) === 0 && a.low >= 0 && a.high * b.value <= most) {
        return this.shl(a, this.const(31 - Math.clz32(b.value)));
      }
    }
    const ends = [a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high];
    return this.binary("mul", a, b, Math.min(...ends), Math.max(...ends));
  }

  /** The remainder with the dividend's sign. The divisor must not be 0. */
  rem(a: Expr, b: Expr): Expr {
    if (a.kind === "const" && b.kind === "const") return this.const(a.value % b.value);
    if (b.low > 0 && a.low >= 0 && a.high < b.low) return a;
    if (b.kind === "const" && a.low >= 0 && b.value > 0) {
      if ((b.value & (b.value - 1)) === 0) return this.and(a, this.const(b.value - 1));
      if (a.high < 2 * b.value) return this.select(this.lt(a, b), a, this.sub(a, b), 0, b.value - 1);
    }
    const span = Math.max(Math.abs(b.low), Math.abs(b.high)) - 1;
    return this.binary("rem", a, b, a.low < 0 ? -span : 0, span);
  }

  and(a: Expr, b: Expr): Expr {
    if (a.kind === "const" && b.kind === "const") return this.const(a.value & b.value);
    if (a === b) return a;
    if (a.kind === "const") return this.and(b, a);
    if (b.kind === "const") return this.mask(a, b.value);
    if (isBool(a) && isBool(b) && (this.not(a) === b || this.not(b) === a)) return this.zero;
    if (a.id > b.id) return this.and(b, a);
    const bits = a.bits & b.bits;
    if (bits === 0) return this.zero;
    return this.binary(
      "and",
      a,
      b,
      bits < 0 ? least : 0,
      bits < 0 ? most : Math.min(mostOf(a), mostOf(b), bits),
      bits,
    );
  }

  private mask(a: Expr, mask: number): Expr {
    if ((a.bits & mask) === 0) return this.zero;
    if ((a.bits & ~mask) === 0) return a;
    if (a.kind === "binary") {
      if (a.op === "and" && a.b.kind === "const") return this.mask(a.a, a.b.value & mask);
      if (a.op === "or" && (isSettled(a.b, mask) || isSettled(a.a, mask))) {
        return this.or(this.mask(a.a, mask), this.mask(a.b, mask));
      }
    }
    const bits = a.bits & mask;
    const constant = this.const(mask);
    return this.binary("and", a, constant, bits < 0 ? least : 0, bits < 0 ? most : bits, bits);
  }

  or(a: Expr, b: Expr): Expr {
    if (a.kind === "const" && b.kind === "const") return this.const(a.value | b.value);
    if (a === b) return a;
    if (a.kind === "const") return this.or(b, a);
    if (b.kind === "const") {
      if (b.value === 0) return a;
      if (isBool(a) && b.value === 1) return this.one;
      if (a.kind === "binary" && a.op === "or" && a.b.kind === "const")
        return this.or(a.a, this.const(a.b.value | b.value));
    } else {
      if (isBool(a) && isBool(b) && (this.not(a) === b || this.not(b) === a)) return this.one;
      // Constants stay outermost, so that they meet.
      if (a.kind === "binary" && a.op === "or" && a.b.kind === "const") return this.or(this.or(a.a, b), a.b);
      if (b.kind === "binary" && b.op === "or" && b.b.kind === "const") return this.or(this.or(a, b.a), b.b);
    }
    const bits = a.bits | b.bits;
    return this.binary("or", a, b, bits < 0 ? least : 0, bits < 0 ? most : bitsUpTo(0, bits), bits);
  }

  not(a: Expr): Expr {
    return this.eq(a, this.zero);
  }

  shl(a: Expr, b: Expr): Expr {
    if (a.kind === "const" && b.kind === "const") return this.const(a.value << b.value);
    if (b.kind !== "const") {
      const isSmall = a.low >= 0 && a.high * 2 ** b.high <= most;
      return this.binary(
        "shl",
        a,
        b,
        isSmall ? 0 : least,
        isSmall ? a.high * 2 ** b.high : most,
        isSmall ? undefined : -1,
      );
    }
    if (b.value === 0) return a;
    const bits = a.bits << b.value;
    if (bits === 0) return this.zero;
    const high = a.high * 2 ** b.value;
    const isExact = a.low >= 0 && high <= most;
    return this.binary("shl", a, b, isExact ? a.low * 2 ** b.value : least, isExact ? high : most, bits);
  }

  shr(a: Expr, b: Expr): Expr {
    if (a.kind === "const" && b.kind === "const") return this.const((a.value >>> b.value) | 0);
    if (b.kind !== "const") return this.binary("shr", a, b, a.low < 0 ? least : 0, a.low < 0 ? most : a.high);
    if (b.value === 0) return a;
    const bits = a.bits >>> b.value;
    if (bits === 0) return this.zero;
    return this.binary("shr", a, b, 0, a.low < 0 ? bits : Math.min(bits, a.high >>> b.value), bits);
  }

  eq(a: Expr, b: Expr): Expr {
    if (a === b) return this.one;
    if (a.high < b.low || b.high < a.low) return this.zero;
    if (a.kind === "const") return this.eq(b, a);
    if (b.kind === "const") {
      if (isBool(a) && b.value === 1) return a;
      if (a.kind === "binary") {
        if (a.op === "add" && a.b.kind === "const") return this.eq(a.a, this.const(b.value - a.b.value));
        // The negation of a negation.
        if (a.op === "eq" && b.value === 0 && a.b.kind === "const" && a.b.value === 0 && isBool(a.a))
          return a.a;
        if (a.op === "sub" && b.value === 0) return this.eq(a.a, a.b);
      }
      if (a.kind === "select" && (a.yes.kind === "const" || a.no.kind === "const")) {
        return this.select(a.test, this.eq(a.yes, b), this.eq(a.no, b));
      }
    } else if (a.id > b.id) {
      return this.eq(b, a);
    }
    return this.binary("eq", a, b, 0, 1);
  }

  lt(a: Expr, b: Expr): Expr {
    if (a.high < b.low) return this.one;
    if (a.low >= b.high || a === b) return this.zero;
    if (b.kind === "const") {
      if (a.low === b.value - 1) return this.eq(a, this.const(a.low));
      if (a.kind === "binary" && a.op === "add" && a.b.kind === "const")
        return this.lt(a.a, this.const(b.value - a.b.value));
      if (a.kind === "select" && (a.yes.kind === "const" || a.no.kind === "const")) {
        return this.select(a.test, this.lt(a.yes, b), this.lt(a.no, b));
      }
    }
    if (a.kind === "const") {
      if (b.high === a.value + 1) return this.eq(b, this.const(b.high));
      if (b.kind === "binary" && b.op === "add" && b.b.kind === "const")
        return this.lt(this.const(a.value - b.b.value), b.a);
      if (b.kind === "select" && (b.yes.kind === "const" || b.no.kind === "const")) {
        return this.select(b.test, this.lt(a, b.yes), this.lt(a, b.no));
      }
    }
    return this.binary("lt", a, b, 0, 1);
  }

  /** `low` and `high`, where given, are bounds that the caller knows. */
  select(test: Expr, yes: Expr, no: Expr, low?: number, high?: number): Expr {
    if (test.kind === "const") return test.value !== 0 ? yes : no;
    if (yes === no) return yes;
    const positive = this.negated(test);
    if (positive !== null) return this.select(positive, no, yes, low, high);
    if (yes.kind === "select" && yes.test === test) return this.select(test, yes.yes, no, low, high);
    if (no.kind === "select" && no.test === test) return this.select(test, yes, no.no, low, high);
    // Where the test holds, it is true; elsewhere, it is not.
    if (yes === test) return this.select(test, this.one, no, low, high);
    if (no === test) return this.select(test, yes, this.zero, low, high);
    if (yes === this.not(test)) return this.select(test, this.zero, no, low, high);
    if (no === this.not(test)) return this.select(test, yes, this.one, low, high);
    if (isBool(yes) && isBool(no)) {
      if (yes.kind === "const") return yes.value === 1 ? this.or(test, no) : this.and(this.not(test), no);
      if (no.kind === "const") return no.value === 1 ? this.or(this.not(test), yes) : this.and(test, yes);
    }
    // `if (test) n++`
    if (isSuccessor(yes, no)) return this.add(no, test);
    if (isSuccessor(no, yes)) return this.add(yes, this.not(test));
    if (
      yes.kind === "binary" &&
      yes.op === "or" &&
      no.kind === "binary" &&
      no.op === "or" &&
      yes.a === no.a
    ) {
      return this.or(yes.a, this.select(test, yes.b, no.b));
    }
    const from = Math.max(low ?? least, Math.min(yes.low, no.low));
    const to = Math.min(high ?? most, Math.max(yes.high, no.high));
    const bits = (yes.bits | no.bits) & (from >= 0 ? bitsUpTo(from, to) : -1);
    const key = `s${test.id} ${yes.id} ${no.id}`;
    return this.intern(key, (id) => ({ id, kind: "select", test, yes, no, low: from, high: to, bits }));
  }

  /** What this truth value is the negation of, if it is one. */
  negated(test: Expr): Expr | null {
    const isNegation =
      test.kind === "binary" && test.op === "eq" && test.b.kind === "const" && test.b.value === 0;
    return isNegation && isBool(test.a) ? test.a : null;
  }

  /**
   * The field of `mask` (at shift 0) that lies at `shift` in a word, and whose values go up to `high`. Sees
   * through writes to other fields.
   */
  extract(word: Expr, shift: number, mask: number, high: number): Expr {
    if (mask === 0) return this.zero;
    if (word.kind === "word") return this.field(word, this.const(shift), mask, high);
    // Words share their history: without memory, every branch in it would double the work.
    const key = `${word.id} ${shift} ${mask}`;
    let found = this.extracted.get(key);
    if (found === undefined) {
      found = this.extractFrom(word, shift, mask, high);
      this.extracted.set(key, found);
    }
    return found;
  }

  private extractFrom(word: Expr, shift: number, mask: number, high: number): Expr {
    switch (word.kind) {
      case "const":
        return this.const((word.value >>> shift) & mask);
      case "select": {
        const yes = this.extract(word.yes, shift, mask, high);
        const no = this.extract(word.no, shift, mask, high);
        return this.select(word.test, yes, no);
      }
      case "insert":
        if ((word.touched & (mask << shift)) === 0) return this.extract(word.word, shift, mask, high);
        break;
      case "binary": {
        const field = mask << shift;
        if (word.op === "or") {
          if ((word.b.bits & field) === 0) return this.extract(word.a, shift, mask, high);
          if ((word.a.bits & field) === 0) return this.extract(word.b, shift, mask, high);
        } else if (word.op === "and" && word.b.kind === "const") {
          if ((word.b.value & field) === field) return this.extract(word.a, shift, mask, high);
          if ((word.b.value & field) === 0) return this.zero;
        } else if (word.op === "shl" && word.b.kind === "const" && word.b.value === shift) {
          if ((word.a.bits & ~mask) === 0) return word.a;
        }
        break;
      }
      case "word":
        break;
    }
    return this.field(word, this.const(shift), mask, high);
  }

  /** The field at a shift that need not be constant. The layout knows how large its values get. */
  field(word: Expr, shift: Expr, mask: number, high: number): Expr {
    return this.binary("and", this.shr(word, shift), this.const(mask), 0, high, mask);
  }

  /**
   * The expression with other words: what that makes constant is folded. `done` is what was replaced already;
   * parts of which `isKept` says so stay as they are. `settle` may know better what a part is once it is made.
   */
  replaceWords(
    expr: Expr,
    by: (word: Extract<Expr, { kind: "word" }>) => Expr,
    done: Map<Expr, Expr>,
    isKept: (part: Expr) => boolean = () => false,
    settle: (made: Expr) => Expr = (made) => made,
  ): Expr {
    const known = done.get(expr);
    if (known !== undefined) return known;
    const again = (operand: Expr): Expr => this.replaceWords(operand, by, done, isKept, settle);
    const made = isKept(expr) ? expr : settle(this.remake(expr, by, again));
    done.set(expr, made);
    return made;
  }

  private remake(
    expr: Expr,
    by: (word: Extract<Expr, { kind: "word" }>) => Expr,
    again: (operand: Expr) => Expr,
  ): Expr {
    switch (expr.kind) {
      case "const":
        return expr;
      case "word":
        return by(expr);
      case "select":
        return this.reselect(expr, again(expr.test), again(expr.yes), again(expr.no));
      case "insert": {
        const { mask, top, touched } = expr;
        return this.insert(again(expr.word), again(expr.value), again(expr.shift), mask, top, touched);
      }
      case "binary": {
        const { op, a, b } = expr;
        if (op !== "and" || b.kind !== "const") return this[op](again(a), again(b));
        const isShifted = a.kind === "binary" && a.op === "shr";
        if (!isShifted && a.kind !== "word") return this.and(again(a), b);
        // A field, whose values go up to a number that only its expression knows.
        const word = again(isShifted ? a.a : a);
        const shift = isShifted ? again(a.b) : this.zero;
        if (shift.kind === "const") return this.extract(word, shift.value, b.value, expr.high);
        return word.kind === "const"
          ? this.and(this.shr(word, shift), b)
          : this.field(word, shift, b.value, expr.high);
      }
    }
  }

  /** What is known of a select, of a remainder for one, may be more than its branches say; not where no state comes to them. */
  private reselect({ low, high }: Expr, test: Expr, yes: Expr, no: Expr): Expr {
    const isPossible = Math.min(yes.low, no.low) <= high && Math.max(yes.high, no.high) >= low;
    return isPossible ? this.select(test, yes, no, low, high) : this.select(test, yes, no);
  }

  /** A word with `value`, which fits, in the field of `mask` at `shift`. */
  replace(word: Expr, shift: number, mask: number, high: number, value: Expr): Expr {
    if (mask === 0) return word;
    const field = mask << shift;
    if (word.kind === "insert" && (word.touched & field) === 0) {
      const { value: put, shift: at, mask: width, top, touched } = word;
      return this.insert(this.replace(word.word, shift, mask, high, value), put, at, width, top, touched);
    }
    if (this.extract(word, shift, mask, high) === value) return word;
    return this.or(this.mask(word, ~field), this.shl(value, this.const(shift)));
  }

  /** A word with `value` in the field at a shift that need not be constant; `top` as `high` of `extract`. */
  insert(word: Expr, value: Expr, shift: Expr, mask: number, top: number, touched: number): Expr {
    if (shift.kind === "const") return this.replace(word, shift.value, mask, top, value);
    const key = `i${word.id} ${value.id} ${shift.id} ${mask} ${touched}`;
    const bits = word.bits | touched;
    return this.intern(key, (id) => ({
      id,
      kind: "insert",
      word,
      value,
      shift,
      mask,
      top,
      touched,
      low: least,
      high: most,
      bits,
    }));
  }
}

/** Is `next` one more than `expr`? */
function isSuccessor(next: Expr, expr: Expr): boolean {
  if (next.kind !== "binary" || next.op !== "add" || next.b.kind !== "const") return false;
  if (next.b.value === 1 && next.a === expr) return true;
  // (x + 3) after (x + 2)
  const isShifted = expr.kind === "binary" && expr.op === "add" && expr.b.kind === "const";
  return isShifted && expr.a === next.a && next.b.value === (expr.b as { value: number }).value + 1;
}

/** Does masking this operand of an `or` need no further operation? */
function isSettled(expr: Expr, mask: number): boolean {
  return expr.kind === "const" || (expr.bits & mask) === 0 || (expr.bits & ~mask) === 0;
}

function mostOf(expr: Expr): number {
  return expr.low >= 0 ? expr.high : most;
}

/** The bits that numbers from `low` to `high` may have. */
function bitsUpTo(low: number, high: number): number {
  if (low < 0) return -1;
  return high === 0 ? 0 : -1 >>> Math.clz32(high);
}
