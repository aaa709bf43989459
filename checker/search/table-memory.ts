/**
 * The memory of a state table. A small table is an array, and a larger one a new array. From some megabytes on, the
 * table lies at the beginning of an array as large as the machine lends: of that it takes as much as was written to, and
 * the table grows where it is.
 *
 * A WebAssembly memory grows where it is, too. But growing detaches the array that was there before, and once that has
 * happened V8 looks, at each access to any array, whether it has been detached.
 */

const growsInPlaceFrom = 1 << 22;
/** What an array in which a table grows may take, and has at most. */
const mostReserved = 2 ** 32;
/** Places in an array are small integers for the machine. */
const mostWords = 2 ** 31 - 1;

export class TableMemory {
  cells: Int32Array;
  private words: number;

  constructor(words: number) {
    this.cells = new Int32Array(words);
    this.words = words;
  }

  get bytes(): number {
    return 4 * this.words;
  }

  /** The words that the table has. */
  get inUse(): Int32Array {
    return this.cells.subarray(0, this.words);
  }

  /** Bytes taken while the table moves into `words` words. */
  bytesToGrowTo(words: number): number {
    return words <= this.cells.length ? 4 * words : this.bytes + 4 * words;
  }

  /** New memory, zero but for what is there already if it is the same. `null`: the machine has no more. */
  growTo(words: number): Int32Array | null {
    if (words > mostWords) return null;
    if (words > this.cells.length) {
      const cells = arrayFor(words);
      if (cells === null) return null;
      this.cells = cells;
    }
    this.words = words;
    return this.cells;
  }
}

/** An array of so many words, or of many more to grow into. */
function arrayFor(words: number): Int32Array | null {
  const least = 4 * words;
  const most = least < growsInPlaceFrom ? least : Math.max(least, mostReserved);
  for (let bytes = most; ; bytes = Math.max(least, bytes / 2)) {
    try {
      return new Int32Array(new ArrayBuffer(bytes), 0, bytes / 4);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      if (bytes === least) return null;
    }
  }
}
