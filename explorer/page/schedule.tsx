/** The schedule: a row for each step, with a track for every lane, lock, queue and cache. */
import { useEffect, useRef } from "preact/hooks";
import type { Broken, Timeline, TimelineStep } from "../engine/protocol.ts";
import { formatChange } from "../../checker/trace/plain.ts";
import { isViolation } from "../../checker/trace/shown.ts";
import { type Track, tracksOf } from "./drawing.ts";

/** The lanes of processes, and those that act. */
function lanesOf({ lanes, steps, states }: Timeline): string[] {
  const acting = new Set(steps.map(({ lane }) => lane));
  const processes = new Set(states[0].lanes.map(({ lane }) => lane));
  return lanes.filter((lane) => acting.has(lane) || processes.has(lane));
}

export function Schedule(props: {
  readonly timeline: Timeline;
  readonly cursor: number;
  readonly goTo: (cursor: number) => void;
}) {
  const { timeline, cursor, goTo } = props;
  const { steps, states } = timeline;
  const lanes = lanesOf(timeline);
  const tracks = tracksOf(states.map(({ state }) => state));
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    list.current?.querySelector('[aria-current="step"]')?.scrollIntoView({ block: "nearest" });
  }, [cursor, timeline]);
  return (
    <nav class="schedule" aria-label="Schedule">
      <div class="controls">
        <button type="button" disabled={cursor === 0} onClick={() => goTo(0)}>
          start
        </button>
        <button type="button" disabled={cursor === 0} onClick={() => goTo(cursor - 1)}>
          back
        </button>
        <button type="button" disabled={cursor === steps.length} onClick={() => goTo(cursor + 1)}>
          next
        </button>
        <button type="button" disabled={cursor === steps.length} onClick={() => goTo(steps.length)}>
          end
        </button>
        <span class="where" role="status">
          {cursor === 0 ? `before the first of ${steps.length} steps` : `step ${cursor} of ${steps.length}`}
        </span>
      </div>
      <div class="lanes" aria-hidden="true">
        <span class="n" />
        {[...lanes, ...tracks.map(({ name }) => name)].map((name) => (
          <span key={name} class="track-name">
            {name}
          </span>
        ))}
      </div>
      <ol class="steps" ref={list}>
        <li>
          <button
            type="button"
            class="step"
            aria-current={cursor === 0 ? "step" : undefined}
            onClick={() => goTo(0)}
          >
            <span class="n">0</span>
            {[...lanes, ...tracks.map(({ name }) => name)].map((name) => (
              <span key={name} class="track" />
            ))}
            <span class="text">
              {timeline.initialNames.length > 1 ? "an initial state" : "the initial state"}
            </span>
          </button>
        </li>
        {steps.map((step, i) => (
          <li key={i}>
            <Row
              step={step}
              n={i + 1}
              timeline={timeline}
              lanes={lanes}
              tracks={tracks}
              isCurrent={cursor === i + 1}
              goTo={goTo}
            />
          </li>
        ))}
      </ol>
    </nav>
  );
}

function Row(props: {
  readonly step: TimelineStep;
  readonly n: number;
  readonly timeline: Timeline;
  readonly lanes: readonly string[];
  readonly tracks: readonly Track[];
  readonly isCurrent: boolean;
  readonly goTo: (cursor: number) => void;
}) {
  const { step, n, timeline, lanes, tracks, isCurrent, goTo } = props;
  const { lanes: statuses, broken, state } = timeline.states[n];
  const markOf = (lane: string): string => {
    const status = statuses.find((each) => each.lane === lane);
    if (status === undefined || (status.label === null && status.locks.length === 0)) return "";
    return status.locks.length > 0 ? "lock" : "call";
  };
  const before = new Set(timeline.states[n - 1].broken.map(({ title }) => title));
  const fresh = broken.filter(({ title }) => !before.has(title));
  const breaks = fresh.filter((each) => isViolation(each));
  const reaches = fresh.filter((each) => !isViolation(each));
  return (
    <button
      type="button"
      class={`step ${step.role} ${breaks.length > 0 ? "broken" : ""}`}
      aria-current={isCurrent ? "step" : undefined}
      onClick={() => goTo(n)}
    >
      <span class="n">{n}</span>
      {lanes.map((lane) => (
        <span key={lane} class={`track ${markOf(lane)} ${lane === step.lane ? "here" : ""}`} />
      ))}
      {tracks.map((track) => (
        <span key={track.name} class={`track ${track.isOn(state) ? track.kind : ""}`} />
      ))}
      <span class="text">
        <span class="visually-hidden">{step.lane}: </span>
        <b>{step.told}</b>
        {step.enters === null ? null : <span class="function">in {step.enters}</span>}
        {breaks.length > 0 ? <strong class="why bad-word">✗ breaks {tellBroken(breaks)}</strong> : null}
        {reaches.length > 0 ? <strong class="why">● reaches {tellBroken(reaches)}</strong> : null}
        {reasonsOf(step).map((reason) => (
          <span key={reason} class="why">
            {reason}
          </span>
        ))}
      </span>
    </button>
  );
}

/** The first by its name, the others by their number. */
function tellBroken([first, ...others]: readonly Broken[]): string {
  return others.length === 0 ? first.title : `${first.title}, and ${others.length} more`;
}

/** What the step changed that something depends on. */
function reasonsOf({ needs, changes }: TimelineStep): string[] {
  return [...new Set(needs.map(({ place }) => place))].map((place) => {
    const by = needs
      .filter((need) => need.place === place)
      .map((need) => (need.by === null ? "what the schedule shows" : `step ${need.by}`));
    const change = changes.find(({ path }) => path === place);
    return `${change === undefined ? "" : formatChange(change)} — needed by ${by.join(", ")}`;
  });
}
