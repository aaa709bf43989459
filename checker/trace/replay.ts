/**
 * Replays a schedule on the reference evaluator, step by step, and says whether it shows at its end what
 * it claims to show. Every counterexample goes through here before anybody sees it.
 */
import { createReference, nameInstance, type Reference } from "../evaluate/reference.ts";
import { asModelError } from "../evaluate/evaluator.ts";
import { getNearestName } from "../errors.ts";
import type { ActionInstance, DeadlockRule, Instance } from "../model/model.ts";
import type { Path } from "../search/result.ts";
import { codeOf, computeScalarShape, describeValues } from "../schema/shape.ts";
import type { Shown, Trace, TraceArguments, TraceStep } from "./format.ts";
import { findLabel } from "./lanes.ts";
import { type Change, diffStates, formatChange, formatValue, isSame, toPlain } from "./plain.ts";

/** A step as it was replayed. */
export interface ReplayedStep<S> {
  /** From 1. */
  readonly n: number;
  readonly instance: ActionInstance<S>;
  readonly outcome: string;
  readonly changes: readonly Change[];
  readonly before: S;
  readonly after: S;
}

export interface Replay<S> {
  readonly initialName: string;
  readonly initial: S;
  readonly steps: readonly ReplayedStep<S>[];
  /** The state after the last step. */
  readonly final: S;
}

/** A schedule that the model does not accept: the step (0: the initial state), what is wrong, and what may help. */
export class ReplayMismatch extends Error {
  readonly step: number;
  readonly remedy: string;

  constructor(step: number, what: string, remedy: string) {
    super(step === 0 ? what : `step ${step}: ${what}`);
    this.name = "ReplayMismatch";
    this.step = step;
    this.remedy = remedy;
  }
}

/** Replays a search's path. A mismatch here means that two evaluators disagree. Throws `ReplayMismatch`. */
export function replayPath<S>(of: Instance<S>, path: Path): Replay<S> {
  const reference = createReference(of);
  const start = reference.namedInitialStates()[path.initial];
  const steps: ReplayedStep<S>[] = [];
  let state = start.state;
  for (const id of path.instances) {
    const step = takeStep(of, reference, state, of.instances[id], steps.length + 1);
    steps.push(step);
    state = step.after;
  }
  return { initialName: start.name, initial: start.state, steps, final: state };
}

/** Replays the actions that a trace names, and compares what it recorded of them. Throws `ReplayMismatch`. */
export function replayTrace<S>(of: Instance<S>, trace: Trace): Replay<S> {
  const reference = createReference(of);
  const initial = findInitial(reference, trace);
  const byName = new Map(
    of.instances.map((instance) => [keyOf(instance.action.name, instance.args), instance]),
  );
  const steps: ReplayedStep<S>[] = [];
  let state = initial.state;
  for (const recorded of trace.steps) {
    const instance = byName.get(keyOf(recorded.action, recorded.args)) ?? failToFind(of, recorded);
    const step = takeStep(of, reference, state, instance, recorded.n);
    compareStep(recorded, step);
    steps.push(step);
    state = step.after;
  }
  return { initialName: initial.name, initial: initial.state, steps, final: state };
}

