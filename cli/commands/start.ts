/** `dmaspec start`, which `npm start` runs: the first look at the project, in under two minutes. */
import { buildCommand } from "@stricli/core";
import { wrap } from "../../checker/trace/columns.ts";
import { countOf, nameClaim } from "../../checker/trace/print.ts";
import type { Finding, Outcome } from "../check-run.ts";
import type { Context } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { jsonFlag } from "../flags.ts";
import { colorsFor } from "../io.ts";
import { formatFinding, type ReportOptions } from "../report.ts";
import { prepareRun } from "../run.ts";
import {
  brokenClaims,
  checkForTable,
  describeTable,
  formatSearched,
  formatVerdictTable,
  isInterrupted,
} from "../table.ts";
import { quoteForShell } from "../text.ts";

interface StartFlags {
  readonly json?: boolean;
}

/** Seconds for all searches together: what is not decided by then is `incomplete`. */
const secondsForAll = 75;
/** Seconds that each design leaves to every one that comes after it. */
const secondsKept = 12;

const introduction =
  "pKVM promises that a malicious Linux host can never make a device read or write memory of a guest or of " +
  "the hypervisor. Below, every interleaving of its hypercalls, of the SMMU and of the devices is tried, " +
  "within small bounds: for the corrected design, and for designs exactly as they were posted.";

export const startCommand = buildCommand<StartFlags, [], Context>({
  parameters: { flags: { json: jsonFlag() } },
  docs: {
    brief: "The first look: check the designs at tiny size, and explain a counterexample",
    fullDescription: "Exit codes: 0 every design that claims to hold does, 1 otherwise.",
  },
  async func(flags) {
    const { io, registry } = this;
    const options = { width: io.stdout.columns, colors: colorsFor(io, io.stdout) };
    const say = (lines: readonly string[]): void => {
      if (flags.json !== true) io.stdout.write(`${lines.join("\n")}\n`);
    };
    say([...wrap(introduction, Math.min(options.width, 100)), ""]);
    const outcomes: Outcome[] = [];
    const began = performance.now();
    // What claims to hold comes first: its verdict takes the whole search, a violation is found on the way.
    const designs = registry.designs.toSorted((a, b) => Number(b.claimsToHold) - Number(a.claimsToHold));
    for (const [i, { name }] of designs.entries()) {
      if (isInterrupted(outcomes)) break;
      const kept = secondsKept * (designs.length - i - 1);
      const maxSeconds = Math.max(1, secondsForAll - kept - (performance.now() - began) / 1000);
      outcomes.push(await checkForTable(io, prepareRun(registry, { design: name }), { maxSeconds }, {}));
    }
    const broken = brokenClaims(outcomes);
    if (flags.json === true)
      io.stdout.write(`${JSON.stringify(describeTable(outcomes, "npx dmaspec start"), null, 2)}\n`);
    say([
      ...formatVerdictTable(outcomes, options),
      "",
      ...formatSearched(outcomes, options),
      "",
      ...formatShortest(outcomes, options),
      ...formatNext(outcomes, options),
      ...broken.flatMap(({ run, judgement, reproduce }) => [
        "",
        `${run.target.design.name} claims to hold, and its verdict is ${judgement.verdict}.`,
        `reproduce: ${reproduce}`,
      ]),
    ]);
    this.exitCode = broken.length === 0 && !isInterrupted(outcomes) ? exitCodes.holds : exitCodes.violated;
  },
});

function formatShortest(outcomes: readonly Outcome[], options: ReportOptions): string[] {
  const found = outcomes.flatMap((outcome) => outcome.findings.map((finding) => ({ outcome, finding })));
  found.sort((a, b) => a.finding.replay.steps.length - b.finding.replay.steps.length);
  const [shortest] = found;
  if (shortest === undefined)
    return ["No design is broken within these bounds; --size paper looks further.", ""];
  const { outcome, finding } = shortest;
  const { design } = outcome.run.target;
  return [
    `The shortest schedule that breaks anything, in ${options.colors.bold(design.name)} (${design.meaning})`,
    "",
    ...formatFinding(outcome, finding, options),
    "",
    ...formatGravest(outcomes, finding, options),
  ];
}

/** Properties are declared in the order of their weight, the promise itself first; the shortest is often a lesser one. */
function formatGravest(
  outcomes: readonly Outcome[],
  shortest: Finding,
  { colors, width }: ReportOptions,
): string[] {
  const names = outcomes.flatMap(({ judgement }) => judgement.properties.map(({ name }) => name));
  const [gravest] = names.flatMap((name) =>
    outcomes
      .flatMap((outcome) => outcome.findings.map((finding) => ({ outcome, finding })))
      .filter(({ finding }) => finding.property === name)
      .toSorted((a, b) => a.finding.replay.steps.length - b.finding.replay.steps.length),
  );
  if (gravest === undefined || gravest.finding === shortest) return [];
  const { shown, replay, file } = gravest.finding;
  const { name } = gravest.outcome.run.target.design;
  const steps = countOf(replay.steps.length, "step");
  return [
    `The gravest, in ${colors.bold(name)}: ${colors.red(`✗ ${nameClaim(shown)} is broken after ${steps}`)}`,
    ...wrap(shown.explanation, width, 2, 4),
    colors.dim(`  shown by: npx dmaspec replay ${quoteForShell(file)}`),
    "",
  ];
}

function formatNext(outcomes: readonly Outcome[], { colors }: ReportOptions): string[] {
  const [file] = outcomes.flatMap(({ findings }) => findings.map((finding) => finding.file));
  const [first, ...others] = outcomes.map(({ run }) => run.target.design.name);
  const last = others.at(-1) ?? first;
  return [
    colors.bold("Where to go next"),
    "  npx dmaspec list                                what is modelled, and what is asked of it",
    ...(first === undefined
      ? []
      : [`  npx dmaspec check --design ${first} --size paper`.padEnd(50) + "larger bounds, some minutes"]),
    ...(last === undefined
      ? []
      : [`  npx dmaspec check --design ${last} --all`.padEnd(50) + "every property, each with its schedule"]),
    ...(file === undefined ? [] : [`  npx dmaspec replay ${file}`]),
    "  README.md, and spec/ for the policy that all of this is checked against",
  ];
}
