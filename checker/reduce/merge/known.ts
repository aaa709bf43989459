/**
 * What is known of a state in which a process is at a label: the label itself, the locks that it holds there, and
 * which values its own variables can have (a local that another call uses is 0; an argument is what the checks on
 * the way let through).
 *
 * A variable is a process's own where nobody else ever writes it. The values are found by following the steps.
 */
import { BeyondRange, type Exprs } from "../../compile/exprs.ts";
import { Facts, valuesIn } from "../../compile/facts.ts";
import { type Expr, isBool } from "../../compile/ir.ts";
import { type Leaf, readLeaf } from "../../schema/layout.ts";
import { LeafSet } from "./leaf-set.ts";
import type { LockSets } from "./locks.ts";
import type { ControlPoint, End, StepTable } from "./steps.ts";

/** Expressions over a state, with what is known of it put in. */
export interface Known {
  of(expr: Expr): Expr;
  /** The same where the process's step ends so. */
  at(end: End): Pick<Known, "of">;
}

/** Which codes an own variable can have, by the number of its leaf. */
type Values = Map<number, ReadonlySet<number>>;

/** Variables with more values are not followed. */
const mostValues = 31;

/** By number of the point. */
export function findKnown(
  table: StepTable,
  locks: LockSets,
  exprs: Exprs,
  initial: readonly Int32Array[],
): readonly Known[] {
  const values = new Follower(table, locks, exprs).follow(initial);
  return table.points.flat().map((point) => knownAt(point, table, locks, exprs, values[point.number]));
}

/** The expression of a leaf's code in the state that is looked at. */
function codeOf({ word, shift, mask, shape }: Leaf, exprs: Exprs, words?: readonly Expr[]): Expr {
  return exprs.extract(words?.[word] ?? exprs.word(0, word), shift, mask, shape.cardinality - 1);
}

function knownAt(
  point: ControlPoint,
  table: StepTable,
  locks: LockSets,
  exprs: Exprs,
  values: Values,
): Known {
  const words = new Map<number, Expr>();
  const facts = new Facts();
  const pin = ({ word, shift, mask, shape }: Leaf, code: number): void => {
    const from = words.get(word) ?? exprs.word(0, word);
    words.set(word, exprs.replace(from, shift, mask, shape.cardinality - 1, exprs.const(code)));
  };
  pin(table.controls[point.process], point.code);
  for (const [number, codes] of values) {
    const leaf = table.numbers.leaves[number];
    const [first] = codes;
    if (codes.size === 1) pin(leaf, first);
    else if (codes.size < leaf.shape.cardinality) {
      const set = [...codes].reduce((bits, code) => bits | (1 << code), 0);
      facts.narrow(codeOf(leaf, exprs), { low: Math.min(...codes), high: Math.max(...codes), set });
    }
  }
  for (const leaf of locks.held[point.number].members()) {
    const code = locks.heldCode.get(leaf)?.get(point.process) ?? -1;
    if (code > 0) pin(table.numbers.leaves[leaf], code);
  }
  const put = (word: Extract<Expr, { kind: "word" }>): Expr =>
    word.bank === 0 ? (words.get(word.index) ?? word) : word;
  const knowing = (all: readonly Facts[]): Pick<Known, "of"> => {
    const done = new Map<Expr, Expr>();
    const settle = (made: Expr): Expr => settled(made, all, exprs);
    return {
      of: (expr) => {
        try {
          return exprs.replaceWords(expr, put, done, undefined, settle);
        } catch (error) {
          // With what is known put in, a part that is never computed may be beyond what code computes.
          if (error instanceof BeyondRange) return expr;
          throw error;
        }
      },
    };
  };
  const atEnds = new Map<Facts, Pick<Known, "of">>();
  return {
    of: knowing([facts]).of,
    at: (end) => {
      const there = atEnds.get(end.facts) ?? knowing([facts, end.facts]);
      atEnds.set(end.facts, there);
      return there;
    },
  };
}

/** A truth value, decided where the facts decide it. */
function settled(expr: Expr, all: readonly Facts[], exprs: Exprs): Expr {
  if (expr.kind === "const" || !isBool(expr)) return expr;
  for (const facts of all) {
    const decided = facts.decide(expr);
    if (decided !== null) return exprs.bool(decided);
  }
  return expr;
}

