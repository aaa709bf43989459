/**
 * Processes that run procedures: one thread of control for each element of a sort, calling any procedure
 * with any arguments whenever it is idle.
 */
import { ModelError } from "../errors.ts";
import { type Field, oneOf, option, record, type Scalar, type Sort } from "../schema/fields.ts";
import { computeScalarShape, valueOf } from "../schema/shape.ts";
import { type Act, type FlatProcedure, flatten, type Point, type Target } from "./flatten.ts";
import type { Procedure, Site } from "./procedure.ts";
import type { Action, AnyArgs, Blocked, Origin, Params, Process, Setting } from "./rule.ts";

// The frame of a thread, and the state seen as the record that has it: names are known at run time only.
// oxlint-disable-next-line no-explicit-any
type AnyRecord = any;

/** A process, the procedures that it runs, and the field of the state that holds its frames. */
export interface Threads<S, N extends string> extends Process<N> {
  readonly index: Sort<N>;
  readonly procedures: readonly FlatProcedure<S>[];
  /** The frames' field, to be declared in the state under the name `frames`. */
  readonly frame: Field<unknown>;
}

/** The idle label of every thread. */
export const idleLabel = "idle";

/** The record that a lock is: who holds it. */
export function lockState<N extends string>(holder: Sort<N>) {
  return record({ holder: option(holder) });
}

/**
 * Threads over a sort. The model adds their frames to the state as `frames[index]`. Labels of `like` come first, in
 * its order: where there are no others, the states of models with these and with those threads are laid out alike.
 */
export function threads<S, N extends string>(
  index: Sort<N>,
  frames: string,
  procedures: readonly Procedure<S>[],
  like: readonly FlatProcedure<S>[] = [],
): Threads<S, N> {
  const flat = procedures.map((procedure) => flatten(procedure));
  const twice = procedures.find((p, i) => procedures.findIndex((q) => q.name === p.name) !== i);
  if (twice !== undefined) {
    throw new ModelError("M04", `two procedures are named "${twice.name}"`, "rename one of them");
  }
  const labels = [...like, ...flat].flatMap((of) => [...of.points.map((point) => point.label), ...of.panics]);
  const locals = mergeLocals(procedures);
  const frame = record({ pc: oneOf(idleLabel, ...new Set(labels)), ...locals });
  return {
    name: index.sort,
    sort: index.sort,
    frames,
    control: "pc",
    idle: idleLabel,
    index,
    procedures: flat,
    frame,
  };
}

/** The locals of all procedures, by name: procedures that share a name share the field. */
function mergeLocals<S>(procedures: readonly Procedure<S>[]): Record<string, Scalar<unknown>> {
  const merged: Record<string, Scalar<unknown>> = {};
  for (const procedure of procedures) {
    for (const [name, field] of Object.entries({ ...procedure.args, ...procedure.locals })) {
      const known = merged[name];
      if (known !== undefined && JSON.stringify(known.spec) !== JSON.stringify(field.spec)) {
        throw new ModelError(
          "M04",
          `procedure ${procedure.name} declares its local "${name}" with other values than another procedure`,
          "give locals of one name one declaration, or rename one",
        );
      }
      merged[name] = field;
    }
  }
  return merged;
}

/** What an action of a thread does, as data, for a compiler: `bind` puts nothing else together. */
export type Program<S> = {
  /** The field of the state that holds the frames. */
  readonly frames: string;
  readonly procedure: Procedure<S>;
} & (
  | { readonly kind: "call"; readonly entry: Target<S> }
  | { readonly kind: "point"; readonly point: Point<S> }
);

interface ThreadAction<S> extends Action<S> {
  readonly program: Program<S>;
}

/** What an action of a thread does; null for a rule. */
export function programOf<S>(action: Action<S>): Program<S> | null {
  return "program" in action ? (action as ThreadAction<S>).program : null;
}

/** The actions of the threads: for every procedure its call, and one for every control point. */
export function actionsOf<S, N extends string>(of: Threads<S, N>): Action<S>[] {
  return of.procedures.flatMap((flat) => [
    callAction(of, flat),
    ...flat.points.map((point) => pointAction(of, flat, point)),
  ]);
}

