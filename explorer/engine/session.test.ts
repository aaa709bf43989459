import { describe, expect, test } from "vitest";
import { explore } from "../../checker/index.ts";
import { replayPath } from "../../checker/trace/replay.ts";
import { toPlain } from "../../checker/trace/plain.ts";
import type { Target } from "./protocol.ts";
import { runUntil } from "./run-until.ts";
import { findSafe, listCatalogue, listChoices, listNames, makeTimeline, openTarget } from "./session.ts";

const on = (design: string, scenario: string): Target => ({
  design,
  scenario,
  size: "tiny",
  powersOff: [],
  assumptionsOff: [],
});
const table = on("philosophers", "3seats");

test("every design of the catalogue opens at its initial state, and something can be done there", () => {
  const { designs } = listCatalogue();
  expect(designs.length).toBeGreaterThan(5);
  for (const { name, defaultScenario, scenarios } of designs) {
    const size = scenarios.find((each) => each.name === defaultScenario)?.sizes[0] ?? "";
    const target = { ...on(name, defaultScenario), size };
    const timeline = makeTimeline({ target, initial: 0, path: [] }, null);
    expect(timeline.states).toHaveLength(1);
    expect(listChoices({ target, initial: 0, path: [] }).enabled.length).toBeGreaterThan(0);
    expect(listNames(target).properties.length).toBeGreaterThan(0);
  }
});

describe("a counterexample", () => {
  const deadlock = async () => {
    const { of } = openTarget(table);
    const { violations } = await explore(of);
    const found = violations.find(({ kind }) => kind === "deadlock");
    if (found === undefined) throw new Error("no deadlock");
    return { of, path: found.path };
  };

  test("its timeline has the states of its replay, and is broken at the end only", async () => {
    const { of, path } = await deadlock();
    const replay = replayPath(of, path);
    const timeline = makeTimeline({ target: table, initial: 0, path: path.instances }, null);
    expect(timeline.stopped).toBeNull();
    expect(timeline.states.map(({ state }) => state)).toEqual([
      toPlain(replay.initial),
      ...replay.steps.map(({ after }) => toPlain(after)),
    ]);
    expect(timeline.states.map(({ broken }) => broken.map(({ name }) => name))).toEqual([
      ...replay.steps.map(() => []),
      ["no-deadlock"],
    ]);
    expect(timeline.steps.filter(({ role }) => role === "essential")).toHaveLength(3);
    expect(timeline.story.length).toBeGreaterThan(0);
    expect(timeline.story.at(-1)).toContain("no-deadlock");
  });

  test("no order of its steps saves it, and what does not fail needs no saving", async () => {
    const { path } = await deadlock();
    const route = { target: table, initial: 0, path: path.instances };
    expect(findSafe(route, null)).toEqual({ told: expect.stringContaining("none found"), path: null });
    const before = { ...route, path: path.instances.slice(0, -1) };
    expect(findSafe(before, null)).toEqual({ told: null, path: null });
    expect(makeTimeline(before, null).story).toEqual([]);
  });

  test("what can be done there is what the reference evaluator does, and the rest has a reason", async () => {
    const { of, path } = await deadlock();
    const route = { target: table, initial: 0, path: path.instances.slice(0, -1) };
    const { reference } = openTarget(table);
    const state = replayPath(of, { initial: 0, instances: route.path }).final;
    const { enabled, refused } = listChoices(route);
    expect(enabled.map(({ id }) => id)).toEqual(
      of.instances.filter((instance) => reference.step(state, instance) !== null).map(({ id }) => id),
    );
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.filter(({ because }) => because.includes("held by philosopher"))).not.toHaveLength(0);
  });

  test("a run finds the deadlock in as few steps as the search", async () => {
    const { path } = await deadlock();
    const found = runUntil({ target: table, initial: 0, path: [] }, { kind: "broken", name: "no-deadlock" });
    expect(found.path).toHaveLength(path.instances.length);
  });
});

test("a run to a value of a place ends where it has it; what cannot be is tried to the end", () => {
  const route = { target: table, initial: 0, path: [] };
  const { path } = runUntil(route, { kind: "place", place: "forks[1].holder", is: "0" });
  const reached = makeTimeline({ ...route, path: path ?? [] }, null).states.at(-1)?.state;
  expect(reached).toMatchObject({ forks: [{}, { holder: 0 }, {}] });
  const never = runUntil(route, { kind: "place", place: "forks[9].holder", is: "0" });
  expect(never).toMatchObject({ path: null, exhausted: true });
});

test("a step that cannot be taken ends the timeline, with the reason", () => {
  const { of } = openTarget(table);
  const late = of.instances.find(({ action }) => action.name === "dine: acquire left fork")?.id ?? -1;
  const timeline = makeTimeline({ target: table, initial: 0, path: [late] }, null);
  expect(timeline.steps).toHaveLength(0);
  expect(timeline.stopped).toContain("is in no call");
});
