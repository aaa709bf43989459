/**
 * A counterexample for people: the broken sentence, the culprits with their values, then the numbered steps
 * in lanes, each with all its arguments, its outcome and what it changed.
 *
 * Left out, because every step has them: the move of a control label, the copying of a call's arguments
 * into its frame, and the reset of the frame when the call ends. The trace file has them all.
 */
import type { Colors } from "picocolors/types.js";
import type { ActionInstance, Instance } from "../model/model.ts";
import type { Action } from "../model/rule.ts";
import { type LaneMark, layOutRows, type Row, wrap } from "./columns.ts";
import type { Shown, TraceArguments } from "./format.ts";
import { findProcess, framePlace, type ProcessStatus, statusOf } from "./lanes.ts";
import { type Change, formatChange, formatValue, isSame, type PlainValue } from "./plain.ts";
import type { Replay, ReplayedStep } from "./replay.ts";
import { isViolation, verbOf } from "./shown.ts";
import type { Role, StepReason } from "./why/slice.ts";
import { findWords } from "./legend.ts";
import { endOf, findTaken, nameStep, pointAt, tellFunctions } from "./taken.ts";

export interface PrintOptions {
  /** Columns of the terminal. */
  readonly width: number;
  readonly colors: Colors;
}

/** A property's instance in words: `dma-isolation(page: 3)`. */
export function nameClaim({ name, args }: Pick<Shown, "name" | "args">): string {
  const list = Object.entries(args).map(([arg, value]) => `${arg}: ${formatValue(value)}`);
  return list.length === 0 ? name : `${name}(${list.join(", ")})`;
}

/** `1,234,567`. */
export function formatCount(n: number): string {
  // By hand: the first use of the platform's own takes longer than many a search.
  return String(Math.round(n)).replaceAll(/\B(?=(\d{3})+$)/g, ",");
}

/** `1 step`, `7 steps`. */
export function countOf(n: number, one: string, several = `${one}s`): string {
  return `${formatCount(n)} ${n === 1 ? one : several}`;
}

/** What happens, a paragraph for each sentence. */
export function formatStory(story: readonly string[], { width, colors }: PrintOptions): string[] {
  return [colors.bold("what happens"), ...story.flatMap((sentence) => wrap(sentence, width, 2, 4))];
}

/** The counterexample as lines, with what is known of why it ends so; else without marks, and with all its words. */
export function formatCounterexample<S>(
  of: Instance<S>,
  replay: Replay<S>,
  shown: Shown,
  { width, colors }: PrintOptions,
  { story, reasons }: Explained = { story: [], reasons: [] },
): string[] {
  const matters = replay.steps.filter((_, i) => reasons.length === 0 || reasons[i].role === "essential");
  return [
    ...formatHeading(replay, shown, { width, colors }),
    "",
    ...(story.length === 0 ? [] : [...formatStory(story, { width, colors }), ""]),
    ...(reasons.length === 0 ? [] : [...wrap(signs, width, 2).map((line) => colors.dim(line)), ""]),
    ...formatSteps(of, replay, { width, colors }, reasons),
    ...formatEnd(of, replay, width),
    ...formatLegend(of, matters, { width, colors }),
  ];
}

const signs =
  "* matters, │ in a call, ┃ holding a lock; at the right edge, where it changes, the kernel function that a step mirrors";

/** What is known of why a schedule ends as it does: what happens in it, and the roles of its steps. */
export interface Explained {
  readonly story: readonly string[];
  readonly reasons: readonly Pick<StepReason, "role">[];
}

/** What the words in the steps mean, as far as the model says so. */
export function formatLegend<S>(
  of: Instance<S>,
  steps: readonly ReplayedStep<S>[],
  { width, colors }: PrintOptions,
): string[] {
  const words = findWords(
    of,
    steps.map((step) => ({
      action: step.instance.action,
      // What a lock is for is in its name.
      places: visibleChanges(of, step).flatMap(({ path }) => (path.endsWith(".holder") ? [] : [path])),
    })),
  );
  if (words.length === 0) return [];
  const text = words.map(({ word, meaning }) => `${word}: ${meaning}`).join("; ");
  return ["", ...wrap(`words: ${text}.`, width, 2, 4).map((line) => colors.dim(line))];
}