function callAction<S, N extends string>(of: Threads<S, N>, flat: FlatProcedure<S>): ThreadAction<S> {
  const { procedure, entry } = flat;
  const names = Object.keys(procedure.args);
  return {
    name: procedure.name,
    params: { [of.name]: of.index, ...procedure.args },
    process: of.name,
    at: of.idle,
    origin: procedure.origin,
    program: { kind: "call", frames: of.frames, procedure, entry },
    lane: (args) => `${of.name} ${args[of.name]}`,
    bind: (args) => {
      const self = args[of.name] as number;
      if (entry.kind !== "point") return () => describeTarget(entry);
      return (s) => {
        const frame = (s as AnyRecord)[of.frames][self];
        for (const name of names) frame[name] = args[name];
        frame.pc = entry.label;
        return "";
      };
    },
  };
}

/** The parameter that a choice adds to a point's action. */
export const choiceParam = "choice";

function pointAction<S, N extends string>(
  of: Threads<S, N>,
  flat: FlatProcedure<S>,
  point: Point<S>,
): ThreadAction<S> {
  const acts = actsOf(point.tree);
  const choices = acts.filter((act) => act.kind === "choose");
  if (choices.length > 1) {
    const names = choices.map((act) => `"${act.name}"`).join(" and ");
    throw new ModelError(
      "M10",
      `${point.label} leads to the choices ${names}`,
      "put a step before one of them",
    );
  }
  const choice: Params = choices.length === 0 ? {} : { [choiceParam]: choices[0].among };
  const blocking = acts.some((act) => act.kind === "acquire" || act.kind === "wait");
  return {
    name: point.label,
    params: { [of.name]: of.index, ...choice },
    process: of.name,
    at: point.label,
    origin: originOf(acts, flat.procedure),
    program: { kind: "point", frames: of.frames, procedure: flat.procedure, point },
    lane: (args) => `${of.name} ${args[of.name]}`,
    bind: (args, setting) => bindPoint(of, flat, point, args, setting),
    ...(blocking ? { bindBlocked: (args, setting) => bindBlocked(of, point, args, setting) } : {}),
  };
}

/** Every transition that a point can lead to. */
export function actsOf<S>(tree: Point<S>["tree"]): Act<S>[] {
  if (tree.kind === "branch") return [...actsOf(tree.yes), ...actsOf(tree.no)];
  return tree.kind === "act" ? [tree.node] : [];
}

function originOf<S>(acts: readonly Act<S>[], procedure: Procedure<S>): Origin {
  for (const act of acts) if ("origin" in act && Object.keys(act.origin).length > 0) return act.origin;
  return procedure.origin;
}

function siteOf(self: number, setting: Setting): Site {
  return { self, bounds: setting.bounds, assumes: (name) => setting.assumes(name) };
}

function bindPoint<S, N extends string>(
  of: Threads<S, N>,
  flat: FlatProcedure<S>,
  point: Point<S>,
  args: AnyArgs,
  setting: Setting,
): (s: S) => string | null {
  const self = args[of.name] as number;
  const site = siteOf(self, setting);
  const reset = resetOf(flat.procedure, setting);
  const { frames } = of;
  const firstChoice = isFirstChoice(point, args, setting);
  const shownName = point.label.slice(flat.procedure.name.length + 2);

  const leave = (s: S, frame: AnyRecord, to: Target<S>): string => {
    if (to.kind === "point") {
      frame.pc = to.label;
      return "";
    }
    if (to.kind === "panic") {
      reset(frame);
      frame.pc = to.label;
      return `panics: ${to.reason}`;
    }
    const outcome = describeTarget(to, s, frame, site);
    reset(frame);
    frame.pc = idleLabel;
    return outcome;
  };

  return (s) => {
    const frame = (s as AnyRecord)[frames][self];
    let tree = point.tree;
    while (tree.kind === "branch") tree = tree.holds(s, frame, site) ? tree.yes : tree.no;
    // What is no choice is one transition, not one for each choice.
    if (!firstChoice && !(tree.kind === "act" && tree.node.kind === "choose")) return null;
    if (tree.kind === "leave") return join(tree.because, leave(s, frame, tree.next));
    const { node, next } = tree;
    switch (node.kind) {
      case "step":
        node.effect(s, frame, site);
        break;
      case "choose":
        node.effect(s, frame, args[choiceParam], site);
        break;
      case "wait":
        if (!node.until(s, frame, site)) return null;
        break;
      case "acquire": {
        const lock = node.lock.of(s, frame, site);
        if (lock.holder !== null) return null;
        lock.holder = self;
        break;
      }
      case "release": {
        const lock = node.lock.of(s, frame, site);
        if (lock.holder !== self) {
          throw new ModelError(
            "M11",
            `${point.label} releases ${node.lock.name}, which ${of.name} ${self} does not hold`,
            "acquire the lock first, or drop the release",
          );
        }
        lock.holder = null;
        break;
      }
    }
    return join(node.name === shownName ? "" : node.name, leave(s, frame, next));
  };
}

