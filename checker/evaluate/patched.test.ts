import fc from "fast-check";
import { expect, test } from "vitest";
import { createCompiled } from "../compile/compiled.ts";
import { ModelError } from "../errors.ts";
import { defineModel, type Instance, instantiate, type Model } from "../model/model.ts";
import { mutantsOf } from "../model/mutate.ts";
import { check, procedure, refuse, step } from "../model/procedure.ts";
import { invariant } from "../model/property.ts";
import { threads } from "../model/threads.ts";
import { range, record, sort, type StateOf } from "../schema/fields.ts";
import { breadthFirst } from "../search/breadth-first.ts";
import { randomLockedModel } from "../testing/random-locked-model.ts";
import { seeded } from "../testing/seeded.ts";
import { look } from "../testing/walk-together.ts";
import type { Evaluator } from "./evaluator.ts";
import { createPacked } from "./packed.ts";
import { createPatched, labelsThatDiffer } from "./patched.ts";

// The recipes of a random model reach into a state whose type nobody wrote down.
// oxlint-disable-next-line no-explicit-any
type Draft = any;

function tryTo<T>(make: () => T): T | null {
  try {
    return make();
  } catch (error) {
    if (error instanceof ModelError) return null;
    throw error;
  }
}

/** The mutant in the scope of the unchanged instance, and the patched evaluator; null where there is none. */
function patch(unchanged: Instance<Draft>, build: () => Model<Draft>, create: typeof createPacked) {
  const of = tryTo(() => instantiate(build(), unchanged.scope));
  const differing = of && labelsThatDiffer(unchanged.model, of.model);
  if (!of || !differing) return null;
  const patched = createPatched({ of: unchanged, evaluator: create(unchanged) }, of, differing);
  return patched && { of, patched };
}

/** Walks at random, and compares what the evaluator says of each state with what the packed one says. */
function walk(of: Instance<Draft>, patched: Evaluator, choose: (count: number) => number): void {
  const packed = createPacked(of);
  let [state] = packed.initialStates();
  for (let n = 0; n < 25; n++) {
    const { seen, packed: successors } = look(of, packed, state);
    expect(look(of, patched, state).seen).toEqual(seen);
    if (successors.length === 0) return;
    state = successors[choose(successors.length)];
  }
}

test("where a mutant does not differ, the unchanged model says the same", () => {
  let tried = 0;
  const law = fc.property(randomLockedModel(), fc.integer(), ({ model, scope }, seed) => {
    const unchanged = tryTo(() => instantiate(model, scope));
    if (unchanged === null) return;
    const random = seeded(seed);
    const create = random(10) === 0 ? createCompiled : createPacked;
    const mutants = mutantsOf(model);
    for (let n = 0; n < 3 && mutants.length > 0; n++) {
      const mutant = mutants[random(mutants.length)];
      const made = patch(unchanged, () => mutant.build(), create);
      if (made === null) continue;
      tried++;
      walk(made.of, made.patched, random);
    }
  });
  fc.assert(law, { numRuns: 20, seed: 7 });
  expect(tried).toBeGreaterThan(20);
});

const state = record({ a: range(0, 1) });
type S = StateOf<typeof state>;
const cpu = sort("cpu");

test("a property that names a label which only the mutant has is asked of the mutant", async () => {
  const call = procedure<S, Record<never, never>>("call", { args: {} }, [
    step("write", (s: S) => {
      s.a = 1;
    }),
    check("all is well", (s: S) => s.a === 1, refuse("ill")),
    step("be done", () => {}),
  ]);
  const model = defineModel<Draft>({
    name: "naming",
    state,
    threads: [threads<Draft, "cpu">(cpu, "cpus", [call])],
    invariants: [
      invariant(
        "is-known",
        {},
        { sentence: "The CPU is elsewhere.", holds: (s: Draft) => !s.cpus[0].pc.endsWith("is well") },
      ),
    ],
  });
  const unchanged = instantiate(model, { bounds: { cpu: 1 } });
  const mutant = mutantsOf(model).find(({ name }) => name.includes('without the step "be done"'));
  const made = mutant && patch(unchanged, () => mutant.build(), createCompiled);
  if (!made) throw new Error("the mutant cannot be patched");
  const options = { instances: made.of.instances.length, witnesses: 0, stopAtViolation: false };
  const { states, violations } = await breadthFirst(made.patched, options);
  expect([states, violations.map(({ kind }) => kind)]).toEqual([5, ["invariant"]]);
});
