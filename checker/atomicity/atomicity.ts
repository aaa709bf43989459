/**
 * Which calls are atomic against one another: does every overlap of two calls end as one of the two orders, one call
 * after the other, could have ended? Asked from states at rest, which calls one after the other lead to.
 *
 * What is compared is all that is left: the whole state, and what both calls returned. The environment serves what
 * calls wait for and does nothing else; what it caches is other properties' business.
 *
 * Bounds: two processes, one call each, from so many states at rest. "Atomic" says no more.
 */
import { controlLeaf } from "../evaluate/packed.ts";
import { createReference } from "../evaluate/reference.ts";
import type { ActionInstance, Instance } from "../model/model.ts";
import { readLeaf } from "../schema/layout.ts";
import { valueOf } from "../schema/shape.ts";
import { type Call, type Final, Runs } from "./runs.ts";

export interface AtomicityOptions {
  /** States at rest from which pairs are tried, in the order found. */
  readonly maxStarts: number;
  readonly maxSeconds?: number;
  readonly isInterrupted?: () => boolean;
  readonly onProgress?: (starts: number, pairs: number) => void;
}

/** Two procedures, called at once by two processes. */
export interface PairReport<S> {
  readonly calls: readonly [string, string];
  /** Pairs of calls with their arguments, and states, that were tried. */
  readonly tried: number;
  /** The first overlap that ends as no order does, or null: there was none. */
  readonly anomaly: Anomaly<S> | null;
}

export interface Anomaly<S> {
  /** Steps from the initial state to the state at rest in which both calls begin. */
  readonly before: readonly ActionInstance<S>[];
  /** The overlapping steps. */
  readonly steps: readonly ActionInstance<S>[];
  /** Where a process was interrupted: the places in `steps` from which on another one acts. */
  readonly switches: readonly number[];
  readonly outcomes: readonly string[];
  /** How the end differs from that of the nearest order. */
  readonly nearest: { readonly order: readonly [number, number]; readonly outcomes: readonly string[] };
  readonly differences: readonly Difference[];
}

export interface Difference {
  readonly path: string;
  readonly overlapping: unknown;
  readonly serial: unknown;
}

export interface AtomicityReport<S> {
  readonly pairs: readonly PairReport<S>[];
  readonly starts: number;
  /** Were there more states at rest, or did the time end? Then what is called atomic was not asked of all. */
  readonly isExhaustive: boolean;
}

interface Start<S> {
  readonly words: Int32Array;
  readonly before: readonly ActionInstance<S>[];
}

/** Tries every pair of calls of the first two processes. */
export function reportAtomicity<S>(of: Instance<S>, options: AtomicityOptions): AtomicityReport<S> {
  return new Atomicity(of, options).report();
}

class Atomicity<S> {
  private readonly of: Instance<S>;
  private readonly options: AtomicityOptions;
  private readonly runs: Runs<S>;
  private readonly labelOf: (words: Int32Array, self: number) => string;
  private readonly began = performance.now();
  private isCut = false;
  private readonly alone = new Map<string, readonly Final<S>[]>();

  constructor(of: Instance<S>, options: AtomicityOptions) {
    this.of = of;
    this.options = options;
    const [{ process, size }] = of.processes;
    const controls = Array.from({ length: size }, (_, self) =>
      controlLeaf(of.layout.root, process.frames, self, process.control),
    );
    this.labelOf = (words, self) => String(valueOf(controls[self].shape, readLeaf(controls[self], words)));
    this.runs = new Runs(of, this.labelOf);
  }

  report(): AtomicityReport<S> {
    const starts = this.findStarts();
    const [first = [], second = []] = this.runs.calls;
    const pairs = new Map<
      string,
      { calls: readonly [string, string]; tried: number; anomaly: Anomaly<S> | null }
    >();
    for (const [n, start] of starts.entries()) {
      this.alone.clear();
      for (const a of first) {
        for (const b of second) {
          if (this.isOutOfTime()) break;
          const calls = [a.instance.action.name, b.instance.action.name] as const;
          const key = calls.join(" ");
          const pair = pairs.get(key) ?? { calls, tried: 0, anomaly: null };
          pairs.set(key, pair);
          if (pair.anomaly !== null) continue;
          pair.tried++;
          pair.anomaly = this.findAnomaly(start, a, b);
        }
      }
      this.options.onProgress?.(n + 1, pairs.size);
    }
    return { pairs: [...pairs.values()], starts: starts.length, isExhaustive: !this.isCut };
  }

