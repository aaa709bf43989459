/** The bounds of the versions whose domains have lists of the SMMUs that they are attached to. */
import type { Scenario } from "../../checker/index.ts";

/** The scenario where domains have lists of SMMUs: with their lock, wherever devices are attached and detached. */
export function overLists(scenario: Scenario): Scenario {
  const sizes = Object.entries(scenario.sizes).map(([size, scope]) => [
    size,
    scope.bounds.lifetime > 0 ? { ...scope, bounds: { ...scope.bounds, list: 1 } } : scope,
  ]);
  return { ...scenario, sizes: Object.fromEntries(sizes) };
}
