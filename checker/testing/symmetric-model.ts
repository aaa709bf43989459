/**
 * Random models over two sorts that are declared interchangeable, for tests of reductions: rules and a procedure
 * whose recipes are random programs that name elements by their arguments, locals and fields only. On request one
 * of them breaks the symmetry: it names an element, compares indices, or is restricted by the scenario.
 */
import fc from "fast-check";
import {
  array,
  bool,
  check,
  choose,
  defineModel,
  environmentRule,
  type Instance,
  instantiate,
  invariant,
  type Lock,
  lockState,
  locked,
  type Node,
  oneOf,
  option,
  procedure,
  queue,
  range,
  record,
  refuse,
  type Scope,
  setOf,
  sort,
  step,
  stepProperty,
  threads,
  union,
  witness,
} from "../index.ts";

const thing = sort("thing", "", { interchangeable: true });
const hand = sort("hand", "", { interchangeable: true });
/** Where a thing lies: the thing's own, and named along with it. */
const shelf = sort("shelf", "", { alignedWith: thing });

const state = record({
  things: array(
    thing,
    record({ own: oneOf("x", "y"), link: option(thing), who: option(hand), n: range(0, 2) }),
  ),
  hands: array(hand, record({ at: option(thing), flag: bool() })),
  grid: array(thing, array(hand, bool())),
  shelves: array(shelf, record({ full: bool(), label: option(thing) })),
  near: array(thing, array(shelf, bool())),
  open: option(shelf),
  free: setOf(thing),
  last: option(thing),
  mode: oneOf("p", "q"),
  queue: queue(2, union({ none: {}, one: { what: thing } })),
  lock: lockState(hand),
});
const locals = { seen: option(thing), kept: thing, mark: range(0, 2) };

// Recipes of a random model reach into a state whose type is known by paths only.
// oxlint-disable-next-line no-explicit-any
type Draft = any;
/** `$thing` and `$hand` stand for arguments, `$next` for the thing after, which no symmetric model has; a path that begins with `frame` leads into the procedure's frame. */
type Path = readonly (string | number)[];
/** Arguments by name. */
type Names = Readonly<Record<string, number>>;

type Test =
  | { readonly is: "value"; readonly at: Path; readonly value: unknown }
  | { readonly is: "named" | "not named"; readonly at: Path; readonly name: string }
  | { readonly is: "same"; readonly at: Path; readonly other: Path }
  | { readonly is: "member"; readonly name: string }
  | { readonly is: "above"; readonly name: string; readonly at: Path };

type Effect =
  | { readonly do: "set"; readonly at: Path; readonly value: unknown }
  | { readonly do: "name"; readonly at: Path; readonly name: string }
  | { readonly do: "copy"; readonly from: Path; readonly to: Path }
  | { readonly do: "add" | "delete"; readonly name: string }
  | { readonly do: "push"; readonly name: string }
  | { readonly do: "shift"; readonly to: Path };

function keyOf(key: string | number, names: Names): string | number {
  if (key === "$next") return (names.thing + 1) % 3;
  return key === "$thing" ? names.thing : key === "$hand" ? names.hand : key;
}

function at(s: Draft, frame: Draft, names: Names, path: Path): Draft {
  let value = path[0] === "frame" ? frame : s;
  for (const key of path) if (key !== "frame") value = value[keyOf(key, names)];
  return value;
}

function assign(s: Draft, frame: Draft, names: Names, path: Path, value: unknown): void {
  at(s, frame, names, path.slice(0, -1))[keyOf(path[path.length - 1], names)] = value;
}

function holds(s: Draft, frame: Draft, names: Names, test: Test): boolean {
  switch (test.is) {
    case "value":
      return at(s, frame, names, test.at) === test.value;
    case "named":
      return at(s, frame, names, test.at) === names[test.name];
    case "not named":
      return at(s, frame, names, test.at) !== names[test.name];
    case "same":
      return at(s, frame, names, test.at) === at(s, frame, names, test.other);
    case "member":
      return s.free.has(names[test.name]);
    case "above":
      return at(s, frame, names, test.at) < names[test.name];
  }
}

function run(s: Draft, frame: Draft, names: Names, effect: Effect): void {
  switch (effect.do) {
    case "set":
      assign(s, frame, names, effect.at, effect.value);
      return;
    case "name":
      assign(s, frame, names, effect.at, names[effect.name]);
      return;
    case "copy":
      assign(s, frame, names, effect.to, at(s, frame, names, effect.from));
      return;
    case "add":
      s.free.add(names[effect.name]);
      return;
    case "delete":
      s.free.delete(names[effect.name]);
      return;
    case "push":
      if (s.queue.length < 2) s.queue.push({ tag: "one", what: names[effect.name] });
      return;
    case "shift":
      if (s.queue.length === 0) return;
      if (s.queue[0].tag === "one") assign(s, frame, names, effect.to, s.queue[0].what);
      s.queue.shift();
      return;
  }
}

