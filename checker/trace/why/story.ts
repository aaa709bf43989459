/**
 * What happens in a schedule, in a few sentences: who calls what, where each is paused and what it holds, what
 * others do meanwhile, what somebody goes by that is no longer so, and what comes of it. All of it is read off the
 * steps and their reasons; steps that are not needed are passed over.
 */
import { createReference, type Reference } from "../../evaluate/reference.ts";
import type { Instance } from "../../model/model.ts";
import type { Shown } from "../format.ts";
import { framePlace, statusOf } from "../lanes.ts";
import { formatChange, formatValue, isSame, type PlainValue, toPlain } from "../plain.ts";
import {
  describeAction,
  describeInLane,
  formatCounterexample,
  nameClaim,
  nameLocks,
  type PrintOptions,
} from "../print.ts";
import type { Replay, ReplayedStep } from "../replay.ts";
import { verbOf } from "../shown.ts";
import { endOf, findTaken, nameStep, pointAt } from "../taken.ts";
import { findCause } from "./cause.ts";
import { noteReads, valueAt, withValueAt } from "../places.ts";
import { attempt, sliceBack, type StepReason } from "./slice.ts";

/** The counterexample, with what happens in it, and which steps matter. */
export function formatExplained<S>(
  of: Instance<S>,
  replay: Replay<S>,
  shown: Shown,
  options: PrintOptions,
): string[] {
  const reasons = sliceBack(of, replay, shown);
  const story = tellStory(of, replay, shown, reasons);
  return formatCounterexample(of, replay, shown, options, { reasons, story });
}

/** The sentences, five at most. */
export function tellStory<S>(
  of: Instance<S>,
  replay: Replay<S>,
  shown: Shown,
  reasons: readonly StepReason[],
): string[] {
  return new Story(of, replay, shown, reasons).tell();
}

/** Steps of one call, or of one lane that makes none, that nobody whose steps matter comes between. */
interface Part<S> {
  readonly steps: ReplayedStep<S>[];
  /** The step that makes the call, if it is among them. */
  readonly call: ReplayedStep<S> | null;
  /** How the call ends, if it does. */
  readonly ends: string | null;
}

interface Turn<S> {
  readonly lane: string;
  readonly parts: readonly Part<S>[];
}

/** Turns that are told one by one; what comes before them is told in one sentence. */
const toldTurns = 3;
/** Of the steps of a call, how many are told. */
const toldSteps = 2;
/** Changes longer than this are not told beside their step. */
const longestChange = 56;

class Story<S> {
  private readonly of: Instance<S>;
  private readonly replay: Replay<S>;
  private readonly shown: Shown;
  private readonly reasons: readonly StepReason[];
  private readonly reference: Reference<S>;
  private readonly locks: ReadonlyMap<string, string>;
  /** The steps whose calls were told. */
  private readonly toldCalls = new Set<number>();
  private readonly stale: { readonly n: number; readonly told: string } | null;
  private readonly cause: { readonly n: number; readonly broken: readonly string[] } | null;

  constructor(of: Instance<S>, replay: Replay<S>, shown: Shown, reasons: readonly StepReason[]) {
    this.of = of;
    this.replay = replay;
    this.shown = shown;
    this.reasons = reasons;
    this.reference = createReference(of);
    this.locks = nameLocks(replay.steps);
    const cause = attempt(() => findCause(of, replay, shown.name), null);
    this.cause = cause && { n: cause.step.n, broken: cause.broken };
    this.stale = this.findStaleUse();
  }

  tell(): string[] {
    const turns = this.turns();
    const early = turns.slice(0, -toldTurns);
    const late = turns.slice(-toldTurns);
    const before = early.length === 1 ? [this.tellTurn(early[0], 0, turns)] : this.tellEarly(early);
    return [
      ...before,
      ...late.map((turn, i) => this.tellTurn(turn, early.length + i, turns)),
      this.tellEnd(),
    ];
  }

