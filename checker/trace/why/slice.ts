/**
 * Why a schedule ends as it does: a causal slice back from its end.
 *
 * A step is *essential* when, but for what it changed, the end (or another essential step) would have come out
 * otherwise: the place that it changed is given the value it had before, and the formula, or the later step, is
 * run again. It is *context* when it only brings an essential step about: it moves a call to where the essential
 * step is, or takes and releases its locks. It is *noise* when the schedule shows the same without it, which is
 * tried.
 *
 * Limits: each place is put back by itself, so where each of two changes alone would have been enough, none
 * counts as essential for that reading; then all that the formula read and some step changed counts. Control
 * labels and locks are not followed, except in a deadlock, which is made of them.
 */
import { ModelError } from "../../errors.ts";
import { createReference, type Reference } from "../../evaluate/reference.ts";
import type { ActionInstance, Instance } from "../../model/model.ts";
import type { Shown } from "../format.ts";
import { findProcess, framePlace, statusOf } from "../lanes.ts";
import { isSame, toPlain } from "../plain.ts";
import { confirmClaim, type Replay, type ReplayedStep } from "../replay.ts";
import { noteReads, valueAt, withValueAt } from "../places.ts";

export type Role = "essential" | "context" | "noise";

/** Why one step matters. */
export interface StepReason {
  readonly n: number;
  readonly role: Role;
  /** For an essential step: what it changed, and the later step that depends on it; `null` for the end itself. */
  readonly needs: readonly { readonly place: string; readonly by: number | null }[];
}

/** The reasons of every step of a schedule that shows `shown` at its end. */
export function sliceBack<S>(of: Instance<S>, replay: Replay<S>, shown: Shown): StepReason[] {
  return new Slice(of, replay, shown).run();
}

class Slice<S> {
  private readonly of: Instance<S>;
  private readonly replay: Replay<S>;
  private readonly shown: Shown;
  private readonly reference: Reference<S>;
  private readonly needs = new Map<number, { place: string; by: number | null }[]>();
  private readonly done = new Set<string>();

  constructor(of: Instance<S>, replay: Replay<S>, shown: Shown) {
    this.of = of;
    this.replay = replay;
    this.shown = shown;
    this.reference = createReference(of);
  }

  run(): StepReason[] {
    this.followEnd();
    const noise = this.findNoise();
    return this.replay.steps.map(({ n }) => {
      const needs = this.needs.get(n) ?? [];
      return { n, role: needs.length > 0 ? "essential" : noise.has(n) ? "noise" : "context", needs };
    });
  }

  /** From what the property reads at the end to the steps that made it so. */
  private followEnd(): void {
    const { of, replay, shown } = this;
    const last = replay.steps.at(-1);
    if (last === undefined) return;
    if (shown.kind === "deadlock") {
      const waiting = of.instances.filter(({ blocked }) => (blocked?.(replay.final) ?? null) !== null);
      const reads = waiting.flatMap(
        ({ blocked }) => noteReads(of.shape, replay.final, (s) => blocked?.(s)).reads,
      );
      for (const place of new Set(reads)) this.follow(place, replay.steps.length, null);
      return;
    }
    if (shown.kind === "outcome") {
      this.needs.set(last.n, [{ place: "", by: null }]);
      for (const place of noteReads(of.shape, last.before, (s) => last.instance.fireAtLabel(s)).reads)
        if (!this.isBookkeeping(last.instance, place) && this.decidesOutcome(last, place))
          this.follow(place, last.n - 1, last.n);
      return;
    }
    if (shown.kind === "step") {
      for (const { path } of last.changes) this.follow(path, last.n, null);
      // A step may be at fault for what it left as it was.
      if (last.changes.length === 0) this.needs.set(last.n, [{ place: "", by: null }]);
    }
    const reads = this.readsOfProperty();
    const decisive = reads.filter((place) => this.isDecisive(place));
    for (const place of decisive.length > 0 ? decisive : reads) this.follow(place, replay.steps.length, null);
  }

  /** Would the step have come out otherwise, but for the last change of this place? */
  private decidesOutcome(step: ReplayedStep<S>, place: string): boolean {
    const definer = this.definerOf(place, step.n - 1);
    if (definer === null) return false;
    const before = withValueAt(step.before, place, valueAt(definer.before, place));
    return attempt(() => this.reference.step(before, step.instance)?.outcome !== step.outcome, true);
  }

  /** The places that the property's formula reads at the end. */
  private readsOfProperty(): readonly string[] {
    const { of, replay, shown } = this;
    const reads: string[] = [];
    const property = (
      {
        invariant: of.invariants,
        witness: of.witnesses,
        step: of.stepProperties,
        deadlock: [],
        outcome: [],
      } as const
    )[shown.kind].find(({ property: { name }, args }) => name === shown.name && isSame(args, shown.args));
    if (property === undefined) return reads;
    const { property: formula, args } = property;
    const last = replay.steps[replay.steps.length - 1];
    if (formula.kind === "step") {
      const taken = { action: last.instance.action.name, args: last.instance.args, outcome: last.outcome };
      const holds = (before: S, after: S) => formula.holds(before, after, taken, args, of.setting);
      reads.push(...noteReads(of.shape, last.before, (s) => holds(s, last.after)).reads);
    } else {
      reads.push(...noteReads(of.shape, replay.final, (s) => formula.holds(s, args, of.setting)).reads);
    }
    return reads;
  }

