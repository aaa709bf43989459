/**
 * What a process, or one step of the environment, may do next and from then on, as footprints.
 *
 * A process's task at a label is all that it can do there in one transition: a step, or a block of steps where these
 * are merged. Its future is all that it can do from there on while others stay at labels that hold given locks.
 */
import { LeafSet } from "../merge/leaf-set.ts";
import type { LockSets } from "../merge/locks.ts";
import type { Plan } from "../merge/plan.ts";
import type { ControlPoint, End, Step, StepTable } from "../merge/steps.ts";

export interface Reach {
  readonly reads: LeafSet;
  readonly writes: LeafSet;
}

/** What one transition of a process may come to. */
export interface Task extends Reach {
  /** The labels whose steps it may take. */
  readonly region: readonly ControlPoint[];
}

export class Tasks {
  private readonly table: StepTable;
  private readonly points: readonly ControlPoint[];
  private readonly locks: LockSets;
  private readonly merging: Plan | null;
  private readonly tasks = new Map<number, Task>();
  private readonly futures = new Map<string, Reach>();
  /** By place in the environment: what the step may read and write. */
  readonly environment: readonly Reach[];

  /** `merging`: by which blocks are made, where they are. */
  constructor(table: StepTable, locks: LockSets, merging: Plan | null) {
    this.table = table;
    this.points = table.points.flat();
    this.locks = locks;
    this.merging = merging;
    this.environment = table.environment.map((step) => {
      const reach = this.nothing();
      addStep(reach, step, step.ends);
      return reach;
    });
  }

  private nothing(): Reach {
    const { length } = this.table.numbers.leaves;
    return { reads: new LeafSet(length), writes: new LeafSet(length) };
  }

  /** What the process may do in its next transition. Its questions of step properties count as reads. */
  taskAt(point: ControlPoint): Task {
    let task = this.tasks.get(point.number);
    if (task === undefined) {
      const region = this.regionOf(point);
      const reach = this.nothing();
      for (const { steps } of region) for (const step of steps) addStep(reach, step, step.ends);
      task = { ...reach, region };
      this.tasks.set(point.number, task);
    }
    return task;
  }

  private regionOf(start: ControlPoint): ControlPoint[] {
    const { merging } = this;
    const region = new Set([start]);
    if (merging === null) return [start];
    const mine = this.table.points[start.process];
    for (const { process, steps } of region) {
      for (const code of targetsOf(steps)) {
        if (merging.goesOnBefore[process][code] === 1 || merging.goesOnAfter[process][code] === 1)
          region.add(mine[code]);
      }
    }
    return [...region];
  }

  /** What the process may do from there on, while somebody stays where it holds the locks `held`. */
  futureFrom(start: ControlPoint, held: LeafSet): Reach {
    const key = `${start.number} ${held.members().join()}`;
    let reach = this.futures.get(key);
    if (reach === undefined) {
      reach = this.follow(start, held);
      this.futures.set(key, reach);
    }
    return reach;
  }

  private follow(start: ControlPoint, held: LeafSet): Reach {
    const { locks, merging } = this;
    const reach = this.nothing();
    const mine = this.table.points[start.process];
    const seen = new Set([start]);
    for (const point of seen) {
      // Nobody else is where such a lock is held.
      if (!locks.isReached[point.number] || locks.held[point.number].meets(held)) continue;
      for (const step of point.steps) {
        const isOpen = (end: End): boolean => !locks.takenAt(end).meets(held);
        const ends = step.ends.filter(isOpen);
        // Where blocks are made, one ends before a lock that is taken: that it is, is read.
        const isKeptOut = merging === null && step.ends.length > 0 && ends.length === 0;
        if (!isKeptOut) addStep(reach, step, ends);
        for (const { targets } of ends) for (const code of targets) seen.add(mine[code]);
      }
    }
    return reach;
  }

  /** The point of a process, by the code of its label. */
  pointOf(process: number, code: number): ControlPoint {
    return this.table.points[process][code];
  }

  get count(): number {
    return this.points.length;
  }
}

function addStep({ reads, writes }: Reach, step: Step, ends: readonly End[]): void {
  reads.addAll(step.reads);
  for (const end of ends) {
    reads.addAll(end.reads);
    writes.addAll(end.writes);
    for (const question of end.questions) reads.addAll(question.reads);
  }
}

function targetsOf(steps: readonly Step[]): Set<number> {
  return new Set(steps.flatMap(({ ends }) => ends.flatMap(({ targets }) => targets)));
}

/** Does it matter in which order the two are done? */
export function doMeet(a: Reach, b: Reach): boolean {
  return a.writes.meets(b.reads) || a.writes.meets(b.writes) || a.reads.meets(b.writes);
}
