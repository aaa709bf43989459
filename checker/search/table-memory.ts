/**
 * The memory of a state table. A small table is an array, and a larger one a new array. From some megabytes on it
 * lies in a WebAssembly memory, which is no code: it is the one kind of memory that grows where it is.
 */
import type { Cells } from "./table-code.ts";

const growsInPlaceFrom = 1 << 22;
const pageBytes = 1 << 16;
/** What a WebAssembly memory with 32-bit addresses can have. */
const mostPages = 1 << 16;

/** What Node and browsers have; the language's own library does not declare it. */
interface GrowingMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}
declare const WebAssembly: {
  Memory: new (descriptor: { initial: number; maximum: number }) => GrowingMemory;
};

export class TableMemory {
  cells: Cells;
  private growing: GrowingMemory | null = null;

  constructor(words: number) {
    this.cells = cellsOf(new ArrayBuffer(4 * words), words);
  }

  get bytes(): number {
    return this.cells.words.byteLength;
  }

  /** Bytes taken while the table moves into `words` words. */
  bytesToGrowTo(words: number): number {
    return this.growing !== null && pagesFor(words) <= mostPages ? 4 * words : this.bytes + 4 * words;
  }

  /** New memory, zero but for what is there already if it is the same. `null`: the machine has no more. */
  growTo(words: number): Cells | null {
    try {
      this.cells = cellsOf(this.allocate(words), words);
      return this.cells;
    } catch (error) {
      if (error instanceof RangeError) return null;
      throw error;
    }
  }

  private allocate(words: number): ArrayBuffer {
    const pages = pagesFor(words);
    if (this.growing !== null && pages <= mostPages) {
      this.growing.grow(pages - this.growing.buffer.byteLength / pageBytes);
      return this.growing.buffer;
    }
    this.growing = null;
    if (4 * words < growsInPlaceFrom || pages > mostPages || typeof WebAssembly !== "object")
      return new ArrayBuffer(4 * words);
    this.growing = new WebAssembly.Memory({ initial: pages, maximum: mostPages });
    return this.growing.buffer;
  }
}

function pagesFor(words: number): number {
  return Math.ceil((4 * words) / pageBytes);
}

function cellsOf(buffer: ArrayBuffer, words: number): Cells {
  return {
    words: new Int32Array(buffer, 0, words),
    bytes: new Uint8Array(buffer, 0, 4 * words),
    halves: new Uint16Array(buffer, 0, 2 * words),
  };
}
