/**
 * Attempts to fool persistent sets: a step that can be put before all others for ever, one that mends what is broken,
 * one that helps whoever waits. The error must be found all the same; and it must be that without the condition it is
 * not.
 */
import { expect, test } from "vitest";
import { createCompiled } from "../../compile/compiled.ts";
import {
  defineModel,
  environmentRule,
  type Instance,
  instantiate,
  invariant,
  type Node,
  procedure,
  range,
  record,
  repeat,
  sort,
  type StateOf,
  step,
  threads,
  wait,
} from "../../index.ts";
import { searchAll, searchAllInWasm, unconfirmed, verdictOf } from "../verdicts.ts";
import { orderSteps } from "./order.ts";
import type { Conditions } from "./persistent.ts";

const [left, right] = [sort("left"), sort("right")];
const state = record({ x: range(0, 2), y: range(0, 2), isServed: range(0, 1) });
type State = StateOf<typeof state>;
const locals = { own: range(0, 2) };
type Frame = { own: number };
type Text = readonly Node<State, Frame>[];

const set = (at: "x" | "y", to: number) =>
  step<State, Frame>(`${at} becomes ${to}`, (s) => void (s[at] = to));
const own = (to: number) => step<State, Frame>(`own becomes ${to}`, (_, c) => void (c.own = to));
const call = (name: string, body: Text) =>
  procedure<State, Record<never, never>, typeof locals>(name, { args: {}, locals }, [...body]);

const neverBoth = invariant<State, Record<never, never>>(
  "never both",
  {},
  { sentence: "x and y are not 1 at once.", holds: (s) => s.x !== 1 || s.y !== 1 },
);
const neverTwo = invariant<State, Record<never, never>>(
  "never two",
  {},
  { sentence: "y is not 2.", holds: (s) => s.y !== 2 },
);
const serve = environmentRule<State, Record<never, never>>(
  "serve",
  {},
  { when: (s) => s.x === 1 && s.isServed === 0, then: (s) => void (s.isServed = 1) },
);

/** Two kinds of processes, one each. */
function modelOf(ofLeft: Text, ofRight: Text): Instance<State> {
  const model = defineModel<State>({
    name: "fooling",
    state,
    threads: [
      threads<State, "left">(left, "lefts", [call("go left", ofLeft)]),
      threads<State, "right">(right, "rights", [call("go right", ofRight)]),
    ],
    rules: [serve],
    invariants: [neverBoth, neverTwo],
    stepProperties: [],
    witnesses: [],
  });
  return instantiate(model, { bounds: { left: 1, right: 1 } });
}

/** What the whole search finds, and one with sets: the names of what is violated, and how many states there are. */
async function search(of: Instance<State>, spoil?: (sound: Conditions) => Conditions) {
  const evaluator = createCompiled(of);
  const ordered = orderSteps(of, evaluator, { checkEvery: 0, seed: 1 }, {}, spoil);
  if ("refused" in ordered) throw new Error(ordered.refused);
  const [full, reduced] = [await searchAll(of, evaluator), await searchAll(of, ordered)];
  expect(unconfirmed(of, reduced)).toEqual([]);
  const inWasm = await searchAllInWasm(of, ordered, { space: 2 ** 26 });
  expect(inWasm.states).toBe(reduced.states);
  expect(verdictOf(of, inWasm)).toEqual(verdictOf(of, reduced));
  return {
    full: verdictOf(of, full).violated,
    reduced: verdictOf(of, reduced).violated,
    isLess: reduced.states < full.states,
  };
}

test("a loop that nobody sees does not put off what others do for ever", async () => {
  const forEver = repeat<State, Frame>("for ever", () => true, [own(1), own(2)]);
  const of = modelOf([forEver], [set("y", 2)]);
  const sound = await search(of);
  expect(sound).toMatchObject({ full: ["never two {}"], reduced: ["never two {}"] });
  // Without the heads of loops, it does.
  const spoilt = await search(of, (conditions) => ({
    ...conditions,
    loopHeads: conditions.loopHeads.map((codes) => codes.map(() => 0)),
  }));
  expect(spoilt).toMatchObject({ full: ["never two {}"], reduced: [] });
});

test("a step that mends what is broken is not put before what breaks it", async () => {
  const of = modelOf([set("x", 1), own(1), set("x", 0), own(2)], [set("y", 1), own(1), set("y", 0)]);
  const { full, reduced, isLess } = await search(of);
  expect(full).toEqual(["never both {}"]);
  expect(reduced).toEqual(full);
  expect(isLess).toBe(true);
});

test("a step that helps whoever serves is not put before a deadlock", async () => {
  const served = wait<State, Frame>("served", (s) => s.isServed === 1, ["serve"]);
  const of = modelOf([own(1), set("x", 1), own(2)], [own(1), served]);
  const { full, reduced } = await search(of);
  expect(full).toEqual(["no-deadlock {}"]);
  expect(reduced).toEqual(full);
});
