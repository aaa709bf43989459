/**
 * Attempts to fool all reductions together: models of CPUs and pages that are interchangeable, or nearly. Whatever the whole
 * search finds they must find; and where something is not as it looks, the report must say what and where.
 */
import { describe, expect, test } from "vitest";
import { createCompiled } from "../compile/compiled.ts";
import type { Evaluator } from "../evaluate/evaluator.ts";
import {
  acquire,
  array,
  defineModel,
  environmentRule,
  instantiate,
  invariant,
  type Lock,
  locked,
  lockState,
  type Node,
  option,
  procedure,
  range,
  record,
  release,
  sort,
  type StateOf,
  step,
  stepProperty,
  threads,
  when,
  witness,
} from "../index.ts";
import type { SearchResult } from "../search/result.ts";
import { buildSymmetric, type SymmetricModel } from "../testing/symmetric-model.ts";
import { searchReduced } from "./index.ts";
import { reductionNames } from "./reduction.ts";
import { searchAll, searchAllInWasm, unconfirmed, verdictOf } from "./verdicts.ts";

const cpu = sort("cpu", "", { interchangeable: true });
const page = sort("page", "", { interchangeable: true });
const state = record({
  a: lockState(cpu),
  b: lockState(cpu),
  x: range(0, 3),
  y: range(0, 3),
  pages: array(page, record({ uses: range(0, 2), by: option(cpu) })),
});
type State = StateOf<typeof state>;
type Seen = State & { readonly cpus: readonly { readonly pc: string; readonly own: number }[] };
type Frame = { own: number; page: typeof page.value };
type Text = readonly Node<State, Frame>[];
/** What a step does, given which CPU takes it. */
type Do = (s: State, c: Frame, self: typeof cpu.value) => void;

const a: Lock<State, unknown> = { name: "a", of: (s) => s.a };
const b: Lock<State, unknown> = { name: "b", of: (s) => s.b };

const does = (name: string, what: Do) =>
  step<State, Frame>(name, (s, c, { self }) => what(s, c, self as typeof cpu.value));
const set = (name: string, at: "x" | "y", value: number) => does(name, (s) => void (s[at] = value));

interface Extra {
  readonly invariants?: ReturnType<typeof invariant<State, Record<never, never>>>[];
  readonly witnesses?: ReturnType<typeof witness<State, Record<never, never>>>[];
  readonly steps?: ReturnType<typeof stepProperty<State, Record<never, never>>>[];
  readonly rules?: ReturnType<typeof environmentRule<State, Record<never, never>>>[];
}

const never = (name: string, holds: (s: Seen) => boolean) =>
  invariant<State, Record<never, never>>(name, {}, { sentence: `${name}.`, holds: (s) => holds(s as Seen) });
const shows = (name: string, holds: (s: Seen) => boolean) =>
  witness<State, Record<never, never>>(name, {}, { sentence: `${name}.`, holds: (s) => holds(s as Seen) });

type Search = (evaluator: Evaluator, maxDepth?: number) => Promise<SearchResult>;

/** Bytes of address space: each model has a search of its own. */
const space = 2 ** 26;