/** What is broken, the sentence, and the violation with its values. */
export function formatHeading<S>(replay: Replay<S>, shown: Shown, { width, colors }: PrintOptions): string[] {
  const verb = verbOf(shown);
  const mark = isViolation(shown) ? colors.red("✗") : colors.green("●");
  const length = countOf(replay.steps.length, "step");
  return [
    `${mark} ${colors.bold(nameClaim(shown))} ${verb} after ${length}`,
    ...wrap(`“${shown.sentence}”`, width, 2, 3),
    ...formatExplanation(shown).flatMap((line) => wrap(line, width, 2, 4).map((part) => colors.red(part))),
  ];
}

function formatExplanation({ explanation }: Shown): string[] {
  return explanation === "" ? [] : explanation.split("\n");
}

/** The steps alone, in lanes; where their reasons are known, with marks for what is essential and what is noise. */
export function formatSteps<S>(
  of: Instance<S>,
  replay: Replay<S>,
  { width, colors }: PrintOptions,
  reasons?: readonly Pick<StepReason, "role">[],
): string[] {
  const { initialName, steps } = replay;
  const start =
    Object.keys(of.model.initial).length > 1 ? [`      from the initial state "${initialName}"`] : [];
  if (steps.length === 0) return start.length > 0 ? start : ["      (in the initial state, before any step)"];
  return [
    ...start,
    ...layOutRows(lanesInOrder(of, replay), rowsOf(of, steps, colors, reasons), width, colors),
  ];
}

/** The lanes that act: processes in the order of the model, then the others in the order of their first step. */
export function lanesInOrder<S>(of: Instance<S>, { initial, steps }: Replay<S>): string[] {
  const acting = new Set(steps.map(({ instance }) => instance.lane));
  const processLanes = statusOf(of, initial).map(({ lane }) => lane);
  return [
    ...processLanes.filter((lane) => acting.has(lane)),
    ...[...acting].filter((lane) => !processLanes.includes(lane)),
  ];
}

const roleMarks: Readonly<Record<Role, string>> = { essential: "*", context: "", noise: "-" };

function rowsOf<S>(
  of: Instance<S>,
  steps: readonly ReplayedStep<S>[],
  colors: Colors,
  reasons: readonly Pick<StepReason, "role">[] = [],
): Row[] {
  const functions = tellFunctions(of, steps);
  const lockNames = nameLocks(steps);
  return steps.flatMap((step, i): Row[] => {
    const { lane } = step.instance;
    const statuses = statusOf(of, step.after);
    const marks = new Map(statuses.map((status) => [status.lane, markOf(status)]));
    const rows: Row[] = [];
    const previous = steps[i - 1]?.instance.lane;
    if (previous !== undefined && previous !== lane) {
      const between = new Map(statusOf(of, step.before).map((status) => [status.lane, markOf(status)]));
      rows.push({ n: null, lane: null, text: "", marks: between });
    }
    const aside = functions[i] ?? "";
    const sign = reasons.length === 0 ? "" : roleMarks[reasons[i].role];
    rows.push({ n: step.n, sign, lane, text: describeStep(of, step), marks, indent: 2, aside });
    const changes = visibleChanges(of, step);
    const oneLine = changes.map((change) => formatChange(change)).join("; ");
    const texts = oneLine.length <= 60 ? [oneLine] : changes.map((change) => formatChange(change));
    if (changes.length > 0) {
      rows.push(...texts.map((text) => ({ n: null, lane, text, marks, indent: 2, paint: colors.cyan })));
    }
    const next = steps[i + 1]?.instance.lane;
    const own = statuses.find((status) => status.lane === lane);
    if (own !== undefined && own.label !== null && next !== undefined && next !== lane) {
      rows.push({
        n: null,
        lane,
        text: `(paused ${describeStatus(own, lockNames)})`,
        marks,
        indent: 2,
        paint: colors.yellow,
      });
    }
    return rows;
  });
}

/** How the process looks in its lane. */
export function markOf({ label, locks }: ProcessStatus): LaneMark {
  if (locks.length > 0) return "holds a lock";
  return label === null ? "away" : "in a call";
}

/** What ran, with its arguments, and what came of it. */
export function describeStep<S>(of: Instance<S>, { before, instance, outcome }: ReplayedStep<S>): string {
  return describeTaken(of, before, instance, outcome);
}

