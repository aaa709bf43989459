/**
 * Checkpoints: what a search keeps from time to time, so that another process can go on where this one was. A search
 * that was continued ends with the counts, the digest and the verdicts of one that was not interrupted.
 *
 * A checkpoint has *facts* (counts, depths, what was found: as JSON has them) and *parts* (the table, the frontier: many
 * words). Where it is kept, and whether it belongs to this model, is the business of who implements `Checkpoints`.
 */
export interface Checkpoints {
  /** What the search goes on from; null: it begins. */
  readonly from: SavedSearch | null;
  /** Whether it is time for another one. Asked often. */
  isDue(): boolean;
  /** Keeps the search as it is now, instead of what was kept before. */
  write(facts: object, parts: readonly Part[]): void;
}

/** Words that belong together, in pieces that are made when they are asked for. */
export interface Part {
  readonly name: string;
  /** How many words all pieces have. */
  readonly words: number;
  readonly pieces: Iterable<Int32Array>;
}

export interface SavedSearch {
  readonly facts: unknown;
  /** How many words a part has. */
  wordsOf(name: string): number;
  /** Reads the next words of a part, as many as `into` has. */
  read(name: string, into: Int32Array): void;
}

/** A checkpoint that this search cannot go on from: what is wrong, and what to do. */
export class CheckpointError extends Error {
  readonly remedy: string;

  constructor(what: string, remedy: string) {
    super(what);
    this.name = "CheckpointError";
    this.remedy = remedy;
  }
}

/** A part of pieces that are in memory already. */
export function partOf(name: string, pieces: readonly Int32Array[]): Part {
  return { name, words: pieces.reduce((sum, { length }) => sum + length, 0), pieces };
}

/** Reads a whole part into an array of its own. */
export function readWhole(saved: SavedSearch, name: string): Int32Array {
  const words = new Int32Array(saved.wordsOf(name));
  saved.read(name, words);
  return words;
}

/** The facts, if a search with this strategy wrote them. */
export function factsOf<T extends { readonly strategy: string }>(
  { facts }: SavedSearch,
  strategy: T["strategy"],
): T {
  const found = (facts as Partial<T>).strategy;
  if (found === strategy) return facts as T;
  throw new CheckpointError(
    `the checkpoint is of a search of another kind (${found ?? "unknown"}, and this one is ${strategy})`,
    "go on with the engine that wrote it",
  );
}
