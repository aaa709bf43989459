/**
 * Symmetry: states that differ only in the names of interchangeable things are one state, and so are states that
 * differ only in what dead locals hold.
 *
 * That a sort is interchangeable is declared, and not believed: the exchanges of its elements are checked against
 * the scenario's actions and on states of random walks before the search, and on a share of the states that it
 * expands. An exchange that fails is left out, with the reason; the classes of elements that remain are used.
 * Initial states need not be symmetric: each stands for its orbit, and a path from it is one of the model.
 */
import { compileInstance, type CompiledEvaluator } from "../../compile/compiled.ts";
import { type Deadlock, type Evaluator, Successors } from "../../evaluate/evaluator.ts";
import type { Instance } from "../../model/model.ts";
import { randomState } from "../../schema/random-state.ts";
import { Random } from "../../search/random.ts";
import type { Path, SearchResult, Violation } from "../../search/result.ts";
import {
  isReduced,
  isSelective,
  type ReduceOptions,
  type Reduced,
  type Reduction,
  ReductionFailure,
  type ReductionReport,
} from "../reduction.ts";
import { StateSample } from "../sample.ts";
import { Canonicaliser } from "./canonical.ts";
import {
  allRenamings,
  Allowed,
  CommutationCheck,
  exchangeOf,
  randomRenaming,
  type Renaming,
} from "./commutes.ts";
import { type DeadLocals, findDeadLocals } from "./dead-locals.ts";
import {
  describeGroup,
  exchangesIn,
  generatorsOf,
  type Group,
  groupOf,
  interchangeableSorts,
  nameTransposition,
  type Transposition,
  transpositionsOf,
} from "./group.ts";
import { FindingsCheck } from "./findings.ts";
import { DeadLocalReset } from "./reset.ts";
import { structureOf } from "./structure.ts";
import { Repetitions } from "./twins.ts";

/** States that may not be reachable, on which exchanges are tried that random walks showed nothing of. */
const randomStates = 300;
/** States of random walks on which every exchange is tried before the search. */
const sampleSize = 60;
const stepsPerWalk = 40;
/** One of so many expanded states is checked during the search. */
const checkEvery = 16;
/** With `audit`, every renaming is tried on every state as long as there are no more of them. */
const mostRenamings = 720;
const renamingsPerState = 20;
const deadLocals = "dead locals";

export const symmetry: Reduction = {
  name: "symmetry",
  apply: (of, evaluator, options) => {
    const preparation = new Preparation(of, evaluator, options);
    return preparation.apply();
  },
};

/** An exchange that is not used, and why. */
interface Breach {
  readonly exchange: Transposition;
  readonly reason: string;
}

class Preparation<S> {
  private readonly of: Instance<S>;
  private readonly evaluator: Evaluator;
  private readonly options: ReduceOptions;

  constructor(of: Instance<S>, evaluator: Evaluator, options: ReduceOptions) {
    this.of = of;
    this.evaluator = evaluator;
    this.options = options;
  }

  apply(): Reduced | { refused: string } {
    const { of, options } = this;
    const declared = interchangeableSorts(of.model);
    const dead = this.deadLocals();
    const breaches: Breach[] = [];
    let exchanges = transpositionsOf(of, declared);
    const leaveOut = (exchange: Transposition, reason: string): void => {
      breaches.push({ exchange, reason });
      exchanges = exchanges.filter((each) => nameTransposition(each) !== nameTransposition(exchange));
    };
    const allowed = new Allowed(of);
    for (const exchange of exchanges) {
      const name = nameTransposition(exchange);
      const known = options.failures.find(({ subject }) => subject === name || subject === exchange.sort);
      const reason = known?.reason ?? allowed.findMissing(exchange);
      if (reason !== null) leaveOut(exchange, reason);
    }
    this.tryOut(() => exchanges, breaches, dead, leaveOut);
    const suspicion = this.findSuspicion(exchanges, breaches, dead);
    const apart = breaches.map(({ exchange }) => exchange);
    if (groupOf(of, exchanges, apart).order === 1 && dead.live.size === 0) {
      const why =
        breaches.length > 0
          ? describeBreaches(breaches).join("; ")
          : "no sort of two elements or more is declared interchangeable";
      return { refused: [why, ...dead.notes].join("; ") };
    }
    return new SymmetryEvaluator(of, this.evaluator, options, { exchanges, dead, breaches, suspicion });
  }

