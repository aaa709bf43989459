/**
 * A model: its state, its steps, its properties. And an instance of it: the model in a scenario's bounds.
 */
import { getNearestName, ModelError } from "../errors.ts";
import { array, type Field, record } from "../schema/fields.ts";
import { type Layout, computeLayout } from "../schema/layout.ts";
import {
  type Bounds,
  computeScalarShape,
  computeShape,
  initialValueOf,
  isUninhabited,
  type RecordShape,
  type ScalarValue,
  valueOf,
} from "../schema/shape.ts";
import type { Invariant, Secrecy, StepProperty, Witness } from "./property.ts";
import type { Action, AnyArgs, Blocked, Params, Process, Setting } from "./rule.ts";
import { actionsOf, actsOf, type Threads } from "./threads.ts";

/**
 * What counts as a deadlock.
 * - `waiting`: processes in a call that wait for one another's locks in a cycle, or for what nobody can do;
 *   steps of the environment are no progress. A process that waits for one that panicked is not counted:
 *   that is a matter of availability.
 * - `stuck`: a state without any enabled step.
 * - `none`: the model has final states.
 */
export type DeadlockRule = "waiting" | "stuck" | "none";

// A model's processes and threads differ in the names of their sorts only.
// oxlint-disable-next-line no-explicit-any
type AnyName = any;

/**
 * Something that the host can do and that a run can take from it. It shows in the steps that are a use of it: rules
 * that name it (`power`), and what it says here.
 */
export interface Power {
  /** What the host does with it, in a sentence. */
  readonly sentence: string;
  /** Which other steps are a use of it, by the action's name and arguments. */
  readonly isUsedBy?: (action: string, args: AnyArgs, bounds: Bounds) => boolean;
  /**
   * The sort of processes of which there are several by it. Without the power there is one, which may do whatever
   * any of them may: one thing after the other.
   */
  readonly several?: string;
}

export interface Model<S> {
  readonly name: string;
  /** One sentence: what is modelled. */
  readonly meaning: string;
  readonly state: Field<S>;
  /** Threads add their frames to the state. */
  readonly threads: readonly Threads<S, AnyName>[];
  /** Processes whose rules are written out and whose frames the state declares. */
  readonly processes: readonly Process<AnyName>[];
  readonly rules: readonly Action<S>[];
  /** The initial states, each a recipe over the state in which every field has its first value. */
  readonly initial: Readonly<Record<string, (s: S, setting: Setting) => void>>;
  readonly invariants: readonly Invariant<S>[];
  readonly stepProperties: readonly StepProperty<S>[];
  readonly witnesses: readonly Witness<S>[];
  readonly deadlock: DeadlockRule;
  /** What is secret, for the search of pairs of runs; null: nothing. */
  readonly secrecy: Secrecy<S> | null;
  /** The host's powers. A run can switch each off. */
  readonly powers: Readonly<Record<string, Power>>;
  /** Hardware assumptions: a sentence each. On unless a run switches them off. */
  readonly assumptions: Readonly<Record<string, string>>;
}

/** Declares a model. What is left out is empty; deadlock defaults to `waiting` where there are processes. */
export function defineModel<S>(of: Partial<Model<S>> & Pick<Model<S>, "name" | "state">): Model<S> {
  const threads = of.threads ?? [];
  const processes = of.processes ?? [];
  return {
    meaning: "",
    rules: [],
    initial: {},
    invariants: [],
    stepProperties: [],
    witnesses: [],
    powers: {},
    assumptions: {},
    secrecy: null,
    deadlock: threads.length + processes.length > 0 ? "waiting" : "stuck",
    ...of,
    threads,
    processes,
  };
}

/** The bounds in which a model is checked. */
export interface Scope {
  readonly bounds: Bounds;
  readonly powersOff?: readonly string[];
  readonly assumptionsOff?: readonly string[];
  /** Which instances of which actions exist; absent: all. */
  readonly allows?: (action: string, args: AnyArgs, bounds: Bounds) => boolean;
  /** Properties and witnesses that do not belong to the scenario, by name. */
  readonly without?: readonly string[];
}

