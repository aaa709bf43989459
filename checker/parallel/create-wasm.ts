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
import { aroundModel, emitKeepLeast, emitNote, emitSearch } from "./emit-search.ts";
import { emitTable } from "./emit-table.ts";
import type { MemoryMap } from "./memory-map.ts";
import type { Reshape } from "./reshape.ts";
import { WasmEvaluator, type WasmOptions, type WasmSource } from "./wasm-evaluator.ts";

/** What of a compiled instance is needed. */
type Sources = Pick<Compiled, "module" | "insight" | "fallbacks">;

/** Why a model cannot run as WebAssembly: a sentence, or null if it can. */
export function reasonAgainstWasm({ fallbacks }: Pick<Compiled, "fallbacks">): string | null {
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
export function sourceOf<S>(of: Instance<S>, compiled: Sources, reshape?: Reshape): WasmSource {
  const against = reasonAgainstWasm(compiled);
  if (against !== null) throw new NotInWasm(against);
  return {
    mostSuccessors: Math.max(compiled.module.mostSuccessors, reshape?.mostSuccessors ?? 0),
    servers: compiled.insight.servers,
    ...(reshape && { reshaped: { shared: reshape.sharedBytes, own: reshape.ownBytes } }),
    encode: (map) => encodeModule(of, compiled, map, reshape),
  };
}

function encodeModule<S>(of: Instance<S>, compiled: Sources, map: MemoryMap, reshape?: Reshape): Uint8Array {
  const isShared = map.needs.threads > 1;
  const pages = map.needs.memoryBytes / pageBytes;
  const encoder = new ModuleEncoder({ initial: pages, maximum: mostPages });
  const base = encoder.global(i32);
  const noticed = encoder.global(i32);
  const usual = aroundModel(map, base, emitKeepLeast(encoder, map, noticed));
  const note = emitNote(encoder, map, base);
  const reshaped = reshape?.begin({ encoder, map, base, note, around: usual });
  const around = reshaped?.around ?? usual;
  const own = emitModel(encoder, compiled.module, of.model.deadlock, around, reshape?.parts);
  const model = reshaped?.emit(own) ?? own;
  const table = emitTable(encoder, map, of.layout.usedBits, isShared);
  emitSearch(encoder, map, { base, noticed, model, table, note, isShared });
  return encoder.encode();
}
