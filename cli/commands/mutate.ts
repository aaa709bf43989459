/** `dmaspec mutate`: every small change of a design's procedures, and which of them nothing notices. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { buildCommand } from "@stricli/core";
import { wrap } from "../../checker/trace/columns.ts";
import type { Context } from "../context.ts";
import { exitCodes, usageError } from "../exit-codes.ts";
import { jsonFlag, parseSeconds, parseWhole } from "../flags.ts";
import { withInterrupts } from "../interrupt.ts";
import { colorsFor, type Io } from "../io.ts";
import { type Fate, MutantTrial } from "../mutants.ts";
import { findTarget, requireKnown } from "../registry.ts";
import { type MutateOutput, mutateSchema } from "../schemas.ts";
import { formatTable, quoteForShell } from "../text.ts";

interface MutateFlags {
  readonly design: string;
  readonly call?: readonly string[];
  readonly maxSeconds: number;
  readonly workers: number;
  readonly share?: Share;
  readonly json?: boolean;
}

/** One of several equal parts of the mutants. */
interface Share {
  readonly part: number;
  readonly of: number;
}

export const mutateCommand = buildCommand<MutateFlags, [], Context>({
  parameters: {
    flags: {
      design: { kind: "parsed", parse: String, default: "pv", placeholder: "NAME", brief: "The design" },
      call: {
        kind: "parsed",
        parse: String,
        variadic: true,
        optional: true,
        placeholder: "NAME",
        brief: "Change this hypercall; may be repeated [default: all]",
      },
      maxSeconds: {
        kind: "parsed",
        parse: parseSeconds,
        default: "30",
        placeholder: "N",
        brief: "Give one search of one mutant so many seconds",
      },
      workers: {
        kind: "parsed",
        parse: parseWhole,
        default: "1",
        placeholder: "N",
        brief: "Run in so many processes",
      },
      share: {
        kind: "parsed",
        parse: parseShare,
        optional: true,
        placeholder: "K/N",
        brief: "Run the K-th of N equal parts",
      },
      json: jsonFlag(),
    },
  },
  docs: {
    brief: "Change a design's procedures in every small way, and list what nothing notices",
    customUsage: ["[--design NAME] [--call NAME]... [--workers N] [--max-seconds N] [--json]"],
    fullDescription: [
      "Every check and step is left out, every two neighbours change places, every bracket of a lock is opened,",
      "every bound in a condition is one more and one less. Each mutant is searched at `tiny` on the scenarios",
      "that come to what it changes, until a property breaks or a declared witness is reached no more. What survives",
      "is `same` where, but for the changed place itself, the very same states are reached: within these bounds it",
      "makes no difference. All else that survives is a review queue: either the change makes no difference that",
      "matters, which a sentence says, or a property is missing. `untried` is what no scenario comes to, or ever",
      "decides otherwise: a gap of the scenarios, which `dmaspec coverage` lists.",
      "",
      "Exit codes: 0 every mutant is noticed, is `same` or `untried`, or is said to make no difference; 1 otherwise.",
    ].join("\n"),
  },
  async func(flags) {
    const { io, registry } = this;
    const { design } = findTarget(registry, { design: flags.design });
    const trial = new MutantTrial(design);
    const calls = [...new Set(trial.mutants.map(({ procedure }) => procedure))];
    for (const call of flags.call ?? []) requireKnown(`hypercall of ${design.name}`, call, calls);
    const mine = trial.mutants
      .filter(({ procedure }) => flags.call?.includes(procedure) ?? true)
      .filter((_, i) => flags.share === undefined || i % flags.share.of === flags.share.part - 1);
    const reproduce = describeCall(flags).join(" ");
    let fates: Fate[] = [];
    if (flags.workers > 1) fates = await runInProcesses(flags);
    else {
      await withInterrupts(io, async (isInterrupted) => {
        for (const [i, mutant] of mine.entries()) {
          if (io.stderr.isTTY) io.stderr.write(`\r\x1b[K${i + 1} of ${mine.length}: ${mutant.name}`);
          const reason = registry.equivalentMutants[`${design.name}: ${mutant.name}`] ?? null;
          fates.push(await trial.try(mutant, reason, { maxSeconds: flags.maxSeconds, isInterrupted }));
        }
        if (io.stderr.isTTY) io.stderr.write("\r\x1b[K");
      });
    }
    if (flags.json === true) {
      const output: MutateOutput = {
        schema: "dmaspec/mutate@1",
        design: design.name,
        weakenings: fates,
        reproduce,
      };
      io.stdout.write(`${JSON.stringify(output, null, 2)}\n`);
    } else {
      tellFates(io, fates, reproduce);
    }
    this.exitCode = fates.every((fate) => !isOpen(fate)) ? exitCodes.holds : exitCodes.violated;
  },
});

