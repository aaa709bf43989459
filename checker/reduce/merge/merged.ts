/**
 * An evaluator whose transitions are blocks of steps of one process (see plan.ts), around the compiled one.
 *
 * Every state that it gives is one of the model's own, and every block a run of the model's own steps: what it
 * reports as violated is. What it leaves out is what the plan says may be left out. The plan rests on which locks
 * are held at which labels; every state that is expanded is held to that.
 */
import { type CompiledEvaluator, type Part, runPart } from "../../compile/compiled.ts";
import type { Label, Module } from "../../compile/ir.ts";
import { type Deadlock, Successors } from "../../evaluate/evaluator.ts";
import type { Instance } from "../../model/model.ts";
import { type Leaf, readLeaf } from "../../schema/layout.ts";
import { Random } from "../../search/random.ts";
import type { Path, SearchResult, Violation } from "../../search/result.ts";
import {
  type LeftOut,
  type Reduced,
  ReductionFailure,
  type ReductionReport,
  type Selective,
} from "../reduction.ts";
import { type Sampled, StateSample } from "../sample.ts";
import type { Analysis } from "./analysis.ts";
import { DiamondCheck } from "./audit.ts";
import { Blocks } from "./blocks.ts";
import { Claims } from "./claims.ts";
import { checkDiscipline, describeLapse } from "./discipline.ts";
import { estimateFactor, type Steps } from "./estimate.ts";
import { describeKeptApart, listKeptApart } from "./kept-apart.ts";
import type { Plan } from "./plan.ts";

/** Steps in one block at most: one that is longer may be a loop, and ends here so that others get their turn. */
export const longest = 1000;

/** Of how many steps one is checked in states that stand for many others. */
const closerLook = 64;

/** What a search met so far, and its random choices. */
interface Met<S> {
  readonly blocks: Blocks;
  readonly sample: StateSample;
  readonly diamonds: DiamondCheck<S>;
  readonly random: Random;
  /** How often somebody began with the initial states. */
  searches: number;
}

export class MergedEvaluator<S> implements Reduced, Selective {
  readonly reduction = "locks";
  readonly keepsLengths = false;
  readonly name = "js";
  readonly words: number;
  readonly usedBits: readonly number[];
  readonly inner: CompiledEvaluator;
  readonly analysis: Analysis;
  private readonly of: Instance<S>;
  private readonly plan: Plan;
  private readonly controls: readonly Leaf[];
  private readonly claims: Claims;
  /** By process: the steps of that process only. */
  readonly modules: readonly Module[];
  private readonly parts: readonly Part[];
  /** The steps from a stored state, and those within a block. */
  private readonly first: Successors;
  private readonly next: Successors;
  private checkEvery: number;
  private readonly seed: number;
  private met: Met<S>;
  /** States within blocks that are still to be gone on from. */
  private stack: Int32Array;
  private readonly pending: { block: number; isBefore: boolean; length: number; startsCall: boolean }[] = [];

  /** `checkEvery`: of how many steps within blocks one is checked; 1 for all, 0 for none. */
  constructor(
    of: Instance<S>,
    inner: CompiledEvaluator,
    analysis: Analysis,
    { checkEvery, seed }: { readonly checkEvery: number; readonly seed: number },
  ) {
    const { table, plan } = analysis;
    this.checkEvery = checkEvery;
    this.seed = seed;
    this.of = of;
    this.inner = inner;
    this.analysis = analysis;
    this.plan = plan;
    this.controls = table.controls;
    this.claims = new Claims("locks", analysis);
    this.words = inner.words;
    this.usedBits = of.layout.usedBits;
    this.met = this.meetNothing();
    this.first = new Successors(inner.words);
    this.next = new Successors(inner.words);
    this.stack = new Int32Array(64 * inner.words);
    this.modules = inner.module.dispatches.map((_, process) => this.partOf(process));
    this.parts = this.modules.map((module) => runPart(of, module));
  }

  get blocks(): Blocks {
    return this.met.blocks;
  }

  get sample(): StateSample {
    return this.met.sample;
  }

  forget(): void {
    this.met = this.meetNothing();
  }

  private meetNothing(): Met<S> {
    const { analysis, inner, of, plan, seed } = this;
    return {
      blocks: new Blocks(of.instances.length),
      sample: new StateSample(of, seed),
      diamonds: new DiamondCheck(of, inner, (step) => step, plan.processOf, analysis.settled),
      random: new Random(seed),
      searches: 0,
    };
  }

  /** From now on, each state that is expanded stands for many others: more of its steps are checked. */
  lookCloser(): void {
    if (this.checkEvery > 0) this.checkEvery = Math.min(this.checkEvery, closerLook);
  }

  /** Expands a state that is none of the search's: it is checked, and not taken for one of its states. */
  withoutCounting(run: () => void): void {
    this.sample.isOff = true;
    try {
      run();
    } finally {
      this.sample.isOff = false;
    }
  }