  /**
   * Tries exchanges on states of random walks, until all that generate the group have been tried on each: what they
   * leave as it is, every renaming that they make up does.
   */
  private tryOut(
    remaining: () => readonly Transposition[],
    breaches: readonly Breach[],
    dead: DeadLocals,
    leaveOut: (exchange: Transposition, reason: string) => void,
  ): void {
    if (remaining().length === 0) return;
    const states = this.sample();
    const tried = new Set<string>();
    const toolsOf = () =>
      toolsFor(
        this.of,
        this.evaluator,
        remaining(),
        breaches.map(({ exchange }) => exchange),
        dead,
      );
    for (let tools = toolsOf(); ; ) {
      const { group, canonicaliser, check } = tools;
      const exchange = generatorsOf(group).find((each) => !tried.has(nameTransposition(each)));
      if (exchange === undefined) return;
      tried.add(nameTransposition(exchange));
      const renaming = exchangeOf(group, exchange);
      const breach = findFirst(states, (state) => check.findBreach(state, canonicaliser, renaming));
      if (breach === null) continue;
      leaveOut(exchange, `${breach} tells ${nameTransposition(exchange)} apart`);
      tools = toolsOf();
    }
  }

  /**
   * What tells elements apart in some states, reachable or not: then every state that is expanded is checked with
   * every exchange. What shows only where several things come together does so sooner in states that are made up.
   */
  private findSuspicion(
    exchanges: readonly Transposition[],
    breaches: readonly Breach[],
    dead: DeadLocals,
  ): string | null {
    const { of } = this;
    const apart = breaches.map(({ exchange }) => exchange);
    const { group, canonicaliser, locals } = toolsFor(of, this.evaluator, exchanges, apart, dead);
    if (group.order === 1) return null;
    const check = new CommutationCheck(of, modelIn(this.evaluator), locals);
    const random = new Random(this.options.seed);
    const candidates = exchangesIn(group);
    const renamings = candidates.map((exchange) => exchangeOf(group, exchange));
    for (let n = 0; n < randomStates; n++) {
      const state = randomState(of, (count) => random.below(count));
      locals.reset(state, 0);
      const at = random.below(candidates.length);
      let breach: string | null = null;
      try {
        breach = check.findBreach(state, canonicaliser, renamings[at]);
      } catch {
        // A recipe may fail in any way on what it never meets; that says nothing.
      }
      if (breach !== null) return `${breach} tells ${nameTransposition(candidates[at])} apart`;
    }
    return null;
  }

  private deadLocals(): DeadLocals {
    const failure = this.options.failures.find(({ subject }) => subject === deadLocals);
    if (failure !== undefined)
      return { live: new Map(), notes: [`locals are kept: ${failure.reason}`], share: [0, 0] };
    // Without processes there are no locals, and nothing to compile.
    if (this.of.processes.length === 0) return { live: new Map(), notes: [], share: [0, 0] };
    return findDeadLocals(this.of, compiledOf(this.of, this.evaluator));
  }

  /** States of random walks. */
  private sample(): Int32Array[] {
    const { evaluator } = this;
    const random = new Random(this.options.seed);
    const starts = evaluator.initialStates();
    const out = new Successors(evaluator.words);
    const states: Int32Array[] = [];
    while (starts.length > 0 && states.length < sampleSize) {
      let state = starts[random.below(starts.length)];
      for (let n = 0; n < stepsPerWalk && states.length < sampleSize; n++) {
        if (random.below(4) === 0 || n === 0) states.push(state);
        out.clear();
        try {
          evaluator.expand(state, 0, out);
        } catch {
          // The search comes to the same error, and tells it.
          break;
        }
        if (out.count === 0) break;
        const at = random.below(out.count) * evaluator.words;
        state = out.words.slice(at, at + evaluator.words);
      }
    }
    return states;
  }
}

/** The evaluator of the model's own steps. */
function modelIn(evaluator: Evaluator): Evaluator {
  return isReduced(evaluator) ? modelIn(evaluator.inner) : evaluator;
}

/** The first answer that is not null. */
function findFirst<T, R>(list: readonly T[], ask: (item: T) => R | null): R | null {
  for (const item of list) {
    const answer = ask(item);
    if (answer !== null) return answer;
  }
  return null;
}

/** The compiled form of what the evaluator evaluates. */
function compiledOf<S>(
  of: Instance<S>,
  evaluator: Evaluator,
): Pick<CompiledEvaluator, "module" | "fallbacks"> {
  if (isReduced(evaluator)) return compiledOf(of, evaluator.inner);
  return "module" in evaluator ? (evaluator as CompiledEvaluator) : compileInstance(of);
}

function toolsFor<S>(
  of: Instance<S>,
  evaluator: Evaluator,
  exchanges: readonly Transposition[],
  apart: readonly Transposition[],
  { live }: DeadLocals,
): { group: Group; canonicaliser: Canonicaliser; locals: DeadLocalReset; check: CommutationCheck<S> } {
  const group = groupOf(of, exchanges, apart);
  const canonicaliser = new Canonicaliser(of.layout, group, structureOf(of, group, live));
  const locals = new DeadLocalReset(live);
  return { group, canonicaliser, locals, check: new CommutationCheck(of, evaluator, locals) };
}

