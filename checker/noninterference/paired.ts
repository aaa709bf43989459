/**
 * Non-interference, by a search over pairs of states: two runs that take the same steps with the same choices, and
 * differ only in what is secret. Whoever watches must not be able to tell them apart.
 *
 * A pair is in order when its states are equal outside the fields that are hidden in both, by the property's own
 * observation function. From pairs in order, the same step must be possible in both runs, must say the same when a
 * call ends by it, and must lead to a pair in order. (An unwinding relation, after Goguen and Meseguer; SeKVM states
 * its theorem so.) Steps of the owners of secrets may choose different values in the two runs: those are the secrets.
 *
 * Exact: pairs are compared whole. Bounded like every search; a limit gives no green word.
 */
import { createCompiled } from "../compile/compiled.ts";
import { type Evaluator, Successors } from "../evaluate/evaluator.ts";
import { createAccessors } from "../evaluate/accessors.ts";
import { Stepper } from "../evaluate/stepper.ts";
import type { ActionInstance, Instance } from "../model/model.ts";
import type { Secrecy } from "../model/property.ts";
import { type Leaf, readLeaf } from "../schema/layout.ts";
import { valueOf } from "../schema/shape.ts";

export interface PairedOptions {
  readonly maxPairs?: number;
  readonly maxSeconds?: number;
  readonly isInterrupted?: () => boolean;
  readonly onProgress?: (pairs: number) => void;
}

/** A step of both runs; `other` differs from `step` in a secret argument, or is the same. */
export interface PairedStep<S> {
  readonly step: ActionInstance<S>;
  readonly other: ActionInstance<S>;
}

export interface Interference<S> {
  readonly path: readonly PairedStep<S>[];
  /** What tells the two runs apart, in words. */
  readonly difference: string;
}

export interface PairedResult<S> {
  readonly ending: "exhausted" | "interference" | "limit";
  readonly pairs: number;
  /** Pairs whose states differ, so that something was hidden. */
  readonly different: number;
  readonly interference: Interference<S> | null;
}

interface Pair<S> {
  readonly a: Int32Array;
  readonly b: Int32Array;
  readonly from: Pair<S> | null;
  readonly by: PairedStep<S> | null;
}

/** Searches all pairs of runs from equal initial states. */
export function searchPairs<S>(
  of: Instance<S>,
  secrecy: Secrecy<S>,
  options: PairedOptions,
): PairedResult<S> {
  return new PairedSearch(of, secrecy, options).run();
}

class PairedSearch<S> {
  private readonly of: Instance<S>;
  private readonly options: PairedOptions;
  private readonly evaluator: Evaluator;
  private readonly stepper: Stepper<S>;
  private readonly viewed: Int32Array;
  private readonly view: S;
  private readonly hidden: readonly {
    readonly leaves: readonly Leaf[];
    readonly isHidden: (s: S) => boolean;
  }[];
  /** Of each instance, those that may be its partner: it itself, or others with another secret. */
  private readonly partners: readonly (readonly number[])[];
  private readonly seen = new Set<string>();
  private readonly queue: Pair<S>[] = [];
  private different = 0;

  constructor(of: Instance<S>, secrecy: Secrecy<S>, options: PairedOptions) {
    this.of = of;
    this.options = options;
    this.evaluator = createCompiled(of);
    this.stepper = new Stepper(of);
    this.viewed = new Int32Array(new ArrayBuffer(4 * of.layout.words));
    this.view = createAccessors(of.layout.root, this.viewed) as S;
    this.hidden = secrecy.hidden(of.scope.bounds).map(({ path, isHidden }) => ({
      leaves: of.layout.leaves.filter((leaf) => leaf.path.startsWith(path)),
      isHidden,
    }));
    this.partners = partnersOf(of, secrecy.secretArguments);
  }

  run(): PairedResult<S> {
    const { maxPairs = Infinity, maxSeconds = Infinity, isInterrupted, onProgress } = this.options;
    const began = performance.now();
    for (const words of this.evaluator.initialStates())
      this.meet({ a: words, b: words, from: null, by: null });
    for (const [n, pair] of this.queue.entries()) {
      const interference = this.expand(pair);
      if (interference !== null) return this.resultOf("interference", interference);
      if (n % 256 !== 0) continue;
      onProgress?.(this.queue.length);
      const isOut = performance.now() - began > 1000 * maxSeconds || isInterrupted?.() === true;
      if (isOut || this.queue.length > maxPairs) return this.resultOf("limit", null);
    }
    return this.resultOf("exhausted", null);
  }