  /** The module that tries the steps of one process only, and those only at labels where a block goes on. */
  private partOf(process: number): Module {
    const { module } = this.inner;
    const dispatch = module.dispatches[process];
    const { goesOnAfter, goesOnBefore } = this.plan;
    const labels = dispatch.labels.map((label, code): Label => {
      const isUsed = goesOnAfter[process][code] === 1 || goesOnBefore[process][code] === 1;
      return isUsed ? label : { body: [], isBlocking: false, waits: [], areWaitsKnown: true };
    });
    return {
      ...module,
      dispatches: [{ ...dispatch, labels }],
      environment: [],
      invariants: [],
      witnesses: [],
    };
  }

  initialStates(): Int32Array[] {
    this.met.searches++;
    return this.inner.initialStates();
  }

  expand(words: Int32Array, offset: number, out: Successors): boolean {
    return this.expandWithout(null, words, offset, out);
  }

  expandWithout(leftOut: LeftOut | null, words: Int32Array, offset: number, out: Successors): boolean {
    const { first, plan } = this;
    this.claims.check(words, offset);
    this.sample.note(words, offset, this.words, 1);
    first.clear();
    // Of a state in the middle of which the model threw.
    this.pending.length = 0;
    const mayBeStuck = this.expandInner(words, offset, first);
    leftOut?.look(first.instances, 0, first.count);
    for (let i = 0; i < first.count; i++) {
      const instance = first.instances[i];
      if (leftOut?.marks[instance] === 1) continue;
      const process = plan.processOf[instance];
      const at = i * this.words;
      const isBroken = this.copyBroken(first, i, out, instance, at);
      if (process < 0) {
        if (!isBroken) this.emit(out, first.words, at, instance);
        continue;
      }
      const code = readLeaf(this.controls[process], first.words, at);
      const isBefore = plan.comesBefore[instance]?.[code] === 1;
      if (!this.goesOn(process, code, isBefore)) {
        if (!isBroken) this.emit(out, first.words, at, instance);
        continue;
      }
      if (isBefore && this.isCheckDue) this.check(words.slice(offset, offset + this.words), instance, true);
      this.push(first.words, at, instance, isBefore, 1, plan.beginsCall[instance] === 1);
      this.finish(process, out);
    }
    return mayBeStuck;
  }

  /**
   * What a step reads was found out from its compiled form. Where that is left (and the step does not throw), the
   * step does something else than was thought.
   */
  private expandInner(words: Int32Array, offset: number, out: Successors): boolean {
    const { inner } = this;
    const before = inner.handedOver;
    const mayBeStuck = inner.expand(words, offset, out);
    if (inner.handedOver !== before)
      throw failed("a step computes with what is no number, and may read what nobody thought of", "");
    return mayBeStuck;
  }

  lift(violation: Violation): Violation {
    return { ...violation, path: this.liftPath(violation.path) };
  }

  liftPath({ initial, instances }: Path): Path {
    return { initial, instances: instances.flatMap((block) => this.blocks.stepsOf(block)) };
  }

  /** The factor is that of the states in `sample`. */
  describe(_: SearchResult, sample: readonly Sampled[] = this.sample.states): ReductionReport {
    const { table, locks, plan } = this.analysis;
    const keptApart = listKeptApart(table, plan);
    const { protectedLocations, lapses } = checkDiscipline(table, locks);
    const names = locks.locks.members().map((leaf) => table.numbers.leaves[leaf].path);
    const found =
      names.length === 0
        ? "no lock was found"
        : `locks: ${names.join(", ")}; ${protectedLocations} locations are theirs`;
    const { diamonds, steps } = this.met.diamonds;
    const checked = `${steps} steps within blocks were tried in both orders with ${diamonds} steps of others`;
    return {
      name: "locks",
      factor: estimateFactor(sample, this.steps(), this.analysis),
      isEstimate: true,
      notes: [
        found,
        checked,
        describeKeptApart(keptApart),
        ...this.describeSettled(),
        ...lapses.map(describeLapse),
      ],
      keptApart,
    };
  }

  private describeSettled(): string[] {
    const { settled } = this.analysis;
    const count = settled.filter((is) => is).length;
    if (count === 0) return [];
    return [
      `${count} of ${settled.length} witnesses were reached by walks before the search, or others of their name: they keep nothing apart`,
    ];
  }

  /** Steps on states that are in no search. */
  private steps(): Steps {
    const out = new Successors(this.words);
    return {
      expandAll: (state) => {
        out.clear();
        this.inner.expand(state, 0, out);
        return out;
      },
      expandWithin: (process, state) => {
        this.step(process, state, 0, this.next);
        return this.next;
      },
    };
  }

  private goesOn(process: number, code: number, isBefore: boolean): boolean {
    const { goesOnBefore, goesOnAfter } = this.plan;
    return (isBefore ? goesOnBefore : goesOnAfter)[process][code] === 1;
  }

