/** An outcome in words, for a terminal. */
import type { Colors } from "picocolors/types.js";
import { countOf, nameClaim } from "../checker/trace/print.ts";
import { powersIn } from "../checker/model/model.ts";
import { countRepresented, type ReductionReport } from "../checker/reduce/reduction.ts";
import { wrap } from "../checker/trace/columns.ts";
import { formatExplained } from "../checker/trace/why/story.ts";
import type { Audit } from "./audit.ts";
import type { Finding, Outcome } from "./check-run.ts";
import type { Verdict } from "./exit-codes.ts";
import { describeEnding } from "./judge.ts";
import { bytesPerState, statesPerSecond } from "./json.ts";
import {
  formatBounds,
  formatBytes,
  formatCount,
  formatRate,
  formatPower,
  formatSeconds,
  formatTable,
  formatTextTable,
  quoteForShell,
} from "./text.ts";

export interface ReportOptions {
  readonly width: number;
  readonly colors: Colors;
  /** Properties that are not violated, and witnesses, by their number or names alone. Default: yes. */
  readonly isBrief?: boolean;
}

/** A verdict word in its colour. Green is for `holds` alone. */
export function paintVerdict(verdict: Verdict, colors: Colors): string {
  switch (verdict) {
    case "holds":
      return colors.green(verdict);
    case "violated":
      return colors.red(verdict);
    case "incomplete":
    case "vacuous":
      return colors.yellow(verdict);
  }
}

/** The whole report of a check: the gravest counterexample, the properties, what was searched, and what it means. */
export function formatReport(outcome: Outcome, options: ReportOptions): string[] {
  const [gravest, ...others] = byGravity(outcome);
  return [
    ...formatHeading(outcome, options),
    "",
    ...(gravest === undefined ? [] : [...formatFinding(outcome, gravest, options), ""]),
    ...(others.length === 0 ? [] : [...formatOthers(gravest, others, options), ""]),
    ...formatVerdicts(outcome, options),
    ...formatAvailability(outcome, options),
    "",
    ...formatFigures(outcome),
    ...formatReductions(outcome, options),
    "",
    ...formatMeaning(outcome, options),
  ];
}

/** The findings in the order in which properties are declared, which is that of their weight: isolation first. */
function byGravity({ findings, judgement }: Outcome): Finding[] {
  const names = judgement.properties.map(({ name }) => name);
  return findings.toSorted((a, b) => names.indexOf(a.property) - names.indexOf(b.property));
}

function formatHeading({ run }: Outcome, { width, colors }: ReportOptions): string[] {
  const { target, instance, powersOff, assumptionsOff } = run;
  const { design, scenario, size } = target;
  const powers = powersIn(instance);
  return [
    `${colors.bold(`${design.name} on ${scenario.name}, ${size}`)}: ${design.meaning}`,
    ...wrap(`within ${formatBounds(instance.scope.bounds)}`, width, 2, 4),
    ...(powers.length === 0 ? [] : wrap(`a host with the powers ${powers.join(", ")}`, width, 2, 4)),
    ...(powersOff.length === 0 ? [] : wrap(`without the powers ${powersOff.join(", ")}`, width, 2, 4)),
    ...(assumptionsOff.length === 0 ? [] : wrap(`not assuming ${assumptionsOff.join(", ")}`, width, 2, 4)),
  ];
}

/** A finding as a counterexample, with what happens in it, and where its trace is. */
export function formatFinding(
  { run: { instance } }: Outcome,
  { replay, shown, file }: Finding,
  options: ReportOptions,
): string[] {
  return [
    ...formatExplained(instance, replay, shown, options),
    "",
    options.colors.dim(`  which steps matter, and for what: npx dmaspec why ${quoteForShell(file)}`),
    options.colors.dim(`  in a web page: npx dmaspec explore ${quoteForShell(file)}`),
  ];
}

/**
 * What else is violated, by cause: schedules that first go wrong at the same step are one failure, and are told
 * together, those of the counterexample shown above first.
 */
