/**
 * Why a schedule fails, for people: the steps that matter with what depends on them, the others in one line for a
 * run of them; who is where; what else could have been done; the nearest schedule that does not fail.
 */
import type { Colors } from "picocolors/types.js";
import type { Instance } from "../../model/model.ts";
import { type LaneMark, layOutRows, type Row, wrap } from "../columns.ts";
import type { Shown } from "../format.ts";
import { statusOf } from "../lanes.ts";
import { formatChange } from "../plain.ts";
import {
  countOf,
  describeStatus,
  describeInLane,
  describeStep,
  describeTaken,
  formatEnd,
  formatHeading,
  formatLegend,
  formatStory,
  lanesInOrder,
  markOf,
  nameLocks,
  type PrintOptions,
} from "../print.ts";
import type { Replay, ReplayedStep } from "../replay.ts";
import { nameStep, tellFunctions } from "../taken.ts";
import { isViolation } from "../shown.ts";
import type { Road } from "./roads.ts";
import type { SafeSearch } from "./safe.ts";
import type { StepReason } from "./slice.ts";

export interface Why<S> {
  /** What happens, in sentences. */
  readonly story: readonly string[];
  readonly reasons: readonly StepReason[];
  readonly roads: readonly Road<S>[];
  readonly nearest: SafeSearch<S>;
}

/** Of the roads not taken, how many are listed. */
const listedRoads = 12;

export function formatWhy<S>(
  of: Instance<S>,
  replay: Replay<S>,
  shown: Shown,
  why: Why<S>,
  options: PrintOptions,
): string[] {
  const { width, colors } = options;
  return [
    ...formatHeading(replay, shown, options),
    "",
    ...formatStory(why.story, options),
    "",
    `${colors.bold("what matters")}: of ${countOf(replay.steps.length, "step")} ${countRoles(why.reasons)}`,
    ...layOutRows(lanesInOrder(of, replay), rowsOf(of, replay, why.reasons, colors), width, colors),
    ...formatEnd(of, replay, width),
    ...formatLegend(
      of,
      replay.steps.filter((_, i) => why.reasons[i].role === "essential"),
      options,
    ),
    ...formatRoads(of, replay, shown, why.roads, options),
    ...formatSafe(of, replay, shown, why, options),
  ];
}

/** How many steps are of each role, in words. */
export function countRoles(reasons: readonly StepReason[]): string {
  const count = (role: string) => reasons.filter((reason) => reason.role === role).length;
  return [
    `${count("essential")} are essential`,
    `${count("context")} get there`,
    ...(count("noise") === 0 ? [] : [`without ${count("noise")} it ends the same`]),
  ].join(", ");
}

function rowsOf<S>(
  of: Instance<S>,
  { steps }: Replay<S>,
  reasons: readonly StepReason[],
  colors: Colors,
): Row[] {
  const rows: Row[] = [];
  const lockNames = nameLocks(steps);
  const essential = steps.filter((_, i) => reasons[i].role === "essential");
  const functions = new Map(tellFunctions(of, essential).map((told, i) => [essential[i].n, told ?? ""]));
  for (let i = 0; i < steps.length; i++) {
    const first = i;
    const { lane } = steps[i].instance;
    const { role } = reasons[i];
    if (role !== "essential")
      while (i + 1 < steps.length && steps[i + 1].instance.lane === lane && reasons[i + 1].role === role) i++;
    const step = steps[i];
    const marks = new Map<string, LaneMark>(
      statusOf(of, step.after).map((status) => [status.lane, markOf(status)]),
    );
    const add = (text: string, paint: (line: string) => string) =>
      rows.push({ n: null, lane, text, marks, indent: 2, paint });
    if (role === "essential") {
      const aside = functions.get(step.n) ?? "";
      rows.push({
        n: step.n,
        lane,
        text: describeStep(of, step),
        marks,
        indent: 2,
        paint: colors.bold,
        aside,
      });
      for (const line of reasonsOf(step, reasons[i])) add(line, colors.cyan);
    } else {
      const run = steps.slice(first, i + 1);
      rows.push({ n: run[0].n, lane, text: collapse(of, run, role), marks, indent: 2, paint: colors.dim });
    }
    const next = steps[i + 1]?.instance.lane;
    const own = statusOf(of, step.after).find((status) => status.lane === lane);
    if (own !== undefined && own.label !== null && next !== undefined && next !== lane)
      add(`(paused ${describeStatus(own, lockNames)})`, colors.yellow);
  }
  return rows;
}