/** Is it a question that nobody has answered, or whose answer is wrong? */
function isOpen({ outcome, equivalent }: Fate): boolean {
  if (outcome === "stillborn" || outcome === "untried") return false;
  if (outcome === "same" && equivalent === null) return false;
  return (outcome === "killed") === (equivalent !== null);
}

function parseShare(text: string): Share {
  const [, part, of] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  if (Number(part) >= 1 && Number(part) <= Number(of)) return { part: Number(part), of: Number(of) };
  throw usageError(`"${text}" is no part of a whole`, "write K/N with K from 1 to N, e.g. 1/2");
}

function describeCall(flags: MutateFlags): string[] {
  return [
    "npx dmaspec mutate",
    `--design ${quoteForShell(flags.design)}`,
    ...(flags.call ?? []).map((call) => `--call ${quoteForShell(call)}`),
    `--max-seconds ${flags.maxSeconds}`,
  ];
}

/** Each process takes its share of the mutants. */
async function runInProcesses(flags: MutateFlags): Promise<Fate[]> {
  const parts = Array.from({ length: flags.workers }, (_, i) => `${i + 1}/${flags.workers}`);
  const [script] = process.argv.slice(1);
  const outputs = await Promise.all(
    parts.map(async (share) => {
      const words = [
        ...process.execArgv,
        script,
        "mutate",
        "--json",
        "--design",
        flags.design,
        "--max-seconds",
        String(flags.maxSeconds),
        "--share",
        share,
        ...(flags.call ?? []).flatMap((call) => ["--call", call]),
      ];
      const run = promisify(execFile)(process.execPath, words, { maxBuffer: 2 ** 28 });
      // A process in which something survives exits with 1, and has printed all the same.
      const { stdout } = await run.catch((error: { code?: number; stdout: string }) => {
        if (error.code === exitCodes.violated) return error;
        throw error;
      });
      return mutateSchema.parse(JSON.parse(stdout)).weakenings;
    }),
  );
  return outputs.flat();
}

function tellFates(io: Io, fates: readonly Fate[], reproduce: string): void {
  const colors = colorsFor(io, io.stdout);
  const { columns: width } = io.stdout;
  const procedures = [...new Set(fates.map(({ procedure }) => procedure))];
  const countOf = (of: readonly Fate[], outcome: Fate["outcome"]) =>
    of.filter((fate) => fate.outcome === outcome).length;
  const row = (name: string, of: readonly Fate[]): string[] => {
    const killed = countOf(of, "killed");
    const answered = of.filter((fate) => fate.outcome !== "killed" && fate.equivalent !== null).length;
    const open = of.filter((fate) => isOpen(fate)).length;
    const asked = killed + open;
    return [
      name,
      String(of.length - countOf(of, "stillborn")),
      String(killed),
      String(countOf(of, "same")),
      String(countOf(of, "untried")),
      String(answered),
      String(open),
      asked === 0 ? "" : `${Math.round((100 * killed) / asked)} %`,
    ];
  };
  const lines = [
    ...formatTable([
      ["", "mutants", "killed", "same", "untried", "answered", "open", "killed of killed and open"],
      ...procedures.map((name) =>
        row(
          name,
          fates.filter(({ procedure }) => procedure === name),
        ),
      ),
      row("all", fates),
    ]),
    "",
    ...fates
      .filter((fate) => isOpen(fate))
      .flatMap(({ name, outcome, property }) => {
        const told =
          outcome === "killed" ? `said to make no difference, but noticed by ${property}` : outcome;
        return wrap(`${colors.red(told)}: ${name}`, width, 2, 6);
      }),
    `reproduce: ${reproduce}`,
  ];
  io.stdout.write(`${lines.join("\n")}\n`);
}
