/** The evaluators that a run can choose. */
import { availableParallelism } from "node:os";
import type { CompiledEvaluator } from "../checker/compile/compiled.ts";
import type { Evaluator } from "../checker/evaluate/evaluator.ts";
import { createPacked } from "../checker/evaluate/packed.ts";
import { createReference } from "../checker/evaluate/reference.ts";
import type { Instance } from "../checker/model/model.ts";
import { breadthFirst } from "../checker/search/breadth-first.ts";
import type { SearchOptions, SearchResult } from "../checker/search/result.ts";
import { simulate, type SimulationOptions } from "../checker/search/simulate.ts";
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
  /** Whether the frontier is to go to the disk when memory ends: `auto` is then `js`, which can do that. */
  readonly isToSpill?: boolean;
  /** Bytes that the search may take. */
  readonly memory?: number | undefined;
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
  const { compileInstance, runCompiled } = await import("../checker/compile/compiled.ts");
  const compiled = compileInstance(instance);
  let remark: string | null = engine === "wasm" || (workers ?? 1) > 1 ? isBound : null;
  const isWasm =
    engine === "wasm" || (engine === "auto" && (request.isToSpill !== true || (workers ?? 1) > 1));
  if (isWasm && isBound === null) {
    const { createWasm, reasonAgainstWasm } = await import("../checker/parallel/wasm-evaluator.ts");
    remark = reasonAgainstWasm(compiled);
    if (remark === null) {
      const threads = workers ?? Math.min(usualWorkers, availableParallelism());
      const evaluator = createWasm(instance, { workers: threads, memory: request.memory }, compiled);
      return { evaluator, name: "wasm", workers: threads, fallbacks: 0, remark: null };
    }
  }
  const evaluator: CompiledEvaluator = runCompiled(instance, compiled);
  const why = remark === null ? null : `${remark}, so the engine is js, on one thread`;
  return { evaluator, name: "js", workers: 1, fallbacks: evaluator.fallbacks.length, remark: why };
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
