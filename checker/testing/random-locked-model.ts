/**
 * Random models with procedures and locks, for tests of reductions: two or three CPUs, two or three locks, shared
 * variables with and without a lock, a device that reads and writes some of them, and properties, step properties
 * and witnesses that any step may break or show. Most accesses keep to the locks; some do not: locks dropped
 * early, accesses outside, locks taken in the wrong order, panics, waits. What a model does is random; what is
 * asked of it is the same answer with and without a reduction.
 */
import fc from "fast-check";
import {
  acquire,
  bool,
  check,
  choose,
  type DeadlockRule,
  defineModel,
  environmentRule,
  invariant,
  leave,
  locked,
  type Lock,
  lockState,
  type Model,
  type Node,
  panic,
  procedure,
  range,
  record,
  refuse,
  release,
  repeat,
  returns,
  type Scope,
  sort,
  step,
  stepProperty,
  threads,
  wait,
  when,
  witness,
} from "../index.ts";

// The recipes of a random model reach into a state whose type nobody wrote down.
// oxlint-disable-next-line no-explicit-any
type Draft = any;

const top = 2;
const variables = ["x", "y", "z", "flag"] as const;
type Variable = (typeof variables)[number];
const lockNames = ["a", "b"] as const;
type LockName = (typeof lockNames)[number];

/** One node of a random procedure, before it is built. */
export type Action =
  | { readonly do: "set" | "is"; readonly at: Variable; readonly value: number }
  | { readonly do: "add" | "bump" | "read" | "write" | "swap"; readonly at: Variable }
  | { readonly do: "own"; readonly value: number }
  | { readonly do: "choose"; readonly at: Variable }
  | { readonly do: "panic" | "refuse"; readonly at: Variable; readonly value: number }
  | { readonly do: "wait"; readonly at: Variable; readonly value: number }
  | { readonly do: "twice"; readonly inner: readonly Action[] }
  | { readonly do: "if"; readonly value: number; readonly inner: readonly Action[] }
  | { readonly do: "locked"; readonly lock: LockName; readonly inner: readonly Action[] }
  | { readonly do: "take" | "drop"; readonly lock: LockName };

export type Rule = {
  readonly from: Variable;
  readonly is: number;
  readonly to: Variable;
  readonly value: number;
};

export interface LockedModel {
  readonly model: Model<Draft>;
  readonly scope: Scope;
}

const lockOf: Record<LockName, Lock<Draft, Draft>> = {
  a: { name: "a", of: (s: Draft) => s.a },
  b: { name: "b", of: (s: Draft) => s.b },
};

const variable = fc.constantFrom(...variables);
const value = fc.integer({ min: 0, max: top });

/** What each lock is for, mostly. */
const protectedBy: Record<LockName, readonly Variable[]> = { a: ["x", "y"], b: ["z"] };

/** An access to one of these variables, or now and then to another. */
function access(of: readonly Variable[]): fc.Arbitrary<Action> {
  const at = fc.oneof({ weight: 15, arbitrary: fc.constantFrom(...of) }, { weight: 1, arbitrary: variable });
  return fc.oneof(
    { weight: 2, arbitrary: fc.record({ do: fc.constant<"set">("set"), at, value }) },
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constantFrom("add", "bump", "bump", "read", "write", "swap"), at }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant<"own">("own"), value }) },
  ) as fc.Arbitrary<Action>;
}

function some(of: fc.Arbitrary<Action>, maxLength = 3): fc.Arbitrary<Action[]> {
  return fc.array(of, { minLength: 1, maxLength });
}

/** A lock with accesses to what it protects; and what else comes between. */
function section(depth: number): fc.Arbitrary<Action> {
  return fc.constantFrom<LockName>("a", "a", "b").chain((lock) => {
    const own = access(protectedBy[lock]);
    const inside =
      depth === 0
        ? own
        : fc.oneof({ weight: 8, arbitrary: own }, { weight: 2, arbitrary: anyAction(depth - 1) });
    return some(inside, 4).map((inner): Action => ({ do: "locked", lock, inner }));
  });
}

const rare: fc.Arbitrary<Action> = fc.oneof(
  fc.record({
    do: fc.constantFrom<"panic" | "refuse" | "wait">("panic", "refuse", "wait"),
    at: variable,
    value,
  }),
  fc.record({ do: fc.constant<"choose">("choose"), at: variable }),
  fc.record({ do: fc.constantFrom<"take" | "drop">("take", "drop"), lock: fc.constantFrom(...lockNames) }),
) as fc.Arbitrary<Action>;

