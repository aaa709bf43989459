/** The evaluators that a run can choose. */
import { availableParallelism } from "node:os";
import type { Compiled } from "../checker/compile/compile.ts";
import type { CompiledEvaluator } from "../checker/compile/compiled.ts";
import type { Evaluator } from "../checker/evaluate/evaluator.ts";
import { createPacked } from "../checker/evaluate/packed.ts";
import { createReference } from "../checker/evaluate/reference.ts";
import type { Instance } from "../checker/model/model.ts";
import { breadthFirst } from "../checker/search/breadth-first.ts";
import type { SearchOptions, SearchResult } from "../checker/search/result.ts";
import { simulate, type SimulationOptions } from "../checker/search/simulate.ts";
import { codeFolder, keeping, OtherMemory, readKept } from "./code-cache.ts";
import { usageError } from "./exit-codes.ts";

/**
 * `js`: recipes compiled to straight-line code; `packed`: over accessors; `reference`: slow and plain; `wasm`:
 * compiled, with the whole search, to WebAssembly, for one thread or more.
 */
export const engines = ["js", "packed", "reference", "wasm"] as const;
export type EngineName = (typeof engines)[number];
/** `auto`: `wasm` if all of the model compiles, otherwise `js`. */
export type EngineChoice = EngineName | "auto";
export const engineChoices = ["auto", ...engines] as const;
export const defaultEngine: EngineName = "js";
/** More than this gain nothing: a search waits for memory. */
const usualWorkers = 2;
export const mostWorkers = 64;

export interface EngineRequest {
  readonly engine: EngineChoice;
  /** Threads; absent: as many as pay. */
  readonly workers?: number | undefined;
  /** Why there can be only one thread of JavaScript, in a clause; null if there can be more. */
  readonly isBound: string | null;
  /** Whether reductions will be put around the evaluator: it is one in JavaScript then, whatever searches. */
  readonly isToReduce?: boolean;
  /** Whether the frontier is to go to the disk when memory ends: `auto` is then `js`, which can do that. */
  readonly isToSpill?: boolean;
  /** Bytes that the search may take. */
  readonly memory?: number | undefined;
  /** All that the compiled instance depends on, as a text: then it may be kept for the next run. */
  readonly identity?: string | null;
}

export interface ChosenEngine {
  readonly evaluator: Evaluator;
  readonly name: EngineName;
  readonly workers: number;
  /** Steps and properties that could not be compiled; they run on the packed evaluator. */
  readonly fallbacks: number;
  /** Why it is not the one that was asked for, or not with as many threads; null if it is. */
  readonly remark: string | null;
}

/** Makes the evaluator. The compiler is loaded only where it is asked for. */
export async function createEvaluator<S>(instance: Instance<S>, engine: EngineName): Promise<Evaluator> {
  return (await chooseEngine(instance, { engine, workers: 1, isBound: null })).evaluator;
}

/** Makes the evaluator that is asked for, or the one that can do its work; and says so. */
export async function chooseEngine<S>(instance: Instance<S>, request: EngineRequest): Promise<ChosenEngine> {
  const { engine, isBound, workers } = request;
  if (engine === "packed" || engine === "reference") {
    requireOneThread(engine, workers);
    const evaluator = engine === "packed" ? createPacked(instance) : createReference(instance);
    return { evaluator, name: engine, workers: 1, fallbacks: 0, remark: null };
  }
  if (engine === "js") requireOneThread(engine, workers);
  let remark: string | null = engine === "wasm" || (workers ?? 1) > 1 ? isBound : null;
  let compiled: Compiled | null = null;
  const isWasm =
    engine === "wasm" || (engine === "auto" && (request.isToSpill !== true || (workers ?? 1) > 1));
  if (isWasm && isBound === null) {
    const threads = workers ?? Math.min(usualWorkers, availableParallelism());
    if (request.isToReduce === true) return chooseForReductions(instance, threads);
    const made = await makeWasm(instance, { ...request, workers: threads });
    if (!("against" in made))
      return { evaluator: made, name: "wasm", workers: threads, fallbacks: 0, remark: null };
    ({ compiled, against: remark } = made);
  }
  const { compileInstance, runCompiled } = await import("../checker/compile/compiled.ts");
  const evaluator: CompiledEvaluator = runCompiled(instance, compiled ?? compileInstance(instance));
  const why = remark === null ? null : inJavaScript(remark);
  return { evaluator, name: "js", workers: 1, fallbacks: evaluator.fallbacks.length, remark: why };
}

/** The remark of a run that is not in WebAssembly, for this reason. */
function inJavaScript(why: string): string {
  return `${why}, so the engine is js, on one thread`;
}

