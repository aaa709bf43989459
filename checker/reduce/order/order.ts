/**
 * Partial order: of transitions whose order does not matter, one order is searched. In each state that is expanded,
 * a persistent set of its transitions is taken, where there is one that is less than all (see persistent.ts).
 *
 * It is put around what the others leave, blocks included, and keeps states of theirs only: whatever it reports
 * is a path of theirs.
 */
import type { CompiledEvaluator } from "../../compile/compiled.ts";
import { type Deadlock, type Evaluator, Successors } from "../../evaluate/evaluator.ts";
import type { Instance } from "../../model/model.ts";
import { type Leaf, readLeaf } from "../../schema/layout.ts";
import { Random } from "../../search/random.ts";
import type { Path, Violation } from "../../search/result.ts";
import { type Analysis, analyse, type Prior } from "../merge/analysis.ts";
import { DiamondCheck } from "../merge/audit.ts";
import { Claims } from "../merge/claims.ts";
import { isCompiled } from "../merge/merge.ts";
import { MergedEvaluator } from "../merge/merged.ts";
import { UnknownSteps } from "../merge/steps.ts";
import {
  isReduced,
  keptFor,
  type Reduced,
  type Reduction,
  ReductionFailure,
  type ReductionReport,
  type Refusal,
} from "../reduction.ts";
import { findLoopHeads } from "./loop-heads.ts";
import { type Conditions, type PersistentSet, PersistentSets, soundConditions } from "./persistent.ts";
import { Tasks } from "./tasks.ts";

/** In one of so many states in which transitions are left out, the set is tried against them. */
const checkEvery = 512;

export const order: Reduction = {
  name: "order",
  apply(of, evaluator, options) {
    const { failures, audit, seed, reached } = options;
    const failure = failures.find(({ reduction }) => reduction === "order");
    if (failure !== undefined) return { refused: failure.reason };
    const checks = { checkEvery: audit ? 1 : checkEvery, seed };
    return orderSteps(of, evaluator, checks, { reached, kept: keptFor(options) });
  },
};

/** The evaluator with persistent sets; or why that cannot be. A test may `spoil` what makes them sound. */
export function orderSteps<S>(
  of: Instance<S>,
  evaluator: Evaluator,
  checks = { checkEvery, seed: 1 },
  prior: Prior = {},
  spoil: (conditions: Conditions) => Conditions = (conditions) => conditions,
): Reduced | Refusal {
  const below = withoutSymmetry(evaluator);
  const compiled = below instanceof MergedEvaluator ? below.inner : below;
  if (!isCompiled(compiled))
    return {
      refused: `the ${compiled.name} engine does not know what steps read and write; use --engine js`,
    };
  if (of.processes.length === 0)
    return { refused: "the model has no processes, whose steps could be put before those of others" };
  const combinations = combinationsOf(compiled);
  if (combinations > Number.MAX_SAFE_INTEGER)
    return { refused: "there are more combinations of labels than can be told apart by a number" };
  try {
    const known = below instanceof MergedEvaluator ? below.analysis : analyse(of, compiled, prior);
    const merging = below instanceof MergedEvaluator ? known.plan : null;
    const heads = findLoopHeads(of, known.table);
    const servers = compiled.insight.servers.flat();
    const tasks = new Tasks(known.table, known.locks, merging);
    const sets = new PersistentSets(of, known, tasks, servers, spoil(soundConditions(heads)), prior.kept);
    if (known.table.points.flat().every((point) => sets.whyNoKey(point) !== null))
      return { refused: "no step of a process is one that nobody may see" };
    return new OrderEvaluator(of, evaluator, below, known, sets, checks);
  } catch (error) {
    if (error instanceof UnknownSteps) return { refused: error.message };
    throw error;
  }
}

/** In how many ways processes can be at labels. */
function combinationsOf({ module }: CompiledEvaluator): number {
  return module.dispatches.reduce((product, { labels }) => product * labels.length, 1);
}

/** The evaluator whose transitions are those of the model, or blocks of them. */
function withoutSymmetry(evaluator: Evaluator): Evaluator {
  return isReduced(evaluator) && evaluator.reduction === "symmetry" ? evaluator.inner : evaluator;
}