function anyAction(depth: number): fc.Arbitrary<Action> {
  const nested =
    depth === 0
      ? access(variables)
      : fc.oneof(
          some(anyAction(depth - 1), 2).map((inner): Action => ({ do: "twice", inner })),
          fc
            .tuple(value, some(anyAction(depth - 1)))
            .map(([of, inner]): Action => ({ do: "if", value: of, inner })),
        );
  return fc.oneof(
    { weight: 8, arbitrary: section(depth) },
    { weight: 1, arbitrary: access(variables) },
    { weight: 1, arbitrary: access(["flag"]) },
    { weight: 1, arbitrary: rare },
    { weight: 1, arbitrary: nested },
  );
}

/** The nodes of a procedure. Names are made distinct by numbering. */
function nodesFrom(actions: readonly Action[], counter: { n: number }): Node<Draft, Draft>[] {
  return actions.flatMap((action): Node<Draft, Draft>[] => {
    const name = `${counter.n++} ${action.do}`;
    switch (action.do) {
      case "set": {
        const { at, value: to } = action;
        return [step(name, (s: Draft) => void (s[at] = to))];
      }
      case "is": {
        const { at, value: of } = action;
        return [step(name, (s: Draft, c: Draft) => void (c.seen = s[at] === of ? 1 : 0))];
      }
      case "add": {
        const { at } = action;
        return [step(name, (s: Draft) => void (s[at] = s[at] === top ? 0 : s[at] + 1))];
      }
      case "bump": {
        // Not at once: what is not under a lock may be lost.
        const { at } = action;
        return [
          step(`${name}, reading`, (s: Draft, c: Draft) => void (c.seen = s[at])),
          step(`${name}, writing`, (s: Draft, c: Draft) => void (s[at] = c.seen === top ? 0 : c.seen + 1)),
        ];
      }
      case "read": {
        const { at } = action;
        return [step(name, (s: Draft, c: Draft) => void (c.seen = s[at]))];
      }
      case "write": {
        const { at } = action;
        return [step(name, (s: Draft, c: Draft) => void (s[at] = c.seen))];
      }
      case "swap": {
        // Compare and swap, without a lock.
        const { at } = action;
        return [
          step(name, (s: Draft, c: Draft) => {
            if (s[at] === c.seen) s[at] = c.seen === top ? 0 : c.seen + 1;
          }),
        ];
      }
      case "own": {
        const { value: to } = action;
        return [step(name, (_: Draft, c: Draft) => void (c.own = to))];
      }
      case "choose": {
        const { at } = action;
        return [choose(name, bool(), (s: Draft, c: Draft, yes: boolean) => void (c.own = yes ? s[at] : 0))];
      }
      case "panic":
      case "refuse": {
        const { at, value: of } = action;
        const exit = action.do === "panic" ? panic<Draft, Draft>(name) : refuse<Draft, Draft>(name);
        return [check(name, (s: Draft) => s[at] !== of, exit), step(`${name} passed`, () => {})];
      }
      case "wait": {
        const { at, value: of } = action;
        return [wait(name, (s: Draft) => s[at] === of, ["device 0", "device 1"])];
      }
      case "twice":
        return [
          step(`${name} begins`, (_: Draft, c: Draft) => void (c.round = 0)),
          repeat(name, (_: Draft, c: Draft) => c.round < 2, [
            ...nodesFrom(action.inner, counter),
            step(
              `${name} goes round`,
              (_: Draft, c: Draft) => void (c.round = c.round === 2 ? 2 : c.round + 1),
            ),
          ]),
        ];
      case "if": {
        const { value: of } = action;
        return [when(name, (_: Draft, c: Draft) => c.seen === of, nodesFrom(action.inner, counter))];
      }
      case "locked":
        return [locked(lockOf[action.lock], nodesFrom(action.inner, counter))];
      case "take":
        return [acquire(lockOf[action.lock])];
      case "drop":
        return [release(lockOf[action.lock])];
    }
  });
}

/** CPUs of which the model does not say that they are interchangeable, and CPUs of which it does, and they are. */
const unlikeCpu = sort("cpu");
const likeCpu = sort("cpu", "", { interchangeable: true });

function isAtRest(s: Draft): boolean {
  for (let k = 0; k < s.cpus.length; k++) if (s.cpus[k].pc !== "idle") return false;
  return true;
}

/** What a model may be asked, by name. A property sees steps, which keeps them apart: fewer leave more to merge. */
const questions = [
  "values",
  "values of three",
  "held",
  "at rest",
  "x changes under a",
  "y follows",
  "both",
  "inside",
];

