/**
 * Footprints: which leaves of the state an action instance or a property instance may read and write. They
 * over-approximate, for what rests on them (independence, re-checking) must not miss anything.
 */
import type { Layout, Leaf } from "../schema/layout.ts";

export interface Footprint {
  readonly reads: ReadonlySet<Leaf>;
  readonly writes: ReadonlySet<Leaf>;
}

/** By id of the instance. */
export interface Footprints {
  readonly actions: readonly Footprint[];
  readonly invariants: readonly Footprint[];
  readonly witnesses: readonly Footprint[];
  readonly stepProperties: readonly Footprint[];
}

/** The footprint of what is not compiled. */
export function everything(layout: Layout): Footprint {
  const all = new Set(layout.leaves);
  return { reads: all, writes: all };
}
