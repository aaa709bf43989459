/**
 * Every state found, in the order found, with the ordinal of the state from which it was found. The tail that
 * is not yet expanded is the frontier; the ordinals lead back to an initial state.
 *
 * Kept in chunks, so that it grows without being copied.
 */

/** Ordinals are 32-bit and signed. */
const mostStates = 2 ** 31 - 1;
const smallestChunk = 1 << 10;

export class StateLog {
  /** 32-bit words in a state. */
  readonly words: number;
  count = 0;
  private readonly shift: number;
  private readonly mask: number;
  private readonly states: Int32Array[] = [];
  private readonly parents: Int32Array[] = [];
  /** States for which there is room. */
  private room = 0;

  constructor(words: number) {
    this.words = words;
    // Chunks of 8 MB of states, or less.
    this.shift = Math.max(12, Math.min(20, 21 - Math.ceil(Math.log2(words))));
    this.mask = (1 << this.shift) - 1;
  }

  get bytes(): number {
    return this.room * this.bytesPerState;
  }

  /** Bytes that room for `more` states would add; infinitely many if there cannot be any. */
  growthFor(more: number): number {
    if (this.count + more > mostStates) return Infinity;
    return (this.roomFor(this.count + more) - this.room) * this.bytesPerState;
  }

  /** Makes room for `more` states. `false`: the machine has no memory for them. */
  makeRoom(more: number): boolean {
    const needed = this.roomFor(this.count + more);
    try {
      while (this.room < needed) this.grow(Math.min(needed, 1 << this.shift));
    } catch (error) {
      if (error instanceof RangeError) return false;
      throw error;
    }
    return true;
  }

  /** Appends a state, for which there must be room. A negative parent `~n` says: the initial state number `n`. */
  append(words: Int32Array, offset: number, parent: number): void {
    const ordinal = this.count++;
    const chunk = ordinal >>> this.shift;
    const states = this.states[chunk];
    const start = (ordinal & this.mask) * this.words;
    for (let k = 0; k < this.words; k++) states[start + k] = words[offset + k];
    this.parents[chunk][ordinal & this.mask] = parent;
  }

  /** The array in which the state lies, at `offsetOf` the same ordinal. Making room may replace it. */
  chunkOf(ordinal: number): Int32Array {
    return this.states[ordinal >>> this.shift];
  }

  offsetOf(ordinal: number): number {
    return (ordinal & this.mask) * this.words;
  }

  parentOf(ordinal: number): number {
    return this.parents[ordinal >>> this.shift][ordinal & this.mask];
  }

  private get bytesPerState(): number {
    return (this.words + 1) * Int32Array.BYTES_PER_ELEMENT;
  }

  /** The first chunk doubles until it has its full size, so that small state spaces stay small. */
  private roomFor(count: number): number {
    const full = 1 << this.shift;
    if (count > full) return Math.ceil(count / full) * full;
    let room = Math.max(smallestChunk, this.room);
    while (room < count) room *= 2;
    return room;
  }

  private grow(firstChunk: number): void {
    const full = 1 << this.shift;
    if (this.room >= full) {
      const states = new Int32Array(full * this.words);
      this.parents.push(new Int32Array(full));
      this.states.push(states);
      this.room += full;
      return;
    }
    const states = new Int32Array(firstChunk * this.words);
    const parents = new Int32Array(firstChunk);
    if (this.room > 0) {
      states.set(this.states[0]);
      parents.set(this.parents[0]);
    }
    this.states[0] = states;
    this.parents[0] = parents;
    this.room = firstChunk;
  }
}
