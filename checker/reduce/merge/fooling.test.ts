/**
 * Attempts to fool the merging: each hides an error in what looks like a block. The error must still be found; and
 * where a location does not keep to its lock, the report must say which, and where.
 */
import { describe, expect, test } from "vitest";
import { createCompiled } from "../../compile/compiled.ts";
import {
  acquire,
  check,
  defineModel,
  environmentRule,
  instantiate,
  invariant,
  type Lock,
  locked,
  lockState,
  type Node,
  panic,
  procedure,
  range,
  record,
  release,
  sort,
  type StateOf,
  step,
  stepProperty,
  threads,
  wait,
  witness,
} from "../../index.ts";
import { searchAll, searchAllInWasm, unconfirmed, verdictOf } from "../verdicts.ts";
import { mergeBlocks } from "./merge.ts";

const cpu = sort("cpu");
const state = record({
  a: lockState(cpu),
  b: lockState(cpu),
  x: range(0, 3),
  y: range(0, 3),
  seen: range(0, 3).means("what the device saw"),
});
type State = StateOf<typeof state>;
const locals = { own: range(0, 3) };
type Frame = { own: number };
type Text = readonly Node<State, Frame>[];

const a: Lock<State, unknown> = { name: "a", of: (s) => s.a };
const b: Lock<State, unknown> = { name: "b", of: (s) => s.b };

const read = (name = "read x") => step<State, Frame>(name, (s, c) => void (c.own = s.x));
const write = (name = "write x") =>
  step<State, Frame>(name, (s, c) => void (s.x = c.own === 3 ? 0 : c.own + 1));
const set = (name: string, at: "x" | "y", value: number) =>
  step<State, Frame>(name, (s) => void (s[at] = value));

interface Extra {
  readonly invariants?: ReturnType<typeof invariant<State, Record<never, never>>>[];
  readonly witnesses?: ReturnType<typeof witness<State, Record<never, never>>>[];
  readonly steps?: ReturnType<typeof stepProperty<State, Record<never, never>>>[];
  readonly rules?: ReturnType<typeof environmentRule<State, Record<never, never>>>[];
}

function modelOf(calls: Readonly<Record<string, Text>>, { invariants, witnesses, steps, rules }: Extra) {
  return defineModel<State>({
    name: "fooling",
    state,
    threads: [
      threads<State, "cpu">(
        cpu,
        "cpus",
        Object.entries(calls).map(([name, body]) =>
          procedure<State, Record<never, never>, typeof locals>(name, { args: {}, locals }, [...body]),
        ),
      ),
    ],
    invariants: invariants ?? [],
    witnesses: witnesses ?? [],
    stepProperties: steps ?? [],
    rules: rules ?? [],
  });
}

const never = (name: string, holds: (s: State) => boolean) =>
  invariant(name, {}, { sentence: `${name}.`, holds });
const shows = (name: string, holds: (s: State) => boolean) =>
  witness(name, {}, { sentence: `${name}.`, holds });
/** x is only ever odd while somebody works on it. */
const oddInside = never("x is even while a is free", (s) => s.a.holder !== null || s.x % 2 === 0);

async function compare(model: ReturnType<typeof modelOf>) {
  const of = instantiate(model, { bounds: { cpu: 2 } });
  const evaluator = createCompiled(of);
  const merged = mergeBlocks(of, evaluator, { checkEvery: 1, seed: 1 });
  if ("refused" in merged) throw new Error(merged.refused);
  const full = await searchAll(of, evaluator);
  const reduced = await searchAll(of, merged);
  expect(full.ending).toBe("exhausted");
  expect(reduced.ending).toBe("exhausted");
  expect(verdictOf(of, reduced)).toEqual(verdictOf(of, full));
  expect(unconfirmed(of, reduced)).toEqual([]);
  const inWasm = await searchAllInWasm(of, merged, { space: 2 ** 26 });
  expect(inWasm.states).toBe(reduced.states);
  expect(verdictOf(of, inWasm)).toEqual(verdictOf(of, full));
  const { keptApart, notes } = merged.describe(reduced);
  const apart = { note: notes[2], list: keptApart ?? [] };
  return {
    states: [full.states, reduced.states],
    verdict: verdictOf(of, full),
    notes: notes.slice(3),
    apart,
  };
}

