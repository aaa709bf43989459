/**
 * Locks, found in what the steps do, and where they are held.
 *
 * A lock is a scalar with a value that stands for "free" (code 0: nobody, or false). Two kinds of step write it:
 * one that finds it free and takes it, and one that frees it at a label at which its process holds it. The
 * analysis assumes of every scalar that it is one, works out at which labels it would be held, on every way
 * there, and drops those of which some step does not behave. What is left obeys, by induction over the steps:
 *
 *   a process at a label that holds a lock has taken it, and nobody else writes it until that process does.
 *
 * So two processes are never both at labels that hold the same lock, and a step that needs a lock free is not
 * enabled while another process is at a label that holds it. Nothing is taken from annotations; a lock whose
 * place depends on the state (that of one of several domains) is found where there is only one such place.
 */
import type { Exprs } from "../../compile/exprs.ts";
import type { Facts } from "../../compile/facts.ts";
import type { Expr } from "../../compile/ir.ts";
import { type Leaf, readLeaf } from "../../schema/layout.ts";
import { LeafSet } from "./leaf-set.ts";
import type { ControlPoint, End, StepTable } from "./steps.ts";

export interface LockSets {
  /** By point: can a process be there at all? */
  readonly isReached: readonly boolean[];
  /** By point: the locks that the process holds there, however it came. */
  readonly held: readonly LeafSet[];
  /** By point: the locks that it may hold there. */
  readonly mayHold: readonly LeafSet[];
  /** The leaves that are locks. */
  readonly locks: LeafSet;
  /** The code that a lock has while its process holds it; -1 where several are possible. */
  readonly heldCode: ReadonlyMap<number, ReadonlyMap<number, number>>;
  /** The locks that a step which ends so takes: it does while they are free only. */
  takenAt(end: End): LeafSet;
}

type Effect = "none" | "takes" | "frees" | "other";

/** Finds the locks. `initial`: the initial states, packed. */
export function findLocks(table: StepTable, exprs: Exprs, initial: readonly Int32Array[]): LockSets {
  return new LockFinder(table, exprs, initial).find();
}

class LockFinder {
  private readonly table: StepTable;
  private readonly exprs: Exprs;
  private readonly initial: readonly Int32Array[];
  private readonly points: readonly ControlPoint[];
  private readonly candidates: LeafSet;
  /** What each end does to the leaves that it may write, but for those it leaves as they are. */
  private readonly effects = new Map<End, Map<number, { effect: Effect; code: number }>>();

  constructor(table: StepTable, exprs: Exprs, initial: readonly Int32Array[]) {
    this.table = table;
    this.exprs = exprs;
    this.initial = initial;
    this.points = table.points.flat();
    const { numbers } = table;
    this.candidates = numbers.setOf(numbers.leaves);
    for (const control of table.controls) this.candidates.delete(numbers.numberOf(control));
    for (const { writes } of table.environment.flatMap(({ ends }) => ends)) {
      for (const leaf of writes.members()) this.candidates.delete(leaf);
    }
  }

  find(): LockSets {
    this.dropOddWriters();
    this.dropPrivate();
    for (;;) {
      const found = this.spread();
      const odd = this.freedButNotHeld(found);
      if (odd.length === 0) return found;
      for (const leaf of odd) this.candidates.delete(leaf);
    }
  }

  private effectsOf(end: End): ReadonlyMap<number, { effect: Effect; code: number }> {
    let found = this.effects.get(end);
    if (found === undefined) {
      found = new Map();
      for (const number of end.writes.members()) {
        const known = this.effectOn(this.table.numbers.leaves[number], end);
        if (known.effect !== "none") found.set(number, known);
      }
      this.effects.set(end, found);
    }
    return found;
  }

  private effectOn(leaf: Leaf, { words, facts }: End): { effect: Effect; code: number } {
    const { exprs } = this;
    const at = (word: Expr): Expr => exprs.extract(word, leaf.shift, leaf.mask, leaf.shape.cardinality - 1);
    const before = at(exprs.word(0, leaf.word));
    const after = at(words[leaf.word]);
    if (before === after) return { effect: "none", code: 0 };
    const code = constantOf(after, facts);
    if (code === null) return { effect: "other", code: -1 };
    const was = constantOf(before, facts);
    if (was === code) return { effect: "none", code };
    if (code === 0) return { effect: "frees", code };
    return { effect: was === 0 ? "takes" : "other", code };
  }

  /** What is written otherwise than by taking and freeing is no lock. */
  private dropOddWriters(): void {
    for (const { steps } of this.points) {
      for (const end of steps.flatMap(({ ends }) => ends)) {
        for (const [leaf, { effect }] of this.effectsOf(end))
          if (effect === "other") this.candidates.delete(leaf);
      }
    }
  }

