/** The engine behind the page: the reference evaluator on a design, asked by routes. Keeps no state but a cache. */
import { ModelError } from "../../checker/errors.ts";
import { exampleDesigns } from "../../checker/examples/index.ts";
import { createReference, type Reference } from "../../checker/evaluate/reference.ts";
import type { Design } from "../../checker/model/design.ts";
import { computeModelDigest } from "../../checker/model/digest.ts";
import { deadlockProperty, type Instance, instantiate } from "../../checker/model/model.ts";
import { findProcess, statusOf } from "../../checker/trace/lanes.ts";
import { diffStates, isSame, toPlain } from "../../checker/trace/plain.ts";
import {
  describeAction,
  describeStep,
  describeTaken,
  nameClaim,
  visibleChanges,
} from "../../checker/trace/print.ts";
import { confirmClaim, type Replay, type ReplayedStep } from "../../checker/trace/replay.ts";
import { findTaken, tellFunctions } from "../../checker/trace/taken.ts";
import { explainAction } from "../../checker/trace/why/guards.ts";
import { tellSafe } from "../../checker/trace/why/print.ts";
import { findNearestSafe } from "../../checker/trace/why/safe.ts";
import { tellStory } from "../../checker/trace/why/story.ts";
import { isViolation } from "../../checker/trace/shown.ts";
import { sliceBack, type StepReason } from "../../checker/trace/why/slice.ts";
import { designs } from "../../properties/index.ts";
import { weakenings } from "../../properties/weakenings/index.ts";
import { designOf } from "../../properties/weakenings/weakening.ts";
import type { Broken, Catalogue, Choices, Claim, Names, Route, Safe, Target, Timeline } from "./protocol.ts";

// The state is known by names only.
// oxlint-disable-next-line no-explicit-any
export type Any = any;

interface Opened {
  readonly key: string;
  readonly of: Instance<Any>;
  readonly reference: Reference<Any>;
}

/** Every design by name, weakened ones too. */
function findDesign(name: string): Design {
  const known = [...designs, ...exampleDesigns];
  const found =
    known.find((design) => design.name === name) ??
    weakenings.map((weakening) => designOf(weakening)).find((design) => design.name === name);
  if (found === undefined) throw new Error(`there is no design "${name}"`);
  return found;
}

export function listCatalogue(): Catalogue {
  return {
    designs: [...designs, ...exampleDesigns].map(({ name, meaning, defaultScenario, scenarios }) => ({
      name,
      meaning,
      defaultScenario,
      scenarios: scenarios.map((scenario) => ({
        name: scenario.name,
        sizes: Object.keys(scenario.sizes),
      })),
    })),
  };
}

let opened: Opened | null = null;

/** The instance of a target; the last one is kept. Throws an error in words for names that nobody knows. */
export function openTarget(target: Target): Opened {
  const key = JSON.stringify(target);
  if (opened?.key === key) return opened;
  const design = findDesign(target.design);
  const scenario = design.scenarios.find(({ name }) => name === target.scenario);
  if (scenario === undefined) throw new Error(`${target.design} has no scenario "${target.scenario}"`);
  const scope = scenario.sizes[target.size];
  if (scope === undefined) throw new Error(`${target.scenario} has no size "${target.size}"`);
  const model = design.build();
  const { powersOff, assumptionsOff } = target;
  const without = scope.without ?? [];
  const searched = without.includes(deadlockProperty) ? { ...model, deadlock: "none" as const } : model;
  const of = instantiate(searched, { ...scope, powersOff, assumptionsOff });
  opened = { key, of, reference: createReference(of) };
  return opened;
}

export function listNames(target: Target): Names {
  const { of } = openTarget(target);
  const properties = [...of.invariants, ...of.stepProperties].map(({ property }) => property.name);
  if (of.model.deadlock !== "none") properties.push(deadlockProperty);
  return {
    properties: [...new Set(properties)],
    witnesses: [...new Set(of.witnesses.map(({ property }) => property.name))],
  };
}

/** Takes the steps of a route as far as they can be taken. */
export function walk({ target, initial, path }: Route): {
  readonly of: Instance<Any>;
  readonly reference: Reference<Any>;
  readonly replay: Replay<Any>;
  readonly stopped: string | null;
} {
  const { of, reference } = openTarget(target);
  const starts = reference.namedInitialStates();
  const start = starts[initial] ?? starts[0];
  const steps: ReplayedStep<Any>[] = [];
  let state: Any = start.state;
  let stopped: string | null = null;
  for (const id of path) {
    const instance = of.instances.at(id);
    const taken = instance === undefined ? null : reference.step(state, instance);
    if (instance === undefined || taken === null) {
      const why =
        instance === undefined ? "there is no such action" : explainAction(of, state, instance).because;
      const told = instance === undefined ? `number ${id}` : describeAction(instance);
      stopped = `step ${steps.length + 1}, ${told}, cannot be taken: ${why}`;
      break;
    }
    const changes = diffStates(of.shape, state, taken.state);
    steps.push({
      n: steps.length + 1,
      instance,
      outcome: taken.outcome,
      changes,
      before: state,
      after: taken.state,
    });
    state = taken.state;
  }
  return {
    of,
    reference,
    replay: { initialName: start.name, initial: start.state, steps, final: state },
    stopped,
  };
}