/** One action with its arguments: the unit that a trace names. */
export interface ActionInstance<S> {
  readonly id: number;
  readonly action: Action<S>;
  readonly args: AnyArgs;
  readonly lane: string;
  /** Takes the step on a draft: its outcome in words, or null (nothing written) where it is not enabled. */
  readonly fire: (s: S) => string | null;
  /** Is the process of the action at the action's label? Without that it is not enabled. True for the environment. */
  readonly isAtLabel: (s: S) => boolean;
  /** What `fire` does for an evaluator that has found the process at the action's label. */
  readonly fireAtLabel: (s: S) => string | null;
  readonly blocked: ((s: S) => Blocked | null) | null;
}

/** One property with its arguments. */
export interface PropertyInstance<P> {
  readonly id: number;
  readonly property: P;
  readonly args: AnyArgs;
}

/** A process within an instance: where its control labels are, and which actions are tried at each. */
export interface ProcessInstance<S> {
  readonly process: Process<string>;
  readonly size: number;
  /** For each element of the sort, for each control label, the instances tried there. */
  readonly tried: readonly ReadonlyMap<string, readonly ActionInstance<S>[]>[];
}

export interface Instance<S> {
  readonly model: Model<S>;
  readonly scope: Scope;
  readonly setting: Setting;
  readonly shape: RecordShape;
  readonly layout: Layout;
  readonly actions: readonly Action<S>[];
  readonly instances: readonly ActionInstance<S>[];
  readonly environment: readonly ActionInstance<S>[];
  readonly processes: readonly ProcessInstance<S>[];
  readonly invariants: readonly PropertyInstance<Invariant<S>>[];
  readonly stepProperties: readonly PropertyInstance<StepProperty<S>>[];
  readonly witnesses: readonly PropertyInstance<Witness<S>>[];
  /** The state in which every field has its first value: what the initial recipes start from. */
  readonly blank: S;
}

/** Is the step a use of the power? Of several processes, it is a step of one that is not the first. */
export function isUseOf<S>(
  { powers }: Model<S>,
  name: string,
  { action, args }: Pick<ActionInstance<S>, "action" | "args">,
  bounds: Bounds,
): boolean {
  const { isUsedBy, several } = powers[name];
  if (action.power === name || (several !== undefined && args[several] > 0)) return true;
  return isUsedBy?.(action.name, args, bounds) ?? false;
}

/** The powers of which some step of the instance is a use. */
export function powersIn<S>(of: Instance<S>): string[] {
  const { model, scope, instances } = of;
  return Object.keys(model.powers).filter((name) =>
    instances.some((instance) => isUseOf(model, name, instance, scope.bounds)),
  );
}

/** The scope in which there is one process of each sort of which there are several by a power that is off. */
function alone<S>({ powers }: Model<S>, scope: Scope): Scope {
  const sorts = (scope.powersOff ?? []).flatMap((name) => powers[name].several ?? []);
  return sorts.reduce((of: Scope, sort): Scope => {
    const { bounds, allows = () => true } = of;
    const all = Array.from({ length: bounds[sort] ?? 0 }, (_, n) => n);
    return {
      ...of,
      bounds: { ...bounds, [sort]: Math.min(1, all.length) },
      allows: (action, args) =>
        sort in args
          ? all.some((n) => allows(action, { ...args, [sort]: n }, bounds))
          : allows(action, args, bounds),
    };
  }, scope);
}

/** The name of the built-in deadlock property. */
export const deadlockProperty = "no-deadlock";

