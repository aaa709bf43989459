/**
 * Persistent sets (Godefroid, "Partial-order methods", 1996): some of the transitions that are possible in a state,
 * such that whatever the others do, now and later, these are not touched by it. Then it is enough to take these.
 *
 * A set is made of whole processes, each at the label where it is, and of steps of the environment. It begins with
 * one process, its key, and takes in everybody who may ever do what meets what is in it: what the set reads and
 * writes next, and what those outside read and write from where they are on, as long as the set stays where it is.
 *
 * Let some run from the state lead to an error.
 * - If it takes a transition of the set, the first of these can be moved to its front: nothing before it touches it.
 * - Otherwise the key's transition can be put before all of it. The error must be there all the same: so the key must
 *   be such that no property, no witness and no question of a step property shows less after it than before; no
 *   process that is blocked may be helped by it, nor whatever serves one.
 * The second must not go on for ever: a key is never at the head of a loop of its process (loop-heads.ts). So in both
 * cases the run gets on, and its error is found.
 *
 * All that this depends on is where the processes are. So each combination of labels is looked at once.
 */
import type { Kept } from "../kept.ts";
import type { Instance } from "../../model/model.ts";
import type { Analysis } from "../merge/analysis.ts";
import { LeafSet } from "../merge/leaf-set.ts";
import type { ControlPoint } from "../merge/steps.ts";
import { doMeet, type Reach, type Tasks } from "./tasks.ts";

/** A set that is enough, if the key has a transition. */
export interface PersistentSet {
  readonly key: number;
  /** By id of the action instance: is a transition that begins with it in the set? */
  readonly has: Uint8Array;
}

/** What makes the sets sound; a test may take something away. */
export interface Conditions {
  /** Does the order of two matter? */
  readonly meets: (a: Reach, b: Reach) => boolean;
  /** By process, by code of its label: is a process no key there? */
  readonly loopHeads: readonly Uint8Array[];
}

export class PersistentSets<S> {
  private readonly of: Instance<S>;
  private readonly analysis: Analysis;
  private readonly tasks: Tasks;
  private readonly conditions: Conditions;
  /** What serves whoever waits, as far as it is a step of the environment. */
  private readonly servers: LeafSet;
  private readonly known = new Map<number, readonly PersistentSet[]>();
  private readonly shared = new Map<string, Uint8Array>();
  /** By number of the point, as far as somebody asked, why it is no key; null where it is one. Kept for other runs. */
  private readonly reasons: Record<number, string | null>;
  /** Answers by pairs of points, of a point and a step of the environment, and of two such steps: 1 no, 2 yes. */
  private readonly ofPoints: Uint8Array;
  private readonly ofEnvironment: readonly Uint8Array[];
  private readonly within: readonly Uint8Array[];

  constructor(
    of: Instance<S>,
    analysis: Analysis,
    tasks: Tasks,
    servers: readonly string[],
    conditions: Conditions,
    kept?: Kept,
  ) {
    this.reasons = (kept?.get("keys") as typeof this.reasons | undefined) ?? {};
    kept?.set("keys", this.reasons);
    const { table } = analysis;
    this.of = of;
    this.analysis = analysis;
    this.tasks = tasks;
    this.conditions = conditions;
    this.servers = new LeafSet(table.numbers.leaves.length);
    for (const step of table.environment) if (servers.includes(step.action)) this.servers.addAll(step.reads);
    const { count, environment } = tasks;
    this.ofPoints = new Uint8Array(count * count);
    this.ofEnvironment = environment.map(() => new Uint8Array(2 * count));
    this.within = environment.map(() => new Uint8Array(environment.length));
  }

  /** The sets for processes at these labels, by their codes; `number` tells the combination from others. */
  at(codes: ArrayLike<number>, number: number): readonly PersistentSet[] {
    let sets = this.known.get(number);
    if (sets === undefined) {
      sets = this.find(Array.from(codes, (code, process) => this.tasks.pointOf(process, code)));
      this.known.set(number, sets);
    }
    return sets;
  }

  /** Why a process is no key at a label: null where it is one. */
  whyNoKey(point: ControlPoint): string | null {
    let reason: string | null | undefined = this.reasons[point.number];
    if (reason === undefined) {
      reason = this.findReason(point);
      this.reasons[point.number] = reason;
    }
    return reason;
  }

  private findReason(point: ControlPoint): string | null {
    const { analysis, conditions, of, tasks } = this;
    const { locks, table, visibility } = analysis;
    if (!locks.isReached[point.number]) return "it is never reached";
    if (point.steps.length === 0) return "nothing is tried here";
    const task = tasks.taskAt(point);
    const head = task.region.find(({ process, code }) => conditions.loopHeads[process][code] === 1);
    if (head !== undefined) return `a loop or a call begins at "${head.label}"`;
    if (of.model.deadlock === "waiting" && task.writes.meets(this.servers))
      return "it may help what others wait for";
    for (const at of task.region) {
      for (const end of at.steps.flatMap(({ ends }) => ends)) {
        const never = end.targets
          .map((code) => table.points[at.process][code])
          .find((there) => there.steps.length === 0 && !there.isIdle);
        if (never !== undefined) return `it may lead to "${never.label}"`;
        const seen = visibility.seesMoved(at, end, point);
        if (seen !== null) return `${seen} may see it`;
      }
    }
    return null;
  }

