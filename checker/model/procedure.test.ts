import { describe, expect, test } from "vitest";
import { exploreNaively } from "../search/naive.ts";
import { bool, oneOf, range, record, sort, type StateOf } from "../schema/fields.ts";
import { createReference } from "../evaluate/reference.ts";
import { flatten } from "./flatten.ts";
import { defineModel, instantiate } from "./model.ts";
import {
  acquire,
  check,
  choose,
  jump,
  label,
  leave,
  type Lock,
  locked,
  type Node,
  panic,
  type Procedure,
  procedure,
  refuse,
  release,
  repeat,
  returns,
  step,
  wait,
  when,
} from "./procedure.ts";
import { lockState, threads } from "./threads.ts";

const cpu = sort("cpu");
const state = record({ a: lockState(cpu), b: lockState(cpu), n: range(0, 3), open: bool() });
type State = StateOf<typeof state>;
const lockA: Lock<State, unknown> = { name: "A", of: (s) => s.a };
const lockB: Lock<State, unknown> = { name: "B", of: (s) => s.b };

type Body = readonly Node<State, unknown>[];
const make = (body: Body, name = "call"): Procedure<State> => procedure(name, { args: {} }, body);
const labelsOf = (body: Body): string[] =>
  flatten(make(body)).points.map(({ label: at }) => at.replace("call: ", ""));
const bump = (name: string): Body[number] =>
  step(name, (s) => {
    s.n = (s.n + 1) % 4;
  });

/** Runs one CPU through the call, taking the given choice where there is one: the outcomes, in order. */
function runAlone(body: Body, prepare: (s: State) => void = () => {}): string[] {
  const model = defineModel<State>({
    name: "m",
    state,
    threads: [threads(cpu, "cpus", [make(body)])],
    initial: { start: prepare },
  });
  const of = instantiate(model, { bounds: { cpu: 1 } });
  const reference = createReference(of);
  let { state: at } = reference.namedInitialStates()[0];
  const told: string[] = [];
  for (let n = 0; n < 30; n++) {
    const taken = of.instances
      .map((each) => ({ each, step: reference.step(at, each) }))
      .find(({ step: s }) => s !== null);
    if (taken?.step == null || (n > 0 && taken.each.action.name === "call")) return told;
    told.push(`${taken.each.action.name} -> ${taken.step.outcome}`);
    at = taken.step.state;
  }
  throw new Error("the call does not end");
}

describe("a procedure flattens to one point for each transition", () => {
  test("locks are steps, checks are not", () => {
    const body = [
      check<State, unknown>("is open", (s) => s.open, refuse("EPERM")),
      locked(lockA, [bump("first"), locked(lockB, [bump("second")])]),
      bump("third"),
    ];
    expect(labelsOf(body)).toEqual([
      "acquire A",
      "first",
      "acquire B",
      "second",
      "release B",
      "release A",
      "third",
    ]);
  });

  test("the last step returns; a failed check releases the locks on its way out, one step each", () => {
    const body = [
      locked(lockA, [
        locked(lockB, [check<State, unknown>("is open", (s) => s.open, refuse("EPERM")), bump("go")]),
      ]),
    ];
    expect(runAlone(body)).toEqual([
      "call -> ",
      "call: acquire A -> ",
      "call: acquire B -> ",
      "call: go -> release B, refusing EPERM",
      "call: release A, refusing EPERM -> refuses: EPERM",
    ]);
    expect(runAlone(body, (s) => void (s.open = true)).slice(3)).toEqual([
      "call: go -> ",
      "call: release B -> ",
      "call: release A -> returns ok",
    ]);
  });

  test("a lock that does not exist is passed over: the steps of its bracket are those of the body", () => {
    const lockC: Lock<State, unknown> = { ...lockA, name: "C", exists: (s) => s.open };
    const body = [
      locked(lockC, [
        bump("first"),
        locked(lockB, [
          bump("second"),
          check<State, unknown>("is not three", (s) => s.n !== 3, jump("the tail")),
          bump("third"),
        ]),
        check<State, unknown>("is not one", (s) => s.n !== 1, jump("the tail")),
        bump("fourth"),
      ]),
      label("the tail", [bump("last")]),
    ];
    const lengthOf = (open: boolean, n: number): number =>
      runAlone(body, (s) => {
        s.open = open;
        s.n = n;
      }).length;
    // The whole body; left from the inner bracket; left from the outer one. With the lock: two steps more.
    expect([0, 1, 2].map((n) => lengthOf(false, n))).toEqual([8, 6, 7]);
    expect([0, 1, 2].map((n) => lengthOf(true, n))).toEqual([10, 8, 9]);
  });

  test("a jump leads to a shared tail, past the locks taken since", () => {
    const body = [
      locked(lockA, [check<State, unknown>("is open", (s) => s.open, jump("put")), bump("work")]),
      bump("more"),
      label("put", [step<State, unknown>("put the reference", () => {})]),
      leave<State, unknown>(returns((s) => s.n)),
    ];
    expect(runAlone(body)).toEqual([
      "call -> ",
      "call: acquire A -> ",
      "call: work -> release A, to put",
      "call: put the reference -> returns 0",
    ]);
    expect(runAlone(body, (s) => void (s.open = true)).at(-1)).toBe("call: put the reference -> returns 2");
  });

  test("branches and loops", () => {
    const body = [
      repeat<State, unknown>("n < 3", (s) => s.n < 3, [bump("count")]),
      when<State, unknown>("is open", (s) => s.open, [bump("wrap")], [step("leave it", () => {})]),
    ];
    expect(runAlone(body)).toEqual([
      "call -> ",
      "call: n < 3 -> count",
      "call: n < 3 -> count",
      "call: n < 3 -> count",
      "call: n < 3 -> leave it; returns ok",
    ]);
  });

  test("two returns with different results leave through different releases", () => {
    const body = [
      locked(lockA, [
        locked(lockB, [
          when<State, unknown>("is open", (s) => s.open, [leave(returns("one"))]),
          leave<State, unknown>(returns("two")),
        ]),
      ]),
    ];
    expect(runAlone(body).at(-1)).toContain("returns two");
    expect(runAlone(body, (s) => void (s.open = true)).at(-1)).toContain("returns one");
  });

  test("a panic keeps the locks and never resumes", () => {
    const body = [locked(lockA, [check<State, unknown>("is open", (s) => s.open, panic("BUG")), bump("go")])];
    expect(runAlone(body)).toEqual([
      "call -> ",
      "call: acquire A -> ",
      "call: go -> not: is open; panics: BUG",
    ]);
  });

  test("a choice is one transition for each value, and none where control does not come to it", () => {
    const body = [
      when<State, unknown>(
        "is open",
        (s) => s.open,
        [
          choose("pick", oneOf("one", "two"), (s, _, choice) => {
            s.n = choice === "one" ? 1 : 2;
          }),
        ],
        [bump("no choice")],
      ),
    ];
    const model = (open: boolean) =>
      instantiate(
        defineModel<State>({
          name: "m",
          state,
          threads: [threads(cpu, "cpus", [make(body)])],
          initial: { start: (s) => void (s.open = open) },
        }),
        { bounds: { cpu: 1 } },
      );
    // start, in the call, then n in {1, 2} at rest; and from each of these the call again
    expect(exploreNaively(model(true))).toMatchObject({ states: 6, transitions: 3 + 3 * 2 });
    expect(exploreNaively(model(false))).toMatchObject({ states: 8, transitions: 8 });
  });
});

