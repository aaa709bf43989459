import { expect, test } from "vitest";
import { explore } from "../search/explore.ts";
import { range, record, sort, type StateOf } from "../schema/fields.ts";
import { invariant } from "./property.ts";
import { defineModel, instantiate } from "./model.ts";
import { mutantsOf } from "./mutate.ts";
import { check, type FrameOf, procedure, refuse, step, locked } from "./procedure.ts";
import { lockState, threads } from "./threads.ts";

const cpu = sort("cpu");
const state = record({ count: range(0, 9), lock: lockState(cpu) });
type S = StateOf<typeof state>;
const locals = { seen: range(0, 9) };
type C = FrameOf<Record<never, never>, typeof locals>;

/** Adds one to a count that is below the bound: the read and the write are two steps, under a lock. */
const add = procedure<S, Record<never, never>, typeof locals>("add", { args: {}, locals }, [
  locked({ name: "the lock", of: (s: S) => s.lock }, [
    step("read", (s: S, c: C) => {
      c.seen = s.count;
    }),
    check("there is room", (_: S, c: C, { bounds }) => c.seen < bounds.top, refuse("full")),
    step("write", (s: S, c: C) => {
      s.count = c.seen + 1;
    }),
  ]),
]);
const model = defineModel<S>({
  name: "adding",
  state,
  threads: [threads<S, "cpu">(cpu, "cpus", [add])],
  invariants: [
    invariant(
      "within-bound",
      {},
      {
        sentence: "The count is within its bound.",
        holds: (s: S, _, { bounds }) => s.count <= bounds.top,
      },
    ),
  ],
});
const bounds = { cpu: 2, top: 3 };

test("every check, step, neighbour, bracket and bound has its mutant", () => {
  expect(mutantsOf(model).map(({ mutation, name }) => `${mutation}: ${name}`)).toEqual([
    "unlock: add without the lock",
    'drop-step: add without the step "read"',
    'drop-check: add without the check "there is room"',
    'shift-bound: add with one more top in "there is room"',
    'shift-bound: add with one less top in "there is room"',
    'drop-step: add without the step "write"',
    'swap: add with "there is room" before "read"',
    'swap: add with "write" before "there is room"',
  ]);
});

test("mutants differ in what they say: some break the property, and the model itself does not", async () => {
  expect((await explore(instantiate(model, { bounds }))).violations).toHaveLength(0);
  const broken = await Promise.all(
    mutantsOf(model).map(async (mutant) => {
      const of = instantiate(mutant.build(), { bounds });
      const { violations } = await explore(of, { stopAtViolation: true });
      return violations.length > 0 ? [mutant.name] : [];
    }),
  );
  expect(broken.flat()).toEqual([
    'add without the check "there is room"',
    'add with one more top in "there is room"',
    'add with "there is room" before "read"',
    'add with "write" before "there is room"',
  ]);
});
