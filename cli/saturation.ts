/**
 * Saturation: what new behaviour appears when a scenario has one more of something. Bounds are believed where nothing
 * new comes with more; where something does, they are too narrow to speak for larger ones.
 */
import { createCompiled } from "../checker/compile/compiled.ts";
import { ModelError } from "../checker/errors.ts";
import { type Bounds, breadthFirst, type Design, instantiate, type Scope } from "../checker/index.ts";

/** The bounds that are grown, one at a time. */
export const grownBounds = ["cpu", "page", "domain", "device"] as const;

export interface Growth {
  readonly bound: (typeof grownBounds)[number];
  readonly from: number;
  /** Steps that are taken with one more, and not without. */
  readonly fresh: readonly string[];
  /** Was the larger space searched to its end? */
  readonly exhaustive: boolean;
  readonly states: number;
  /** Why it could not be grown; then nothing else says anything. */
  readonly refused: string | null;
}

/** What goes with a bound: a domain has a lifetime where the first has one, a device a stream. */
const goesWith: Readonly<Record<string, readonly string[]>> = {
  domain: ["lifetime"],
  device: ["stream"],
};

function grow(bounds: Bounds, bound: string): Bounds {
  const more = [bound, ...(goesWith[bound] ?? []).filter((name) => bounds[name] > 0)];
  return { ...bounds, ...Object.fromEntries(more.map((name) => [name, bounds[name] + 1])) };
}

/** The names of the steps that a search takes. */
async function stepsTaken(design: Design, scope: Scope, maxStates: number, isInterrupted: () => boolean) {
  const of = instantiate(design.build(), scope);
  const { taken, ending, states } = await breadthFirst(createCompiled(of), {
    instances: of.instances.length,
    witnesses: of.witnesses.length,
    stopAtViolation: false,
    maxStates,
    isInterrupted,
  });
  const names = of.instances.filter(({ id }) => taken[id] > 0).map(({ action }) => action.name);
  return { names: new Set(names), exhaustive: ending === "exhausted", states };
}

/** Grows each bound that the scope has. `maxStates` limits each search. */
export async function computeSaturation(
  design: Design,
  scope: Scope,
  maxStates: number,
  isInterrupted: () => boolean,
): Promise<Growth[]> {
  const base = await stepsTaken(design, scope, maxStates, isInterrupted);
  const growths: Growth[] = [];
  for (const bound of grownBounds) {
    const from = scope.bounds[bound] ?? 0;
    if (from === 0) continue;
    try {
      const larger = { ...scope, bounds: grow(scope.bounds, bound) };
      // oxlint-disable-next-line no-await-in-loop
      const { names, exhaustive, states } = await stepsTaken(design, larger, maxStates, isInterrupted);
      const fresh = [...names].filter((name) => !base.names.has(name)).sort();
      growths.push({ bound, from, fresh, exhaustive, states, refused: null });
    } catch (error) {
      // A scenario may name its CPUs one by one, or have no room for one more.
      const refused = error instanceof ModelError ? error.what : "the scenario says what each one does";
      growths.push({ bound, from, fresh: [], exhaustive: false, states: 0, refused });
    }
  }
  return growths;
}