function keyOf(action: string, args: TraceArguments): string {
  return JSON.stringify([action, Object.entries(args).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

function takeStep<S>(
  of: Instance<S>,
  reference: Reference<S>,
  before: S,
  instance: ActionInstance<S>,
  n: number,
): ReplayedStep<S> {
  const taken = reference.step(before, instance);
  if (taken === null) {
    const blocked = instance.blocked?.(before) ?? null;
    const why =
      blocked === null
        ? "its guard does not hold"
        : blocked.kind === "lock"
          ? `it waits for ${blocked.lock}, held by ${instance.action.process} ${blocked.holder}`
          : `it waits for ${blocked.wait}`;
    throw new ReplayMismatch(
      n,
      `${nameInstance(instance)} is not enabled after ${n - 1} ${n === 2 ? "step" : "steps"}: ${why}${labelNote(of, instance, before)}`,
      "the schedule belongs to another version of the model, or was edited: find it again with `dmaspec check`",
    );
  }
  const changes = diffStates(of.shape, before, taken.state);
  return { n, instance, outcome: taken.outcome, changes, before, after: taken.state };
}

/** Where the process is, when that is not where the action is tried. */
function labelNote<S>(of: Instance<S>, instance: ActionInstance<S>, state: S): string {
  const { action, args } = instance;
  const label = findLabel(of, instance, state);
  if (label === null || label === action.at || action.process === undefined) return "";
  return ` (${action.process} ${args[action.process]} is at "${label}")`;
}

function findInitial<S>(reference: Reference<S>, trace: Trace): { name: string; state: S } {
  const known = reference.namedInitialStates();
  const { name, state } = trace.initial;
  const found = known.find((initial) => initial.name === name);
  if (found === undefined) {
    const names = known.map((initial) => initial.name);
    throw new ReplayMismatch(0, `there is no initial state "${name}"`, suggest(name, names));
  }
  if (state !== undefined && !isSame(state, toPlain(found.state))) {
    throw new ReplayMismatch(
      0,
      `the initial state "${name}" of the trace is not the model's`,
      "the trace belongs to another version of the model: find it again with `dmaspec check`",
    );
  }
  return found;
}

/** Says why the model has no such action instance: the action, an argument's name, its value, or the scenario. */
function failToFind<S>(of: Instance<S>, { n, action: name, args }: TraceStep): never {
  const names = of.actions.map((action) => action.name);
  const action = of.actions.find((candidate) => candidate.name === name);
  if (action === undefined) throw new ReplayMismatch(n, `there is no action "${name}"`, suggest(name, names));
  const params = Object.keys(action.params);
  const unknown = Object.keys(args).find((arg) => !params.includes(arg));
  if (unknown !== undefined) {
    throw new ReplayMismatch(n, `${name} has no argument "${unknown}"`, suggest(unknown, params));
  }
  for (const [param, field] of Object.entries(action.params)) {
    if (!Object.hasOwn(args, param)) {
      throw new ReplayMismatch(
        n,
        `${name} is given no "${param}"`,
        `give all its arguments: ${params.join(", ")}`,
      );
    }
    const shape = computeScalarShape(field, of.scope.bounds, `${name}(${param})`);
    if (codeOf(shape, args[param]) < 0) {
      const what = `${name} is given ${param}: ${formatValue(args[param])}`;
      throw new ReplayMismatch(n, what, `${param} is one of: ${describeValues(shape)}`);
    }
  }
  const off = action.power !== undefined && (of.scope.powersOff ?? []).includes(action.power);
  throw new ReplayMismatch(
    n,
    off
      ? `${name} needs the power "${action.power}", which is off`
      : `the scenario does not allow this ${name}`,
    off ? "switch the power on" : "replay the trace on the scenario that it was written for",
  );
}

function suggest(name: string, known: readonly string[]): string {
  const near = getNearestName(name, known);
  return near === undefined ? `there are: ${known.join(", ")}` : `did you mean "${near}"?`;
}

function compareStep<S>(recorded: TraceStep, step: ReplayedStep<S>): void {
  const name = nameInstance(step.instance);
  const remedy =
    "the trace belongs to another version of the model, or was edited: find it again with `dmaspec check`";
  if (recorded.outcome !== undefined && recorded.outcome !== step.outcome) {
    const what = `${name} ends with "${recorded.outcome}" in the trace, and with "${step.outcome}" in the model`;
    throw new ReplayMismatch(recorded.n, what, remedy);
  }
  if (recorded.changes === undefined) return;
  const inModel = new Map(step.changes.map((change) => [change.path, change]));
  const inTrace = new Map(recorded.changes.map((change) => [change.path, change]));
  for (const path of new Set([...inTrace.keys(), ...inModel.keys()])) {
    const [told, done] = [inTrace.get(path), inModel.get(path)];
    if (told !== undefined && done !== undefined && isSame(told.from, done.from) && isSame(told.to, done.to))
      continue;
    const tell = (change: Change | undefined): string =>
      change === undefined ? "nothing there" : formatChange(change);
    const what = `${name} changes ${tell(told)} in the trace, and ${tell(done)} in the model`;
    throw new ReplayMismatch(recorded.n, what, remedy);
  }
}

/** The built-in deadlock property in words, by the model's rule for it. */
export function describeDeadlockRule(rule: DeadlockRule): string {
  return rule === "stuck"
    ? "There is always a step that can be taken."
    : "No process waits for what can never come.";
}

/** What a schedule was found to show, without its words. */
export type Claim = Pick<Shown, "kind" | "name" | "args">;

/**
 * Does the replayed schedule show the claim at its end? Returns it with its sentence and the explanation in
 * words and values, or `null` where it does not. Throws `ReplayMismatch` where the model has no such property.
 */
export function confirmClaim<S>(of: Instance<S>, replay: Replay<S>, claim: Claim): Shown | null {
  const { final, steps } = replay;
  const { setting } = of;
  switch (claim.kind) {
    case "deadlock": {
      const reference = createReference(of);
      const deadlock = reference.deadlockIn(reference.pack(final), 0);
      if (deadlock === null) return null;
      const sentence = describeDeadlockRule(of.model.deadlock);
      return { ...claim, sentence, explanation: deadlock.explanation.join("\n") };
    }
    case "invariant": {
      const { property, args } = findProperty(of.invariants, claim);
      return guarded(property.name, () => {
        if (property.holds(final, args, setting)) return null;
        return {
          ...claim,
          sentence: property.sentence,
          explanation: property.explain?.(final, args, setting) ?? "",
        };
      });
    }
    case "outcome": {
      const last = steps.at(-1);
      if (last === undefined || outcomeNameOf(last.instance, last.outcome) !== claim.name) return null;
      return { ...claim, sentence: `A call ends so: ${claim.name}.`, explanation: "" };
    }
    case "witness": {
      const { property, args } = findProperty(of.witnesses, claim);
      return guarded(property.name, () => {
        return property.holds(final, args, setting)
          ? { ...claim, sentence: property.sentence, explanation: "" }
          : null;
      });
    }
    case "step": {
      const { property, args } = findProperty(of.stepProperties, claim);
      const last = steps.at(-1);
      if (last === undefined) return null;
      const taken = { action: last.instance.action.name, args: last.instance.args, outcome: last.outcome };
      return guarded(property.name, () => {
        if (property.holds(last.before, last.after, taken, args, setting)) return null;
        const explanation = property.explain?.(last.before, last.after, taken, args, setting) ?? "";
        return { ...claim, sentence: property.sentence, explanation };
      });
    }
  }
}

/**
 * How a call ended, as examples are named: `unmap_pages: returns 1`; `null` for a step that ends none.
 */
export function outcomeNameOf<S>({ action }: ActionInstance<S>, outcome: string): string | null {
  const ending = outcome.split("; ").at(-1) ?? "";
  if (action.process === undefined || !/^(returns|refuses|panics)/.test(ending)) return null;
  return `${action.name.split(": ")[0]}: ${ending}`;
}

function findProperty<P extends { name: string }>(
  known: readonly { readonly property: P; readonly args: TraceArguments }[],
  claim: Claim,
): { readonly property: P; readonly args: TraceArguments } {
  const family = known.filter(({ property }) => property.name === claim.name);
  if (family.length === 0) {
    const names = [...new Set(known.map(({ property }) => property.name))];
    throw new ReplayMismatch(
      0,
      `there is no ${claim.kind} property "${claim.name}"`,
      suggest(claim.name, names),
    );
  }
  const found = family.find(({ args }) => keyOf("", args) === keyOf("", claim.args));
  if (found !== undefined) return found;
  const given = formatValue(claim.args);
  throw new ReplayMismatch(
    0,
    `"${claim.name}" has no instance ${given}`,
    `the first is ${formatValue(family[0].args)}`,
  );
}

function guarded<T>(place: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw asModelError(error, place);
  }
}