/** Places by what they hold; the second list is of a procedure's frame. */
const plain: readonly [Path, readonly unknown[]][] = [
  [
    ["things", "$thing", "own"],
    ["x", "y"],
  ],
  [
    ["things", "$thing", "n"],
    [0, 1, 2],
  ],
  [
    ["hands", "$hand", "flag"],
    [true, false],
  ],
  [
    ["grid", "$thing", "$hand"],
    [true, false],
  ],
  [
    ["shelves", "$thing", "full"],
    [true, false],
  ],
  [
    ["near", "$thing", "$thing"],
    [true, false],
  ],
  [["mode"], ["p", "q"]],
];
/** A shelf has the number of its thing. */
const thingPlaces: readonly Path[] = [
  ["things", "$thing", "link"],
  ["shelves", "$thing", "label"],
  ["last"],
  ["open"],
];
const framePlaces: readonly Path[] = [["frame", "seen"]];
const handPlaces: readonly Path[] = [["things", "$thing", "who"]];

const constant = fc
  .constantFrom(...plain)
  .chain(([path, values]) => fc.constantFrom(...values).map((value) => ({ path, value })));

function testOf(inFrame: boolean): fc.Arbitrary<Test> {
  const places = inFrame ? [...thingPlaces, ...framePlaces] : thingPlaces;
  return fc.oneof(
    { weight: 4, arbitrary: constant.map(({ path, value }): Test => ({ is: "value", at: path, value })) },
    ...(inFrame
      ? [fc.integer({ min: 0, max: 2 }).map((value): Test => ({ is: "value", at: ["frame", "mark"], value }))]
      : []),
    fc.constantFrom(...places).map((path): Test => ({ is: "value", at: path, value: null })),
    fc
      .tuple(fc.constantFrom("named", "not named" as const), fc.constantFrom(...places))
      .map(([is, path]): Test => ({ is, at: path, name: "thing" })),
    fc.constantFrom(...handPlaces).map((path): Test => ({ is: "not named", at: path, name: "hand" })),
    fc
      .constantFrom(...places)
      .map((path): Test => ({ is: "same", at: path, other: ["hands", "$hand", "at"] })),
    fc.constant<Test>({ is: "member", name: "thing" }),
  );
}

function effectOf(inFrame: boolean): fc.Arbitrary<Effect> {
  const places = inFrame ? [...thingPlaces, ...framePlaces] : thingPlaces;
  return fc.oneof(
    { weight: 3, arbitrary: constant.map(({ path, value }): Effect => ({ do: "set", at: path, value })) },
    ...(inFrame
      ? [
          fc
            .integer({ min: 0, max: 2 })
            .map((value): Effect => ({ do: "set", at: ["frame", "mark"], value })),
          fc.constant<Effect>({ do: "copy", from: ["frame", "mark"], to: ["things", "$thing", "n"] }),
          fc.constant<Effect>({ do: "copy", from: ["frame", "kept"], to: ["last"] }),
        ]
      : []),
    fc
      .constantFrom(...places, ["hands", "$hand", "at"])
      .map((path): Effect => ({ do: "name", at: path, name: "thing" })),
    fc.constantFrom(...places).map((path): Effect => ({ do: "set", at: path, value: null })),
    fc.constantFrom(...handPlaces).map((path): Effect => ({ do: "name", at: path, name: "hand" })),
    fc
      .tuple(fc.constantFrom(...places), fc.constantFrom(...places))
      .map(([from, to]): Effect => ({ do: "copy", from, to })),
    fc.constantFrom("add", "delete" as const).map((what): Effect => ({ do: what, name: "thing" })),
    fc.constant<Effect>({ do: "push", name: "thing" }),
    fc.constant<Effect>({ do: "shift", to: ["last"] }),
  );
}

/** How a model breaks the symmetry that it declares. */
export type Breach =
  | "names a thing"
  | "compares things"
  | "looks at another's shelf"
  | "does less for some things"
  | "is restricted";
/** Said of things that come after the hand's. */
const isAbove: Test = { is: "above", name: "thing", at: ["hands", "$hand", "at"] };

interface Program {
  readonly tests: readonly Test[];
  readonly effects: readonly Effect[];
}

function programOf(inFrame: boolean): fc.Arbitrary<Program> {
  const tests = fc.array(testOf(inFrame), { minLength: 0, maxLength: 2 });
  const effects = fc.uniqueArray(effectOf(inFrame), {
    minLength: 1,
    maxLength: 2,
    // No place is written twice: the evaluators' errors for a value that is overwritten may differ.
    selector: (each) =>
      String("at" in each ? each.at : "to" in each ? each.to : each.do === "push" ? "queue" : "free"),
  });
  return fc.record({ tests, effects });
}

