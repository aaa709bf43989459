/** A spill that is no spill: what is written stays in memory, and is checked for being used rightly. */
import type { Spill } from "../search/spill.ts";

export class MemorySpill implements Spill {
  private readonly kept = new Map<string, Int32Array>();
  private readonly room: number;
  /** How many parts were kept at once, at most. */
  most = 0;

  /** Has room for so many parts. */
  constructor(room = Infinity) {
    this.room = room;
  }

  get size(): number {
    return this.kept.size;
  }

  write(name: string, words: Int32Array): boolean {
    if (this.kept.has(name)) throw new Error(`${name} is in use`);
    if (this.kept.size >= this.room) return false;
    this.kept.set(name, words.slice());
    this.most = Math.max(this.most, this.kept.size);
    return true;
  }

  read(name: string, into: Int32Array): void {
    const words = this.kept.get(name);
    if (words === undefined) throw new Error(`${name} was never written`);
    into.set(words);
  }

  forget(name: string): void {
    if (!this.kept.delete(name)) throw new Error(`${name} was never written`);
  }
}
