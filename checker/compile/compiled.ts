/**
 * The compiled evaluator: the model's recipes as straight-line code over packed words.
 *
 * The packed evaluator stands behind it. It tries what was not compiled, decides what is rare (deadlocks,
 * initial states), and takes over a state on which compiled code finds that it cannot go on: mostly because
 * the model is wrong there, and then the packed evaluator throws the exact error.
 */
import { createAccessors } from "../evaluate/accessors.ts";
import { asModelError, type Deadlock, type Evaluator, type Successors } from "../evaluate/evaluator.ts";
import { createPacked } from "../evaluate/packed.ts";
import { createReference, nameInstance } from "../evaluate/reference.ts";
import type { Instance } from "../model/model.ts";
import { openClosures } from "./closures.ts";
import { compile, type Compiled, type Fallback, type Insight } from "./compile.ts";
import { type Code, emitJavaScript, type Host } from "./emit-js.ts";
import type { Footprints } from "./footprint.ts";
import type { Module } from "./ir.ts";
import { warmUp } from "./warm-up.ts";

export interface CompiledEvaluator extends Evaluator {
  readonly name: "js";
  /** What the packed evaluator does instead, and why. */
  readonly fallbacks: readonly Fallback[];
  readonly footprints: Footprints;
  readonly module: Module;
  readonly insight: Insight;
  /** How many states were given to the packed evaluator to be expanded, so far. */
  readonly handedOver: number;
  /** The generated text. */
  readonly text: string;
  /** Milliseconds that compiling took, V8's own later work apart. */
  readonly compileTime: number;
}

/** Compiles an instance. What cannot be compiled is done as the packed evaluator does it. */
export function createCompiled<S>(of: Instance<S>): CompiledEvaluator {
  const start = performance.now();
  return new JavaScriptEvaluator(of, compileInstance(of), start);
}

/** The compiled form of an instance, for any back end. */
export function compileInstance<S>(of: Instance<S>): Compiled {
  const closures = openClosures();
  try {
    return compile(of, closures);
  } finally {
    closures?.close();
  }
}

/** An evaluator for a module that was compiled before (or changed since, in a test). */
export function runCompiled<S>(of: Instance<S>, compiled: Compiled): CompiledEvaluator {
  return new JavaScriptEvaluator(of, compiled, performance.now());
}

/** A part of a compiled model: some of its steps, without properties of states. */
export interface Part {
  /** Appends the successors; returns false, having appended none, where the packed evaluator has to do it. */
  expand(words: Int32Array, offset: number, out: Successors): boolean;
  /** On whom the part's only process waits where it is blocked: see `Label.waits`. */
  waitsOn(words: Int32Array, offset: number): number;
}

/** Makes code for a module that is a part of a compiled one. */
export function runPart<S>(of: Instance<S>, module: Module): Part {
  const host = new RecipeHost(of);
  const { code } = emitJavaScript(module, host);
  const end = new Int32Array(1);
  return {
    expand: (words, offset, out) => {
      reserve(out, module.mostSuccessors);
      host.out = out;
      const before = out.count;
      const done = code.expand(words, offset, 1, before, out.words, out.instances, 0, end, 0);
      if (done === 0) out.takeBack(before);
      else [out.count] = end;
      return done > 0;
    },
    waitsOn: (words, offset) => code.waitsOn(0, words, offset),
  };
}

const none: readonly number[] = [];
/** States after which a search is no short one: then V8 is shown all paths of the code. */
const shortSearch = 2048;

class JavaScriptEvaluator<S> implements CompiledEvaluator {
  readonly name = "js";
  readonly words: number;
  readonly usedBits: readonly number[];
  readonly fallbacks: readonly Fallback[];
  readonly footprints: Footprints;
  readonly module: Module;
  readonly insight: Insight;
  handedOver = 0;
  readonly text: string;
  readonly compileTime: number;
  private readonly of: Instance<S>;
  private behind: Evaluator | null = null;
  private readonly host: RecipeHost<S>;
  private readonly code: Code;
  private readonly endOfOne = new Int32Array(1);
  private statesUntilWarm = shortSearch;
  /** By set of servers: the action instances in it. */
  private readonly isServer: readonly Uint8Array[];

