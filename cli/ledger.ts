/** What the assurance ledger is put together from: searches of designs, of weakenings, and without assumptions. */
import { createCompiled } from "../checker/compile/compiled.ts";
import { ModelError } from "../checker/errors.ts";
import { breadthFirst } from "../checker/search/breadth-first.ts";
import type { Verdict } from "./exit-codes.ts";
import { type Judgement, judge } from "./judge.ts";
import type { Registry } from "./registry.ts";
import { prepareRun } from "./run.ts";
import { computeSaturation, type Growth } from "./saturation.ts";
import type { LedgerOutput } from "./schemas.ts";

export interface LedgerLimits {
  /** States of one search of a design that does not claim to hold, of a weakening, or without an assumption. */
  readonly maxStates: number;
  readonly isInterrupted: () => boolean;
  readonly onProgress: (doing: string) => void;
}

interface Run {
  readonly scenario: string;
  readonly judgement: Judgement;
  readonly states: number;
}

/** As `runOne`, of what may be no sound model: null where a step meets what it cannot do, which is no verdict. */
async function tryOne(...args: Parameters<typeof runOne>): Promise<Run | null> {
  try {
    return await runOne(...args);
  } catch (error) {
    if (error instanceof ModelError) return null;
    throw error;
  }
}

/** Searches past violations; a design that claims to hold has no limit. */
async function runOne(
  registry: Registry,
  of: { readonly design: string; readonly scenario: string; readonly assume?: readonly string[] },
  limits: LedgerLimits,
  maxStates: number | null,
): Promise<Run> {
  const run = prepareRun(registry, of);
  const { instance } = run;
  const result = await breadthFirst(createCompiled(instance), {
    instances: instance.instances.length,
    witnesses: instance.witnesses.length,
    stopAtViolation: false,
    ...(maxStates === null ? {} : { maxStates }),
    isInterrupted: limits.isInterrupted,
  });
  return { scenario: of.scenario, judgement: judge(instance, result), states: result.states };
}

function violatedIn({ judgement }: Run): string[] {
  return judgement.properties.filter(({ verdict }) => verdict === "violated").map(({ name }) => name);
}

