/**
 * Which lock protects which location, as the steps show it, and who does not keep to it.
 *
 * A location is protected by a lock if every process that accesses it holds the lock. Where most labels that
 * access a location hold one lock and others do not, somebody may have forgotten it; or the location is meant to
 * be read without it. The reduction does not decide that: such a location is no hindrance to others, and its
 * accesses are not merged. It is reported, with the labels that go without the lock.
 */
import type { LockSets } from "./locks.ts";
import type { ControlPoint, End, StepTable } from "./steps.ts";

/** Locations that are accessed under a lock at most labels, and without it at some. */
export interface Lapse {
  readonly lock: string;
  /** The locations, by the paths of their leaves. */
  readonly locations: readonly string[];
  /** The labels that access them without the lock. */
  readonly labels: readonly string[];
  /** At how many labels the lock is held. */
  readonly held: number;
}

export interface Discipline {
  /** How many locations every process accesses under one lock. */
  readonly protectedLocations: number;
  readonly lapses: readonly Lapse[];
}

export function checkDiscipline(table: StepTable, locks: LockSets): Discipline {
  const { leaves } = table.numbers;
  const lapses = new Map<string, { lock: string; locations: string[]; labels: string[]; held: number }>();
  let protectedLocations = 0;
  const reached = table.points.flat().filter(({ number }) => locks.isReached[number]);
  for (const [leaf, { path }] of leaves.entries()) {
    if (locks.locks.has(leaf)) continue;
    const accesses = accessesOf(leaf, reached, locks);
    const isShared = new Set(accesses.map(({ point }) => point.process)).size > 1;
    if (!isShared || !accesses.some(({ isWrite }) => isWrite)) continue;
    const [best] = locks.locks
      .members()
      .map((lock) => ({ lock, held: accesses.filter(({ under }) => under.has(lock)).length }))
      .sort((a, b) => b.held - a.held);
    if (best === undefined || 2 * best.held <= accesses.length) continue;
    if (best.held === accesses.length) {
      protectedLocations++;
      continue;
    }
    const without = accesses.filter(({ under }) => !under.has(best.lock)).map(({ point }) => point.label);
    const labels = [...new Set(without)];
    const held = new Set(
      accesses.filter(({ under }) => under.has(best.lock)).map(({ point }) => point.label),
    );
    const lock = leaves[best.lock].path;
    const key = JSON.stringify([lock, labels]);
    const lapse = lapses.get(key) ?? { lock, locations: [], labels, held: held.size };
    lapse.locations.push(path);
    lapses.set(key, lapse);
  }
  return { protectedLocations, lapses: [...lapses.values()] };
}

interface Access {
  readonly point: ControlPoint;
  readonly isWrite: boolean;
  /** The locks held while it is accessed, those that the step takes included. */
  readonly under: { has(lock: number): boolean };
}

/** The labels at which a location is accessed. */
function accessesOf(leaf: number, points: readonly ControlPoint[], locks: LockSets): Access[] {
  return points.flatMap((point): Access[] => {
    const ends = point.steps.flatMap((step) => step.ends);
    const accessing = ends.filter(({ reads, writes }) => reads.has(leaf) || writes.has(leaf));
    if (accessing.length === 0) return [];
    const under = locks.held[point.number].clone();
    under.addAll(takenByAll(accessing, locks));
    return [{ point, isWrite: accessing.some(({ writes }) => writes.has(leaf)), under }];
  });
}

function takenByAll([first, ...more]: readonly End[], locks: LockSets) {
  const taken = locks.takenAt(first).clone();
  for (const end of more) taken.keepOnly(locks.takenAt(end));
  return taken;
}

/** A lapse in a sentence. */
export function describeLapse({ lock, locations, labels, held }: Lapse): string {
  const more = locations.length > 1 ? ` (and ${locations.length - 1} more)` : "";
  const where = labels.map((label) => `"${label}"`).join(", ");
  return `${locations[0]}${more} is accessed under ${lock} at ${held} labels, and without it at ${where}: its accesses are not merged`;
}
