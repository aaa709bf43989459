/**
 * Seeded random numbers: xoshiro128** by Blackman and Vigna, its state filled from the seed as by SplitMix32.
 * The same seed gives the same numbers everywhere, so a seed is enough to repeat a run.
 */
export class Random {
  /** The state: four words. */
  readonly s: Uint32Array;

  /** Any integer of up to 53 bits is a seed of its own, and so is each of a seed's streams. */
  constructor(seed: number, stream = 0) {
    const low = seed | 0;
    const high = Math.floor(seed / 2 ** 32) | 0;
    this.s = Uint32Array.from([low, low, high, high], (half, i) => mix(half + (i + 1) * 0x9e3779b9));
    this.s[0] ^= mix(stream);
    // A seed's halves reach all of the state in a few steps.
    for (let i = 0; i < 16; i++) this.next();
  }

  /** 32 random bits, as a number from 0 to 2^32 - 1. */
  next(): number {
    const { s } = this;
    const result = Math.imul(rotate(Math.imul(s[1], 5), 7), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 11);
    return result;
  }

  /** One of 0 .. n-1, all alike (to one part in 2^32 / n). */
  below(n: number): number {
    return Math.floor((this.next() * n) / 2 ** 32);
  }
}

function rotate(x: number, by: number): number {
  return (x << by) | (x >>> (32 - by));
}

/** SplitMix32's output function: a bijection. */
function mix(x: number): number {
  let z = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return z ^ (z >>> 15);
}
