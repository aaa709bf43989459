/**
 * The weakest host that still breaks a property: what can be taken away from it, each removal tried by a search of
 * the model without it. What the schedule at hand does not use needs no search.
 */
import { ModelError } from "../checker/errors.ts";
import { breadthFirst } from "../checker/search/breadth-first.ts";
import type { ActionInstance } from "../checker/model/model.ts";
import type { SearchResult } from "../checker/search/result.ts";
import { instantiate, isUseOf } from "../checker/model/model.ts";
import type { Shown } from "../checker/trace/format.ts";
import { replayPath, ReplayMismatch } from "../checker/trace/replay.ts";
import { isSame } from "../checker/trace/plain.ts";
import { elementsIn, sortsOf } from "../checker/trace/why/simplify.ts";
import { replayViolation } from "./counterexample.ts";
import { createEvaluator, type EngineName } from "./engines.ts";
import { withInterrupts } from "./interrupt.ts";
import type { Io } from "./io.ts";
import { nameOfViolation } from "./judge.ts";
import type { AnyInstance } from "./run.ts";

type AnyAction = ActionInstance<unknown>;

/** Something that a host can be without. */
export interface Removal {
  readonly kind: "power" | "element" | "call" | "event" | "bound";
  /** `cpu 1`, `host_donate_guest`, the name of a power, `references above 2`. */
  readonly name: string;
  /** Of a bound: its name and the lower value. */
  readonly lowered?: readonly [name: string, value: number];
  /** Does an action need it? */
  isUsedBy(instance: AnyAction): boolean;
}

/** Whether the property breaks without it. */
export interface Tried {
  readonly removal: Removal;
  /**
   * unused: the schedule does not use it; spared: another schedule does without; needed: nothing breaks the property
   * without it; undecided: a limit ended the search.
   */
  readonly outcome: "unused" | "spared" | "needed" | "undecided";
  /** Steps of the schedule without it. */
  readonly length: number | null;
  /** States searched without it. */
  readonly states: number | null;
}

export interface WeakestHost {
  readonly tried: readonly Tried[];
  /** What was taken away. */
  readonly away: readonly Removal[];
  /** A schedule of the host without it. */
  readonly instances: readonly AnyAction[];
}

export interface SearchLimits {
  readonly maxStates: number;
  readonly maxSeconds: number;
  readonly maxDepth?: number;
}

/** Everything that can be taken away: powers first, then CPUs and other elements, calls, events. */
export function removalsOf(of: AnyInstance): Removal[] {
  const off = of.scope.powersOff ?? [];
  const powers = Object.keys(of.model.powers)
    .filter((name) => !off.includes(name))
    .map(
      (name): Removal => ({
        kind: "power",
        name,
        isUsedBy: (instance) => isUseOf(of.model, name, instance, of.scope.bounds),
      }),
    );
  const elements = sortsOf(of).flatMap((sort) =>
    Array.from({ length: of.scope.bounds[sort] ?? 0 }, (_, n) => n)
      .reverse()
      .map(
        (n): Removal => ({
          kind: "element",
          name: `${sort} ${n}`,
          isUsedBy: (instance) => elementsIn(sort, instance).includes(n),
        }),
      ),
  );
  const idles = new Set(of.processes.map(({ process }) => process.idle));
  const starts = of.actions.filter(({ at }) => at === undefined || idles.has(at));
  const actions = starts.map(
    ({ name, process }): Removal => ({
      kind: process === undefined ? "event" : "call",
      name,
      isUsedBy: ({ action }) => action.name === name,
    }),
  );
  return [...powers, ...elements, ...actions];
}

/**
 * How low the bounds can be that are no sorts of elements (how often a page can be used, what the queue holds, which
 * parts of the machine there are): each is lowered by one after the other, as far as the property still breaks.
 */
export async function findLeastBounds(
  of: AnyInstance,
  away: readonly Removal[],
  search: (away: readonly Removal[], trying: Removal) => ReturnType<typeof searchWithout>,
): Promise<readonly Tried[]> {
  // Elements are taken away one by one; what the state has indices of, but no action (positions of a queue), goes
  // round, and a smaller one is another machine.
  const indexed = of.layout.leaves.flatMap(({ shape }) => (shape.sort === null ? [] : [shape.sort]));
  const elements = new Set([...sortsOf(of), ...indexed]);
  const lowered: Removal[] = [];
  const tried: Tried[] = [];
  for (const [name, value] of Object.entries(of.scope.bounds)) {
    if (elements.has(name)) continue;
    for (let least = value - 1; least >= 0; least--) {
      const removal: Removal = {
        kind: "bound",
        name: `${name} above ${least}`,
        lowered: [name, least],
        isUsedBy: () => true,
      };
      // Each try builds on what was found before it.
      // oxlint-disable-next-line no-await-in-loop
      const { outcome, length, states } = await search([...away, ...lowered, removal], removal);
      tried.push({ removal, outcome, length, states });
      if (outcome !== "spared") break;
      lowered.push(removal);
    }
  }
  return tried;
}

/** Takes away one thing after the other, and keeps away what is not needed. */
export async function findWeakestHost(
  start: { readonly instances: readonly AnyAction[] },
  removals: readonly Removal[],
  search: (away: readonly Removal[], trying: Removal) => ReturnType<typeof searchWithout>,
): Promise<WeakestHost> {
  let { instances } = start;
  const away: Removal[] = [];
  const tried: Tried[] = [];
  for (const removal of removals) {
    if (!instances.some((instance) => removal.isUsedBy(instance))) {
      away.push(removal);
      tried.push({ removal, outcome: "unused", length: instances.length, states: null });
      continue;
    }
    // Each try builds on what was found before it.
    // oxlint-disable-next-line no-await-in-loop
    const found = await search([...away, removal], removal);
    const { outcome, states } = found;
    tried.push({ removal, outcome, length: found.length, states });
    if (found.instances === null) continue;
    away.push(removal);
    ({ instances } = found);
  }
  return { tried, away, instances };
}

