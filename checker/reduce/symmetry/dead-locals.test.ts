/** Dead locals: where a frame's contents mean nothing, and where somebody still reads them. */
import { describe, expect, test } from "vitest";
import { compileInstance, createCompiled } from "../../compile/compiled.ts";
import { dmaCore, dmaCoreScope } from "../../examples/dma-core.ts";
import {
  array,
  bool,
  check,
  choose,
  defineModel,
  type Instance,
  instantiate,
  invariant,
  type Lock,
  lockState,
  locked,
  type Model,
  procedure,
  range,
  record,
  refuse,
  sort,
  type StateOf,
  step,
  stepProperty,
  threads,
  when,
  witness,
} from "../../index.ts";
import { valueOf } from "../../schema/shape.ts";
import { breadthFirst } from "../../search/breadth-first.ts";
import { violatedLengths } from "../../testing/violated-lengths.ts";
import { searchReduced } from "../index.ts";
import { findDeadLocals } from "./dead-locals.ts";

/** By local of element 0: the labels at which it is live. Locals that are live everywhere are not listed. */
function liveOf(of: Instance<never>): Record<string, string[]> {
  const { live, notes } = findDeadLocals(of, compileInstance(of));
  expect(notes).toEqual([]);
  const first = [...live].filter(([leaf]) => leaf.path.includes("[0]"));
  return Object.fromEntries(
    first.map(([{ path }, { leaf, allowed }]) => [
      path.replace(/.*\./, ""),
      [...allowed].flatMap((isLive, code) => (isLive === 1 ? [String(valueOf(leaf.shape, code))] : [])),
    ]),
  );
}

// In the larger one a CPU's label and its page are not in one word.
test.each(["2x2x2", "4x3x7"])(
  "dma-core %s: iova and page are live from the call to their last use",
  (size) => {
    const of = instantiate(dmaCore(), dmaCoreScope(size)) as unknown as Instance<never>;
    expect(liveOf(of)).toEqual({
      li: ["M1", "M2", "M3", "M4", "M5", "U1", "U2", "U3", "U4"],
      // Not at U1 and U2: unmap writes it at U2.
      lp: ["M1", "M2", "M3", "M4", "M5", "U3", "U4", "U5", "U6", "D1", "D2", "R1", "R2"],
    });
  },
);

// A call that writes one slot under a lock, and remembers things on the way

const cpu = sort("cpu", "", { interchangeable: true });
const slot = sort("slot", "", { interchangeable: true });
const state = record({
  lock: lockState(cpu),
  slots: array(slot, record({ value: range(0, 2), isDirty: bool() })),
});
type State = StateOf<typeof state>;
const lock: Lock<State, unknown> = { name: "lock", of: (s) => s.lock };
const locals = { seen: range(0, 2), copy: range(0, 2), unused: range(0, 2) };

const put = procedure<State, { slot: typeof slot }, typeof locals>("put", { args: { slot }, locals }, [
  step("read", (s, c) => {
    c.seen = s.slots[c.slot].value;
  }),
  choose("remember something", range(0, 2), (_, c, choice) => {
    c.unused = choice;
  }),
  locked(lock, [
    check("it has not changed", (s, c) => s.slots[c.slot].value === c.seen, refuse("changed")),
    step("copy", (_, c) => {
      c.copy = c.seen < 2 ? c.seen + 1 : 0;
    }),
    when("is it the last value?", (_, c) => c.copy === 2, [
      step("mark", (s, c) => {
        s.slots[c.slot].isDirty = true;
      }),
    ]),
    step("write", (s, c) => {
      s.slots[c.slot].value = c.copy;
    }),
  ]),
  step("think", () => {}),
]);

type Seen = State & {
  readonly cpus: readonly { readonly pc: string; readonly slot: number; readonly unused: number }[];
};

function writing(of: Partial<Model<State>> = {}): Instance<never> {
  const model = defineModel<State>({ name: "writing", state, threads: [threads(cpu, "cpus", [put])], ...of });
  return instantiate(model, { bounds: { cpu: 2, slot: 2 } }) as unknown as Instance<never>;
}

