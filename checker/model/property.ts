/**
 * Properties: a sentence first, then the formula. A property is a family with one instance for each choice
 * of its parameters, so that a violation names its culprits.
 */
import type { Bounds } from "../schema/shape.ts";
import type { AnyArgs, ArgsOf, Params, Setting } from "./rule.ts";

/** What must hold in every reachable state. */
export interface Invariant<S> {
  readonly kind: "invariant";
  readonly name: string;
  readonly sentence: string;
  readonly params: Params;
  holds(s: S, args: AnyArgs, setting: Setting): boolean;
  /** The violation in words, with its values. */
  explain?(s: S, args: AnyArgs, setting: Setting): string;
  /** Where the property says something. That such a state is reached is a witness: without it a run is vacuous. */
  premise?(s: S, args: AnyArgs, setting: Setting): boolean;
  /** A breach of it leads to no breach of another one: it is the cause of no other finding. */
  readonly standsAlone?: boolean;
  /** The SeKVM invariant with the same meaning. */
  readonly sekvm?: string;
}

/** The step that a step property looks at. */
export interface TakenStep {
  readonly action: string;
  readonly args: AnyArgs;
  readonly outcome: string;
}

/** What must hold of every step: of the state before it and the state after it. */
export interface StepProperty<S> {
  readonly kind: "step";
  readonly name: string;
  readonly sentence: string;
  readonly params: Params;
  holds(before: S, after: S, step: TakenStep, args: AnyArgs, setting: Setting): boolean;
  explain?(before: S, after: S, step: TakenStep, args: AnyArgs, setting: Setting): string;
  /** A breach of it leads to no breach of another one: it is the cause of no other finding. */
  readonly standsAlone?: boolean;
  readonly sekvm?: string;
}

/** What must be reachable: a run that never gets there has shown less than it seems to. */
export interface Witness<S> {
  readonly kind: "witness";
  readonly name: string;
  readonly sentence: string;
  readonly params: Params;
  /** Does this state show it, for these arguments? One instance that does is enough. */
  holds(s: S, args: AnyArgs, setting: Setting): boolean;
  /** But each of them is told: they are witnesses of their own under one name. */
  readonly isEachTold?: true;
}

/** What is secret, and from whom it is hidden: what two runs may differ in without anybody's noticing. */
export interface Secrecy<S> {
  readonly sentence: string;
  /** The fields that can be hidden, by the beginning of their path, as `pages[2].contents`. Is it hidden now? */
  hidden(bounds: Bounds): readonly { readonly path: string; readonly isHidden: (s: S) => boolean }[];
  /** The arguments, by name, in which one step of the two runs may differ: the values of secrets. */
  readonly secretArguments: readonly string[];
}

/** A property's texts and formulas, as the functions below take them. */
interface InvariantBody<S, A> {
  readonly sentence: string;
  readonly holds: (s: S, args: A, setting: Setting) => boolean;
  readonly explain?: (s: S, args: A, setting: Setting) => string;
  readonly premise?: (s: S, args: A, setting: Setting) => boolean;
  readonly standsAlone?: boolean;
  readonly sekvm?: string;
}

export function invariant<S, P extends Params>(
  name: string,
  params: P,
  body: InvariantBody<S, ArgsOf<P>>,
): Invariant<S> {
  return { kind: "invariant", name, params, ...(body as unknown as InvariantBody<S, AnyArgs>) };
}

interface StepPropertyBody<S, A> {
  readonly sentence: string;
  readonly holds: (before: S, after: S, step: TakenStep, args: A, setting: Setting) => boolean;
  readonly explain?: (before: S, after: S, step: TakenStep, args: A, setting: Setting) => string;
  readonly standsAlone?: boolean;
  readonly sekvm?: string;
}

export function stepProperty<S, P extends Params>(
  name: string,
  params: P,
  body: StepPropertyBody<S, ArgsOf<P>>,
): StepProperty<S> {
  return { kind: "step", name, params, ...(body as unknown as StepPropertyBody<S, AnyArgs>) };
}

interface WitnessBody<S, A> {
  readonly sentence: string;
  readonly holds: (s: S, args: A, setting: Setting) => boolean;
  readonly isEachTold?: true;
}

export function witness<S, P extends Params>(
  name: string,
  params: P,
  body: WitnessBody<S, ArgsOf<P>>,
): Witness<S> {
  return { kind: "witness", name, params, ...(body as unknown as WitnessBody<S, AnyArgs>) };
}
