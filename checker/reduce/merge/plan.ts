/**
 * Which steps of a process become one transition.
 *
 * A block is: steps that are right movers and seen by nobody; then one step that may be anything; then steps that
 * are left movers and seen by nobody. The search keeps the states between blocks. A block ends
 * - where a process is in no call, for that is where calls begin;
 * - before a step that may have to wait, unless it takes a lock and the block's one free step is not taken yet;
 * - before a step that takes a second lock, unless no deadlock can come of that: no process that holds the second
 *   lock waits, at whatever remove, for the first;
 * - before a step that leads to a label which is never left (a panic): such a block would not finish.
 */
import type { Module } from "../../compile/ir.ts";
import { computeLockOrder, isOnCycle } from "./lock-order.ts";
import type { LockSets } from "./locks.ts";
import { type Hazards, isClearOf } from "./movers.ts";
import type { ControlPoint, End, StepTable } from "./steps.ts";
import type { Visibility } from "./visibility.ts";

/** Why a block does not go on at a label. */
export interface Reason {
  /** `call`: calls begin or end there, and nothing is kept apart. */
  readonly by: "call" | "wait" | "access" | "property" | "panic";
  /** For `property`, the name of the property or witness; for `access`, the location. */
  readonly what: string | null;
  /** In words, of the step that is taken at the label. */
  readonly text: string;
}

export interface Plan {
  /** By process, by code: may a block go on here that has taken its one free step? */
  readonly goesOnAfter: readonly Uint8Array[];
  /** By process, by code: may a block go on here that has not? */
  readonly goesOnBefore: readonly Uint8Array[];
  /** By process, by code: does whoever is blocked here wait for a lock, one that is known? */
  readonly takesLock: readonly Uint8Array[];
  /** By id of the instance: by code of the label that it leads to, is it a step that may come before the free one? */
  readonly comesBefore: readonly (Uint8Array | null)[];
  /** By id of the instance: does it begin a call? */
  readonly beginsCall: Uint8Array;
  /** By id of the instance: the process that takes it; -1 for the environment. */
  readonly processOf: Int32Array;
  /** No process holds a lock outside a call, and all that processes wait for by way of a lock is a known lock. */
  readonly isIdleFree: boolean;
  /** By number of the point: why a block does not go on here after its free step; null where it does. */
  readonly reasons: readonly (Reason | null)[];
}

/** A plan as JSON, and again. */
export const planForm = { pack: packPlan, unpack: unpackPlan };

function packPlan(plan: Plan) {
  return {
    ...plan,
    goesOnAfter: plan.goesOnAfter.map((each) => [...each]),
    goesOnBefore: plan.goesOnBefore.map((each) => [...each]),
    takesLock: plan.takesLock.map((each) => [...each]),
    comesBefore: plan.comesBefore.map((each) => each && [...each]),
    beginsCall: [...plan.beginsCall],
    processOf: [...plan.processOf],
  };
}

function unpackPlan(kept: ReturnType<typeof packPlan>): Plan {
  return {
    ...kept,
    goesOnAfter: kept.goesOnAfter.map((each) => Uint8Array.from(each)),
    goesOnBefore: kept.goesOnBefore.map((each) => Uint8Array.from(each)),
    takesLock: kept.takesLock.map((each) => Uint8Array.from(each)),
    comesBefore: kept.comesBefore.map((each) => each && Uint8Array.from(each)),
    beginsCall: Uint8Array.from(kept.beginsCall),
    processOf: Int32Array.from(kept.processOf),
  };
}

