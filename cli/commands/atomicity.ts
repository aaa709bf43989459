/** `dmaspec atomicity`: which calls, when they overlap, end as no order of them could have ended. */
import { buildCommand } from "@stricli/core";
import { type Anomaly, type PairReport, reportAtomicity } from "../../checker/atomicity/atomicity.ts";
import { nameInstance } from "../../checker/evaluate/reference.ts";
import type { ActionInstance } from "../../checker/model/model.ts";
import { wrap } from "../../checker/trace/columns.ts";
import type { Context } from "../context.ts";
import { exitCodes, usageError } from "../exit-codes.ts";
import { jsonFlag, parseSeconds, parseWhole, type TargetFlags, targetFlags } from "../flags.ts";
import { withInterrupts } from "../interrupt.ts";
import { colorsFor } from "../io.ts";
import type { ReportOptions } from "../report.ts";
import { formatReproduction } from "../reproduce.ts";
import { prepareRun } from "../run.ts";
import type { AtomicityOutput } from "../schemas.ts";
import { formatBounds, formatCount } from "../text.ts";

interface AtomicityFlags extends TargetFlags {
  readonly maxStarts: number;
  readonly maxSeconds: number;
  readonly json?: boolean;
}

// The state is known by names only.
// oxlint-disable-next-line no-explicit-any
type AnyStep = ActionInstance<any>;
type AnyAnomaly = Anomaly<unknown>;
type AnyPair = PairReport<unknown>;

export const atomicityCommand = buildCommand<AtomicityFlags, [], Context>({
  parameters: {
    flags: {
      ...targetFlags,
      maxStarts: {
        kind: "parsed",
        parse: parseWhole,
        default: "40",
        placeholder: "N",
        brief: "States at rest from which pairs are tried, nearest first",
      },
      maxSeconds: {
        kind: "parsed",
        parse: parseSeconds,
        default: "60",
        placeholder: "N",
        brief: "Stop after so many seconds",
      },
      json: jsonFlag(),
    },
  },
  docs: {
    brief: "For each pair of hypercalls: does every overlap end as one of the two orders could?",
    customUsage: [
      "[--design NAME] [--scenario NAME] [--size SIZE] [--max-starts N] [--max-seconds N] [--json]",
    ],
    fullDescription: [
      "Two CPUs make one call each, from states at rest that calls one after the other lead to. Where some overlap",
      "ends, in the whole state or in what the calls return, as neither order of the two does, the report names",
      "where the first call was interrupted, and what is different. That is no violation: a call that gives back",
      "what it took is seen by others in between. It is what a reader who thinks of hypercalls as atomic must know.",
      "The SMMU consumes commands and does nothing else.",
      "",
      "Exit codes: 0 all pairs were tried from all states at rest, 2 a limit ended it (the usual case).",
    ].join("\n"),
  },
  async func(flags) {
    const { io, registry } = this;
    const run = prepareRun(registry, flags);
    const { instance } = run;
    if (instance.processes.length === 0 || instance.processes[0].size < 2) {
      const { scenario } = run.target;
      throw usageError(
        `${scenario.name} has no two processes`,
        "name a scenario with two CPUs; `dmaspec list` has the bounds",
      );
    }
    const report = await withInterrupts(io, async (isInterrupted) =>
      reportAtomicity(instance, {
        maxStarts: flags.maxStarts,
        maxSeconds: flags.maxSeconds,
        isInterrupted,
        onProgress: (starts) => {
          if (io.stderr.isTTY) io.stderr.write(`\r\x1b[K${starts} states at rest`);
        },
      }),
    );
    if (io.stderr.isTTY) io.stderr.write("\r\x1b[K");
    const more = ["--max-starts", String(flags.maxStarts), "--max-seconds", String(flags.maxSeconds)];
    const reproduce = formatReproduction(run, { command: "atomicity", more });
    if (flags.json === true) {
      const output: AtomicityOutput = {
        schema: "dmaspec/atomicity@1",
        design: run.target.design.name,
        scenario: run.target.scenario.name,
        size: run.target.size,
        starts: report.starts,
        exhaustive: report.isExhaustive,
        pairs: report.pairs.map(({ calls: [first, second], tried, anomaly }) => ({
          first,
          second,
          tried,
          anomaly: anomaly === null ? null : describeAnomaly(anomaly),
        })),
        reproduce,
      };
      io.stdout.write(`${JSON.stringify(output, null, 2)}\n`);
    } else {
      const options = { width: io.stdout.columns, colors: colorsFor(io, io.stdout) };
      const { design, scenario, size, scope } = run.target;
      const lines = [
        ...wrap(`${design.name} on ${scenario.name} ${size}: ${formatBounds(scope.bounds)}`, options.width),
        "",
        ...report.pairs.flatMap((pair) => formatPair(pair, options)),
        "",
        report.isExhaustive
          ? `From all ${report.starts} states at rest.`
          : `From ${report.starts} states at rest; there are more, or the time ended.`,
        `reproduce: ${reproduce}`,
      ];
      io.stdout.write(`${lines.join("\n")}\n`);
    }
    this.exitCode = report.isExhaustive ? exitCodes.holds : exitCodes.incomplete;
  },
});