/** The same of an action that can be taken in a state. */
export function describeTaken<S>(
  of: Instance<S>,
  state: S,
  instance: ActionInstance<S>,
  outcome: string,
): string {
  const { failed } = findTaken(of, state, instance);
  const ran = nameStep({ instance, outcome });
  const fails = `the check "${failed}" fails`;
  const isOnlyCheck = failed !== null && ran.endsWith(`: not: ${failed}`);
  const name = isOnlyCheck ? `${ran.slice(0, -`not: ${failed}`.length)}${fails}` : ran;
  const came = [...(failed === null || isOnlyCheck ? [] : [fails]), endOf(outcome)].filter(
    (part) => part !== "",
  );
  const { action, args } = instance;
  // Within a call, the process is that of its lane.
  const call = describeNamed(name, pointAt(of, instance) === null ? args : withoutProcess(action, args));
  return came.length === 0 ? call : `${call} = ${came.join("; ")}`;
}

/** An action with all its arguments. */
export function describeAction<S>({ action, args }: ActionInstance<S>): string {
  return describeNamed(action.name, args);
}

/** An action without the process that its lane names. */
export function describeInLane<S>({ action, args }: ActionInstance<S>): string {
  return describeNamed(action.name, withoutProcess(action, args));
}

function withoutProcess<S>({ process }: Action<S>, args: TraceArguments): TraceArguments {
  return Object.fromEntries(Object.entries(args).filter(([name]) => name !== process));
}

/** A name with arguments: `map_pages(cpu: 0, ...)`, `consume SYNC (smmu: 0)`. */
export function describeNamed(name: string, args: TraceArguments): string {
  const list = Object.entries(args).map(([arg, value]) => `${arg}: ${formatValue(value as PlainValue)}`);
  // A name that is a phrase keeps its distance from the arguments.
  const gap = name.includes(" ") ? " " : "";
  return list.length === 0 ? name : `${name}${gap}(${list.join(", ")})`;
}

/** The names of locks by their places, as the steps that acquire them call them. */
export function nameLocks<S>(steps: readonly ReplayedStep<S>[]): ReadonlyMap<string, string> {
  return new Map(
    steps.flatMap((step) => {
      const [, name] = /: acquire (.+)$/.exec(nameStep(step)) ?? [];
      const place = step.changes.find(({ path }) => path.endsWith(".holder"))?.path;
      return name === undefined || place === undefined ? [] : [[place.replace(/\.holder$/, ""), name]];
    }),
  );
}

/** Where the process is, and the locks that it holds: by their names, or by their places where these are not known. */
export function describeStatus(
  { label, locks }: ProcessStatus,
  names: ReadonlyMap<string, string> = new Map(),
): string {
  const where = label === null ? "idle" : label.startsWith("PANIC") ? label : `before "${label}"`;
  return locks.length === 0
    ? where
    : `${where}, holding ${locks.map((place) => names.get(place) ?? place).join(", ")}`;
}

/** What a step changed, without what every step changes. */
export function visibleChanges<S>(
  of: Instance<S>,
  { instance, changes, after }: ReplayedStep<S>,
): readonly Change[] {
  const place = framePlace(of, instance);
  if (place === null) return changes;
  const process = findProcess(of, instance);
  const isIdle = statusOf(of, after).find(({ lane }) => lane === instance.lane)?.label === null;
  return changes.filter(({ path, to }) => {
    if (!path.startsWith(place)) return true;
    const field = path.slice(place.length);
    if (field === process?.control || isIdle) return false;
    const isCall = instance.action.at === process?.idle;
    return !(isCall && Object.hasOwn(instance.args, field) && isSame(instance.args[field], to));
  });
}

/** Where the processes are in the end, those in a call; none: nothing. */
export function formatEnd<S>(of: Instance<S>, replay: Replay<S>, width: number): string[] {
  const lockNames = nameLocks(replay.steps);
  const busy = statusOf(of, replay.final).filter(({ label, locks }) => label !== null || locks.length > 0);
  const lines = busy.flatMap((status) =>
    wrap(`at the end: ${status.lane} is ${describeStatus(status, lockNames)}`, width, 2, 4),
  );
  return lines.length === 0 ? [] : ["", ...lines];
}
