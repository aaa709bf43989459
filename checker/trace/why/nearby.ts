/**
 * Schedules beside a failing one: what else could have been done at its last step, and the nearest schedule that
 * does not fail, which has the same steps with one of them moved.
 */
import { createReference, type Reference } from "../../evaluate/reference.ts";
import type { ActionInstance, Instance } from "../../model/model.ts";
import type { Shown } from "../format.ts";
import { confirmClaim, type Replay, type ReplayedStep } from "../replay.ts";
import { attempt, type StepReason } from "./slice.ts";

/** A step that could have been taken instead of the last one. */
export interface Road<S> {
  readonly instance: ActionInstance<S>;
  readonly outcome: string;
  /** Does this step show the same claim? */
  readonly shows: boolean;
}

/** The other steps enabled before the last one; none for an empty schedule. */
export function findRoads<S>(of: Instance<S>, replay: Replay<S>, shown: Shown): Road<S>[] {
  const last = replay.steps.at(-1);
  if (last === undefined) return [];
  const reference = createReference(of);
  return of.instances.flatMap((instance) => {
    if (instance === last.instance) return [];
    const taken = reference.step(last.before, instance);
    if (taken === null) return [];
    const step = { ...last, instance, outcome: taken.outcome, changes: [], after: taken.state };
    const steps = [...replay.steps.slice(0, -1), step];
    const shows = confirmClaim(of, { ...replay, steps, final: taken.state }, shown) !== null;
    return [{ instance, outcome: taken.outcome, shows }];
  });
}

/** A schedule with one step moved, which does not fail. */
export interface SafeSchedule<S> {
  /** The step that is moved, and the one that it now comes before or after, by their numbers in the failing one. */
  readonly moved: number;
  readonly place: "before" | "after";
  readonly other: number;
  /** Steps of the failing schedule that can no longer be taken, by number. */
  readonly impossible: readonly number[];
  readonly replay: Replay<S>;
}

/**
 * The nearest schedule without the failure: neighbours of different lanes swapped, or a step moved past another
 * lane's run. Preferred are moves of steps that matter (a lock that is taken too late proves nothing), then those
 * after which most steps can still be taken, then the latest. `null`: none of them is safe, so the failure does
 * not hang on one order of two steps. A process whose call takes another turn goes on with it.
 */
export function findNearestSafe<S>(
  of: Instance<S>,
  replay: Replay<S>,
  shown: Shown,
  reasons: readonly StepReason[],
): SafeSchedule<S> | null {
  const reference = createReference(of);
  const isEssential = (n: number) => reasons[n - 1].role === "essential";
  const rankOf = ({ moved, other, impossible }: SafeSchedule<S>): number =>
    impossible.length + (isEssential(moved) || isEssential(other) ? 0 : replay.steps.length);
  let best: SafeSchedule<S> | null = null;
  for (const move of movesOf(replay.steps)) {
    const order = reorder(replay.steps, move);
    const followed = attempt(() => follow(of, reference, replay, order, shown), null);
    if (followed === null) continue;
    const found = { ...move, ...followed };
    if (best === null || rankOf(found) < rankOf(best)) best = found;
  }
  return best;
}

type Move = Pick<SafeSchedule<unknown>, "moved" | "place" | "other">;

/** Every move, the likeliest first. */
function movesOf<S>(steps: readonly ReplayedStep<S>[]): Move[] {
  const switches = steps.flatMap(({ n, instance }, i) =>
    i > 0 && steps[i - 1].instance.lane !== instance.lane ? [n] : [],
  );
  const ends = [...switches.map((n) => n - 1), steps.length];
  const starts = [1, ...switches];
  const swaps = switches.map((n): Move => ({ moved: n, place: "before", other: n - 1 }));
  const farther = switches.flatMap((n, k): Move[] => [
    { moved: n, place: "before", other: starts[k] },
    { moved: n - 1, place: "after", other: ends[k + 1] },
  ]);
  return [...swaps.reverse(), ...farther.reverse()];
}

function reorder<S>(steps: readonly ReplayedStep<S>[], { moved, place, other }: Move): ReplayedStep<S>[] {
  const step = steps[moved - 1];
  const rest = steps.filter(({ n }) => n !== moved);
  const at = rest.findIndex(({ n }) => n === other) + (place === "after" ? 1 : 0);
  return [...rest.slice(0, at), step, ...rest.slice(at)];
}

/** Takes the steps in this order as far as they can be taken; `null` where the claim shows anywhere on the way. */
function follow<S>(
  of: Instance<S>,
  reference: Reference<S>,
  { initialName, initial }: Replay<S>,
  order: readonly ReplayedStep<S>[],
  shown: Shown,
): Pick<SafeSchedule<S>, "impossible" | "replay"> | null {
  const steps: ReplayedStep<S>[] = [];
  const impossible: number[] = [];
  let state = initial;
  const soFar = (): Replay<S> => ({ initialName, initial, steps, final: state });
  for (const { n, instance: planned } of order) {
    const found = [planned, ...insteadOf(of, state, planned)]
      .map((instance) => ({ instance, taken: reference.step(state, instance) }))
      .find(({ taken }) => taken !== null);
    if (found === undefined || found.taken === null) {
      impossible.push(n);
      continue;
    }
    const { instance, taken } = found;
    const { outcome } = taken;
    steps.push({ n: steps.length + 1, instance, outcome, changes: [], before: state, after: taken.state });
    state = taken.state;
    if (confirmClaim(of, soFar(), shown) !== null) return null;
  }
  return { impossible, replay: soFar() };
}

/** The steps of the same process where it is now, in its call. */
function insteadOf<S>(
  of: Instance<S>,
  state: S,
  { action, args }: ActionInstance<S>,
): readonly ActionInstance<S>[] {
  const found = of.processes.find(({ process }) => process.name === action.process);
  if (found === undefined) return [];
  const { process, tried } = found;
  const self = args[process.name] as number;
  // The frames' place is known by name only.
  const frames = (state as Record<string, Record<string, string>[]>)[process.frames];
  const label = frames[self][process.control];
  // An idle process makes no other call than the one planned.
  return label === process.idle ? [] : (tried[self].get(label) ?? []);
}
