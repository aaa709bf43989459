/** The part of the WebAssembly interface that is used here; the language's own library does not declare it. */

export interface WasmMemory {
  readonly buffer: SharedArrayBuffer;
}

/** A compiled module: opaque, and fit to be sent to other threads. */
export interface WasmModule {
  readonly kind?: "module";
}

export type WasmFunction = (...args: number[]) => number;

interface Platform {
  readonly Memory: new (descriptor: { initial: number; maximum: number; shared: true }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array) => WasmModule;
  readonly Instance: new (
    module: WasmModule,
    imports: Record<string, Record<string, unknown>>,
  ) => { readonly exports: Record<string, WasmFunction> };
}

declare const WebAssembly: Platform;

export const pageBytes = 1 << 16;
/** What addresses of 32 bits can reach. */
export const mostPages = 1 << 16;

export function compileWasm(bytes: Uint8Array): WasmModule {
  return new WebAssembly.Module(bytes);
}

/** Instances of one module over one memory differ in their globals only. */
export function instantiateWasm(module: WasmModule, memory: WasmMemory): Record<string, WasmFunction> {
  return new WebAssembly.Instance(module, { env: { memory } }).exports;
}

/**
 * Memory that threads share. Pages that nobody writes to take no memory of the machine, so that places may lie
 * far apart. Where the machine promises less than `pages`, there is less.
 */
export function allocateShared(pages: number, least: number): WasmMemory {
  for (let wanted = Math.max(least, Math.min(pages, mostPages)); ; wanted = Math.max(least, wanted >> 1)) {
    try {
      return new WebAssembly.Memory({ initial: wanted, maximum: mostPages, shared: true });
    } catch (error) {
      if (!(error instanceof RangeError) || wanted <= least) throw error;
    }
  }
}
