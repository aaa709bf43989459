/**
 * Why an action cannot be taken in a state: its process is elsewhere, a lock is held, or a guard does not hold;
 * with the values that the guard reads, and which of them would have to be another. And where a call can be made
 * and then refuses: which of its checks does.
 */
import { createReference } from "../../evaluate/reference.ts";
import type { ActionInstance, Instance } from "../../model/model.ts";
import { programOf } from "../../model/threads.ts";
import type { Tree } from "../../model/flatten.ts";
import { valueOf } from "../../schema/shape.ts";
import { findProcess, framePlace, statusOf } from "../lanes.ts";
import { formatValue, isSame, type PlainValue, toPlain } from "../plain.ts";
import { noteReads, shapeAt, valueAt, withValueAt } from "../places.ts";
import { pointAt } from "../taken.ts";
import { attempt } from "./slice.ts";

/** A condition that was tried, and what it read. */
export interface Guard {
  readonly name: string;
  readonly holds: boolean;
  readonly reads: readonly { readonly place: string; readonly value: PlainValue }[];
}

/** A place that alone decides: with this value there, the action could be taken. */
export interface Remedy {
  readonly place: string;
  readonly is: PlainValue;
  readonly needs: readonly PlainValue[];
}

export interface Refusal {
  readonly enabled: boolean;
  /** Why it is not enabled, in a sentence; for an enabled call, how it would end if nobody came between. */
  readonly because: string;
  readonly guards: readonly Guard[];
  readonly remedies: readonly Remedy[];
}

/** Explains why an action is, or is not, enabled in a state. */
export function explainAction<S>(of: Instance<S>, state: S, instance: ActionInstance<S>): Refusal {
  const enabled = createReference(of).step(state, instance) !== null;
  if (enabled) return explainEnabled(of, state, instance);
  const elsewhere = explainElsewhere(of, state, instance);
  if (elsewhere !== null) return { enabled, because: elsewhere, guards: [], remedies: [] };
  const guards = guardsOf(of, state, instance);
  const blocked = instance.blocked?.(state) ?? null;
  const remedies = findRemedies(of, state, instance, guards);
  if (blocked?.kind === "lock") {
    const holder = statusOf(of, state).find(
      ({ lane }) => lane === `${instance.action.process} ${blocked.holder}`,
    );
    const where =
      holder?.label === undefined || holder.label === null ? "" : `, which is before "${holder.label}"`;
    const because = `it waits for ${blocked.lock}, held by ${instance.action.process} ${blocked.holder}${where}`;
    return { enabled, because, guards, remedies };
  }
  if (blocked?.kind === "wait") {
    const because = `it waits at "${blocked.wait}", until one of these steps serves it: ${blocked.servedBy.join(", ")}`;
    return { enabled, because, guards, remedies };
  }
  const failed = guards.find(({ holds }) => !holds);
  const values =
    failed?.reads.map(({ place, value }) => `${place} is ${formatValue(value)}`).join(", ") ?? "";
  const because =
    failed === undefined
      ? "its process takes another step here"
      : `its guard does not hold${values === "" ? "" : `: ${values}`}`;
  return { enabled, because, guards, remedies };
}

/** Is the process of this step at another label? */
function explainElsewhere<S>(of: Instance<S>, state: S, instance: ActionInstance<S>): string | null {
  const { action, lane } = instance;
  const process = findProcess(of, instance);
  const status = statusOf(of, state).find((each) => each.lane === lane);
  if (process === undefined || status === undefined) return null;
  const label = status.label ?? process.idle;
  if (label === action.at) return null;
  if (label === process.idle) return `${lane} is in no call, and this is a step of one, at "${action.at}"`;
  if (action.at === process.idle)
    return `${lane} is still in a call, before "${label}", and makes one at a time`;
  return `${lane} is before "${label}", and this is the step before which it is at "${action.at}"`;
}

/** The conditions on the way to the step, in order, up to the one that decides. */
function guardsOf<S>(of: Instance<S>, state: S, instance: ActionInstance<S>): Guard[] {
  const { action, args } = instance;
  const guard = action.rule?.when;
  if (guard !== undefined) return [guardFrom(of, state, action.name, (s) => guard(s, args, of.setting))];
  const point = pointAt(of, instance);
  if (point === null) return [];
  const { program, site, frameOf } = point;
  const guards: Guard[] = [];
  let tree: Tree<S> = program.point.tree;
  while (tree.kind === "branch") {
    const { name, holds } = tree;
    const tried = guardFrom(of, state, name, (s) => holds(s, frameOf(s), site));
    guards.push(tried);
    tree = tried.holds ? tree.yes : tree.no;
  }
  if (tree.kind !== "act") return guards;
  const { node } = tree;
  if (node.kind === "acquire")
    guards.push(guardFrom(of, state, node.name, (s) => node.lock.of(s, frameOf(s), site).holder === null));
  if (node.kind === "wait")
    guards.push(guardFrom(of, state, node.name, (s) => node.until(s, frameOf(s), site)));
  return guards;
}

