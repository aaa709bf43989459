import { expect, test } from "vitest";
import { nameInstance } from "../evaluate/reference.ts";
import { defineModel, instantiate } from "../model/model.ts";
import { type Lock, locked, type Node, procedure, returns, step, leave, wait } from "../model/procedure.ts";
import { environmentRule } from "../model/rule.ts";
import { lockState, threads } from "../model/threads.ts";
import { bool, range, record, sort, type StateOf } from "../schema/fields.ts";
import { type AtomicityReport, reportAtomicity } from "./atomicity.ts";

const cpu = sort("cpu");
const state = record({ lock: lockState(cpu), count: range(0, 7), request: bool() });
type State = StateOf<typeof state>;
type Frame = { read: number };
type Step = Node<State, Frame>;
const theLock: Lock<State, Frame> = { name: "the lock", of: (s) => s.lock };

/** Counts, in two steps between which another one may count. */
const count: Step[] = [
  step("read the count", (s, c) => {
    c.read = s.count;
  }),
  step("write the count", (s, c) => {
    s.count = (c.read + 1) % 8;
  }),
];
const reads = leave<State, Frame>(returns((_, c) => c.read));

/** Asks the environment for something, and waits for it: overlaps are as good as orders. */
const ask: Step[] = [
  step("ask", (s) => {
    s.request = true;
  }),
  wait("the answer", (s) => !s.request, ["answer"]),
];

function reportOf(body: readonly Step[], maxStarts = 20): AtomicityReport<State> {
  const call = procedure<State, Record<never, never>, { read: ReturnType<typeof range> }>(
    "call",
    { args: {}, locals: { read: range(0, 7) } },
    body,
  );
  const model = defineModel<State>({
    name: "counter",
    state,
    threads: [threads<State, "cpu">(cpu, "cpus", [call])],
    rules: [
      environmentRule(
        "answer",
        {},
        {
          when: (s: State) => s.request,
          then: (s) => {
            s.request = false;
          },
        },
      ),
    ],
  });
  return reportAtomicity(instantiate(model, { bounds: { cpu: 2 } }), { maxStarts });
}

test("a call that reads and writes without a lock loses an update, and the report says where", () => {
  const { pairs, isExhaustive } = reportOf([...count, reads]);
  expect(isExhaustive).toBe(true);
  expect(pairs).toHaveLength(1);
  const { anomaly } = pairs[0];
  expect(anomaly?.outcomes).toEqual(["returns 0", "returns 0"]);
  expect(anomaly?.differences).toContainEqual({ path: "count", overlapping: 1, serial: 2 });
  // One call is interrupted after it read, or before it wrote: two calls, three runs of steps or two.
  expect(anomaly?.switches.length).toBeGreaterThanOrEqual(1);
  expect(anomaly?.steps.map((of) => nameInstance(of))).toContain("call: write the count(cpu: 1)");
});

test("under a lock the same call is atomic, from every state at rest", () => {
  const { pairs, isExhaustive, starts } = reportOf([locked(theLock, count), reads]);
  expect({ pairs, isExhaustive, starts }).toEqual({
    pairs: [{ calls: ["call", "call"], tried: 8, anomaly: null }],
    isExhaustive: true,
    starts: 8,
  });
});

test("the environment serves what calls wait for", () => {
  expect(reportOf(ask).pairs[0].anomaly).toBeNull();
});

test("a limit is said", () => {
  const { isExhaustive, starts } = reportOf([locked(theLock, count), reads], 3);
  expect({ isExhaustive, starts }).toEqual({ isExhaustive: false, starts: 3 });
});
