/** Where in the memory lies what canonical forms are found with. */
import { mix } from "../symmetry/canonical.ts";
import type { RenamingPlan } from "../symmetry/renaming-plan.ts";
import type { Room } from "./room.ts";

/** Offsets in the thread's own part. */
export interface CanonicalPlaces {
  /** By vertex: what the state says of it alone; its colour (and colours of what is none); its colour in the next round. */
  readonly alone: number;
  readonly colours: number;
  readonly next: number;
  /** Vertices, class by class, by colour; and by vertex, what it becomes. */
  readonly order: number;
  readonly renaming: number;
  /** By item that relates vertices: what the state has there; -1 where it says nothing. */
  readonly related: number;
  /** By text of the vertices that codes stand for: by code, what it becomes. */
  readonly renamed: ReadonlyMap<string, number>;
  /** By name of the tuple: where it goes. */
  readonly tuples: ReadonlyMap<string, number>;
  /** A state, renamed; the best so far. */
  readonly result: number;
  readonly best: number;
  /** By level of the search: the colours before, and the order. */
  readonly levels: number;
}

export function takePlaces(plan: RenamingPlan, own: Room): CanonicalPlaces {
  const { colours, group, layout, moved, related } = plan;
  const beyond = Int32Array.from({ length: colours }, (_, i) =>
    i < group.vertices ? 0 : mix(i - group.vertices + 0x51ed),
  );
  const renamed = new Map<string, number>();
  for (const { holds } of moved) {
    const key = holds?.join(" ");
    if (holds === null || key === undefined || renamed.has(key)) continue;
    renamed.set(key, own.table(Int32Array.from(holds, (_, code) => code)));
  }
  return {
    alone: own.words(group.vertices),
    colours: own.table(beyond),
    next: own.words(colours),
    order: own.words(group.vertices),
    renaming: own.words(group.vertices),
    related: own.words(related.length),
    renamed,
    tuples: new Map(plan.tuples.map(({ name }) => [name, own.words(1)])),
    result: own.words(layout.words),
    best: own.words(layout.words),
    levels: own.words(group.vertices * 2 * group.vertices),
  };
}

/** Puts the tables that code looks things up in where nothing is emitted yet: later they are found again. */
export function placeTables(plan: RenamingPlan, shared: Room): void {
  for (const { guards, holds } of plan.items) {
    if (holds !== null) {
      shared.constant(plan.coloursHeld(holds));
      shared.constant(plan.codesOf(holds));
    }
    for (const { allowed } of guards) shared.constant(Int32Array.from(allowed));
  }
  for (const home of plan.homes) {
    if (home === undefined) continue;
    shared.constant(bytesOf(home.words));
    shared.constant(home.shifts);
  }
}

/** Places of words as places of bytes. */
export function bytesOf(words: Int32Array): Int32Array {
  return words.map((word) => 4 * word);
}
