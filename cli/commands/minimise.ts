/** `dmaspec minimise TRACE`: the simplest schedule that shows the same, and the weakest host that can do it. */
import { buildCommand } from "@stricli/core";
import type { ActionInstance } from "../../checker/model/model.ts";
import { createReference } from "../../checker/evaluate/reference.ts";
import { wrap } from "../../checker/trace/columns.ts";
import { countOf } from "../../checker/trace/print.ts";
import { confirmClaim, type Replay, replayPath } from "../../checker/trace/replay.ts";
import {
  countSwitches,
  dropNoise,
  elementsIn,
  reduceSwitches,
  renameInOrder,
  type Schedule,
  sortsOf,
} from "../../checker/trace/why/simplify.ts";
import { formatExplained } from "../../checker/trace/why/story.ts";
import type { Context } from "../context.ts";
import { type Counterexample, writeTrace } from "../counterexample.ts";
import { usageError } from "../exit-codes.ts";
import { jsonFlag, parseSeconds, parseWhole } from "../flags.ts";
import { colorsFor, type Io } from "../io.ts";
import { acceptTrace } from "../read-trace.ts";
import type { AnyInstance } from "../run.ts";
import type { MinimiseOutput } from "../schemas.ts";
import { formatCount, formatTable, quoteForShell } from "../text.ts";
import {
  findLeastBounds,
  findWeakestHost,
  type Removal,
  removalsOf,
  searchWithout,
  type Tried,
} from "../weakest-host.ts";

/** What the searches run on. */
const engine = "js";

interface MinimiseFlags {
  readonly out?: string;
  readonly maxStates: number;
  readonly maxSeconds: number;
  readonly json?: boolean;
}

export const minimiseCommand = buildCommand<MinimiseFlags, [string], Context>({
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [{ parse: String, placeholder: "TRACE", brief: "A trace file, as `check` writes it" }],
    },
    flags: {
      out: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "FILE",
        brief: "Where to write the simplest schedule [default: beside the trace, with -minimal]",
      },
      maxStates: {
        kind: "parsed",
        parse: parseWhole,
        default: "2_000_000",
        placeholder: "N",
        brief: "Stop each search after so many distinct states",
      },
      maxSeconds: {
        kind: "parsed",
        parse: parseSeconds,
        default: "20",
        placeholder: "N",
        brief: "Stop each search after so many seconds",
      },
      json: jsonFlag(),
    },
  },
  docs: {
    brief: "Find the simplest schedule that breaks the same property, and the weakest host that can",
    customUsage: ["TRACE [--out FILE] [--max-states N] [--max-seconds N] [--json]"],
    fullDescription: [
      "First fewer steps (a search no deeper than the trace), then fewer CPUs, pages, devices and other elements,",
      "calls and events among schedules of that length, then fewer changes from one lane to another, then small",
      "numbers in the order of first use.",
      "",
      "Then the weakest host: each power, each element and each call or event that the schedule uses is taken away,",
      "one after the other, and the model searched without it for a schedule of any length; then each bound is lowered",
      "as far as the property still breaks. What is needed is",
      "needed within the scenario's bounds and given what was taken away before; where a limit ended a search, it",
      "says so.",
      "",
      "Exit codes: 0 done, 4 the model does not accept the trace.",
    ].join("\n"),
  },
  async func(flags, file) {
    const { io } = this;
    const reproduce = `npx dmaspec minimise ${quoteForShell(file)}`;
    const { opened, replayed } = await acceptTrace(this, file, reproduce);
    const { kind } = replayed.shown;
    if (kind !== "invariant" && kind !== "step" && kind !== "deadlock")
      throw usageError(`${file} shows no violation`, "minimise a trace of a broken property");
    const { run, trace } = opened;
    const of = run.instance;
    const { maxStates, maxSeconds } = flags;
    const tell = (text: string) => io.stderr.write(io.stderr.isTTY ? `\r\u001b[K${text}` : "");
    const search = (away: readonly Removal[], what: string, maxDepth?: number) => {
      tell(`searching ${what}`);
      const limits = { maxStates, maxSeconds, ...(maxDepth === undefined ? {} : { maxDepth }) };
      return searchWithout(io, of, away, replayed.shown, engine, limits);
    };

    // Fewer steps, then fewer of everything at that length.
    const quiet = dropNoise(of, replayed.replay, replayed.shown);
    const shorter = await search([], "for fewer steps", quiet.instances.length);
    const first =
      shorter.instances !== null && shorter.instances.length < quiet.instances.length
        ? shorter.instances
        : quiet.instances;
    const removals = removalsOf(of);
    const same = await findWeakestHost({ instances: first }, removals, (away, { name }) =>
      search(away, `without ${name}, within ${countOf(first.length, "step")}`, first.length),
    );
    // The weakest host is another question: what it has counts, not how long it takes.
    const weakest = await findWeakestHost({ instances: first }, removals, (away, { name }) =>
      search(away, `without ${name}`),
    );
    const bounds = await findLeastBounds(of, weakest.away, (away, { name }) =>
      search(away, `without ${name}`),
    );
    tell("");

    const simplest = simplify(of, replayed.replay, same.instances, replayed);
    const out = flags.out ?? file.replace(/(\.json)?$/, "-minimal.json");
    const { seed } = trace;
    const written = writeTrace(io, run, simplest, out, {
      reproduce: trace.reproduce,
      engine,
      reductions: [],
      ...(seed === undefined ? {} : { seed }),
    });
    const tried = [...weakest.tried, ...bounds];
    const report = { before: replayed.replay, simplest, tried, weakest: weakest.instances, written };
    if (flags.json === true) io.stdout.write(`${JSON.stringify(describe(file, of, report), null, 2)}\n`);
    else print(io, of, report);
  },
});

