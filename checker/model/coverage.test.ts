import { expect, test } from "vitest";
import { breadthFirst } from "../search/breadth-first.ts";
import { createPacked } from "../evaluate/packed.ts";
import { range, record, sort, type StateOf } from "../schema/fields.ts";
import { gapsOf, isReached, lastReachedBefore, withCoverage } from "./coverage.ts";
import { defineModel, instantiate } from "./model.ts";
import { check, leave, panic, procedure, refuse, repeat, returns, step, when } from "./procedure.ts";
import { threads } from "./threads.ts";

const cpu = sort("cpu");
const state = record({ count: range(0, 3) });
type S = StateOf<typeof state>;

/** Counts to 2 and back; some of it is never done. */
const call = procedure<S, Record<never, never>>("call", { args: {} }, [
  check("not too many", (s: S) => s.count < 3, refuse("too many")),
  check("never negative", (s: S) => s.count >= 0, panic("negative")),
  repeat("count up", (s: S) => s.count < 2, [
    step("add one", (s: S) => {
      s.count++;
    }),
  ]),
  when(
    "it is three",
    (s: S) => s.count === 3,
    [
      step("celebrate", (s: S) => {
        s.count = 0;
      }),
    ],
    [
      step("start again", (s: S) => {
        s.count = 0;
      }),
    ],
  ),
  leave(returns("done")),
]);
const model = defineModel<S>({ name: "counting", state, threads: [threads<S, "cpu">(cpu, "cpus", [call])] });

test("counts what a search does, and lists what it never sees", async () => {
  const { model: counting, covered } = withCoverage(model);
  const of = instantiate(counting, { bounds: { cpu: 1 } });
  const options = { instances: of.instances.length, witnesses: 0, stopAtViolation: false };
  expect(await breadthFirst(createPacked(of), options)).toMatchObject({ ending: "exhausted", states: 4 });
  expect(covered.map((one) => [one.name, one.yes, one.no, gapsOf(one)])).toEqual([
    ["not too many", 1, 0, ["never refuses"]],
    ["never negative", 1, 0, []],
    ["count up", 2, 1, []],
    ["add one", 2, 0, []],
    ["it is three", 0, 1, ["never holds"]],
    ["celebrate", 0, 0, ["never taken"]],
    ["start again", 1, 0, []],
    ["return", 1, 0, []],
  ]);
  const [missed] = covered.filter((one) => !isReached(one));
  expect(lastReachedBefore(covered, missed)?.name).toBe("it is three");
});