test.each<[string, Body, RegExp]>([
  [
    "an unreachable step",
    [leave(returns("early")), bump("late")],
    /\[M05\] procedure call: "late".*unreachable/,
  ],
  ["two steps of one name", [bump("x"), bump("x")], /\[M04\] procedure call: two nodes are named "x"/],
  [
    "a jump to nowhere",
    [check("c", () => true, jump("out")), bump("x"), label("put", [bump("y")])],
    /\[M08\].*"out".*put/s,
  ],
  ["a loop without a step", [repeat("for ever", () => true, [])], /\[M10\].*"for ever".*without a step/],
])("%s is refused, by name", (_, body, message) => {
  expect(() => flatten(make(body))).toThrow(message);
});

test("releasing a lock that is not held is an error that names the step", () => {
  expect(() => runAlone([release(lockA)])).toThrow(/\[M11\].*call: release A.*does not hold/);
});

describe("deadlock", () => {
  const model = (procedures: Procedure<State>[]) =>
    instantiate(
      defineModel<State>({
        name: "m",
        state,
        threads: [threads(cpu, "cpus", procedures)],
        rules: [],
      }),
      { bounds: { cpu: 2 } },
    );
  const order = (name: string, first: Lock<State, unknown>, second: Lock<State, unknown>) =>
    make([locked(first, [locked(second, [bump("work")])])], name);

  test("two locks taken in opposite orders", () => {
    expect(exploreNaively(model([order("ab", lockA, lockB), order("ba", lockB, lockA)])).violated).toEqual(
      new Map([["no-deadlock", 4]]),
    );
    expect(
      exploreNaively(model([order("ab", lockA, lockB), order("again", lockA, lockB)])).violated.size,
    ).toBe(0);
  });

  test("a lock taken twice by one CPU", () => {
    expect(
      exploreNaively(model([make([locked(lockA, [locked(lockA, [bump("work")])])])])).violated.get(
        "no-deadlock",
      ),
    ).toBe(2);
  });

  test("waiting for one that panicked is no deadlock, but a lock that nobody gives back is not freed either", () => {
    const dies = make(
      [locked(lockA, [check<State, unknown>("c", () => false, panic("BUG")), bump("x")])],
      "dies",
    );
    expect(exploreNaively(model([dies])).violated.size).toBe(0);
  });

  test("a wait that nobody serves", () => {
    const unserved = make([wait<State, unknown>("the door", (s) => s.open, [])], "waits");
    expect(exploreNaively(model([unserved])).violated.get("no-deadlock")).toBe(1);
    const waits = make([wait<State, unknown>("the door", (s) => s.open, ["opens"])], "waits");
    const opens = make([step("opens the door", (s) => void (s.open = true))], "opens");
    // Served by the other CPU's call, while it is not waiting too.
    expect(exploreNaively(model([waits, opens])).violated.get("no-deadlock")).toBe(2);
    const unknown = make([wait<State, unknown>("the door", (s) => s.open, ["closes"])], "waits");
    expect(() => model([unknown])).toThrow(/\[M08\] there is no action \(that serves a wait\) "closes"/);
  });

  test("acquire outside a bracket stays held", () => {
    expect(exploreNaively(model([make([acquire(lockA), bump("x")])])).violated.get("no-deadlock")).toBe(4);
  });
});
