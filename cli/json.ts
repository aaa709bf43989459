/** Outcomes as the objects that `--json` prints. */
import { countRepresented } from "../checker/reduce/reduction.ts";
import { findingOf, type Outcome } from "./check-run.ts";
import type { MatrixOutput, RunOutput } from "./schemas.ts";
import { readVersion } from "./version.ts";

function representedIn({ result, reductions }: Outcome): RunOutput["represented"] {
  const found = countRepresented(result.states, reductions.used);
  return found === null ? null : { states: found.states, estimated: found.isEstimate };
}

/** The fields that `check` and `simulate` share. */
export function describeRun(outcome: Outcome): RunOutput {
  const { run, result, reductions, judgement } = outcome;
  const { target, declared } = run;
  const listSwitches = (all: Readonly<Record<string, unknown>>, off: readonly string[]) =>
    Object.keys(all).map((name) => ({ name, on: !off.includes(name) }));
  return {
    design: target.design.name,
    scenario: target.scenario.name,
    size: target.size,
    bounds: { ...run.instance.scope.bounds },
    engine: {
      name: outcome.engine.name,
      fallbacks: outcome.engine.fallbacks,
      remark: outcome.engine.remark,
      version: readVersion(),
      node: process.versions.node,
      workers: outcome.engine.workers,
    },
    reductions: reductions.used.map(({ name }) => name),
    reductionReports: [
      ...reductions.used.map(({ name, factor, isEstimate, notes, keptApart }) => ({
        name,
        used: true,
        factor: factor === null ? null : round(factor, 3),
        estimated: isEstimate,
        notes: [...notes],
        keptApart: (keptApart ?? []).map(({ label, processes, by, reason }) => ({
          label,
          processes: [...processes],
          by,
          reason,
        })),
      })),
      ...reductions.refused.map(({ name, reason }) => ({
        name,
        used: false,
        factor: null,
        estimated: false,
        notes: [reason],
        keptApart: [],
      })),
    ],
    represented: representedIn(outcome),
    assumptions: listSwitches(declared.assumptions, run.assumptionsOff),
    powers: listSwitches(declared.powers, run.powersOff),
    modelDigest: run.modelDigest,
    verdict: judgement.verdict,
    ending: result.ending,
    exhaustive: judgement.exhaustive,
    omissionProbability: result.omissionProbability ?? 0,
    states: result.states,
    transitions: result.transitions,
    depth: result.depth,
    seconds: round(result.seconds, 3),
    statesPerSecond: Math.round(statesPerSecond(outcome)),
    bytesPerState: round(bytesPerState(outcome), 1),
    tableBytesPerState: round(result.tableBytes / Math.max(1, result.states), 1),
    peakMemoryBytes: result.peakMemoryBytes,
    digest: result.digest,
    properties: judgement.properties.map(({ name, verdict }) => {
      const finding = findingOf(outcome, name);
      const cause = finding?.getCause() ?? null;
      return {
        name,
        verdict,
        instance: finding === undefined ? null : { ...finding.shown.args },
        length: finding?.replay.steps.length ?? null,
        trace: finding?.file ?? null,
        cause: cause && { step: cause.step.n, name: cause.name },
      };
    }),
    witnesses: judgement.witnesses.map((witness) => ({ ...witness })),
    availability: judgement.availability.map((panic) => ({ ...panic })),
    audit: outcome.audit,
    crossCheckedStates: outcome.crossCheckedStates,
    start: outcome.start && {
      seconds: round(outcome.start.seconds, 3),
      cpuSeconds: round(outcome.start.cpuSeconds, 3),
    },
    reproduce: outcome.reproduce,
  };
}

/** The cells of one outcome in the verdict table. */
export function describeCells(outcome: Outcome): MatrixOutput["cells"] {
  const { target } = outcome.run;
  return outcome.judgement.properties.map(({ name, verdict }) => {
    const finding = findingOf(outcome, name);
    return {
      design: target.design.name,
      scenario: target.scenario.name,
      size: target.size,
      property: name,
      verdict,
      length: finding?.replay.steps.length ?? null,
      trace: finding?.file ?? null,
    };
  });
}

export function statesPerSecond({ result }: Outcome): number {
  return result.seconds > 0 ? result.states / result.seconds : 0;
}

export function bytesPerState({ result }: Outcome): number {
  return result.states > 0 ? result.totalBytes / result.states : 0;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