describe("a procedure's locals", () => {
  test("are live from where they are written to where they are last read", () => {
    expect(liveOf(writing())).toEqual({
      slot: [
        "put: read",
        "put: remember something",
        "put: acquire lock",
        "put: copy",
        "put: is it the last value?",
        "put: write",
      ],
      seen: ["put: remember something", "put: acquire lock", "put: copy"],
      copy: ["put: is it the last value?", "put: write"],
      unused: [],
    });
  });

  test("are live where a property or a witness reads them, at the labels where it does", () => {
    const holds = (s: State): boolean => (s as Seen).cpus.every((c) => c.pc !== "put: think" || c.unused < 2);
    const body = { sentence: "Nobody thinks of two.", holds };
    for (const of of [
      writing({ invariants: [invariant("nobody-thinks-of-two", {}, body)] }),
      writing({ witnesses: [witness("nobody-thinks-of-two", {}, body)] }),
    ]) {
      // Everywhere between its being written and that label.
      expect(liveOf(of).unused).toEqual(
        expect.arrayContaining(["put: acquire lock", "put: write", "put: think"]),
      );
      expect(liveOf(of).unused).not.toContain("put: read");
    }
  });

  test("are live where a step property reads them, before or after the step", () => {
    const of = writing({
      stepProperties: [
        stepProperty(
          "two-is-not-forgotten",
          {},
          {
            sentence: "Who thinks of two goes on to think of two.",
            holds: (before: State, after: State) =>
              (before as Seen).cpus.every(
                (c, i) => c.pc !== "put: think" || c.unused < 2 || (after as Seen).cpus[i].unused === 2,
              ),
          },
        ),
      ],
    });
    // Where a CPU is after the step does not decide here whether its local is read: it is live everywhere.
    expect(liveOf(of)).not.toHaveProperty("unused");
    expect(liveOf(of)).toHaveProperty("copy");
  });
});

test("a wait that the bounds rule out does not keep locals", () => {
  const gathering = procedure<
    State,
    Record<never, never>,
    { gap: ReturnType<typeof range>; unused: typeof slot }
  >("gather", { args: {}, locals: { gap: range(0, "gaps"), unused: slot } }, [
    when("is there a gap?", (_, c) => c.gap > 0, [locked(lock, [step("close it", () => {})])], []),
    step("think", () => {}),
  ]);
  const model = defineModel<State>({
    name: "gathering",
    state,
    threads: [threads(cpu, "cpus", [gathering as never])],
  });
  const of = (gaps: number) =>
    instantiate(model, { bounds: { cpu: 2, slot: 2, gaps } }) as unknown as Instance<never>;
  for (const gaps of [0, 1]) expect(liveOf(of(gaps)).unused).toEqual([]);
});

test("the search without them sees the same violations, as short", async () => {
  const of = writing({
    invariants: [
      invariant(
        "two-do-not-think-alike",
        {},
        {
          sentence: "No two CPUs think at once of the same.",
          holds: (s: State) => {
            const [a, b] = (s as Seen).cpus;
            return (
              a.pc !== "put: think" || b.pc !== "put: think" || a.unused !== b.unused || a.slot !== b.slot
            );
          },
        },
      ),
    ],
  });
  const evaluator = createCompiled(of);
  const options = { instances: of.instances.length, witnesses: 0, stopAtViolation: false };
  const full = await breadthFirst(evaluator, options);
  const asked = { audit: true, seed: 1 };
  const { result, used } = await searchReduced(of, evaluator, ["symmetry"], asked, (reduced) =>
    breadthFirst(reduced, options),
  );
  expect(violatedLengths(of, result)).toEqual(violatedLengths(of, full));
  expect(violatedLengths(of, full).size).toBe(1);
  expect(result.states).toBeLessThan(full.states / 4);
  expect(used[0].notes.join()).toContain("dead locals are reset");
});

test("two instances of a property that break at once are both told", async () => {
  const of = writing({
    invariants: [
      invariant(
        "nobody-thinks",
        { nth: range(0, 2) },
        {
          sentence: "No CPU thinks.",
          holds: (s: State) => (s as Seen).cpus.every(({ pc }) => pc !== "put: think"),
        },
      ),
    ],
  });
  const evaluator = createCompiled(of);
  const options = { instances: of.instances.length, witnesses: 0, stopAtViolation: false };
  const { result, used } = await searchReduced(
    of,
    evaluator,
    ["symmetry"],
    { audit: true, seed: 1 },
    (reduced) => breadthFirst(reduced, options),
  );
  expect(used[0].notes.join()).toContain("dead locals are reset");
  expect(result.violations.map(({ property }) => property)).toEqual([0, 1, 2]);
});
