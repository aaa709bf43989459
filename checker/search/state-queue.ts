/**
 * The states found and not yet expanded, first in, first out: the frontier. A state is known by its ordinal, its
 * place in the order found; what is behind the head is forgotten, and its memory used again.
 *
 * Kept in chunks. Beyond a limit, chunks between head and tail go to a spill, and come back when the head gets there.
 */
import type { Part, SavedSearch } from "./checkpoint.ts";
import type { Spill } from "./spill.ts";

/** Ordinals are small integers for the machine. */
const mostStates = 2 ** 31 - 1;
const smallestChunk = 1 << 10;
/** Chunks at the head and at the tail that stay in memory. */
const kept = 2;
/** The frontier in a checkpoint. */
const partName = "frontier";

export class StateQueue {
  /** 32-bit words in a state. */
  readonly words: number;
  /** How many states were ever appended: the ordinal of the next. */
  count = 0;
  private readonly shift: number;
  private readonly mask: number;
  /** From the head's chunk on; `null`: spilled. */
  private readonly chunks: (Int32Array | null)[] = [];
  private readonly spare: Int32Array[] = [];
  /** The number of the first chunk, and the end of the room that there is. */
  private firstChunk = 0;
  private room = 0;
  private readonly spill: Spill | null;

  constructor(words: number, spill: Spill | null = null) {
    this.words = words;
    this.spill = spill;
    // Chunks of half a megabyte, or less.
    this.shift = Math.max(8, Math.min(16, 17 - Math.ceil(Math.log2(words))));
    this.mask = (1 << this.shift) - 1;
  }

  /** Bytes in memory. */
  get bytes(): number {
    let words = 0;
    for (const chunk of this.chunks) words += chunk?.length ?? 0;
    return 4 * words + this.spare.length * this.chunkBytes;
  }

  private get chunkBytes(): number {
    return (4 * this.words) << this.shift;
  }

  /** Bytes that room for `more` states would add; infinitely many if there cannot be any. */
  growthFor(more: number): number {
    if (this.count + more > mostStates) return Infinity;
    const missing = this.roomFor(this.count + more) - this.room;
    return Math.max(0, 4 * this.words * missing - this.spare.length * this.chunkBytes);
  }

  /** Makes room for `more` states. `false`: the machine has no memory for them. */
  makeRoom(more: number): boolean {
    const needed = this.roomFor(this.count + more);
    try {
      while (this.room < needed) this.grow(needed);
    } catch (error) {
      if (error instanceof RangeError) return false;
      throw error;
    }
    return true;
  }

  /** Spills chunks until `bytes` bytes of memory are free for others. `false`: there are not so many. */
  free(bytes: number): boolean {
    let freed = this.spare.length * this.chunkBytes;
    this.spare.length = 0;
    if (this.spill === null) return freed >= bytes;
    // The last to be needed go first.
    for (let i = this.chunks.length - 1 - kept; i >= kept && freed < bytes; i--) {
      const chunk = this.chunks[i];
      if (chunk === null) continue;
      if (!this.spill.write(nameOf(this.firstChunk + i), chunk)) break;
      this.chunks[i] = null;
      freed += 4 * chunk.length;
    }
    return freed >= bytes;
  }

  /** Appends a state, for which there must be room. */
  append(words: Int32Array, offset: number): void {
    const ordinal = this.count++;
    const into = this.chunkOf(ordinal);
    const start = (ordinal & this.mask) * this.words;
    for (let k = 0; k < this.words; k++) into[start + k] = words[offset + k];
  }

  /** Appends the first `count` states that `list` lists, each by its place in `states`. There must be room for them. */
  appendListed(states: Int32Array, list: Int32Array, count: number): void {
    const { words } = this;
    for (let i = 0; i < count; ) {
      const into = this.chunkOf(this.count);
      let to = this.offsetOf(this.count);
      const end = Math.min(count, i + this.runFrom(this.count));
      this.count += end - i;
      for (; i < end; i++) {
        const from = list[i] * words;
        for (let k = 0; k < words; k++) into[to++] = states[from + k];
      }
    }
  }

