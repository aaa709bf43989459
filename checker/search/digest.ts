/**
 * A digest of a set of states that does not depend on the order in which they come: two independent 32-bit
 * mixes of each state's words, each summed modulo 2^32. Equal counts can hide two errors; equal digests hardly.
 */
export class StateDigest {
  private high: number;
  private low: number;

  /** Begins with no states, or where another digest was. */
  constructor([high, low]: readonly [number, number] = [0, 0]) {
    this.high = high;
    this.low = low;
  }

  /** The two sums. */
  get sums(): readonly [number, number] {
    return [this.high, this.low];
  }

  /** Adds the state whose words are at `offset`. Each state of the set is to be added once. */
  add(words: Int32Array, offset: number, wordsPerState: number): void {
    let a = 0x9e3779b9;
    let b = 0x7f4a7c15;
    for (let k = offset; k < offset + wordsPerState; k++) {
      const word = words[k];
      a = Math.imul(a ^ word, 0x21f0aaad);
      a = Math.imul(a ^ (a >>> 15), 0x735a2d97);
      a ^= a >>> 15;
      b = Math.imul(((b << 11) | (b >>> 21)) + word, 0x7feb352d);
      b = Math.imul(b ^ (b >>> 16), 0x846ca68b);
      b ^= b >>> 16;
    }
    this.high = (this.high + a) | 0;
    this.low = (this.low + b) | 0;
  }

  /** Adds the first `count` states that `list` lists, each by its place among states of `wordsPerState` words. */
  addListed(states: Int32Array, list: Int32Array, count: number, wordsPerState: number): void {
    for (let i = 0; i < count; i++) this.add(states, list[i] * wordsPerState, wordsPerState);
  }

  /** 16 hexadecimal digits. */
  toString(): string {
    return [this.high, this.low].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
  }
}
