/** `dmaspec coverage`: which steps, checks and branches of a design a set of scenarios takes. */
import { buildCommand } from "@stricli/core";
import { createPacked } from "../../checker/evaluate/packed.ts";
import { type Covered, gapsOf, lastReachedBefore, withCoverage } from "../../checker/model/coverage.ts";
import { instantiate } from "../../checker/model/model.ts";
import { breadthFirst } from "../../checker/search/breadth-first.ts";
import type { SearchResult } from "../../checker/search/result.ts";
import { wrap } from "../../checker/trace/columns.ts";
import type { Context } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { jsonFlag, type LimitFlags, limitFlags } from "../flags.ts";
import { withInterrupts } from "../interrupt.ts";
import { colorsFor, type Io } from "../io.ts";
import { formatOutline } from "../outline.ts";
import { findTarget, type Target } from "../registry.ts";
import { limitsOf } from "../run.ts";
import type { CoverageOutput } from "../schemas.ts";
import { formatCount, formatTable, quoteForShell } from "../text.ts";

interface CoverageFlags extends LimitFlags {
  readonly design: string;
  readonly scenario?: readonly string[];
  readonly size?: string;
  readonly text?: boolean;
  readonly json?: boolean;
}

/** A node over all scenarios. */
interface Row {
  readonly total: Covered;
  /** By scenario. */
  readonly each: readonly Covered[];
  /** Why it has gaps, where that is known. */
  readonly reason: string | null;
}

/** Has it gaps that nobody explains, or an explanation of gaps that it does not have? */
function isOpen({ total, reason }: Row): boolean {
  return gapsOf(total).length > 0 === (reason === null);
}

export const coverageCommand = buildCommand<CoverageFlags, [], Context>({
  parameters: {
    flags: {
      design: { kind: "parsed", parse: String, default: "pv", placeholder: "NAME", brief: "The design" },
      scenario: {
        kind: "parsed",
        parse: String,
        variadic: true,
        optional: true,
        placeholder: "NAME",
        brief: "A scenario; may be repeated [default: all of the design]",
      },
      size: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "SIZE",
        brief: "The bounds of every scenario [default = tiny]",
      },
      text: {
        kind: "boolean",
        optional: true,
        withNegated: false,
        brief: "Print the hypercalls' text, each line with what it was seen to do",
      },
      ...limitFlags,
      json: jsonFlag(),
    },
  },
  docs: {
    brief: "Count which steps, checks and branches of a design the scenarios take",
    customUsage: ["[--design NAME] [--scenario NAME]... [--size SIZE] [--text] [--json]"],
    fullDescription: [
      "A step that no run takes, a check that nothing ever fails, shows nothing, however green a run is. What",
      "was never seen is listed with the last place before it that control came to. (Assertions that panic need",
      "not fail.) A gap may have a reason in writing.",
      "",
      "Exit codes: 0 all was seen; 3 (vacuous) something was never seen; 2 something was not seen before a limit.",
    ].join("\n"),
  },
  async func(flags) {
    const { io, registry } = this;
    const { design } = findTarget(registry, { design: flags.design });
    const targets = (flags.scenario ?? design.scenarios.map(({ name }) => name)).map((scenario) =>
      findTarget(registry, { design: design.name, scenario, size: flags.size }),
    );
    const runs: { target: Target; result: SearchResult; covered: readonly Covered[] }[] = [];
    for (const target of targets) {
      if (runs.at(-1)?.result.ending === "interrupted") break;
      const { model, covered } = withCoverage(target.design.build());
      const of = instantiate(model, { ...target.scope, without: [] });
      const result = await withInterrupts(io, (isInterrupted) =>
        breadthFirst(createPacked(of), {
          instances: of.instances.length,
          witnesses: 0,
          stopAtViolation: false,
          ...limitsOf(flags),
          isInterrupted,
        }),
      );
      runs.push({ target, result, covered });
    }
    const rows = sumUp(
      runs.map(({ covered }) => covered),
      ({ procedure, name }) => registry.explainedGaps[`${design.name}: ${procedure}: ${name}`] ?? null,
    );
    const isExhaustive =
      runs.length === targets.length && runs.every(({ result }) => result.ending === "exhausted");
    const open = rows.filter((row) => isOpen(row));
    const reproduce = [
      `npx dmaspec coverage --design ${quoteForShell(design.name)}`,
      ...(flags.scenario ?? []).map((name) => `--scenario ${quoteForShell(name)}`),
      ...(flags.size === undefined ? [] : [`--size ${quoteForShell(flags.size)}`]),
    ].join(" ");
    if (flags.json === true) {
      const output: CoverageOutput = {
        schema: "dmaspec/coverage@1",
        design: design.name,
        scenarios: runs.map(({ target, result }) => ({
          name: target.scenario.name,
          size: target.size,
          exhaustive: result.ending === "exhausted",
          states: result.states,
        })),
        nodes: rows.map(({ total, each, reason }) => ({
          procedure: total.procedure,
          kind: total.kind,
          name: total.name,
          yes: total.yes,
          no: total.no,
          byScenario: each.map(({ yes, no }) => ({ yes, no })),
          gaps: [...gapsOf(total)],
          reason,
        })),
        reproduce,
      };
      io.stdout.write(`${JSON.stringify(output, null, 2)}\n`);
    } else {
      const lines =
        flags.text === true
          ? formatOutline(
              design.build(),
              rows.map(({ total }) => total),
            )
          : formatSummary(rows);
      const names = runs.map(
        ({ target, result }) => `${target.scenario.name} (${formatCount(result.states)} states)`,
      );
      const searched = `${design.name} on ${names.join(", ")}`;
      io.stdout.write(
        [
          ...lines,
          "",
          ...wrap(searched, io.stdout.columns),
          ...tellGaps(io, rows, open),
          `reproduce: ${reproduce}`,
          "",
        ].join("\n"),
      );
    }
    this.exitCode =
      open.length === 0 ? exitCodes.holds : isExhaustive ? exitCodes.vacuous : exitCodes.incomplete;
  },
});

