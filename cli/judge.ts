/** From what a search found to verdicts: of each property, of the run, and what they rest on. */
import { deadlockProperty } from "../checker/model/model.ts";
import type { Ending, SearchResult, Violation } from "../checker/search/result.ts";
import type { TraceArguments } from "../checker/trace/format.ts";
import { describeDeadlockRule } from "../checker/trace/replay.ts";
import { namePanic, panicWitness } from "./availability.ts";
import { combineVerdicts, type Verdict } from "./exit-codes.ts";
import type { AnyInstance } from "./run.ts";

export interface JudgedProperty {
  readonly name: string;
  readonly sentence: string;
  readonly verdict: Verdict;
  /** The shortest violation found, where there is one. */
  readonly violation: Violation | null;
}

export interface Judgement {
  readonly verdict: Verdict;
  /** Was every reachable state seen? */
  readonly exhaustive: boolean;
  readonly properties: readonly JudgedProperty[];
  readonly witnesses: readonly { readonly name: string; readonly reached: boolean }[];
  /** The panics that can be reached, with the number of steps to the nearest. */
  readonly availability: readonly { readonly name: string; readonly length: number }[];
}

/** Judges a search of an instance. A property is a family: one broken instance breaks it. */
export function judge(of: AnyInstance, result: SearchResult): Judgement {
  // Where states are told apart by fingerprints, some may have been left out.
  const exhaustive = result.ending === "exhausted" && (result.omissionProbability ?? 0) === 0;
  const witnesses = judgeWitnesses(of, result);
  const unbroken: Verdict = !exhaustive
    ? "incomplete"
    : witnesses.every(({ reached }) => reached)
      ? "holds"
      : "vacuous";
  const properties = familiesOf(of).map(({ name, sentence }): JudgedProperty => {
    const violations = result.violations.filter((violation) => nameOfViolation(of, violation) === name);
    const [shortest = null] = violations.toSorted(
      (a, b) => a.path.instances.length - b.path.instances.length,
    );
    return { name, sentence, verdict: shortest === null ? unbroken : "violated", violation: shortest };
  });
  return {
    verdict: combineVerdicts([unbroken, ...properties.map((property) => property.verdict)]),
    exhaustive,
    properties,
    witnesses,
    availability: judgeAvailability(of, result),
  };
}

function familiesOf(of: AnyInstance): { name: string; sentence: string }[] {
  const families = new Map<string, string>();
  for (const { property } of [...of.invariants, ...of.stepProperties])
    families.set(property.name, property.sentence);
  const without = of.scope.without ?? [];
  if (of.model.deadlock !== "none" && !without.includes(deadlockProperty)) {
    families.set(deadlockProperty, describeDeadlockRule(of.model.deadlock));
  }
  return [...families].map(([name, sentence]) => ({ name, sentence }));
}

function judgeWitnesses(of: AnyInstance, result: SearchResult): { name: string; reached: boolean }[] {
  const reached = new Map<string, boolean>();
  for (const { id, property } of of.witnesses) {
    if (property.name === panicWitness) continue;
    reached.set(property.name, (reached.get(property.name) ?? false) || result.witnesses[id] !== null);
  }
  return [...reached].map(([name, isReached]) => ({ name, reached: isReached }));
}

function judgeAvailability(of: AnyInstance, result: SearchResult): { name: string; length: number }[] {
  return of.witnesses.flatMap(({ id, property, args }) => {
    const seen = result.witnesses[id];
    if (property.name !== panicWitness || seen === null) return [];
    return [{ name: namePanic(String(args.label)), length: seen.length }];
  });
}

/** The property that a violation breaks. */
export function nameOfViolation(of: AnyInstance, violation: Violation): string {
  if (violation.kind === "deadlock") return deadlockProperty;
  const family = violation.kind === "invariant" ? of.invariants : of.stepProperties;
  return family[violation.property].property.name;
}

/** The instance of the property that a violation breaks. */
export function argumentsOfViolation(of: AnyInstance, violation: Violation): TraceArguments {
  if (violation.kind === "deadlock") return {};
  const family = violation.kind === "invariant" ? of.invariants : of.stepProperties;
  return family[violation.property].args;
}

/** Why a search saw less than everything, in words. */
export function describeEnding(ending: Ending): string {
  switch (ending) {
    case "exhausted":
      return "every reachable state was seen";
    case "violated":
      return "the search stopped at the end of the layer with the first violation (--all goes on)";
    case "max-states":
      return "the limit of states was reached (--max-states)";
    case "max-depth":
      return "the limit of depth was reached (--max-depth)";
    case "memory":
      return "the limit of memory was reached (--memory)";
    case "max-seconds":
      return "the limit of time was reached (--max-seconds)";
    case "interrupted":
      return "the run was interrupted";
    case "walks-done":
      return "the random walks are done; they show violations, never their absence";
  }
}