export function makeTimeline(route: Route, claim: Claim | null): Timeline {
  const { of, reference, replay, stopped } = walk(route);
  const states = [replay.initial, ...replay.steps.map(({ after }) => after)];
  const broken = states.map((_, n) => findBroken(of, prefixOf(replay, n), claim));
  const end = explainEnd(of, replay, broken[broken.length - 1], claim);
  const reasons = end?.reasons;
  const functions = tellFunctions(of, replay.steps);
  const processLanes = statusOf(of, replay.initial).map(({ lane }) => lane);
  const others = of.instances.map(({ lane }) => lane).filter((lane) => !processLanes.includes(lane));
  return {
    meaning: findDesign(route.target.design).meaning,
    initialNames: reference.namedInitialStates().map(({ name }) => name),
    modelDigest: computeModelDigest(of),
    lanes: [...processLanes, ...new Set(others)],
    steps: replay.steps.map((step, i) => ({
      id: step.instance.id,
      lane: step.instance.lane,
      told: describeStep(of, step),
      name: step.instance.action.name,
      outcome: step.outcome,
      mirrors: findTaken(of, step.before, step.instance).origin.mirrors ?? null,
      enters: functions[i],
      changes: step.changes,
      visible: visibleChanges(of, step),
      role: reasons?.[i].role ?? "essential",
      needs: reasons?.[i].needs ?? [],
    })),
    states: states.map((state, n) => ({
      state: toPlain(state),
      lanes: statusOf(of, state).map(({ lane, label, locks }) => ({ lane, label, locks: [...locks] })),
      broken: broken[n],
    })),
    story:
      end !== null && isViolation(end.shown)
        ? (tell(() => tellStory(of, replay, end.shown, end.reasons)) ?? [])
        : [],
    stopped,
  };
}

function prefixOf(replay: Replay<Any>, n: number): Replay<Any> {
  const steps = replay.steps.slice(0, n);
  return { ...replay, steps, final: steps.at(-1)?.after ?? replay.initial };
}

/** What the last state, or the last step, breaks; the claim of the trace first, also where it is a witness. */
function findBroken(of: Instance<Any>, replay: Replay<Any>, claim: Claim | null): Broken[] {
  const { final } = replay;
  const last = replay.steps.at(-1);
  const { setting } = of;
  const claims: Claim[] = claim === null ? [] : [claim];
  for (const { property, args } of of.invariants)
    if (tell(() => property.holds(final, args, setting)) === false)
      claims.push({ kind: "invariant", name: property.name, args });
  if (last !== undefined) {
    const taken = { action: last.instance.action.name, args: last.instance.args, outcome: last.outcome };
    for (const { property, args } of of.stepProperties)
      if (tell(() => property.holds(last.before, last.after, taken, args, setting)) === false)
        claims.push({ kind: "step", name: property.name, args });
  }
  if (of.model.deadlock !== "none") claims.push({ kind: "deadlock", name: deadlockProperty, args: {} });
  const found: Broken[] = [];
  for (const each of claims) {
    const shown = tell(() => confirmClaim(of, replay, each));
    if (shown === null) continue;
    if (found.some(({ name, args }) => name === shown.name && isSame(args, shown.args))) continue;
    found.push({ ...shown, title: nameClaim(shown) });
  }
  return found;
}

/** An error of the model in a state that somebody walked to is no reason to show nothing. */
function tell<T>(run: () => T): T | null {
  try {
    return run();
  } catch (error) {
    if (error instanceof ModelError) return null;
    throw error;
  }
}

/** What the end shows, the claim of the trace first, and why each step matters for it. */
function explainEnd(
  of: Instance<Any>,
  replay: Replay<Any>,
  broken: readonly Broken[],
  claim: Claim | null,
): { readonly shown: Broken; readonly reasons: readonly StepReason[] } | null {
  const shown =
    broken.find(({ name, args }) => name === claim?.name && isSame(args, claim.args)) ?? broken.at(0);
  if (shown === undefined || replay.steps.length === 0) return null;
  const reasons = tell(() => sliceBack(of, replay, shown));
  return reasons === null ? null : { shown, reasons };
}

/** The nearest schedule that does not fail, where the route does. */
export function findSafe(route: Route, claim: Claim | null): Safe {
  const { of, replay } = walk(route);
  const end = explainEnd(of, replay, findBroken(of, replay, claim), claim);
  if (end === null) return { told: null, path: null };
  const nearest = findNearestSafe(of, replay, end.shown, end.reasons);
  return {
    told: tellSafe(of, replay, end.shown, end.reasons, nearest),
    path: nearest.safe?.replay.steps.map(({ instance }) => instance.id) ?? null,
  };
}

export function listChoices(route: Route): Choices {
  const { of, reference, replay } = walk(route);
  const state = replay.final;
  const statuses = new Map(statusOf(of, state).map((status) => [status.lane, status]));
  const enabled: Choices["enabled"][number][] = [];
  const refused = new Map<string, Choices["refused"][number]>();
  for (const instance of of.instances) {
    const { id, lane, action } = instance;
    const taken = tell(() => reference.step(state, instance));
    if (taken !== null) {
      enabled.push({ id, lane, told: describeTaken(of, state, instance, taken.outcome) });
      continue;
    }
    const process = findProcess(of, instance);
    const label = statuses.get(lane)?.label ?? process?.idle;
    if (process !== undefined && action.at !== label) {
      // Steps of other labels are no choices here. The calls of a CPU that is in one are, and are told once.
      if (action.at !== process.idle || label === undefined) continue;
      const told = `${action.name} (…)`;
      const because = `${lane} is still in a call, before "${label}", and makes one at a time`;
      refused.set(`${lane} ${told}`, { lane, told, because });
      continue;
    }
    const { because } = explainAction(of, state, instance);
    if (process !== undefined && because.startsWith("its process takes another step")) continue;
    const told = describeAction(instance);
    refused.set(`${lane} ${told}`, { lane, told, because });
  }
  return { enabled, refused: [...refused.values()] };
}