describe("attempts to fool the merging", () => {
  test("what keeps to its lock is merged", async () => {
    const calls = { call: [locked(a, [set("make x odd", "x", 1), read(), write()])] };
    const { states, verdict, notes } = await compare(modelOf(calls, { invariants: [oddInside] }));
    expect(verdict.violated).toEqual([]);
    expect(notes).toEqual([]);
    expect(states).toEqual([28, 2]);
  });

  test("a lock is dropped early", async () => {
    const calls = {
      call: [locked(a, [set("make x odd", "x", 1), set("make x even", "x", 2)])],
      careless: [
        acquire(a),
        set("make x odd, carelessly", "x", 3),
        release(a),
        set("make x even, too late", "x", 0),
      ],
    };
    const { verdict, notes } = await compare(modelOf(calls, { invariants: [oddInside] }));
    expect(verdict.violated).toEqual(["x is even while a is free {}"]);
    expect(notes).toEqual([
      'x is accessed under a.holder at 3 labels, and without it at "careless: make x even, too late": its accesses are not merged',
    ]);
  });

  test("an access outside its lock", async () => {
    const lost = never("no increment is lost", (s) => s.y < 3 || s.x === 3 || s.a.holder !== null);
    const calls = {
      count: [
        locked(a, [
          read(),
          check("not yet", (s) => s.y < 3, { kind: "refuse", reason: "full" }),
          write(),
          set("one", "y", 1),
        ]),
      ],
      careless: [
        read("look without the lock"),
        locked(a, [write("write what was seen"), set("three", "y", 3)]),
      ],
    };
    const { verdict, notes } = await compare(modelOf(calls, { invariants: [lost] }));
    expect(verdict.violated).toEqual(["no increment is lost {}"]);
    expect(notes).toEqual([
      'x is accessed under a.holder at 3 labels, and without it at "careless: look without the lock": its accesses are not merged',
    ]);
  });

  test("a witness that shows only in the middle of a block", async () => {
    const calls = { call: [locked(a, [set("first", "x", 1), set("second", "x", 2), set("last", "x", 0)])] };
    const { apart, verdict } = await compare(
      modelOf(calls, { witnesses: [shows("x is 2", (s) => s.x === 2)] }),
    );
    expect(verdict.reached).toEqual(["x is 2 {}"]);
    // Said is what, and where: before which step the state is kept for it.
    expect(apart.list.filter(({ by }) => by === "property")).toEqual([
      {
        label: "call: last",
        processes: ["cpu 0", "cpu 1"],
        by: "property",
        what: "x is 2",
        reason: "x is 2 may see the state before it",
      },
    ]);
    expect(apart.note).toContain('x is 2 may see the state before "call: last"');
  });

  test("two variables that differ only in the middle of a block", async () => {
    const calls = {
      call: [
        locked(a, [
          set("x first", "x", 1),
          set("y too", "y", 1),
          set("y back", "y", 0),
          set("x back", "x", 0),
        ]),
      ],
    };
    const { verdict } = await compare(
      modelOf(calls, {
        invariants: [never("x is y", (s) => s.x === s.y)],
        witnesses: [shows("both", (s) => s.x + s.y === 2)],
      }),
    );
    expect(verdict).toEqual({ violated: ["x is y {}"], reached: ["both {}"] });
  });

  test("a step property that only the order of steps within a block breaks", async () => {
    const steps = [
      stepProperty(
        "y changes while x is 0",
        {},
        {
          sentence: "y changes only while x is 0.",
          holds: (before: State, after: State) => before.y === after.y || before.x === 0,
        },
      ),
    ];
    const calls = {
      work: [locked(a, [set("x up", "x", 1), set("x down", "x", 0)])],
      other: [locked(b, [set("y up", "y", 1), set("y down", "y", 0)])],
    };
    const { verdict } = await compare(modelOf(calls, { steps }));
    expect(verdict.violated).toEqual(["y changes while x is 0 {}"]);
  });

  test("a device that looks in the middle of a block", async () => {
    const rules = [
      environmentRule("look", {}, { when: (s: State) => s.seen !== s.x, then: (s) => void (s.seen = s.x) }),
    ];
    const calls = { call: [locked(a, [set("show", "x", 3), set("hide", "x", 0)])] };
    const { verdict } = await compare(
      modelOf(calls, { rules, invariants: [never("nothing is seen", (s) => s.seen !== 3)] }),
    );
    expect(verdict.violated).toEqual(["nothing is seen {}"]);
  });

  test("a panic in a block, with its lock held", async () => {
    const calls = {
      call: [locked(a, [read(), check("x is small", (s) => s.x < 2, panic("x is large")), write()])],
    };
    const { verdict } = await compare(
      modelOf(calls, { witnesses: [shows("somebody panicked", (s) => s.x === 2 && s.a.holder !== null)] }),
    );
    expect(verdict.reached).toEqual(["somebody panicked {}"]);
  });

  test("locks in two orders", async () => {
    const calls = {
      one: [locked(a, [locked(b, [set("x is 1", "x", 1)])])],
      other: [locked(b, [locked(a, [set("x is 2", "x", 2)])])],
    };
    const { verdict } = await compare(modelOf(calls, {}));
    expect(verdict.violated).toEqual(["no-deadlock {}"]);
  });

  test("a lock that is never given back", async () => {
    const calls = { call: [acquire(a), set("x is 1", "x", 1)] };
    const { verdict } = await compare(modelOf(calls, {}));
    expect(verdict.violated).toEqual(["no-deadlock {}"]);
  });

  test("a wait under a lock, for what nobody does", async () => {
    const calls = {
      call: [locked(a, [set("ask", "y", 1), wait("for an answer", (s) => s.y === 2, ["answer"])])],
    };
    const rules = [
      environmentRule("answer", {}, { when: (s: State) => s.y === 3, then: (s) => void (s.y = 2) }),
    ];
    const { verdict } = await compare(modelOf(calls, { rules }));
    expect(verdict.violated).toEqual(["no-deadlock {}"]);
  });

  test("a counter that is changed without a lock, on purpose", async () => {
    const add = (name: string) => step<State, Frame>(name, (s) => void (s.y = s.y === 3 ? 0 : s.y + 1));
    const calls = {
      call: [
        add("get"),
        locked(a, [read(), write()]),
        step<State, Frame>("put", (s) => void (s.y = s.y === 0 ? 3 : s.y - 1)),
      ],
    };
    const { verdict, states } = await compare(
      modelOf(calls, {
        invariants: [never("few", (s) => s.y < 3)],
        witnesses: [shows("both", (s) => s.y === 2)],
      }),
    );
    expect(verdict).toEqual({ violated: [], reached: ["both {}"] });
    expect(states[1]).toBeLessThan(states[0]);
  });
});
