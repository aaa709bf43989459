/**
 * Invariants are not looked at again for what is remembered of them, and nothing is missed: counts, violations and
 * lengths are those of the search in JavaScript, which remembers nothing.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Compiled } from "../compile/compile.ts";
import { compileInstance, runCompiled } from "../compile/compiled.ts";
import {
  breadthFirst,
  defineModel,
  environmentRule,
  type Instance,
  instantiate,
  invariant,
  range,
  record,
  type StateOf,
} from "../index.ts";
import { isLocatedModelError, type SearchResult } from "../search/result.ts";
import { randomModel } from "../testing/random-model.ts";
import { createWasm } from "./create-wasm.ts";
import { searchInWasm } from "./search.ts";

/** All groups are remembered; those that would not be, by all that any invariant reads. */
function rememberAll({ footprints, module, ...rest }: Compiled): Compiled {
  const all = Array.from({ length: module.words }, () => 0);
  for (const { reads } of footprints.invariants) {
    for (const { mask, shift, word } of reads) all[word] |= mask << shift;
  }
  const invariants = module.invariants.map(({ body, reads }) => ({ body, reads: reads ?? all }));
  return { ...rest, footprints, module: { ...module, invariants } };
}

/** As if the invariants read nothing of the state. */
function rememberTooMuch(compiled: Compiled): Compiled {
  const { module } = compiled;
  const reads = Array.from({ length: module.words }, () => 0);
  const invariants = module.invariants.map(({ body }) => ({ body, reads }));
  return { ...compiled, module: { ...module, invariants } };
}

function essenceOf({ ending, states, transitions, depth, digest, violations }: SearchResult) {
  const found = violations.map(({ kind, property, path }) => `${kind} ${property}: ${path.instances.length}`);
  return { ending, states, transitions, depth, digest, found: found.toSorted() };
}

// oxlint-disable-next-line no-explicit-any
function searches(of: Instance<any>, change: (compiled: Compiled) => Compiled) {
  const compiled = compileInstance(of);
  const options = { instances: of.instances.length, witnesses: of.witnesses.length, stopAtViolation: false };
  const wasm = (workers: number): Promise<SearchResult> =>
    searchInWasm(createWasm(of, { workers, space: 2 ** 26 }, change(compiled)), options);
  return [breadthFirst(runCompiled(of, compiled), options), wasm(1), wasm(2)].map((run) =>
    run.then(essenceOf, (error: unknown) => {
      if (!isLocatedModelError(error)) throw error;
      return error.path.instances.length;
    }),
  );
}

test("on random models, right and wrong", async () => {
  let violated = 0;
  await fc.assert(
    fc.asyncProperty(randomModel(true), async ({ model, scope }) => {
      const [expected, ...found] = await Promise.all(searches(instantiate(model, scope), rememberAll));
      for (const each of found) expect(each).toEqual(expected);
      if (typeof expected === "object" && expected.found.length > 0) violated++;
    }),
    { numRuns: 40 },
  );
  expect(violated).toBeGreaterThan(5);
});

const state = record({ high: range(0, 9), low: range(0, 9) });
type State = StateOf<typeof state>;

/** Two numbers that grow; for two values of the high one the property is broken, whatever the low one is. */
const counters = instantiate(
  defineModel<State>({
    name: "counters",
    state,
    deadlock: "none",
    rules: [
      environmentRule(
        "raise",
        {},
        { when: ({ high }: State) => high < 9, then: (s: State) => void s.high++ },
      ),
      environmentRule("lower", {}, { when: ({ low }: State) => low < 9, then: (s: State) => void s.low++ }),
    ],
    invariants: [
      invariant(
        "the-high-number-is-none-of-two",
        {},
        {
          sentence: "The high number is neither 4 nor 7.",
          holds: ({ high }: State) => high !== 4 && high !== 7,
        },
      ),
    ],
  }),
  { bounds: {} },
);

test("what is violated is told of the first state that shows it", async () => {
  const [js, ...wasm] = await Promise.all(searches(counters, rememberAll));
  expect(js).toMatchObject({ states: 100, found: ["invariant 0: 4"] });
  for (const each of wasm) expect(each).toEqual(js);
});

test("a footprint that says too little would hide a violation, and these tests would see it", async () => {
  const [js, ...wasm] = await Promise.all(searches(counters, rememberTooMuch));
  expect(js).toMatchObject({ found: ["invariant 0: 4"] });
  for (const each of wasm) expect(each).toMatchObject({ states: 100, found: [] });
});
