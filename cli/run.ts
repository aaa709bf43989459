/** One run: a design on a scenario, put into its bounds, searched, and its result replayed and judged. */
import { ModelError } from "../checker/errors.ts";
import { deadlockProperty, type Instance, instantiate, type Model } from "../checker/model/model.ts";
import { computeModelDigest } from "../checker/model/digest.ts";
import { isLocatedModelError, type SearchOptions } from "../checker/search/result.ts";
import type { EngineChoice } from "./engines.ts";
import { watchPanics } from "./availability.ts";
import { exitCodes, ReportedError } from "./exit-codes.ts";
import type { LimitFlags, ReduceChoice, ReduceFlags, SearchFlags, TargetFlags } from "./flags.ts";
import { findTarget, type Registry, requireKnown, type Target } from "./registry.ts";
import { tellSteps } from "./tell-steps.ts";

// The state is known by names only.
// oxlint-disable-next-line no-explicit-any
export type AnyInstance = Instance<any>;
// oxlint-disable-next-line no-explicit-any
type AnyModel = Model<any>;

/** A run before its search. */
export interface Preparation {
  readonly target: Target;
  /** The design's model, as it declares itself. */
  readonly declared: AnyModel;
  /** The instance that is searched: the properties asked for, and the panics watched for. */
  readonly instance: AnyInstance;
  readonly engine: EngineChoice;
  /** Threads, where somebody says how many. */
  readonly workers: number | undefined;
  /** The reductions asked for. */
  readonly reduce: ReduceChoice;
  readonly modelDigest: string;
  /** All that the compiled instance depends on, as a text; null where that is not known. */
  readonly identity: string | null;
  readonly powersOff: readonly string[];
  readonly assumptionsOff: readonly string[];
  /** The only property looked at, or `null` for all that belong to the scenario. */
  readonly property: string | null;
}

/** Finds what the flags name and puts it into its bounds. Throws usage errors and errors of the model. */
export function prepareRun(
  registry: Registry,
  flags: TargetFlags & Partial<Pick<SearchFlags, "engine" | "property" | "workers"> & ReduceFlags>,
): Preparation {
  const target = findTarget(registry, flags);
  const declared: AnyModel = target.design.build();
  const powersOff = distinct([...(target.scope.powersOff ?? []), ...(flags.power ?? [])]);
  const assumptionsOff = distinct([...(target.scope.assumptionsOff ?? []), ...(flags.assume ?? [])]);
  for (const name of flags.power ?? []) requireKnown("power", name, Object.keys(declared.powers));
  for (const name of flags.assume ?? []) requireKnown("assumption", name, Object.keys(declared.assumptions));
  const without = propertiesLeftOut(declared, target, flags.property);
  const watched = watchPanics(declared);
  const searched = without.includes(deadlockProperty) ? { ...watched, deadlock: "none" as const } : watched;
  const instance = instantiate(searched, { ...target.scope, powersOff, assumptionsOff, without });
  const modelDigest = computeModelDigest(instance, declared);
  const { builtFrom = null } = registry;
  const identity =
    builtFrom === null
      ? null
      : JSON.stringify([builtFrom, target.design.name, instance.scope, searched.deadlock, modelDigest]);
  return {
    target,
    declared,
    instance,
    engine: flags.engine ?? "auto",
    workers: flags.workers,
    reduce: flags.reduce ?? "none",
    modelDigest,
    identity,
    powersOff,
    assumptionsOff,
    property: flags.property ?? null,
  };
}

function distinct(names: readonly string[]): string[] {
  return [...new Set(names)];
}

/** The names of a model's properties, witnesses apart. */
export function propertyNames({ invariants, stepProperties, deadlock }: AnyModel): string[] {
  const names = [...invariants, ...stepProperties].map((property) => property.name);
  return deadlock === "none" ? names : [...names, deadlockProperty];
}

function propertiesLeftOut(model: AnyModel, { scenario, scope }: Target, only: string | undefined): string[] {
  const left = [...(scope.without ?? [])];
  if (only === undefined) return left;
  const all = propertyNames(model);
  const applicable = all.filter((name) => !left.includes(name));
  requireKnown(`property of ${model.name} on ${scenario.name}`, only, applicable);
  return distinct([...left, ...all.filter((name) => name !== only)]);
}

/** The limits of a search, as the strategies want them. */
export function limitsOf(flags: LimitFlags): Partial<SearchOptions> {
  return {
    ...(flags.maxStates === undefined ? {} : { maxStates: flags.maxStates }),
    ...(flags.maxDepth === undefined ? {} : { maxDepth: flags.maxDepth }),
    ...(flags.memory === undefined ? {} : { maxMemory: flags.memory }),
    ...(flags.maxSeconds === undefined ? {} : { maxSeconds: flags.maxSeconds }),
  };
}

/** Runs a search or a part of it; an error of the model that it ran into is told with the steps that lead there. */
export async function runSearch<T>({ instance }: Preparation, search: () => Promise<T>): Promise<T> {
  try {
    return await search();
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    const steps = isLocatedModelError(error) ? tellSteps(instance, error.path) : "";
    const what = `the model ${instance.model.name} is at fault: [${error.code}] ${error.what}${steps}`;
    throw new ReportedError(exitCodes.internal, what, error.remedy, { cause: error });
  }
}
