/** `dmaspec simulate`: random walks, for bounds that are too large to exhaust. */
import { buildCommand } from "@stricli/core";
import { runCheck } from "../check-run.ts";
import type { Context } from "../context.ts";
import { walkAtRandom } from "../engines.ts";
import { exitCodes } from "../exit-codes.ts";
import {
  type LimitFlags,
  limitFlags,
  parseWhole,
  type SearchFlags,
  searchFlags,
  type TargetFlags,
  targetFlags,
} from "../flags.ts";
import { colorsFor } from "../io.ts";
import { describeRun } from "../json.ts";
import { formatReport } from "../report.ts";
import { formatReproduction } from "../reproduce.ts";
import { prepareRun } from "../run.ts";
import type { SimulateOutput } from "../schemas.ts";

interface SimulateFlags extends TargetFlags, LimitFlags, SearchFlags {
  readonly walks: number;
}

/** Steps in a walk, at most, when `--max-depth` does not say. */
const defaultSteps = 200;

export const simulateCommand = buildCommand<SimulateFlags, [], Context>({
  parameters: {
    flags: {
      ...targetFlags,
      ...searchFlags,
      ...limitFlags,
      walks: {
        kind: "parsed",
        parse: parseWhole,
        default: "10000",
        placeholder: "N",
        brief: "How many walks",
      },
    },
  },
  docs: {
    brief: "Walk through a design at random; finds violations, never shows their absence",
    customUsage: [
      "[--design NAME] [--scenario NAME] [--size SIZE] [--seed N] [--walks N] [--max-depth N] [--json]",
    ],
    fullDescription: [
      "Random walks from an initial state, each step chosen among all that are possible; the same --seed walks",
      "the same way, by however many --workers. A walk has at most",
      `${defaultSteps} steps, or as many as --max-depth says. What it finds is real and is replayed before it is printed,`,
      "but not shortest; what it does not find may still be there, so the verdict is never `holds`.",
      "",
      "Exit codes: 1 violated, 2 incomplete (no walk found a violation).",
    ].join("\n"),
  },
  async func(flags) {
    const { io } = this;
    const { seed, walks } = flags;
    const run = prepareRun(this.registry, flags);
    const depth = flags.maxDepth ?? defaultSteps;
    const more = ["--seed", String(seed), "--walks", String(walks)];
    const outcome = await runCheck(io, run, {
      stopAtViolation: true,
      limits: flags,
      seed,
      traceFile: flags.trace,
      found: `walk-${seed}`,
      reproduce: (property = flags.property) =>
        formatReproduction(run, {
          ...flags,
          ...(property === undefined ? {} : { property }),
          command: "simulate",
          more,
        }),
      search: (evaluator, options) => walkAtRandom(evaluator, { ...options, walks, depth, seed }),
    });
    if (flags.json === true) {
      const own = { schema: "dmaspec/simulate@1" as const, seed, walks, stepsPerWalk: depth };
      const output: SimulateOutput = { ...own, ...describeRun(outcome) };
      io.stdout.write(`${JSON.stringify(output, null, 2)}\n`);
    } else {
      const options = { width: io.stdout.columns, colors: colorsFor(io, io.stdout) };
      io.stdout.write(`${formatReport(outcome, options).join("\n")}\n`);
    }
    this.exitCode = exitCodes[outcome.judgement.verdict];
  },
});
