/** `dmaspec resume`: goes on with a run that was kept in checkpoints. */
import { buildCommand } from "@stricli/core";
import { type CheckpointRun, openCheckpoint } from "../checkpoint-file.ts";
import type { Context } from "../context.ts";
import type { EngineChoice } from "../engines.ts";
import { usageError } from "../exit-codes.ts";
import { jsonFlag, type LimitFlags, limitFlags, searchFlags } from "../flags.ts";
import { computeProgramDigest } from "../program-digest.ts";
import { prepareRun } from "../run.ts";
import { readVersion } from "../version.ts";
import { checkAndTell, type CheckFlags, requestCheckpoint } from "./check.ts";
import { resolve } from "node:path";

interface ResumeFlags extends LimitFlags {
  readonly workers?: number;
  readonly json?: boolean;
}

export const resumeCommand = buildCommand<ResumeFlags, [string], Context>({
  parameters: {
    flags: { ...limitFlags, workers: searchFlags.workers, json: jsonFlag() },
    positional: {
      kind: "tuple",
      parameters: [{ brief: "The folder of `check --checkpoint`", parse: String, placeholder: "DIR" }],
    },
  },
  docs: {
    brief: "Go on with a check that was interrupted, from its last checkpoint",
    customUsage: [
      "DIR [--max-states N] [--max-depth N] [--memory SIZE] [--max-seconds N] [--workers N] [--json]",
    ],
    fullDescription: [
      "Goes on where the last checkpoint in the folder was written, keeps it up to date, and ends with the counts,",
      "the digest and the verdict of a run that was not interrupted. Limits are those of the run unless they are",
      "given anew; --max-seconds counts from now. The engine is the one that wrote the checkpoint.",
      "",
      "A checkpoint of another model, of another version of dmaspec or of its models' text, or one that is not",
      "whole, is refused. Exit codes are those of `check`.",
    ].join("\n"),
  },
  async func(given, folder) {
    const opened = openCheckpoint(resolve(this.io.cwd, folder));
    const { run: saved } = opened;
    requireSameProgram(saved, folder);
    const flags: CheckFlags = {
      ...(saved.flags as CheckFlags),
      ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
      json: given.json ?? false,
      engine: saved.engine as EngineChoice,
      checkpoint: folder,
    };
    const run = prepareRun(this.registry, flags);
    if (run.modelDigest !== saved.modelDigest) {
      throw usageError(
        `the checkpoint in ${folder} is of another model: ${flags.design} has changed since`,
        "begin the run anew",
      );
    }
    await checkAndTell(this, run, flags, requestCheckpoint(this.io, flags, folder, opened));
  },
});

/** Throws a usage error if other code wrote the checkpoint: its states may not be those of today's. */
function requireSameProgram(saved: CheckpointRun, folder: string): void {
  if (saved.version !== readVersion()) {
    throw usageError(
      `the checkpoint in ${folder} was written by version ${saved.version}, and this is ${readVersion()}`,
      "go on with the version that wrote it, or begin the run anew",
    );
  }
  if (saved.programDigest === computeProgramDigest()) return;
  throw usageError(
    `the checkpoint in ${folder} was written by other sources of dmaspec or its models than these`,
    "go on with the sources that wrote it, or begin the run anew",
  );
}
