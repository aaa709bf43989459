/** In which order locks are taken: who may hold which lock while it takes another. */
import type { LockSets } from "./locks.ts";
import type { StepTable } from "./steps.ts";

/** From each lock (by number of its leaf) to those that are taken while it may be held. */
export type LockOrder = ReadonlyMap<number, ReadonlySet<number>>;

export function computeLockOrder(table: StepTable, locks: LockSets): LockOrder {
  const order = new Map<number, Set<number>>();
  for (const point of table.points.flat()) {
    if (!locks.isReached[point.number]) continue;
    for (const end of point.steps.flatMap(({ ends }) => ends)) {
      for (const taken of locks.takenAt(end).members()) {
        for (const holding of locks.mayHold[point.number].members()) {
          order.set(holding, (order.get(holding) ?? new Set<number>()).add(taken));
        }
      }
    }
  }
  return order;
}

/** Can a lock be waited for, at whatever remove, by one that holds it? */
export function isOnCycle(order: LockOrder, lock: number): boolean {
  const seen = new Set<number>();
  const todo = [...(order.get(lock) ?? [])];
  for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
    if (at === lock) return true;
    if (seen.has(at)) continue;
    seen.add(at);
    todo.push(...(order.get(at) ?? []));
  }
  return false;
}