function join(a: string, b: string): string {
  return a === "" ? b : b === "" ? a : `${a}; ${b}`;
}

/** What a call ends with, in words. */
function describeTarget<S>(to: Target<S>, s?: S, frame?: unknown, site?: Site): string {
  switch (to.kind) {
    case "refuse":
      return `refuses: ${to.reason}`;
    case "panic":
      return `panics: ${to.reason}`;
    case "return":
      if (typeof to.result === "string") return `returns ${to.result}`;
      return `returns ${to.result(s as S, frame, site as Site)}`;
    case "point":
      return "";
  }
}

/** Is this the instance that takes the transitions of the point that are no choice? */
export function isFirstChoice<S>(point: Point<S>, args: AnyArgs, setting: Setting): boolean {
  const choice = actsOf(point.tree).find((act) => act.kind === "choose");
  if (choice === undefined) return true;
  return args[choiceParam] === valueOf(computeScalarShape(choice.among, setting.bounds, choice.name), 0);
}

type Reset = (frame: AnyRecord) => void;

/** All steps of a procedure in one instance share one. */
const resets = new WeakMap<Setting, Map<unknown, Reset>>();

/** A function that gives the procedure's arguments and locals their initial values, in straight-line code. */
function resetOf<S>(procedure: Procedure<S>, setting: Setting): Reset {
  const known = resets.get(setting) ?? new Map<unknown, Reset>();
  resets.set(setting, known);
  const reset = known.get(procedure) ?? makeReset(procedure, setting);
  known.set(procedure, reset);
  return reset;
}

function makeReset<S>(procedure: Procedure<S>, setting: Setting): Reset {
  const lines = Object.entries({ ...procedure.args, ...procedure.locals }).map(([name, field]) => {
    const shape = computeScalarShape(field, setting.bounds, `${procedure.name}.${name}`);
    return `frame[${JSON.stringify(name)}] = ${JSON.stringify(valueOf(shape, 0))};`;
  });
  return new Function("frame", lines.join("\n")) as Reset;
}

function bindBlocked<S, N extends string>(
  of: Threads<S, N>,
  point: Point<S>,
  args: AnyArgs,
  setting: Setting,
): (s: S) => Blocked | null {
  const self = args[of.name] as number;
  const site = siteOf(self, setting);
  return (s) => {
    const frame = (s as AnyRecord)[of.frames][self];
    let tree = point.tree;
    while (tree.kind === "branch") tree = tree.holds(s, frame, site) ? tree.yes : tree.no;
    if (tree.kind !== "act") return null;
    const { node } = tree;
    if (node.kind === "acquire") {
      const { holder } = node.lock.of(s, frame, site);
      return holder === null ? null : { kind: "lock", lock: node.lock.name, holder };
    }
    if (node.kind === "wait" && !node.until(s, frame, site)) {
      return { kind: "wait", wait: node.name, servedBy: node.servedBy };
    }
    return null;
  };
}