function describeAnomaly({ before, steps, switches, outcomes, nearest, differences }: AnyAnomaly) {
  const told = (list: readonly AnyStep[]) =>
    list.map((step) => ({ lane: step.lane, action: nameInstance(step) }));
  return {
    before: told(before),
    steps: told(steps),
    interruptions: [...switches],
    outcomes: [...outcomes],
    nearestOrder:
      nearest.order[0] === 0 ? ("first before second" as const) : ("second before first" as const),
    nearestOutcomes: [...nearest.outcomes],
    differences: differences.map(({ path, overlapping, serial }) => ({
      path,
      overlapping: String(overlapping),
      serial: String(serial),
    })),
  };
}

function formatPair({ calls, tried, anomaly }: AnyPair, { width, colors }: ReportOptions): string[] {
  const [first, second] = calls;
  const head = `${first} and ${second}: `;
  if (anomaly === null) {
    const pairs = `${formatCount(tried)} pairs of calls tried`;
    return wrap(`${head}${colors.green("as if one after the other")}, ${pairs}`, width, 2, 6);
  }
  const { steps, switches, nearest } = anomaly;
  const order = nearest.order[0] === 0 ? `${first} first` : `${second} first`;
  const [call] = steps;
  const parts = runsOf(steps, switches).map((run) => {
    const last = run[run.length - 1];
    const begin = run.find(({ action }) => action.at === "idle");
    const says = begin === undefined ? `${run[0].lane} goes on` : nameInstance(begin);
    return `${says}, up to "${last.action.name}"`;
  });
  const before = anomaly.before
    .filter(({ action }) => action.at === call.action.at)
    .map((of) => nameInstance(of));
  return [
    ...wrap(`${head}${colors.yellow("an overlap ends as no order does")}`, width, 2, 6),
    ...(before.length === 0 ? [] : wrap(`after ${before.join(", ")}`, width, 6)),
    ...parts.flatMap((part) => wrap(part, width, 6, 8)),
    ...anomaly.differences.flatMap(({ path, overlapping, serial }) =>
      wrap(`${path}: ${String(overlapping)}, and with ${order} ${String(serial)}`, width, 6, 8),
    ),
  ];
}

/** The steps in runs between interruptions; steps of the environment stay where they were taken. */
function runsOf(steps: readonly AnyStep[], switches: readonly number[]): AnyStep[][] {
  const bounds = [0, ...switches, steps.length];
  return bounds
    .slice(0, -1)
    .map((from, k) => steps.slice(from, bounds[k + 1]).filter(({ action }) => action.process !== undefined));
}
