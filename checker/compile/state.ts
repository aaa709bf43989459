/**
 * Reading and writing the state: from places to shifts and masks.
 *
 * An index that is not known until the code runs makes a place of several options. Where the options lie in
 * one word, the shift is computed from the index; where they do not, each word is handled apart.
 */
import type { Leaf, Placed } from "../schema/layout.ts";
import { codeOf, type ScalarShape } from "../schema/shape.ts";
import type { Environment } from "./environment.ts";
import { valuesIn } from "./facts.ts";
import type { Exprs } from "./exprs.ts";
import type { Bank, Expr } from "./ir.ts";
import type { Scalars } from "./scalars.ts";
import { Unsupported } from "./unsupported.ts";
import {
  type Absent,
  fixed,
  nothing,
  type Place,
  type Scalar,
  scalar,
  type Spot,
  type Static,
  type Value,
  valuesOf,
} from "./values.ts";

/** The interpretation that goes on, as far as the state needs it. */
export interface Run {
  readonly exprs: Exprs;
  readonly scalars: Scalars;
  readonly env: Environment;
  /** Where the test holds, the packed evaluator takes over; from here on it does not hold. */
  fail(when: Expr): void;
  /** Notes that a leaf may be read or written. */
  touch(leaf: Leaf, how: "read" | "write"): void;
  contentsOf(value: Value): ReadonlyMap<string, Value>;
  /** Does something with a value, once for each of the values that it may be. */
  each(value: Value, use: (one: Value) => Value): Value;
}

/** Indices beyond this range are not laid out. */
const mostIndices = 512;

export class StateAccess {
  private readonly run: Run;

  constructor(run: Run) {
    this.run = run;
  }

  // Reading

  /**
   * The options that are possible here, by their number. What was known when the place was indexed may be forgotten
   * since: a number that is none of the options' cannot occur.
   */
  private possible(options: readonly Spot[], at: Expr): number[] {
    return valuesIn(this.run.env.facts.rangeOf(at)).filter((k) => k >= 0 && k < options.length);
  }

  /** What lies at one of several spots: a scalar's value, or a place. */
  valueAt(bank: Bank, options: readonly Spot[], at: Expr): Value {
    const possible = this.possible(options, at);
    if (possible.length === 0) return nothing;
    if (possible.length === 1) {
      const only = options[possible[0]];
      if (only.kind === "absent") return fixed(only.value);
      if (only.kind !== "scalar") return { kind: "place", bank, options: [only], at: this.run.exprs.zero };
    }
    const spots = possible.map((k) => options[k]);
    const present = spots.filter((spot) => spot.kind !== "absent");
    if (present.every((spot) => spot.kind === "scalar") && present.length > 0) {
      return this.scalarAt(bank, options, at, possible);
    }
    if (present.some((spot) => spot.kind === "scalar"))
      throw new Unsupported("a scalar and a record at one place");
    return { kind: "place", bank, options, at };
  }

  private scalarAt(bank: Bank, options: readonly Spot[], at: Expr, possible: readonly number[]): Value {
    const { exprs, scalars, env } = this.run;
    // Options by coding: mostly there is one.
    const groups: { values: readonly unknown[] | null; low: number; codes: number[] }[] = [];
    const missing: number[] = [];
    for (const k of possible) {
      const spot = options[k];
      if (spot.kind !== "scalar") missing.push(k);
      else {
        const values = valuesOf(spot.leaf);
        const group = groups.find((each) => each.low === spot.shape.low && isSameTable(each.values, values));
        if (group !== undefined) group.codes.push(k);
        else groups.push({ values, low: spot.shape.low, codes: [k] });
      }
    }
    let result: Static | Scalar = missing.length > 0 ? fixed((options[missing[0]] as Absent).value) : nothing;
    for (const { values, low, codes } of groups) {
      const leaves = new Map(codes.map((k) => [k, leafOf(options[k])]));
      const code = this.readCode(bank, leaves, at);
      const one = scalar(values === null ? exprs.add(code, exprs.const(low)) : code, values);
      const test = scalars.member(at, codes, possible);
      const isFirst = missing.length === 0 && codes === groups[0].codes;
      result = isFirst ? one : scalars.join(test, one, env.facts, result, env.facts, env.facts);
    }
    return result.kind === "scalar" ? scalars.settle(result, env.facts) : result;
  }