  constructor(of: Instance<S>, compiled: Compiled, start: number) {
    this.of = of;
    this.words = of.layout.words;
    this.usedBits = of.layout.usedBits;
    this.fallbacks = compiled.fallbacks;
    this.footprints = compiled.footprints;
    this.module = compiled.module;
    this.insight = compiled.insight;
    this.host = new RecipeHost(of);
    this.isServer = compiled.insight.servers.map((names) =>
      Uint8Array.from(of.instances, ({ action }) => (names.includes(action.name) ? 1 : 0)),
    );
    const { code, text } = emitJavaScript(compiled.module, this.host);
    this.code = code;
    this.text = text;
    this.compileTime = performance.now() - start;
  }

  /** The packed evaluator, made when it is first needed: mostly it never is. */
  private get packed(): Evaluator {
    this.behind ??= createPacked(this.of);
    return this.behind;
  }

  initialStates(): Int32Array[] {
    const reference = createReference(this.of);
    return reference.namedInitialStates().map(({ state }) => reference.pack(state));
  }

  expand(words: Int32Array, offset: number, out: Successors): boolean {
    const first = out.count;
    if (this.runCode(words, offset, 1, out, 0, this.endOfOne, 0) === 0) {
      this.handedOver++;
      return this.packed.expand(words, offset, out);
    }
    return this.mayBeStuck(words, offset, out, first);
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
    if (this.statesUntilWarm > 0) {
      this.statesUntilWarm -= count;
      if (this.statesUntilWarm <= 0) this.warmUp();
    }
    for (let k = 0; k < count; ) {
      const before = out.count;
      const done = this.runCode(words, offset + k * this.words, count - k, out, enough, ends, first + k);
      if (done === 0) return k;
      k += done;
      const begin = done === 1 ? before : ends[first + k - 2];
      if (this.mayBeStuck(words, offset + (k - 1) * this.words, out, begin)) {
        out.takeBack(begin);
        return k - 1;
      }
      if (out.count >= enough) return k;
    }
    return count;
  }

  private warmUp(): void {
    if (this.fallbacks.length > 0) return;
    this.host.out = null;
    warmUp(this.code, this.module, this.initialStates());
  }

  /** Runs the code on up to `count` states; returns how many it took. What it began and left undone is undone. */
  private runCode(
    words: Int32Array,
    offset: number,
    count: number,
    out: Successors,
    enough: number,
    ends: Int32Array,
    first: number,
  ): number {
    reserve(out, Math.max(0, enough - out.count) + this.module.mostSuccessors);
    this.host.out = out;
    const { code } = this;
    const done = code.expand(words, offset, count, out.count, out.words, out.instances, enough, ends, first);
    if (done > 0) out.count = ends[first + done - 1];
    if (code.hasFailed()) out.takeBack(out.count);
    return done;
  }

  /** Whether the state that was expanded last, whose successors begin at number `first`, may be a deadlock. */
  private mayBeStuck(words: Int32Array, offset: number, out: Successors, first: number): boolean {
    switch (this.of.model.deadlock) {
      case "none":
        return false;
      case "stuck":
        return out.count === first;
      case "waiting": {
        const blocked = this.code.blocked();
        return blocked !== 0 && this.mayBeDeadlock(words, offset, out, first, blocked);
      }
    }
  }

  /** As the packed evaluator does: only where some chain of waiting leads nowhere may there be a deadlock. */
  private mayBeDeadlock(
    words: Int32Array,
    offset: number,
    out: Successors,
    first: number,
    blocked: number,
  ): boolean {
    const { length } = this.module.dispatches;
    for (let i = 0; i < length; i++) {
      if ((blocked >>> (i & 31)) & 1 && !this.canClearlyGoOn(i, words, offset, out, first, blocked))
        return true;
    }
    return false;
  }

  private canClearlyGoOn(
    from: number,
    words: Int32Array,
    offset: number,
    out: Successors,
    first: number,
    blocked: number,
  ): boolean {
    let i = from;
    for (let hops = 0; hops < this.module.dispatches.length; hops++) {
      const on = this.code.waitsOn(i, words, offset);
      if (on === -1) return false;
      if (on < -1) return this.wasServed(this.isServer[-2 - on], out, first);
      if (((blocked >>> (on & 31)) & 1) === 0) return true;
      i = on;
    }
    return false;
  }

  private wasServed(isServer: Uint8Array, out: Successors, first: number): boolean {
    for (let i = first; i < out.count; i++) if (isServer[out.instances[i]] === 1) return true;
    return false;
  }

  violatedInvariants(words: Int32Array, offset: number): readonly number[] {
    const { host } = this;
    if (this.code.invariants(words, offset) < 0) {
      host.violations.length = 0;
      return this.packed.violatedInvariants(words, offset);
    }
    // They come group by group.
    return host.violations.length === 0 ? none : host.violations.splice(0).sort((a, b) => a - b);
  }

