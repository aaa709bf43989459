/**
 * The canonical forms found last. Most successors of a search come up several times before they are renamed, and what
 * each becomes need not be found again. An entry is used for exactly its state; a new one takes the place of an old one.
 */

const entries = 4096;

export class CanonicalMemo {
  private readonly words: number;
  /** By entry, the state and its canonical form; of one that is free, nothing, which has an orbit of 0. */
  private readonly states: Int32Array;
  private readonly orbits = new Float64Array(entries);

  constructor(words: number) {
    this.words = words;
    this.states = new Int32Array(2 * words * entries);
  }

  /** Puts the canonical form in the place of the state at `W[o..]`, if it is known, and returns its orbit's size; or 0. */
  find(W: Int32Array, o: number): number {
    const { states, words } = this;
    const entry = this.entryOf(W, o);
    const at = 2 * words * entry;
    for (let i = 0; i < words; i++) if (states[at + i] !== W[o + i]) return 0;
    for (let i = 0; i < words; i++) W[o + i] = states[at + words + i];
    return this.orbits[entry];
  }

  /** Keeps the canonical form at `C[c..]` of the state at `W[o..]`, and the size of its orbit. */
  keep(W: Int32Array, o: number, C: Int32Array, c: number, orbit: number): void {
    const { states, words } = this;
    const entry = this.entryOf(W, o);
    const at = 2 * words * entry;
    for (let i = 0; i < words; i++) {
      states[at + i] = W[o + i];
      states[at + words + i] = C[c + i];
    }
    this.orbits[entry] = orbit;
  }

  private entryOf(W: Int32Array, o: number): number {
    let hash = 0;
    for (let i = 0; i < this.words; i++) hash = Math.imul(hash ^ W[o + i], 0x9e3779b1) ^ (hash >>> 15);
    return (hash ^ (hash >>> 13)) & (entries - 1);
  }
}