  private resultOf(ending: PairedResult<S>["ending"], interference: Interference<S> | null): PairedResult<S> {
    return { ending, pairs: this.queue.length, different: this.different, interference };
  }

  /** Takes a pair in, if it is new. */
  private meet(pair: Pair<S>): void {
    const isDifferent = pair.a !== pair.b && pair.a.some((word, i) => word !== pair.b[i]);
    const key = isDifferent ? `${pair.a.join()}|${pair.b.join()}` : pair.a.join();
    if (this.seen.has(key)) return;
    this.seen.add(key);
    this.queue.push(pair);
    if (isDifferent) this.different++;
  }

  private expand(pair: Pair<S>): Interference<S> | null {
    const inA = this.successorsOf(pair.a);
    const inB = this.successorsOf(pair.b);
    for (const [id, a] of inA) {
      const step = this.of.instances[id];
      const others = this.partners[id].filter((other) => inB.has(other));
      if (others.length === 0)
        return this.tell(pair, { step, other: step }, `only one of the runs can take "${step.action.name}"`);
      for (const other of others) {
        const by = { step, other: this.of.instances[other] };
        const next = { a, b: inB.get(other) as Int32Array, from: pair, by };
        const difference = this.differenceAfter(pair, next, by);
        if (difference !== null) return this.tell(pair, by, difference);
        this.meet(next);
      }
    }
    for (const id of inB.keys()) {
      if (this.partners[id].some((other) => inA.has(other))) continue;
      const step = this.of.instances[id];
      return this.tell(pair, { step, other: step }, `only one of the runs can take "${step.action.name}"`);
    }
    return null;
  }

  private successorsOf(words: Int32Array): Map<number, Int32Array> {
    const out = new Successors(this.evaluator.words);
    this.evaluator.expand(words, 0, out);
    const size = this.evaluator.words;
    return new Map(
      Array.from({ length: out.count }, (_, i) => [
        out.instances[i],
        out.words.slice(i * size, (i + 1) * size),
      ]),
    );
  }

  /** What tells the runs apart after a step that both took, or null. */
  private differenceAfter(
    pair: Pair<S>,
    next: { readonly a: Int32Array; readonly b: Int32Array },
    by: PairedStep<S>,
  ): string | null {
    const leaf = this.visibleDifference(next.a, next.b);
    if (leaf !== null) {
      const [one, other] = [next.a, next.b].map((words) =>
        String(valueOf(leaf.shape, readLeaf(leaf, words))),
      );
      return `${leaf.path} is ${one} in one run and ${other} in the other`;
    }
    // What a call returns is seen by its caller.
    if (by.step.action.process === undefined || pair.a === pair.b) return null;
    const said = this.stepper.step(pair.a, by.step)?.outcome;
    const otherSaid = this.stepper.step(pair.b, by.other)?.outcome;
    return said === otherSaid
      ? null
      : `"${by.step.action.name}" says "${said}" in one run and "${otherSaid}" in the other`;
  }

  /** The first field in which the states differ and that is not hidden in both of them. */
  private visibleDifference(a: Int32Array, b: Int32Array): Leaf | null {
    if (a.every((word, i) => word === b[i])) return null;
    const hidden = new Set(
      this.hidden
        .filter(({ isHidden }) => [a, b].every((words) => isHidden(this.look(words))))
        .flatMap(({ leaves }) => leaves),
    );
    const tells = (leaf: Leaf): boolean => readLeaf(leaf, a) !== readLeaf(leaf, b) && !hidden.has(leaf);
    return this.of.layout.leaves.find(tells) ?? null;
  }

  /** The state, until the next look. */
  private look(words: Int32Array): S {
    this.viewed.set(words);
    return this.view;
  }

  private tell(pair: Pair<S>, last: PairedStep<S>, difference: string): Interference<S> {
    const path = [last];
    for (let at: Pair<S> | null = pair; at?.by != null; at = at.from) path.push(at.by);
    return { path: path.reverse(), difference };
  }
}

function partnersOf<S>(of: Instance<S>, secret: readonly string[]): (readonly number[])[] {
  const nameWithout = ({ action, args }: ActionInstance<S>): string => {
    const open = Object.entries(args).filter(([name]) => !secret.includes(name));
    return JSON.stringify([action.name, open]);
  };
  const byName = new Map<string, number[]>();
  for (const instance of of.instances) {
    const name = nameWithout(instance);
    byName.set(name, [...(byName.get(name) ?? []), instance.id]);
  }
  return of.instances.map((instance) => byName.get(nameWithout(instance)) ?? []);
}