function formatOthers(
  gravest: Finding,
  others: readonly Finding[],
  { width, colors }: ReportOptions,
): string[] {
  const causes = new Map<string | undefined, Finding[]>([[gravest.getCause()?.name, []]]);
  for (const finding of others) {
    const name = finding.getCause()?.name;
    causes.set(name, [...(causes.get(name) ?? []), finding]);
  }
  const groups = [...causes].filter(([, findings]) => findings.length > 0);
  return [
    ...wrap(
      `${countOf(others.length, "other property", "other properties")} can be broken. A cause is the step at which a schedule first breaks any property; npx dmaspec why FILE explains a schedule.`,
      width,
    ),
    ...groups.flatMap(([name, findings]) => {
      const cause = findings[0].getCause();
      const same = name === gravest.getCause()?.name ? "by the same cause as above" : "by another cause";
      const broken = cause === null ? "" : `, which breaks ${cause.broken.join(", ")}`;
      const rows = findings.map(({ shown, replay, file, getCause }) => {
        const at = getCause()?.step.n ?? replay.steps.length;
        const length = countOf(replay.steps.length, "step");
        return [
          colors.red(nameClaim(shown)),
          at === replay.steps.length ? length : `${length}, wrong from ${at} on`,
          quoteForShell(file),
        ];
      });
      return [...wrap(`${same}: "${name ?? ""}"${broken}`, width, 2, 4), ...formatTable(rows, "    ")];
    }),
  ];
}

/** The order in which verdicts are told: what is wrong, and what is not known, before what is well. */
const toldVerdicts = ["violated", "incomplete", "vacuous", "holds"] as const;

/**
 * The verdict of each property with its sentence; in brief, what is not violated by its names, and beside a violation
 * by their number. Of witnesses, those that were not reached.
 */
function formatVerdicts(
  { judgement, findings }: Outcome,
  { width, colors, isBrief = true }: ReportOptions,
): string[] {
  const { properties, witnesses } = judgement;
  const inFull = properties.filter(({ verdict }) => !isBrief || verdict === "violated");
  const rows = toldVerdicts.flatMap((verdict) =>
    inFull
      .filter((property) => property.verdict === verdict)
      .map(({ name, sentence }) => ({ cells: [paintVerdict(verdict, colors), name], text: sentence })),
  );
  const inBrief = toldVerdicts.flatMap((verdict) => {
    const names = properties
      .filter((property) => property.verdict === verdict && !inFull.includes(property))
      .map(({ name }) => name);
    if (names.length === 0) return [];
    const list = findings.length > 0 ? "" : `: ${names.join(", ")}`;
    const [first, ...more] = wrap(
      `${verdict}  ${countOf(names.length, "property", "properties")}${list}`,
      width,
      2,
      4,
    );
    return [first.replace(verdict, paintVerdict(verdict, colors)), ...more];
  });
  // What a search that stopped has not reached says nothing.
  const missed = judgement.exhaustive ? witnesses.filter((witness) => !witness.reached) : [];
  const told = isBrief ? missed : witnesses;
  const reached = witnesses.filter((witness) => witness.reached).length;
  return [
    ...formatTextTable(rows, width, colors.dim),
    ...inBrief,
    ...told.map(
      (witness) =>
        `  ${witness.reached ? "reached" : colors.yellow("not reached")}  witness: ${witness.name}`,
    ),
    ...(isBrief && witnesses.length > 0
      ? [`  reached  ${reached} of ${countOf(witnesses.length, "witness", "witnesses")}`]
      : []),
    ...(isBrief ? [colors.dim("  (--verdicts lists each)")] : []),
  ];
}

function formatAvailability({ judgement }: Outcome, { width, colors }: ReportOptions): string[] {
  if (judgement.availability.length === 0) return [];
  return [
    "",
    colors.yellow("availability: a malicious host can make these calls panic (no violation of isolation)"),
    ...judgement.availability.flatMap(({ name, length }) =>
      wrap(`${name} (after ${countOf(length, "step")})`, width, 2, 4),
    ),
  ];
}

function formatFigures(outcome: Outcome): string[] {
  const { run, result, reductions, crossCheckedStates, engine } = outcome;
  const figures = [
    `${formatCount(result.states)} states, ${formatCount(result.transitions)} transitions`,
    ...(result.depth > 0 ? [`complete to depth ${result.depth}`] : []),
    formatSeconds(result.seconds),
    `${formatRate(statesPerSecond(outcome))} states/s`,
    `${bytesPerState(outcome).toFixed(1)} bytes/state`,
    `${formatBytes(result.peakMemoryBytes)} at most`,
  ];
  const checked =
    crossCheckedStates > 0 ? `, compared with the reference evaluator on ${crossCheckedStates} states` : "";
  const uncompiled = engine.fallbacks > 0 ? ` (${countOf(engine.fallbacks, "recipe")} not compiled)` : "";
  const omission = result.omissionProbability ?? 0;
  const threads = engine.workers > 1 ? `, ${engine.workers} workers` : "";
  return [
    figures.join(" · "),
    `engine ${engine.name}${threads}${uncompiled}${checked}; reductions: ${reductions.used.map(nameReduction).join(", ") || "none"}`,
    ...(omission > 0 ? [`states told apart by 64 bits of each: ${describeOmission(omission)}`] : []),
    `digest of the states ${result.digest}, of the model ${run.modelDigest.slice(0, 16)}`,
  ];
}

