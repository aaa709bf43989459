/**
 * WebAssembly modules in the binary format: as much of it as the search needs. Written here because a module is
 * made for every model and every run, so that it has to be there at once; Binaryen takes 0.4 s to load.
 */
import { type Body, writeUnsigned } from "./body.ts";
import type { ValueType } from "./opcodes.ts";

export interface Func {
  readonly index: number;
}

interface Declared extends Func {
  readonly type: number;
  body: Body | null;
}

export class ModuleEncoder {
  private readonly types: string[] = [];
  private readonly functions: Declared[] = [];
  private readonly globals: ValueType[] = [];
  private readonly exported: [string, Func][] = [];
  private readonly memory: { initial: number; maximum: number };

  /** The module imports a shared memory, `env.memory`, of at least so many pages. */
  constructor(memory: { initial: number; maximum: number }) {
    this.memory = memory;
  }

  /** Declares a function, so that others can call it; `define` gives it its body. */
  declare(params: readonly ValueType[], results: readonly ValueType[] = []): Func {
    const fn = { index: this.functions.length, type: this.typeOf(params, results), body: null };
    this.functions.push(fn);
    return fn;
  }

  define(fn: Func, body: Body): void {
    this.functions[fn.index].body = body;
  }

  /** A variable of an instance, zero at first. */
  global(type: ValueType): number {
    return this.globals.push(type) - 1;
  }

  export(name: string, fn: Func): void {
    this.exported.push([name, fn]);
  }

  encode(): Uint8Array {
    const text = (name: string): number[] => {
      const bytes = [...new TextEncoder().encode(name)];
      return [...number(bytes.length), ...bytes];
    };
    const { initial, maximum } = this.memory;
    const memory = [...text("env"), ...text("memory"), 2, 3, ...number(initial), ...number(maximum)];
    const bodies = this.functions.map(({ body }) => {
      if (body === null) throw new Error("a function without a body");
      return body.encode();
    });
    const parts = [
      [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      section(
        1,
        this.types.map((type) => type.split(" ").map(Number)),
      ),
      section(2, [memory]),
      section(
        3,
        this.functions.map(({ type }) => number(type)),
      ),
      // i32.const 0, or i64.const 0
      section(
        6,
        this.globals.map((type) => [type, 1, type === 0x7e ? 0x42 : 0x41, 0, 0x0b]),
      ),
      section(
        7,
        this.exported.map(([name, { index }]) => [...text(name), 0, ...number(index)]),
      ),
      section(10, bodies.map((body) => [number(body.length), body]).flat(), bodies.length),
    ];
    const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  private typeOf(params: readonly ValueType[], results: readonly ValueType[]): number {
    const name = [0x60, params.length, ...params, results.length, ...results].join(" ");
    const known = this.types.indexOf(name);
    return known >= 0 ? known : this.types.push(name) - 1;
  }
}

function number(value: number): number[] {
  const bytes: number[] = [];
  writeUnsigned(bytes, value);
  return bytes;
}

/** A section is a list of `items`; `count` says how many there are where an item is in several pieces. */
function section(id: number, items: readonly (readonly number[])[], count = items.length): Uint8Array {
  const head = number(count);
  const size = items.reduce((sum, { length }) => sum + length, head.length);
  const begin = [id, ...number(size), ...head];
  const bytes = new Uint8Array(begin.length + size - head.length);
  bytes.set(begin);
  let at = begin.length;
  for (const item of items) {
    bytes.set(item, at);
    at += item.length;
  }
  return bytes;
}