  /** The code of the leaf for option `at`. */
  readCode(bank: Bank, leaves: ReadonlyMap<number, Leaf>, at: Expr): Expr {
    const { exprs, scalars, env } = this.run;
    const words = env.words[bank];
    for (const leaf of leaves.values()) this.run.touch(leaf, "read");
    const byWord = groupByWord(leaves);
    let result: Expr | null = null;
    const possible = [...leaves.keys()];
    for (const [word, codes] of byWord) {
      const single = codes.map((k) => fieldOf(exprs, words[word], leaves.get(k) as Leaf));
      let value = single[0];
      if (single.some((each) => each !== value))
        value = this.readShifted(words[word], leaves, codes, at, single);
      result = result === null ? value : exprs.select(scalars.member(at, codes, possible), value, result);
    }
    return result ?? exprs.zero;
  }

  private readShifted(
    word: Expr,
    leaves: ReadonlyMap<number, Leaf>,
    codes: readonly number[],
    at: Expr,
    single: readonly Expr[],
  ): Expr {
    const { exprs, scalars } = this.run;
    const { mask } = leaves.get(codes[0]) as Leaf;
    if (codes.length === 2 || single.some((each) => each.kind === "const")) {
      return codes
        .slice(1)
        .reduce((rest, k, i) => exprs.select(exprs.eq(at, exprs.const(k)), single[i + 1], rest), single[0]);
    }
    const shift = scalars.lookup(at, codes, (k) => (leaves.get(k) as Leaf).shift);
    if (word.kind === "insert" && word.shift === shift && word.mask === mask) return word.value;
    return exprs.field(word, shift, mask, highest(leaves.get(codes[0]) as Leaf));
  }

  // Writing

  private writeCode(leaves: ReadonlyMap<number, Leaf>, at: Expr, code: Expr): void {
    const { exprs, scalars, env } = this.run;
    const words = env.words[0];
    for (const leaf of leaves.values()) this.run.touch(leaf, "write");
    const possible = [...leaves.keys()];
    for (const [word, codes] of groupByWord(leaves)) {
      const first = leaves.get(codes[0]) as Leaf;
      const touched = codes.reduce((bits, k) => {
        const { mask, shift } = leaves.get(k) as Leaf;
        return bits | (mask << shift);
      }, 0);
      const shift = scalars.lookup(at, codes, (k) => (leaves.get(k) as Leaf).shift);
      const written = exprs.insert(words[word], code, shift, first.mask, highest(first), touched);
      words[word] = exprs.select(scalars.member(at, codes, possible), written, words[word]);
    }
  }

  /** Assigns a value to one of several spots. */
  write(
    place: { readonly bank: Bank; readonly options: readonly Spot[]; readonly at: Expr },
    value: Value,
  ): void {
    const { run } = this;
    if (value.kind === "choice") {
      run.each(value, (one) => {
        this.write(place, one);
        return nothing;
      });
      return;
    }
    if (place.bank !== 0) throw new Unsupported("a write to the state before the step");
    const possible = this.possible(place.options, place.at);
    const missing = possible.filter((k) => place.options[k].kind === "absent");
    run.fail(run.scalars.member(place.at, missing, possible));
    const present = possible.filter((k) => !missing.includes(k));
    if (run.env.isDead || present.length === 0) return;
    const spots = new Map(present.map((k) => [k, place.options[k] as Placed]));
    const [first] = spots.values();
    switch (first.kind) {
      case "scalar":
        this.writeScalar(spots, place.at, value);
        return;
      case "union":
        this.writeUnion(spots, place.at, value);
        return;
      default:
        // Records, arrays, queues and sets are changed in place: assigning them is an error of the model.
        run.fail(run.exprs.one);
    }
  }

  /** Gives a queue's element a value: a record is given as a whole there. */
  writeElement(place: Place | { bank: Bank; options: readonly Spot[]; at: Expr }, value: Value): void {
    if (value.kind === "choice") {
      this.run.each(value, (one) => {
        this.writeElement(place, one);
        return nothing;
      });
      return;
    }
    const [first] = place.options.filter((spot) => spot.kind !== "absent");
    if (first?.kind !== "record") {
      this.write(place, value);
      return;
    }
    const given = this.run.contentsOf(value);
    for (const [name] of first.fields) {
      this.writeElement(
        { ...place, options: place.options.map((spot) => fieldSpot(spot, name)) },
        given.get(name) ?? nothing,
      );
    }
  }

