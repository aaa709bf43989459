/**
 * The body of a WebAssembly function, written instruction by instruction. Methods return the body, so that what
 * belongs together stands on one line: `body.get(a).get(b).op(op.add).set(sum)`.
 */
import { access, i32, op, type ValueType, vector } from "./opcodes.ts";

/** Where a branch goes: a block's end, or a loop's beginning. */
export type Target = number & { readonly is?: "target" };

const nothing = 0x40;

export class Body {
  private readonly bytes: number[] = [];
  private readonly types: ValueType[] = [];
  private readonly params: number;
  private readonly free: number[] = [];
  private depth = 0;

  constructor(params: number) {
    this.params = params;
  }

  /** A new local variable, zero at first. */
  local(type: ValueType = i32): number {
    return this.params + this.types.push(type) - 1;
  }

  /** A local for a while: one that was given back, or a new one. What it holds at first is not known. */
  borrow(): number {
    return this.free.pop() ?? this.local();
  }

  giveBack(local: number): void {
    this.free.push(local);
  }

  get(local: number): this {
    return this.code(0x20).unsigned(local);
  }

  set(local: number): this {
    return this.code(0x21).unsigned(local);
  }

  /** Sets a local and leaves the value on the stack. */
  tee(local: number): this {
    return this.code(0x22).unsigned(local);
  }

  getGlobal(global: number): this {
    return this.code(0x23).unsigned(global);
  }

  setGlobal(global: number): this {
    return this.code(0x24).unsigned(global);
  }

  i32(value: number): this {
    return this.code(0x41).signed(value | 0);
  }

  i64(value: number): this {
    return this.code(0x42).signed(value);
  }

  /** An instruction without operands of its own: see `op` of the codes. */
  op(code: number): this {
    return this.code(code);
  }

  /** An access to memory: the address is on the stack (below the value of a store). */
  at([code, align]: readonly [number, number], offset = 0): this {
    return this.code(code).unsigned(align).unsigned(offset);
  }

  load(offset = 0): this {
    return this.at(access.load, offset);
  }

  store(offset = 0): this {
    return this.at(access.store, offset);
  }

  /** The same, atomic: see `atomic` of the codes. */
  atomic([code, align]: readonly [number, number], offset = 0): this {
    return this.code(0xfe).unsigned(code).unsigned(align).unsigned(offset);
  }

  vector(code: number): this {
    return this.code(0xfd).unsigned(code);
  }

  /** Loads four words. */
  loadVector(offset: number): this {
    return this.vector(0x00).unsigned(2).unsigned(offset);
  }

  /** Of the four words on the stack, which equal those below: a mask of four bits. */
  equalMask(): this {
    return this.vector(vector.eq).vector(vector.bitmask);
  }

  call(fn: { readonly index: number }): this {
    return this.code(0x10).unsigned(fn.index);
  }

  return(): this {
    return this.code(0x0f);
  }

  /** Fills `length` bytes from `address` with `value`: all three are on the stack. */
  fill(): this {
    return this.code(0xfc).unsigned(11).code(0);
  }

  // Structure

  block(inside: (end: Target) => void): this {
    return this.code(0x02, nothing).nest(inside);
  }

  loop(inside: (start: Target) => void): this {
    return this.code(0x03, nothing).nest(inside);
  }

  /** The condition is on the stack. */
  if(yes: () => void, no?: () => void): this {
    return this.branch(nothing, yes, no);
  }

  /** The same where both sides leave a value. */
  choose(yes: () => void, no: () => void, type: ValueType = i32): this {
    return this.branch(type, yes, no);
  }

  br(target: Target): this {
    return this.code(0x0c).unsigned(this.depth - target);
  }

  brIf(target: Target): this {
    return this.code(0x0d).unsigned(this.depth - target);
  }

  /** Leaves the body, or goes on, by the number on the stack: one case for each, `null` for those that do nothing. */
  switch(count: number, caseOf: (n: number) => (() => void) | null): this {
    const cases = Array.from({ length: count }, (_, n) => caseOf(n));
    const written = cases.flatMap((run, n) => (run === null ? [] : [n]));
    if (written.length === 0) return this.op(op.drop);
    // The number is taken up inside all blocks; each case begins where the block that it closes ends.
    const number = this.local();
    this.set(number);
    return this.block((end) => {
      const open = (i: number): void => {
        if (i < 0) {
          const others = this.depth - end;
          this.get(number).code(0x0e).unsigned(count);
          for (let n = 0; n < count; n++) this.unsigned(cases[n] === null ? others : written.indexOf(n));
          this.unsigned(others);
          return;
        }
        this.block(() => open(i - 1));
        cases[written[i]]?.();
        this.br(end);
      };
      open(written.length - 1);
    });
  }

  /** The body as the code section wants it, without its size. */
  encode(): number[] {
    if (this.depth !== 0) throw new Error("a block that is not closed");
    const head = new Body(0);
    const runs: [ValueType, number][] = [];
    for (const type of this.types) {
      const last = runs[runs.length - 1];
      if (last !== undefined && last[0] === type) last[1]++;
      else runs.push([type, 1]);
    }
    head.unsigned(runs.length);
    for (const [type, count] of runs) head.unsigned(count).code(type);
    const all = head.bytes;
    for (const byte of this.bytes) all.push(byte);
    all.push(0x0b);
    return all;
  }

  private branch(type: number, yes: () => void, no?: () => void): this {
    this.code(0x04, type);
    this.depth++;
    yes();
    if (no !== undefined) {
      this.code(0x05);
      no();
    }
    this.depth--;
    return this.code(0x0b);
  }

  private nest(inside: (target: Target) => void): this {
    this.depth++;
    inside(this.depth);
    this.depth--;
    return this.code(0x0b);
  }

  private code(...codes: number[]): this {
    for (const code of codes) this.bytes.push(code);
    return this;
  }

  private unsigned(value: number): this {
    writeUnsigned(this.bytes, value);
    return this;
  }

  private signed(value: number): this {
    writeSigned(this.bytes, value);
    return this;
  }
}

/** LEB128. */
export function writeUnsigned(into: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    into.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  into.push(rest);
}

function writeSigned(into: number[], value: number): void {
  let rest = value;
  for (;;) {
    const byte = ((rest % 128) + 128) % 128;
    rest = Math.floor(rest / 128);
    if ((rest === 0 && (byte & 64) === 0) || (rest === -1 && (byte & 64) !== 0)) {
      into.push(byte);
      return;
    }
    into.push(byte | 128);
  }
}
