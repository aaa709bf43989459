/** Symmetry with dead-local reset: its counts, its way back to the model, and what it refuses. */
import { describe, expect, test } from "vitest";
import { createCompiled } from "../../compile/compiled.ts";
import { dmaCore, dmaCoreScope } from "../../examples/dma-core.ts";
import { exampleDesigns } from "../../examples/index.ts";
import {
  array,
  bool,
  createPacked,
  defineModel,
  environmentRule,
  type Instance,
  instantiate,
  invariant,
  type Model,
  option,
  range,
  record,
  type Scope,
  sort,
  type StateOf,
  stepProperty,
  witness,
} from "../../index.ts";
import { breadthFirst } from "../../search/breadth-first.ts";
import { violatedLengths } from "../../testing/violated-lengths.ts";
import { replayPath } from "../../trace/replay.ts";
import { type ReducedSearch, searchReduced } from "../index.ts";
import { searchAllInWasm } from "../verdicts.ts";

const always = { audit: false, seed: 1 };

function search<S>(
  of: Instance<S>,
  options: { audit?: boolean; stopAtViolation?: boolean } = {},
): Promise<ReducedSearch> {
  const { audit = false, stopAtViolation = false } = options;
  return searchReduced(of, createCompiled(of), ["symmetry"], { ...always, audit }, (evaluator) =>
    breadthFirst(evaluator, {
      instances: of.instances.length,
      witnesses: of.witnesses.length,
      stopAtViolation,
    }),
  );
}

function searchAll<S>(of: Instance<S>) {
  return breadthFirst(createPacked(of), {
    instances: of.instances.length,
    witnesses: of.witnesses.length,
    stopAtViolation: false,
  });
}

function exampleOf(name: string, scenario: string) {
  const design = exampleDesigns.find((of) => of.name === name);
  const scope = design?.scenarios.find((of) => of.name === scenario)?.sizes.tiny;
  if (design === undefined || scope === undefined) throw new Error(`no ${name} on ${scenario}`);
  return instantiate(design.build(), scope);
}

/** States with symmetry, and the sum of their orbits: what dead-local reset alone leaves. */
const counts = [
  ["two-phase-commit", "3rm", 80, 288],
  ["two-phase-commit", "5rm", 314, 8832],
  ["dma-core", "2x2x2", 5151, 38_800],
  ["dma-core", "3x2x2", 11_882, 248_964],
  ["dma-core", "3x3x2", 39_573, 2_251_488],
] as const;

/** Counted by `npm run reductions`: minutes. */
const largeCounts = [
  ["3x2x3", 98_059],
  ["4x3x2", 70_003],
] as const;

describe.runIf(process.env.REDUCTION_MODELS !== undefined)("large counts", () => {
  test.each(largeCounts)("dma-core %s: %i states", async (instance, states) => {
    const of = instantiate(dmaCore(), dmaCoreScope(instance));
    expect((await search(of)).result).toMatchObject({ ending: "exhausted", states, violations: [] });
  });
});

describe("counts", () => {
  test.each(counts)("%s %s: %i states stand for %i", async (name, scenario, states, orbits) => {
    const { result, used, refused } = await search(exampleOf(name, scenario));
    expect(refused).toEqual([]);
    expect(result).toMatchObject({ ending: "exhausted", states, violations: [] });
    expect(used[0].factor).toBe(orbits / states);
    expect(used[0].isEstimate).toBe(false);
    expect(result.witnesses.every((seen) => seen !== null)).toBe(true);
  });

  test("the depth is that of the whole search, and an audit finds nothing wrong", async () => {
    const of = exampleOf("dma-core", "2x2x2");
    const { result, used, refused } = await search(of, { audit: true });
    expect(refused).toEqual([]);
    expect(result).toMatchObject({ states: 5151, ending: "exhausted" });
    expect(used[0].notes.at(-1)).toBe("checked on 5151 of 5151 expanded states, with every renaming");
  });
});

// Things that hands take, use and put down

const thing = sort("thing", "", { interchangeable: true });
const hand = sort("hand", "", { interchangeable: true });
/** A thing's own, where a scope has them. */
const label = sort("label", "", { alignedWith: thing });
const state = record({
  things: array(thing, record({ by: option(hand), uses: range(0, 2) })),
  last: option(thing),
  labels: array(label, record({ isRead: bool() })),
  clock: range(0, "ticks"),
});
type State = StateOf<typeof state>;

