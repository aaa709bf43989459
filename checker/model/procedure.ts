/**
 * Procedures as data: an ordered list of named checks and named steps, with locks as brackets and
 * structured control flow.
 *
 * - Every step is one transition. Acquiring and releasing a lock are steps of their own.
 * - A check (and the condition of an `when`/`repeat`) is atomic with the step that follows it, and reads
 *   only what that step may read at that moment. What the code reads earlier and uses later is read by a
 *   step of its own into a local, so that it can go stale as in the source.
 * - Leaving a procedure from inside `locked` releases the locks on the way out, each by a step of its own.
 */
import { type Index, Scalar, type ValueOf } from "../schema/fields.ts";
import type { Bounds } from "../schema/shape.ts";
import type { Origin, Params } from "./rule.ts";

/** What a step knows besides the state and its frame. */
export interface Site {
  /** The index of the process that takes the step. */
  readonly self: number;
  readonly bounds: Bounds;
  assumes(name: string): boolean;
}

/** A formula or effect over the state `s`, the process's own frame `c`, and its site. */
export type Do<S, C, R> = (s: S, c: C, at: Site) => R;

/** The frame of a procedure: its arguments and locals, which its steps read and write. */
export type FrameOf<A extends Params, L extends Params> = { -readonly [K in keyof A]: ValueOf<A[K]> } & {
  -readonly [K in keyof L]: ValueOf<L[K]>;
};

/** A lock: where the state records its holder. Declare the place with `lockState(cpu)`. */
export interface Lock<S, C> {
  readonly name: string;
  readonly of: Do<S, C, { holder: number | null }>;
  /**
   * Is there such a lock? Where there is none, its acquisition and its release are passed over, and take no step. What
   * this reads does not change while the lock is held. Absent: there always is.
   */
  readonly exists?: Do<S, C, boolean>;
}

/** How control leaves where it is. */
export type Exit<S, C> =
  | { readonly kind: "refuse"; readonly reason: string }
  | { readonly kind: "return"; readonly result: string | Do<S, C, string | number> }
  | { readonly kind: "jump"; readonly label: string }
  | { readonly kind: "panic"; readonly reason: string };

export type Node<S, C> =
  | { readonly kind: "step"; readonly name: string; readonly origin: Origin; readonly effect: Do<S, C, void> }
  | {
      readonly kind: "choose";
      readonly name: string;
      readonly origin: Origin;
      readonly among: Scalar<unknown>;
      // The choice's type is tied to `among` where the node is written.
      // oxlint-disable-next-line no-explicit-any
      readonly effect: (s: S, c: C, choice: any, at: Site) => void;
    }
  | {
      readonly kind: "wait";
      readonly name: string;
      readonly origin: Origin;
      readonly until: Do<S, C, boolean>;
      readonly servedBy: readonly string[];
    }
  | {
      readonly kind: "check";
      readonly name: string;
      readonly origin: Origin;
      readonly holds: Do<S, C, boolean>;
      readonly otherwise: Exit<S, C>;
    }
  | {
      readonly kind: "when";
      readonly name: string;
      readonly origin: Origin;
      readonly holds: Do<S, C, boolean>;
      readonly yes: readonly Node<S, C>[];
      readonly no: readonly Node<S, C>[];
    }
  | {
      readonly kind: "repeat";
      readonly name: string;
      readonly origin: Origin;
      readonly holds: Do<S, C, boolean>;
      readonly body: readonly Node<S, C>[];
    }
  | {
      readonly kind: "locked";
      readonly name: string;
      readonly lock: Lock<S, C>;
      readonly body: readonly Node<S, C>[];
    }
  | { readonly kind: "acquire"; readonly name: string; readonly lock: Lock<S, C> }
  | { readonly kind: "release"; readonly name: string; readonly lock: Lock<S, C> }
  | { readonly kind: "label"; readonly name: string; readonly body: readonly Node<S, C>[] }
  | { readonly kind: "exit"; readonly name: string; readonly exit: Exit<S, C> };

/** A procedure over states `S`. Its locals' types are known where its body is written. */
export interface Procedure<S> {
  readonly name: string;
  /** One sentence: what the call is for. */
  readonly meaning: string;
  readonly origin: Origin;
  readonly args: Params;
  readonly locals: Params;
  // oxlint-disable-next-line no-explicit-any
  readonly body: readonly Node<S, any>[];
}

/** Declares a procedure: its arguments (chosen by the caller), its locals, and its body. */
export function procedure<S, A extends Params, L extends Params = Record<never, never>>(
  name: string,
  frame: { readonly args: A; readonly locals?: L; readonly meaning?: string; readonly origin?: Origin },
  body: readonly Node<S, FrameOf<A, L>>[],
): Procedure<S> {
  const { args, locals = {}, meaning = "", origin = {} } = frame;
  return { name, meaning, origin, args, locals, body };
}

/** One transition: changes the state and the frame. */
export function step<S, C>(name: string, effect: Do<S, C, void>, origin: Origin = {}): Node<S, C> {
  return { kind: "step", name, origin, effect };
}

/** One transition with a choice that the environment makes (an allocation fails or not, ...). */
export function choose<S, C, T>(
  name: string,
  among: Scalar<T>,
  effect: (s: S, c: C, choice: T, at: Site) => void,
  origin: Origin = {},
): Node<S, C> {
  return { kind: "choose", name, origin, among, effect };
}

