/**
 * How many states stand behind a state that merging keeps: an estimate.
 *
 * Behind a state stand those that are reached from it by steps that end within blocks, of any processes, one or
 * several of them inside at once. What each does alone is counted, and what they do together is put together from that:
 * any of what the one does with any of what the others do, but for locks, which one takes at a time. That counts twice
 * what two states lead to, and does not count what is only reached when others step while a process is inside and has
 * taken its free step. So it is an estimate.
 */
import type { Successors } from "../../evaluate/evaluator.ts";
import { readLeaf } from "../../schema/layout.ts";
import { keyOfState } from "../state-key.ts";
import type { Sampled } from "../sample.ts";
import type { Analysis } from "./analysis.ts";

/** States that one process is within, at most: then it is not looked at further. */
const mostWithin = 2000;

/** How many times fewer states there are for merging, by these states of the merged search; null without any. */
export function estimateFactor(sample: readonly Sampled[], steps: Steps, analysis: Analysis): number | null {
  if (sample.length === 0) return null;
  let [behind, weights] = [0, 0];
  for (const { state, weight } of sample) {
    behind += weight * countBehind(state, steps, analysis);
    weights += weight;
  }
  return behind / weights;
}

/** What steps lead to, from a state: those of all, and those of a process within a block. */
export interface Steps {
  expandAll(state: Int32Array): Successors;
  /** The next call may overwrite what it returns. */
  expandWithin(process: number, state: Int32Array): Successors;
}

/** How many states of the model stand behind one of the merged search, itself among them. */
function countBehind(state: Int32Array, steps: Steps, { plan, locks, table }: Analysis): number {
  // Beyond as many as there are bits, it is not asked who has a lock.
  const names = locks.locks.members().slice(0, 31);
  const { controls, points } = table;
  /** By process, by the locks that it holds within a block (as bits): in how many states it does. */
  const within = controls.map(() => new Map<number, number>());
  const found = controls.map(() => new Map<string, { state: Int32Array; isBefore: boolean }>());
  const enter = (process: number, from: Successors, i: number, wasBefore: boolean): void => {
    const code = readLeaf(controls[process], from.words, i * from.wordsPerState);
    const isBefore = wasBefore && plan.comesBefore[from.instances[i]]?.[code] === 1;
    if ((isBefore ? plan.goesOnBefore : plan.goesOnAfter)[process][code] === 0) return;
    const next = from.words.slice(i * from.wordsPerState, (i + 1) * from.wordsPerState);
    const key = keyOfState(next);
    if (found[process].size >= mostWithin || found[process].has(key)) return;
    found[process].set(key, { state: next, isBefore });
    const held = locks.held[points[process][code].number];
    const bits = names.reduce((set, lock, n) => (held.has(lock) ? set | (1 << n) : set), 0);
    within[process].set(bits, (within[process].get(bits) ?? 0) + 1);
  };
  const first = steps.expandAll(state);
  for (let i = 0; i < first.count; i++) {
    const process = plan.processOf[first.instances[i]];
    if (process >= 0) enter(process, first, i, true);
  }
  found.forEach((states, process) => {
    for (const { state: at, isBefore } of states.values()) {
      const next = steps.expandWithin(process, at);
      for (let i = 0; i < next.count; i++) enter(process, next, i, isBefore);
    }
  });
  return countTogether(within);
}

/** In how many ways processes are within their blocks or not, no two of them with one lock. */
export function countTogether(within: readonly ReadonlyMap<number, number>[]): number {
  let together = new Map([[0, 1]]);
  for (const mine of within) {
    const more = new Map(together);
    for (const [held, ways] of together) {
      for (const [bits, states] of mine) {
        if ((held & bits) === 0) more.set(held | bits, (more.get(held | bits) ?? 0) + ways * states);
      }
    }
    together = more;
  }
  return [...together.values()].reduce((sum, ways) => sum + ways, 0);
}
