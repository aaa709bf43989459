/** `dmaspec matrix`: the verdict table, designs by properties. */
import { buildCommand } from "@stricli/core";
import type { Outcome } from "../check-run.ts";
import type { Context } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { jsonFlag, type LimitFlags, limitFlags, type ReduceChoice, tableReduceFlag } from "../flags.ts";
import { colorsFor } from "../io.ts";
import { isReducing } from "../reduced-search.ts";
import { findTarget } from "../registry.ts";
import { prepareRun } from "../run.ts";
import {
  brokenClaims,
  checkForTable,
  describeTable,
  formatSearched,
  formatVerdictTable,
  isInterrupted,
  statesPastViolations,
} from "../table.ts";
import { formatCount, quoteForShell } from "../text.ts";

interface MatrixFlags extends LimitFlags {
  readonly design?: readonly string[];
  readonly scenario?: readonly string[];
  readonly size?: string;
  readonly reduce: ReduceChoice;
  readonly json?: boolean;
}

const names = { kind: "parsed", parse: String, variadic: true, optional: true, placeholder: "NAME" } as const;

export const matrixCommand = buildCommand<MatrixFlags, [], Context>({
  parameters: {
    flags: {
      design: { ...names, brief: "A design of the table; may be repeated [default: all but the examples]" },
      scenario: { ...names, brief: "A scenario of the table; may be repeated [default: all of each design]" },
      size: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "SIZE",
        brief: "The bounds of every scenario [default = tiny]",
      },
      ...limitFlags,
      reduce: tableReduceFlag,
      json: jsonFlag(),
    },
  },
  docs: {
    brief: "Check every design on every scenario and print the verdict table",
    customUsage: [
      "[--design NAME]... [--scenario NAME]... [--size SIZE] [--max-seconds N] [--json]",
      "[--reduce none|symmetry|locks|order|all]",
    ],
    fullDescription: [
      "Designs by properties. The search goes on past violations, so that every property is decided; each",
      "violated cell has its shortest schedule, written under traces/. A design that does not claim to hold is",
      `searched to ${formatCount(statesPastViolations)} states, unless a limit is given: what it leaks may have no end.`,
      "",
      "Exit codes: 0 every design that claims to hold does, 1 otherwise.",
    ].join("\n"),
  },
  async func(flags) {
    const { io, registry } = this;
    const designs = flags.design ?? registry.designs.map(({ name }) => name);
    const targets = designs.flatMap((name) => {
      const { design } = findTarget(registry, { design: name });
      const scenarios = flags.scenario ?? design.scenarios.map((scenario) => scenario.name);
      return scenarios.map((scenario) => ({
        design: name,
        scenario,
        ...(flags.size && { size: flags.size }),
      }));
    });
    // Every name is looked up before the first search begins.
    for (const target of targets) findTarget(registry, target);
    const isLimited = [flags.maxStates, flags.maxDepth, flags.maxSeconds, flags.memory].some(
      (limit) => limit !== undefined,
    );
    const outcomes: Outcome[] = [];
    for (const target of targets) {
      if (isInterrupted(outcomes)) break;
      const run = prepareRun(registry, { ...target, reduce: flags.reduce });
      const hasEnd = isLimited || run.target.design.claimsToHold;
      const limits = hasEnd ? flags : { ...flags, maxStates: statesPastViolations };
      outcomes.push(await checkForTable(io, run, limits));
    }
    const reproduce = [
      "npx dmaspec matrix",
      ...(flags.design ?? []).map((name) => `--design ${quoteForShell(name)}`),
      ...(flags.scenario ?? []).map((name) => `--scenario ${quoteForShell(name)}`),
      ...(flags.size === undefined ? [] : [`--size ${quoteForShell(flags.size)}`]),
      ...(isReducing(flags.reduce) ? [`--reduce ${flags.reduce}`] : []),
    ].join(" ");
    const broken = brokenClaims(outcomes);
    if (flags.json === true) {
      io.stdout.write(`${JSON.stringify(describeTable(outcomes, reproduce), null, 2)}\n`);
    } else {
      const options = { width: io.stdout.columns, colors: colorsFor(io, io.stdout) };
      const lines = [
        ...formatVerdictTable(outcomes, options),
        "",
        ...formatSearched(outcomes, options),
        "",
        ...describeClaims(outcomes, broken),
      ];
      io.stdout.write(`${lines.join("\n")}\n`);
    }
    this.exitCode = broken.length === 0 && !isInterrupted(outcomes) ? exitCodes.holds : exitCodes.violated;
  },
});

function describeClaims(outcomes: readonly Outcome[], broken: readonly Outcome[]): string[] {
  if (isInterrupted(outcomes)) return ["The table was interrupted: what is not in it was not checked."];
  const claiming = outcomes.filter(({ run }) => run.target.design.claimsToHold);
  if (broken.length > 0) {
    return broken.flatMap(({ run, judgement, reproduce }) => [
      `${run.target.design.name} claims to hold, and its verdict is ${judgement.verdict}.`,
      `reproduce: ${reproduce}`,
    ]);
  }
  if (claiming.length === 0) return ["None of these designs claims to hold."];
  const list = [...new Set(claiming.map(({ run }) => run.target.design.name))].join(", ");
  return [`What claims to hold does, within these bounds: ${list}.`];
}