/** Of states that were expanded: how many, in how many transitions were put off, and transitions possible and taken. */
interface Counts {
  readonly expanded: number;
  readonly reduced: number;
  readonly possible: number;
  readonly taken: number;
}

export class OrderEvaluator<S> implements Reduced {
  readonly reduction = "order";
  readonly keepsLengths = false;
  readonly name: Evaluator["name"];
  readonly words: number;
  readonly usedBits?: readonly number[];
  readonly countClean?: NonNullable<Evaluator["countClean"]>;
  readonly inner: Evaluator;
  readonly analysis: Analysis;
  private readonly below: Evaluator;
  private readonly sets: PersistentSets<S>;
  private readonly controls: readonly Leaf[];
  private readonly claims: Claims;
  private readonly processOf: Int32Array;
  private readonly codes: Int32Array;
  private readonly diamonds: DiamondCheck<S>;
  private checkEvery: number;
  private readonly random: Random;
  /** How often somebody began with the initial states. */
  private searches = 0;
  private expanded = 0;
  private reduced = 0;
  /** Transitions from the states expanded, and those of them that were taken. */
  private possible = 0;
  private taken = 0;

  /** `below`: the evaluator, symmetry apart. */
  constructor(
    of: Instance<S>,
    inner: Evaluator,
    below: Evaluator,
    analysis: Analysis,
    sets: PersistentSets<S>,
    { checkEvery: every, seed }: { readonly checkEvery: number; readonly seed: number },
  ) {
    const { table, plan } = analysis;
    this.inner = inner;
    this.below = below;
    this.name = inner.name;
    this.words = inner.words;
    if (inner.usedBits !== undefined) this.usedBits = inner.usedBits;
    if (inner.countClean !== undefined)
      this.countClean = (words, offset, count) => inner.countClean?.(words, offset, count) ?? 0;
    this.analysis = analysis;
    this.sets = sets;
    this.controls = table.controls;
    this.claims = new Claims("order", analysis);
    this.processOf = plan.processOf;
    this.codes = new Int32Array(table.controls.length);
    this.diamonds = new DiamondCheck(
      of,
      below,
      (transition) => this.firstOf(transition),
      plan.processOf,
      analysis.settled,
    );
    this.checkEvery = every;
    this.random = new Random(seed);
  }

  /** By process, by code of its label: may it be a key there? */
  get keys(): readonly (readonly number[])[] {
    const { points } = this.analysis.table;
    return points.map((process) => process.map((point) => (this.sets.whyNoKey(point) === null ? 1 : 0)));
  }

  /** The sets for processes at the labels with these codes. */
  setsFor(codes: readonly number[]): readonly PersistentSet[] {
    return this.sets.at(codes, this.numberOf(codes));
  }

  /** From now on, each state that is expanded stands for many others: the sets of all of them are tried. */
  lookCloser(): void {
    if (this.checkEvery > 0) this.checkEvery = 1;
  }

  /** Counts states that were expanded elsewhere, those with transitions put off, and transitions. */
  count(counts: Counts): void {
    this.expanded += counts.expanded;
    this.reduced += counts.reduced;
    this.possible += counts.possible;
    this.taken += counts.taken;
  }

  /** Expands a state that is none of the search's: it is checked, and not counted. */
  withoutCounting(run: () => void): void {
    const { expanded, possible, reduced, taken } = this;
    try {
      run();
    } finally {
      Object.assign(this, { expanded, possible, reduced, taken });
    }
  }

  initialStates(): Int32Array[] {
    this.searches++;
    return this.inner.initialStates();
  }

  expand(words: Int32Array, offset: number, out: Successors): boolean {
    this.claims.check(words, offset);
    const first = out.count;
    const sets = this.setsAt(words, offset);
    const mayBeStuck = this.expandInner(sets.length > 0, words, offset, out);
    const possible = out.count - first;
    this.expanded++;
    this.possible += possible;
    const set = possible < 2 ? null : this.smallestSet(sets, out, first);
    if (set !== null) {
      if (this.isCheckDue) this.check(words.slice(offset, offset + this.words), set);
      out.keepFrom(first, (instance) => set.has[this.firstOf(instance)] === 1);
      this.reduced++;
    }
    this.taken += out.count - first;
    return mayBeStuck;
  }