/** Puts a model into bounds. Every error of the model that does not need a run is found here. */
export function instantiate<S>(model: Model<S>, whole: Scope): Instance<S> {
  requireKnown("power", whole.powersOff ?? [], Object.keys(model.powers));
  const scope = alone(model, whole);
  requireKnown("assumption", scope.assumptionsOff ?? [], Object.keys(model.assumptions));
  const setting = settingOf(model, scope);
  const shape = stateShape(model, scope.bounds);
  const actions = [...model.threads.flatMap((of) => actionsOf(of)), ...model.rules];
  requireDistinct(
    "action",
    actions.map((action) => action.name),
  );
  for (const { points } of model.threads.flatMap((of) => of.procedures)) {
    const servers = points
      .flatMap(({ tree }) => actsOf(tree))
      .flatMap((act) => (act.kind === "wait" ? act.servedBy : []));
    requireKnown(
      "action (that serves a wait)",
      servers,
      actions.map((action) => action.name),
    );
  }
  const properties = [...model.invariants, ...model.stepProperties, ...model.witnesses];
  requireDistinct("property or witness", [deadlockProperty, ...properties.map((property) => property.name)]);
  const without = new Set(scope.without ?? []);
  requireKnown("property", [...without], [deadlockProperty, ...properties.map((property) => property.name)]);
  const powersOff = scope.powersOff ?? [];
  const processes = [...model.threads, ...model.processes];
  const instances = actions
    .flatMap((action) =>
      argumentsOf(action.params, scope.bounds, action.name).map((args) => ({ action, args })),
    )
    .filter(({ action, args }) => scope.allows?.(action.name, args, scope.bounds) ?? true)
    .filter((use) => !powersOff.some((name) => isUseOf(model, name, use, scope.bounds)))
    .map(({ action, args }, id): ActionInstance<S> => {
      const fireAtLabel = action.bind(args, setting);
      const isAtLabel = labelTestOf(action, args, processes);
      return {
        id,
        action,
        args,
        lane: action.lane(args, scope.bounds),
        fire: (s) => (isAtLabel(s) ? fireAtLabel(s) : null),
        isAtLabel,
        fireAtLabel,
        blocked: action.bindBlocked?.(args, setting) ?? null,
      };
    });
  return {
    model,
    scope,
    setting,
    shape,
    layout: computeLayout(shape),
    actions,
    instances,
    environment: instances.filter(({ action }) => action.process === undefined),
    processes: processes.map((process) => processOf(process, instances, shape, scope)),
    invariants: instancesOf(model.invariants, scope, without),
    stepProperties: instancesOf(model.stepProperties, scope, without),
    witnesses: instancesOf(
      [...model.witnesses, ...premisesOf(model.invariants.filter(({ name }) => !without.has(name)))],
      scope,
      without,
    ),
    blank: initialValueOf(shape) as S,
  };
}

/** A process's step exists only while the process is at the step's label. */
function labelTestOf<S>(
  action: Action<S>,
  args: AnyArgs,
  processes: readonly Process<string>[],
): (s: S) => boolean {
  if (action.process === undefined) return () => true;
  const process = processes.find(({ name }) => name === action.process);
  if (process === undefined) {
    throw new ModelError(
      "M08",
      `action ${action.name} belongs to no process "${action.process}"`,
      "declare the process",
    );
  }
  const { frames, control } = process;
  const self = args[process.name] as number;
  // The frames' place is known by name only.
  return (s) => (s as Record<string, Record<string, string>[]>)[frames][self][control] === action.at;
}

function settingOf<S>(model: Model<S>, scope: Scope): Setting {
  const off = new Set(scope.assumptionsOff ?? []);
  return {
    bounds: scope.bounds,
    assumes: (name) => {
      requireKnown("assumption", [name], Object.keys(model.assumptions));
      return !off.has(name);
    },
  };
}

/** The state that the modeller declared, with the frames of the threads. */
function stateShape<S>(model: Model<S>, bounds: Bounds): RecordShape {
  const { spec } = model.state;
  if (spec.kind !== "record")
    throw new ModelError("M07", `the state is a ${spec.kind}`, "declare it as a record");
  const frames = model.threads.map((of) => [of.frames, array(of.index, of.frame)] as const);
  for (const [name] of frames) {
    if (name in spec.fields) {
      throw new ModelError(
        "M04",
        `the state declares "${name}", which is the threads' own`,
        "rename the field",
      );
    }
  }
  return computeShape(record({ ...spec.fields, ...Object.fromEntries(frames) }), bounds) as RecordShape;
}

