/** The `dmaspec` command: parses the arguments, runs a command, and turns what it says into an exit code. */
import {
  type ApplicationText,
  ArgumentParseError,
  buildApplication,
  buildRouteMap,
  run,
  text_en as defaultText,
} from "@stricli/core";
import { ModelError } from "../checker/errors.ts";
import { atomicityCommand } from "./commands/atomicity.ts";
import { benchCommand } from "./commands/bench.ts";
import { checkCommand } from "./commands/check.ts";
import { coverageCommand } from "./commands/coverage.ts";
import { examplesCommand } from "./commands/examples.ts";
import { exploreCommand } from "./commands/explore.ts";
import { exportCommand } from "./commands/export.ts";
import { ledgerCommand } from "./commands/ledger.ts";
import { listCommand } from "./commands/list.ts";
import { matrixCommand } from "./commands/matrix.ts";
import { minimiseCommand } from "./commands/minimise.ts";
import { mutateCommand } from "./commands/mutate.ts";
import { noninterferenceCommand } from "./commands/noninterference.ts";
import { replayCommand } from "./commands/replay.ts";
import { resumeCommand } from "./commands/resume.ts";
import { simulateCommand } from "./commands/simulate.ts";
import { startCommand } from "./commands/start.ts";
import { teethCommand } from "./commands/teeth.ts";
import { whyCommand } from "./commands/why.ts";
import { whyNotCommand } from "./commands/why-not.ts";
import type { Context } from "./context.ts";
import { loadDesigns } from "./designs.ts";
import { exitCodes, ReportedError } from "./exit-codes.ts";
import { type Io, processIo } from "./io.ts";
import type { Registry } from "./registry.ts";
import { readVersion } from "./version.ts";

const description = [
  "Checks that a malicious host can never make a device reach memory that is not the host's, in models of",
  "pKVM's IOMMU support: every interleaving of hypercalls, SMMU and devices, within stated bounds.",
  "",
  "EXAMPLES",
  "  npx dmaspec start                            the verdict table, and a counterexample in words",
  "  npx dmaspec check --design pv-rfc2           a schedule that breaks a design, if there is one",
  "  npx dmaspec why traces/FILE.json             why that schedule fails: which steps matter, and what is safe",
  "  npx dmaspec explore traces/FILE.json         the same in a web page, where other roads can be taken",
  "  npx dmaspec check --design pv --size paper   the corrected design, in larger bounds",
  "",
  "VERDICTS, and the exit codes of `check`",
  "  0  holds       every state reachable within the printed bounds was seen, and no property is broken",
  "  1  violated    a property is broken; the shortest schedule is printed and written under traces/",
  "  2  incomplete  a limit or Ctrl-C ended the search first: nothing was shown",
  "  3  vacuous     nothing is broken, but a declared witness was never reached: too little was tried",
  "Of every command:",
  "  4 a trace that the model does not accept   64 a mistake in the call   70 an error of dmaspec or a model",
  "`matrix`, `teeth` and `start` exit 0 when every design that claims to hold does, and 1 otherwise.",
].join("\n");

const routes = buildRouteMap({
  routes: {
    start: startCommand,
    list: listCommand,
    check: checkCommand,
    resume: resumeCommand,
    simulate: simulateCommand,
    replay: replayCommand,
    why: whyCommand,
    "why-not": whyNotCommand,
    minimise: minimiseCommand,
    examples: examplesCommand,
    explore: exploreCommand,
    export: exportCommand,
    matrix: matrixCommand,
    teeth: teethCommand,
    mutate: mutateCommand,
    coverage: coverageCommand,
    atomicity: atomicityCommand,
    noninterference: noninterferenceCommand,
    ledger: ledgerCommand,
    bench: benchCommand,
  },
  docs: { brief: "Check models of DMA isolation in pKVM", fullDescription: description },
});

/**
 * Runs the command with the arguments after its name; resolves to the exit code. Tests give their own world
 * and their own designs.
 */
