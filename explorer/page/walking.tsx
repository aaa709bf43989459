/** Walking: what can be done in this state, what cannot and why, and running on until something holds. */
import { useEffect, useState } from "preact/hooks";
import type { Choices, Names, RunResult, Until } from "../engine/protocol.ts";

export function Walking(props: {
  readonly choices: Choices | null;
  readonly names: Names | null;
  /** The action that the schedule takes next, if it goes on. */
  readonly next: number | null;
  readonly take: (id: number) => void;
  readonly run: (until: Until) => Promise<RunResult>;
}) {
  const { choices, names, next, take } = props;
  const [filter, setFilter] = useState("");
  const [withRefused, setRefused] = useState(true);
  const isShown = (text: string) => text.toLowerCase().includes(filter.trim().toLowerCase());
  const enabled = choices?.enabled.filter(({ told, lane }) => isShown(`${lane} ${told}`)) ?? [];
  const refused = choices?.refused.filter(({ told, lane }) => isShown(`${lane} ${told}`)) ?? [];
  return (
    <section class="card" aria-label="Walk" data-ready={choices !== null}>
      <h2>Walk from here</h2>
      <div class="row">
        <label>
          filter{" "}
          <input
            type="search"
            value={filter}
            placeholder="cpu 1 donate"
            onInput={({ currentTarget }) => setFilter(currentTarget.value)}
          />
        </label>
        <label>
          <input
            type="checkbox"
            checked={withRefused}
            onChange={({ currentTarget }) => setRefused(currentTarget.checked)}
          />{" "}
          also what cannot be done
        </label>
      </div>
      <ul class="choices" tabIndex={0} aria-label="Steps that can be taken, and those that cannot">
        {enabled.map(({ id, lane, told }) => (
          <li key={id}>
            <button type="button" class="choice" onClick={() => take(id)}>
              <span class="lane-name">{lane}</span> {told}
              {id === next ? <em> (the schedule’s next step)</em> : null}
            </button>
          </li>
        ))}
        {withRefused
          ? refused.map(({ lane, told, because }) => (
              <li key={`${lane} ${told}`} class="refused">
                <span class="lane-name">{lane}</span> {told}
                <span class="because">✗ {because}</span>
              </li>
            ))
          : null}
      </ul>
      {choices !== null && enabled.length + refused.length === 0 ? <p>Nothing matches.</p> : null}
      <RunOn names={names} run={props.run} />
    </section>
  );
}

function RunOn({ names, run }: { names: Names | null; run: (until: Until) => Promise<RunResult> }) {
  const [goal, setGoal] = useState("");
  const [place, setPlace] = useState("pages[0].owner");
  const [value, setValue] = useState("hypervisor");
  const [said, setSaid] = useState("");
  const [isRunning, setRunning] = useState(false);
  useEffect(() => setGoal(names === null ? "" : `broken:${names.properties[0] ?? ""}`), [names]);
  const start = async (): Promise<void> => {
    const [kind, ...rest] = goal.split(":");
    const name = rest.join(":");
    const until: Until =
      kind === "place"
        ? { kind: "place", place, is: value }
        : { kind: kind === "witness" ? "witness" : "broken", name };
    setRunning(true);
    setSaid("running …");
    try {
      const { path, states, exhausted } = await run(until);
      const count = states.toLocaleString("en-US");
      setSaid(
        path !== null
          ? `reached in ${path.length} more steps (${count} states)`
          : exhausted
            ? `cannot be reached from here (all ${count} states tried)`
            : `not found in ${count} states: \`dmaspec check\` searches further`,
      );
    } catch (error) {
      setSaid(error instanceof Error ? error.message : String(error));
    } finally {
      setRunning(false);
    }
  };
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault();
        void start();
      }}
    >
      <label>
        run until{" "}
        <select value={goal} onChange={({ currentTarget }) => setGoal(currentTarget.value)}>
          <optgroup label="a property is broken">
            {names?.properties.map((name) => (
              <option key={name} value={`broken:${name}`}>
                {name}
              </option>
            ))}
          </optgroup>
          <optgroup label="a witness is reached">
            {names?.witnesses.map((name) => (
              <option key={name} value={`witness:${name}`}>
                {name}
              </option>
            ))}
          </optgroup>
          <option value="place:">a place has a value</option>
        </select>
      </label>
      {goal === "place:" ? (
        <>
          <label>
            place <input value={place} onInput={({ currentTarget }) => setPlace(currentTarget.value)} />
          </label>
          <label>
            is <input value={value} onInput={({ currentTarget }) => setValue(currentTarget.value)} />
          </label>
        </>
      ) : null}
      <button type="submit" disabled={isRunning}>
        run
      </button>
      <span role="status">{said}</span>
    </form>
  );
}