  /** The turns with a step that matters; what is left of one lane with nobody between is one turn. */
  private turns(): Turn<S>[] {
    const turns: { lane: string; steps: ReplayedStep<S>[] }[] = [];
    let run: ReplayedStep<S>[] = [];
    const flush = (): void => {
      const [first] = run;
      if (first === undefined || !run.some(({ n }) => this.isEssential(n))) return;
      const last = turns.at(-1);
      if (last?.lane === first.instance.lane) last.steps.push(...run);
      else turns.push({ lane: first.instance.lane, steps: run });
    };
    for (const step of this.replay.steps) {
      if (this.reasons[step.n - 1].role === "noise") continue;
      if (run.length > 0 && run[0].instance.lane !== step.instance.lane) {
        flush();
        run = [];
      }
      run.push(step);
    }
    flush();
    return turns.map(({ lane, steps }) => ({ lane, parts: this.partsOf(steps) }));
  }

  private isEssential(n: number): boolean {
    return this.reasons[n - 1].role === "essential";
  }

  private isProcess(lane: string): boolean {
    return statusOf(this.of, this.replay.initial).some((status) => status.lane === lane);
  }

  private partsOf(steps: readonly ReplayedStep<S>[]): Part<S>[] {
    const parts: Part<S>[] = [];
    let part: ReplayedStep<S>[] = [];
    for (const [i, step] of steps.entries()) {
      part.push(step);
      const isOver = this.labelIn(step.after, step.instance.lane) === null;
      if (!isOver && i < steps.length - 1) continue;
      const call = this.labelIn(part[0].before, step.instance.lane) === null ? part[0] : null;
      parts.push({ steps: part, call, ends: isOver ? endOf(step.outcome) : null });
      part = [];
    }
    return parts;
  }

  private labelIn(state: S, lane: string): string | null {
    return statusOf(this.of, state).find((status) => status.lane === lane)?.label ?? null;
  }

  private tellTurn({ lane, parts }: Turn<S>, i: number, turns: readonly Turn<S>[]): string {
    const isLast = i === turns.length - 1;
    const previous = turns[i - 1]?.parts.at(-1);
    const isWhile = previous?.ends === null && parts[0].call !== null;
    const opening = previous === undefined ? "" : isWhile ? "Meanwhile " : "Then ";
    if (!this.isProcess(lane)) {
      const told = parts.flatMap(({ steps }) => steps.filter(({ n }) => this.isEssential(n)));
      const acts = told
        .slice(-toldSteps)
        .map((step) => `"${describeAction(step.instance)}"${this.tellPlace(step)}`);
      return `${opening}${lane} does ${acts.join(", then ")}.`;
    }
    const told = parts.map((part, k) => {
      const isLastPart = k === parts.length - 1;
      return this.tellPart(part, !isLastPart, isLast && isLastPart);
    });
    const { stale } = this;
    const goesBy = parts.some(({ steps }) => steps.some(({ n }) => n === stale?.n)) ? ` ${stale?.told}` : "";
    return `${opening}${lane} ${told.join("; it ")}.${goesBy}`;
  }

  /** A call, or what is done of it in this turn: what is told of its steps, and how it ends or where it is paused. */
  private tellPart(part: Part<S>, isBrief: boolean, isEnd: boolean): string {
    const { steps, call, ends } = part;
    const last = steps[steps.length - 1];
    const decisive = this.decisiveOf(steps, isBrief).slice(isBrief ? -1 : -toldSteps);
    const acts = decisive.map((step) => `"${this.shortName(step)}"${this.tellPlace(step)}`);
    const told = [
      this.tellCall(part),
      ...(acts.length === 0 ? [] : [`does ${acts.join(", then ")}`]),
      ...(isBrief ? [] : this.tellFailed(steps)),
    ].join(", ");
    if (ends !== null) return ends === "" ? told : `${told}, and ${ends}`;
    if (isEnd) return told;
    const held = this.locksHeld(last);
    const locks = held.length === 0 ? "" : `, holding ${held.join(" and ")}`;
    const place =
      last === call
        ? "at once"
        : last === decisive.at(-1)
          ? "there"
          : `after "${this.shortName(last)}" (step ${last.n})`;
    return `${told}, and is paused ${place}${locks}`;
  }