/** What the step changed that something depends on, and what does. */
function reasonsOf<S>({ changes }: ReplayedStep<S>, { needs }: StepReason): string[] {
  const places = [...new Set(needs.map(({ place }) => place))];
  return places.map((place) => {
    const by = needs.filter((need) => need.place === place).map((need) => need.by);
    const steps = by.filter((n) => n !== null);
    const users = [
      ...(steps.length === 0 ? [] : [`step ${steps.join(", ")}`]),
      ...(by.includes(null) ? ["what the schedule shows"] : []),
    ];
    const change = changes.find(({ path }) => path === place);
    return `${change === undefined ? "" : formatChange(change)}  (needed by ${users.join(" and ")})`.trim();
  });
}

/** A run of one lane's steps of which none is essential, in one line. */
function collapse<S>(of: Instance<S>, steps: readonly ReplayedStep<S>[], role: string): string {
  const what = role === "noise" ? "not needed: " : "";
  const [first] = steps;
  const last = steps[steps.length - 1];
  if (steps.length === 1) return `${what}${describeStep(of, first)}`;
  const told =
    steps.length === 2 ? `; ${describeStep(of, last)}` : ` … to step ${last.n}: ${describeStep(of, last)}`;
  return `${what}${nameStep(first)}${told}`;
}

function formatRoads<S>(
  of: Instance<S>,
  replay: Replay<S>,
  shown: Shown,
  roads: readonly Road<S>[],
  { width, colors }: PrintOptions,
): string[] {
  if (replay.steps.length === 0) return [];
  const { before } = replay.steps[replay.steps.length - 1];
  const safe = roads.filter(({ shows }) => !shows);
  const rest = safe.length - listedRoads;
  const also = roads.length - safe.length;
  return [
    "",
    `${colors.bold(`instead of step ${replay.steps.length}`)}, ${countOf(roads.length, "other step")} could have been taken${also === 0 ? "" : `, ${also} of which ${isViolation(shown) ? "break it too" : "reach it too"}`}:`,
    ...safe
      .slice(0, listedRoads)
      .flatMap(({ instance, outcome }) =>
        wrap(`${instance.lane}: ${describeTaken(of, before, instance, outcome)}`, width, 2, 6),
      ),
    ...(rest > 0 ? [colors.dim(`  and ${rest} more`)] : []),
  ];
}

/** Of what goes otherwise in the nearest safe schedule, how much is listed. */
const listedDifferences = 4;

/** The nearest safe schedule in a paragraph, or why there is none; nothing for what is no violation. */
export function tellSafe<S>(
  of: Instance<S>,
  { steps }: Replay<S>,
  shown: Shown,
  reasons: readonly StepReason[],
  { safe, tried }: SafeSearch<S>,
): string | null {
  if (!isViolation(shown) || steps.length === 0) return null;
  const lanes = new Set(
    steps.filter((_, i) => reasons[i].role === "essential").map((step) => step.instance.lane),
  );
  if (safe === null) {
    if (tried === 0)
      return `none by another order: every essential step is one of ${[...lanes].join("")}, whatever others do.`;
    const swaps = countOf(tried, "swap");
    return `none found: no reordering of two essential steps of different agents saves it (${swaps} tried, the closest first, each run on to the end of its calls).`;
  }
  const told = new Set<number>();
  const tell = (n: number): string => {
    const { lane } = steps[n - 1].instance;
    if (told.has(n)) return `step ${n} of ${lane}`;
    told.add(n);
    return `step ${n} (${lane}: ${describeStep(of, steps[n - 1])})`;
  };
  const moved = `${tell(safe.moved)} ${safe.place} ${tell(safe.other)}, the rest as before.`;
  const ends = safe.otherEnds.map(({ call, ends: end }) => `${call.lane}'s ${describeInLane(call)} ${end}`);
  const gone = safe.impossible.filter((n) => reasons[n - 1].role === "essential").map((n) => tell(n));
  const list = (all: readonly string[]): string =>
    all.length <= listedDifferences
      ? all.join("; ")
      : `${all.slice(0, listedDifferences).join("; ")}; and ${all.length - listedDifferences} more`;
  return [
    moved,
    ...(gone.length === 0 ? [] : [`What cannot be done any more: ${list(gone)}.`]),
    ...(ends.length === 0 ? [] : [`Then ${list(ends)}.`]),
    ...(safe.breaks.length === 0 ? [] : [`It still breaks ${list(safe.breaks)}.`]),
  ].join(" ");
}

function formatSafe<S>(
  of: Instance<S>,
  replay: Replay<S>,
  shown: Shown,
  { reasons, nearest }: Why<S>,
  { width, colors }: PrintOptions,
): string[] {
  const told = tellSafe(of, replay, shown, reasons, nearest);
  if (told === null) return [];
  return ["", colors.bold("the nearest schedule that does not fail"), ...wrap(told, width, 2, 4)];
}