  private find(points: readonly ControlPoint[]): readonly PersistentSet[] {
    const found = new Map<Uint8Array, PersistentSet>();
    for (const key of points) {
      if (this.whyNoKey(key) !== null) continue;
      const has = this.close(key, points);
      if (has !== null) found.set(has, { key: key.process, has });
    }
    return [...found.values()];
  }

  /** The smallest set with the process, as the instances in it; null where that is everything, or not sound. */
  private close(key: ControlPoint, points: readonly ControlPoint[]): Uint8Array | null {
    const { environment } = this.tasks;
    // Sets are gone through in the order in which they grow.
    const processes = new Set([key]);
    const steps = new Set<number>();
    const grow = (meetsPoint: (point: ControlPoint) => boolean, meetsStep: (n: number) => boolean): void => {
      for (const point of points) if (!processes.has(point) && meetsPoint(point)) processes.add(point);
      for (let n = 0; n < environment.length; n++) if (!steps.has(n) && meetsStep(n)) steps.add(n);
    };
    for (let before = 0; before < processes.size + steps.size; ) {
      before = processes.size + steps.size;
      for (const point of processes)
        grow(
          (other) => this.doPointsMeet(point, other),
          (n) => this.doesStepMeet(n, point, false),
        );
      for (const step of steps)
        grow(
          (other) => this.doesStepMeet(step, other, true),
          (n) => this.doStepsMeet(step, n),
        );
    }
    const isAll = processes.size === points.length && steps.size === environment.length;
    return isAll || this.mayHelp(key, processes) ? null : this.instancesOf(processes, steps);
  }

  /** May the key change what another process in the set, which may be blocked where it is, waits for? */
  private mayHelp(key: ControlPoint, processes: ReadonlySet<ControlPoint>): boolean {
    if (this.of.model.deadlock !== "waiting") return false;
    const { writes } = this.tasks.taskAt(key);
    return [...processes].some(
      ({ number, steps }) =>
        number !== key.number && steps.some(({ mayWait, reads }) => mayWait && reads.meets(writes)),
    );
  }

  private instancesOf(processes: ReadonlySet<ControlPoint>, steps: ReadonlySet<number>): Uint8Array {
    const numbers = [...processes].map(({ number }) => number);
    const name = [numbers, [...steps]].map((some) => some.sort((a, b) => a - b).join()).join("; ");
    let has = this.shared.get(name);
    if (has === undefined) {
      has = new Uint8Array(this.of.instances.length);
      for (const point of processes) for (const { id } of point.steps) has[id] = 1;
      for (const step of steps) has[this.analysis.table.environment[step].id] = 1;
      this.shared.set(name, has);
    }
    return has;
  }

  /** Does what a process may do next meet what another may do from where it is on? */
  private doPointsMeet(point: ControlPoint, other: ControlPoint): boolean {
    const { analysis, conditions, ofPoints, tasks } = this;
    const at = point.number * tasks.count + other.number;
    if (ofPoints[at] === 0) {
      const future = tasks.futureFrom(other, analysis.locks.held[point.number]);
      ofPoints[at] = conditions.meets(tasks.taskAt(point), future) ? 2 : 1;
    }
    return ofPoints[at] === 2;
  }

  /** Does a step of the environment meet what a process may do next, or (`isFuture`) from where it is on? */
  private doesStepMeet(step: number, point: ControlPoint, isFuture: boolean): boolean {
    const { conditions, tasks } = this;
    const answers = this.ofEnvironment[step];
    const at = 2 * point.number + (isFuture ? 1 : 0);
    if (answers[at] === 0) {
      const none = new LeafSet(this.analysis.table.numbers.leaves.length);
      const reach = isFuture ? tasks.futureFrom(point, none) : tasks.taskAt(point);
      answers[at] = conditions.meets(tasks.environment[step], reach) ? 2 : 1;
    }
    return answers[at] === 2;
  }

  private doStepsMeet(a: number, b: number): boolean {
    const { conditions, tasks, within } = this;
    if (within[a][b] === 0)
      within[a][b] = conditions.meets(tasks.environment[a], tasks.environment[b]) ? 2 : 1;
    return within[a][b] === 2;
  }
}

/** The conditions as they are. */
export function soundConditions(loopHeads: readonly Uint8Array[]): Conditions {
  return { meets: doMeet, loopHeads };
}
