/**
 * What a search is asked and what it answers. Strategies (breadth-first, simulation) share both.
 */
import { ModelError } from "../errors.ts";
import type { Deadlock } from "../evaluate/evaluator.ts";
import type { Checkpoints } from "./checkpoint.ts";
import type { Spill } from "./spill.ts";

/** Why a search ended. Only `exhausted` has seen every reachable state. */
export type Ending =
  | "exhausted"
  | "violated"
  | "max-states"
  | "max-depth"
  | "memory"
  | "max-seconds"
  | "interrupted"
  | "walks-done";

/** Whether a search that ended so has more to do. */
export function hasMoreToDo(ending: Ending): boolean {
  return !["exhausted", "violated", "walks-done"].includes(ending);
}

export interface SearchOptions {
  /** How many action instances the model has: the length of `taken`. */
  readonly instances: number;
  /** How many witness instances the model has: the length of `witnesses`. */
  readonly witnesses: number;
  /** `true`: stop at the end of the layer with the first violation. `false`: go on past violating states. */
  readonly stopAtViolation: boolean;
  readonly maxStates?: number;
  /** With more states than so many it ends after a layer, as at `maxStates`; the engine wasm alone looks at it. */
  readonly maxStatesOfLayers?: number;
  /** Steps from an initial state. */
  readonly maxDepth?: number;
  /** Bytes of table and frontier together. */
  readonly maxMemory?: number;
  /** Where the frontier goes when memory ends; otherwise the search ends then. */
  readonly spill?: Spill;
  /** Keep 64 bits of each state, not all of it: two states may then be taken for one. */
  readonly fingerprints?: boolean;
  /** Note from where each state was found: 8 bytes for each, and no second search for the paths. */
  readonly keepOrigins?: boolean;
  readonly maxSeconds?: number;
  /** Where the search is kept from time to time, and what it goes on from. */
  readonly checkpoints?: Checkpoints | undefined;
  /** Called once, when the first states are in the table, or a search that goes on has taken up what was kept. */
  readonly onFirstStates?: () => void;
  /** Called about once a second. */
  readonly onProgress?: (progress: Progress) => void;
  /** Asked often; `true` ends the search cleanly. */
  readonly isInterrupted?: () => boolean;
}

export interface Progress {
  readonly depth: number;
  readonly states: number;
  readonly transitions: number;
  readonly seconds: number;
  /** States found and not yet expanded. */
  readonly queue: number;
  readonly memoryBytes: number;
}

/** A way through the model: an initial state (by its place) and the ids of the action instances taken. */
export interface Path {
  readonly initial: number;
  readonly instances: readonly number[];
}

/** One property instance's first (so shortest, where the search is breadth-first) violation. */
export interface Violation {
  readonly kind: "invariant" | "step" | "deadlock";
  /** The id of the property instance; -1 for a deadlock. */
  readonly property: number;
  readonly path: Path;
  readonly deadlock?: Deadlock;
}

export interface SearchResult {
  readonly ending: Ending;
  readonly states: number;
  readonly transitions: number;
  /** The last complete depth: all states within so many steps, and all steps to them, were found and checked. */
  readonly depth: number;
  readonly seconds: number;
  /** Order-independent digest of the set of states seen: 16 hexadecimal digits. */
  readonly digest: string;
  /** At most one for each property instance, in the order found. */
  readonly violations: readonly Violation[];
  /** By id of the witness instance: how many steps away the first state is that shows it, or null. */
  readonly witnesses: readonly ({ readonly length: number } | null)[];
  /** For every instance id: how often it was taken (a count of transitions). */
  readonly taken: Float64Array;
  /** A bound on the probability that a state was taken for another one and left out; absent: 0. */
  readonly omissionProbability?: number;
  /** Bytes of the state table, and of table and frontier together, at the end. */
  readonly tableBytes: number;
  readonly totalBytes: number;
  /** The most memory that the process was seen to have, all of it counted. */
  readonly peakMemoryBytes: number;
}

/** An error of the model that came up during a search, with the way to the state in which it did. */
export interface LocatedModelError extends ModelError {
  readonly path: Path;
}

export function isLocatedModelError(error: unknown): error is LocatedModelError {
  return error instanceof ModelError && "path" in error;
}

/** The error to throw for what was caught: an error of the model is given its path. */
export function locateError(error: unknown, path: () => Path): unknown {
  if (!(error instanceof ModelError) || isLocatedModelError(error)) return error;
  return Object.assign(error, { path: path() });
}
