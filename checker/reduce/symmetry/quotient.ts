/**
 * The search with symmetry: of each orbit its canonical state, of repetitions one, and what that rests on looked at
 * while it goes on.
 */
import { type Deadlock, type Evaluator, Successors } from "../../evaluate/evaluator.ts";
import type { Instance } from "../../model/model.ts";
import { Random } from "../../search/random.ts";
import type { Path, SearchResult, Violation } from "../../search/result.ts";
import {
  isSelective,
  type ReduceOptions,
  type Reduced,
  ReductionFailure,
  type ReductionReport,
} from "../reduction.ts";
import { StateSample } from "../sample.ts";
import type { Canonicaliser } from "./canonical.ts";
import {
  allRenamings,
  type CommutationCheck,
  exchangeOf,
  randomRenaming,
  type Renaming,
} from "./commutes.ts";
import type { DeadLocals } from "./dead-locals.ts";
import { FindingsCheck } from "./findings.ts";
import { describeGroup, exchangesIn, generatorsOf, type Group, nameTransposition } from "./group.ts";
import type { DeadLocalReset } from "./reset.ts";
import { type Breach, deadLocals, describeBreaches, type Tools } from "./tools.ts";
import { Repetitions, type RepetitionsOf } from "./twins.ts";

/** One of so many expanded states is checked during the search; and after so many states, one of so many more. */
const checkEvery = 16;
const manyStates = 65_536;
const checkEveryOfMany = 64;
/** With `audit`, every renaming is tried on every state as long as there are no more of them. */
const mostRenamings = 720;
const renamingsPerState = 20;

/** What was found before the search. */
interface Parts<S> {
  readonly tools: Tools<S>;
  readonly dead: DeadLocals;
  readonly breaches: readonly Breach[];
  /** What tells elements apart in states that may not be reachable. */
  readonly suspicion: string | null;
}

export class SymmetryEvaluator<S> implements Reduced {
  readonly reduction = "symmetry";
  readonly keepsLengths = true;
  readonly name: Evaluator["name"];
  readonly inner: Evaluator;
  readonly words: number;
  readonly usedBits?: readonly number[];
  readonly countClean?: NonNullable<Evaluator["countClean"]>;
  private readonly of: Instance<S>;
  private readonly options: ReduceOptions;
  private readonly parts: Parts<S>;
  readonly group: Group;
  readonly canonicaliser: Canonicaliser;
  readonly locals: DeadLocalReset;
  private readonly check: CommutationCheck<S>;
  private readonly findings: FindingsCheck<S>;
  readonly exchanges: readonly Renaming[];
  private readonly repetitions: Repetitions<S>;
  /** Of the states expanded, each as likely as its orbit is large. */
  readonly sample: StateSample;
  private readonly random: Random;
  private readonly auditRenamings: readonly Renaming[] | null;
  private readonly chosen = new Map<string, Renaming>();
  private readonly copy: Int32Array;
  /** How often somebody began with the initial states. */
  private searches = 0;
  private isLookingCloser = false;
  private expanded = 0;
  private checked = 0;
  /** Of the orbits of the states expanded. */
  private orbits = 0;

  constructor(of: Instance<S>, inner: Evaluator, options: ReduceOptions, parts: Parts<S>) {
    this.of = of;
    this.inner = inner;
    this.options = options;
    this.parts = parts;
    this.name = inner.name;
    this.words = inner.words;
    if (inner.usedBits !== undefined) this.usedBits = inner.usedBits;
    if (inner.countClean !== undefined)
      this.countClean = (words, offset, count) => inner.countClean?.(words, offset, count) ?? 0;
    const { tools } = parts;
    this.group = tools.group;
    this.canonicaliser = tools.canonicaliser;
    this.locals = tools.locals;
    this.check = tools.check;
    this.findings = new FindingsCheck(of, inner, this.group, this.canonicaliser, this.locals);
    this.exchanges = exchangesIn(this.group).map((exchange) => exchangeOf(this.group, exchange));
    this.repetitions = new Repetitions(of.instances, this.group, this.canonicaliser.twins);
    this.random = new Random(options.seed);
    this.sample = new StateSample(of, options.seed);
    this.auditRenamings =
      this.group.order <= mostRenamings && options.audit ? allRenamings(this.group) : null;
    this.copy = new Int32Array(this.words);
  }