function describeOmission(probability: number): string {
  return `the probability that one was left out is at most ${probability.toExponential(1)}`;
}

/** A reduction, and how many times fewer states there were for it. */
function nameReduction({ name, factor, isEstimate }: ReductionReport): string {
  if (factor === null) return name;
  const times = factor < 1e6 ? factor.toFixed(1) : formatPower(factor);
  return `${name} (${isEstimate ? "about " : ""}${times} times fewer states)`;
}

function describeRepresented({ result, reductions }: Outcome): string[] {
  const found = countRepresented(result.states, reductions.used);
  if (found === null) return [];
  const states = formatCount(result.states);
  if (!found.isEstimate)
    return [
      `${states} states stand for ${formatCount(found.states)} of the model's: the sum of their orbits`,
    ];
  const about = found.states < 1e6 ? formatCount(found.states) : formatPower(found.states);
  return [
    `${states} states stand for about ${about} of the model's: an estimate, the product of the factors`,
  ];
}

function formatReductions(outcome: Outcome, { width }: ReportOptions): string[] {
  const { reductions, audit } = outcome;
  const used = reductions.used.flatMap(({ name, notes }) => notes.map((note) => `${name}: ${note}`));
  const refused = reductions.refused.map(({ name, reason }) => `${name} is not used: ${reason}`);
  return [...describeRepresented(outcome), ...used, ...refused, ...describeAudit(audit)].flatMap((line) =>
    wrap(line, width, 2, 4),
  );
}

function describeAudit(audit: Audit | null): string[] {
  if (audit === null) return [];
  const extent = audit.exhaustive ? "all there are" : `complete to depth ${audit.depth}, and compared as far`;
  return [`audit: the same without reductions, in ${formatCount(audit.states)} states, ${extent}`];
}

/** The verdict, and what it does and does not say. */
export function formatMeaning(outcome: Outcome, { width, colors }: ReportOptions): string[] {
  const { judgement, run } = outcome;
  const word = paintVerdict(judgement.verdict, colors);
  const lines = wrap(`${judgement.verdict}: ${meaningOf(outcome)}`, width);
  const reproduce = judgement.verdict === "holds" ? [] : [`reproduce: ${outcome.reproduce}`];
  const surprise =
    judgement.verdict === "violated" && run.target.design.claimsToHold
      ? wrap(
          `${run.target.design.name} claims to hold, so this is an error of the design or of its model.`,
          width,
        )
      : [];
  return [
    lines[0].replace(judgement.verdict, colors.bold(word)),
    ...lines.slice(1),
    ...surprise,
    ...reproduce,
  ];
}

function fromCauses({ findings }: Outcome): string {
  if (findings.length < 2) return "";
  const causes = new Set(findings.map(({ getCause }) => getCause()?.name));
  return `, from ${countOf(causes.size, "cause")}`;
}

function meaningOf(outcome: Outcome): string {
  const { judgement, result } = outcome;
  const broken = judgement.properties.filter((property) => property.verdict === "violated").length;
  const all = judgement.properties.length;
  const ending = describeEnding(result.ending);
  switch (judgement.verdict) {
    case "holds":
      return `${all === 1 ? "the property holds" : `all ${all} properties hold`} in every state reachable within these bounds. It says nothing about larger ones.`;
    case "violated": {
      const rest = judgement.exhaustive || broken === all ? "" : `; ${ending}, so the others are not decided`;
      const what = all === 1 ? "the property" : `${broken} of ${all} properties`;
      return `${what} can be broken${fromCauses(outcome)}${rest}.`;
    }
    case "incomplete":
      if (result.ending === "exhausted")
        return `no violation was found, and every state found was checked, but states were told apart by fingerprints: ${describeOmission(result.omissionProbability ?? 0)}.`;
      return result.depth > 0
        ? `${ending}. No violation was found within ${countOf(result.depth, "step")}; further ones were not all tried.`
        : `${ending}. No violation was found in what was seen, which is not everything.`;
    case "vacuous": {
      const missed = judgement.witnesses.filter(({ reached }) => !reached).map(({ name }) => name);
      return `no property is broken, but what the scenario is about was never reached (${missed.join(", ")}): less was tried than it seems.`;
    }
  }
}