  countClean(words: Int32Array, offset: number, count: number): number {
    const clean = this.code.countClean(words, offset, count);
    this.host.violations.length = 0;
    return clean;
  }

  markWitnesses(words: Int32Array, offset: number, reached: Uint8Array): void {
    if (this.code.witnesses(words, offset, reached) < 0) this.packed.markWitnesses(words, offset, reached);
  }

  deadlockIn(words: Int32Array, offset: number): Deadlock | null {
    return this.packed.deadlockIn(words, offset);
  }
}

/** Makes room for `more` successors, so that compiled code need not look. */
function reserve(out: Successors, more: number): void {
  const needed = out.count + more;
  if (needed <= out.instances.length) return;
  const capacity = Math.max(needed, 2 * out.instances.length);
  const words = new Int32Array(capacity * out.wordsPerState);
  words.set(out.words);
  out.words = words;
  const instances = new Int32Array(capacity);
  instances.set(out.instances);
  out.instances = instances;
}

/** Runs the recipes that were not compiled, on accessors. */
class RecipeHost<S> implements Host {
  out: Successors | null = null;
  readonly violations: number[] = [];
  private readonly of: Instance<S>;
  private readonly work: Int32Array;
  private readonly beforeWords: Int32Array;
  private accessors: S | null = null;
  private accessorsBefore: S | null = null;

  constructor(of: Instance<S>) {
    this.of = of;
    this.work = new Int32Array(of.layout.words);
    this.beforeWords = new Int32Array(of.layout.words);
  }

  private get state(): S {
    this.accessors ??= createAccessors(this.of.layout.root, this.work) as S;
    return this.accessors;
  }

  private get before(): S {
    this.accessorsBefore ??= createAccessors(this.of.layout.root, this.beforeWords) as S;
    return this.accessorsBefore;
  }

  private load(into: Int32Array, words: Int32Array, offset: number): void {
    for (let i = 0; i < into.length; i++) into[i] = words[offset + i];
  }

  tryInstance(id: number, words: Int32Array, offset: number, count: number): number {
    const out = this.out as Successors;
    const instance = this.of.instances[id];
    this.load(this.work, words, offset);
    let outcome: string | null;
    try {
      outcome = instance.fireAtLabel(this.state);
    } catch {
      // The packed evaluator throws the same, with the successors found before.
      return -1;
    }
    if (outcome === null) return count;
    out.words.set(this.work, count * this.work.length);
    out.instances[count] = id;
    for (const { id: property } of this.of.stepProperties)
      this.lookAtStep(property, id, outcome, words, offset, count);
    return count + 1;
  }

  checkStep(property: number, id: number, words: Int32Array, offset: number, successor: number): void {
    this.load(this.work, words, offset);
    const outcome = this.of.instances[id].fireAtLabel(this.state);
    this.lookAtStep(property, id, outcome ?? "", words, offset, successor);
  }

  /** The state after the step is in `work`. */
  private lookAtStep(
    id: number,
    of: number,
    outcome: string,
    words: Int32Array,
    offset: number,
    successor: number,
  ): void {
    this.load(this.beforeWords, words, offset);
    const { property, args } = this.of.stepProperties[id];
    const instance = this.of.instances[of];
    const step = { action: instance.action.name, args: instance.args, outcome };
    try {
      if (!property.holds(this.before, this.state, step, args, this.of.setting)) this.broken(successor, id);
    } catch (error) {
      throw asModelError(asModelError(error, property.name), nameInstance(instance));
    }
  }

  broken(successor: number, property: number): void {
    this.out?.brokenSteps.push({ successor, property });
  }

  violated(id: number): void {
    this.violations.push(id);
  }

  tryInvariant(id: number, words: Int32Array, offset: number): void {
    const { property, args } = this.of.invariants[id];
    this.load(this.work, words, offset);
    if (!this.holds(() => property.holds(this.state, args, this.of.setting), property.name))
      this.violated(id);
  }

  tryWitness(id: number, words: Int32Array, offset: number, reached: Uint8Array): void {
    const { property, args } = this.of.witnesses[id];
    this.load(this.work, words, offset);
    if (this.holds(() => property.holds(this.state, args, this.of.setting), property.name)) reached[id] = 1;
  }

  private holds(run: () => boolean, place: string): boolean {
    try {
      return run();
    } catch (error) {
      this.violations.length = 0;
      throw asModelError(error, place);
    }
  }
}