  /** The sorts of which it takes some elements for one another. */
  get sorts(): ReadonlySet<string> {
    const moved = [...this.group.vertexOf].filter(([, vertices]) => vertices.some((vertex) => vertex >= 0));
    return new Set(moved.map(([sort]) => sort));
  }

  /** From now on, each state that is expanded stands for many others: all of them are checked. */
  lookCloser(): void {
    this.isLookingCloser = true;
  }

  /** Counts states that were expanded elsewhere, and those in their orbits. */
  count(expanded: number, orbits: number): void {
    this.expanded += expanded;
    this.orbits += orbits;
  }

  /** Expands a state that is none of the search's: it is checked, and not counted. */
  withoutCounting(run: () => void): void {
    const { expanded, orbits } = this;
    this.sample.isOff = true;
    try {
      run();
    } finally {
      this.sample.isOff = false;
      this.expanded = expanded;
      this.orbits = orbits;
    }
  }

  initialStates(): Int32Array[] {
    this.searches++;
    return this.canonicalInitialStates();
  }

  private canonicalInitialStates(): Int32Array[] {
    return this.inner.initialStates().map((state) => {
      this.canonise(state, 0);
      return state;
    });
  }

  expand(words: Int32Array, offset: number, out: Successors): boolean {
    return this.expandWithout(this.repetitions.at(words, offset), words, offset, out);
  }

  expandWhole(words: Int32Array, offset: number, out: Successors): boolean {
    return this.expandWithout(null, words, offset, out);
  }

