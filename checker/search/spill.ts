/** Where parts of a search go that have no room in memory. */
export interface Spill {
  /** Keeps a copy of `words` under a name that is not in use. `false`: there is no room for it. */
  write(name: string, words: Int32Array): boolean;
  /** Reads back what was kept. */
  read(name: string, into: Int32Array): void;
  forget(name: string): void;
}