interface Report {
  readonly before: Replay<unknown>;
  readonly simplest: Counterexample;
  readonly tried: readonly Tried[];
  readonly weakest: readonly ActionInstance<unknown>[];
  readonly written: string;
}

/** Fewer switches and small numbers, replayed. */
function simplify(
  of: AnyInstance,
  { initialName, initial }: Replay<unknown>,
  instances: readonly ActionInstance<unknown>[],
  { shown }: Counterexample,
): Counterexample {
  const place = createReference(of)
    .namedInitialStates()
    .findIndex(({ name }) => name === initialName);
  const replayOf = (taken: readonly ActionInstance<unknown>[]) =>
    replayPath(of, { initial: Math.max(0, place), instances: taken.map(({ id }) => id) });
  const whole = replayOf(instances);
  const claim = findClaim(of, whole, shown);
  const start = { initialName, initial };
  const schedule: Schedule<unknown> = { instances, shown: claim };
  const made = renameInOrder(of, start, reduceSwitches(of, start, schedule));
  return { shown: made.shown, replay: replayOf(made.instances) };
}

/** Which instance of the property the schedule breaks: that of the trace, or another one. */
function findClaim(of: AnyInstance, replay: Replay<unknown>, { kind, name, args }: Counterexample["shown"]) {
  const family = [...of.invariants, ...of.stepProperties].filter(({ property }) => property.name === name);
  for (const each of [args, ...family.map((member) => member.args)]) {
    const shown = confirmClaim(of, replay, { kind, name, args: each });
    if (shown !== null) return shown;
  }
  throw new Error(`the schedule found does not break ${name}`);
}

/** What a schedule uses of each sort. */
function countUsed(of: AnyInstance, instances: readonly ActionInstance<unknown>[]) {
  return Object.fromEntries(
    sortsOf(of).map((sort) => [sort, new Set(instances.flatMap((each) => elementsIn(sort, each))).size]),
  );
}

function measure(of: AnyInstance, instances: readonly ActionInstance<unknown>[]) {
  return { length: instances.length, switches: countSwitches(instances), uses: countUsed(of, instances) };
}

function describe(
  file: string,
  of: AnyInstance,
  { before, simplest, tried, weakest, written }: Report,
): MinimiseOutput {
  return {
    schema: "dmaspec/minimise@1",
    trace: file,
    out: written,
    property: simplest.shown.name,
    instance: simplest.shown.args,
    before: measure(
      of,
      before.steps.map(({ instance }) => instance),
    ),
    after: measure(
      of,
      simplest.replay.steps.map(({ instance }) => instance),
    ),
    weakest: measure(of, weakest),
    removals: tried.map(({ removal: { kind, name }, outcome, length, states }) => ({
      kind,
      name,
      outcome,
      length,
      states,
    })),
  };
}

function print(io: Io, of: AnyInstance, { before, simplest, tried, weakest, written }: Report): void {
  const colors = colorsFor(io, io.stdout);
  const [was, is] = [before.steps, simplest.replay.steps].map((steps) =>
    measure(
      of,
      steps.map(({ instance }) => instance),
    ),
  );
  const tellUses = (uses: Readonly<Record<string, number>>) =>
    Object.entries(uses)
      .filter(([, n]) => n > 0)
      .map(([sort, n]) => `${sort} ${n}`)
      .join(", ");
  const unused = tried.filter(({ outcome }) => outcome === "unused").map(({ removal: { name } }) => name);
  const rows = tried
    .filter(({ outcome }) => outcome !== "unused")
    .map(({ removal: { kind, name }, outcome, length, states }) => {
      const searched = `${formatCount(states ?? 0)} states`;
      const what = `${kind} ${name}`;
      if (outcome === "spared")
        return [colors.dim("not needed"), what, colors.dim(`${length} steps without it (${searched})`)];
      if (outcome === "needed" && states === 0)
        return [colors.bold("needed"), what, "the model counts so far, or is none without it"];
      return outcome === "needed"
        ? [colors.bold("needed"), what, `without it the property holds (${searched})`]
        : [colors.yellow("undecided"), what, `nothing found before a limit (${searched})`];
    });
  const lines = [
    ...formatExplained(of, simplest.replay, simplest.shown, { width: io.stdout.columns, colors }),
    "",
    `steps ${was.length} → ${is.length}; changes of lane ${was.switches} → ${is.switches}; uses ${tellUses(was.uses)} → ${tellUses(is.uses)}`,
    `written to ${written}`,
    "",
    colors.bold("the weakest host that breaks it"),
    ...formatTable(rows),
    ...wrap(`not needed, for the schedule does not use them: ${unused.join("; ")}`, io.stdout.columns, 2, 4),
    `With only what is needed or undecided, it takes ${countOf(weakest.length, "step")}.`,
  ];
  io.stdout.write(`${lines.join("\n")}\n`);
}
