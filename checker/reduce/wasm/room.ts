/** Places in a memory, given out one behind the other, with what is in them at first. */
export class Room {
  /** Bytes given out. */
  bytes = 0;
  readonly filled: { readonly at: number; readonly values: Int32Array }[] = [];
  private readonly known = new Map<string, number>();
  private isClosed = false;

  /** The place of so many words, zero at first: its offset in bytes. */
  words(count: number): number {
    if (this.isClosed) throw new Error("a place is wanted when all were given out");
    const at = this.bytes;
    this.bytes += 8 * Math.ceil(count / 2);
    return at;
  }

  /** The place of words that are there from the beginning. */
  table(values: Int32Array): number {
    const at = this.words(values.length);
    this.filled.push({ at, values });
    return at;
  }

  /** The same of words that nobody changes: equal ones have one place. */
  constant(values: Int32Array): number {
    const key = values.join();
    let at = this.known.get(key);
    if (at === undefined) this.known.set(key, (at = this.table(values)));
    return at;
  }

  /** From now on no place is given out: the memory has been divided. */
  close(): void {
    this.isClosed = true;
  }

  /** Writes what is there at first into the memory, whose words are `cells`, at byte `from`. */
  fill(cells: Int32Array, from: number): void {
    for (const { at, values } of this.filled) cells.set(values, (from + at) >>> 2);
  }
}
