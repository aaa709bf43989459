/**
 * Some of the states that a search expands, for estimates: one for each way in which processes are at labels, on which
 * depends most how many states stand behind it, and with it what all of its kind weigh together.
 */
import { controlLeaf } from "../evaluate/packed.ts";
import type { Instance } from "../model/model.ts";
import { type Leaf, readLeaf } from "../schema/layout.ts";
import { Random } from "../search/random.ts";

/** Beyond as many kinds, some are taken for one. */
export const mostKinds = 256;

/** A state, and the weight of all of its kind. */
export interface Sampled {
  readonly state: Int32Array;
  readonly weight: number;
}

export class StateSample {
  private readonly random: Random;
  /** What a state's kind depends on. */
  readonly controls: readonly Leaf[];
  /** Whether it is to see nothing. */
  isOff = false;
  private readonly kinds = new Map<number, Sampled>();

  constructor({ layout, processes }: Pick<Instance<never>, "layout" | "processes">, seed: number) {
    this.random = new Random(seed);
    this.controls = processes.flatMap(({ process: { frames, control }, size }) =>
      Array.from({ length: size }, (_, self) => controlLeaf(layout.root, frames, self, control)),
    );
  }

  get states(): readonly Sampled[] {
    return [...this.kinds.values()];
  }

  /** Sees the state at `words[offset]`. Of one kind each is kept with the probability of its share of the weight. */
  note(words: Int32Array, offset: number, length: number, weight: number): void {
    if (this.isOff) return;
    const kind = this.kindOf(words, offset);
    const known = this.kinds.get(kind);
    const total = weight + (known?.weight ?? 0);
    const isKept = known === undefined || this.random.next() < (weight / total) * 2 ** 32;
    const state = isKept ? words.slice(offset, offset + length) : known.state;
    this.kinds.set(kind, { state, weight: total });
  }

  /** Sees states that were expanded elsewhere, one of a kind with what all of its kind weigh. */
  add(sampled: readonly Sampled[]): void {
    for (const { state, weight } of sampled) {
      const kind = this.kindOf(state, 0);
      this.kinds.set(kind, { state, weight: weight + (this.kinds.get(kind)?.weight ?? 0) });
    }
  }

  private kindOf(words: Int32Array, offset: number): number {
    let kind = 0;
    for (const control of this.controls)
      kind = (Math.imul(kind, 0x9e3779b1) + readLeaf(control, words, offset)) | 0;
    return (kind ^ (kind >>> 15)) & (mostKinds - 1);
  }
}