function processOf<S>(
  process: Process<string>,
  instances: readonly ActionInstance<S>[],
  shape: RecordShape,
  scope: Scope,
): ProcessInstance<S> {
  const size = scope.bounds[process.sort];
  const labels = controlLabels(process, shape);
  const own = instances.filter(({ action }) => action.process === process.name);
  for (const { action } of own) {
    requireKnown(`control label (of ${process.name})`, [action.at as string], labels);
  }
  const tried = Array.from({ length: size }, (_, self) => {
    const mine = own.filter(({ args }) => args[process.name] === self);
    return new Map(labels.map((label) => [label, mine.filter(({ action }) => action.at === label)]));
  });
  return { process, size, tried };
}

function controlLabels(process: Process<string>, shape: RecordShape): readonly string[] {
  const frames = shape.fields.find(([name]) => name === process.frames)?.[1];
  const control =
    frames?.kind === "array" && frames.of.kind === "record"
      ? frames.of.fields.find(([name]) => name === process.control)?.[1]
      : undefined;
  if (control?.kind !== "scalar") {
    throw new ModelError(
      "M08",
      `process ${process.name} keeps its control label in ${process.frames}[].${process.control}, which is no such field`,
      `declare ${process.frames} as an array over ${process.sort} of records with an enumeration ${process.control}`,
    );
  }
  return control.values.map(String);
}

/** Every choice of arguments, in the order of the parameters; the last varies fastest. None where a sort is empty. */
export function argumentsOf(params: Params, bounds: Bounds, place: string): AnyArgs[] {
  let all: Record<string, ScalarValue>[] = [{}];
  for (const [name, field] of Object.entries(params)) {
    if (isUninhabited(field, bounds)) return [];
    const shape = computeScalarShape(field, bounds, `${place}(${name})`);
    const values = Array.from({ length: shape.cardinality }, (_, code) => valueOf(shape, code));
    all = all.flatMap((args) => values.map((value) => ({ ...args, [name]: value })));
  }
  return all.map((args) => Object.freeze(args));
}

function instancesOf<P extends { name: string; params: Params }>(
  properties: readonly P[],
  scope: Scope,
  without: ReadonlySet<string>,
): PropertyInstance<P>[] {
  return properties
    .filter((property) => !without.has(property.name))
    .flatMap((property) =>
      argumentsOf(property.params, scope.bounds, property.name).map((args) => ({ property, args })),
    )
    .map((of, id) => ({ id, ...of }));
}

/** A property is vacuous where its premise never holds: that it does is a witness of its own. */
function premisesOf<S>(invariants: readonly Invariant<S>[]): Witness<S>[] {
  const premises: Witness<S>[] = [];
  for (const of of invariants) {
    // A recipe is a function of the state and its arguments, and has no `this`.
    // oxlint-disable-next-line typescript/unbound-method
    const holds = of.premise;
    if (holds === undefined) continue;
    const name = `the premise of ${of.name}`;
    const sentence = `A state in which ${of.name} says something.`;
    premises.push({ kind: "witness", name, sentence, params: of.params, holds });
  }
  return premises;
}

function requireDistinct(what: string, names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new ModelError("M04", `two ${what}s are named "${twice}"`, "rename one of them");
}

function requireKnown(what: string, names: readonly string[], known: readonly string[]): void {
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const near = getNearestName(unknown, known);
  const list = known.length === 0 ? "there are none" : `they are: ${known.join(", ")}`;
  throw new ModelError(
    "M08",
    `there is no ${what} "${unknown}"`,
    near === undefined ? list : `did you mean "${near}"? (${list})`,
  );
}