  /** The call that is made, or gone on with; one that was not told yet is told with its arguments. */
  private tellCall({ call, steps }: Part<S>): string {
    const [first] = steps;
    const made = call ?? this.callOf(first);
    const isTold = made !== null && this.toldCalls.has(made.n);
    if (made !== null) this.toldCalls.add(made.n);
    if (call !== null) {
      // A call of which no step matters only gets there: its name is enough.
      const matters = steps.some(({ n }) => this.isEssential(n));
      return `calls ${matters ? describeInLane(call.instance) : call.instance.action.name}`;
    }
    if (made === null || isTold) return `goes on in ${first.instance.action.name.split(": ")[0]}`;
    return `goes on in ${describeInLane(made.instance)}, which it called in step ${made.n}`;
  }

  /** The step that made the call in which this one is. */
  private callOf({ n, instance: { lane } }: ReplayedStep<S>): ReplayedStep<S> | null {
    const before = this.replay.steps.slice(0, n - 1);
    return (
      before.findLast((step) => step.instance.lane === lane && this.labelIn(step.before, lane) === null) ??
      null
    );
  }

  /** The last check that failed. */
  private tellFailed(steps: readonly ReplayedStep<S>[]): string[] {
    for (const { n, before, instance } of steps.toReversed()) {
      const { failed } = findTaken(this.of, before, instance);
      if (failed !== null) return [`finds that the check "${failed}" fails (step ${n})`];
    }
    return [];
  }

  private locksHeld({ after, instance: { lane } }: ReplayedStep<S>): string[] {
    const held = statusOf(this.of, after).find((status) => status.lane === lane)?.locks ?? [];
    return held.map((place) => this.locks.get(place) ?? place);
  }

  /** Several turns in one sentence: the calls alone. */
  private tellEarly(turns: readonly Turn<S>[]): string[] {
    const told = turns
      .filter(({ lane }) => this.isProcess(lane))
      .map(({ lane, parts }) => {
        const calls = parts.map((part) => {
          const last = part.steps[part.steps.length - 1];
          const end =
            part.ends === null
              ? last === part.call
                ? ""
                : `, as far as "${this.shortName(last)}" (step ${last.n})`
              : part.ends === ""
                ? ""
                : `, which ${part.ends}`;
          return `${this.tellCall(part)}${end}`;
        });
        return `${lane} ${calls.join(", ")}`;
      });
    return told.length === 0 ? [] : [`First, ${told.join("; ")}.`];
  }

  /**
   * The steps that the end, or somebody else's step, depends on, and the first that breaks anything; where there is
   * none, and the call is not told in brief, the last one that matters.
   */
  private decisiveOf(steps: readonly ReplayedStep<S>[], isBrief: boolean): ReplayedStep<S>[] {
    const decisive = steps.filter(({ n, instance }) => {
      if (this.cause?.n === n) return true;
      return this.reasons[n - 1].needs.some(
        ({ by }) => by === null || this.replay.steps[by - 1].instance.lane !== instance.lane,
      );
    });
    const inside = decisive.filter(({ instance }) => pointAt(this.of, instance) !== null);
    if (inside.length > 0 || isBrief) return inside;
    return steps
      .filter(({ n, instance }) => this.isEssential(n) && pointAt(this.of, instance) !== null)
      .slice(-1);
  }

  private shortName(step: ReplayedStep<S>): string {
    const name = nameStep(step);
    return name.includes(": ") ? name.slice(name.indexOf(": ") + 2) : name;
  }

