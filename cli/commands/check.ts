/** `dmaspec check`: every interleaving of one design on one scenario. */
import { buildCommand } from "@stricli/core";
import { runCheck } from "../check-run.ts";
import type { Context } from "../context.ts";
import { searchBreadthFirst } from "../engines.ts";
import { exitCodes } from "../exit-codes.ts";
import {
  type LimitFlags,
  limitFlags,
  type ReduceFlags,
  reduceFlags,
  type SearchFlags,
  searchFlags,
  type TargetFlags,
  targetFlags,
} from "../flags.ts";
import { colorsFor } from "../io.ts";
import { describeRun } from "../json.ts";
import { writeJunit } from "../junit.ts";
import { formatReport } from "../report.ts";
import { formatReproduction } from "../reproduce.ts";
import { prepareRun } from "../run.ts";
import type { CheckOutput } from "../schemas.ts";

interface CheckFlags extends TargetFlags, LimitFlags, SearchFlags, ReduceFlags {
  readonly all?: boolean;
  readonly fingerprints?: boolean;
  /** The file for a report in JUnit's XML. */
  readonly junit?: string;
}

export const checkCommand = buildCommand<CheckFlags, [], Context>({
  parameters: {
    flags: {
      ...targetFlags,
      ...searchFlags,
      ...limitFlags,
      ...reduceFlags,
      all: {
        kind: "boolean",
        optional: true,
        withNegated: false,
        brief: "Go on past violations and decide every property",
      },
      fingerprints: {
        kind: "boolean",
        optional: true,
        withNegated: false,
        brief: "Keep 64 bits of each state: less memory, never exhaustive",
      },
      junit: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "FILE",
        brief: "Write the verdicts as JUnit's XML too: a test case for each property and witness",
      },
    },
  },
  docs: {
    brief: "Check every interleaving of a design within bounds",
    customUsage: [
      "[--design NAME] [--scenario NAME] [--size tiny|paper|soak] [--all] [--json]",
      "[--property NAME] [--trace FILE] [--junit FILE] [--power NAME=off]... [--assume NAME=off]...",
      "[--max-states N] [--max-depth N] [--memory SIZE] [--max-seconds N] [--fingerprints]",
      "[--reduce none|symmetry|locks|order|all] [--audit]",
    ],
    fullDescription: [
      "Explores every reachable state of a design on a scenario, breadth first, so that a counterexample is",
      "a shortest one. Stops at the end of the layer with the first violation; --all goes on. The trace is",
      "replayed on the reference evaluator before it is printed, and written under traces/.",
      "",
      "Exit codes: 0 holds, 1 violated, 2 incomplete (a limit, or Ctrl-C), 3 vacuous.",
      "Unless --memory says otherwise, a search takes no more than 80 % of the memory that is free. States that",
      "wait to be expanded go to the disk when they have no room in it (engine js); what is left is the table of",
      "states, of which --fingerprints keeps 64 bits each. Two states may then be taken for one: the probability",
      "is printed, and the verdict is violated or incomplete, never holds.",
      "--seed chooses the states on which the engine is compared with the reference evaluator.",
    ].join("\n"),
  },
  async func(flags) {
    const { io } = this;
    const run = prepareRun(this.registry, flags);
    const outcome = await runCheck(io, run, {
      stopAtViolation: flags.all !== true,
      limits: flags,
      fingerprints: flags.fingerprints,
      seed: flags.seed,
      audit: flags.audit ?? false,
      traceFile: flags.trace,
      ...(flags.fingerprints === true && { isBound: "fingerprints are kept by a search in JavaScript" }),
      reproduce: (property) =>
        property === undefined
          ? formatReproduction(run, { ...flags, command: "check" })
          : formatReproduction(run, { command: "check", property }),
      search: searchBreadthFirst,
    });
    if (flags.junit !== undefined) writeJunit(io, outcome, flags.junit);
    if (flags.json === true) {
      const output: CheckOutput = { schema: "dmaspec/check@1", ...describeRun(outcome) };
      io.stdout.write(`${JSON.stringify(output, null, 2)}\n`);
    } else {
      const options = { width: io.stdout.columns, colors: colorsFor(io, io.stdout) };
      io.stdout.write(`${formatReport(outcome, options).join("\n")}\n`);
    }
    this.exitCode = exitCodes[outcome.judgement.verdict];
  },
});