function guardFrom<S>(of: Instance<S>, state: S, name: string, run: (s: S) => boolean): Guard {
  const { result, reads } = noteReads(of.shape, state, run);
  return {
    name,
    holds: result,
    reads: reads.map((place) => ({ place, value: toPlain(valueAt(state, place)) })),
  };
}

/** Values of single places that would make the action enabled; queues and unions are not tried. */
function findRemedies<S>(
  of: Instance<S>,
  state: S,
  instance: ActionInstance<S>,
  guards: readonly Guard[],
): Remedy[] {
  const places = new Set(
    guards.filter(({ holds }) => !holds).flatMap(({ reads }) => reads.map(({ place }) => place)),
  );
  return [...places].flatMap((place) => {
    const shape = shapeAt(of.shape, place);
    if (shape?.kind !== "scalar" || shape.cardinality > maxTried) return [];
    const values = Array.from({ length: shape.cardinality }, (_, code) => valueOf(shape, code));
    const needs = values.filter((value) =>
      attempt(() => {
        const other = withValueAt(state, place, value);
        return noteReads(of.shape, other, (s) => instance.fire(s)).result !== null;
      }, false),
    );
    return needs.length === 0 ? [] : [{ place, is: toPlain(valueAt(state, place)), needs }];
  });
}

const maxTried = 64;

/** For a call that can be made: how it ends if nobody comes between, and which check ends it early. */
function explainEnabled<S>(of: Instance<S>, state: S, instance: ActionInstance<S>): Refusal {
  const isCall = programOf(instance.action)?.kind === "call";
  const plain = (because: string, guards: readonly Guard[] = []): Refusal => ({
    enabled: true,
    because,
    guards,
    remedies: [],
  });
  if (!isCall) return plain("it can be taken here");
  const { steps, stuck } = runAlone(of, state, instance);
  const left = steps.find(({ outcome }) => leavesEarly.test(outcome));
  if (left !== undefined) {
    const check = guardsOf(of, left.before, left.instance).findLast(({ holds }) => !holds);
    const origins = check?.reads.flatMap(({ place }) => originOf(of, steps, left, place)) ?? [];
    const because = `the call can be made; alone, it comes to "${left.outcome}"`;
    return plain(because, check === undefined ? [] : [check, ...origins]);
  }
  if (stuck !== null) {
    const refusal = explainAction(of, stuck.state, stuck.instance);
    return plain(`the call can be made; alone, it comes to where ${refusal.because}`, refusal.guards);
  }
  const { outcome } = steps[steps.length - 1];
  return plain(`the call can be made${outcome === "" ? "" : `; alone, it ends with "${outcome}"`}`);
}

/** An outcome that says that a check did not hold, so that control left what it was in. */
const leavesEarly = /^not: |, (refusing|returning|to) /;

interface LoneStep<S> {
  readonly instance: ActionInstance<S>;
  readonly outcome: string;
  readonly before: S;
  readonly after: S;
}

/** The steps of a call that nobody interleaves, up to its end or to where it cannot go on. */
function runAlone<S>(
  of: Instance<S>,
  state: S,
  call: ActionInstance<S>,
): {
  readonly steps: readonly LoneStep<S>[];
  readonly stuck: { readonly state: S; readonly instance: ActionInstance<S> } | null;
} {
  const reference = createReference(of);
  const steps: LoneStep<S>[] = [];
  let now = state;
  let tried: readonly ActionInstance<S>[] = [call];
  while (tried.length > 0 && steps.length < longestCall) {
    const found = tried
      .map((instance) => ({ instance, taken: reference.step(now, instance) }))
      .find(({ taken }) => taken !== null);
    if (found === undefined || found.taken === null)
      return { steps, stuck: { state: now, instance: tried[0] } };
    const { instance, taken } = found;
    steps.push({ instance, outcome: taken.outcome, before: now, after: taken.state });
    now = taken.state;
    const label = statusOf(of, now).find(({ lane }) => lane === call.lane)?.label ?? null;
    tried = of.instances.filter(({ lane, action }) => lane === call.lane && action.at === label);
  }
  return { steps, stuck: null };
}

/** Where a local that a check reads comes from: the step that set it, and what that step read. */
function originOf<S>(
  of: Instance<S>,
  steps: readonly LoneStep<S>[],
  left: LoneStep<S>,
  place: string,
): Guard[] {
  const frame = framePlace(of, left.instance);
  if (frame === null || !place.startsWith(frame)) return [];
  const value = (s: S) => toPlain(valueAt(s, place));
  const set = steps
    .slice(0, steps.indexOf(left))
    .findLast(({ before, after }) => !isSame(value(before), value(after)));
  const setter = set ?? steps.slice(1, steps.indexOf(left)).at(-1);
  if (setter === undefined) return [];
  const noted = noteReads(of.shape, setter.before, (s) => setter.instance.fireAtLabel(s));
  const reads = noted.reads.filter((read) => !read.startsWith(frame));
  if (reads.length === 0) return [];
  return [
    {
      name: `${setter.instance.action.name}: what it read`,
      holds: true,
      reads: reads.map((read) => ({ place: read, value: toPlain(valueAt(setter.before, read)) })),
    },
  ];
}

/** No call takes more steps than this by itself. */
const longestCall = 1000;
