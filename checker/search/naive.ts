/**
 * The oracle: forty lines of obvious search on the reference evaluator, with a Map. It knows nothing of
 * packed tables, batches, parents or reductions, and the tests hold every other search to its counts.
 */
import { findDeadlock } from "../evaluate/deadlock.ts";
import { createReference } from "../evaluate/reference.ts";
import { type ActionInstance, deadlockProperty, type Instance } from "../model/model.ts";

export interface NaiveResult {
  readonly states: number;
  readonly transitions: number;
  /** Steps to the farthest state. */
  readonly depth: number;
  /** By property name: the length of the shortest way to a violation. */
  readonly violated: ReadonlyMap<string, number>;
  readonly witnessed: ReadonlySet<string>;
}

/** Explores every state within `maxDepth` steps, past violations too; states at that depth are not expanded. */
export function exploreNaively<S>(of: Instance<S>, maxDepth = Infinity): NaiveResult {
  const reference = createReference(of);
  const seen = new Set<string>();
  const violated = new Map<string, number>();
  const witnessed = new Set<string>();
  const note = (property: string, depth: number): void => {
    if (!violated.has(property)) violated.set(property, depth);
  };
  let layer: S[] = [];
  let next: S[] = [];
  const meet = (state: S, depth: number, packed = reference.pack(state)): void => {
    const key = packed.join();
    if (seen.has(key)) return;
    seen.add(key);
    next.push(state);
    for (const { property, args } of of.invariants)
      if (!property.holds(state, args, of.setting)) note(property.name, depth);
    for (const { property, args } of of.witnesses)
      if (property.holds(state, args, of.setting)) witnessed.add(property.name);
  };
  for (const { state } of reference.namedInitialStates()) meet(state, 0);
  let transitions = 0;
  let depth = 0;
  for (; next.length > 0; depth++) {
    [layer, next] = [next, []];
    for (const state of layer) {
      const isEnabled = (instance: ActionInstance<S>): boolean => reference.step(state, instance) !== null;
      if (findDeadlock(of, state, isEnabled) !== null) note(deadlockProperty, depth);
      if (depth === maxDepth) continue;
      for (const instance of of.instances) {
        const taken = reference.step(state, instance);
        if (taken === null) continue;
        transitions++;
        const step = { action: instance.action.name, args: instance.args, outcome: taken.outcome };
        for (const { property, args } of of.stepProperties) {
          if (!property.holds(state, taken.state, step, args, of.setting)) note(property.name, depth + 1);
        }
        meet(taken.state, depth + 1, taken.packed);
      }
    }
  }
  return { states: seen.size, transitions, depth: depth - 1, violated, witnessed };
}