  /** The array in which the state lies, at `offsetOf` the same ordinal. Making room may replace it. */
  chunkOf(ordinal: number): Int32Array {
    const i = (ordinal >>> this.shift) - this.firstChunk;
    return this.chunks[i] ?? this.bringBack(i);
  }

  offsetOf(ordinal: number): number {
    return (ordinal & this.mask) * this.words;
  }

  /** How many states from this one on lie one behind the other. */
  runFrom(ordinal: number): number {
    return this.mask + 1 - (ordinal & this.mask);
  }

  /** Forgets the states before `ordinal`. */
  forgetBefore(ordinal: number): void {
    const head = ordinal >>> this.shift;
    while (this.firstChunk < head && this.chunks.length > 0) {
      const chunk = this.chunks.shift();
      if (chunk === null) this.spill?.forget(nameOf(this.firstChunk));
      this.firstChunk++;
      if (chunk && this.spare.length < kept) this.spare.push(chunk);
    }
  }

  /** The states from `first` on, for a checkpoint. */
  partFrom(first: number): Part {
    return { name: partName, words: (this.count - first) * this.words, pieces: this.piecesFrom(first) };
  }

  /**
   * Takes over the states from number `first` to `count` of a checkpoint, into a queue that is still empty, and spills
   * what does not fit in `budget` bytes. `false`: the machine has no memory for them.
   */
  restore(saved: SavedSearch, first: number, count: number, budget: number): boolean {
    this.firstChunk = first >>> this.shift;
    this.room = this.firstChunk << this.shift;
    this.count = count;
    for (let ordinal = first; ordinal < count; ordinal = this.room) {
      if (this.bytes + this.chunkBytes > budget) this.free(Infinity);
      if (!this.addChunk()) return false;
      const end = Math.min(count, this.room);
      const offset = this.offsetOf(ordinal);
      saved.read(partName, this.chunkOf(ordinal).subarray(offset, offset + (end - ordinal) * this.words));
    }
    return true;
  }

  /** Forgets all that is in the queue, which is not used any more. */
  dispose(): void {
    this.forgetBefore((this.firstChunk + this.chunks.length) * (this.mask + 1));
    this.spare.length = 0;
  }

  private *piecesFrom(first: number): Iterable<Int32Array> {
    let lent: Int32Array | null = null;
    for (let ordinal = first; ordinal < this.count; ) {
      const end = Math.min(this.count, ordinal + this.runFrom(ordinal));
      const offset = this.offsetOf(ordinal);
      const i = (ordinal >>> this.shift) - this.firstChunk;
      let chunk = this.chunks[i];
      if (chunk === null) {
        lent ??= new Int32Array(this.words << this.shift);
        this.spill?.read(nameOf(this.firstChunk + i), lent);
        chunk = lent;
      }
      yield chunk.subarray(offset, offset + (end - ordinal) * this.words);
      ordinal = end;
    }
  }

  private addChunk(): boolean {
    try {
      this.chunks.push(this.spare.pop() ?? new Int32Array(this.words << this.shift));
    } catch (error) {
      if (error instanceof RangeError) return false;
      throw error;
    }
    this.room += this.mask + 1;
    return true;
  }

  private bringBack(i: number): Int32Array {
    const chunk = this.spare.pop() ?? new Int32Array(this.words << this.shift);
    const name = nameOf(this.firstChunk + i);
    this.spill?.read(name, chunk);
    this.spill?.forget(name);
    this.chunks[i] = chunk;
    return chunk;
  }

  /** The first chunk doubles until it has its full size, so that small state spaces stay small. */
  private roomFor(count: number): number {
    const full = 1 << this.shift;
    if (count > full) return Math.ceil(count / full) * full;
    let room = Math.max(Math.min(smallestChunk, full), this.room);
    while (room < count) room *= 2;
    return room;
  }

  private grow(needed: number): void {
    const full = 1 << this.shift;
    if (this.room >= full) {
      this.chunks.push(this.spare.pop() ?? new Int32Array(full * this.words));
      this.room += full;
      return;
    }
    const first = new Int32Array(Math.min(needed, full) * this.words);
    const [old] = this.chunks;
    if (old) first.set(old);
    this.chunks[0] = first;
    this.room = Math.min(needed, full);
  }
}

function nameOf(chunk: number): string {
  return `frontier-${chunk}`;
}
