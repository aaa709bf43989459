/**
 * Designs and scenarios: what a registry of models offers. A design is a model to be checked; a scenario is
 * the bounds in which it is, in several sizes.
 */
import type { Model, Scope } from "./model.ts";

/** Bounds with a name, in sizes: `tiny` takes seconds, `paper` minutes. */
export interface Scenario {
  readonly name: string;
  /** One sentence: what it can show, and what it cannot. */
  readonly sentence: string;
  readonly sizes: Readonly<Record<string, Scope>>;
}

// A registry holds designs whose states differ.
// oxlint-disable-next-line no-explicit-any
export type AnyModel = Model<any>;

export interface Design {
  readonly name: string;
  /** One sentence: what is modelled, or how it differs from what it is an edit of. */
  readonly meaning: string;
  /** Does the design claim that all its properties hold? Then a violation is an error of the design. */
  readonly claimsToHold: boolean;
  readonly defaultScenario: string;
  readonly scenarios: readonly Scenario[];
  build(): AnyModel;
}
