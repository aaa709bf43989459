/** Bits of a state, of a key, of a slot: pushed on the stack of a WebAssembly function. */
import type { Body } from "../wasm/body.ts";
import { op } from "../wasm/opcodes.ts";

/** Some bits at the bottom of a word, the rest of which is 0. */
export interface Bits {
  readonly push: () => void;
  readonly bits: number;
}

/** Of the bits of `sources`, one behind the other, the `count` (up to 32) from `from` on: leaves a word. */
export function pushBits(body: Body, sources: readonly Bits[], from: number, count: number): void {
  let at = 0;
  let isFirst = true;
  let hasMore = false;
  for (const { push, bits } of sources) {
    const end = at + bits;
    if (end > from && at < from + count && bits > 0) {
      push();
      if (at > from) body.i32(at - from).op(op.shl);
      else if (at < from) body.i32(from - at).op(op.shr);
      if (!isFirst) body.op(op.or);
      isFirst = false;
      hasMore ||= end > from + count;
    }
    at = end;
  }
  if (isFirst) body.i32(0);
  else if (hasMore && count < 32) body.i32(2 ** count - 1).op(op.and);
}

/** The key's words `k0`, `k1` and so on from a state's: bit 0 of word 0, which every state has, is left out. */
export function keySources(body: Body, usedBits: readonly number[], words: readonly number[]): Bits[] {
  return usedBits.map((bits, i) => ({
    bits: i === 0 ? bits - 1 : bits,
    push: () => {
      body.get(words[i]);
      if (i === 0) body.i32(1).op(op.shr);
    },
  }));
}

/** Sets `hash` from the key's other words and then `k0`: every operation from `k0` on can be undone. */
export function writeHash(body: Body, hash: number, others: readonly number[], k0: number): void {
  body.i32(0x3c6ef372 ^ ((others.length + 1) * 4)).set(hash);
  for (const word of [...others, k0]) {
    body.get(word).i32(0xcc9e2d51).op(op.mul).i32(15).op(op.rotl).i32(0x1b873593).op(op.mul);
    body.get(hash).op(op.xor).i32(13).op(op.rotl).i32(5).op(op.mul).i32(0xe6546b64).op(op.add).set(hash);
  }
  const fold = (by: number): Body => body.get(hash).get(hash).i32(by).op(op.shr).op(op.xor);
  fold(16).i32(0x85ebca6b).op(op.mul).set(hash);
  fold(13).i32(0xc2b2ae35).op(op.mul).set(hash);
  fold(16).set(hash);
}
