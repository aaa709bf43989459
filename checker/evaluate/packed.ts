/**
 * The packed evaluator: the same recipes over accessor classes on the packed words. No allocation per
 * step; takes any JavaScript that the reference evaluator takes.
 */
import type { ActionInstance, DeadlockRule, Instance } from "../model/model.ts";
import { encode, type Leaf, type Placed, readLeaf } from "../schema/layout.ts";
import { valueOf } from "../schema/shape.ts";
import { createAccessors } from "./accessors.ts";
import { findDeadlock } from "./deadlock.ts";
import { type Dispatch, type PackedCode, packedCode } from "./packed-code.ts";
import { asModelError, type Deadlock, type Evaluator, type Successors } from "./evaluator.ts";
import { createReference, nameInstance } from "./reference.ts";

export function createPacked<S>(of: Instance<S>): Evaluator {
  return new PackedEvaluator(of);
}

const none: readonly number[] = [];

class PackedEvaluator<S> implements Evaluator {
  readonly name = "packed";
  readonly words: number;
  readonly usedBits: readonly number[];
  private readonly of: Instance<S>;
  private readonly deadlockRule: DeadlockRule;
  /** The state that recipes work on, and the accessors over it. */
  private readonly work: Int32Array;
  private readonly state: S;
  /** The state before a step, for step properties. */
  private readonly beforeWords: Int32Array;
  private readonly before: S;
  private readonly code: PackedCode;
  private readonly dispatches: readonly Dispatch<S>[];
  /** By dispatch: in the state last expanded, the process is in a call and has no enabled step. */
  private readonly isBlocked: Uint8Array;

  constructor(of: Instance<S>) {
    this.of = of;
    this.deadlockRule = of.model.deadlock;
    const { words, root } = of.layout;
    this.words = words;
    this.usedBits = of.layout.usedBits;
    this.work = offHeap(words);
    this.state = createAccessors(root, this.work) as S;
    this.beforeWords = offHeap(words);
    this.before = createAccessors(root, this.beforeWords) as S;
    let firstOfProcess = 0;
    this.dispatches = of.processes.flatMap(({ process, tried, size }) => {
      const first = firstOfProcess;
      firstOfProcess += size;
      return tried.map((at, self) => {
        const control = controlLeaf(root, process.frames, self, process.control);
        const { cardinality } = control.shape;
        const labels = Array.from({ length: cardinality }, (_, code) => String(valueOf(control.shape, code)));
        return {
          control,
          byCode: labels.map((label) => at.get(label) ?? []),
          idleCode: labels.indexOf(process.idle),
          firstOfProcess: first,
        };
      });
    });
    this.isBlocked = new Uint8Array(this.dispatches.length);
    const { dispatches, isBlocked, state, work } = this;
    this.code = packedCode({
      of,
      work,
      state,
      dispatches,
      isBlocked,
      checkStep: (instance, outcome, from, offset, out) =>
        this.checkStep(of.instances[instance], outcome, from, offset, out),
      explainStep: (error, instance) => asModelError(error, nameInstance(of.instances[instance])),
      explainInvariant: (error, invariant) => asModelError(error, of.invariants[invariant].property.name),
    });
  }

  initialStates(): Int32Array[] {
    return createReference(this.of)
      .namedInitialStates()
      .map(({ state }) => encode(this.of.layout, state));
  }

  expand(words: Int32Array, offset: number, out: Successors): boolean {
    const first = out.count;
    const isAnyBlocked = this.code.expand(words, offset, out);
    return this.mayBeStuck(words, offset, out, first, isAnyBlocked);
  }

  expandRun(
    words: Int32Array,
    offset: number,
    count: number,
    out: Successors,
    enough: number,
    ends: Int32Array,
    first: number,
  ): number {
    let k = 0;
    let begin = out.count;
    try {
      while (k < count && begin < enough) {
        const at = offset + k * this.words;
        const isAnyBlocked = this.code.expand(words, at, out);
        if (this.mayBeStuck(words, at, out, begin, isAnyBlocked)) {
          out.takeBack(begin);
          return k;
        }
        begin = out.count;
        ends[first + k++] = begin;
      }
    } catch {
      // The search expands this state by itself, and learns then what it threw.
      out.takeBack(begin);
    }
    return k;
  }

