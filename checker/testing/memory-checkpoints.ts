/** For tests: checkpoints that are kept in memory, as a file would keep them. */
import type { Checkpoints, Part, SavedSearch } from "../search/checkpoint.ts";

export class MemoryCheckpoints implements Checkpoints {
  /** How many were written. */
  written = 0;
  readonly from: SavedSearch | null;
  private readonly due: () => boolean;
  private kept: { readonly facts: string; readonly parts: ReadonlyMap<string, Int32Array> } | null = null;

  /** `due` is asked whenever the search asks. */
  constructor(from: SavedSearch | null = null, due: () => boolean = () => false) {
    this.from = from;
    this.due = due;
  }

  isDue(): boolean {
    return this.due();
  }

  write(facts: object, parts: readonly Part[]): void {
    this.written++;
    this.kept = {
      facts: JSON.stringify(facts),
      parts: new Map(parts.map((part) => [part.name, joined(part)])),
    };
  }

  /** What was written last, to be read once. */
  get last(): SavedSearch {
    const { kept } = this;
    if (kept === null) throw new Error("no checkpoint was written");
    const positions = new Map<string, number>();
    const wordsOf = (name: string): Int32Array => {
      const words = kept.parts.get(name);
      if (words === undefined) throw new Error(`the checkpoint has no part ${name}`);
      return words;
    };
    return {
      facts: JSON.parse(kept.facts),
      wordsOf: (name) => wordsOf(name).length,
      read: (name, into) => {
        const at = positions.get(name) ?? 0;
        if (at + into.length > wordsOf(name).length) throw new Error(`${name} has no more words`);
        into.set(wordsOf(name).subarray(at, at + into.length));
        positions.set(name, at + into.length);
      },
    };
  }
}

function joined({ name, words, pieces }: Part): Int32Array {
  const all = new Int32Array(words);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  if (at !== words) throw new Error(`${name} has ${at} words, and said ${words}`);
  return all;
}