  /** Goes on from the pending states until every block has ended. */
  private finish(process: number, out: Successors): void {
    const { next, plan, pending } = this;
    for (let top = pending.pop(); top !== undefined; top = pending.pop()) {
      const from = pending.length * this.words;
      const { block, isBefore, length, startsCall } = top;
      const checked = this.isCheckDue ? this.stack.slice(from, from + this.words) : null;
      this.step(process, this.stack, from, next);
      if (next.count === 0) {
        if (!this.mayBeDropped(process, from, isBefore && startsCall))
          this.emit(out, this.stack, from, block);
        continue;
      }
      for (let i = 0; i < next.count; i++) {
        const instance = next.instances[i];
        const at = i * this.words;
        const longer = this.blocks.longer(block, instance);
        const isBroken = this.copyBroken(next, i, out, longer, at);
        const code = readLeaf(this.controls[process], next.words, at);
        const comesBefore = isBefore && plan.comesBefore[instance]?.[code] === 1;
        const goesOn = this.goesOn(process, code, comesBefore) && length < longest;
        const isMoved = !isBefore || (comesBefore && goesOn);
        if (checked !== null && isMoved) this.check(checked, instance, isBefore);
        if (goesOn) {
          this.push(next.words, at, longer, comesBefore, length + 1, startsCall);
        } else if (!isBroken) {
          this.emit(out, next.words, at, longer);
        }
      }
    }
  }

  /** What is expanded again, to find a path, was checked before. */
  private get isCheckDue(): boolean {
    if (this.met.searches > 1) return false;
    return this.checkEvery === 1 || (this.checkEvery > 1 && this.met.random.below(this.checkEvery) === 0);
  }

  /** Does the step, taken here within a block, commute with what others do, unseen? */
  private check(state: Int32Array, step: number, isBefore: boolean): void {
    const breach = this.met.diamonds.findBreach(state, step, isBefore);
    if (breach !== null) throw failed(breach, breach);
  }

  /** The steps of one process from a state at which a block goes on. */
  private step(process: number, words: Int32Array, from: number, into: Successors): void {
    into.clear();
    if (this.parts[process].expand(words, from, into)) return;
    // Compiled code could not go on: the packed evaluator throws the exact error, or finds the steps.
    const all = new Successors(this.words);
    this.expandInner(words, from, all);
    into.clear();
    for (let i = 0; i < all.count; i++) {
      if (this.plan.processOf[all.instances[i]] !== process) continue;
      this.copyBroken(all, i, into, all.instances[i], i * this.words, true);
    }
  }

  /**
   * A call that finds its first lock taken need not be begun: while it waits it holds nothing, so that nobody waits
   * for it, and whoever would wait for ever does so without it too.
   */
  private mayBeDropped(process: number, from: number, startsCall: boolean): boolean {
    if (!startsCall || !this.plan.isIdleFree || this.of.model.deadlock === "stuck") return false;
    const code = readLeaf(this.controls[process], this.stack, from);
    return this.plan.takesLock[process][code] === 1 && this.parts[process].waitsOn(this.stack, from) >= 0;
  }

  private push(
    words: Int32Array,
    at: number,
    block: number,
    isBefore: boolean,
    length: number,
    startsCall: boolean,
  ): void {
    const to = this.pending.length * this.words;
    if (to + this.words > this.stack.length) {
      const stack = new Int32Array(2 * this.stack.length);
      stack.set(this.stack);
      this.stack = stack;
    }
    for (let k = 0; k < this.words; k++) this.stack[to + k] = words[at + k];
    this.pending.push({ block, isBefore, length, startsCall });
  }

  private emit(out: Successors, words: Int32Array, at: number, block: number): void {
    const to = out.nextOffset();
    for (let k = 0; k < this.words; k++) out.words[to + k] = words[at + k];
    out.instances[out.count] = block;
    out.count++;
  }

  /** Where a step broke a step property, the state after it is kept, so that a path can end with that step. */
  private copyBroken(
    from: Successors,
    successor: number,
    out: Successors,
    block: number,
    at: number,
    always = false,
  ): boolean {
    let isBroken = false;
    for (const broken of from.brokenSteps) {
      if (broken.successor !== successor) continue;
      out.brokenSteps.push({ successor: out.count, property: broken.property });
      isBroken = true;
    }
    if (isBroken || always) this.emit(out, from.words, at, block);
    return isBroken;
  }

  violatedInvariants(words: Int32Array, offset: number): readonly number[] {
    return this.inner.violatedInvariants(words, offset);
  }

  countClean(words: Int32Array, offset: number, count: number): number {
    return this.inner.countClean?.(words, offset, count) ?? 0;
  }

  markWitnesses(words: Int32Array, offset: number, reached: Uint8Array): void {
    this.inner.markWitnesses(words, offset, reached);
  }

  deadlockIn(words: Int32Array, offset: number): Deadlock | null {
    return this.inner.deadlockIn(words, offset);
  }
}

/** The failure of what the plan rests on. */
function failed(reason: string, subject: string): ReductionFailure {
  return new ReductionFailure("locks", reason, subject);
}