  /** Copies what lies at one of several spots to another of the same kind; `null` stands for initial values. */
  copySpots(
    from: { readonly bank: Bank; readonly options: readonly Spot[]; readonly at: Expr } | null,
    to: { readonly bank: Bank; readonly options: readonly Spot[]; readonly at: Expr },
  ): void {
    const leavesOf = ({ options, at }: { readonly options: readonly Spot[]; readonly at: Expr }) =>
      this.possible(options, at).map((k) => [k, leavesWithin(options[k])] as const);
    const targets = leavesOf(to);
    const sources = from === null ? null : leavesOf(from);
    for (let i = 0; i < targets[0][1].length; i++) {
      const pick = (list: readonly (readonly [number, readonly Leaf[]])[]) =>
        new Map(list.map(([k, leaves]) => [k, leaves[i]]));
      const code =
        from === null || sources === null
          ? this.run.exprs.zero
          : this.readCode(from.bank, pick(sources), from.at);
      this.writeCode(pick(targets), to.at, code);
    }
  }

  private writeScalar(spots: ReadonlyMap<number, Placed>, at: Expr, value: Value): void {
    const leaves = new Map([...spots].map(([k, spot]) => [k, leafOf(spot)]));
    const [{ shape }] = leaves.values();
    if ([...leaves.values()].some((leaf) => !isSameShape(leaf.shape, shape))) {
      throw new Unsupported("a write to one of several fields that hold different values");
    }
    this.writeCode(leaves, at, this.encode(shape, value));
  }

  /** The code of a value in a shape; where it has none, the packed evaluator raises the error. */
  encode(shape: ScalarShape, value: Value): Expr {
    const { run } = this;
    const { code, unless } = this.tryEncode(shape, value);
    run.fail(unless);
    return code;
  }

  private tryEncode(shape: ScalarShape, value: Value): { code: Expr; unless: Expr } {
    const { exprs, scalars, env } = this.run;
    if (value.kind === "unknown") throw new Unsupported(value.reason);
    if (value.kind === "choice") throw new Unsupported("one of several values in a field of a union");
    if (value.kind === "static") {
      const code = codeOf(shape, value.value);
      return code < 0
        ? { code: exprs.zero, unless: exprs.one }
        : { code: exprs.const(code), unless: exprs.zero };
    }
    if (value.kind !== "scalar") return { code: exprs.zero, unless: exprs.one };
    const { values } = value;
    if (values === null && shape.coding !== "bool" && shape.coding !== "table") {
      // Numbers are stored as their distance from the lowest; in an option, 0 is null.
      const isOption = shape.coding === "optional";
      const most = shape.low + shape.cardinality - (isOption ? 2 : 1);
      const { low, high } = env.facts.rangeOf(value.code);
      const isBelow = low < shape.low ? exprs.lt(value.code, exprs.const(shape.low)) : exprs.zero;
      const isAbove = high > most ? exprs.lt(exprs.const(most), value.code) : exprs.zero;
      const code = exprs.add(value.code, exprs.const((isOption ? 1 : 0) - shape.low));
      return { code, unless: exprs.or(isBelow, isAbove) };
    }
    const possible = scalars.possible(value.code, env.facts);
    const target = (code: number): number => codeOf(shape, values === null ? code : values[code]);
    const fitting = possible.filter((code) => target(code) >= 0);
    const unless = exprs.not(scalars.member(value.code, fitting, possible));
    return { code: scalars.lookup(value.code, fitting, target), unless };
  }

  private writeUnion(spots: ReadonlyMap<number, Placed>, at: Expr, value: Value): void {
    const { exprs, scalars, env } = this.run;
    const unions = new Map([...spots].map(([k, spot]) => [k, spot as Extract<Placed, { kind: "union" }>]));
    const [{ shape, tag, fields }] = unions.values();
    const given = this.run.contentsOf(value);
    if (env.isDead) return;
    const tagCode = this.encode(tag.shape, given.get("tag") ?? nothing);
    if (env.isDead) return;
    const possible = scalars.possible(tagCode, env.facts);
    // All is read before anything is written: the value may lie where it is written.
    const codes = fields.map(([name, leaf]) => {
      const having = possible.filter((code) => shape.variants[String(tag.shape.values[code])].includes(name));
      const isHaving = scalars.member(tagCode, having, possible);
      if (isHaving === exprs.zero) return exprs.zero;
      const { code, unless } = this.tryEncode(leaf.shape, given.get(name) ?? nothing);
      this.run.fail(exprs.and(isHaving, unless));
      return exprs.select(isHaving, code, exprs.zero);
    });
    if (env.isDead) return;
    this.writeCode(new Map([...unions].map(([k, spot]) => [k, spot.tag])), at, tagCode);
    fields.forEach((_, i) => {
      this.writeCode(new Map([...unions].map(([k, spot]) => [k, spot.fields[i][1]])), at, codes[i]);
    });
  }

