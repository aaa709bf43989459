/**
 * Deadlock: processes inside a call that can never go on.
 *
 * They are the largest set of blocked processes each of which waits for a lock whose holder is in the set,
 * or at a wait that nobody serves: none of its named servers has an enabled step, nor, where a server is a
 * step of a process, does a process outside the set go on. It is decided in the state alone, from who waits
 * for whom; steps of the environment are progress only for a wait that names them. A process that waits,
 * at whatever remove, for one that panicked is not counted: its call is lost to availability, which is
 * reported as such.
 *
 * Limit: a wait is served as soon as one of its servers could step; that the server's steps ever make the
 * wait's condition true is taken for granted (fairness is not checked).
 */
import type { ActionInstance, Instance } from "../model/model.ts";
import type { Blocked, Process } from "../model/rule.ts";
import type { Deadlock } from "./evaluator.ts";

/** The deadlock in a state, by the model's rule. `isEnabled` tries an instance in that state. */
export function findDeadlock<S>(
  of: Instance<S>,
  state: S,
  isEnabled: (instance: ActionInstance<S>) => boolean,
): Deadlock | null {
  switch (of.model.deadlock) {
    case "none":
      return null;
    case "stuck":
      if (of.instances.some(isEnabled)) return null;
      return { processes: [], explanation: ["no step is enabled"] };
    case "waiting":
      return findWaiting(of, state, isEnabled);
  }
}

/** Where one process is: `running` inside a call, `blocked` there, or neither (idle, or panicked). */
interface Standing {
  readonly name: string;
  readonly label: string;
  readonly is: "running" | "blocked" | "out";
  readonly blocked: Blocked | null;
  /** The standings of its own kind begin here: a lock's holder is counted from it. */
  readonly firstOfKind: number;
}

function findWaiting<S>(
  of: Instance<S>,
  state: S,
  isEnabled: (instance: ActionInstance<S>) => boolean,
): Deadlock | null {
  const standings: Standing[] = [];
  for (const { process, tried } of of.processes) {
    const firstOfKind = standings.length;
    tried.forEach((at, self) => {
      const label = labelOf(process, state, self);
      const mine = at.get(label) ?? [];
      // A process with nothing to try at its label has panicked: it neither waits nor goes on.
      const isOut = label === process.idle || mine.length === 0;
      const isRunning = !isOut && mine.some(isEnabled);
      const blocked =
        isOut || isRunning
          ? null
          : mine.map((instance) => instance.blocked?.(state) ?? null).find((b) => b !== null);
      const is = isOut ? "out" : isRunning ? "running" : "blocked";
      standings.push({ name: `${process.name} ${self}`, label, is, blocked: blocked ?? null, firstOfKind });
    });
  }
  const hopeless = findHopeless(of, standings, isEnabled);
  return hopeless.size === 0 ? null : describe(hopeless, standings);
}

function labelOf(process: Process<string>, state: unknown, self: number): string {
  // The frames' place is known by name only.
  const frames = (state as Record<string, Record<string, string>[]>)[process.frames];
  return frames[self][process.control];
}

/** The largest set of blocked processes that wait for one another only, or for nobody. */
function findHopeless<S>(
  of: Instance<S>,
  standings: readonly Standing[],
  isEnabled: (instance: ActionInstance<S>) => boolean,
): Set<number> {
  const hopeless = new Set(standings.flatMap(({ is }, k) => (is === "blocked" ? [k] : [])));
  const canGoOn = (k: number): boolean => {
    const { blocked, firstOfKind } = standings[k];
    if (blocked === null) return false;
    if (blocked.kind === "lock") return !hopeless.has(firstOfKind + blocked.holder);
    const servers = of.instances.filter(({ action }) => blocked.servedBy.includes(action.name));
    const isServedByProcess = servers.some(({ action }) => action.process !== undefined);
    const mayGetThere = ({ is }: Standing, other: number): boolean =>
      is === "running" || (is === "blocked" && !hopeless.has(other));
    return servers.some(isEnabled) || (isServedByProcess && standings.some(mayGetThere));
  };
  for (let changed = true; changed; ) {
    const leaving = [...hopeless].filter(canGoOn);
    for (const k of leaving) hopeless.delete(k);
    changed = leaving.length > 0;
  }
  return hopeless;
}

function describe(hopeless: ReadonlySet<number>, standings: readonly Standing[]): Deadlock {
  const explanation = [...hopeless].map((k) => {
    const { name, label, blocked, firstOfKind } = standings[k];
    const waits = `${name} waits at "${label}"`;
    if (blocked === null) return `${waits}, and no step of it is enabled`;
    if (blocked.kind === "wait") return `${waits} for ${blocked.wait}, which nobody can serve`;
    return `${waits} for ${blocked.lock}, held by ${standings[firstOfKind + blocked.holder].name}`;
  });
  return { explanation, processes: [...hopeless].map((k) => standings[k].name) };
}
