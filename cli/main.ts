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
import { commands } from "./commands.ts";
import type { Context } from "./context.ts";
import { loadAllDesigns, loadDesignsOfCall } from "./designs-of-call.ts";
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

function loadDesigns(argv: readonly string[]): Promise<Registry> {
  const [name] = argv;
  const isAboutOne = Object.hasOwn(commands, name) && commands[name].looksAt === "a design";
  return isAboutOne ? loadDesignsOfCall(argv) : loadAllDesigns();
}

/** The command that the arguments name, or all of them, for help and for mistakes. */
async function loadRoutes(argv: readonly string[]) {
  const [name] = argv;
  const loaders = Object.entries(commands).filter(
    ([known]) => !Object.hasOwn(commands, name) || known === name,
  );
  const loaded = loaders.map(async ([known, { load }]) => [known, await load()] as const);
  return buildRouteMap({
    routes: Object.fromEntries(await Promise.all(loaded)),
    docs: { brief: "Check models of DMA isolation in pKVM", fullDescription: description },
  });
}

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
  const given = argv.length === 0 ? ["--help"] : argv;
  const application = buildApplication(await loadRoutes(given), {
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
  let context: Context | null = null;
  await run(application, given, {
    process: stricliProcess,
    // Help and mistakes need no designs.
    forCommand: async () => {
      const designs = registry ?? (await loadDesigns(given));
      context = { process: stricliProcess, io, registry: designs, exitCode: exitCodes.holds };
      return context;
    },
  });
  const code = Number(stricliProcess.exitCode ?? 0);
  if (code === 0) return (context as Context | null)?.exitCode ?? exitCodes.holds;
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