  private expandWithout(
    leftOut: RepetitionsOf | null,
    words: Int32Array,
    offset: number,
    out: Successors,
  ): boolean {
    const { inner } = this;
    const first = out.count;
    let mayBeStuck: boolean;
    if (leftOut !== null && isSelective(inner)) {
      mayBeStuck = inner.expandWithout(leftOut, words, offset, out);
    } else {
      mayBeStuck = inner.expand(words, offset, out);
      if (leftOut !== null) {
        leftOut.look(out.instances, first, out.count);
        out.keepFrom(first, (instance) => leftOut.marks[instance] === 0);
      }
    }
    if (leftOut !== null && leftOut.breach !== null)
      throw this.failureOf(leftOut.breach, words.slice(offset, offset + this.words));
    for (let i = first; i < out.count; i++) this.canonise(out.words, i * this.words);
    // What is expanded again, to find a path, was counted and checked before.
    if (this.searches > 1) return mayBeStuck;
    for (let k = 0; k < this.words; k++) this.copy[k] = words[offset + k];
    const orbit = this.canonicaliser.canonise(this.copy, 0);
    this.orbits += orbit;
    this.sample.note(words, offset, this.words, orbit);
    const isSuspect = this.options.audit || this.parts.suspicion !== null || this.isLookingCloser;
    const every = this.expanded < manyStates ? checkEvery : checkEveryOfMany;
    if (isSuspect || this.expanded % every === 0) this.checkState(words.slice(offset, offset + this.words));
    this.checkFindings(words, offset);
    this.expanded++;
    return mayBeStuck;
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

  private canonise(words: Int32Array, offset: number): number {
    this.locals.reset(words, offset);
    return this.canonicaliser.canonise(words, offset);
  }

  // What it rests on

  private checkState(state: Int32Array): void {
    this.checked++;
    const use = this.check.findUse(state, this.random);
    if (use !== null) throw new ReductionFailure("symmetry", use, deadLocals);
    for (const renaming of this.renamingsToTry()) {
      const breach = this.check.findBreach(state, this.canonicaliser, renaming);
      if (breach !== null) throw this.failureOf(breach, state);
    }
  }

  /** Tries every exchange of two on the state: throws what is found wrong. */
  tryExchanges(state: Int32Array): void {
    for (const renaming of this.exchanges) {
      const breach = this.check.findBreach(state, this.canonicaliser, renaming);
      if (breach !== null) throw this.failureOf(breach, state);
    }
  }

  /** Does every exchange of two take what the state shows to what the exchanged state does? */
  private checkFindings(words: Int32Array, offset: number): void {
    const breach = this.findings.findBreach(words, offset);
    if (breach === null) return;
    const { what, exchange } = breach;
    const name = nameTransposition(exchange);
    throw new ReductionFailure("symmetry", `${what} tells ${name} apart`, name);
  }

  private renamingsToTry(): readonly Renaming[] {
    if (this.auditRenamings !== null) return this.auditRenamings;
    if (this.parts.suspicion !== null && !this.options.audit) return this.exchanges;
    const count = this.options.audit ? renamingsPerState : 1;
    return Array.from({ length: count }, () => this.chooseRenaming());
  }

  /** One that was chosen before is the same object: what it makes of properties and actions is known by then. */
  private chooseRenaming(): Renaming {
    const chosen = randomRenaming(this.group, this.random);
    const key = chosen.of.join();
    const known = this.chosen.get(key);
    if (known !== undefined) return known;
    if (this.chosen.size >= mostRenamings) this.chosen.clear();
    this.chosen.set(key, chosen);
    return chosen;
  }

  /** The failure, with the exchange to blame, or the first sort where none alone is. */
  private failureOf(breach: string, state: Int32Array): ReductionFailure {
    for (const exchange of exchangesIn(this.group)) {
      const own = this.check.findBreach(state, this.canonicaliser, exchangeOf(this.group, exchange));
      if (own === null) continue;
      const name = nameTransposition(exchange);
      return new ReductionFailure("symmetry", `${own} tells ${name} apart`, name);
    }
    const [{ sort }] = this.group.classes;
    return new ReductionFailure("symmetry", `${breach} tells elements of ${sort} apart`, sort);
  }

  // The way back

  liftPath(path: Path): Path {
    return this.liftTo(path, () => true);
  }

  lift(violation: Violation): Violation {
    const { of, inner } = this;
    if (violation.kind === "step") {
      const { name } = of.stepProperties[violation.property].property;
      let broken = violation.property;
      const path = this.liftTo(violation.path, (found) => {
        const own = sameOrNamed(found, broken, (id) => of.stepProperties[id].property.name === name);
        broken = own ?? broken;
        return own !== undefined;
      });
      return { ...violation, property: broken, path };
    }
    const path = this.liftPath(violation.path);
    const end = this.endOf(path);
    if (violation.kind === "deadlock") {
      const deadlock = inner.deadlockIn(end, 0);
      return deadlock === null ? { ...violation, path } : { ...violation, path, deadlock };
    }
    const { name } = of.invariants[violation.property].property;
    const found = inner.violatedInvariants(end, 0);
    const broken = sameOrNamed(found, violation.property, (id) => of.invariants[id].property.name === name);
    return { ...violation, property: broken ?? violation.property, path };
  }

  /**
   * The path of the inner evaluator whose states have those of the path as their canonical forms. The last step is
   * one of which `isWanted` says so, given the step properties that it breaks.
   */
  private liftTo(path: Path, isWanted: (brokenSteps: readonly number[]) => boolean): Path {
    const canonical = this.statesOn(path);
    let state = this.inner.initialStates()[path.initial];
    const instances: number[] = [];
    for (const [n, wanted] of canonical.slice(1).entries()) {
      const isLast = n === canonical.length - 2;
      const step = this.stepTo(state, wanted, isLast ? isWanted : () => true);
      instances.push(step.instance);
      ({ state } = step);
    }
    return { initial: path.initial, instances };
  }

  /** The canonical states along a path. */
  private statesOn(path: Path): Int32Array[] {
    const states = [this.canonicalInitialStates()[path.initial]];
    const out = new Successors(this.words);
    for (const instance of path.instances) {
      out.clear();
      this.inner.expand(states[states.length - 1], 0, out);
      const at = out.instances.subarray(0, out.count).indexOf(instance);
      if (at < 0) throw new Error("a path of the reduced search cannot be taken again");
      const next = out.words.slice(at * this.words, (at + 1) * this.words);
      this.canonise(next, 0);
      states.push(next);
    }
    return states;
  }

  private stepTo(
    state: Int32Array,
    canonical: Int32Array,
    isWanted: (brokenSteps: readonly number[]) => boolean,
  ): { instance: number; state: Int32Array } {
    const out = new Successors(this.words);
    this.inner.expand(state, 0, out);
    let best: { instance: number; state: Int32Array } | null = null;
    for (let i = 0; i < out.count; i++) {
      const next = out.words.slice(i * this.words, (i + 1) * this.words);
      const form = next.slice();
      this.canonise(form, 0);
      if (form.some((word, k) => word !== canonical[k])) continue;
      const broken = out.brokenSteps.flatMap(({ successor, property }) =>
        successor === i ? [property] : [],
      );
      if ((best === null || out.instances[i] < best.instance) && isWanted(broken))
        best = { instance: out.instances[i], state: next };
    }
    // The step was taken from a state of the same orbit: it is not symmetric.
    if (best === null) throw this.failureOf("a step that cannot be taken from a renamed state", state);
    return best;
  }

  private endOf(path: Path): Int32Array {
    let state = this.inner.initialStates()[path.initial];
    const out = new Successors(this.words);
    for (const instance of path.instances) {
      out.clear();
      this.inner.expand(state, 0, out);
      const at = out.instances.subarray(0, out.count).indexOf(instance);
      state = out.words.slice(at * this.words, (at + 1) * this.words);
    }
    return state;
  }

  // What it did

  describe({ ending }: SearchResult): ReductionReport {
    const { group, parts, expanded, orbits } = this;
    const { dead, breaches, suspicion } = parts;
    const [deadAt, all] = dead.share;
    const symmetric = this.areInitialStatesSymmetric();
    const notes = [
      ...(group.order === 1
        ? []
        : [
            `${describeGroup(group)} are interchangeable, ${group.order} renamings; the orbits of the states expanded hold ${orbits} states${symmetric ? "" : " at most, for the initial states are not symmetric"}`,
          ]),
      ...(this.locals.isEmpty
        ? []
        : [
            `dead locals are reset (${deadAt} of ${all} at their labels), for which the factor does not count`,
          ]),
      ...describeBreaches(breaches),
      ...(suspicion === null
        ? []
        : [`${suspicion} in a state that may not be reachable: so every exchange was tried on every state`]),
      ...dead.notes,
      `checked on ${this.checked} of ${expanded} expanded states${this.auditRenamings === null ? "" : ", with every renaming"}`,
    ];
    return {
      name: "symmetry",
      factor: expanded === 0 || group.order === 1 ? null : orbits / expanded,
      isEstimate: !symmetric || ending !== "exhausted",
      notes,
    };
  }

  /** Is every initial state, renamed, an initial state? */
  private areInitialStatesSymmetric(): boolean {
    const initial = this.inner.initialStates();
    for (const state of initial) this.locals.reset(state, 0);
    const known = new Set(initial.map((state) => state.join()));
    return generatorsOf(this.group).every((exchange) => {
      const renaming = exchangeOf(this.group, exchange);
      return initial.every((state) => {
        this.canonicaliser.rename(renaming.of, state, 0, this.copy, 0);
        this.locals.reset(this.copy, 0);
        return known.has(this.copy.join());
      });
    });
  }
}

/** The id itself, if it is among those found; otherwise the first with the name: the same of renamed things. */
function sameOrNamed(
  found: readonly number[],
  id: number,
  hasName: (id: number) => boolean,
): number | undefined {
  return found.includes(id) ? id : found.find(hasName);
}