/** The evaluator that reductions are put around; they are searched in WebAssembly if all of the model compiles. */
async function chooseForReductions<S>(instance: Instance<S>, workers: number): Promise<ChosenEngine> {
  const { createCompiled } = await import("../checker/compile/compiled.ts");
  const { reasonAgainstWasm } = await import("../checker/parallel/create-wasm.ts");
  const evaluator = createCompiled(instance);
  const against = reasonAgainstWasm(evaluator);
  if (against === null) return { evaluator, name: "wasm", workers, fallbacks: 0, remark: null };
  const { length: fallbacks } = evaluator.fallbacks;
  return { evaluator, name: "js", workers: 1, fallbacks, remark: inJavaScript(against) };
}

/** The evaluator in WebAssembly, from what another run compiled if its identity is known; or why there is none. */
async function makeWasm<S>(
  instance: Instance<S>,
  { identity, memory, workers }: EngineRequest,
): Promise<Evaluator | { readonly compiled: Compiled; readonly against: string }> {
  const { WasmEvaluator } = await import("../checker/parallel/wasm-evaluator.ts");
  const folder = codeFolder();
  const options = { workers: workers ?? 1, memory };
  const name = identity === undefined || identity === null ? null : `${options.workers} threads: ${identity}`;
  const kept = name === null || folder === null ? null : readKept(folder, name);
  try {
    if (kept !== null) return new WasmEvaluator(instance, kept, options);
  } catch (error) {
    if (!(error instanceof OtherMemory)) throw error;
  }
  const { compileInstance } = await import("../checker/compile/compiled.ts");
  const { NotInWasm } = await import("../checker/compile/print-wasm.ts");
  const { sourceOf } = await import("../checker/parallel/create-wasm.ts");
  const compiled = compileInstance(instance);
  try {
    const source = sourceOf(instance, compiled);
    const keeper = name === null || folder === null ? source : keeping(folder, name, source);
    return new WasmEvaluator(instance, keeper, options);
  } catch (error) {
    if (!(error instanceof NotInWasm)) throw error;
    return { compiled, against: error.message };
  }
}

function requireOneThread(engine: EngineName, workers: number | undefined): void {
  if (workers === undefined || workers === 1) return;
  throw usageError(
    `the engine ${engine} has one thread, not ${workers}`,
    "use --engine wasm, or leave --workers away",
  );
}

/** A simulation by the engine that the evaluator belongs to. */
export async function walkAtRandom(evaluator: Evaluator, options: SimulationOptions): Promise<SearchResult> {
  if (evaluator.name !== "wasm") return simulate(evaluator, options);
  const { canSwarm, swarm } = await import("../checker/parallel/swarm.ts");
  const { WasmEvaluator } = await import("../checker/parallel/wasm-evaluator.ts");
  const isFit = evaluator instanceof WasmEvaluator && canSwarm(options.depth);
  return isFit ? swarm(evaluator, options) : simulate(evaluator, options);
}

/**
 * Breadth-first search of an evaluator in JavaScript, a compiled one, or reductions of it: in WebAssembly, or, where that
 * cannot be, in JavaScript, after a remark.
 */
export async function searchReduced<S>(
  instance: Instance<S>,
  evaluator: Evaluator,
  options: SearchOptions,
  { memory, workers = 1 }: Pick<EngineRequest, "workers" | "memory">,
  remark: (text: string) => void,
): Promise<SearchResult> {
  const { createReducedWasm } = await import("../checker/reduce/wasm/reduced-wasm.ts");
  const { NotInWasm } = await import("../checker/compile/print-wasm.ts");
  const { searchInWasm } = await import("../checker/parallel/search.ts");
  let wasm: ReturnType<typeof createReducedWasm<S>>;
  try {
    wasm = createReducedWasm(instance, evaluator, { workers, memory });
  } catch (error) {
    if (!(error instanceof NotInWasm)) throw error;
    remark(inJavaScript(error.message));
    return breadthFirst(evaluator, options);
  }
  return searchInWasm(wasm, options);
}

/** Breadth-first search by the engine that the evaluator belongs to. */
export async function searchBreadthFirst(
  evaluator: Evaluator,
  options: SearchOptions,
): Promise<SearchResult> {
  if (evaluator.name !== "wasm") return breadthFirst(evaluator, options);
  const { searchInWasm, WasmEvaluator } = await import("../checker/parallel/search.ts");
  return evaluator instanceof WasmEvaluator
    ? searchInWasm(evaluator, options)
    : breadthFirst(evaluator, options);
}
