/**
 * The cause of a counterexample: the first of its steps that breaks any property at all. A schedule that ends with a
 * page that is reached often went wrong long before, by a lesser property; schedules that first go wrong at the same
 * step are the same failure, told several times.
 */
import type { Instance } from "../../model/model.ts";
import type { Replay, ReplayedStep } from "../replay.ts";
import { nameStep } from "../taken.ts";

export interface Cause<S> {
  readonly step: ReplayedStep<S>;
  /** The step's name: equal for counterexamples with the same cause. */
  readonly name: string;
  /** The properties that the step breaks. */
  readonly broken: readonly string[];
}

/**
 * The cause of what breaks `property` at the end of the replay. Properties that stand alone are causes of their own
 * breaches only. A deadlock is its own cause, where nothing else is broken before it. Null for a replay without steps.
 */
export function findCause<S>(of: Instance<S>, replay: Replay<S>, property: string): Cause<S> | null {
  for (const step of replay.steps) {
    const broken = findBroken(of, step, property);
    if (broken.length > 0) return { step, name: nameStep(step), broken };
  }
  const last = replay.steps.at(-1);
  return last === undefined ? null : { step: last, name: nameStep(last), broken: [property] };
}

/**
 * The properties that do not hold of a step, or of the state after it; those that stand alone only where they are
 * the one sought.
 */
export function findBroken<S>(of: Instance<S>, step: ReplayedStep<S>, sought?: string): string[] {
  const { before, after, outcome, instance } = step;
  const taken = { action: instance.action.name, args: instance.args, outcome };
  const isAsked = ({ name, standsAlone }: { name: string; standsAlone?: boolean }): boolean =>
    name === sought || standsAlone !== true;
  const broken = [
    ...of.invariants.filter(
      ({ property, args }) => isAsked(property) && !property.holds(after, args, of.setting),
    ),
    ...of.stepProperties.filter(
      ({ property, args }) => isAsked(property) && !property.holds(before, after, taken, args, of.setting),
    ),
  ];
  return [...new Set(broken.map(({ property }) => property.name))];
}
