/** `dmaspec noninterference`: can the host tell apart two runs that differ in what guests keep to themselves? */
import { buildCommand } from "@stricli/core";
import { nameInstance } from "../../checker/evaluate/reference.ts";
import { type Interference, type PairedResult, searchPairs } from "../../checker/noninterference/paired.ts";
import { wrap } from "../../checker/trace/columns.ts";
import type { Context } from "../context.ts";
import { exitCodes, usageError, type Verdict } from "../exit-codes.ts";
import { jsonFlag, parseSeconds, parseWhole, type TargetFlags, targetFlags } from "../flags.ts";
import { withInterrupts } from "../interrupt.ts";
import { colorsFor, type Io } from "../io.ts";
import { formatReproduction } from "../reproduce.ts";
import { prepareRun, type Preparation } from "../run.ts";
import type { NoninterferenceOutput } from "../schemas.ts";
import { formatBounds, formatCount } from "../text.ts";

interface NoninterferenceFlags extends TargetFlags {
  readonly maxPairs: number;
  readonly maxSeconds?: number;
  readonly json?: boolean;
}

/** The scenario in which pages have contents, where none is named. */
const defaultScenario = "secrets";

export const noninterferenceCommand = buildCommand<NoninterferenceFlags, [], Context>({
  parameters: {
    flags: {
      ...targetFlags,
      maxPairs: {
        kind: "parsed",
        parse: parseWhole,
        default: "2000000",
        placeholder: "N",
        brief: "Stop after so many pairs of states",
      },
      maxSeconds: {
        kind: "parsed",
        parse: parseSeconds,
        optional: true,
        placeholder: "N",
        brief: "Stop after so many seconds",
      },
      json: jsonFlag(),
    },
  },
  docs: {
    brief: "Search pairs of runs that differ in secrets only, for what the host could tell them apart by",
    customUsage: ["[--design NAME] [--scenario NAME] [--max-pairs N] [--max-seconds N] [--json]"],
    fullDescription: [
      "Two runs take the same steps with the same choices; what guests and the hypervisor write to their pages",
      "differs. Everything that the host can access with its CPU, what its devices read, what calls return and which",
      "steps are possible must be the same in both, in every state. What is shared or given to the host is no secret.",
      "",
      "Exit codes: 0 holds (all pairs were searched, and in some of them something was hidden), 1 violated,",
      "2 incomplete (a limit), 3 vacuous (nothing was ever hidden).",
    ].join("\n"),
  },
  async func(flags) {
    const { io } = this;
    const run = prepareRun(this.registry, { ...flags, scenario: flags.scenario ?? defaultScenario });
    const { secrecy } = run.declared;
    if (secrecy === null) {
      throw usageError(
        `${run.target.design.name} has no secrets`,
        "name a design whose model declares `secrecy`",
      );
    }
    const { maxSeconds } = flags;
    const limits = maxSeconds === undefined ? {} : { maxSeconds };
    const result = await withInterrupts(io, async (isInterrupted) =>
      searchPairs(run.instance, secrecy, {
        maxPairs: flags.maxPairs,
        ...limits,
        isInterrupted,
        onProgress: (pairs) => {
          if (io.stderr.isTTY) io.stderr.write(`\r\x1b[K${formatCount(pairs)} pairs`);
        },
      }),
    );
    if (io.stderr.isTTY) io.stderr.write("\r\x1b[K");
    const verdict = verdictOf(result);
    const more = ["--max-pairs", String(flags.maxPairs)];
    const reproduce = formatReproduction(run, { command: "noninterference", more, ...limits });
    if (flags.json === true) {
      const { pairs, different, interference } = result;
      const { design, scenario, size } = run.target;
      const output: NoninterferenceOutput = {
        schema: "dmaspec/noninterference@1",
        design: design.name,
        scenario: scenario.name,
        size,
        sentence: secrecy.sentence,
        verdict,
        pairs,
        different,
        difference: interference?.difference ?? null,
        steps:
          interference?.path.map(({ step, other }) => ({
            lane: step.lane,
            action: nameInstance(step),
            other: nameInstance(other),
          })) ?? [],
        reproduce,
      };
      io.stdout.write(`${JSON.stringify(output, null, 2)}\n`);
    } else {
      io.stdout.write(`${formatResult(io, run, secrecy.sentence, verdict, result, reproduce).join("\n")}\n`);
    }
    this.exitCode = exitCodes[verdict];
  },
});

function verdictOf({ ending, different }: PairedResult<unknown>): Verdict {
  if (ending === "interference") return "violated";
  if (ending === "limit") return "incomplete";
  return different === 0 ? "vacuous" : "holds";
}

function formatResult(
  io: Io,
  { target }: Preparation,
  sentence: string,
  verdict: Verdict,
  { pairs, different, interference }: PairedResult<unknown>,
  reproduce: string,
): string[] {
  const width = io.stdout.columns;
  const colors = colorsFor(io, io.stdout);
  const { design, scenario, size, scope } = target;
  const paint = verdict === "holds" ? colors.green : colors.red;
  return [
    ...wrap(`${design.name} on ${scenario.name}, ${size}: ${formatBounds(scope.bounds)}`, width, 0, 2),
    "",
    ...wrap(`${paint(verdict)}  ${sentence}`, width, 2, 4),
    ...(interference === null ? [] : formatInterference(interference, width)),
    "",
    `${formatCount(pairs)} pairs of states, ${formatCount(different)} of them with a difference that was hidden`,
    `reproduce: ${reproduce}`,
  ];
}

function formatInterference({ path, difference }: Interference<unknown>, width: number): string[] {
  const steps = path.map(({ step, other }, i) => {
    const two = step === other ? "" : `, in the other run ${nameInstance(other)}`;
    return `${String(i + 1).padStart(4)}  ${step.lane}: ${nameInstance(step)}${two}`;
  });
  return ["", ...wrap(difference, width, 2, 4), "", ...steps.flatMap((line) => wrap(line, width, 0, 8))];
}
