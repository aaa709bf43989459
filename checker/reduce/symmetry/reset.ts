/** Resets dead locals: every state that differs from another only there becomes the same. */
import { type Leaf, readLeaf } from "../../schema/layout.ts";
import type { Random } from "../../search/random.ts";
import type { Guard, LiveWhile } from "./structure.ts";

/** The locals of one process, with what is left of each word at each label. */
export interface Frame {
  readonly control: Leaf;
  readonly locals: readonly { readonly leaf: Leaf; readonly live: Guard }[];
  /** The words that have such locals. */
  readonly words: readonly number[];
  /** By code, for each of these words in turn, the bits that stay. */
  readonly kept: Int32Array;
}

export class DeadLocalReset {
  readonly frames: readonly Frame[];

  constructor(live: LiveWhile) {
    const byControl = new Map<Leaf, { leaf: Leaf; live: Guard }[]>();
    for (const [leaf, guard] of live) {
      const list = byControl.get(guard.leaf) ?? [];
      list.push({ leaf, live: guard });
      byControl.set(guard.leaf, list);
    }
    this.frames = [...byControl].map(([control, locals]) => {
      const words = [...new Set(locals.map(({ leaf }) => leaf.word))];
      const kept = new Int32Array(control.shape.cardinality * words.length).fill(-1);
      for (const { leaf, live: guard } of locals) {
        guard.allowed.forEach((isLive, code) => {
          if (isLive === 0)
            kept[code * words.length + words.indexOf(leaf.word)] &= ~(leaf.mask << leaf.shift);
        });
      }
      return { control, locals, words, kept };
    });
  }

  get isEmpty(): boolean {
    return this.frames.length === 0;
  }

  /** Gives every dead local of the state at `W[o..]` its first value. */
  reset(W: Int32Array, o: number): void {
    for (const { control, words, kept } of this.frames) {
      const first = readLeaf(control, W, o) * words.length;
      for (let i = 0; i < words.length; i++) W[o + words[i]] &= kept[first + i];
    }
  }

  /** Gives every dead local some value: nothing may depend on it. Returns the names of those that it changed. */
  scramble(W: Int32Array, random: Random): string[] {
    const changed: string[] = [];
    for (const { control, locals } of this.frames) {
      const code = readLeaf(control, W);
      for (const { leaf, live } of locals) {
        if (live.allowed[code] === 1) continue;
        W[leaf.word] &= ~(leaf.mask << leaf.shift);
        W[leaf.word] |= random.below(leaf.shape.cardinality) << leaf.shift;
        changed.push(leaf.path);
      }
    }
    return changed;
  }
}
