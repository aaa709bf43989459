/**
 * The nearest schedule that does not fail: the same calls and events, with two essential steps of different lanes in
 * the other order. It is run to the end of its calls, so that a swap that only puts the failure off is none; what
 * cannot be taken at its place is tried again later.
 */
import { createReference, type Reference } from "../../evaluate/reference.ts";
import type { ActionInstance, Instance } from "../../model/model.ts";
import type { Shown } from "../format.ts";
import { findLabel, findProcess, statusOf } from "../lanes.ts";
import { confirmClaim, type Replay, type ReplayedStep } from "../replay.ts";
import { endOf } from "../taken.ts";
import { findBroken } from "./cause.ts";
import { attempt, type StepReason } from "./slice.ts";

/** How a call ends that ended otherwise in the failing schedule, or had not ended there. */
export interface OtherEnd<S> {
  readonly call: ActionInstance<S>;
  readonly ends: string;
}

export interface SafeSchedule<S> {
  /** The step that is moved, and the one that it now comes before or after, by their numbers in the failing one. */
  readonly moved: number;
  readonly place: "before" | "after";
  readonly other: number;
  /** Steps of the failing schedule that are not taken, by number. */
  readonly impossible: readonly number[];
  readonly otherEnds: readonly OtherEnd<S>[];
  /** Other properties that it breaks. */
  readonly breaks: readonly string[];
  readonly replay: Replay<S>;
}

/** What was looked for: swaps tried, and the schedule found; `null`: no swap that was tried saves it. */
export interface SafeSearch<S> {
  readonly tried: number;
  readonly safe: SafeSchedule<S> | null;
}

/** Swaps that are tried at most: each is a run of the whole schedule. */
const maxTried = 60;
/** Steps of a run, at most: a process may wait for ever. */
const longestRun = 1500;

/**
 * The swap that passes over the fewest essential steps, and of these the latest, after which nothing breaks; where
 * there is none, the one after which the property does not.
 */
export function findNearestSafe<S>(
  of: Instance<S>,
  replay: Replay<S>,
  shown: Shown,
  reasons: readonly StepReason[],
): SafeSearch<S> {
  const reference = createReference(of);
  const swaps = swapsOf(replay.steps.filter((_, i) => reasons[i].role === "essential")).slice(0, maxTried);
  let found: SafeSchedule<S> | null = null;
  for (const [i, swap] of swaps.entries()) {
    const safe = attempt(() => trySwap(of, reference, replay, shown, swap), null);
    if (safe?.breaks.length === 0) return { tried: i + 1, safe };
    found ??= safe;
  }
  return { tried: swaps.length, safe: found };
}

interface Swap<S> {
  readonly earlier: ReplayedStep<S>;
  readonly later: ReplayedStep<S>;
  /** Does the later one come before the earlier one, or the earlier one after the later one? */
  readonly place: "before" | "after";
}

function swapsOf<S>(essential: readonly ReplayedStep<S>[]): Swap<S>[] {
  const swaps: Swap<S>[] = [];
  for (let distance = 1; distance < essential.length; distance++)
    for (let i = essential.length - 1; i >= distance; i--) {
      const [earlier, later] = [essential[i - distance], essential[i]];
      if (earlier.instance.lane !== later.instance.lane)
        swaps.push({ earlier, later, place: "before" }, { earlier, later, place: "after" });
    }
  return swaps;
}

function trySwap<S>(
  of: Instance<S>,
  reference: Reference<S>,
  replay: Replay<S>,
  shown: Shown,
  { earlier, later, place }: Swap<S>,
): SafeSchedule<S> | null {
  const { steps } = replay;
  const lane = (place === "before" ? later : earlier).instance.lane;
  const from = findSectionStart(of, steps, earlier);
  const between = steps.slice(from - 1, later.n);
  const own = between.filter(({ instance }) => instance.lane === lane);
  const others = between.filter(({ instance }) => instance.lane !== lane);
  const middle = place === "before" ? [...own, ...others] : [...others, ...own];
  const run = new Run(of, reference, replay, shown, from);
  const planned = [...middle, ...steps.slice(later.n)];
  if (!run.take(planned)) return null;
  const [first, second] = [later.n, earlier.n].map((n) => run.takenAt.get(n));
  if (first === undefined || (second !== undefined && second < first)) return null;
  const [moved, other] = place === "before" ? [later.n, earlier.n] : [earlier.n, later.n];
  const impossible = planned.map(({ n }) => n).filter((n) => !run.takenAt.has(n));
  const made = run.replay();
  const otherEnds = compareEnds(of, replay, made);
  // Who panics is out of the way, and nobody would call that safe.
  if (otherEnds.some(({ ends }) => ends.startsWith("panics"))) return null;
  const breaks = new Set(made.steps.slice(from - 1).flatMap((step) => findBroken(of, step)));
  return {
    moved,
    place,
    other,
    impossible: impossible.sort((a, b) => a - b),
    otherEnds,
    breaks: [...breaks],
    replay: made,
  };
}

/** The step with which the lane took the first of the locks that it holds at a step; that step, where it holds none. */
function findSectionStart<S>(
  of: Instance<S>,
  steps: readonly ReplayedStep<S>[],
  { n, instance: { lane } }: ReplayedStep<S>,
): number {
  const own = steps.slice(0, n).filter((step) => step.instance.lane === lane);
  const holds = (state: S) =>
    statusOf(of, state).some((status) => status.lane === lane && status.locks.length > 0);
  return own.findLast(({ before }) => !holds(before))?.n ?? n;
}

