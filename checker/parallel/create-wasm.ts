/**
 * The module of an instance, made anew. A model with a recipe that was not compiled is not taken at all: that would be
 * most of the work.
 */
import type { Compiled } from "../compile/compile.ts";
import { compileInstance } from "../compile/compiled.ts";
import { emitModel } from "../compile/emit-wasm.ts";
import { NotInWasm } from "../compile/print-wasm.ts";
import type { Instance } from "../model/model.ts";
import { ModuleEncoder } from "../wasm/encoder.ts";
import { i32 } from "../wasm/opcodes.ts";
import { mostPages, pageBytes } from "../wasm/platform.ts";
import { aroundModel, emitKeepLeast, emitSearch } from "./emit-search.ts";
import { emitTable } from "./emit-table.ts";
import type { MemoryMap } from "./memory-map.ts";
import { WasmEvaluator, type WasmOptions, type WasmSource } from "./wasm-evaluator.ts";

/** Why a model cannot run as WebAssembly: a sentence, or null if it can. */
function reasonAgainstWasm({ fallbacks }: Compiled): string | null {
  const [first] = fallbacks;
  if (first === undefined) return null;
  return `${fallbacks.length} of its steps and properties are not compiled (${first.name}: ${first.reason})`;
}

/** Throws `NotInWasm` if `reasonAgainstWasm` has a reason. */
export function createWasm<S>(
  of: Instance<S>,
  options: WasmOptions = {},
  compiled = compileInstance(of),
): WasmEvaluator<S> {
  return new WasmEvaluator(of, sourceOf(of, compiled), options);
}

/** Throws `NotInWasm` if `reasonAgainstWasm` has a reason. */
export function sourceOf<S>(of: Instance<S>, compiled: Compiled): WasmSource {
  const against = reasonAgainstWasm(compiled);
  if (against !== null) throw new NotInWasm(against);
  return {
    mostSuccessors: compiled.module.mostSuccessors,
    servers: compiled.insight.servers,
    encode: (map) => encodeModule(of, compiled, map),
  };
}

function encodeModule<S>(of: Instance<S>, compiled: Compiled, map: MemoryMap): Uint8Array {
  const isShared = map.needs.threads > 1;
  const pages = map.needs.memoryBytes / pageBytes;
  const encoder = new ModuleEncoder({ initial: pages, maximum: mostPages });
  const base = encoder.global(i32);
  const noticed = encoder.global(i32);
  const around = aroundModel(map, base, emitKeepLeast(encoder, map, noticed));
  const model = emitModel(encoder, compiled.module, of.model.deadlock, around);
  const table = emitTable(encoder, map, of.layout.usedBits, isShared);
  emitSearch(encoder, map, { base, noticed, model, table, isShared });
  return encoder.encode();
}