export function planBlocks(
  table: StepTable,
  locks: LockSets,
  hazards: readonly (Hazards | null)[],
  visibility: Visibility,
  module: Module,
  servers: readonly (readonly string[])[],
  instances: number,
): Plan {
  const { points } = table;
  const order = computeLockOrder(table, locks);
  const areWaitsServedOutside = points
    .flat()
    .every((point) => isServedOutside(point, table, locks, module, servers));
  const codes = (process: readonly ControlPoint[]): Uint8Array => new Uint8Array(process.length);
  const plan = {
    goesOnAfter: points.map(codes),
    goesOnBefore: points.map(codes),
    takesLock: points.map(codes),
    comesBefore: Array.from({ length: instances }, (): Uint8Array | null => null),
    beginsCall: new Uint8Array(instances),
    processOf: new Int32Array(instances).fill(-1),
    isIdleFree: isIdleFree(table, locks, module),
    reasons: points.flat().map((): Reason | null => null),
  };
  for (const point of points.flat()) {
    for (const { id } of point.steps) {
      plan.processOf[id] = point.process;
      plan.beginsCall[id] = point.isIdle ? 1 : 0;
    }
    if (!locks.isReached[point.number]) continue;
    const { process, code } = point;
    const mayWait = point.steps.some((step) => step.mayWait);
    const isForLock = mayWait && isForKnownLocks(point, locks, module);
    plan.takesLock[process][code] = isForLock ? 1 : 0;
    const isInside = !point.isIdle && point.steps.length > 0;
    const isOrdered =
      (areWaitsServedOutside || locks.mayHold[point.number].isEmpty) &&
      locks.mayHold[point.number].members().every((held) => !isOnCycle(order, held));
    plan.goesOnBefore[process][code] = isInside && (!mayWait || (isForLock && isOrdered)) ? 1 : 0;
    const reason = whyNotAfter(point, mayWait);
    plan.reasons[point.number] = reason;
    plan.goesOnAfter[process][code] = reason === null ? 1 : 0;
    for (const step of point.steps) {
      const before = new Uint8Array(points[process].length);
      // Of several ends with one label, all have to be such.
      for (const { targets } of step.ends) for (const target of targets) before[target] = 1;
      for (const end of step.ends) {
        for (const target of end.targets) {
          if (before[target] === 1 && !isBefore(point, end, target)) before[target] = 0;
        }
      }
      plan.comesBefore[step.id] = before;
    }
  }
  return plan;

  function isBefore(point: ControlPoint, end: End, target: number): boolean {
    const there = points[point.process][target];
    const hazard = hazards[there.number];
    if (hazard === null || there.isIdle) return false;
    return isClearOf(end, hazard) && visibility.seesBefore(point, end, there) === null;
  }

  function whyNotAfter(point: ControlPoint, mayWait: boolean): Reason | null {
    const hazard = hazards[point.number];
    if (hazard === null) return { by: "call", what: null, text: "it is never reached" };
    if (point.isIdle) return { by: "call", what: null, text: "calls begin here" };
    if (point.steps.length === 0) return { by: "call", what: null, text: "nothing is tried here" };
    if (mayWait) return { by: "wait", what: null, text: "it may have to wait" };
    for (const step of point.steps) {
      for (const end of step.ends) {
        if (!isClearOf(end, hazard)) {
          const met = table.numbers.leaves.find(
            (_, n) =>
              (end.writes.has(n) && (hazard.reads.has(n) || hazard.writes.has(n))) ||
              (end.reads.has(n) && hazard.writes.has(n)),
          );
          const what = met?.path ?? null;
          return {
            by: "access",
            what,
            text: `others may access ${what ?? "what it is asked about"} meanwhile`,
          };
        }
        const never = end.targets.find((code) => {
          const there = points[point.process][code];
          return there.steps.length === 0 && !there.isIdle;
        });
        if (never !== undefined) {
          const what = points[point.process][never].label;
          return { by: "panic", what, text: `it may lead to "${what}"` };
        }
        const seen = visibility.seesAfter(point, end);
        if (seen !== null) return { by: "property", what: seen, text: `${seen} may see the state before it` };
      }
    }
    return null;
  }
}

/** Where a process begins a call, does it hold nothing, and is every lock known that it may wait for? */
function isIdleFree({ points }: StepTable, locks: LockSets, module: Module): boolean {
  return points.flat().every((point) => {
    if (!locks.isReached[point.number]) return true;
    if (point.isIdle) return locks.mayHold[point.number].isEmpty;
    if (!point.steps.some((step) => step.mayWait)) return true;
    return isForKnownLocks(point, locks, module) || waitsIn(point, module) !== null;
  });
}

/** Does whoever is blocked here wait for a lock, and for none that is not known as such? */
function isForKnownLocks(point: ControlPoint, locks: LockSets, module: Module): boolean {
  const { waits } = module.dispatches[point.process].labels[point.code];
  if (waits.length === 0) return false;
  // Each way to wait for a lock has one to take it: as many as are known to take one are known to wait for it.
  const taking = point.steps.flatMap(({ ends }) => ends).filter((end) => !locks.takenAt(end).isEmpty);
  return waits.every((stmt) => stmt.do === "answer" && stmt.value.low >= -1) && taking.length >= waits.length;
}

/** The sets of servers that whoever is blocked here waits for; null where it may be a lock, or is not known. */
function waitsIn({ process, code }: ControlPoint, module: Module): number[] | null {
  const { waits } = module.dispatches[process].labels[code];
  const sets = waits.flatMap((stmt) =>
    stmt.do === "answer" && stmt.value.kind === "const" && stmt.value.value < -1
      ? [-2 - stmt.value.value]
      : [],
  );
  return sets.length > 0 && sets.length === waits.length ? sets : null;
}

/** Is whatever is waited for here, locks apart, done by the environment? */
function isServedOutside(
  point: ControlPoint,
  table: StepTable,
  locks: LockSets,
  module: Module,
  servers: readonly (readonly string[])[],
): boolean {
  if (!locks.isReached[point.number] || !point.steps.some((step) => step.mayWait)) return true;
  if (isForKnownLocks(point, locks, module)) return true;
  const sets = waitsIn(point, module);
  if (sets === null) return false;
  const names = new Set(sets.flatMap((n) => servers[n]));
  return table.points.flat().every(({ steps }) => steps.every(({ action }) => !names.has(action)));
}
