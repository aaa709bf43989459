/**
 * The commuting diamonds behind a block, looked at in states that the search passes.
 *
 * A block leaves out the orders in which others step while its process is inside. That rests on each step inside
 * commuting with every step that another process or the environment can take there, and on nobody seeing the
 * state that is skipped. Both are tried here on the model's own steps, which know nothing of footprints: at a state
 * within a block, for a step `a` of the block and each step `b` of others,
 * - after the block's free step: `b a` and `a b` lead to one state, and both ways are open or neither;
 * - before it: where `b` can be taken after `a`, it can before, and then `a` after it leads to the same state;
 * and what the state shows that is skipped, the one that answers for it shows too.
 */
import { type Evaluator, Successors } from "../../evaluate/evaluator.ts";
import { nameInstance } from "../../evaluate/reference.ts";
import type { Instance } from "../../model/model.ts";

/** A state after a step, and the ids of the step properties that the step broke. */
interface Next {
  readonly words: Int32Array;
  readonly broken: readonly number[];
}

export class DiamondCheck<S> {
  private readonly of: Instance<S>;
  private readonly evaluator: Evaluator;
  /** The step with which a transition of the evaluator's begins, and the process that takes a step. */
  private readonly firstOf: (transition: number) => number;
  private readonly processOf: ArrayLike<number>;
  private readonly reached: Uint8Array;
  private readonly settled: readonly boolean[];
  private readonly out: Successors;
  /** How many diamonds were looked at, for how many steps. */
  diamonds = 0;
  steps = 0;

  constructor(
    of: Instance<S>,
    evaluator: Evaluator,
    firstOf: (transition: number) => number,
    processOf: ArrayLike<number>,
    settled: readonly boolean[],
  ) {
    this.of = of;
    this.evaluator = evaluator;
    this.firstOf = firstOf;
    this.processOf = processOf;
    this.settled = settled;
    this.reached = new Uint8Array(of.witnesses.length);
    this.out = new Successors(evaluator.words);
  }

  /**
   * Looks at a step of a process that is inside a block. Returns what is wrong, or null. `from`: the state before the
   * step; `step`: the instance taken; `isBefore`: it comes before the block's free step.
   */
  findBreach(from: Int32Array, step: number, isBefore: boolean): string | null {
    this.steps++;
    const process = this.processOf[step];
    const here = this.successorsOf(from);
    const to = here.get(step);
    if (to === undefined) return `${this.nameOf(step)} cannot be taken where it was`;
    const there = this.successorsOf(to.words);
    const [skipped, kept] = isBefore ? [to.words, from] : [from, to.words];
    const shown = this.findShown(skipped, kept);
    if (shown !== null) return `${shown} sees ${this.nameOf(step)}`;
    for (const [other, after] of isBefore ? there : here) {
      if (this.processOf[other] === process) continue;
      this.diamonds++;
      const first = isBefore ? here.get(other) : after;
      const second = isBefore ? after : there.get(other);
      const both = `${this.nameOf(step)} and ${this.nameOf(other)}`;
      if (first === undefined || second === undefined)
        return `of ${both}, one keeps the other from being taken`;
      const last = this.stepFrom(first.words, step);
      if (last === null) return `${this.nameOf(other)} keeps ${this.nameOf(step)} from being taken`;
      if (last.words.join() !== second.words.join()) return `${both} do not commute`;
      const [left, answering] = isBefore ? [second, first] : [first, second];
      if (!isSame(last.broken, to.broken) || !left.broken.every((id) => answering.broken.includes(id)))
        return `whether ${both} break a step property depends on their order`;
    }
    return null;
  }

  /**
   * Looks at a set of transitions that are taken alone. Returns what is wrong, or null. Each in it (`isIn`) commutes
   * with each outside; those outside neither add to it nor take from it; and those of its key (`isKey`) hide nothing.
   */
  findBreachOfSet(
    from: Int32Array,
    isIn: (transition: number) => boolean,
    isKey: (transition: number) => boolean,
  ): string | null {
    const here = this.successorsOf(from);
    const inside = [...here].filter(([transition]) => isIn(transition));
    for (const [mine, to] of inside) {
      this.steps++;
      const shown = isKey(mine) ? this.findShown(from, to.words) : null;
      if (shown !== null) return `${shown} sees ${this.nameOf(mine)}`;
    }
    for (const [other, after] of here) {
      if (isIn(other)) continue;
      const then = this.successorsOf(after.words);
      const added = [...then.keys()].find((transition) => isIn(transition) && !here.has(transition));
      if (added !== undefined) return `${this.nameOf(other)} makes ${this.nameOf(added)} possible`;
      for (const [mine, to] of inside) {
        this.diamonds++;
        const both = `${this.nameOf(mine)} and ${this.nameOf(other)}`;
        const second = this.stepFrom(to.words, other);
        const last = then.get(mine);
        if (last === undefined || second === null) return `of ${both}, one keeps the other from being taken`;
        if (last.words.join() !== second.words.join()) return `${both} do not commute`;
        const isHidden = isKey(mine) && !after.broken.every((id) => second.broken.includes(id));
        if (isHidden || !isSame(last.broken, to.broken))
          return `whether ${both} break a step property depends on their order`;
      }
    }
    return null;
  }

  /** Every step that can be taken, and the state after it. */
  private successorsOf(state: Int32Array): Map<number, Next> {
    const { out } = this;
    out.clear();
    this.evaluator.expand(state, 0, out);
    const found = new Map<number, Next>();
    for (let i = 0; i < out.count; i++) found.set(out.instances[i], this.nextAt(i));
    return found;
  }

  /** The state after a step; null where it cannot be taken. */
  private stepFrom(state: Int32Array, step: number): Next | null {
    const { out } = this;
    out.clear();
    this.evaluator.expand(state, 0, out);
    const at = out.instances.subarray(0, out.count).lastIndexOf(step);
    return at < 0 ? null : this.nextAt(at);
  }

  private nextAt(i: number): Next {
    const { evaluator, out } = this;
    const broken = out.brokenSteps.flatMap(({ successor, property }) => (successor === i ? [property] : []));
    const words = out.words.slice(i * evaluator.words, (i + 1) * evaluator.words);
    return { words, broken: broken.sort((a, b) => a - b) };
  }

  /** What the state that is skipped shows, and the one that is kept does not. */
  private findShown(skipped: Int32Array, kept: Int32Array): string | null {
    const { evaluator, of } = this;
    const known = evaluator.violatedInvariants(kept, 0);
    const missed = evaluator.violatedInvariants(skipped, 0).find((id) => !known.includes(id));
    if (missed !== undefined) return of.invariants[missed].property.name;
    const [mine, theirs] = [skipped, kept].map((state) => {
      this.reached.fill(0);
      evaluator.markWitnesses(state, 0, this.reached);
      return this.reached.slice();
    });
    const witness = of.witnesses.find(({ id }) => mine[id] === 1 && theirs[id] === 0 && !this.settled[id]);
    return witness === undefined ? null : witness.property.name;
  }

  private nameOf(instance: number): string {
    return nameInstance(this.of.instances[this.firstOf(instance)]);
  }
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i]);
}