  /** Behind a step's name: its number, its function, what it changed that matters, what it is the first to break. */
  private tellPlace(step: ReplayedStep<S>): string {
    const { mirrors } = findTaken(this.of, step.before, step.instance).origin;
    const needed = new Set(this.reasons[step.n - 1].needs.map(({ place }) => place));
    const frame = framePlace(this.of, step.instance);
    const changes = step.changes
      .filter(
        ({ path }) =>
          needed.has(path) && !path.endsWith(".holder") && (frame === null || !path.startsWith(frame)),
      )
      .map((change) => formatChange(change))
      .filter((change) => change.length <= longestChange);
    const isFirst = this.cause?.n === step.n && !this.cause.broken.includes(this.shown.name);
    const told = [
      `step ${step.n}`,
      // The version is that of the design, and stands in the schedule.
      ...(mirrors === undefined ? [] : [mirrors.replaceAll(/ \([^)]*\)/g, "")]),
      ...changes.slice(0, 1),
      ...(isFirst ? [`the first to break a property, ${this.cause?.broken[0] ?? ""}`] : []),
    ];
    return ` (${told.join("; ")})`;
  }

  /**
   * Who goes by what is no longer so: a step whose local was set by an earlier one of its lane from a place that
   * another lane has changed since, and would be another had it been read now. The last such step.
   */
  private findStaleUse(): { readonly n: number; readonly told: string } | null {
    const { steps } = this.replay;
    for (const user of steps.toReversed()) {
      for (const reader of steps.slice(0, user.n - 1).toReversed()) {
        const frame = framePlace(this.of, reader.instance);
        if (frame === null || reader.instance.lane !== user.instance.lane) continue;
        const needs = this.reasons[reader.n - 1].needs.filter(
          ({ place, by }) => by === user.n && place.startsWith(frame),
        );
        for (const { place } of needs) {
          const stale = this.findStale(reader, user, place);
          if (stale === null) continue;
          const now = formatValue(toPlain(valueAt(user.before, stale.read)));
          const { n, instance: by } = stale.writer;
          const told =
            `What it goes by in step ${user.n}, it read of ${stale.read} in step ${reader.n}; ` +
            `since step ${n}, by ${by.lane}, that is ${now}.`;
          return { n: user.n, told };
        }
      }
    }
    return null;
  }

  private findStale(
    reader: ReplayedStep<S>,
    user: ReplayedStep<S>,
    local: string,
  ): { readonly read: string; readonly writer: ReplayedStep<S> } | null {
    const between = this.replay.steps.slice(reader.n, user.n - 1);
    const { reads } = attempt(
      () => noteReads(this.of.shape, reader.before, (s) => reader.instance.fireAtLabel(s)),
      { result: null, reads: [] },
    );
    for (const read of reads) {
      const writer = between.findLast(
        ({ instance, changes }) =>
          instance.lane !== user.instance.lane && changes.some(({ path }) => path === read),
      );
      if (writer === undefined) continue;
      const other = withValueAt(reader.before, read, valueAt(user.before, read));
      if (!isSame(this.localAfter(reader, other, local), toPlain(valueAt(reader.after, local))))
        return { read, writer };
    }
    return null;
  }

  /** What the step makes of a place of its frame in another state; null where it cannot be taken there. */
  private localAfter({ instance }: ReplayedStep<S>, state: S, local: string): PlainValue {
    return attempt(() => {
      const taken = this.reference.step(state, instance);
      return taken === null ? null : toPlain(valueAt(taken.state, local));
    }, null);
  }

  private tellEnd(): string {
    const { shown } = this;
    const what =
      shown.explanation === "" ? shown.sentence.replace(/\.$/, "") : shown.explanation.replaceAll("\n", "; ");
    return `So ${nameClaim(shown)} ${verbOf(shown)}: ${what}.`;
  }
}
