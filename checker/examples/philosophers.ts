/**
 * Dining philosophers as procedures: each takes the fork on the left, then the one on the right. Around a
 * table they deadlock, all holding one fork; with one left-handed philosopher they do not.
 */
import {
  array,
  defineModel,
  invariant,
  type Lock,
  locked,
  lockState,
  type Model,
  procedure,
  record,
  type Scope,
  sort,
  type StateOf,
  step,
  threads,
  when,
  witness,
  bool,
} from "../index.ts";

const philosopher = sort("philosopher");
const fork = sort("fork");

const state = record({
  forks: array(fork, lockState(philosopher)),
  eating: array(philosopher, bool()),
});

type State = StateOf<typeof state>;

const left: Lock<State, unknown> = { name: "left fork", of: (s, _, { self }) => s.forks[self] };
const right: Lock<State, unknown> = {
  name: "right fork",
  of: (s, _, { self, bounds }) => s.forks[(self + 1) % bounds.fork],
};

const meal = [
  step<State, unknown>("eat", (s, _, { self }) => {
    s.eating[self] = true;
  }),
  step<State, unknown>("stop eating", (s, _, { self }) => {
    s.eating[self] = false;
  }),
];

/** A meal for each meal's place in the text: nodes are not shared between two places. */
function copyOf(nodes: typeof meal, suffix: string): typeof meal {
  return nodes.map((node) => ({ ...node, name: `${node.name}${suffix}` }));
}

function dine(oneIsLeftHanded: boolean) {
  const rightHanded = locked(left, [locked(right, copyOf(meal, ""))]);
  if (!oneIsLeftHanded) return procedure<State, Record<never, never>>("dine", { args: {} }, [rightHanded]);
  const leftHanded = locked(right, [locked(left, copyOf(meal, ", left-handed"))]);
  return procedure<State, Record<never, never>>("dine", { args: {} }, [
    when("the philosopher is left-handed", (_s, _c, { self }) => self === 0, [leftHanded], [rightHanded]),
  ]);
}

/** The table; with `oneIsLeftHanded`, philosopher 0 takes the right fork first. */
export function philosophers(oneIsLeftHanded: boolean): Model<State> {
  return defineModel({
    name: oneIsLeftHanded ? "philosophers-one-left-handed" : "philosophers",
    meaning: "Philosophers around a table share forks with their neighbours.",
    state,
    threads: [threads(philosopher, "seats", [dine(oneIsLeftHanded)])],
    invariants: [
      invariant(
        "neighbours-do-not-eat-together",
        { philosopher },
        {
          sentence: "A philosopher does not eat while the next one does.",
          holds: (s: State, { philosopher: p }, { bounds }) =>
            bounds.philosopher < 2 || !s.eating[p] || !s.eating[(p + 1) % bounds.philosopher],
        },
      ),
    ],
    witnesses: [
      witness(
        "somebody-eats",
        { philosopher },
        {
          sentence: "A philosopher eats.",
          holds: (s: State, { philosopher: p }) => s.eating[p],
        },
      ),
    ],
  });
}

export function philosophersScope(count: number): Scope {
  return { bounds: { philosopher: count, fork: count } };
}