  /**
   * Where blocks are made, it is looked at there that steps do what they were compiled to. A set has all transitions of
   * what is in it: what symmetry would leave out as a repetition of another may be one in it of one that is not.
   */
  private expandInner(isWhole: boolean, words: Int32Array, offset: number, out: Successors): boolean {
    const { below, inner } = this;
    const expand = (): boolean =>
      isWhole && isReduced(inner) && inner.expandWhole !== undefined
        ? inner.expandWhole(words, offset, out)
        : inner.expand(words, offset, out);
    if (!("handedOver" in below)) return expand();
    const before = below.handedOver;
    const mayBeStuck = expand();
    if (below.handedOver !== before)
      throw failed("a step computes with what is no number, and may read what nobody thought of");
    return mayBeStuck;
  }

  /** The sets for where the processes are. */
  private setsAt(words: Int32Array, offset: number): readonly PersistentSet[] {
    const { codes, controls } = this;
    for (let process = 0; process < controls.length; process++)
      codes[process] = readLeaf(controls[process], words, offset);
    return this.sets.at(codes, this.numberOf(codes));
  }

  /** Tells a combination of labels from others. */
  private numberOf(codes: ArrayLike<number>): number {
    let number = 0;
    for (let process = 0; process < codes.length; process++)
      number = number * this.controls[process].shape.cardinality + codes[process];
    return number;
  }

  /** The set with the fewest transitions, of those whose keys have one; null where it has all. */
  private smallestSet(sets: readonly PersistentSet[], out: Successors, first: number): PersistentSet | null {
    const { processOf } = this;
    let best: PersistentSet | null = null;
    let fewest = out.count - first;
    for (const set of sets) {
      let count = 0;
      let hasKey = false;
      for (let i = first; i < out.count; i++) {
        const step = this.firstOf(out.instances[i]);
        if (set.has[step] === 1) count++;
        if (processOf[step] === set.key) hasKey = true;
      }
      if (!hasKey || count >= fewest) continue;
      best = set;
      fewest = count;
    }
    return best;
  }

  /** The first step of a transition. */
  private firstOf(transition: number): number {
    const { below } = this;
    return below instanceof MergedEvaluator ? below.blocks.firstOf(transition) : transition;
  }

  /** What is expanded again, to find a path, was checked before. */
  private get isCheckDue(): boolean {
    if (this.searches > 1) return false;
    return this.checkEvery === 1 || (this.checkEvery > 1 && this.random.below(this.checkEvery) === 0);
  }

  private check(state: Int32Array, { key, has }: PersistentSet): void {
    const isIn = (transition: number): boolean => has[this.firstOf(transition)] === 1;
    const isKey = (transition: number): boolean => this.processOf[this.firstOf(transition)] === key;
    const breach = this.diamonds.findBreachOfSet(state, isIn, isKey);
    if (breach !== null) throw failed(breach);
  }

  lift(violation: Violation): Violation {
    return violation;
  }

  liftPath(path: Path): Path {
    return path;
  }

  describe(): ReductionReport {
    const { diamonds, expanded, possible, reduced, taken } = this;
    if (reduced === 0) {
      const note = `of the transitions of ${expanded} expanded states none could be put off`;
      return { name: "order", factor: 1, isEstimate: false, notes: [note] };
    }
    const share = Math.round((100 * (possible - taken)) / possible);
    return {
      name: "order",
      factor: null,
      isEstimate: false,
      notes: [
        `in ${reduced} of ${expanded} expanded states some transitions were put off, ${share} % of all; what that saves in states is not known without the whole search`,
        `${diamonds.steps} of them were tried in both orders with ${diamonds.diamonds} that were put off`,
      ],
    };
  }

  violatedInvariants(words: Int32Array, offset: number): readonly number[] {
    return this.inner.violatedInvariants(words, offset);
  }

  markWitnesses(words: Int32Array, offset: number, reached: Uint8Array): void {
    this.inner.markWitnesses(words, offset, reached);
  }

  deadlockIn(words: Int32Array, offset: number): Deadlock | null {
    return this.inner.deadlockIn(words, offset);
  }
}

function failed(reason: string): ReductionFailure {
  return new ReductionFailure("order", reason, reason);
}
