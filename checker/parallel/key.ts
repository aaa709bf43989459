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

/** Odd numbers without a pattern. */
const factors = [0xcc9e2d51, 0x21f0aaad, 0x735a2d97, 0x7feb352d, 0x846ca68b, 0xc2b2ae35, 0x85ebca6b];

/**
 * Sets `hash` from the key's other words and then `k0`: every operation from `k0` on can be undone. The last ones are
 * those of MurmurHash3.
 */
export function writeHash(body: Body, hash: number, others: readonly number[], k0: number): void {
  const mixed = hash;
  others.forEach((word, i) => {
    body.get(word);
    if (i > 0) body.get(mixed).op(op.add);
    body
      .i32(factors[i % factors.length])
      .op(op.mul)
      .i32(15)
      .op(op.rotl)
      .set(mixed);
  });
  body.get(k0);
  if (others.length > 0) body.get(mixed).i32(0x1b873593).op(op.mul).op(op.xor);
  body.set(hash);
  const fold = (by: number): Body => body.get(hash).get(hash).i32(by).op(op.shr).op(op.xor);
  fold(16).i32(0x85ebca6b).op(op.mul).set(hash);
  fold(13).i32(0xc2b2ae35).op(op.mul).set(hash);
  fold(16).set(hash);
}
