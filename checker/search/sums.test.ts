import { expect, test } from "vitest";
import { createCompiled } from "../compile/compiled.ts";
import { createPacked } from "../evaluate/packed.ts";
import type { Evaluator } from "../evaluate/evaluator.ts";
import { defineModel, type Instance, instantiate } from "../model/model.ts";
import { labelsAt, mutantsOf } from "../model/mutate.ts";
import { withProbes } from "../model/probe.ts";
import { acquire, check, locked, procedure, refuse, step } from "../model/procedure.ts";
import { lockState, threads } from "../model/threads.ts";
import { range, record, sort, type StateOf } from "../schema/fields.ts";
import { breadthFirst } from "./breadth-first.ts";
import { StateSums } from "./sums.ts";

const cpu = sort("cpu");
const state = record({ a: range(0, 1), b: range(0, 1), c: range(0, 1), lock: lockState(cpu) });
type S = StateOf<typeof state>;

/** The order of the first two steps is seen in what is copied; that of the next two is seen by nobody. */
const write = procedure<S, Record<never, never>>("write", { args: {} }, [
  locked({ name: "the lock", of: (s: S) => s.lock }, [
    step("write a", (s: S) => {
      s.a = 1;
    }),
    step("copy a to b", (s: S) => {
      s.b = s.a;
    }),
    step("write c", (s: S) => {
      s.c = 1;
    }),
    check("b is small", (s: S, _, { bounds }) => s.b < bounds.top, refuse("large")),
    step("be done", () => {}),
  ]),
]);
const model = defineModel<S>({ name: "writing", state, threads: [threads<S, "cpu">(cpu, "cpus", [write])] });
const scope = { bounds: { cpu: 2, top: 2 } };

async function sumsOf(
  of: Instance<S>,
  create: (of: Instance<S>) => Evaluator = createCompiled,
): Promise<StateSums> {
  const sums = new StateSums(of);
  const limits = { instances: of.instances.length, witnesses: of.witnesses.length, stopAtViolation: false };
  await breadthFirst(sums.watch(create(of)), limits);
  return sums;
}

test("two steps that commute can change places: elsewhere the same states are reached", async () => {
  const unchanged = await sumsOf(instantiate(model, scope));
  const mutants = mutantsOf(model).filter(({ mutation }) => mutation === "swap");
  const seen = await Promise.all(
    mutants.map(async (mutant) => {
      const built = mutant.build();
      const hidden = new Set([...labelsAt(model, mutant), ...labelsAt(built, mutant)]);
      return [mutant.name, unchanged.agreesWith(await sumsOf(instantiate(built, scope)), hidden)];
    }),
  );
  expect(Object.fromEntries(seen)).toEqual({
    'write with "copy a to b" before "write a"': false,
    'write with "write c" before "copy a to b"': true,
    'write with "b is small" before "write c"': true,
    'write with "be done" before "b is small"': true,
  });
});

test("the sums do not depend on the evaluator", async () => {
  const of = instantiate(model, scope);
  expect((await sumsOf(of)).agreesWith(await sumsOf(of, createPacked), new Set())).toBe(true);
});

/** The mutants of a model, and those that one search of it says it concerns. */
async function probe(of: typeof model) {
  const mutants = mutantsOf(of);
  const { model: probed, concerned } = withProbes(of, mutants);
  const made = instantiate(probed, { ...scope, without: [] });
  await breadthFirst(createPacked(made), {
    instances: made.instances.length,
    witnesses: 0,
    stopAtViolation: false,
  });
  return { mutants, concerned };
}

test("what is never come to, or never decided otherwise, concerns no mutant", async () => {
  const { mutants, concerned } = await probe(model);
  const spared = mutants.filter((mutant) => !concerned.has(mutant)).map(({ name }) => name);
  // b is below 2 there, always; below 1 it is not.
  expect(spared).toEqual(['write without the check "b is small"', 'write with one more top in "b is small"']);
});

test("a lock that is waited for and never taken concerns the mutants of its bracket", async () => {
  // The holder stays: nothing inside the second bracket is ever come to.
  const holds = { name: "the lock", of: (s: S) => s.lock };
  const twice = procedure<S, Record<never, never>>("twice", { args: {} }, [
    acquire(holds),
    locked(holds, [
      step("write a", (s: S) => {
        s.a = 1;
      }),
    ]),
  ]);
  const stuck = defineModel<S>({ name: "stuck", state, threads: [threads<S, "cpu">(cpu, "cpus", [twice])] });
  const { mutants, concerned } = await probe(stuck);
  expect(mutants.filter((mutant) => concerned.has(mutant)).map(({ mutation }) => mutation)).toEqual(
    expect.arrayContaining(["unlock", "swap"]),
  );
});