/** One sentence for each sort with exchanges that are not used. */
function describeBreaches(breaches: readonly Breach[]): string[] {
  return [...new Set(breaches.map(({ exchange }) => exchange.sort))].map((sort) => {
    const own = breaches.filter(({ exchange }) => exchange.sort === sort);
    const [{ exchange, reason }] = own;
    const more = own.length === 1 ? "" : ` (and ${own.length - 1} more)`;
    return `${nameTransposition(exchange)}${more} are not interchangeable: ${reason}`;
  });
}

interface Parts {
  readonly exchanges: readonly Transposition[];
  readonly dead: DeadLocals;
  readonly breaches: readonly Breach[];
  /** What tells elements apart in states that may not be reachable. */
  readonly suspicion: string | null;
}

class SymmetryEvaluator<S> implements Reduced {
  readonly reduction = "symmetry";
  readonly keepsLengths = true;
  readonly name: Evaluator["name"];
  readonly inner: Evaluator;
  readonly words: number;
  readonly usedBits?: readonly number[];
  readonly countClean?: NonNullable<Evaluator["countClean"]>;
  private readonly of: Instance<S>;
  private readonly options: ReduceOptions;
  private readonly parts: Parts;
  private readonly group: Group;
  private readonly canonicaliser: Canonicaliser;
  private readonly locals: DeadLocalReset;
  private readonly check: CommutationCheck<S>;
  private readonly findings: FindingsCheck<S>;
  private readonly exchanges: readonly Renaming[];
  private readonly repetitions: Repetitions;
  /** Of the states expanded, each as likely as its orbit is large. */
  readonly sample: StateSample;
  private readonly random: Random;
  private readonly auditRenamings: readonly Renaming[] | null;
  private readonly copy: Int32Array;
  /** How often somebody began with the initial states. */
  private searches = 0;
  private expanded = 0;
  private checked = 0;
  /** Of the orbits of the states expanded. */
  private orbits = 0;

  constructor(of: Instance<S>, inner: Evaluator, options: ReduceOptions, parts: Parts) {
    this.of = of;
    this.inner = inner;
    this.options = options;
    this.parts = parts;
    this.name = inner.name;
    this.words = inner.words;
    if (inner.usedBits !== undefined) this.usedBits = inner.usedBits;
    if (inner.countClean !== undefined)
      this.countClean = (words, offset, count) => inner.countClean?.(words, offset, count) ?? 0;
    const apart = parts.breaches.map(({ exchange }) => exchange);
    const tools = toolsFor(of, inner, parts.exchanges, apart, parts.dead);
    this.group = tools.group;
    this.canonicaliser = tools.canonicaliser;
    this.locals = tools.locals;
    this.check = tools.check;
    this.findings = new FindingsCheck(of, inner, this.group, this.canonicaliser, this.locals);
    this.exchanges = exchangesIn(this.group).map((exchange) => exchangeOf(this.group, exchange));
    this.repetitions = new Repetitions(of.instances, of.scope.bounds, this.group, this.canonicaliser.twins);
    this.random = new Random(options.seed);
    this.sample = new StateSample(of, options.seed);
    this.auditRenamings =
      this.group.order <= mostRenamings && options.audit ? allRenamings(this.group) : null;
    this.copy = new Int32Array(this.words);
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

  /** `leftOut`: by id of the instance, 1 for those whose transitions need not be given. */
  private expandWithout(
    leftOut: Uint8Array | null,
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
      if (leftOut !== null) out.keepFrom(first, (instance) => leftOut[instance] === 0);
    }
    for (let i = first; i < out.count; i++) this.canonise(out.words, i * this.words);
    // What is expanded again, to find a path, was counted and checked before.
    if (this.searches > 1) return mayBeStuck;
    for (let k = 0; k < this.words; k++) this.copy[k] = words[offset + k];
    const orbit = this.canonicaliser.canonise(this.copy, 0);
    this.orbits += orbit;
    this.sample.note(words, offset, this.words, orbit);
    const isSuspect = this.options.audit || this.parts.suspicion !== null;
    if (isSuspect || this.expanded % checkEvery === 0)
      this.checkState(words.slice(offset, offset + this.words));
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
    return Array.from({ length: count }, () => randomRenaming(this.group, this.random));
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
        const own = found.find((id) => of.stepProperties[id].property.name === name);
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
    const broken = inner.violatedInvariants(end, 0).find((id) => of.invariants[id].property.name === name);
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