  /** Would the end not be shown, but for the last change of this place? */
  private isDecisive(place: string): boolean {
    const { of, replay, shown } = this;
    const end = shown.kind === "step" ? replay.steps.length - 1 : replay.steps.length;
    const definer = this.definerOf(place, end);
    if (definer === null) return false;
    const value = valueAt(definer.before, place);
    if (shown.kind !== "step") {
      const other = { ...replay, final: withValueAt(replay.final, place, value) };
      return attempt(() => confirmClaim(of, other, shown) === null, true);
    }
    const last = replay.steps[replay.steps.length - 1];
    const before = withValueAt(last.before, place, value);
    return attempt(() => {
      const taken = this.reference.step(before, last.instance);
      if (taken === null) return true;
      const step = { ...last, before, after: taken.state, outcome: taken.outcome };
      const other = { ...replay, steps: [...replay.steps.slice(0, -1), step], final: taken.state };
      return confirmClaim(of, other, shown) === null;
    }, true);
  }

  /** The last step among the first `count` that changed a place. */
  private definerOf(place: string, count: number): ReplayedStep<S> | null {
    for (let i = count - 1; i >= 0; i--) {
      const step = this.replay.steps[i];
      if (step.changes.some(({ path }) => path === place)) return step;
    }
    return null;
  }

  /** `by` depends on what the first `count` steps made of a place: goes back to the step that did. */
  private follow(place: string, count: number, by: number | null): void {
    const definer = this.definerOf(place, count);
    if (definer === null) return;
    const needs = this.needs.get(definer.n) ?? [];
    if (!needs.some((need) => need.place === place && need.by === by)) needs.push({ place, by });
    this.needs.set(definer.n, needs);
    const key = `${definer.n} ${place}`;
    if (this.done.has(key)) return;
    this.done.add(key);
    const reads = attempt(
      () => noteReads(this.of.shape, definer.before, (s) => definer.instance.fireAtLabel(s)).reads,
      [],
    );
    for (const read of reads) {
      if (this.isBookkeeping(definer.instance, read)) continue;
      const earlier = this.definerOf(read, definer.n - 1);
      if (earlier !== null && this.dependsOn(definer, place, read, valueAt(earlier.before, read)))
        this.follow(read, definer.n - 1, definer.n);
    }
  }

  /** Would the step have changed `place` otherwise, had it found `value` at `read`? */
  private dependsOn(step: ReplayedStep<S>, place: string, read: string, value: unknown): boolean {
    return attempt(() => {
      const taken = this.reference.step(withValueAt(step.before, read, value), step.instance);
      return (
        taken === null || !isSame(toPlain(valueAt(taken.state, place)), toPlain(valueAt(step.after, place)))
      );
    }, true);
  }

  /** Control labels, and locks where the end is no deadlock. */
  private isBookkeeping(instance: ActionInstance<S>, place: string): boolean {
    const frame = framePlace(this.of, instance);
    if (frame !== null && place === `${frame}${findProcess(this.of, instance)?.control}`) return true;
    return this.shown.kind !== "deadlock" && /(\.holder|Lock|(^|[._\]])lock)$/.test(place);
  }

  /** Calls and single steps without anything essential, without which the schedule shows the same. */
  private findNoise(): Set<number> {
    const noise = new Set<number>();
    for (const segment of segmentsOf(this.of, this.replay).reverse()) {
      if (segment.some((n) => this.needs.has(n))) continue;
      const without = new Set([...noise, ...segment]);
      if (this.showsWithout(without)) for (const n of segment) noise.add(n);
    }
    return noise;
  }

  private showsWithout(left: ReadonlySet<number>): boolean {
    const kept = this.replay.steps.filter(({ n }) => !left.has(n)).map(({ instance }) => instance);
    return showsAtEnd(this.of, this.replay, kept, this.shown, this.reference);
  }
}

/** The steps of the schedule by number, those of one call together, in the order of their first step. */
export function segmentsOf<S>(of: Instance<S>, { steps }: Replay<S>): number[][] {
  const open = new Map<string, number[]>();
  const segments: number[][] = [];
  for (const { n, instance, after } of steps) {
    const segment = open.get(instance.lane) ?? [];
    if (segment.length === 0) segments.push(segment);
    segment.push(n);
    const status = statusOf(of, after).find(({ lane }) => lane === instance.lane);
    if (status === undefined || status.label === null) open.delete(instance.lane);
    else open.set(instance.lane, segment);
  }
  return segments;
}

/** Can these steps be taken one after the other from the schedule's start, and do they show the claim at the end? */
export function showsAtEnd<S>(
  of: Instance<S>,
  start: Pick<Replay<S>, "initialName" | "initial">,
  instances: readonly ActionInstance<S>[],
  shown: Shown,
  reference = createReference(of),
): boolean {
  return attempt(() => {
    const replay = takeAll(reference, start, instances);
    return replay !== null && confirmClaim(of, replay, shown) !== null;
  }, false);
}

/** The schedule of these steps (without its changes); `null` where one of them is not enabled. */
export function takeAll<S>(
  reference: Reference<S>,
  { initialName, initial }: Pick<Replay<S>, "initialName" | "initial">,
  instances: readonly ActionInstance<S>[],
): Replay<S> | null {
  const steps: ReplayedStep<S>[] = [];
  let state = initial;
  for (const instance of instances) {
    const taken = reference.step(state, instance);
    if (taken === null) return null;
    const { outcome } = taken;
    steps.push({ n: steps.length + 1, instance, outcome, changes: [], before: state, after: taken.state });
    state = taken.state;
  }
  return { initialName, initial, steps, final: state };
}

/** What `run` gives, or `otherwise` where the model cannot go on from a state that nobody ever reaches. */
export function attempt<T>(run: () => T, otherwise: T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof ModelError || error instanceof TypeError) return otherwise;
    throw error;
  }
}
