/** Sets of leaves of the state, as bits: what footprints are compared by. */
import type { Layout, Leaf } from "../../schema/layout.ts";

/** Numbers the leaves of a layout, in its order. */
export class LeafNumbers {
  readonly leaves: readonly Leaf[];
  private readonly numbers: ReadonlyMap<Leaf, number>;

  constructor(layout: Layout) {
    this.leaves = layout.leaves;
    this.numbers = new Map(layout.leaves.map((leaf, n) => [leaf, n]));
  }

  numberOf(leaf: Leaf): number {
    const number = this.numbers.get(leaf);
    if (number === undefined) throw new Error(`${leaf.path} is no leaf of this layout`);
    return number;
  }

  setOf(leaves: Iterable<Leaf>): LeafSet {
    const set = new LeafSet(this.leaves.length);
    // A leaf with a single value is no place where anybody meets.
    for (const leaf of leaves) if (leaf.mask !== 0) set.add(this.numberOf(leaf));
    return set;
  }
}

export class LeafSet {
  private readonly bits: Int32Array;

  constructor(leaves: number, bits = new Int32Array((leaves + 31) >>> 5)) {
    this.bits = bits;
  }

  has(leaf: number): boolean {
    return ((this.bits[leaf >>> 5] >>> (leaf & 31)) & 1) !== 0;
  }

  add(leaf: number): void {
    this.bits[leaf >>> 5] |= 1 << (leaf & 31);
  }

  delete(leaf: number): void {
    this.bits[leaf >>> 5] &= ~(1 << (leaf & 31));
  }

  /** Adds the other set's leaves; returns whether any of them is new. */
  addAll(other: LeafSet): boolean {
    let isNew = false;
    for (let i = 0; i < this.bits.length; i++) {
      const both = this.bits[i] | other.bits[i];
      if (both !== this.bits[i]) isNew = true;
      this.bits[i] = both;
    }
    return isNew;
  }

  /** Keeps the leaves that are in the other set too; returns whether that took one out. */
  keepOnly(other: LeafSet): boolean {
    let isLess = false;
    for (let i = 0; i < this.bits.length; i++) {
      const both = this.bits[i] & other.bits[i];
      if (both !== this.bits[i]) isLess = true;
      this.bits[i] = both;
    }
    return isLess;
  }

  meets(other: LeafSet): boolean {
    for (let i = 0; i < this.bits.length; i++) if ((this.bits[i] & other.bits[i]) !== 0) return true;
    return false;
  }

  get isEmpty(): boolean {
    return this.bits.every((word) => word === 0);
  }

  clone(): LeafSet {
    return new LeafSet(0, this.bits.slice());
  }

  /** The members, ascending. */
  members(): number[] {
    const found: number[] = [];
    this.bits.forEach((word, i) => {
      for (let rest = word; rest !== 0; rest &= rest - 1) found.push(32 * i + 31 - Math.clz32(rest & -rest));
    });
    return found;
  }
}
