/**
 * Which steps commute with all that others may do meanwhile (Lipton, "Reduction", 1975; Flanagan and Qadeer,
 * "Transactions for software model checking", 2003).
 *
 * While a process is at a label, others may take any step of theirs, but for those that are at labels which hold
 * a lock that it holds, and those that need such a lock free. What all these steps may read and write are the
 * label's hazards. A step that meets none of the hazards of the label where it starts may be moved before
 * whatever others do there: a left mover. One that meets none of the hazards of the label where it ends may be
 * moved behind: a right mover. Acquisition comes out as a right mover, release as a left mover, an access that a
 * lock protects as both, and so does one of the process's own frame.
 */
import { LeafSet } from "./leaf-set.ts";
import type { LockSets } from "./locks.ts";
import type { ControlPoint, End, StepTable } from "./steps.ts";

/** What others may read and write. */
export interface Hazards {
  readonly reads: LeafSet;
  readonly writes: LeafSet;
}

/** What others may do while a process is at each label; by number of the point. Null where it never is. */
export function computeHazards(table: StepTable, locks: LockSets): readonly (Hazards | null)[] {
  const points = table.points.flat();
  const leaves = table.numbers.leaves.length;
  const footprints = points.flatMap((point) =>
    locks.isReached[point.number] ? groupByLocks(point, locks) : [],
  );
  return points.map((point) => {
    if (!locks.isReached[point.number]) return null;
    const mine = locks.held[point.number];
    const hazards = { reads: new LeafSet(leaves), writes: new LeafSet(leaves) };
    for (const { process, held, needs, reads, writes } of footprints) {
      if (process === point.process || held.meets(mine) || needs.meets(mine)) continue;
      hazards.reads.addAll(reads);
      hazards.writes.addAll(writes);
    }
    for (const { reads, writes } of table.environment.flatMap(({ ends }) => ends)) {
      hazards.reads.addAll(reads);
      hazards.writes.addAll(writes);
    }
    return hazards;
  });
}

interface Group {
  readonly process: number;
  readonly held: LeafSet;
  /** The locks that these steps need free. */
  readonly needs: LeafSet;
  readonly reads: LeafSet;
  readonly writes: LeafSet;
}

/** The steps at a label, those that need the same locks together. */
function groupByLocks(point: ControlPoint, locks: LockSets): Group[] {
  const groups = new Map<string, Group>();
  for (const end of point.steps.flatMap(({ ends }) => ends)) {
    const needs = locks.takenAt(end);
    const key = needs.members().join();
    const group = groups.get(key);
    if (group === undefined) {
      const reads = end.reads.clone();
      const writes = end.writes.clone();
      groups.set(key, { process: point.process, held: locks.held[point.number], needs, reads, writes });
    } else {
      group.reads.addAll(end.reads);
      group.writes.addAll(end.writes);
    }
  }
  return [...groups.values()];
}

/** Does a step that ends so commute with everything of these hazards? Its own answers must stay the same, too. */
export function isClearOf({ reads, writes, questions }: End, hazards: Hazards): boolean {
  return (
    !writes.meets(hazards.reads) &&
    !writes.meets(hazards.writes) &&
    !reads.meets(hazards.writes) &&
    !questions.some((question) => question.reads.meets(hazards.writes))
  );
}

/** Can a step of another process that ends so, from a label that holds these locks, be taken while this one holds those? */
export function isKeptOut(end: End, held: LeafSet, mine: LeafSet, locks: LockSets): boolean {
  return held.meets(mine) || locks.takenAt(end).meets(mine);
}
