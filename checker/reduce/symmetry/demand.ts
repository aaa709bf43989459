/**
 * Which bits of a state a compiled expression depends on, given that some bits are known: demanded bits, as
 * optimising compilers compute them. It over-approximates: a bit that is not demanded has no influence.
 */
import type { Expr } from "../../compile/ir.ts";

/** Bits of a value that are known, and what they are (0 where not known). */
interface Known {
  readonly mask: number;
  readonly value: number;
}

const nothing: Known = { mask: 0, value: 0 };

/** By bank, by word: bits of the state that are known. */
export type KnownWords = readonly (ReadonlyMap<number, Known> | undefined)[];

export class Demand {
  private readonly words: KnownWords;
  /** Tests whose truth is taken for granted. */
  private readonly assumed: ReadonlyMap<Expr, boolean>;
  private readonly known = new Map<Expr, Known>();
  private readonly asked = new Map<Expr, number>();
  /** By bank, by word: the bits demanded so far. */
  readonly demanded: Map<number, number>[] = [new Map(), new Map(), new Map()];

  constructor(words: KnownWords, assumed: ReadonlyMap<Expr, boolean> = new Map()) {
    this.words = words;
    this.assumed = assumed;
  }

  /** Is the value known to be 0, or not to be? Otherwise null. */
  decide(test: Expr): boolean | null {
    const assumed = this.assumed.get(test);
    if (assumed !== undefined) return assumed;
    const { mask, value } = this.knownOf(test);
    if (value !== 0) return true;
    return (mask & test.bits) === test.bits ? false : null;
  }

  /** Notes that these bits of the value matter. */
  demand(expr: Expr, bits = -1): void {
    const wanted = bits & (expr.low < 0 ? -1 : expr.bits) & ~this.knownOf(expr).mask;
    const before = this.asked.get(expr) ?? 0;
    if ((wanted & ~before) === 0) return;
    const all = before | wanted;
    this.asked.set(expr, all);
    switch (expr.kind) {
      case "const":
        return;
      case "word": {
        const bank = this.demanded[expr.bank];
        bank.set(expr.index, (bank.get(expr.index) ?? 0) | all);
        return;
      }
      case "select": {
        const decided = this.decide(expr.test);
        if (decided === null) this.demand(expr.test);
        if (decided !== false) this.demand(expr.yes, all);
        if (decided !== true) this.demand(expr.no, all);
        return;
      }
      case "insert": {
        this.demand(expr.shift);
        this.demand(expr.word, all);
        if ((all & expr.touched) !== 0) this.demand(expr.value);
        return;
      }
      case "binary":
        this.demandOperands(expr, all);
    }
  }

  private demandOperands({ op, a, b }: Extract<Expr, { kind: "binary" }>, bits: number): void {
    switch (op) {
      case "and":
      case "or": {
        // Where one side decides a bit, the other does not matter.
        const decisive = ({ mask, value }: Known): number => mask & (op === "and" ? ~value : value);
        const byB = decisive(this.knownOf(b));
        this.demand(a, bits & ~byB);
        this.demand(b, bits & ~(decisive(this.knownOf(a)) & ~byB));
        return;
      }
      case "shl":
        this.demand(
          a,
          this.shifts(a, b).reduce((wanted, by) => wanted | (bits >>> by), 0),
        );
        this.demand(b);
        return;
      case "shr":
        this.demand(
          a,
          this.shifts(a, b).reduce((wanted, by) => wanted | (bits << by), 0),
        );
        this.demand(b);
        return;
      default:
        this.demand(a);
        this.demand(b);
    }
  }

  /**
   * By how many places an operand may be shifted. A word is shifted to get at a field: what a place outside it would
   * give is never used, for the recipe reads fields only.
   */
  private shifts(of: Expr, by: Expr): number[] {
    const { mask, value } = this.knownOf(by);
    const isBounded = of.kind === "word" || (by.low >= 0 && by.high <= 31);
    const all = Array.from({ length: 32 }, (_, n) => n);
    return isBounded ? all.filter((n) => n >= by.low && n <= by.high && ((n ^ value) & mask) === 0) : all;
  }

  private knownOf(expr: Expr): Known {
    let known = this.known.get(expr);
    if (known === undefined) {
      known = this.computeKnown(expr);
      // Bits that are never set are known.
      if (expr.low >= 0) known = { mask: known.mask | ~expr.bits, value: known.value & expr.bits };
      this.known.set(expr, known);
    }
    return known;
  }

  private computeKnown(expr: Expr): Known {
    switch (expr.kind) {
      case "const":
        return { mask: -1, value: expr.value };
      case "word":
        return this.words[expr.bank]?.get(expr.index) ?? nothing;
      case "select": {
        const decided = this.decide(expr.test);
        if (decided !== null) return this.knownOf(decided ? expr.yes : expr.no);
        const [yes, no] = [this.knownOf(expr.yes), this.knownOf(expr.no)];
        const mask = yes.mask & no.mask & ~(yes.value ^ no.value);
        return { mask, value: yes.value & mask };
      }
      case "insert": {
        const { mask, value } = this.knownOf(expr.word);
        return { mask: mask & ~expr.touched, value: value & ~expr.touched };
      }
      case "binary":
        return this.knownBinary(expr);
    }
  }

  private knownBinary({ op, a, b }: Extract<Expr, { kind: "binary" }>): Known {
    const [x, y] = [this.knownOf(a), this.knownOf(b)];
    const areAll = x.mask === -1 && y.mask === -1;
    switch (op) {
      case "and": {
        const mask = (x.mask & y.mask) | (x.mask & ~x.value) | (y.mask & ~y.value);
        return { mask, value: x.value & y.value & mask };
      }
      case "or": {
        const value = x.value | y.value;
        return { mask: (x.mask & y.mask) | value, value };
      }
      case "shl":
        if (y.mask !== -1) return nothing;
        return { mask: (x.mask << y.value) | ~(-1 << y.value), value: x.value << y.value };
      case "shr":
        if (y.mask !== -1) return nothing;
        return { mask: (x.mask >>> y.value) | ~(-1 >>> y.value), value: (x.value >>> y.value) | 0 };
      case "eq":
        if (areAll) return settled(x.value === y.value);
        return (x.mask & y.mask & (x.value ^ y.value)) === 0 ? nothing : settled(false);
      case "lt":
        return areAll ? settled(x.value < y.value) : nothing;
      case "add":
        return lowBits(x, y, (x.value + y.value) | 0);
      case "sub":
        return lowBits(x, y, (x.value - y.value) | 0);
      case "mul":
        return areAll ? { mask: -1, value: Math.imul(x.value, y.value) } : nothing;
      case "rem":
        return areAll && y.value !== 0 ? { mask: -1, value: (x.value % y.value) | 0 } : nothing;
    }
  }
}

/** Of a sum or difference the bits below the first that is unknown in an operand. */
function lowBits(x: Known, y: Known, result: number): Known {
  const unknown = ~(x.mask & y.mask);
  const mask = unknown === 0 ? -1 : (unknown & -unknown) - 1;
  return { mask, value: result & mask };
}

function settled(truth: boolean): Known {
  return { mask: -1, value: Number(truth) };
}
