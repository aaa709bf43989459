/** What the page asks of its engine, and what it is told. Everything here goes through `postMessage`. */
import type { TraceArguments } from "../../checker/trace/format.ts";
import type { Change, PlainValue } from "../../checker/trace/plain.ts";
import type { Role } from "../../checker/trace/why/slice.ts";

/** Which model, in which bounds, with what switched off. */
export interface Target {
  readonly design: string;
  readonly scenario: string;
  readonly size: string;
  readonly powersOff: readonly string[];
  readonly assumptionsOff: readonly string[];
}

/** A schedule: the place of its initial state, and the ids of the actions taken. */
export interface Route {
  readonly target: Target;
  readonly initial: number;
  readonly path: readonly number[];
}

/** What the property of a trace says, so that it is looked at first. */
export interface Claim {
  readonly kind: "invariant" | "step" | "deadlock" | "witness" | "outcome";
  readonly name: string;
  readonly args: TraceArguments;
}

/** A property that a state, or the step to it, breaks; or a witness that a trace shows. */
export interface Broken extends Claim {
  /** The property with its arguments, in words. */
  readonly title: string;
  readonly sentence: string;
  readonly explanation: string;
}

/** One process in one state. */
export interface LaneStatus {
  readonly lane: string;
  /** The step before which it is; `null`: in no call. */
  readonly label: string | null;
  readonly locks: readonly string[];
}

export interface TimelineStep {
  readonly id: number;
  readonly lane: string;
  /** The action with its arguments and its outcome. */
  readonly told: string;
  readonly name: string;
  readonly outcome: string;
  /** The function of the source that the step mirrors, and the version; null: none, or it is a lock's. */
  readonly mirrors: string | null;
  /** The same where it is another one than that of the lane's step before; null elsewhere. */
  readonly enters: string | null;
  readonly changes: readonly Change[];
  /** The changes without those that every step has. */
  readonly visible: readonly Change[];
  readonly role: Role;
  readonly needs: readonly { readonly place: string; readonly by: number | null }[];
}

/** A state on the way; the first is the initial one. */
export interface TimelineState {
  readonly state: PlainValue;
  readonly lanes: readonly LaneStatus[];
  readonly broken: readonly Broken[];
}

export interface Timeline {
  readonly meaning: string;
  readonly initialNames: readonly string[];
  readonly modelDigest: string;
  readonly lanes: readonly string[];
  readonly steps: readonly TimelineStep[];
  readonly states: readonly TimelineState[];
  /** What happens, in sentences, where the route ends at a violation; else none. */
  readonly story: readonly string[];
  /** Why the route ends before its end: a step that cannot be taken; `null` where all of it was taken. */
  readonly stopped: string | null;
}

export interface Choice {
  readonly id: number;
  readonly lane: string;
  readonly told: string;
}

/** A choice that cannot be taken, and why not. */
export interface Refused {
  readonly lane: string;
  readonly told: string;
  readonly because: string;
}

export interface Choices {
  readonly enabled: readonly Choice[];
  readonly refused: readonly Refused[];
}

/** Until when to run. */
export type Until =
  | { readonly kind: "broken"; readonly name: string }
  | { readonly kind: "witness"; readonly name: string }
  | { readonly kind: "place"; readonly place: string; readonly is: string };

/** The nearest schedule that does not fail. */
export interface Safe {
  /** What is done otherwise, and what comes of it, or why there is no such schedule; `null`: nothing fails. */
  readonly told: string | null;
  /** The ids of its actions; `null` where there is none. */
  readonly path: readonly number[] | null;
}

export interface RunResult {
  /** The ids of the further actions; `null` where there is no way, or none was found within the limits. */
  readonly path: readonly number[] | null;
  readonly states: number;
  /** Was everything tried that can be reached from here? */
  readonly exhausted: boolean;
}

/** What can be looked at and run to, for the page's menus. */
export interface Catalogue {
  readonly designs: readonly {
    readonly name: string;
    readonly meaning: string;
    readonly defaultScenario: string;
    readonly scenarios: readonly { readonly name: string; readonly sizes: readonly string[] }[];
  }[];
}

export interface Names {
  readonly properties: readonly string[];
  readonly witnesses: readonly string[];
}

export type Request =
  | { readonly op: "catalogue" }
  | { readonly op: "names"; readonly target: Target }
  | { readonly op: "timeline"; readonly route: Route; readonly claim: Claim | null }
  | { readonly op: "choices"; readonly route: Route }
  | { readonly op: "safe"; readonly route: Route; readonly claim: Claim | null }
  | { readonly op: "run"; readonly route: Route; readonly until: Until };

export interface Answers {
  readonly catalogue: Catalogue;
  readonly names: Names;
  readonly timeline: Timeline;
  readonly choices: Choices;
  readonly safe: Safe;
  readonly run: RunResult;
}

export interface Envelope {
  readonly n: number;
  readonly request: Request;
}

export type Reply =
  | { readonly n: number; readonly answer: Answers[keyof Answers] }
  | { readonly n: number; readonly error: string };

/** What the command puts into a page. */
export interface Embedded {
  readonly version: string;
  readonly route: Route;
  readonly claim: Claim | null;
}
