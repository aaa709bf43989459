/**
 * The reachable states of a model, summed up by where its processes are: for each combination of labels one digest.
 * Two models that differ in a few steps of a procedure are compared by the combinations in which no process is at
 * one of these steps: equal digests there say that the difference is seen nowhere else.
 *
 * Labels count by name, so their numbering does not matter. The digests are over packed words: models whose fields
 * lie elsewhere (a label more or less can cost a bit) do not agree.
 */
import type { Evaluator } from "../evaluate/evaluator.ts";
import { controlLeaf } from "../evaluate/packed.ts";
import { type Layout, type Leaf, readLeaf } from "../schema/layout.ts";
import { valueOf } from "../schema/shape.ts";
import { StateDigest } from "./digest.ts";
import { StateQueue } from "./state-queue.ts";

/** Where every process is, by the names of the labels, in the order of the processes. */
export type Where = readonly string[];

/** Of an instance: where its fields lie, and the control labels of its processes. */
interface Laid {
  readonly layout: Layout;
  readonly processes: readonly {
    readonly process: { readonly frames: string; readonly control: string };
    readonly tried: { readonly length: number };
  }[];
}

interface Sum {
  readonly where: Where;
  readonly digest: StateDigest;
  states: number;
}

/** Collects the states that a search checks: give the search `watch(evaluator)` for its evaluator. */
export class StateSums {
  private readonly controls: readonly Leaf[];
  /** Of each word, the bits that hold no label. */
  private readonly masks: Int32Array;
  /** Where the fields lie. */
  private readonly places: string;
  private readonly sums = new Map<number, Sum>();
  private readonly codes: Int32Array;
  /** The states themselves, where they are to be kept. */
  private readonly kept: StateQueue | null;

  constructor({ layout, processes }: Laid, options: { readonly keepsStates?: boolean } = {}) {
    this.kept = options.keepsStates === true ? new StateQueue(layout.words) : null;
    this.controls = processes.flatMap(({ process, tried }) =>
      Array.from({ length: tried.length }, (_, self) =>
        controlLeaf(layout.root, process.frames, self, process.control),
      ),
    );
    this.masks = new Int32Array(layout.words).fill(-1);
    for (const { word, mask, shift } of this.controls) this.masks[word] &= ~(mask << shift);
    this.places = JSON.stringify(
      layout.leaves.map(({ path, word, bits, shift }) => [path, word, bits, shift]),
    );
    this.codes = new Int32Array(layout.words);
  }

  /** The evaluator, which now also sums up each state that it is asked to check. */
  watch(evaluator: Evaluator): Evaluator {
    const { words: size } = evaluator;
    const countClean = evaluator.countClean?.bind(evaluator);
    return {
      name: evaluator.name,
      words: size,
      ...(evaluator.usedBits && { usedBits: evaluator.usedBits }),
      initialStates: () => evaluator.initialStates(),
      expand: (words, offset, out) => evaluator.expand(words, offset, out),
      ...(evaluator.expandRun && { expandRun: evaluator.expandRun.bind(evaluator) }),
      violatedInvariants: (words, offset) => {
        this.add(words, offset);
        return evaluator.violatedInvariants(words, offset);
      },
      ...(countClean && {
        countClean: (words: Int32Array, offset: number, count: number) => {
          const clean = countClean(words, offset, count);
          for (let n = 0; n < clean; n++) this.add(words, offset + n * size);
          return clean;
        },
      }),
      markWitnesses: (words, offset, reached) => evaluator.markWitnesses(words, offset, reached),
      deadlockIn: (words, offset) => evaluator.deadlockIn(words, offset),
    };
  }

  private add(words: Int32Array, offset: number): void {
    const { codes, controls, masks } = this;
    if (this.kept !== null) {
      if (!this.kept.makeRoom(1)) throw new RangeError("there is no memory to keep all states");
      this.kept.append(words, offset);
    }
    let key = 0;
    for (let i = 0; i < controls.length; i++)
      key = key * controls[i].shape.cardinality + readLeaf(controls[i], words, offset);
    for (let i = 0; i < codes.length; i++) codes[i] = words[offset + i] & masks[i];
    let sum = this.sums.get(key);
    if (sum === undefined) {
      const where = controls.map((leaf) => String(valueOf(leaf.shape, readLeaf(leaf, words, offset))));
      sum = { where, digest: new StateDigest(), states: 0 };
      this.sums.set(key, sum);
    }
    sum.digest.add(codes, 0, codes.length);
    sum.states++;
  }

  /** The states that were kept, one behind the other. */
  states(): readonly Int32Array[] {
    return this.kept === null ? [] : [...this.kept.partFrom(0).pieces];
  }

  /** Are the same states reached, apart from those in which a process is at one of the `hidden` labels? */
  agreesWith(other: StateSums, hidden: ReadonlySet<string>): boolean {
    if (this.places !== other.places) return false;
    const [mine, theirs] = [this.visible(hidden), other.visible(hidden)];
    return mine.size === theirs.size && [...mine].every(([where, digest]) => theirs.get(where) === digest);
  }

  /** The labels that some process came to. */
  labels(): ReadonlySet<string> {
    return new Set([...this.sums.values()].flatMap(({ where }) => where));
  }

  private visible(hidden: ReadonlySet<string>): Map<string, string> {
    const shown = [...this.sums.values()].filter(({ where }) => !where.some((label) => hidden.has(label)));
    return new Map(
      shown.map(({ where, digest, states }) => [where.join("; "), `${states} ${digest.toString()}`]),
    );
  }
}
