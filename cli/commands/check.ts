/** `dmaspec check`: every interleaving of one design on one scenario. */
import { resolve } from "node:path";
import { buildCommand } from "@stricli/core";
import { hasMoreToDo } from "../../checker/search/result.ts";
import { type CheckpointRequest, type Outcome, runCheck } from "../check-run.ts";
import { hasCheckpoint, type OpenedCheckpoint } from "../checkpoint-file.ts";
import type { Context } from "../context.ts";
import { searchBreadthFirst } from "../engines.ts";
import { exitCodes, usageError } from "../exit-codes.ts";
import {
  parseSeconds,
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
import { isReducing } from "../reduced-search.ts";
import { type Preparation, prepareRun } from "../run.ts";
import type { CheckOutput } from "../schemas.ts";
import { quoteForShell } from "../text.ts";

/** Seconds between two checkpoints, at least, where nobody says. */
const defaultCheckpointSeconds = 60;

export interface CheckFlags extends TargetFlags, LimitFlags, SearchFlags, ReduceFlags {
  readonly all?: boolean;
  readonly fingerprints?: boolean;
  /** Tell every verdict and witness, not only what is violated. */
  readonly verdicts?: boolean;
  /** The folder for checkpoints. */
  readonly checkpoint?: string;
  readonly checkpointSeconds?: number;
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
      verdicts: {
        kind: "boolean",
        optional: true,
        withNegated: false,
        brief: "List the verdict of every property, and every witness",
      },
      checkpoint: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "DIR",
        brief: "Keep the run in this folder, for `dmaspec resume DIR`",
      },
      checkpointSeconds: {
        kind: "parsed",
        parse: parseSeconds,
        optional: true,
        placeholder: "N",
        brief: `Write a checkpoint at most every N seconds [default = ${defaultCheckpointSeconds}]`,
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
      "[--max-states N] [--max-depth N] [--memory SIZE] [--max-seconds N] [--fingerprints] [--verdicts]",
      "[--reduce auto|none|symmetry|locks|order|all] [--audit]",
      "[--checkpoint DIR] [--checkpoint-seconds N]",
    ],
    fullDescription: [
      "Explores every reachable state of a design on a scenario, breadth first, so that a counterexample is",
      "a shortest one. Stops at the end of the layer with the first violation; --all goes on. The trace is",
      "replayed on the reference evaluator before it is printed, and written under traces/.",
      "",
      "Exit codes: 0 holds, 1 violated, 2 incomplete (a limit, or Ctrl-C), 3 vacuous.",
      "Unless --memory says otherwise, a search takes no more than 80 % of the memory that is free. States that",
      "wait to be expanded go to the disk when they have no room in it, which the engine js can do and wasm cannot:",
      "so with --memory and without --workers, auto is js. What is left is the table of states, of which",
      "--fingerprints keeps 64 bits each. Two states may then be taken for one: the probability is printed, and",
      "the verdict is violated or incomplete, never holds.",
      "--seed chooses the states on which the engine is compared with the reference evaluator.",
      "--reduce auto searches without reductions first, which is faster for what is small; where memory ends, or (without",
      "--all) there are more than 8 million states, and nothing is violated, again with all. The report says which were used,",
      "and by how much there are fewer states.",
      "--checkpoint keeps table, frontier and counts in a folder: from time to time, at a limit, and at Ctrl-C.",
      "`dmaspec resume DIR` goes on from there, and ends as the run would have ended. A run with a verdict takes",
      "its checkpoint away.",
    ].join("\n"),
  },
  async func(flags) {
    const run = prepareRun(this.registry, flags);
    await checkAndTell(this, run, flags, checkpointOf(this, flags));
  },
});

/** Where a new run is kept. Throws usage errors. */
function checkpointOf({ io }: Context, flags: CheckFlags): CheckpointRequest | undefined {
  if (flags.checkpoint === undefined) return undefined;
  if (isReducing(flags.reduce) || flags.audit === true) {
    throw usageError(
      "a run with reductions cannot be kept, because it may search more than once",
      "leave --reduce and --audit away, or --checkpoint",
    );
  }
  if (hasCheckpoint(resolve(io.cwd, flags.checkpoint))) {
    throw usageError(
      `${flags.checkpoint} has the checkpoint of another run`,
      "go on with it (dmaspec resume), name another folder, or remove it",
    );
  }
  return requestCheckpoint(io, flags, flags.checkpoint, null);
}

/** How a run's checkpoints are kept. */
export function requestCheckpoint(
  io: Context["io"],
  flags: CheckFlags,
  folder: string,
  opened: OpenedCheckpoint | null,
): CheckpointRequest {
  const every = flags.checkpointSeconds ?? defaultCheckpointSeconds;
  return { folder: resolve(io.cwd, folder), every, opened, flags };
}

/** Searches and reports, as `check` and `resume` do. */
export async function checkAndTell(
  context: Context,
  run: Preparation,
  flags: CheckFlags,
  checkpoint: CheckpointRequest | undefined,
): Promise<void> {
  const { io } = context;
  const outcome = await runCheck(io, run, {
    stopAtViolation: flags.all !== true,
    limits: flags,
    fingerprints: flags.fingerprints,
    seed: flags.seed,
    audit: flags.audit ?? false,
    traceFile: flags.trace,
    checkpoint,
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
    const isBrief = flags.verdicts !== true;
    const options = { width: io.stdout.columns, colors: colorsFor(io, io.stdout), isBrief };
    io.stdout.write(`${formatReport(outcome, options).join("\n")}\n`);
  }
  context.exitCode = exitCodes[outcome.judgement.verdict];
  closeCheckpoints(io, outcome, flags.checkpoint ?? "");
}

/** Says how to go on with a run that has more to do; a run with its verdict takes its checkpoint away. */
function closeCheckpoints(io: Context["io"], { checkpoints, result }: Outcome, folder: string): void {
  if (checkpoints === null) return;
  if (!hasMoreToDo(result.ending)) checkpoints.dispose();
  else if (checkpoints.hasOne) io.stderr.write(`to go on: npx dmaspec resume ${quoteForShell(folder)}\n`);
}