/** Builds a model from procedures as lists of actions, rules of a device, and numbers that its properties speak of. */
export function buildLockedModel(
  calls: readonly (readonly Action[])[],
  rules: readonly Rule[],
  numbers: readonly number[],
  deadlock: DeadlockRule,
  asked: readonly string[],
  cpu: typeof unlikeCpu = unlikeCpu,
): Model<Draft> {
  const [p, q, r, t] = numbers;
  const isAsked = ({ name }: { readonly name: string }): boolean => asked.includes(name);
  const procedures = calls.map((actions, k) =>
    procedure<Draft, Draft, Draft>(
      `call ${k}`,
      { args: {}, locals: { seen: range(0, top), own: range(0, top), round: range(0, 2) } },
      [...nodesFrom(actions, { n: 0 }), leave(returns("done"))],
    ),
  );
  const shared = Object.fromEntries(variables.map((name) => [name, range(0, top)]));
  return defineModel<Draft>({
    name: "random with locks",
    state: record({ ...shared, a: lockState(cpu), b: lockState(cpu) }),
    threads: [threads<Draft, "cpu">(cpu, "cpus", procedures)],
    deadlock,
    rules: rules.map(({ from, is, to, value: put }, k) =>
      environmentRule(
        `device ${k}`,
        {},
        { when: (s: Draft) => s[from] === is, then: (s: Draft) => void (s[to] = put) },
      ),
    ),
    invariants: [
      invariant(
        "values",
        {},
        {
          sentence: "Two variables do not have given values at once.",
          holds: (s: Draft) => s.x !== p || s.y !== q,
        },
      ),
      invariant(
        "values of three",
        {},
        { sentence: "Nor have these.", holds: (s: Draft) => s.z !== r || s.flag !== t || s.x !== q },
      ),
      invariant(
        "held",
        { cpu },
        {
          sentence: "What a CPU has of its own is not a given value while it holds a lock.",
          holds: (s: Draft, { cpu: k }) => s.a.holder !== k || s.cpus[k].own !== r,
        },
      ),
      invariant(
        "at rest",
        {},
        {
          sentence: "While nobody is in a call, a variable does not have a given value.",
          holds: (s: Draft) => !isAtRest(s) || s.x !== t,
        },
      ),
    ].filter(isAsked),
    stepProperties: [
      stepProperty(
        "x changes under a",
        {},
        {
          sentence: "x changes under the lock a only.",
          holds: (before: Draft, after: Draft, taken) =>
            before.x === after.x || before.a.holder === taken.args.cpu,
        },
      ),
      stepProperty(
        "y follows",
        {},
        {
          sentence: "y does not change while z has a given value.",
          holds: (before: Draft, after: Draft) => before.y === after.y || before.z !== p,
        },
      ),
    ].filter(isAsked),
    witnesses: [
      // What can be left behind: with every value a witness of its own, a reduction must get all of them.
      witness(
        "left behind",
        { x: range(0, top), y: range(0, top), z: range(0, top) },
        {
          sentence: "While nobody is in a call, the variables have these values.",
          holds: (s: Draft, { x, y, z }) => isAtRest(s) && s.x === x && s.y === y && s.z === z,
        },
      ),
      witness(
        "both",
        {},
        {
          sentence: "Two CPUs have seen the same.",
          holds: (s: Draft) => s.cpus[0].seen === p && s.cpus[1].seen === q && s.y === r,
        },
      ),
      witness(
        "inside",
        { cpu },
        {
          sentence: "A CPU is somewhere.",
          holds: (s: Draft, { cpu: k }) => s.cpus[k].pc.includes(`: ${p + q} `) && s.z === t,
        },
      ),
    ].filter((each) => each.name === "left behind" || isAsked(each)),
  });
}

/** Models with two or three CPUs and one or two calls. */
export function randomLockedModel(): fc.Arbitrary<LockedModel> {
  return modelsOf(unlikeCpu, questions);
}

/** The same with CPUs that are interchangeable, of which nothing is asked that names one. */
export function randomModelOfAlike(): fc.Arbitrary<LockedModel> {
  return modelsOf(
    likeCpu,
    questions.filter((name) => name !== "both"),
  );
}

function modelsOf(cpu: typeof unlikeCpu, mayBeAsked: readonly string[]): fc.Arbitrary<LockedModel> {
  const call = some(anyAction(2), 2);
  const rule = fc.record({ from: variable, is: value, to: variable, value });
  return fc
    .record({
      calls: fc.array(call, { minLength: 2, maxLength: 2 }),
      rules: fc.array(rule, { minLength: 0, maxLength: 2 }),
      numbers: fc.array(value, { minLength: 4, maxLength: 4 }),
      deadlock: fc.constantFrom<DeadlockRule>("waiting", "waiting", "stuck", "none"),
      cpus: fc.constantFrom(2, 2, 2, 3),
      asked: fc.subarray([...mayBeAsked]),
    })
    .map(({ calls, rules, numbers, deadlock, cpus, asked }) => ({
      model: buildLockedModel(calls, rules, numbers, deadlock, asked, cpu),
      scope: { bounds: { cpu: cpus } },
    }));
}
