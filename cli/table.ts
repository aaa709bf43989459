/** The verdict table: designs by properties. */
import { wrap } from "../checker/trace/columns.ts";
import { type Outcome, runCheck } from "./check-run.ts";
import { searchBreadthFirst } from "./engines.ts";
import type { LimitFlags } from "./flags.ts";
import type { Io } from "./io.ts";
import { describeCells } from "./json.ts";
import { paintVerdict, type ReportOptions } from "./report.ts";
import { formatReproduction } from "./reproduce.ts";
import type { Preparation } from "./run.ts";
import type { MatrixOutput } from "./schemas.ts";
import { formatBounds, formatCount, formatSeconds, formatTable } from "./text.ts";

/**
 * States at which a search of a design that does not claim to hold ends, unless a limit is asked for: past its violations
 * such a design may leak without end.
 */
export const statesPastViolations = 1_500_000;

/**
 * Checks one design for the table: every property is decided, also behind a violation. `told` are the limits
 * that the command to reproduce it names.
 */
export function checkForTable(
  io: Io,
  run: Preparation,
  limits: LimitFlags,
  told: LimitFlags = limits,
): Promise<Outcome> {
  const { design, scenario } = run.target;
  return runCheck(io, run, {
    stopAtViolation: false,
    limits,
    seed: 1,
    title: `${design.name} on ${scenario.name}`,
    reproduce: (property) =>
      property === undefined
        ? formatReproduction(run, { ...told, command: "check", all: true })
        : formatReproduction(run, { command: "check", property }),
    search: searchBreadthFirst,
  });
}

/** The object that `--json` prints. */
export function describeTable(outcomes: readonly Outcome[], reproduce: string): MatrixOutput {
  return {
    schema: "dmaspec/matrix@1",
    cells: outcomes.flatMap((outcome) => describeCells(outcome)),
    reproduce,
  };
}

/** Properties down, designs across; a cell that does not apply is empty. */
export function formatVerdictTable(outcomes: readonly Outcome[], { colors }: ReportOptions): string[] {
  const titles = outcomes.map(({ run }) => run.target);
  const scenarios = new Set(titles.map(({ scenario }) => scenario.name));
  const names = [
    ...new Set(outcomes.flatMap(({ judgement }) => judgement.properties.map(({ name }) => name))),
  ];
  const heading = titles.map(({ design }) => colors.bold(design.name));
  const rows = names.map((name) => [name, ...outcomes.map((outcome) => formatCell(outcome, name, colors))]);
  return formatTable([
    ["", ...heading],
    ...(scenarios.size > 1 ? [["", ...titles.map(({ scenario }) => colors.dim(scenario.name))]] : []),
    ...rows,
  ]);
}

function formatCell(outcome: Outcome, name: string, colors: ReportOptions["colors"]): string {
  const property = outcome.judgement.properties.find((candidate) => candidate.name === name);
  if (property === undefined) return "";
  const { verdict, violation } = property;
  const steps = violation === null ? "" : colors.dim(` in ${violation.path.instances.length} steps`);
  return paintVerdict(verdict, colors) + steps;
}

/** For each outcome: what was searched, within which bounds. */
export function formatSearched(outcomes: readonly Outcome[], { width, colors }: ReportOptions): string[] {
  const boundsOf = ({ run }: Outcome): string => `within ${formatBounds(run.target.scope.bounds)}`;
  const groups = [...new Set(outcomes.map((outcome) => boundsOf(outcome)))];
  return groups.flatMap((bounds) => [
    ...formatTable(
      outcomes
        .filter((outcome) => boundsOf(outcome) === bounds)
        .map(({ run, result, judgement }) => [
          run.target.design.name,
          run.target.scenario.name,
          paintVerdict(judgement.verdict, colors),
          `${formatCount(result.states)} states${judgement.exhaustive ? ", all there are" : ""}`,
          formatSeconds(result.seconds),
        ]),
    ),
    ...wrap(bounds, width, 4, 6),
  ]);
}

/** Was the last search of a table ended by the user? Then what comes after it is not searched. */
export function isInterrupted(outcomes: readonly Outcome[]): boolean {
  return outcomes.at(-1)?.result.ending === "interrupted";
}

/** The outcomes of designs that claim to hold and were not shown to. */
export function brokenClaims(outcomes: readonly Outcome[]): Outcome[] {
  return outcomes.filter(
    ({ run, judgement }) => run.target.design.claimsToHold && judgement.verdict !== "holds",
  );
}