const take = environmentRule(
  "take",
  { hand, thing },
  {
    when: (s: State, { thing: t }) => s.things[t].by === null,
    then: (s, { hand: h, thing: t }) => {
      s.things[t].by = h;
      s.last = t;
    },
  },
);
const use = environmentRule(
  "use",
  { thing },
  {
    when: (s: State, { thing: t }) => s.things[t].by !== null && s.things[t].uses < 2,
    then: (s, { thing: t }) => {
      s.things[t].uses++;
      s.things[t].by = null;
    },
  },
);
const wear = environmentRule(
  "wear",
  { thing },
  {
    when: (s: State, { thing: t }) => s.things[t].uses === 2 && s.things[t].by !== null && s.last === t,
    then: (s, { thing: t }) => {
      s.things[t].uses = 0;
    },
  },
);
const read = environmentRule(
  "read",
  { thing },
  {
    when: (s: State, { thing: t }) => s.labels.length > t && s.things[t].uses > 0,
    then: (s, { thing: t }) => {
      s.labels[t].isRead = !s.labels[t].isRead;
    },
  },
);
const remove = environmentRule(
  "remove",
  { label },
  {
    when: (s: State, { label: n }) => s.labels[n].isRead && s.things[n].by === null,
    then: (s, { label: n }) => {
      s.labels[n].isRead = false;
      s.last = null;
    },
  },
);
const tick = environmentRule(
  "tick",
  {},
  {
    when: (s: State, _, { bounds }) => s.clock < bounds.ticks,
    then: (s) => {
      s.clock++;
    },
  },
);

const scope: Scope = { bounds: { thing: 3, hand: 2, ticks: 0, label: 0 } };

function handsAnd(of: Partial<Model<State>>): Model<State> {
  return defineModel<State>({
    name: "hands",
    state,
    rules: [take, use, wear, ...(of.rules ?? [])],
    deadlock: "stuck",
    invariants: [
      invariant(
        "two-are-not-worn",
        {},
        {
          sentence: "No two things are worn out.",
          holds: (s: State) => s.things.filter(({ uses }) => uses === 2).length < 2,
        },
      ),
      invariant(
        "is-not-worn-in-a-hand",
        { thing },
        {
          sentence: "No thing that is held is worn out.",
          holds: (s: State, { thing: t }) => s.things[t].by === null || s.things[t].uses < 2,
        },
      ),
      ...(of.invariants ?? []),
    ],
    stepProperties: [
      stepProperty(
        "uses-do-not-fall",
        { thing },
        {
          sentence: "What a thing was used for is not forgotten.",
          holds: (before: State, after: State, _, { thing: t }) =>
            after.things[t].uses >= before.things[t].uses,
        },
      ),
    ],
    witnesses: of.witnesses ?? [],
  });
}

async function compare(of: Instance<State>): Promise<ReducedSearch> {
  const [reduced, full] = await Promise.all([search(of), searchAll(of)]);
  expect(reduced.result.ending).toBe("exhausted");
  expect(violatedLengths(of, reduced.result)).toEqual(violatedLengths(of, full));
  const reachedBy = ({ witnesses }: typeof full): Set<string> =>
    new Set(of.witnesses.filter(({ id }) => witnesses[id] !== null).map(({ property }) => property.name));
  expect(reachedBy(reduced.result)).toEqual(reachedBy(full));
  const inWasm = await searchReduced(of, createCompiled(of), ["symmetry"], always, (evaluator) =>
    searchAllInWasm(of, evaluator, { space: 2 ** 26 }),
  );
  expect(violatedLengths(of, inWasm.result)).toEqual(violatedLengths(of, full));
  expect(reachedBy(inWasm.result)).toEqual(reachedBy(full));
  return reduced;
}

describe("violations", () => {
  test("are the same, as short, and shown by runs of the model itself", async () => {
    const of = instantiate(handsAnd({}), scope);
    const { result, refused } = await compare(of);
    expect(refused).toEqual([]);
    expect(new Set(result.violations.map(({ kind }) => kind))).toEqual(new Set(["invariant", "step"]));
    for (const { kind, property, path } of result.violations) {
      const { final, steps } = replayPath(of, path);
      if (kind === "invariant") {
        const { property: broken, args } = of.invariants[property];
        expect(broken.holds(final, args, of.setting)).toBe(false);
      } else {
        const { property: broken, args } = of.stepProperties[property];
        const { before, after, instance, outcome } = steps[steps.length - 1];
        const step = { action: instance.action.name, args: instance.args, outcome };
        expect(broken.holds(before, after, step, args, of.setting)).toBe(false);
      }
    }
  });

  test("what belongs to things is exchanged along with them", async () => {
    const of = instantiate(handsAnd({ rules: [read, remove] }), {
      bounds: { ...scope.bounds, label: 3 },
    });
    const { used, refused } = await compare(of);
    expect(refused).toEqual([]);
    expect(used[0].notes[0]).toContain("thing 0, 1, 2; hand 0, 1 are interchangeable, 12 renamings");
    expect(used[0].notes.join()).not.toContain("not interchangeable");
  });

  test("a deadlock is told of the state that the run ends in", async () => {
    const of = exampleOf("philosophers", "3seats");
    const { result } = await search(of);
    expect(violatedLengths(of, result)).toEqual(violatedLengths(of, await searchAll(of)));
  });
});