/** The leaves that only one process writes, by process, its label apart. */
function ownLeaves({ points, controls, environment, numbers }: StepTable): LeafSet[] {
  const written = points.map((process) => {
    const set = new LeafSet(numbers.leaves.length);
    for (const { steps } of process)
      for (const { ends } of steps) for (const { writes } of ends) set.addAll(writes);
    return set;
  });
  const byEnvironment = new LeafSet(numbers.leaves.length);
  for (const { ends } of environment) for (const { writes } of ends) byEnvironment.addAll(writes);
  return written.map((mine, process) => {
    const own = mine.clone();
    own.delete(numbers.numberOf(controls[process]));
    for (const leaf of mine.members()) {
      const isShared = written.some((theirs, other) => other !== process && theirs.has(leaf));
      if (isShared || byEnvironment.has(leaf) || numbers.leaves[leaf].shape.cardinality > mostValues)
        own.delete(leaf);
    }
    return own;
  });
}

/** Follows the steps with sets of values, until nothing is new. */
class Follower {
  private readonly table: StepTable;
  private readonly locks: LockSets;
  private readonly exprs: Exprs;
  private readonly own: readonly (readonly number[])[];
  private readonly values: Values[];
  private readonly todo = new Set<ControlPoint>();

  constructor(table: StepTable, locks: LockSets, exprs: Exprs) {
    this.table = table;
    this.locks = locks;
    this.exprs = exprs;
    this.own = ownLeaves(table).map((set) => set.members());
    this.values = table.points.flat().map((): Values => new Map());
  }

  follow(initial: readonly Int32Array[]): readonly Values[] {
    const { table, own, todo } = this;
    const { leaves } = table.numbers;
    for (const state of initial) {
      table.controls.forEach((control, process) => {
        const here = new Map(own[process].map((leaf) => [leaf, new Set([readLeaf(leaves[leaf], state)])]));
        this.arrive(table.points[process][readLeaf(control, state)], here);
      });
    }
    for (const point of todo) {
      todo.delete(point);
      this.leave(point);
    }
    return this.values;
  }

  private arrive(point: ControlPoint, values: Values): void {
    const here = this.values[point.number];
    for (const [leaf, codes] of values) {
      const known = here.get(leaf) ?? new Set<number>();
      const all = new Set([...known, ...codes]);
      if (all.size === known.size) continue;
      here.set(leaf, all);
      this.todo.add(point);
    }
    // A process without variables of its own gets about all the same.
    if (values.size === 0 && !this.isMet.has(point)) this.todo.add(point);
    this.isMet.add(point);
  }
  private readonly isMet = new Set<ControlPoint>();

  private leave(point: ControlPoint): void {
    const { table, exprs } = this;
    const { leaves } = table.numbers;
    const before = this.values[point.number];
    const known = knownAt(point, table, this.locks, exprs, before);
    for (const end of point.steps.flatMap(({ ends }) => ends)) {
      const after: Values = new Map();
      for (const [number, codes] of before) {
        const leaf = leaves[number];
        const found = end.writes.has(number)
          ? this.codesAfter(leaf, end, known)
          : this.codesThere(leaf, end, codes);
        after.set(number, found);
      }
      // What cannot be so is a way that is never taken.
      if ([...after.values()].some(({ size }) => size === 0)) continue;
      for (const code of end.targets) this.arrive(table.points[point.process][code], after);
    }
  }

  /** Of the codes, those that are possible where the step ends so. */
  private codesThere(leaf: Leaf, { facts }: End, codes: ReadonlySet<number>): ReadonlySet<number> {
    const possible = new Set(valuesIn(facts.rangeOf(codeOf(leaf, this.exprs))));
    return new Set([...codes].filter((code) => possible.has(code)));
  }

  private codesAfter(leaf: Leaf, end: End, known: Known): ReadonlySet<number> {
    const value = codeOf(leaf, this.exprs, end.words);
    const there = known.at(end).of(value);
    if (there.kind === "const") return new Set([there.value]);
    const some = [there, value].map((each) => new Set(valuesIn(end.facts.rangeOf(each))));
    return new Set([...some[0]].filter((code) => some[1].has(code) && code < leaf.shape.cardinality));
  }
}

/** The steps with the writes that are left where what is known is put in. */
export function refine(table: StepTable, known: readonly Known[], exprs: Exprs): StepTable {
  const { numbers } = table;
  const isChanged = (leaf: Leaf, end: End, here: Known): boolean => {
    const there = here.at(end);
    return there.of(codeOf(leaf, exprs, end.words)) !== there.of(codeOf(leaf, exprs));
  };
  const refined = (end: End, at: Known): End => {
    const writes = new LeafSet(numbers.leaves.length);
    for (const leaf of end.writes.members()) if (isChanged(numbers.leaves[leaf], end, at)) writes.add(leaf);
    return { ...end, writes };
  };
  return {
    ...table,
    points: table.points.map((process) =>
      process.map((point) => ({
        ...point,
        steps: point.steps.map((step) => ({
          ...step,
          ends: step.ends.map((end) => refined(end, known[point.number])),
        })),
      })),
    ),
  };
}