/** The steps of a procedure; the `n`-th program is its `n`-th step. */
function bodyOf(programs: readonly Program[], isLocked: boolean): Node<Draft, Draft>[] {
  const lock: Lock<Draft, unknown> = { name: "lock", of: (s) => s.lock };
  const names = (c: Draft, self: number): Names => ({ thing: c.thing, hand: self });
  const nodes = programs.flatMap(({ tests, effects }, i): Node<Draft, Draft>[] => [
    ...tests.map((test, k) =>
      check<Draft, Draft>(
        `check ${i}.${k}`,
        (s, c, { self }) => holds(s, c, names(c, self), test),
        refuse(`${i}.${k}`),
      ),
    ),
    step<Draft, Draft>(`step ${i}`, (s, c, { self }) => {
      for (const each of effects) run(s, c, names(c, self), each);
    }),
  ]);
  const chosen = choose<Draft, Draft, unknown>("keep one", thing, (_, c, choice) => {
    c.kept = choice;
  });
  const all = [chosen, ...nodes];
  return isLocked ? [locked(lock, all.slice(0, 2)), ...all.slice(2)] : all;
}

/** What a random model is made of: what fast-check prints. */
export interface SymmetricModel {
  readonly rules: readonly Program[];
  readonly steps: readonly Program[];
  readonly isLocked: boolean;
  readonly forbidden: readonly Test[];
  readonly wanted: readonly Test[];
  readonly fades: Test;
  readonly breach: Breach | null;
}

const breaches = [
  "names a thing",
  "compares things",
  "looks at another's shelf",
  "does less for some things",
  "is restricted",
] as const satisfies readonly Breach[];

/** Random models; a third of them break the symmetry that they declare. */
export function symmetricModel(): fc.Arbitrary<SymmetricModel> {
  const breach = fc.oneof(
    { weight: 4, arbitrary: fc.constant(null) },
    { weight: 2, arbitrary: fc.constantFrom(...breaches) },
  );
  return fc.record({
    rules: fc.array(programOf(false), { minLength: 1, maxLength: 4 }),
    steps: fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(programOf(true), { minLength: 1, maxLength: 3 }) },
    ),
    isLocked: fc.boolean(),
    forbidden: fc.array(testOf(false), { minLength: 1, maxLength: 3 }),
    wanted: fc.array(testOf(false), { minLength: 1, maxLength: 2 }),
    fades: testOf(false),
    breach,
  });
}

/** The model, in its bounds. */
export function buildSymmetric(model: SymmetricModel): Instance<Draft> {
  const { rules, steps, isLocked, forbidden, wanted, fades, breach: how } = model;
  const rulesOf = rules.map(({ tests, effects }, i) => {
    const all: Test[] = [...tests];
    if (i === 0 && how === "names a thing") all.push({ is: "value", at: ["things", 1, "own"], value: "x" });
    if (i === 0 && how === "compares things") all.push(isAbove);
    if (i === 0 && how === "looks at another's shelf")
      all.push({ is: "value", at: ["shelves", "$next", "full"], value: false });
    return environmentRule<Draft, { thing: typeof thing; hand: typeof hand }>(
      `rule ${i}`,
      { thing, hand },
      {
        when: (s, args) => all.every((test) => holds(s, null, args as Names, test)),
        then: (s, args) => {
          if (i === 0 && how === "does less for some things" && !holds(s, null, args, isAbove)) return;
          for (const each of effects) run(s, null, args, each);
        },
      },
    );
  });
  const call = procedure<Draft, { thing: typeof thing }, typeof locals>(
    "call",
    { args: { thing }, locals },
    bodyOf(steps, isLocked),
  );
  const made = defineModel<Draft>({
    name: "symmetric",
    state,
    rules: rulesOf,
    threads: steps.length === 0 ? [] : [threads<Draft, "hand">(hand, "calls", [call])],
    deadlock: steps.length === 0 ? "stuck" : "waiting",
    invariants: [
      invariant(
        "forbidden",
        { thing, hand },
        {
          sentence: "Some things are not at once.",
          holds: (s: Draft, args) => !forbidden.every((test) => holds(s, null, args as Names, test)),
        },
      ),
    ],
    stepProperties: [
      stepProperty(
        "stays",
        { thing, hand },
        {
          sentence: "What is so stays so.",
          holds: (before: Draft, after: Draft, _, args) =>
            !holds(before, null, args as Names, fades) || holds(after, null, args as Names, fades),
        },
      ),
    ],
    witnesses: [
      witness(
        "wanted",
        { thing, hand },
        {
          sentence: "Some things are at once.",
          holds: (s: Draft, args) => wanted.every((test) => holds(s, null, args as Names, test)),
        },
      ),
    ],
  });
  const scope: Scope = {
    bounds: { thing: 3, hand: 2, shelf: 3 },
    ...(how === "is restricted" ? { allows: (action, args) => action !== "rule 0" || args.thing !== 1 } : {}),
  };
  return instantiate(made, scope);
}