/** What all reductions together find, compared with what the whole search does. */
async function compare(calls: Readonly<Record<string, Text>>, extra: Extra, cpus = 2) {
  const model = defineModel<State>({
    name: "fooling",
    state,
    threads: [
      threads<State, "cpu">(
        cpu,
        "cpus",
        Object.entries(calls).map(([name, body]) =>
          procedure<State, { page: typeof page }, { own: ReturnType<typeof range> }>(
            name,
            { args: { page }, locals: { own: range(0, 3) } },
            [...body] as never,
          ),
        ),
      ),
    ],
    invariants: extra.invariants ?? [],
    witnesses: extra.witnesses ?? [],
    stepProperties: extra.steps ?? [],
    rules: extra.rules ?? [],
  });
  const of = instantiate(model, { bounds: { cpu: cpus, page: 2 } });
  const evaluator = createCompiled(of);
  expect(evaluator.fallbacks).toEqual([]);
  const full = await searchAll(of, evaluator);
  expect(full.ending).toBe("exhausted");
  const found = verdictOf(of, full);
  let notes: string[] = [];
  const inJavaScript: Search = (each, maxDepth) => searchAll(of, each, undefined, maxDepth);
  const inWasm: Search = (each, maxDepth) =>
    searchAllInWasm(of, each, { space, ...(maxDepth === undefined ? {} : { maxDepth }) });
  for (const [audit, search] of [
    [false, inWasm],
    [false, inJavaScript],
    [true, inJavaScript],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop
    const { result, used, refused } = await searchReduced(
      of,
      evaluator,
      reductionNames,
      { audit, seed: 1 },
      search,
    );
    expect(result.ending).toBe("exhausted");
    expect(verdictOf(of, result)).toEqual(found);
    expect(unconfirmed(of, result)).toEqual([]);
    notes = [...used.flatMap((each) => each.notes), ...refused.map(({ reason }) => reason)];
  }
  return { found, notes: notes.join("\n") };
}

describe("locks that are none, or not always", () => {
  test("a lock that is only tried", async () => {
    const tried = does("try a", (s, c, self) => {
      c.own = s.a.holder === null ? 1 : 0;
      if (s.a.holder === null) s.a.holder = self;
    });
    const body = [
      tried,
      does("x up", (s) => void (s.x = 1)),
      does("x down", (s) => void (s.x = 0)),
      when<State, Frame>("was it taken?", (_, c) => c.own === 1, [release(a)]),
    ];
    const { found } = await compare(
      { call: body },
      {
        invariants: [never("x is up under a only", (s) => s.x === 0 || s.a.holder !== null)],
        witnesses: [
          shows(
            "one has tried in vain",
            (s) => s.x === 1 && s.cpus.some(({ own, pc }) => own === 0 && pc !== "idle"),
          ),
        ],
      },
    );
    expect(found.violated).toEqual(["x is up under a only {}"]);
    expect(found.reached).toEqual(["one has tried in vain {}"]);
  });

  test("a lock that another CPU gives back", async () => {
    const calls = {
      takes: [acquire(a), set("x up", "x", 1), set("x down", "x", 0)],
      gives: [
        does("give it back for whoever has it", (s) => void (s.a.holder = null)),
        does("look", (s, c) => void (c.own = s.x)),
        does("tell", (s, c) => void (s.y = c.own)),
      ],
    };
    const { found } = await compare(calls, {
      invariants: [never("nobody sees x up", (s) => s.y !== 1)],
      witnesses: [shows("two work on x", (s) => s.cpus.every(({ pc }) => pc.startsWith("takes: x")))],
    });
    expect(found).toEqual({
      violated: ["no-deadlock {}", "nobody sees x up {}"],
      reached: ["two work on x {}"],
    });
  });

  test("a lock that is taken in some calls only", async () => {
    const calls = {
      call: [
        does("look whether it is needed", (s, c) => void (c.own = s.y === 0 ? 1 : 0)),
        when<State, Frame>("is it needed?", (_, c) => c.own === 1, [acquire(a)]),
        set("x up", "x", 1),
        set("y up", "y", 1),
        set("x down", "x", 0),
        when<State, Frame>("was it needed?", (_, c) => c.own === 1, [release(a)]),
      ],
      watch: [locked(a, [does("look", (s, c) => void (c.own = s.x)), set("y down", "y", 0)])],
    };
    const { found } = await compare(calls, {
      invariants: [
        never("who watches sees x down", (s) =>
          s.cpus.every(({ pc, own }) => pc !== "watch: y down" || own === 0),
        ),
      ],
    });
    expect(found.violated).toEqual(["who watches sees x down {}"]);
  });

  test("a lock whose holder is passed on", async () => {
    const calls = {
      call: [
        acquire(a),
        set("x up", "x", 1),
        does("pass it on", (s, _, self) => void (s.a.holder = self === 0 ? cpu.at(1) : cpu.at(0))),
        set("x down", "x", 0),
        does("free it", (s) => void (s.a.holder = null)),
      ],
    };
    const { found, notes } = await compare(calls, {
      witnesses: [shows("x is up", (s) => s.x === 1)],
      invariants: [
        never("who works on x has a", (s) =>
          s.cpus.every(({ pc }, k) => pc !== "call: x down" || s.a.holder === k),
        ),
      ],
    });
    expect(found).toEqual({
      violated: ["no-deadlock {}", "who works on x has a {}"],
      reached: ["x is up {}"],
    });
    expect(notes).toContain("no lock was found");
  });

  test("a device that acts while the lock is free only", async () => {
    const rules = [
      environmentRule<State, Record<never, never>>(
        "device",
        {},
        { when: (s) => s.a.holder === null && s.x === 2, then: (s) => void (s.y = 3) },
      ),
    ];
    const calls = {
      call: [locked(a, [set("x up", "x", 2)]), locked(a, [set("x down", "x", 0)])],
    };
    const { found } = await compare(calls, { rules, invariants: [never("y is not 3", (s) => s.y !== 3)] });
    expect(found.violated).toEqual(["y is not 3 {}"]);
  });
});

describe("what properties see", () => {
  test("a property of a CPU's local in the middle of a block", async () => {
    const calls = {
      call: [
        locked(a, [does("own up", (_, c) => void (c.own = 3)), does("own down", (_, c) => void (c.own = 0))]),
      ],
    };
    const { found } = await compare(calls, {
      invariants: [never("nobody has 3", (s) => s.cpus.every(({ own }) => own !== 3))],
    });
    expect(found.violated).toEqual(["nobody has 3 {}"]);
  });

  test("a property of where two CPUs are, each under a lock of its own", async () => {
    const calls = {
      one: [locked(a, [set("x is 1", "x", 1), set("x is 2", "x", 2), set("x is 0", "x", 0)])],
      other: [locked(b, [set("y is 1", "y", 1), set("y is 2", "y", 2), set("y is 0", "y", 0)])],
    };
    const at = (s: Seen, label: string): boolean => s.cpus.some(({ pc }) => pc === label);
    const { found } = await compare(calls, {
      invariants: [
        never("not both in the middle", (s) => !at(s, "one: x is 2") || !at(s, "other: y is 2")),
        never("nor so", (s) => s.x !== 2 || s.y !== 1),
      ],
      witnesses: [shows("one is, the other begins", (s) => at(s, "one: x is 0") && at(s, "other: y is 1"))],
    });
    expect(found.violated).toEqual(["nor so {}", "not both in the middle {}"]);
    expect(found.reached).toEqual(["one is, the other begins {}"]);
  });

  test("a step property of where others are", async () => {
    const calls = {
      one: [locked(a, [set("x is 1", "x", 1), set("x is 0", "x", 0)])],
      other: [locked(b, [set("y is 1", "y", 1), set("y is 0", "y", 0)])],
    };
    const { found } = await compare(calls, {
      steps: [
        stepProperty<State, Record<never, never>>(
          "y changes while nobody is about x",
          {},
          {
            sentence: "y changes only while nobody is within one's lock.",
            holds: (before, after) =>
              before.y === after.y || (before as Seen).cpus.every(({ pc }) => pc !== "one: x is 0"),
          },
        ),
      ],
    });
    expect(found.violated).toEqual(["y changes while nobody is about x {}"]);
  });
});

describe("what is interchangeable only nearly", () => {
  const uses = (limit: number) =>
    does("use the page", (s, c, self) => {
      const each = s.pages[c.page];
      each.by = self;
      if (each.uses < limit) each.uses++;
    });

  test("a property that names one page, of a state that is rare", async () => {
    const { found, notes } = await compare(
      { call: [locked(a, [uses(2), set("x is 1", "x", 1), set("x is 0", "x", 0)])] },
      {
        invariants: [
          never(
            "the second page is not used twice, by the second CPU, while the first is unused",
            (s) => s.pages[1].uses !== 2 || s.pages[0].uses !== 0 || s.pages[1].by !== 1 || s.x !== 1,
          ),
        ],
      },
    );
    expect(found.violated).toHaveLength(1);
    expect(notes).toMatch(/the property the second page .* tells (page|cpu) 0 and (page|cpu) 1 apart/);
  });

  test("a property that compares CPUs", async () => {
    const { found, notes } = await compare(
      {
        one: [locked(a, [set("x is 1", "x", 1)])],
        other: [locked(b, [set("y is 1", "y", 1)])],
      },
      {
        invariants: [
          never(
            "the one's holder comes before the other's",
            (s) => s.a.holder === null || s.b.holder === null || s.a.holder < s.b.holder,
          ),
        ],
      },
    );
    expect(found.violated).toHaveLength(1);
    expect(notes).toMatch(/the property the one's holder .* tells cpu 0 and cpu 1 apart/);
  });

  test("a step that only some pages allow, and that leads to the same state with each", async () => {
    const { found, notes } = await compare(
      { call: [locked(a, [set("y is 1", "y", 1)])] },
      {
        rules: [
          environmentRule<State, { page: typeof page }>(
            "the second page allows it",
            { page },
            { when: (s, { page: p }) => p > 0 && s.x === 0, then: (s) => void (s.x = 3) },
          ),
        ] as never,
        invariants: [never("x is not 3", (s) => s.x !== 3)],
      },
    );
    expect(found.violated).toEqual(["x is not 3 {}"]);
    expect(notes).toMatch(/the step the second page allows it\(page: 1\) tells page 0 and page 1 apart/);
  });

  test("a step that only one CPU takes to its end", async () => {
    const { found, notes } = await compare(
      {
        call: [
          uses(2),
          does("only CPU 1", (s, _, self) => {
            if (self === 1 && s.pages[0].uses === 2 && s.pages[1].uses === 1) s.x = 3;
          }),
        ],
      },
      { invariants: [never("x is not 3", (s) => s.x !== 3)] },
    );
    expect(found.violated).toEqual(["x is not 3 {}"]);
    expect(notes).toMatch(/tells (page|cpu) 0 and (page|cpu) 1 apart/);
  });
});

test("a step that computes with what is no number is met while reductions are prepared: they are done without", async () => {
  const model: SymmetricModel = {
    rules: [{ tests: [], effects: [{ do: "set", at: ["things", "$thing", "own"], value: "x" }] }],
    steps: [{ tests: [], effects: [{ do: "name", at: ["things", "$thing", "who"], name: "hand" }] }],
    isLocked: false,
    forbidden: [{ is: "named", at: ["things", "$thing", "link"], name: "thing" }],
    wanted: [{ is: "not named", at: ["things", "$thing", "who"], name: "hand" }],
    fades: { is: "value", at: ["things", "$thing", "own"], value: "x" },
    breach: "does less for some things",
  };
  const of = buildSymmetric(model);
  const evaluator = createCompiled(of);
  const full = await searchAll(of, evaluator);
  const { refused, result } = await searchReduced(
    of,
    evaluator,
    reductionNames,
    { audit: false, seed: 1 },
    (each, maxDepth) => searchAll(of, each, undefined, maxDepth),
  );
  expect(verdictOf(of, result)).toEqual(verdictOf(of, full));
  expect(refused.map(({ reason }) => reason).join()).toContain("a step computes with what is no number");
});
