/**
 * What a step did. A point of a call leads, by its checks and branches, to one of several nodes of the procedure's
 * text, and is called after one of them only: here is the node that ran, and the check that did not hold.
 */
import type { ActionInstance, Instance } from "../model/model.ts";
import { nodesOf } from "../model/procedure.ts";
import type { Origin } from "../model/rule.ts";
import { type Program, programOf } from "../model/threads.ts";
import type { ReplayedStep } from "./replay.ts";

interface Named {
  readonly instance: { readonly action: { readonly name: string } };
  readonly outcome: string;
}

/** A step's own name: that of the node which ran, where the point is called after a loop or a branch. */
export function nameStep({ instance, outcome }: Named): string {
  const { name } = instance.action;
  const [call, ...rest] = name.split(": ");
  const [what] = outcome.split("; ");
  return isNode(what) && rest.length > 0 ? `${call}: ${what}` : name.replace(/ #\d+$/, "");
}

/** What came of a step, without its name: how its call ended; "" where it goes on. */
export function endOf(outcome: string): string {
  const [what, ...rest] = outcome.split("; ");
  return isNode(what) ? rest.join("; ") : outcome;
}

/** Is this part of an outcome the name of what ran? The other parts say how the call ends. */
function isNode(part: string): boolean {
  return part !== "" && !/^(returns|refuses|panics)/.test(part);
}

/** A point of a call, with all that its formulas take. */
export interface PointAt<S> {
  readonly program: Extract<Program<S>, { kind: "point" }>;
  readonly site: { readonly self: number } & Instance<S>["setting"];
  /** The frame of the process that takes the step. */
  readonly frameOf: (s: S) => unknown;
}

/** The point at which an action is taken; null for a call and for a rule. */
export function pointAt<S>(of: Instance<S>, { action, args }: ActionInstance<S>): PointAt<S> | null {
  const program = programOf(action);
  if (program === null || program.kind === "call") return null;
  const self = args[action.process as string] as number;
  const { bounds } = of.setting;
  return {
    program,
    site: { self, bounds, assumes: (name) => of.setting.assumes(name) },
    // The frames' place is known by name only.
    frameOf: (s) => (s as Record<string, unknown[]>)[program.frames][self],
  };
}

export interface Taken {
  /** Where what ran comes from; of a step that only leaves, or releases a lock, the check's that made it do so. */
  readonly origin: Origin;
  /** The check that did not hold, so that control left where it was; null for none. */
  readonly failed: string | null;
}

/** What an action does in a state in which it is enabled. */
export function findTaken<S>(of: Instance<S>, state: S, instance: ActionInstance<S>): Taken {
  const point = pointAt(of, instance);
  if (point === null) return { origin: instance.action.origin, failed: null };
  const { program, site, frameOf } = point;
  const checks = new Map(
    nodesOf(program.procedure.body).flatMap((node) => (node.kind === "check" ? [[node.name, node]] : [])),
  );
  let { tree } = program.point;
  let failed: { readonly name: string; readonly origin: Origin } | null = null;
  while (tree.kind === "branch") {
    const holds = tree.holds(state, frameOf(state), site);
    if (!holds) failed = checks.get(tree.name) ?? failed;
    tree = holds ? tree.yes : tree.no;
  }
  const ran = tree.kind === "act" && "origin" in tree.node ? tree.node.origin : null;
  return { origin: ran ?? failed?.origin ?? {}, failed: failed?.name ?? null };
}

/**
 * The function of the source that each step mirrors, where it is another than that of the step before it in its
 * lane, or its lane goes on after others; null elsewhere, and for locks, which are taken and released by the
 * functions around them.
 */
export function tellFunctions<S>(of: Instance<S>, steps: readonly ReplayedStep<S>[]): (string | null)[] {
  const last = new Map<string, string>();
  return steps.map(({ instance, before }, i) => {
    const { lane } = instance;
    if (i > 0 && steps[i - 1].instance.lane !== lane) last.delete(lane);
    const { mirrors } = findTaken(of, before, instance).origin;
    if (mirrors === undefined || mirrors === last.get(lane)) return null;
    last.set(lane, mirrors);
    return mirrors;
  });
}