export async function main(
  argv: readonly string[],
  io: Io = processIo(),
  registry?: Registry,
): Promise<number> {
  const withDebug = (io.env.DMASPEC_DEBUG ?? "") !== "";
  const text = textFor(withDebug);
  const application = buildApplication(routes, {
    name: "dmaspec",
    versionInfo: { currentVersion: readVersion() },
    scanner: { caseStyle: "allow-kebab-for-camel", allowArgumentEscapeSequence: true },
    documentation: {
      caseStyle: "convert-camel-to-kebab",
      onlyRequiredInUsageLine: true,
      disableAnsiColor: true,
    },
    localization: { text },
    determineExitCode: exitCodeOf,
  });
  const streams = { stdout: io.stdout, stderr: io.stderr };
  const stricliProcess: Context["process"] = {
    ...streams,
    env: { ...io.env, STRICLI_SKIP_VERSION_CHECK: "1" },
  };
  const context: Context = {
    process: stricliProcess,
    io,
    registry: registry ?? loadDesigns(),
    exitCode: exitCodes.holds,
  };
  await run(application, argv.length === 0 ? ["--help"] : argv, context);
  const code = Number(stricliProcess.exitCode ?? 0);
  if (code === 0) return context.exitCode;
  // The parser's own codes are negative: every one of them is a mistake in the call, or an error of ours.
  if (code > 0) return code;
  return code === -4 || code === -5 ? exitCodes.usage : exitCodes.internal;
}

function exitCodeOf(error: unknown): number {
  return error instanceof ReportedError ? error.exitCode : exitCodes.internal;
}

/** The parser's texts: an error is a sentence with its remedy, and a stack trace only where asked for. */
function textFor(withDebug: boolean): ApplicationText {
  const tell = (error: unknown): string => describeError(error, withDebug);
  const tellUsage = (error: unknown): string => {
    if (error instanceof ArgumentParseError && error.exception instanceof ReportedError) {
      return `--${error.externalFlagNameOrPlaceholder}: ${tell(error.exception)}`.replace(
        ": dmaspec: ",
        ": ",
      );
    }
    return `${error instanceof Error ? error.message : String(error)}\nhelp: npx dmaspec --help`;
  };
  return {
    ...defaultText,
    exceptionWhileParsingArguments: (error) => `dmaspec: ${tellUsage(error)}`,
    exceptionWhileLoadingCommandFunction: tell,
    exceptionWhileLoadingCommandContext: tell,
    exceptionWhileRunningCommand: tell,
    commandErrorResult: tell,
    noCommandRegisteredForInput: ({ input, corrections }) => {
      const near = corrections.length === 0 ? "" : `; did you mean "${corrections[0]}"?`;
      return `dmaspec: there is no command "${input}"${near}\nhelp: npx dmaspec --help`;
    },
  };
}

/** An error in words: what is wrong, and what to do about it. */
export function describeError(error: unknown, withDebug: boolean): string {
  const stack = withDebug && error instanceof Error ? `\n${error.stack ?? ""}${describeCause(error)}` : "";
  if (error instanceof ReportedError) {
    return `dmaspec: ${error.message}${tellRemedy(error)}${stack}`;
  }
  if (error instanceof ModelError) {
    return `dmaspec: the model is at fault: [${error.code}] ${error.what}\n  remedy: ${error.remedy}${stack}`;
  }
  const message = error instanceof Error ? error.message : String(error);
  const hint = withDebug ? "" : "\n  set DMASPEC_DEBUG=1 to see where";
  return `dmaspec: internal error: ${message}${hint}${stack}`;
}

function tellRemedy({ remedy, reproduce }: ReportedError): string {
  return (
    (remedy === "" ? "" : `\n  remedy: ${remedy}`) + (reproduce === "" ? "" : `\nreproduce: ${reproduce}`)
  );
}

function describeCause(error: Error): string {
  return error.cause instanceof Error ? `\ncaused by ${error.cause.stack ?? error.cause.message}` : "";
}
