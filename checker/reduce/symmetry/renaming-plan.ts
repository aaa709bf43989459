/**
 * What code that renames a packed state, and finds what to call its vertices, is made of: which leaves move, where each
 * goes, and the numbers that colours are mixed with. The same for code in JavaScript and in WebAssembly, so that both
 * find one canonical form.
 */
import type { Layout, Leaf } from "../../schema/layout.ts";
import { Random } from "../../search/random.ts";
import type { Group } from "./group.ts";
import type { Item, Structure } from "./structure.ts";

/** Where a tuple of vertices is among the tuples of the same classes: the sum of each vertex's place times its stride. */
export interface Tuple {
  readonly at: readonly number[];
  /** `I` and the vertices. */
  readonly name: string;
  readonly strides: readonly { readonly base: number; readonly stride: number; readonly size: number }[];
}

/** By the place of a tuple of vertices: where the leaf of a family lies that is theirs. */
export interface Home {
  readonly words: Int32Array;
  readonly shifts: Int32Array;
}

export class RenamingPlan {
  readonly layout: Layout;
  readonly group: Group;
  readonly items: readonly Item[];
  /** The items that a renaming moves or changes, and those of them that relate several vertices. */
  readonly moved: readonly Item[];
  readonly related: readonly Item[];
  /** By family, by place in an item: a random number. */
  readonly salts: readonly (readonly number[])[];
  /** The tuples of vertices at which items lie that move. */
  readonly tuples: readonly Tuple[];
  /** By family. */
  readonly homes: readonly (Home | undefined)[];
  /** By word: the bits that no renaming moves or changes. */
  readonly kept: Int32Array;
  /** The length that colours need: beyond the vertices there are colours for what is no vertex. */
  readonly colours: number;

  constructor(layout: Layout, group: Group, { items, families }: Structure) {
    this.layout = layout;
    this.group = group;
    this.items = items;
    this.moved = items.filter(({ at, holds }) => at.length > 0 || holds !== null);
    this.related = this.moved.filter(({ at, holds }) => at.length + (holds === null ? 0 : 1) > 1);
    const random = new Random(20_240_607);
    const mostPlaces = 2 * (2 + Math.max(0, ...items.map(({ at }) => at.length)));
    this.salts = Array.from({ length: families }, () =>
      Array.from({ length: mostPlaces }, () => random.next() | 1 | 0),
    );
    const tuples = new Map(this.moved.map(({ at }) => [at.join("_"), at]));
    this.tuples = [...tuples]
      .filter(([, at]) => at.length > 0)
      .map(([key, at]) => ({ at, name: `I${key}`, strides: this.stridesOf(at) }));
    this.homes = this.findHomes();
    this.kept = new Int32Array(layout.words).fill(-1);
    for (const { leaf } of this.moved) this.kept[leaf.word] &= ~(leaf.mask << leaf.shift);
    const held = this.moved.flatMap(({ holds }) => (holds === null ? [] : [this.coloursHeld(holds)]));
    this.colours = Math.max(group.vertices, ...held.map((table) => Math.max(...table) + 1));
  }

  /** By code of a leaf that holds vertices: the vertex, or a number beyond the vertices for what is none. */
  coloursHeld(holds: Int32Array): Int32Array {
    let others = this.group.vertices;
    return Int32Array.from(holds, (vertex) => (vertex >= 0 ? vertex : others++));
  }

  /** By vertex: the code of a leaf that holds it; -1 where it cannot. */
  codesOf(holds: Int32Array): Int32Array {
    const codes = new Int32Array(this.group.vertices).fill(-1);
    holds.forEach((vertex, code) => {
      if (vertex >= 0) codes[vertex] = code;
    });
    return codes;
  }

  private stridesOf(at: readonly number[]): Tuple["strides"] {
    const classes = at.map((vertex) => this.classOf(vertex));
    let stride = 1;
    return classes.map(({ base, elements }) => {
      const own = { base, stride, size: elements.length };
      stride *= elements.length;
      return own;
    });
  }

  private classOf(vertex: number) {
    const found = this.group.classes.find(
      ({ base, elements }) => vertex >= base && vertex < base + elements.length,
    );
    if (found === undefined) throw new Error(`no class of vertex ${vertex}`);
    return found;
  }

  private findHomes(): (Home | undefined)[] {
    const leaves: Leaf[][] = [];
    for (const { leaf, at, family } of this.moved) {
      if (at.length === 0) continue;
      const strides = this.stridesOf(at);
      const index = at.reduce((sum, vertex, k) => sum + (vertex - strides[k].base) * strides[k].stride, 0);
      (leaves[family] ??= [])[index] = leaf;
    }
    return Array.from(leaves, (list: Leaf[] | undefined) =>
      list === undefined
        ? undefined
        : {
            words: Int32Array.from(list, ({ word }) => word),
            shifts: Int32Array.from(list, ({ shift }) => shift),
          },
    );
  }
}
