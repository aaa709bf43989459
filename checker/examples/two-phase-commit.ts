/**
 * Two-phase commit as Gray and Lamport give it ("Consensus on Transaction Commit"): resource managers that
 * prepare or abort, and a transaction manager that commits once all are prepared. Messages are never lost
 * and never taken out of the pool.
 *
 * Known counts of reachable states: 288 for three resource managers, 8,832 for five.
 */
import {
  array,
  bool,
  defineModel,
  environmentRule,
  invariant,
  type Model,
  oneOf,
  record,
  type Scope,
  setOf,
  sort,
  type StateOf,
  witness,
} from "../index.ts";

const rm = sort("rm", "a resource manager", { interchangeable: true });

const state = record({
  rms: array(rm, oneOf("working", "prepared", "committed", "aborted")),
  tm: oneOf("init", "committed", "aborted"),
  tmPrepared: setOf(rm).means("the resource managers whose Prepared message the manager has seen"),
  preparedSent: setOf(rm).means("the Prepared messages in the pool"),
  commitSent: bool(),
  abortSent: bool(),
});

type State = StateOf<typeof state>;

const rules = [
  environmentRule(
    "TM receives Prepared",
    { rm },
    {
      lane: "TM",
      when: (s: State, { rm: r }) => s.tm === "init" && s.preparedSent.has(r),
      then: (s, { rm: r }) => {
        s.tmPrepared.add(r);
      },
    },
  ),
  environmentRule(
    "TM commits",
    {},
    {
      lane: "TM",
      when: (s: State, _, { bounds }) => s.tm === "init" && s.tmPrepared.size === bounds.rm,
      then: (s) => {
        s.tm = "committed";
        s.commitSent = true;
      },
    },
  ),
  environmentRule(
    "TM aborts",
    {},
    {
      lane: "TM",
      when: (s: State) => s.tm === "init",
      then: (s) => {
        s.tm = "aborted";
        s.abortSent = true;
      },
    },
  ),
  environmentRule(
    "RM prepares",
    { rm },
    {
      lane: "RM {rm}",
      when: (s: State, { rm: r }) => s.rms[r] === "working",
      then: (s, { rm: r }) => {
        s.rms[r] = "prepared";
        s.preparedSent.add(r);
      },
    },
  ),
  environmentRule(
    "RM chooses to abort",
    { rm },
    {
      lane: "RM {rm}",
      when: (s: State, { rm: r }) => s.rms[r] === "working",
      then: (s, { rm: r }) => {
        s.rms[r] = "aborted";
      },
    },
  ),
  environmentRule(
    "RM receives Commit",
    { rm },
    {
      lane: "RM {rm}",
      when: (s: State) => s.commitSent,
      then: (s, { rm: r }) => {
        s.rms[r] = "committed";
      },
    },
  ),
  environmentRule(
    "RM receives Abort",
    { rm },
    {
      lane: "RM {rm}",
      when: (s: State) => s.abortSent,
      then: (s, { rm: r }) => {
        s.rms[r] = "aborted";
      },
    },
  ),
];

/** The protocol over the resource managers of the scope. */
export function twoPhaseCommit(): Model<State> {
  return defineModel({
    name: "two-phase-commit",
    meaning: "Resource managers agree, through a transaction manager, to commit or to abort.",
    state,
    rules,
    deadlock: "none",
    invariants: [
      invariant(
        "consistent",
        { rm },
        {
          sentence: "No resource manager commits while another aborts.",
          holds: (s: State, { rm: r }) =>
            s.rms[r] !== "aborted" || s.rms.every((other) => other !== "committed"),
          explain: (s, { rm: r }) =>
            `RM ${r} is aborted, and RM ${s.rms.findIndex((of) => of === "committed")} committed`,
          premise: (s, { rm: r }) => s.rms[r] === "aborted",
        },
      ),
    ],
    witnesses: [
      witness(
        "all-commit",
        {},
        {
          sentence: "All resource managers commit.",
          holds: (s: State) => s.rms.every((of) => of === "committed"),
        },
      ),
      witness(
        "all-abort",
        {},
        {
          sentence: "All resource managers abort.",
          holds: (s: State) => s.rms.every((of) => of === "aborted"),
        },
      ),
    ],
  });
}

/** `5rm`: five resource managers. */
export function twoPhaseCommitScope(managers: number): Scope {
  return { bounds: { rm: managers } };
}
