/** A set of keys of the same number of words, open-addressing, for those that a state table has no place for. */
import type { Stash } from "./table-code.ts";

const smallestCapacity = 64;

export class KeySet implements Stash {
  size = 0;
  private readonly keyWords: number;
  /** Of each slot a word that is 1 where it is used, and the key. */
  private slots: Int32Array;
  private shift: number;

  constructor(keyWords: number) {
    this.keyWords = keyWords;
    this.slots = new Int32Array(0);
    this.shift = 32;
  }

  get bytes(): number {
    return this.slots.byteLength;
  }

  has(key: Int32Array): boolean {
    return this.size > 0 && this.slots[this.find(key, 0)] === 1;
  }

  add(key: Int32Array): void {
    this.insert(key, 0);
  }

  *keys(): Iterable<Int32Array> {
    const { keyWords, slots } = this;
    for (let at = 0; at < slots.length; at += keyWords + 1)
      if (slots[at] === 1) yield slots.slice(at + 1, at + 1 + keyWords);
  }

  private insert(keys: Int32Array, offset: number): void {
    const { keyWords } = this;
    if ((this.size + 1) * (keyWords + 1) * 2 > this.slots.length) this.grow();
    const at = this.find(keys, offset);
    if (this.slots[at] === 1) return;
    this.slots[at] = 1;
    for (let k = 0; k < keyWords; k++) this.slots[at + 1 + k] = keys[offset + k];
    this.size++;
  }

  /** Where the key is, or the free slot in which it would be. */
  private find(keys: Int32Array, offset: number): number {
    const { keyWords, slots } = this;
    const slotWords = keyWords + 1;
    // The first word is a hash, of which some bits are the same in neighbouring buckets: they are mixed again.
    let at = (Math.imul(keys[offset], 0x9e3779b1) >>> this.shift) * slotWords;
    while (slots[at] === 1 && !this.isAt(at, keys, offset)) {
      at += slotWords;
      if (at === slots.length) at = 0;
    }
    return at;
  }

  private isAt(at: number, keys: Int32Array, offset: number): boolean {
    for (let k = 0; k < this.keyWords; k++) if (this.slots[at + 1 + k] !== keys[offset + k]) return false;
    return true;
  }

  private grow(): void {
    const { keyWords, slots: old } = this;
    const slotWords = keyWords + 1;
    const capacity = Math.max(smallestCapacity, (2 * old.length) / slotWords);
    this.slots = new Int32Array(capacity * slotWords);
    this.shift = Math.clz32(capacity) + 1;
    this.size = 0;
    for (let at = 0; at < old.length; at += slotWords) if (old[at] === 1) this.insert(old, at + 1);
  }
}