describe("what is not symmetric is refused, with what and where", () => {
  const broken: [string, Partial<Model<State>>, Partial<Scope>, RegExp][] = [
    [
      "a rule that compares indices",
      {
        rules: [
          environmentRule(
            "overtake",
            { thing },
            {
              when: (s: State, { thing: t }) => s.last !== null && t > s.last,
              then: (s, { thing: t }) => void (s.last = t),
            },
          ),
        ],
      },
      {},
      /thing 0 and thing 1 .*the step overtake\(thing: \d\) tells thing 0 and thing 1 apart/,
    ],
    [
      "a rule that adds to an index",
      {
        rules: [
          environmentRule(
            "shift",
            {},
            {
              when: (s: State) => s.last !== null,
              then: (s, _, { bounds }) => void (s.last = thing.at(((s.last as number) + 1) % bounds.thing)),
            },
          ),
        ],
      },
      {},
      /the step shift tells thing \d and thing \d apart/,
    ],
    [
      "a rule that takes the first that is free",
      {
        rules: [
          environmentRule(
            "grab",
            {},
            {
              when: (s: State) => s.things.some(({ by }) => by === null),
              then: (s) => void (s.last = thing.at(s.things.findIndex(({ by }) => by === null))),
            },
          ),
        ],
      },
      {},
      /the step grab tells thing \d and thing \d apart/,
    ],
    [
      "a property that names one thing",
      {
        invariants: [
          invariant(
            "the-second-is-not-used",
            {},
            {
              sentence: "Nobody uses the second thing.",
              holds: (s: State) => s.things[1].uses === 0,
            },
          ),
        ],
      },
      {},
      /the property the-second-is-not-used tells thing \d and thing \d apart/,
    ],
    [
      "a witness that names one thing",
      {
        witnesses: [
          witness(
            "the-second-is-worn",
            {},
            {
              sentence: "The second thing is worn out.",
              holds: (s: State) => s.things[1].uses === 2,
            },
          ),
        ],
      },
      {},
      /the witness the-second-is-worn tells thing \d and thing \d apart/,
    ],
    [
      "a rule that looks at what belongs to another thing",
      {
        rules: [
          read,
          environmentRule(
            "read the next one",
            { thing },
            {
              when: (s: State, { thing: t }, { bounds }) => s.labels[(t + 1) % bounds.label].isRead,
              then: (s, { thing: t }) => void (s.last = t),
            },
          ),
        ],
      },
      { bounds: { ...scope.bounds, label: 3 } },
      /the step read the next one\(thing: \d\) tells thing \d and thing \d apart/,
    ],
    [
      "things of which two have what the third has not",
      { rules: [read] },
      { bounds: { ...scope.bounds, label: 2 } },
      /the step read\(thing: \d\) tells thing \d and thing \d apart/,
    ],
    [
      "a scenario that lets one hand do something",
      {},
      { allows: (action, { hand: h }) => action !== "take" || h === 0 },
      /hand 0 and hand 1 are not interchangeable: the scenario allows take\(hand: 0, thing: 0\) and not take\(hand: 1, thing: 0\)/,
    ],
  ];

  test.each(broken)("%s", async (_, model, bounds, told) => {
    const of = instantiate(handsAnd(model), { ...scope, ...bounds });
    const { used, refused } = await compare(of);
    expect(
      [...refused.map(({ reason }) => reason), ...used.flatMap(({ notes }) => notes)].join("\n"),
    ).toMatch(told);
  });

  test("what shows only deep in the search is found there, and the search done again", async () => {
    const of = instantiate(
      handsAnd({
        rules: [
          tick,
          environmentRule(
            "late",
            { thing },
            {
              when: (s: State, { thing: t }) => s.clock === 50 && t === 2 && s.last === t,
              then: (s, { thing: t }) => void (s.things[t].uses = 1),
            },
          ),
        ],
      }),
      { bounds: { thing: 3, hand: 1, ticks: 50, label: 0 } },
    );
    const { used } = await compare(of);
    expect(used[0].notes.join("\n")).toMatch(/the step late\(thing: 2\) tells thing \d and thing 2 apart/);
    // The others are still interchangeable.
    expect(used[0].notes[0]).toMatch(/^thing \d, \d are interchangeable/);
  });

  test("a model without interchangeable sorts", async () => {
    const { refused, result } = await search(exampleOf("peterson", "2sides"));
    expect(result.ending).toBe("exhausted");
    expect(refused).toEqual([
      { name: "symmetry", reason: "no sort of two elements or more is declared interchangeable" },
    ]);
  });
});

test("initial states need not be symmetric", async () => {
  const model = handsAnd({});
  const of = instantiate(
    { ...model, initial: { "one is used": (s: State) => void (s.things[1].uses = 1) } },
    scope,
  );
  const { used } = await compare(of);
  expect(used[0].notes[0]).toContain("at most, for the initial states are not symmetric");
  expect(used[0].isEstimate).toBe(true);
});
