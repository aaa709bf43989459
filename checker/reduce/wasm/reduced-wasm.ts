/** A search with reductions in WebAssembly, on one thread or several: see reduced-shape.ts. */
import type { CompiledEvaluator } from "../../compile/compiled.ts";
import { NotInWasm } from "../../compile/print-wasm.ts";
import { type Deadlock, type Evaluator, Successors } from "../../evaluate/evaluator.ts";
import type { Instance } from "../../model/model.ts";
import { sourceOf } from "../../parallel/create-wasm.ts";
import { logEntries, own } from "../../parallel/memory-map.ts";
import { searchInWasm } from "../../parallel/search.ts";
import { WasmEvaluator, type WasmOptions } from "../../parallel/wasm-evaluator.ts";
import type { SearchOptions, SearchResult } from "../../search/result.ts";
import { isCompiled } from "../merge/merge.ts";
import { MergedEvaluator } from "../merge/merged.ts";
import { OrderEvaluator } from "../order/order.ts";
import { isReduced, type Reduced } from "../reduction.ts";
import { mostKinds, type Sampled } from "../sample.ts";
import { SymmetryEvaluator } from "../symmetry/quotient.ts";
import { kindWords } from "./count-code.ts";
import { type Layers, ReducedShape } from "./reduced-shape.ts";

/** With up to so many states, one of so many that are expanded is looked at in JavaScript. */
const samples = [
  { upTo: 1 << 15, every: 64 },
  { upTo: 1 << 20, every: 256 },
  { upTo: Infinity, every: 1024 },
] as const;

/** Renamings that a word can count. */
const mostRenamings = 2 ** 31 - 1;

/** The reductions around a compiled evaluator, and that; null where it is none. */
function layersOf<S>(outermost: Evaluator): (Layers<S> & { readonly compiled: CompiledEvaluator }) | null {
  const order = outermost instanceof OrderEvaluator ? outermost : null;
  const inOrder = order === null ? outermost : order.inner;
  const symmetric = inOrder instanceof SymmetryEvaluator ? inOrder : null;
  const below = symmetric === null ? inOrder : symmetric.inner;
  const merged = below instanceof MergedEvaluator ? below : null;
  const compiled = merged === null ? below : merged.inner;
  return isCompiled(compiled) ? { merged, symmetric, order, compiled } : null;
}

class ReducedWasm<S> extends WasmEvaluator<S> {
  readonly shape: ReducedShape<S>;
  private readonly reduced: Reduced;
  private readonly layers: Layers<S>;
  private readonly out: Successors;

  constructor(
    of: Instance<S>,
    reduced: Reduced,
    layers: Layers<S> & { readonly compiled: CompiledEvaluator },
    options: WasmOptions,
  ) {
    const { compiled } = layers;
    const shape = new ReducedShape<S>(of, compiled.module, layers);
    super(of, sourceOf(of, compiled, shape), options);
    this.shape = shape;
    this.reduced = reduced;
    this.layers = layers;
    this.out = new Successors(this.words);
    const { map } = this;
    shape.shared.fill(this.cells, map.reshapedShared);
    for (let thread = 0; thread < this.workers; thread++)
      shape.own.fill(this.cells, map.thread(thread) + map.reshapedOwn);
    this.endLayer(0);
    for (const layer of [layers.merged, layers.symmetric, layers.order]) layer?.lookCloser();
  }

  override get packed(): Evaluator {
    return this.reduced;
  }

  override initialStates(): Int32Array[] {
    return this.reduced.initialStates();
  }

  override expand(words: Int32Array, offset: number, out: Successors): boolean {
    return this.reduced.expand(words, offset, out);
  }

  override violatedInvariants(words: Int32Array, offset: number): readonly number[] {
    return this.reduced.violatedInvariants(words, offset);
  }

  override markWitnesses(words: Int32Array, offset: number, reached: Uint8Array): void {
    this.reduced.markWitnesses(words, offset, reached);
  }

  override deadlockIn(words: Int32Array, offset: number): Deadlock | null {
    return this.reduced.deadlockIn(words, offset);
  }

  override stepOf(transition: number): number {
    return this.layers.merged?.blocks.firstOf(transition) ?? transition;
  }

  override examine(state: Int32Array, isDoubted: boolean): void {
    const { out, words } = this;
    if (isDoubted) {
      this.withoutCounting(() => this.layers.symmetric?.tryExchanges(state));
      throw new Error("with two elements exchanged, a state has other successors in WebAssembly only");
    }
    out.clear();
    this.withoutCounting(() => this.reduced.expand(state, 0, out));
    const found = this.expandCompiled(state);
    // A step that breaks a property is kept in JavaScript only.
    if (found === null || out.brokenSteps.length > 0) return;
    const wanted = new Set<string>();
    for (let i = 0; i < out.count; i++) wanted.add(out.words.subarray(i * words, (i + 1) * words).join());
    if (found.size !== wanted.size || [...found].some((each) => !wanted.has(each)))
      throw new Error("reductions in WebAssembly find other successors than in JavaScript");
  }

