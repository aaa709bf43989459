/**
 * Simpler schedules that show the same at their end, by replay alone: without the steps that are not needed, with
 * fewer changes from one lane to another, and with small numbers in the order of their first use.
 */
import { createReference } from "../../evaluate/reference.ts";
import type { ActionInstance, Instance } from "../../model/model.ts";
import type { Shown, TraceArguments } from "../format.ts";
import { isSame } from "../plain.ts";
import { confirmClaim, type Replay } from "../replay.ts";
import { attempt, sliceBack, takeAll } from "./slice.ts";

/** A schedule as its actions, and what it shows. */
export interface Schedule<S> {
  readonly instances: readonly ActionInstance<S>[];
  readonly shown: Shown;
}

type Start<S> = Pick<Replay<S>, "initialName" | "initial">;

/** What the actions show at their end, if they can be taken and show the claim. */
function showing<S>(
  of: Instance<S>,
  start: Start<S>,
  instances: readonly ActionInstance<S>[],
  claim: Pick<Shown, "kind" | "name" | "args">,
): Shown | null {
  return attempt(() => {
    const replay = takeAll(createReference(of), start, instances);
    return replay === null ? null : confirmClaim(of, replay, claim);
  }, null);
}

/** How often one lane's steps are followed by another's. */
export function countSwitches<S>(instances: readonly ActionInstance<S>[]): number {
  return instances.filter(({ lane }, i) => i > 0 && instances[i - 1].lane !== lane).length;
}

/** Leaves out the calls and steps without which the schedule shows the same. */
export function dropNoise<S>(of: Instance<S>, replay: Replay<S>, shown: Shown): Schedule<S> {
  const reasons = sliceBack(of, replay, shown);
  const kept = replay.steps.filter((_, i) => reasons[i].role !== "noise").map(({ instance }) => instance);
  return { instances: kept, shown: showing(of, replay, kept, shown) ?? shown };
}

/** Moves runs of one lane's steps next to others of it, as long as the schedule shows the same. */
export function reduceSwitches<S>(of: Instance<S>, start: Start<S>, schedule: Schedule<S>): Schedule<S> {
  let best = schedule;
  for (let better: Schedule<S> | null = best; better !== null; ) {
    better = findFewerSwitches(of, start, best);
    if (better !== null) best = better;
  }
  return best;
}

function findFewerSwitches<S>(
  of: Instance<S>,
  start: Start<S>,
  { instances, shown }: Schedule<S>,
): Schedule<S> | null {
  const runs: ActionInstance<S>[][] = [];
  for (const instance of instances) {
    if (runs.at(-1)?.[0].lane === instance.lane) runs.at(-1)?.push(instance);
    else runs.push([instance]);
  }
  const now = countSwitches(instances);
  for (let from = 0; from < runs.length; from++) {
    const rest = runs.filter((_, i) => i !== from);
    for (let to = 0; to <= rest.length; to++) {
      const other = [...rest.slice(0, to), runs[from], ...rest.slice(to)].flat();
      if (countSwitches(other) >= now) continue;
      const found = showing(of, start, other, shown);
      if (found !== null) return { instances: other, shown: found };
    }
  }
  return null;
}

/**
 * Renames the elements of each sort so that they are numbered in the order of their first use. A renaming is kept
 * where the scenario has all the renamed actions and the schedule shows the renamed property: not every sort's
 * elements are alike.
 */
export function renameInOrder<S>(of: Instance<S>, start: Start<S>, schedule: Schedule<S>): Schedule<S> {
  let best = schedule;
  for (const sort of sortsOf(of)) {
    const order = renamingOf(of, sort, best.instances);
    if (order.every((to, from) => to === from)) continue;
    const instances: ActionInstance<S>[] = [];
    for (const instance of best.instances) {
      const args = renameArguments(sort, order, instance.action.params, instance.args);
      const found = of.instances.find((each) => each.action === instance.action && isSame(each.args, args));
      if (found !== undefined) instances.push(found);
    }
    if (instances.length < best.instances.length) continue;
    const params = paramsOfClaim(of, best.shown);
    const args = renameArguments(sort, order, params, best.shown.args);
    const shown = showing(of, start, instances, { ...best.shown, args });
    if (shown !== null) best = { instances, shown };
  }
  return best;
}

type Params = ActionInstance<unknown>["action"]["params"];

/** The sort that the field is an index of, if it is one. */
function sortOf({ spec }: Pick<Params[string], "spec">): string | null {
  if (spec.kind === "option") return sortOf(spec.of);
  return spec.kind === "index" || spec.kind === "argument" ? spec.sort : null;
}

/** The sorts that actions have arguments of. */
export function sortsOf<S>(of: Instance<S>): string[] {
  const sorts = of.actions.flatMap(({ params }) => Object.values(params).map((field) => sortOf(field)));
  return [...new Set(sorts.filter((sort) => sort !== null))];
}

/** The elements of a sort that an action names in its arguments. */
export function elementsIn<S>(sort: string, { action, args }: ActionInstance<S>): number[] {
  return Object.entries(action.params).flatMap(([name, field]) =>
    typeof args[name] === "number" && sortOf(field) === sort ? [args[name]] : [],
  );
}

/** New numbers for the elements of a sort: those used come first, in the order of their first use. */
function renamingOf<S>(of: Instance<S>, sort: string, instances: readonly ActionInstance<S>[]): number[] {
  const size = of.scope.bounds[sort] ?? 0;
  const used = [...new Set(instances.flatMap((instance) => elementsIn(sort, instance)))];
  const all = [...used, ...Array.from({ length: size }, (_, n) => n).filter((n) => !used.includes(n))];
  const renaming = Array.from({ length: size }, (_, n) => n);
  for (const [to, from] of all.entries()) renaming[from] = to;
  return renaming;
}

function renameArguments(
  sort: string,
  order: readonly number[],
  params: Params,
  args: TraceArguments,
): TraceArguments {
  return Object.fromEntries(
    Object.entries(args).map(([name, value]) => {
      const field = params[name];
      const isOfSort = typeof value === "number" && field !== undefined && sortOf(field) === sort;
      return [name, isOfSort ? (order[value] ?? value) : value];
    }),
  );
}

function paramsOfClaim<S>(of: Instance<S>, { name }: Shown): Params {
  const all = [...of.invariants, ...of.stepProperties, ...of.witnesses];
  return all.find(({ property }) => property.name === name)?.property.params ?? {};
}
