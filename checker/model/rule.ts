/**
 * Rules: guarded atomic steps, one instance for each choice of arguments.
 *
 * A rule's recipe is a pure function of the state's draft and its arguments. What runs inside a process
 * (a CPU in a hypercall) names the process and the control label at which it runs; anything else is the
 * environment (a device, the SMMU).
 */
import type { Index, Scalar, ValueOf } from "../schema/fields.ts";
import type { Bounds } from "../schema/shape.ts";

/** What a scenario fixes for every recipe: its bounds, and which named assumptions and powers are on. */
export interface Setting {
  readonly bounds: Bounds;
  /** Is this hardware assumption on? Unknown names are an error (`M08`). */
  assumes(name: string): boolean;
}

export type Params = Readonly<Record<string, Scalar<unknown>>>;
export type ArgsOf<P> = { readonly [K in keyof P]: ValueOf<P[K]> };
// The engine handles rules of every shape at once; their recipes' types are checked where they are written.
// oxlint-disable-next-line no-explicit-any
export type AnyArgs = Readonly<Record<string, any>>;

/** Where a step comes from: what the correspondence table prints. */
export interface Origin {
  /** The kernel function, with the posting or tree it was read in, e.g. `smmu_unmap_pages (v2 40/58)`. */
  readonly mirrors?: string;
  /** The Arm SMMUv3 notion it stands for, e.g. `CMD_SYNC completion`. */
  readonly arm?: string;
  /** The SeKVM invariant that it serves, e.g. `smmu_iso`. */
  readonly sekvm?: string;
  /** The safety mechanisms that it implements, e.g. `M12`. */
  readonly mechanisms?: readonly string[];
}

/** Whom a blocked step waits for: the holder of a lock, or steps that would serve it. */
export type Blocked =
  | { readonly kind: "lock"; readonly lock: string; readonly holder: number }
  | { readonly kind: "wait"; readonly wait: string; readonly servedBy: readonly string[] };

/**
 * One kind of atomic step. `bind` gives, for a choice of arguments, the recipe that the evaluators run:
 * it changes the draft and returns the outcome in words, or returns `null`, having written nothing, where
 * the step is not enabled.
 */
export interface Action<S> {
  readonly name: string;
  readonly params: Params;
  /** The process whose step this is, and the control label at which it is tried; absent for the environment. */
  readonly process?: string;
  readonly at?: string;
  /** Who acts, for a trace: `cpu 0`, `SMMU`, `device 1`. */
  lane(args: AnyArgs, bounds: Bounds): string;
  /** The host power without which this step does not exist. */
  readonly power?: string;
  readonly origin: Origin;
  bind(args: AnyArgs, setting: Setting): (s: S) => string | null;
  /** What a rule is made of, for a compiler: `bind` and `bindBlocked` put nothing else together. */
  readonly rule?: RuleBody<S, AnyArgs>;
  /** Why the step cannot be taken although its process is at its label. Absent: it never blocks. */
  bindBlocked?(args: AnyArgs, setting: Setting): (s: S) => Blocked | null;
}

export interface RuleBody<S, A> {
  /**
   * Who acts, for a trace: a text, in which `{name}` stands for an argument; or made of the arguments and the
   * bounds. Default: the process, or `environment`.
   */
  readonly lane?: string | ((args: A, bounds: Bounds) => string);
  readonly power?: string;
  readonly origin?: Origin;
  /** Is the step enabled? Absent: always. */
  readonly when?: (s: S, args: A, setting: Setting) => boolean;
  readonly then: (s: S, args: A, setting: Setting) => void;
  /** For a step that blocks: whom it waits for in this state, or `null` while it need not wait. */
  readonly waitsFor?: (s: S, args: A, setting: Setting) => Blocked | null;
}

/** A process: one thread of control for each element of a sort, whose control label is a field of its frame. */
export interface Process<N extends string> {
  readonly name: N;
  readonly sort: string;
  /** The field of the state that holds the frames: an array over the sort. */
  readonly frames: string;
  /** The field of a frame that holds the control label. */
  readonly control: string;
  /** The label of a process that is in no call. */
  readonly idle: string;
}

/** A rule of the environment: tried in every state. */
export function environmentRule<S, P extends Params>(
  name: string,
  params: P,
  body: RuleBody<S, ArgsOf<P>>,
): Action<S> {
  const any = body as RuleBody<S, AnyArgs>;
  return ruleOf<S>(name, params, any, {}, any.lane ?? "environment");
}

/** A rule of a process: tried when the process is at the label `at`. Its index is the argument named after it. */
export function processRule<S, N extends string, P extends Params>(
  process: Process<N>,
  index: Scalar<Index<N>>,
  name: string,
  at: string,
  params: P,
  body: RuleBody<S, ArgsOf<P> & { readonly [K in N]: Index<N> }>,
): Action<S> {
  const place = { process: process.name, at };
  const any = body as unknown as RuleBody<S, AnyArgs>;
  const lane = any.lane ?? `${process.name} {${process.name}}`;
  return ruleOf<S>(name, { [process.name]: index, ...params }, any, place, lane);
}

function ruleOf<S>(
  name: string,
  params: Params,
  body: RuleBody<S, AnyArgs>,
  place: { process?: string; at?: string },
  lane: string | ((args: AnyArgs, bounds: Bounds) => string),
): Action<S> {
  const { when, then, waitsFor, power } = body;
  const action: Action<S> = {
    name,
    params,
    ...place,
    ...(power === undefined ? {} : { power }),
    origin: body.origin ?? {},
    rule: body,
    lane: (args, bounds) =>
      typeof lane === "function"
        ? lane(args, bounds)
        : lane.replaceAll(/\{(\w+)\}/g, (_, key: string) => String(args[key])),
    bind: (args, setting) => (s) => {
      if (when !== undefined && !when(s, args, setting)) return null;
      then(s, args, setting);
      return "";
    },
    ...(waitsFor === undefined
      ? {}
      : {
          bindBlocked: (args: AnyArgs, setting: Setting) => (s: S) => waitsFor(s, args, setting),
        }),
  };
  ownBodies.add(action);
  return action;
}

/** Actions of which `rule` is what `bind` puts together. A copy of one may have another `bind`. */
const ownBodies = new WeakSet<object>();

/** The guard and the recipe of an action, where it is known that `bind` is made of them and of nothing else. */
export function bodyOf<S>(action: Action<S>): RuleBody<S, AnyArgs> | undefined {
  return ownBodies.has(action) ? action.rule : undefined;
}