function sumUp(runs: readonly (readonly Covered[])[], reasonOf: (node: Covered) => string | null): Row[] {
  return runs[0].map((first, i) => {
    const each = runs.map((covered) => covered[i]);
    const sum = (count: (of: Covered) => number): number => each.reduce((all, of) => all + count(of), 0);
    const total = { ...first, yes: sum(({ yes }) => yes), no: sum(({ no }) => no) };
    return { total, each, reason: reasonOf(first) };
  });
}

/** For each hypercall: how many of its steps, checks and branches were seen. */
function formatSummary(rows: readonly Row[]): string[] {
  const count = (of: readonly Covered[], seen: (one: Covered) => boolean): string =>
    of.length === 0 ? "" : `${of.filter((one) => seen(one)).length}/${of.length}`;
  const procedures = [...new Set(rows.map(({ total }) => total.procedure))];
  return formatTable([
    ["", "steps", "checks pass", "refuse", "branches"],
    ...procedures.map((name) => {
      const own = rows.map(({ total }) => total).filter(({ procedure }) => procedure === name);
      const checks = own.filter(({ kind }) => kind === "check");
      const branches = own.filter(({ kind }) => kind === "when" || kind === "repeat");
      return [
        name,
        count(
          own.filter((one) => !checks.includes(one) && !branches.includes(one)),
          ({ yes }) => yes > 0,
        ),
        count(checks, ({ yes }) => yes > 0),
        count(
          checks.filter(({ isAssertion }) => !isAssertion),
          ({ no }) => no > 0,
        ),
        count(branches, ({ yes, no }) => yes > 0 && no > 0),
      ];
    }),
  ]);
}

function tellGaps(io: Io, rows: readonly Row[], open: readonly Row[]): string[] {
  const colors = colorsFor(io, io.stdout);
  const all = rows.map(({ total }) => total);
  const explained = rows.filter(({ reason }) => reason !== null).length;
  const told = explained === 0 ? [] : [`  ${explained} gaps are explained (--json has the reasons)`];
  return [
    ...told,
    ...open.flatMap(({ total, reason }) => {
      const { procedure, name } = total;
      const before = total.yes + total.no > 0 ? null : lastReachedBefore(all, total);
      const called = all.some((of) => of.procedure === procedure && of.yes + of.no > 0);
      const why = !called
        ? "; no scenario has the call"
        : before === null
          ? ""
          : `; control comes no further than "${before.name}" before it`;
      const gap = reason === null ? gapsOf(total).join(", ") : "explained as never seen, and seen";
      return wrap(`${colors.red(gap)}: ${procedure}: ${name}${why}`, io.stdout.columns, 2, 6);
    }),
  ];
}