  /** Runs what expands states in JavaScript that are expanded, and counted, here. */
  private withoutCounting(run: () => void): void {
    const { merged, order, symmetric } = this.layers;
    const inMerged = merged === null ? run : () => merged.withoutCounting(run);
    const inSymmetric = symmetric === null ? inMerged : () => symmetric.withoutCounting(inMerged);
    if (order === null) inSymmetric();
    else order.withoutCounting(inSymmetric);
  }

  /** The successors that compiled code finds, as texts; null where it hands the state over. Leaves no trace. */
  private expandCompiled(state: Int32Array): ReadonlySet<string> | null {
    const { cells, map, run, words } = this;
    const area = map.thread(0);
    const first = area + map.batch;
    const at = (variable: number): number => (area + variable) >>> 2;
    const waiting = cells.slice(cells[at(own.batchAt)] >>> 2, cells[at(own.batchEnd)] >>> 2);
    const counts = (area + map.reshapedOwn) >>> 2;
    const counted = cells.slice(counts, counts + (this.shape.countsBytes >>> 2));
    // What it notes meanwhile goes where nothing is.
    const noted = cells[at(own.logCount)];
    cells[at(own.logCount)] = logEntries - 3;
    const end = run.expand(this.load(state, 0), first) >>> 0;
    cells[at(own.logCount)] = noted;
    cells.set(counted, counts);
    const found = new Set<string>();
    for (let from = first >>> 2; from < end >>> 2; from += map.recordBytes >>> 2)
      found.add(cells.subarray(from, from + words).join());
    cells.set(waiting, cells[at(own.batchAt)] >>> 2);
    return end === 0 ? null : found;
  }

  override learn(state: Int32Array): void {
    this.shape.order?.learn(state, this.cells, this.map.reshapedShared);
  }

  override endLayer(states: number): void {
    const every = samples.find(({ upTo }) => states <= upTo)?.every ?? 1;
    this.cells[(this.map.reshapedShared + this.shape.sampleMask) >>> 2] = every - 1;
  }

  override endSearch(): void {
    super.endSearch();
    const { order: code, expanded, orbits } = this.shape;
    const { merged, order, symmetric } = this.layers;
    const states = this.sumOf(expanded);
    symmetric?.count(states, this.sumOfTwo(orbits));
    (symmetric ?? merged)?.sample.add(this.sampled());
    if (code === null) return;
    const [possible, taken] = [this.sumOfTwo(code.possible), this.sumOfTwo(code.taken)];
    order?.count({ expanded: states, reduced: this.sumOf(code.reduced), possible, taken });
  }

  /** Of the words at an offset in the threads' own parts, the sum. */
  private sumOf(offset: number): number {
    const { cells, map, workers } = this;
    let sum = 0;
    for (let thread = 0; thread < workers; thread++)
      sum += cells[(map.thread(thread) + map.reshapedOwn + offset) >>> 2] >>> 0;
    return sum;
  }

  private sumOfTwo(offset: number): number {
    return this.sumOf(offset) + 2 ** 32 * this.sumOf(offset + 4);
  }

  /** Of each kind of states one, with the weight of all. */
  private sampled(): Sampled[] {
    const { cells, map, workers, words } = this;
    const entryBytes = 4 * (kindWords + words);
    return Array.from({ length: mostKinds }, (_, kind) => this.shape.kinds + kind * entryBytes).flatMap(
      (offset) => {
        const found = Array.from(
          { length: workers },
          (_, thread) => (map.thread(thread) + map.reshapedOwn + offset) >>> 2,
        ).filter((at) => cells[at] !== 0);
        if (found.length === 0) return [];
        const rankOf = (entry: number): number =>
          2 ** 32 * (cells[entry + 3] >>> 0) + (cells[entry + 2] >>> 0);
        const best = found.reduce((a, b) => (rankOf(b) < rankOf(a) ? b : a));
        const state = cells.slice(best + kindWords, best + kindWords + words);
        return [{ state, weight: this.sumOfTwo(offset + 16) }];
      },
    );
  }
}

/**
 * Searches what a compiled evaluator, or reductions of one, say, in WebAssembly. Throws `NotInWasm` for a model of which
 * not all is compiled, or with more than two thousand million renamings.
 */
export function searchReducedInWasm<S>(
  of: Instance<S>,
  evaluator: Evaluator,
  search: SearchOptions,
  options: WasmOptions,
): Promise<SearchResult> {
  return searchInWasm(createReducedWasm(of, evaluator, options), search);
}

/** The evaluator in WebAssembly of a compiled one, or of reductions of one; see `searchReducedInWasm`. */
export function createReducedWasm<S>(
  of: Instance<S>,
  evaluator: Evaluator,
  options: WasmOptions,
): WasmEvaluator<S> {
  const layers = layersOf<S>(evaluator);
  if (layers === null) throw new Error(`the evaluator ${evaluator.name} is no reduction of a compiled one`);
  const renamings = layers.symmetric?.group.order ?? 1;
  if (renamings > mostRenamings) throw new NotInWasm(`there are ${renamings} renamings`);
  return isReduced(evaluator)
    ? new ReducedWasm(of, evaluator, layers, options)
    : new WasmEvaluator(of, sourceOf(of, layers.compiled), options);
}
