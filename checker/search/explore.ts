/** The search in one call, for those who write models: packed states, breadth first, every state. */
import { createPacked } from "../evaluate/packed.ts";
import type { Instance } from "../model/model.ts";
import { breadthFirst } from "./breadth-first.ts";
import type { SearchOptions, SearchResult } from "./result.ts";

/** Explores an instance; by default past violating states, until every reachable state is seen. */
export function explore<S>(
  of: Instance<S>,
  options: Partial<Omit<SearchOptions, "instances" | "witnesses">> = {},
): Promise<SearchResult> {
  return breadthFirst(createPacked(of), {
    stopAtViolation: false,
    ...options,
    instances: of.instances.length,
    witnesses: of.witnesses.length,
  });
}
