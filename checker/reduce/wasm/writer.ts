/** What the files of this folder write WebAssembly functions with. */
import type { Leaf } from "../../schema/layout.ts";
import { Body } from "../../wasm/body.ts";
import type { Func, ModuleEncoder } from "../../wasm/encoder.ts";
import { i32, op } from "../../wasm/opcodes.ts";

/** Where the memory's parts begin: of all threads, an address; of each, an offset to the global `base`. */
export interface Site {
  readonly encoder: ModuleEncoder;
  readonly base: number;
  readonly shared: number;
  readonly own: number;
}

/** Writes functions of words: parameters are the first locals. */
export class CodeWriter {
  readonly site: Site;

  constructor(site: Site) {
    this.site = site;
  }

  define(params: number, results: number, write: (body: Body) => unknown): Func {
    const fn = this.site.encoder.declare(Array(params).fill(i32), Array(results).fill(i32));
    const body = new Body(params);
    write(body);
    this.site.encoder.define(fn, body);
    return fn;
  }

  /** A local with the beginning of the thread's own part. */
  own(body: Body): number {
    const own = body.local();
    body.getGlobal(this.site.base).i32(this.site.own).op(op.add).set(own);
    return own;
  }

  /** Puts in place of the index on the stack what the table has there: `place` is one of all threads. */
  lookUp(body: Body, place: number): Body {
    return body
      .i32(2)
      .op(op.shl)
      .load(this.site.shared + place);
  }
}

export function locals(body: Body, count: number): number[] {
  return Array.from({ length: count }, () => body.local());
}

/** Leaves the code of a leaf of the state in a local on the stack. */
export function read(body: Body, { mask, shift, word }: Leaf, state: number): void {
  body.get(state).load(4 * word);
  if (shift > 0) body.i32(shift).op(op.shr);
  body.i32(mask).op(op.and);
}

/** Copies `words` words from an address in a local, and an offset, to another. */
export function copyWords(
  body: Body,
  words: number,
  to: number,
  from: number,
  { toOffset = 0, fromOffset = 0 } = {},
): void {
  for (let k = 0; k < words; k++) {
    body.get(to).get(from);
    body.load(fromOffset + 4 * k).store(toOffset + 4 * k);
  }
}

/** Leaves whether the words at two addresses, with an offset to the second, are the same. */
export function areSame(body: Body, words: number, a: number, b: number, offset = 0): void {
  body.i32(0);
  for (let k = 0; k < words; k++) {
    body
      .get(a)
      .load(4 * k)
      .get(b)
      .load(offset + 4 * k);
    body.op(op.xor).op(op.or);
  }
  body.op(op.eqz);
}

/** Adds the number in a local to the two words at an offset from the address in another. */
export function addTo(body: Body, at: number, offset: number, by: number): void {
  const sum = body.borrow();
  body.get(at).get(at).load(offset).get(by).op(op.add).tee(sum).store(offset);
  body
    .get(at)
    .get(at)
    .load(offset + 4);
  // What did not fit in the lower word.
  body
    .get(sum)
    .get(by)
    .op(op.ltU)
    .op(op.add)
    .store(offset + 4);
  body.giveBack(sum);
}
