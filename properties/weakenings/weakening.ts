/**
 * Weakenings: a design without one of its mechanisms. Each says which attack it opens and which properties are
 * to notice; `dmaspec teeth` runs them all. A property that no weakening breaks has shown nothing.
 */
import {
  type Design,
  edit,
  type Edit,
  type Model,
  type Procedure,
  type Scenario,
} from "../../checker/index.ts";
import { buildMachine } from "../../model/build.ts";
import { pvHypercalls } from "../../model/designs/pv.ts";
import type { Machine } from "../../model/machine.ts";
import { secrets } from "../../model/scenarios/secrets.ts";
import { withProperties } from "../index.ts";

/** One edit of a design that takes a mechanism away. */
export interface Weakening {
  /** What the weakened design does, as one says it: unique. */
  readonly name: string;
  /** The mechanism that is taken away, M01 .. M76. */
  readonly mechanism: string;
  /** The attack that this opens, in a sentence. */
  readonly attack: string;
  /** The edits, by the name of the hypercall. */
  readonly edits: Readonly<Record<string, Edit<Machine>>>;
  /** The design that has the mechanism; absent: pv. */
  readonly base?: WeakenedDesign;
  /** Where the attack shows, at `tiny`. */
  readonly scenario: Scenario;
  /** The properties that are to break, the one to be expected first. Empty only where `survives` says why. */
  readonly breaks: readonly string[];
  /** Why nothing breaks, though the mechanism is gone. */
  readonly survives?: string;
}

/** A design that weakenings are edits of. */
export interface WeakenedDesign {
  readonly name: string;
  readonly hypercalls: readonly Procedure<Machine>[];
}

const pv: WeakenedDesign = { name: "pv", hypercalls: pvHypercalls };

/** The design that a weakening is an edit of. */
export function baseOf(weakening: Weakening): WeakenedDesign {
  return weakening.base ?? pv;
}

/** The weakened design, with all properties. Throws where an edit does not apply. */
export function buildWeakened(weakening: Weakening): Model<Machine> {
  const { name, hypercalls } = baseOf(weakening);
  const unknown = Object.keys(weakening.edits).find((call) => !hypercalls.some((of) => of.name === call));
  if (unknown !== undefined) throw new Error(`${weakening.name}: ${name} has no hypercall "${unknown}"`);
  const weakened = hypercalls.map((call) => {
    const change = weakening.edits[call.name];
    return change === undefined ? call : edit(call, change);
  });
  const machine = buildMachine(`${name}, weakened`, `${name}, but ${weakening.name}.`, weakened);
  return withProperties(machine);
}

/** The weakened design as one that the command can check: first on the scenario in which its attack shows. */
export function designOf(weakening: Weakening): Design {
  const { name, scenario } = weakening;
  return {
    name: `${baseOf(weakening).name}~${name.replaceAll(/\W+/g, "-")}`,
    meaning: `${baseOf(weakening).name}, but ${name}. ${weakening.attack}`,
    claimsToHold: false,
    defaultScenario: scenario.name,
    // What the host could learn is asked of every design (`noninterference`).
    scenarios: scenario === secrets ? [scenario] : [scenario, secrets],
    build: () => buildWeakened(weakening),
  };
}