  // Moving within the state

  /** The spots that an index leads to, from each of the options; `undefined` beyond the ends. */
  index(options: readonly Spot[], at: Expr, elementsOf: (spot: Spot) => readonly Spot[], index: Value) {
    const { exprs, scalars, env } = this.run;
    const pick = (spot: Spot, key: unknown): Spot => {
      const elements = elementsOf(spot);
      const isIndex = typeof key === "number" && key >= 0 && key < elements.length && Number.isInteger(key);
      return isIndex ? elements[key] : { kind: "absent", value: undefined };
    };
    if (index.kind === "static") return { options: options.map((spot) => pick(spot, index.value)), at };
    if (index.kind !== "scalar") throw new Unsupported(`an index that is a ${index.kind}`);
    const { values } = index;
    const { low, high } = env.facts.rangeOf(index.code);
    if (high - low >= mostIndices) throw new Unsupported("an index with too many values");
    const possible = new Set(scalars.possible(index.code, env.facts));
    const count = high - low + 1;
    const [some] = possible;
    const spots = options.flatMap((spot) =>
      Array.from({ length: count }, (_, i) => {
        // An index that cannot occur gets the spot of one that can: it costs nothing, and keeps options alike.
        const code = possible.has(low + i) ? low + i : some;
        return pick(spot, values === null ? code : values[code]);
      }),
    );
    const inner = exprs.add(index.code, exprs.const(-low));
    return { options: spots, at: exprs.add(exprs.mul(at, exprs.const(count)), inner) };
  }
}

export function leafOf(spot: Spot): Leaf {
  if (spot.kind !== "scalar") throw new Unsupported(`a ${spot.kind} where a scalar is expected`);
  return spot.leaf;
}

/** The leaves of a scalar, a union, or a record of these. */
function leavesWithin(spot: Spot): readonly Leaf[] {
  switch (spot.kind) {
    case "scalar":
      return [spot.leaf];
    case "union":
      return [spot.tag, ...spot.fields.map(([, leaf]) => leaf)];
    case "record":
      return spot.fields.flatMap(([, of]) => leavesWithin(of));
    default:
      throw new Unsupported(`a ${spot.kind} within a queue`);
  }
}

/** A leaf by itself, as a spot. */
export function spotOf(leaf: Leaf): Spot {
  return { kind: "scalar", shape: leaf.shape, leaf };
}

/** The field of a record or union. */
export function fieldSpot(spot: Spot, name: string): Spot {
  if (spot.kind === "record") return spot.fields.find(([known]) => known === name)?.[1] ?? absent;
  if (spot.kind === "union") {
    if (name === "tag") return spotOf(spot.tag);
    const field = spot.fields.find(([known]) => known === name);
    return field === undefined ? absent : spotOf(field[1]);
  }
  return absent;
}

const absent: Absent = { kind: "absent", value: undefined };

function fieldOf(exprs: Exprs, word: Expr, leaf: Leaf): Expr {
  return exprs.extract(word, leaf.shift, leaf.mask, highest(leaf));
}

function highest(leaf: Leaf): number {
  return leaf.shape.cardinality - 1;
}

function groupByWord(leaves: ReadonlyMap<number, Leaf>): Map<number, number[]> {
  const groups = new Map<number, number[]>();
  for (const [k, { word }] of leaves) {
    const group = groups.get(word);
    if (group === undefined) groups.set(word, [k]);
    else group.push(k);
  }
  return groups;
}

/** Made anew for each leaf of a queue or set, tables of truth values and names are compared by content. */
function isSameTable(a: readonly unknown[] | null, b: readonly unknown[] | null): boolean {
  if (a === b) return true;
  return a !== null && b !== null && a.length === b.length && a.every((value, i) => value === b[i]);
}

function isSameShape(a: ScalarShape, b: ScalarShape): boolean {
  return (
    a === b ||
    (a.coding === b.coding &&
      a.low === b.low &&
      a.cardinality === b.cardinality &&
      isSameTable(a.values, b.values))
  );
}
