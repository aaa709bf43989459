/**
 * Peterson's mutual exclusion for two processes, step by step: a lock made of plain reads and writes.
 * `withTurn: false` leaves out the write of `turn`, which breaks it.
 */
import {
  array,
  bool,
  defineModel,
  invariant,
  type Model,
  type Node,
  procedure,
  record,
  type Scope,
  sort,
  type StateOf,
  step,
  threads,
  wait,
  witness,
} from "../index.ts";

const side = sort("side");

const state = record({
  wants: array(side, bool()),
  turn: side,
  critical: array(side, bool()),
});

type State = StateOf<typeof state>;

const giveWay: Node<State, unknown> = step("let the other go first", (s, _, { self }) => {
  s.turn = side.at(1 - self);
});

function enter(withTurn: boolean) {
  return procedure<State, Record<never, never>>("enter", { args: {} }, [
    step("want to enter", (s, _, { self }) => {
      s.wants[self] = true;
    }),
    ...(withTurn ? [giveWay] : []),
    wait(
      "the other side to be elsewhere or to give way",
      (s, _, { self }) => !s.wants[1 - self] || s.turn === self,
      [...(withTurn ? ["enter: let the other go first"] : []), "enter: leave"],
    ),
    step("be in the critical section", (s, _, { self }) => {
      s.critical[self] = true;
    }),
    step("leave the critical section", (s, _, { self }) => {
      s.critical[self] = false;
    }),
    step("leave", (s, _, { self }) => {
      s.wants[self] = false;
    }),
  ]);
}

/** The algorithm, or the one without its `turn`. */
export function peterson(withTurn = true): Model<State> {
  return defineModel({
    name: withTurn ? "peterson" : "peterson-without-turn",
    meaning: "Two processes exclude one another with plain reads and writes.",
    state,
    threads: [threads(side, "sides", [enter(withTurn)])],
    invariants: [
      invariant(
        "mutual-exclusion",
        {},
        {
          sentence: "At most one side is in the critical section.",
          holds: (s: State) => !(s.critical[0] && s.critical[1]),
        },
      ),
    ],
    witnesses: [
      witness(
        "gets-in",
        { side },
        {
          sentence: "A side gets into the critical section.",
          holds: (s: State, { side: self }) => s.critical[self],
        },
      ),
    ],
  });
}

export const petersonScope: Scope = { bounds: { side: 2 } };
