/** What is true in the state shown: what is broken, who is where, what the step changed, the whole state. */
import { useState } from "preact/hooks";
import { formatValue } from "../../checker/trace/plain.ts";
import { isViolation } from "../../checker/trace/shown.ts";
import type { Safe, Timeline } from "../engine/protocol.ts";
import { concerns, placesOf } from "./places.ts";

export function Banner({ timeline, cursor }: { timeline: Timeline; cursor: number }) {
  const { broken } = timeline.states[cursor];
  const last = timeline.states.length - 1;
  const ends = timeline.states[last].broken.at(0);
  if (broken.length === 0) {
    return (
      <section class="banner ok" aria-label="Verdict">
        <h2>No property is broken here</h2>
        <p>
          {ends === undefined
            ? "Nor at the end of this schedule."
            : `${ends.title} is, at the end of this schedule, after step ${last}: “${ends.sentence}”`}
        </p>
      </section>
    );
  }
  const [first, ...others] = broken;
  const isWitness = !isViolation(first);
  return (
    <section class={`banner ${isWitness ? "ok" : "bad"}`} aria-label="Verdict">
      <h2>
        <span class={isWitness ? "" : "bad-word"}>{isWitness ? "●" : "✗"}</span> {first.title}{" "}
        {isWitness ? "is reached" : "is broken"} after {cursor === 1 ? "1 step" : `${cursor} steps`}
      </h2>
      <p>“{first.sentence}”</p>
      {first.explanation === "" ? null : <p class="bad-word">{first.explanation}</p>}
      {others.length === 0 ? null : (
        <details>
          <summary>
            {others.length === 1 ? "another property is" : `${others.length} other instances are`} broken here
            too
          </summary>
          {others.map(({ title, explanation }) => (
            <p key={title}>
              <b>{title}</b>: {explanation}
            </p>
          ))}
        </details>
      )}
    </section>
  );
}

/** What happens in a schedule that fails, and how near another one is that does not. */
export function Story(props: {
  readonly timeline: Timeline;
  readonly findSafe: () => Promise<Safe>;
  /** Goes to a schedule, at the step at which it parts from this one. */
  readonly follow: (path: readonly number[]) => void;
}) {
  const { timeline, findSafe, follow } = props;
  const [found, setFound] = useState<{ readonly of: Timeline; readonly safe: Safe } | null>(null);
  const safe = found?.of === timeline ? found.safe : null;
  const [isLooking, setLooking] = useState(false);
  const look = async (): Promise<void> => {
    setLooking(true);
    try {
      setFound({ of: timeline, safe: await findSafe() });
    } catch (reason) {
      const told = reason instanceof Error ? reason.message : String(reason);
      setFound({ of: timeline, safe: { told, path: null } });
    }
    setLooking(false);
  };
  if (timeline.story.length === 0) return null;
  const { path } = safe ?? { path: null };
  return (
    <details class="card" open aria-label="What happens">
      <summary>
        <h2>What happens</h2>
      </summary>
      {timeline.story.map((sentence) => (
        <p key={sentence}>{sentence}</p>
      ))}
      <p role="status">
        {safe === null ? null : (
          <>
            <b>The nearest schedule that does not fail:</b> {safe.told}{" "}
          </>
        )}
        {path === null ? null : (
          <button type="button" onClick={() => follow(path)}>
            walk it
          </button>
        )}
        {safe === null ? (
          <button type="button" disabled={isLooking} onClick={() => void look()}>
            {isLooking ? "looking …" : "look for the nearest schedule that does not fail"}
          </button>
        ) : null}
      </p>
    </details>
  );
}

export function Processes({ timeline, cursor }: { timeline: Timeline; cursor: number }) {
  const { lanes } = timeline.states[cursor];
  if (lanes.length === 0) return null;
  return (
    <section class="card" aria-label="Calls and locks">
      <h2>Calls and locks</h2>
      <table class="places">
        <tbody>
          {lanes.map(({ lane, label, locks }) => (
            <tr key={lane}>
              <th scope="row">{lane}</th>
              <td>
                {label === null ? "in no call" : label.startsWith("PANIC") ? label : `before “${label}”`}
              </td>
              <td>{locks.length === 0 ? "" : `holds ${locks.join(", ")}`}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

export function Changes(props: {
  readonly timeline: Timeline;
  readonly cursor: number;
  readonly filterRef: { current: HTMLInputElement | null };
}) {
  const { timeline, cursor, filterRef } = props;
  const [isFull, setFull] = useState(false);
  const [filter, setFilter] = useState("");
  const step = cursor === 0 ? null : timeline.steps[cursor - 1];
  const matches = (path: string) => path.toLowerCase().includes(filter.trim().toLowerCase());
  const changed = step?.changes ?? [];
  const rows = isFull
    ? placesOf(timeline.states[cursor].state).map(({ path, value }) => {
        const change = changed.find((each) => concerns(each.path, path));
        return { path, from: change?.from, to: value };
      })
    : changed.map(({ path, from, to }) => ({ path, from, to }));
  const shown = rows.filter(({ path }) => matches(path));
  return (
    <section class="card" aria-label="State">
      <h2>{isFull ? "The whole state" : "What this step changed"}</h2>
      {step === null || step.mirrors === null ? null : (
        <p>
          mirrors <code>{step.mirrors}</code>
        </p>
      )}
      <div class="row">
        <label>
          <input
            type="checkbox"
            checked={isFull}
            onChange={({ currentTarget }) => setFull(currentTarget.checked)}
          />{" "}
          whole state
        </label>
        <label>
          filter{" "}
          <input
            ref={filterRef}
            type="search"
            value={filter}
            placeholder="pages, tlb, pgtLock …"
            onInput={({ currentTarget }) => setFilter(currentTarget.value)}
          />
        </label>
      </div>
      {shown.length === 0 ? (
        <p>{step === null && !isFull ? "No step has been taken yet." : "Nothing here."}</p>
      ) : (
        <table class="places mono">
          <tbody>
            {shown.map(({ path, from, to }) => (
              <tr key={path} class={isFull && from !== undefined ? "changed" : ""}>
                <td>{path}</td>
                <td class="value">
                  {from === undefined ? null : (
                    <>
                      {formatValue(from)} <span class="arrow">→</span>{" "}
                    </>
                  )}
                  {formatValue(to)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