const nothingFound = { instances: null, length: null } as const;

/** A shortest schedule that breaks the property without these things; named by the actions of `of`. */
export async function searchWithout(
  io: Io,
  of: AnyInstance,
  away: readonly Removal[],
  { name, kind }: Pick<Shown, "name" | "kind">,
  engine: EngineName,
  limits: SearchLimits,
): Promise<{
  outcome: "spared" | "needed" | "undecided";
  /** The schedule in the whole model; null where there is none, or none whose calls the whole model's CPUs can make. */
  instances: readonly AnyAction[] | null;
  length: number | null;
  states: number;
}> {
  // A power is switched off as a run does it: of several CPUs one is left, which does what all of them may.
  const [powers, others] = [true, false].map((is) => away.filter((one) => (one.kind === "power") === is));
  const bounds = away.flatMap(({ lowered }) => (lowered === undefined ? [] : [lowered]));
  const isKept = (instance: AnyAction): boolean =>
    !others.some((removal) => removal.kind !== "bound" && removal.isUsedBy(instance));
  const kept = new Set(of.instances.filter((instance) => isKept(instance)).map(keyOf));
  let without: AnyInstance;
  try {
    without = instantiate(onlyProperty(of, name, kind), {
      ...of.scope,
      bounds: { ...of.scope.bounds, ...Object.fromEntries(bounds) },
      powersOff: [...(of.scope.powersOff ?? []), ...powers.map((power) => power.name)],
      without: [],
      allows: (action, args) => kept.has(keyOf({ action: { name: action }, args })),
    });
  } catch (error) {
    // With this bound there is no model: a scenario's values are out of range.
    if (bounds.length > 0 && error instanceof ModelError)
      return { outcome: "needed", ...nothingFound, states: 0 };
    throw error;
  }
  const evaluator = await createEvaluator(without, engine);
  let result: SearchResult;
  try {
    result = await withInterrupts(io, (isInterrupted) =>
      breadthFirst(evaluator, {
        instances: without.instances.length,
        witnesses: 0,
        stopAtViolation: true,
        ...limits,
        isInterrupted,
      }),
    );
  } catch (error) {
    // The model counts beyond this bound: it cannot be so low.
    if (bounds.length > 0 && error instanceof ModelError)
      return { outcome: "needed", ...nothingFound, states: 0 };
    throw error;
  }
  const { states } = result;
  const violation = result.violations.find((each) => nameOfViolation(without, each) === name);
  if (violation === undefined)
    return { outcome: result.ending === "exhausted" ? "needed" : "undecided", ...nothingFound, states };
  const { replay } = replayViolation(without, violation, engine);
  const taken = replay.steps.map(({ instance }) => instance);
  // In other bounds the schedule may be one that the whole model does not have.
  if (bounds.length > 0) return { outcome: "spared", instances: null, length: taken.length, states };
  const alone = powers.flatMap((power) => of.model.powers[power.name].several ?? []);
  const instances =
    alone.length === 0
      ? taken.map((each) => sameIn(of, each))
      : placeIn(of, violation.path.initial, taken, alone, kept);
  return { outcome: "spared", instances, length: taken.length, states };
}

/**
 * The schedule of one process that makes the calls of several, each made by the first of them that may. Null where
 * that is another schedule: what one call leaves behind may be another process's.
 */
function placeIn(
  of: AnyInstance,
  initial: number,
  taken: readonly AnyAction[],
  alone: readonly string[],
  kept: ReadonlySet<string>,
): readonly AnyAction[] | null {
  const idles = new Set(of.processes.map(({ process }) => process.idle));
  let at: AnyAction["args"] = {};
  const placed: AnyAction[] = [];
  for (const { action, args } of taken) {
    const isMine = (each: AnyAction) =>
      each.action.name === action.name &&
      Object.keys(args).every((name) => alone.includes(name) || each.args[name] === args[name]);
    const isThere = (each: AnyAction) =>
      alone.every((sort) => !(sort in each.args) || each.args[sort] === at[sort]);
    const isCall = action.at !== undefined && idles.has(action.at);
    const found = of.instances.find(
      (each) => isMine(each) && (isCall ? kept.has(keyOf(each)) : isThere(each)),
    );
    if (found === undefined) return null;
    if (isCall) at = found.args;
    placed.push(found);
  }
  try {
    replayPath(of, { initial, instances: placed.map(({ id }) => id) });
    return placed;
  } catch (error) {
    if (error instanceof ReplayMismatch) return null;
    throw error;
  }
}

function keyOf({
  action,
  args,
}: {
  readonly action: { readonly name: string };
  readonly args: object;
}): string {
  return JSON.stringify([action.name, Object.entries(args)]);
}

/** The same action of the whole model. */
function sameIn(of: AnyInstance, { action, args }: AnyAction): AnyAction {
  const found = of.instances.find((each) => each.action.name === action.name && isSame(each.args, args));
  if (found === undefined) throw new Error(`the model has no ${action.name} with these arguments`);
  return found;
}

/** The model with one property and no witness. */
function onlyProperty({ model }: AnyInstance, name: string, kind: Shown["kind"]): AnyInstance["model"] {
  return {
    ...model,
    invariants: model.invariants.filter((property) => property.name === name),
    stepProperties: model.stepProperties.filter((property) => property.name === name),
    witnesses: [],
    deadlock: kind === "deadlock" ? model.deadlock : "none",
  };
}