  /** States at rest, by calls one after the other, nearest first. */
  private findStarts(): Start<S>[] {
    const starts: Start<S>[] = createReference(this.of)
      .initialStates()
      .map((words) => ({ words, before: [] }));
    const seen = new Set(starts.map(({ words }) => words.join()));
    for (const start of starts) {
      for (const call of this.runs.calls.flat()) {
        if (this.isOutOfTime()) return starts;
        for (const final of this.runs.endings(start.words, [call])) {
          if (!this.isAtRest(final)) continue;
          const key = final.words.join();
          if (seen.has(key)) continue;
          if (starts.length >= this.options.maxStarts) {
            this.isCut = true;
            return starts;
          }
          seen.add(key);
          starts.push({ words: final.words, before: [...start.before, ...final.path()] });
        }
      }
    }
    return starts;
  }

  private isAtRest({ words }: Final<S>): boolean {
    const [{ process, tried }] = this.of.processes;
    return tried.every((_, self) => this.labelOf(words, self) === process.idle);
  }

  private isOutOfTime(): boolean {
    const { maxSeconds = Infinity, isInterrupted } = this.options;
    const isOut = isInterrupted?.() === true || performance.now() - this.began > 1000 * maxSeconds;
    if (isOut) this.isCut = true;
    return isOut;
  }

  private findAnomaly(start: Start<S>, a: Call<S>, b: Call<S>): Anomaly<S> | null {
    const serial = [...this.serialEnds(start, a, b, [0, 1]), ...this.serialEnds(start, b, a, [1, 0])];
    const known = new Set(serial.map(({ words, outcomes }) => endKey(words, outcomes)));
    const strange = this.runs
      .endings(start.words, [a, b])
      .find(({ words, outcomes }) => !known.has(endKey(words, outcomes)));
    if (strange === undefined) return null;
    const steps = strange.path();
    const compared = serial.map((end) => ({ end, differences: this.differences(strange, end) }));
    compared.sort((x, y) => x.differences.length - y.differences.length);
    const [{ end, differences }] = compared;
    return {
      before: start.before,
      steps,
      switches: switchesOf(steps),
      outcomes: strange.outcomes,
      nearest: { order: end.order, outcomes: end.outcomes },
      differences,
    };
  }

  /** How the two calls end, one after the other; outcomes in the order of the pair. */
  private serialEnds(start: Start<S>, first: Call<S>, second: Call<S>, order: readonly [number, number]) {
    return this.endsAlone(start.words, first).flatMap((one) =>
      this.endsAlone(one.words, second).map((two) => ({
        words: two.words,
        outcomes: order[0] === 0 ? [one.outcomes[0], two.outcomes[0]] : [two.outcomes[0], one.outcomes[0]],
        order,
      })),
    );
  }

  private endsAlone(words: Int32Array, call: Call<S>): readonly Final<S>[] {
    const key = `${words.join()}|${call.instance.id}`;
    const known = this.alone.get(key) ?? this.runs.endings(words, [call]);
    this.alone.set(key, known);
    return known;
  }

  private differences(
    a: { readonly words: Int32Array; readonly outcomes: readonly string[] },
    b: { readonly words: Int32Array; readonly outcomes: readonly string[] },
  ): Difference[] {
    const told = a.outcomes.flatMap((outcome, k) =>
      outcome === b.outcomes[k]
        ? []
        : [{ path: `the outcome of call ${k + 1}`, overlapping: outcome, serial: b.outcomes[k] }],
    );
    const stored = this.of.layout.leaves.flatMap((leaf) => {
      const [one, other] = [readLeaf(leaf, a.words), readLeaf(leaf, b.words)];
      if (one === other) return [];
      return [{ path: leaf.path, overlapping: valueOf(leaf.shape, one), serial: valueOf(leaf.shape, other) }];
    });
    return [...told, ...stored];
  }
}

function endKey(words: Int32Array, outcomes: readonly string[]): string {
  return `${words.join()}|${outcomes.join("|")}`;
}

/** Where one process's steps give way to another's. Steps of the environment interrupt nobody. */
function switchesOf<S>(steps: readonly ActionInstance<S>[]): number[] {
  let last: string | null = null;
  return steps.flatMap(({ action, lane }, n) => {
    if (action.process === undefined) return [];
    const isSwitch = last !== null && lane !== last;
    last = lane;
    return isSwitch ? [n] : [];
  });
}
