/** The designs that the command knows, and how names lead to them. */
import type { Design, Scenario } from "../checker/model/design.ts";
import type { Scope } from "../checker/model/model.ts";
import { getNearestName } from "../checker/errors.ts";
import { usageError } from "./exit-codes.ts";

export interface Registry {
  /** What the designs were built from, in a digest; absent: nobody knows, and nothing is kept of them. */
  readonly builtFrom?: string | null;
  /** The designs of DMA isolation. */
  readonly designs: readonly Design[];
  /** Small models that pin the engine: checked like any other design, and left out of the verdict table. */
  readonly examples: readonly Design[];
  /** Designs without one of their mechanisms: found by name like any other, run together by `teeth`. */
  readonly weakenings: readonly WeakenedDesign[];
  /** Mutants that make no difference, with the reason, by `design: name of the mutant`. */
  readonly equivalentMutants: Readonly<Record<string, string>>;
  /** What no scenario does, with the reason, by `design: call: node`. */
  readonly explainedGaps: Readonly<Record<string, string>>;
}

/** A design that lacks a mechanism, and what it is expected to break. */
export interface WeakenedDesign {
  readonly design: Design;
  /** What it does otherwise, in words. */
  readonly name: string;
  /** M01 .. M76. */
  readonly mechanism: string;
  /** What becomes possible, in a sentence. */
  readonly attack: string;
  /** The properties that are to break; none where `survives` says why. */
  readonly breaks: readonly string[];
  readonly survives: string | null;
}

/** A design on a scenario in a size: what one run checks. */
export interface Target {
  readonly design: Design;
  readonly scenario: Scenario;
  readonly size: string;
  readonly scope: Scope;
}

/** The size that is run where none is asked for, if the scenario has it; otherwise its first. */
export const defaultSize = "tiny";

/** Finds a target by its names. Throws a usage error that suggests the nearest name. */
export function findTarget(
  registry: Registry,
  names: {
    readonly design: string;
    readonly scenario?: string | undefined;
    readonly size?: string | undefined;
  },
): Target {
  const weakened = registry.weakenings.map(({ design }) => design);
  const known = [...registry.designs, ...registry.examples];
  const design =
    weakened.find(({ name }) => name === names.design) ?? findByName("design", names.design, known);
  const scenarioName = names.scenario ?? design.defaultScenario;
  const scenario = findByName(`scenario of ${design.name}`, scenarioName, design.scenarios);
  const sizes = Object.keys(scenario.sizes);
  const size = names.size ?? (sizes.includes(defaultSize) ? defaultSize : sizes[0]);
  requireKnown(`size of ${design.name} ${scenario.name}`, size, sizes);
  return { design, scenario, size, scope: scenario.sizes[size] };
}

function findByName<T extends { readonly name: string }>(what: string, name: string, known: readonly T[]): T {
  const names = known.map((of) => of.name);
  requireKnown(what, name, names);
  return known[names.indexOf(name)];
}

/** Throws a usage error that suggests the nearest of the known names. */
export function requireKnown(what: string, name: string, known: readonly string[]): void {
  if (known.includes(name)) return;
  const near = getNearestName(name, known);
  const list = known.length === 0 ? "there are none" : `there are: ${known.join(", ")}`;
  throw usageError(
    `there is no ${what} "${name}"`,
    near === undefined ? list : `did you mean "${near}"? (${list})`,
  );
}
