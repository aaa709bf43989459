/** What a search found violated, for tests. */
import { deadlockProperty, type Instance, type SearchResult } from "../index.ts";

/** The violated properties by name, each with the length of its shortest counterexample. */
export function violatedLengths<S>(of: Instance<S>, { violations }: SearchResult): Map<string, number> {
  const lengths = new Map<string, number>();
  for (const { kind, property, path } of violations) {
    const families = kind === "step" ? of.stepProperties : of.invariants;
    const name = kind === "deadlock" ? deadlockProperty : families[property].property.name;
    lengths.set(name, Math.min(lengths.get(name) ?? Infinity, path.instances.length));
  }
  return lengths;
}
