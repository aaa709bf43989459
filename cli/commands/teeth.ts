/** `dmaspec teeth`: every weakening of a design, and which property notices it. */
import { buildCommand } from "@stricli/core";
import { wrap } from "../../checker/trace/columns.ts";
import { type Outcome, runCheck } from "../check-run.ts";
import type { Context } from "../context.ts";
import { searchBreadthFirst } from "../engines.ts";
import { exitCodes } from "../exit-codes.ts";
import { jsonFlag, type LimitFlags, limitFlags, type ReduceChoice, tableReduceFlag } from "../flags.ts";
import { colorsFor, type Io } from "../io.ts";
import { isReducing } from "../reduced-search.ts";
import { requireKnown, type WeakenedDesign } from "../registry.ts";
import type { ReportOptions } from "../report.ts";
import { formatReproduction } from "../reproduce.ts";
import { prepareRun } from "../run.ts";
import type { TeethOutput } from "../schemas.ts";
import { formatTable, quoteForShell } from "../text.ts";

interface TeethFlags extends LimitFlags {
  readonly mechanism?: readonly string[];
  readonly reduce: ReduceChoice;
  readonly json?: boolean;
}

/** A weakening that was run. */
interface Bite {
  readonly weakening: WeakenedDesign;
  readonly outcome: Outcome;
}

export const teethCommand = buildCommand<TeethFlags, [], Context>({
  parameters: {
    flags: {
      mechanism: {
        kind: "parsed",
        parse: String,
        variadic: true,
        optional: true,
        placeholder: "M00",
        brief: "Run what takes this mechanism away; may be repeated [default: all]",
      },
      ...limitFlags,
      reduce: tableReduceFlag,
      json: jsonFlag(),
    },
  },
  docs: {
    brief: "Take each safety mechanism away, and see which property notices",
    customUsage: ["[--mechanism M00]... [--max-seconds N] [--reduce none|symmetry|locks|order|all] [--json]"],
    fullDescription: [
      "A weakening is one edit of a design that takes a mechanism away. Each is checked on the scenario in",
      "which its attack shows; what notices it is named with its shortest schedule, which is written under",
      "traces/. A weakening is a design like any other: `dmaspec check --design` takes its name.",
      "",
      "Exit codes: 0 every weakening is noticed by a property that is expected to notice it, or says why",
      "nothing notices it; 1 otherwise.",
    ].join("\n"),
  },
  async func(flags) {
    const { io, registry } = this;
    const mechanisms = [...new Set(registry.weakenings.map(({ mechanism }) => mechanism))].sort();
    for (const name of flags.mechanism ?? []) requireKnown("weakening of", name, mechanisms);
    const chosen = registry.weakenings
      .filter(({ mechanism }) => flags.mechanism?.includes(mechanism) ?? true)
      .toSorted((a, b) => a.mechanism.localeCompare(b.mechanism));
    const bites: Bite[] = [];
    for (const weakening of chosen) {
      if (bites.at(-1)?.outcome.result.ending === "interrupted") break;
      const run = prepareRun(registry, { design: weakening.design.name, reduce: flags.reduce });
      const outcome = await runCheck(io, run, {
        // All of a layer's violations are told, so that what was expected can be among them.
        stopAtViolation: true,
        limits: flags,
        seed: 1,
        title: `${weakening.mechanism} ${weakening.name}`,
        reproduce: (property) => formatReproduction(run, { command: "check", property }),
        search: searchBreadthFirst,
      });
      bites.push({ weakening, outcome });
    }
    const reproduce = [
      "npx dmaspec teeth",
      ...(flags.mechanism ?? []).map((name) => `--mechanism ${quoteForShell(name)}`),
      ...(isReducing(flags.reduce) ? [`--reduce ${flags.reduce}`] : []),
    ].join(" ");
    const isDone = bites.length === chosen.length && bites.every((bite) => isExplained(bite));
    if (flags.json === true) {
      const output: TeethOutput = {
        schema: "dmaspec/teeth@1",
        weakenings: bites.map((bite) => describeBite(bite)),
        reproduce,
      };
      io.stdout.write(`${JSON.stringify(output, null, 2)}\n`);
    } else {
      tellBites(io, bites, chosen.length);
    }
    this.exitCode = isDone ? exitCodes.holds : exitCodes.violated;
  },
});

function isKilled({ outcome }: Bite): boolean {
  return outcome.judgement.verdict === "violated";
}

/** Noticed, or said why not. */
function isExplained(bite: Bite): boolean {
  return isKilled(bite) || (bite.weakening.survives !== null && bite.outcome.judgement.exhaustive);
}

function describeBite(bite: Bite): TeethOutput["weakenings"][number] {
  const { weakening, outcome } = bite;
  const { run, findings, judgement } = outcome;
  const [first] = findings;
  return {
    name: weakening.name,
    mechanism: weakening.mechanism,
    attack: weakening.attack,
    design: weakening.design.name,
    killed: isKilled(bite),
    property: first?.property ?? null,
    expected: [...weakening.breaks],
    scenario: run.target.scenario.name,
    size: run.target.size,
    length: first?.replay.steps.length ?? null,
    trace: first?.file ?? null,
    powers: Object.keys(run.declared.powers).filter((name) => !run.powersOff.includes(name)),
    verdict: judgement.verdict,
    survives: weakening.survives,
  };
}

function tellBites(io: Io, bites: readonly Bite[], chosen: number): void {
  const options = { width: io.stdout.columns, colors: colorsFor(io, io.stdout) };
  const killed = bites.filter((bite) => isKilled(bite));
  const lines = [
    ...bites.flatMap((bite) => formatBite(bite, options)),
    "",
    `${killed.length} of ${bites.length} weakenings are noticed.`,
    ...(bites.length < chosen ? ["The run was interrupted: what is not above was not tried."] : []),
    ...bites.flatMap((bite) =>
      isExplained(bite)
        ? []
        : [
            `"${bite.weakening.name}" goes unnoticed (${bite.outcome.judgement.verdict}).`,
            `reproduce: ${bite.outcome.reproduce}`,
          ],
    ),
  ];
  io.stdout.write(`${lines.join("\n")}\n`);
}

function formatBite(bite: Bite, { width, colors }: ReportOptions): string[] {
  const { weakening, outcome } = bite;
  const [first] = outcome.findings;
  const { scenario } = outcome.run.target;
  const told =
    first !== undefined
      ? `${colors.green("killed")} by ${first.property} in ${first.replay.steps.length} steps of ${scenario.name}`
      : weakening.survives !== null
        ? `survives: ${weakening.survives}`
        : colors.red(`survived ${scenario.name} (${outcome.judgement.verdict})`);
  return [
    ...formatTable([[weakening.mechanism, weakening.name]], ""),
    ...wrap(weakening.attack, width, 5).map((line) => colors.dim(line)),
    ...wrap(told, width, 5),
  ];
}
