/**
 * A design: a model under a name, with the scenarios in which it is checked. What the command lists and runs.
 */
import type { Model, Scope } from "./model.ts";

/** A question asked of a design: the bounds, in one or more sizes, and what belongs to them. */
export interface Scenario {
  readonly name: string;
  /** One sentence: what is tried. */
  readonly sentence: string;
  /** The scope of each size, the smallest first: `tiny` (seconds), `paper` (minutes), `soak`. */
  readonly sizes: Readonly<Record<string, Scope>>;
}

export interface Design {
  readonly name: string;
  /** One sentence: what is designed, and after what. */
  readonly meaning: string;
  /** Does the design claim that its properties hold? A posting that is modelled literally claims nothing. */
  readonly claimsToHold: boolean;
  /** The name of the scenario that is run where none is asked for. */
  readonly defaultScenario: string;
  readonly scenarios: readonly Scenario[];
  /** Builds the model. Its state type is its own business. */
  // oxlint-disable-next-line no-explicit-any
  build(): Model<any>;
}
