/**
 * Transitions other than the model's, for a search in WebAssembly: what reductions make of them. Threads, table and layers
 * are the same; the functions that the search calls are others, around those of the model.
 */
import type { Around, ModelFunctions } from "../compile/emit-wasm.ts";
import type { Module } from "../compile/ir.ts";
import type { Func, ModuleEncoder } from "../wasm/encoder.ts";
import type { MemoryMap } from "./memory-map.ts";

/** What functions are emitted with. */
export interface Workshop {
  readonly encoder: ModuleEncoder;
  readonly map: MemoryMap;
  /** The thread's area: a global variable. */
  readonly base: number;
  /** (kind, state): notes a state for the main thread. */
  readonly note: Func;
  /** Where the model's functions put what they report. */
  readonly around: Around;
}

export interface Reshape {
  /** Bytes of the memory that it needs, for all threads together and for each: `map.reshapedShared`, `map.reshapedOwn`. */
  readonly sharedBytes: number;
  readonly ownBytes: number;
  /** Successors of one state for which there is to be room; beyond them, a state is handed over. */
  readonly mostSuccessors: number;
  /** Parts of the model whose steps are wanted by themselves. */
  readonly parts: readonly Module[];
  /** Where the model's functions are to put what they report, and, when they are emitted, those to be called instead. */
  begin(workshop: Workshop): {
    readonly around: Around;
    emit(model: ModelFunctions): ModelFunctions;
  };
}