/**
 * Waits until the condition holds; then goes on, in a step that changes nothing. `servedBy` names the
 * actions that can make it hold: a wait none of whose servers can step is a deadlock.
 */
export function wait<S, C>(
  name: string,
  until: Do<S, C, boolean>,
  servedBy: readonly string[],
  origin: Origin = {},
): Node<S, C> {
  return { kind: "wait", name, origin, until, servedBy };
}

/** A condition, atomic with the step that follows; where it does not hold, control leaves by `otherwise`. */
export function check<S, C>(
  name: string,
  holds: Do<S, C, boolean>,
  otherwise: Exit<S, C>,
  origin: Origin = {},
): Node<S, C> {
  return { kind: "check", name, origin, holds, otherwise };
}

/** A two-way branch; the condition is atomic with the step that follows. */
export function when<S, C>(
  name: string,
  holds: Do<S, C, boolean>,
  yes: readonly Node<S, C>[],
  no: readonly Node<S, C>[] = [],
  origin: Origin = {},
): Node<S, C> {
  return { kind: "when", name, origin, holds, yes, no };
}

/** Repeats the body while the condition holds. Every round must take a step. */
export function repeat<S, C>(
  name: string,
  holds: Do<S, C, boolean>,
  body: readonly Node<S, C>[],
  origin: Origin = {},
): Node<S, C> {
  return { kind: "repeat", name, origin, holds, body };
}

/** Acquires the lock (a step), runs the body, releases the lock (a step), also on every way out. */
export function locked<S, C>(lock: Lock<S, NoInfer<C>>, body: readonly Node<S, C>[]): Node<S, C> {
  return { kind: "locked", name: lock.name, lock, body };
}

/** Acquires a lock outside a bracket: nothing releases it but `release`. */
export function acquire<S, C>(lock: Lock<S, C>): Node<S, C> {
  return { kind: "acquire", name: `acquire ${lock.name}`, lock };
}

/** Releases a lock that the process holds. */
export function release<S, C>(lock: Lock<S, C>): Node<S, C> {
  return { kind: "release", name: `release ${lock.name}`, lock };
}

/** A place that `jump` leads to: control continues here, and after the body with what follows the label. */
export function label<S, C>(name: string, body: readonly Node<S, C>[]): Node<S, C> {
  return { kind: "label", name, body };
}

/** Exit: the call ends with a named reason. */
export function refuse<S, C>(reason: string): Exit<S, C> {
  return { kind: "refuse", reason };
}

/** Exit: control continues at the label; locks taken since are released on the way. */
export function jump<S, C>(to: string): Exit<S, C> {
  return { kind: "jump", label: to };
}

/** Exit: BUG() or a fatal WARN(). The call never resumes and its locks stay held. */
export function panic<S, C>(reason: string): Exit<S, C> {
  return { kind: "panic", reason };
}

/** Exit: the call ends with a result. */
export function returns<S, C>(result: string | Do<S, C, string | number>): Exit<S, C> {
  return { kind: "return", result };
}

/** Leaves here, unconditionally. */
export function leave<S, C>(exit: Exit<S, C>): Node<S, C> {
  const what = exit.kind === "jump" ? exit.label : exit.kind === "return" ? "" : exit.reason;
  return { kind: "exit", name: `${exit.kind} ${what}`.trim(), exit };
}

/** The argument's index, where an earlier check made sure that it is one. Throws on an invalid value. */
export function valid<N extends string>(value: Index<N> | string): Index<N> {
  if (typeof value !== "number") throw new Error(`the invalid argument "${value}" got past the checks`);
  return value;
}

/** The lists of nodes inside a node, for walks over a body. */
export function bodiesOf<S, C>(node: Node<S, C>): readonly (readonly Node<S, C>[])[] {
  switch (node.kind) {
    case "when":
      return [node.yes, node.no];
    case "repeat":
    case "locked":
    case "label":
      return [node.body];
    default:
      return [];
  }
}

// The frame's type is known where a procedure's body is written.
// oxlint-disable-next-line no-explicit-any
type AnyNode<S> = Node<S, any>;

/** The nodes, each replaced by what `change` makes of it, or kept and changed inside where that is null. */
export function mapNodes<S>(
  nodes: readonly AnyNode<S>[],
  change: (node: AnyNode<S>) => readonly AnyNode<S>[] | null,
): AnyNode<S>[] {
  return nodes.flatMap((node) => {
    const made = change(node);
    if (made !== null) return made;
    switch (node.kind) {
      case "when":
        return [{ ...node, yes: mapNodes(node.yes, change), no: mapNodes(node.no, change) }];
      case "repeat":
      case "locked":
      case "label":
        return [{ ...node, body: mapNodes(node.body, change) }];
      default:
        return [node];
    }
  });
}

/** The nodes and all that is inside them, in the order of the text. */
export function nodesOf<S>(nodes: readonly AnyNode<S>[]): AnyNode<S>[] {
  const all: AnyNode<S>[] = [];
  const add = (node: AnyNode<S>): void => {
    all.push(node);
    for (const body of bodiesOf(node)) body.forEach(add);
  };
  nodes.forEach(add);
  return all;
}