  private mayBeStuck(
    words: Int32Array,
    offset: number,
    out: Successors,
    first: number,
    isAnyBlocked: boolean,
  ): boolean {
    switch (this.deadlockRule) {
      case "none":
        return false;
      case "stuck":
        return out.count === first;
      case "waiting":
        return isAnyBlocked && this.mayBeDeadlock(words, offset, out, first);
    }
  }

  /**
   * Quickly dismisses most states in which a process is blocked: the holder of its lock can step, or a
   * server of its wait just did. What is left is decided by `deadlockIn`.
   */
  private mayBeDeadlock(words: Int32Array, offset: number, out: Successors, first: number): boolean {
    for (let i = 0; i < this.isBlocked.length; i++) {
      if (this.isBlocked[i] === 1 && !this.canClearlyGoOn(i, words, offset, out, first)) return true;
    }
    return false;
  }

  /** Does the chain of waiting from a blocked process end at one that can step, or at a wait just served? */
  private canClearlyGoOn(
    from: number,
    words: Int32Array,
    offset: number,
    out: Successors,
    first: number,
  ): boolean {
    const { dispatches, isBlocked, state } = this;
    let i = from;
    for (let hops = 0; hops < isBlocked.length; hops++) {
      const { control, byCode, firstOfProcess } = dispatches[i];
      const tried = byCode[readLeaf(control, words, offset)];
      const blocked = tried.length === 1 && tried[0].blocked !== null ? tried[0].blocked(state) : null;
      if (blocked === null) return false;
      if (blocked.kind === "wait") return this.wasServed(blocked.servedBy, out, first);
      i = firstOfProcess + blocked.holder;
      if (isBlocked[i] === 0) return true;
    }
    return false;
  }

  private wasServed(servers: readonly string[], out: Successors, first: number): boolean {
    for (let i = first; i < out.count; i++) {
      if (servers.includes(this.of.instances[out.instances[i]].action.name)) return true;
    }
    return false;
  }

  private load(words: Int32Array, offset: number): void {
    const { work } = this;
    for (let i = 0; i < work.length; i++) work[i] = words[offset + i];
  }

  private checkStep(
    instance: ActionInstance<S>,
    outcome: string,
    words: Int32Array,
    offset: number,
    out: Successors,
  ): void {
    for (let i = 0; i < this.words; i++) this.beforeWords[i] = words[offset + i];
    const step = { action: instance.action.name, args: instance.args, outcome };
    for (const { id, property, args } of this.of.stepProperties) {
      try {
        if (property.holds(this.before, this.state, step, args, this.of.setting)) continue;
      } catch (error) {
        throw asModelError(error, property.name);
      }
      out.brokenSteps.push({ successor: out.count, property: id });
    }
  }

  violatedInvariants(words: Int32Array, offset: number): readonly number[] {
    this.load(words, offset);
    let violated: number[] | null = null;
    for (let k = this.code.firstViolated(0); k >= 0; k = this.code.firstViolated(k + 1)) {
      violated ??= [];
      violated.push(k);
    }
    return violated ?? none;
  }

  countClean(words: Int32Array, offset: number, count: number): number {
    return this.code.countClean(words, offset, count);
  }

  markWitnesses(words: Int32Array, offset: number, reached: Uint8Array): void {
    this.load(words, offset);
    for (const { id, property, args } of this.of.witnesses) {
      if (reached[id] !== 0) continue;
      try {
        if (property.holds(this.state, args, this.of.setting)) reached[id] = 1;
      } catch (error) {
        throw asModelError(error, property.name);
      }
    }
  }

  deadlockIn(words: Int32Array, offset: number): Deadlock | null {
    this.load(words, offset);
    return findDeadlock(this.of, this.state, (instance) => {
      const enabled = instance.fire(this.state) !== null;
      if (enabled) this.load(words, offset);
      return enabled;
    });
  }
}

/** Words whose address is fixed, which short arrays made the usual way do not have: the JIT compiler relies on it. */
function offHeap(words: number): Int32Array {
  return new Int32Array(new ArrayBuffer(4 * words));
}

/** The leaf of the control label of element `self` of a process. */
export function controlLeaf(root: Placed, frames: string, self: number, control: string): Leaf {
  const fieldOf = (placed: Placed, name: string): Placed | undefined =>
    placed.kind === "record" ? placed.fields.find(([known]) => known === name)?.[1] : undefined;
  const list = fieldOf(root, frames);
  const found = list?.kind === "array" ? fieldOf(list.elements[self], control) : undefined;
  if (found?.kind !== "scalar") throw new Error(`no control label at ${frames}[${self}].${control}`);
  return found.leaf;
}
