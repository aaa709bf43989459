/**
 * The packed evaluator: the same recipes over accessor classes on the packed words. No allocation per
 * step; takes any JavaScript that the reference evaluator takes.
 */
import type { ActionInstance, DeadlockRule, Instance } from "../model/model.ts";
import { encode, type Leaf, type Placed, readLeaf } from "../schema/layout.ts";
import { valueOf } from "../schema/shape.ts";
import { createAccessors } from "./accessors.ts";
import { findDeadlock } from "./deadlock.ts";
import { asModelError, type Deadlock, type Evaluator, type Successors } from "./evaluator.ts";
import { createReference, nameInstance } from "./reference.ts";

export function createPacked<S>(of: Instance<S>): Evaluator {
  return new PackedEvaluator(of);
}

type TryAll = (words: Int32Array, offset: number, out: Successors) => void;

/** One process: where its control label lies, and what is tried at each label's code. */
interface Dispatch<S> {
  readonly control: Leaf;
  readonly byCode: readonly (readonly ActionInstance<S>[])[];
  readonly tryByCode: readonly TryAll[];
  readonly idleCode: number;
  /** The place among the dispatches of element 0 of this process. */
  readonly firstOfProcess: number;
}

const none: readonly number[] = [];

/** So many calls are written out in one generated function: beyond it the JIT compiler gives up on it. */
const unrolled = 32;

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
  private readonly tryEnvironment: TryAll;
  private readonly invariantGroups: readonly { from: number; firstViolated: (start: number) => number }[];
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
          tryByCode: labels.map((label) => this.tryAll(at.get(label) ?? [])),
          idleCode: labels.indexOf(process.idle),
          firstOfProcess: first,
        };
      });
    });
    this.tryEnvironment = this.tryAll(of.environment);
    const groups = Math.ceil(of.invariants.length / unrolled);
    this.invariantGroups = Array.from({ length: groups }, (_, g) =>
      this.invariantGroup(g * unrolled, Math.min((g + 1) * unrolled, of.invariants.length)),
    );
    this.isBlocked = new Uint8Array(this.dispatches.length);
  }

  initialStates(): Int32Array[] {
    return createReference(this.of)
      .namedInitialStates()
      .map(({ state }) => encode(this.of.layout, state));
  }

  expand(words: Int32Array, offset: number, out: Successors): boolean {
    const { dispatches, isBlocked } = this;
    const first = out.count;
    let isAnyBlocked = false;
    for (let i = 0; i < dispatches.length; i++) {
      const { control, byCode, tryByCode, idleCode } = dispatches[i];
      const code = readLeaf(control, words, offset);
      const before = out.count;
      tryByCode[code](words, offset, out);
      isBlocked[i] = out.count === before && code !== idleCode && byCode[code].length > 0 ? 1 : 0;
      if (isBlocked[i] === 1) isAnyBlocked = true;
    }
    this.tryEnvironment(words, offset, out);
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

  /**
   * The function that tries a list of instances on one state. Unrolled, with the copying of words written
   * out: each call of a recipe is then a call site of its own, which the JIT compiler can inline.
   */
  private tryAll(instances: readonly ActionInstance<S>[]): TryAll {
    if (instances.length > unrolled) {
      const halves = [instances.slice(0, unrolled), instances.slice(unrolled)].map((some) =>
        this.tryAll(some),
      );
      return (words, offset, out) => {
        for (const half of halves) half(words, offset, out);
      };
    }
    if (instances.length === 0) return () => {};
    const indices = Array.from({ length: this.words }, (_, i) => i);
    const restore = indices.map((i) => `W[${i}] = a${i};`).join(" ");
    const checkStep = this.of.stepProperties.length > 0 ? "checkStep(at, outcome, words, offset, out);" : "";
    const tries = instances.map(
      ({ id }, k) => `at = ${k}; outcome = f${k}(S);
      if (outcome !== null) {
        const to = out.nextOffset(), into = out.words;
        ${indices.map((i) => `into[to + ${i}] = W[${i}];`).join(" ")}
        out.instances[out.count] = ${id};
        ${checkStep}
        out.count++;
        ${restore}
      }`,
    );
    const text = `const W = work, S = state; ${instances.map((_, k) => `const f${k} = fires[${k}];`).join(" ")}
      return function tryAll(words, offset, out) {
        const ${indices.map((i) => `a${i} = words[offset + ${i}]`).join(", ")};
        ${restore}
        let at = 0, outcome = null;
        try { ${tries.join("\n")} } catch (error) { throw explain(error, at); }
      }`;
    const make = new Function("work", "state", "fires", "checkStep", "explain", text);
    return make(
      this.work,
      this.state,
      instances.map(({ fireAtLabel }) => fireAtLabel),
      (at: number, outcome: string, words: Int32Array, offset: number, out: Successors) =>
        this.checkStep(instances[at], outcome, words, offset, out),
      (error: unknown, at: number) => asModelError(error, nameInstance(instances[at])),
    ) as TryAll;
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
    for (const { from, firstViolated } of this.invariantGroups) {
      for (let k = firstViolated(from); k >= 0; k = firstViolated(k + 1)) {
        violated ??= [];
        violated.push(k);
      }
    }
    return violated ?? none;
  }

  /**
   * A function that finds the first violated invariant from a given id on within a group, or -1. Unrolled
   * for the same reason as `tryAll`.
   */
  private invariantGroup(
    from: number,
    to: number,
  ): { from: number; firstViolated: (start: number) => number } {
    const some = this.of.invariants.slice(from, to);
    const text = `const S = state; ${some.map((_, k) => `const h${k} = some[${k}].property.holds, a${k} = some[${k}].args;`).join(" ")}
      return function firstViolated(start) {
        let at = start;
        try { switch (start) {
          ${some.map((_, k) => `case ${from + k}: at = ${from + k}; if (!h${k}(S, a${k}, setting)) return at;`).join("\n")}
        } } catch (error) { throw explain(error, at); }
        return -1;
      }`;
    const explain = (error: unknown, at: number) => asModelError(error, this.of.invariants[at].property.name);
    const make = new Function("state", "some", "setting", "explain", text);
    return {
      from,
      firstViolated: make(this.state, some, this.of.setting, explain) as (start: number) => number,
    };
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