  /** What fewer than two processes take keeps nobody out. */
  private dropPrivate(): void {
    const takers = new Map<number, Set<number>>();
    for (const { process, steps } of this.points) {
      for (const end of steps.flatMap(({ ends }) => ends)) {
        for (const [leaf, { effect }] of this.effectsOf(end)) {
          if (effect === "takes") takers.set(leaf, (takers.get(leaf) ?? new Set()).add(process));
        }
      }
    }
    for (const leaf of this.candidates.members()) {
      if ((takers.get(leaf)?.size ?? 0) < 2) this.candidates.delete(leaf);
    }
  }

  /** Where what is held, if all candidates are locks. */
  private spread(): LockSets {
    const { points, table, candidates } = this;
    const { leaves } = table.numbers;
    const isReached = points.map(() => false);
    const held = points.map(() => candidates.clone());
    const mayHold = points.map(() => new LeafSet(leaves.length));
    const todo: ControlPoint[] = [];
    const arrive = (point: ControlPoint, holding: LeafSet, perhaps: LeafSet): void => {
      const isFirst = !isReached[point.number];
      isReached[point.number] = true;
      const isLess = held[point.number].keepOnly(holding);
      const isMore = mayHold[point.number].addAll(perhaps);
      if (isFirst || isLess || isMore) todo.push(point);
    };
    for (const state of this.initial) {
      table.controls.forEach((control, process) => {
        const point = table.points[process][readLeaf(control, state)];
        // A lock that is taken from the start is nobody's: it is not known whose.
        const taken = candidates.members().filter((leaf) => readLeaf(leaves[leaf], state) !== 0);
        for (const leaf of taken) candidates.delete(leaf);
        arrive(point, new LeafSet(leaves.length), new LeafSet(leaves.length));
      });
    }
    for (let point = todo.pop(); point !== undefined; point = todo.pop()) {
      for (const step of point.steps) {
        for (const end of step.ends) {
          const holding = held[point.number].clone();
          const perhaps = mayHold[point.number].clone();
          for (const [leaf, { effect }] of this.effectsOf(end)) {
            if (!candidates.has(leaf)) continue;
            if (effect === "takes") {
              holding.add(leaf);
              perhaps.add(leaf);
            } else {
              holding.delete(leaf);
              perhaps.delete(leaf);
            }
          }
          for (const code of end.targets) arrive(table.points[point.process][code], holding, perhaps);
        }
      }
    }
    for (const [n, set] of mayHold.entries()) if (isReached[n]) set.keepOnly(candidates);
    return { isReached, held, mayHold, locks: candidates, ...this.takingOf(isReached) };
  }

  private takingOf(isReached: readonly boolean[]): Pick<LockSets, "heldCode" | "takenAt"> {
    const { points, candidates } = this;
    const heldCode = new Map<number, Map<number, number>>();
    for (const { number, process, steps } of points) {
      if (!isReached[number]) continue;
      for (const end of steps.flatMap(({ ends }) => ends)) {
        for (const [leaf, { effect, code }] of this.effectsOf(end)) {
          if (effect !== "takes" || !candidates.has(leaf)) continue;
          const codes = heldCode.get(leaf) ?? new Map<number, number>();
          heldCode.set(leaf, codes.set(process, (codes.get(process) ?? code) === code ? code : -1));
        }
      }
    }
    return { heldCode, takenAt: (end) => this.takenAt(end) };
  }

  private takenAt(end: End): LeafSet {
    const found = new LeafSet(this.table.numbers.leaves.length);
    for (const [leaf, { effect }] of this.effectsOf(end)) {
      if (effect === "takes" && this.candidates.has(leaf)) found.add(leaf);
    }
    return found;
  }

  /** Candidates that some step frees at a label at which they are not held. */
  private freedButNotHeld({ isReached, held }: LockSets): number[] {
    const odd = new Set<number>();
    for (const { number, steps } of this.points) {
      if (!isReached[number]) continue;
      for (const end of steps.flatMap(({ ends }) => ends)) {
        for (const [leaf, { effect }] of this.effectsOf(end)) {
          if (effect === "frees" && this.candidates.has(leaf) && !held[number].has(leaf)) odd.add(leaf);
        }
      }
    }
    return [...odd];
  }
}

/** The only value that an expression can have here, or null. */
export function constantOf(expr: Expr, facts: Facts): number | null {
  const { low, high } = facts.rangeOf(expr);
  return low === high ? low : null;
}