/** A run of planned steps from the middle of a schedule on. */
class Run<S> {
  /** When a planned step was taken, by its number. */
  readonly takenAt = new Map<number, number>();
  private readonly of: Instance<S>;
  private readonly reference: Reference<S>;
  private readonly start: Replay<S>;
  private readonly shown: Shown;
  private readonly steps: ReplayedStep<S>[];
  private state: S;

  /** Begins before the step `from` of the schedule. */
  constructor(of: Instance<S>, reference: Reference<S>, start: Replay<S>, shown: Shown, from: number) {
    this.of = of;
    this.reference = reference;
    this.start = start;
    this.shown = shown;
    this.steps = start.steps.slice(0, from - 1);
    this.state = start.steps[from - 1].before;
  }

  replay(): Replay<S> {
    const { initialName, initial } = this.start;
    return { initialName, initial, steps: this.steps, final: this.state };
  }

  /** Takes the steps as far as there is a way, and the calls to their ends; false where the claim shows. */
  take(planned: readonly ReplayedStep<S>[]): boolean {
    let pending = [...planned];
    while (this.steps.length < longestRun) {
      pending = this.withoutPassed(pending);
      const taken = this.takeNext(pending);
      if (taken === null) return true;
      if (taken.step !== null) {
        this.takenAt.set(taken.step.n, this.steps.length);
        pending = pending.filter((step) => step !== taken.step);
      }
      if (confirmClaim(this.of, this.replay(), this.shown) !== null) return false;
    }
    return false;
  }

  /** The plan without steps inside calls that ended, or took another way, before they came to them. */
  private withoutPassed(pending: readonly ReplayedStep<S>[]): ReplayedStep<S>[] {
    const isCalling = new Set<string>();
    return pending.filter(({ instance }) => {
      const { lane, action } = instance;
      const process = findProcess(this.of, instance);
      if (process === undefined || isCalling.has(lane)) return true;
      if (action.at === process.idle) isCalling.add(lane);
      return action.at === process.idle || findLabel(this.of, instance, this.state) !== process.idle;
    });
  }

  /** Takes the first step of the plan that can be taken, or another one of its process; `null`: nothing can be. */
  private takeNext(pending: readonly ReplayedStep<S>[]): { readonly step: ReplayedStep<S> | null } | null {
    const passed = new Set<string>();
    for (const step of pending) {
      const { instance } = step;
      const process = findProcess(this.of, instance);
      if (process !== undefined && passed.has(instance.lane)) continue;
      passed.add(instance.lane);
      if (this.tryTake(instance)) return { step };
      if (process !== undefined && this.goOn(instance.lane)) return { step: null };
    }
    for (const { lane } of statusOf(this.of, this.state)) if (this.goOn(lane)) return { step: null };
    return this.serve() ? { step: null } : null;
  }

  /** Takes a step of the call in which a lane is, whichever can be taken. */
  private goOn(lane: string): boolean {
    return this.stepsOf(lane).some((instance) => this.tryTake(instance));
  }

  /** Where a call waits for the environment, takes a step that serves it. */
  private serve(): boolean {
    const waiting = statusOf(this.of, this.state).flatMap(({ lane }) => this.stepsOf(lane));
    const servers = waiting.flatMap((instance) => {
      const blocked = instance.blocked?.(this.state) ?? null;
      return blocked?.kind === "wait" ? blocked.servedBy : [];
    });
    return this.of.environment.some((each) => servers.includes(each.action.name) && this.tryTake(each));
  }

  private stepsOf(lane: string): readonly ActionInstance<S>[] {
    return this.of.processes.flatMap(({ process, tried }) =>
      tried.flatMap((byLabel) => {
        const [first] = [...byLabel.values()].flat();
        if (first?.lane !== lane) return [];
        const label = findLabel(this.of, first, this.state);
        return label === null || label === process.idle ? [] : (byLabel.get(label) ?? []);
      }),
    );
  }

  private tryTake(instance: ActionInstance<S>): boolean {
    const taken = this.reference.step(this.state, instance);
    if (taken === null) return false;
    const { state, outcome } = taken;
    const n = this.steps.length + 1;
    this.steps.push({ n, instance, outcome, changes: [], before: this.state, after: state });
    this.state = state;
    return true;
  }
}

/** The calls that end otherwise than in the failing schedule, in the order of their ends. */
function compareEnds<S>(of: Instance<S>, failing: Replay<S>, made: Replay<S>): OtherEnd<S>[] {
  const before = endsOf(of, failing);
  const seen = new Map<ActionInstance<S>, number>();
  return endsOf(of, made).filter(({ call, ends }) => {
    const nth = seen.get(call) ?? 0;
    seen.set(call, nth + 1);
    return before.filter((each) => each.call === call)[nth]?.ends !== ends;
  });
}

function endsOf<S>(of: Instance<S>, { steps }: Replay<S>): OtherEnd<S>[] {
  const calls = new Map<string, ActionInstance<S>>();
  return steps.flatMap(({ instance, outcome, after }) => {
    const { lane } = instance;
    const status = statusOf(of, after).find((each) => each.lane === lane);
    if (status === undefined) return [];
    const call = calls.get(lane) ?? instance;
    calls.set(lane, call);
    if (status.label !== null && !status.label.startsWith("PANIC")) return [];
    calls.delete(lane);
    const ends = endOf(outcome);
    return ends === "" ? [] : [{ call, ends }];
  });
}