/** The ledger of a design that claims to hold. Takes minutes. */
export async function computeLedger(
  registry: Registry,
  name: string,
  limits: LedgerLimits,
): Promise<Omit<LedgerOutput, "schema" | "reproduce" | "mutants">> {
  const design = registry.designs.find((of) => of.name === name);
  if (design === undefined) throw new Error(`no design ${name}`);
  const scenarios = design.scenarios.map((scenario) => scenario.name);
  const own: Run[] = [];
  const digests: Record<string, string> = {};
  const growths: Record<string, readonly Growth[]> = {};
  for (const scenario of scenarios) {
    limits.onProgress(`${name} on ${scenario}`);
    digests[scenario] = prepareRun(registry, { design: name, scenario }).modelDigest;
    own.push(await runOne(registry, { design: name, scenario }, limits, null));
    limits.onProgress(`${name} on ${scenario}, with one more`);
    const { scope } = prepareRun(registry, { design: name, scenario }).target;
    growths[scenario] = await computeSaturation(design, scope, limits.maxStates, limits.isInterrupted);
  }
  const others: { design: string; run: Run }[] = [];
  for (const other of registry.designs.filter((of) => of !== design)) {
    for (const scenario of other.scenarios) {
      limits.onProgress(`${other.name} on ${scenario.name}`);
      const of = { design: other.name, scenario: scenario.name };
      const run = await tryOne(registry, of, limits, limits.maxStates);
      if (run !== null) others.push({ design: other.name, run });
    }
  }
  const bites: { weakening: string; mechanism: string; broken: readonly string[]; isWhole: boolean }[] = [];
  for (const { design: weakened, name: weakening, mechanism } of registry.weakenings) {
    limits.onProgress(weakening);
    const [scenario] = weakened.scenarios;
    const run = await tryOne(
      registry,
      { design: weakened.name, scenario: scenario.name },
      limits,
      limits.maxStates,
    );
    const isWhole = run?.judgement.exhaustive ?? false;
    bites.push({ weakening, mechanism, broken: run === null ? [] : violatedIn(run), isWhole });
  }
  const assumptions: { name: string; sentence: string; broken: Map<string, string> }[] = [];
  for (const [assumption, sentence] of Object.entries(design.build().assumptions)) {
    const broken = new Map<string, string>();
    for (const scenario of scenarios) {
      limits.onProgress(`${name} on ${scenario} without ${assumption}`);
      const of = { design: name, scenario, assume: [assumption] };
      const run = await tryOne(registry, of, limits, limits.maxStates);
      for (const property of run === null ? [] : violatedIn(run))
        if (!broken.has(property)) broken.set(property, scenario);
    }
    assumptions.push({ name: assumption, sentence, broken });
  }
  const properties = new Map<string, string>();
  for (const { judgement } of own)
    for (const property of judgement.properties) properties.set(property.name, property.sentence);
  return {
    design: name,
    scenarios: own.map(({ scenario, judgement, states }) => ({
      name: scenario,
      modelDigest: digests[scenario],
      verdict: judgement.verdict,
      exhaustive: judgement.exhaustive,
      states,
      bounds: { ...prepareRun(registry, { design: name, scenario }).target.scope.bounds },
      witnesses: judgement.witnesses.filter(({ reached }) => reached).map((witness) => witness.name),
      saturation: growths[scenario].map((growth) => ({ ...growth, fresh: [...growth.fresh] })),
    })),
    assumptions: assumptions.map(({ name: assumption, sentence, broken }) => ({
      name: assumption,
      sentence,
      carries: [...broken].map(([property, scenario]) => ({ property, scenario })),
    })),
    properties: [...properties].map(([property, sentence]) => ({
      name: property,
      sentence,
      verdict: worst(own.flatMap((run) => verdictOf(run, property))),
      scenarios: own.flatMap((run) => (verdictOf(run, property).length > 0 ? [run.scenario] : [])),
      brokenBy: others.flatMap(({ design: other, run }) =>
        run.judgement.properties.flatMap(({ name: broken, violation }) =>
          broken === property && violation !== null
            ? [{ design: other, scenario: run.scenario, length: violation.path.instances.length }]
            : [],
        ),
      ),
      weakenings: bites
        .filter(({ broken }) => broken.includes(property))
        .map(({ weakening, mechanism, broken, isWhole }) => ({
          name: weakening,
          mechanism,
          alone: isWhole && broken.length === 1,
        })),
      impliedBy: findImpliedBy(
        property,
        bites.map(({ broken }) => broken),
      ),
      restsOn: assumptions.filter(({ broken }) => broken.has(property)).map((of) => of.name),
    })),
  };
}

/**
 * Properties that together notice all that this one notices: first the one that notices most of it, and so on. Empty
 * where it alone notices something, or nothing.
 */
function findImpliedBy(property: string, bites: readonly (readonly string[])[]): string[] {
  let open = bites.filter((broken) => broken.includes(property));
  const chosen: string[] = [];
  while (open.length > 0) {
    const votes = new Map<string, number>();
    for (const other of open.flat()) if (other !== property) votes.set(other, (votes.get(other) ?? 0) + 1);
    const [best] = [...votes].toSorted(([a, m], [b, n]) => n - m || a.localeCompare(b));
    if (best === undefined) return [];
    const [name] = best;
    chosen.push(name);
    open = open.filter((broken) => !broken.includes(name));
  }
  return chosen;
}

function verdictOf({ judgement }: Run, property: string): Verdict[] {
  return judgement.properties.filter(({ name }) => name === property).map(({ verdict }) => verdict);
}

function worst(verdicts: readonly Verdict[]): Verdict {
  for (const verdict of ["violated", "incomplete", "vacuous"] as const)
    if (verdicts.includes(verdict)) return verdict;
  return "holds";
}
