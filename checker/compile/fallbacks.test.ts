/**
 * What the compiler takes, and what happens with the rest: the packed evaluator does it, and the evaluator
 * says so. That they agree is shown in evaluate/agreement.test.ts.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dmaCore, dmaCoreScope } from "../examples/dma-core.ts";
import { peterson, petersonScope } from "../examples/peterson.ts";
import { philosophers, philosophersScope } from "../examples/philosophers.ts";
import { twoPhaseCommit, twoPhaseCommitScope } from "../examples/two-phase-commit.ts";
import {
  array,
  defineModel,
  environmentRule,
  type Instance,
  instantiate,
  invariant,
  option,
  range,
  record,
  type StateOf,
  stepProperty,
  witness,
} from "../index.ts";
import { randomModel } from "../testing/random-model.ts";
import { walkTogether } from "../testing/walk-together.ts";
import { compile } from "./compile.ts";
import { createCompiled, runCompiled } from "./compiled.ts";

const state = record({ n: range(0, 9), root: range(0, 3) });
type State = StateOf<typeof state>;

/** A model in which one of everything cannot be compiled. */
const stubborn = defineModel<State>({
  name: "stubborn",
  state,
  rules: [
    environmentRule(
      "count",
      {},
      {
        when: (s: State) => s.n < 9,
        then: (s) => {
          s.n++;
        },
      },
    ),
    environmentRule(
      "take the root",
      {},
      {
        then: (s: State) => {
          s.root = Math.floor(Math.sqrt(s.n));
        },
      },
    ),
  ],
  invariants: [
    invariant(
      "the root is one",
      {},
      {
        sentence: "The root is a whole root of something that was counted.",
        holds: (s: State) => Math.cbrt(s.root ** 3) === s.root && /^\d$/.test(String(s.n)),
      },
    ),
  ],
  witnesses: [
    witness(
      "all counted",
      {},
      {
        sentence: "Nine are counted.",
        holds: (s: State) => ["9", "nine"].some((text) => String(s.n) === text),
      },
    ),
  ],
  stepProperties: [
    stepProperty(
      "counting goes up",
      {},
      {
        sentence: "Nothing is counted down.",
        holds: (before: State, after: State, step) =>
          step.outcome.length === 0 && Math.hypot(after.n) >= Math.hypot(before.n),
      },
    ),
  ],
  deadlock: "none",
});

test("what is not compiled is done by its recipe, and listed with the reason", () => {
  const of = instantiate(stubborn, { bounds: {} });
  const compiled = createCompiled(of);
  expect(compiled.fallbacks.map(({ kind, name, reason }) => `${kind} ${name}: ${reason}`)).toEqual([
    "action take the root: sqrt is built in",
    "invariant the root is one: the operator **",
    "witness all counted: a text put together from the state is compared",
    "step counting goes up: a text put together from the state is looked at",
  ]);
  fc.assert(
    fc.property(fc.infiniteStream(fc.nat()), (picks) => {
      walkTogether(of, 40, (count) => picks.next().value % count);
    }),
    { numRuns: 20 },
  );
});

const pair = record({ a: record({ n: range(0, 1) }), b: record({ n: range(0, 1) }) });
type Pair = StateOf<typeof pair>;
const constant = { n: 0 };

test.each<[string, (s: Pair) => boolean]>([
  ["two parts of the state", (s) => s.a === s.b],
  ["a part and a constant", (s) => s.a !== constant],
  ["a part in a list of them", (s) => [s.a].includes(s.b)],
])("an error, for evaluators would not agree: %s", (_, holds) => {
  const model = defineModel<Pair>({
    name: "pair",
    state: pair,
    rules: [environmentRule("stay", {}, { then: () => {} })],
    invariants: [invariant("they are one", {}, { sentence: "Both are the same.", holds })],
    deadlock: "none",
  });
  expect(() => createCompiled(instantiate(model, { bounds: {} }))).toThrow(
    /\[M13\] invariant "they are one": two records.*compare their fields/s,
  );
});

test("without an inspector, everything is done by recipes", () => {
  const of = instantiate(dmaCore(), dmaCoreScope("2x2x2"));
  const compiled = compile(of, null);
  expect(compiled.fallbacks.length).toBe(of.instances.length + of.invariants.length);
  const evaluator = runCompiled(of, compiled);
  let pick = 0;
  walkTogether(of, 60, (count) => (pick += 7) % count, [evaluator]);
});

/** What a guarded index found, looked at behind the guard: for some values of the index there is nothing to look at. */
const listing = record({
  n: range(0, 3),
  out: range(0, 9),
  list: array(3, range(0, 3)),
  maybe: option(range(0, 2)),
});
type Listing = StateOf<typeof listing>;

test.each<[string, (s: Listing) => void, string[]]>([
  [
    "a member",
    (s) => {
      const i = s.n - 2;
      let e: { readonly v: number } | number | null = null;
      if (i >= 0) e = s.list[i];
      s.out = (e as { readonly v: number } | null)?.v ?? 1;
      if (s.n > 2) s.out = (e as unknown as { readonly v?: number }).v ?? 2;
    },
    [],
  ],
  [
    "a walk through it",
    (s) => {
      const i = -s.n;
      let e: Iterable<number> | undefined;
      if (i > 0) e = s.list;
      if (s.n > 4) for (const each of e as Iterable<number>) s.out = each;
      else s.out = 3;
    },
    [],
  ],
  [
    "a walk through it, where it may come to that",
    (s) => {
      const i = -s.n;
      let e: Iterable<number> | undefined;
      if (i > 0) e = s.list;
      if (s.n > 2) for (const each of e as Iterable<number>) s.out = each;
    },
    ["a walk through what is no sequence"],
  ],
])("a value that escapes its guard: %s", (_, then, reasons) => {
  const model = defineModel<Listing>({
    name: "listing",
    state: listing,
    rules: [
      environmentRule("go", {}, { then }),
      environmentRule("up", {}, { when: (s: Listing) => s.n < 3, then: (s) => void s.n++ }),
      environmentRule("list", {}, { then: (s: Listing) => void (s.list[s.n % 3] = s.n) }),
    ],
    deadlock: "none",
  });
  const of = instantiate(model, { bounds: {} });
  expect(createCompiled(of).fallbacks.map(({ reason }) => reason)).toEqual(reasons);
  fc.assert(
    fc.property(fc.infiniteStream(fc.nat()), (picks) => {
      walkTogether(of, 20, (count) => picks.next().value % count);
    }),
    { numRuns: 20 },
  );
});

const examples: [string, Instance<never>][] = [
  ["dma-core", instantiate(dmaCore(), dmaCoreScope("3x3x2"))],
  ["two-phase commit", instantiate(twoPhaseCommit(), twoPhaseCommitScope(4))],
  ["philosophers", instantiate(philosophers(true), philosophersScope(4))],
  ["peterson", instantiate(peterson(), petersonScope)],
] as unknown as [string, Instance<never>][];

test.each(examples)("all of %s is compiled", (_, of) => {
  expect(createCompiled(of).fallbacks).toEqual([]);
});

describe("random models", () => {
  test("are compiled entirely", () => {
    for (const { model, scope } of fc.sample(randomModel(true), 100)) {
      expect(createCompiled(instantiate(model, scope)).fallbacks).toEqual([]);
    }
  });
});
