/**
 * Every property can fail: for each, a weakening that breaks it. And every weakening is noticed by each of the
 * properties that it says: the search looks at that property alone.
 */
import { expect, test } from "vitest";
import { createCompiled } from "../checker/compile/compiled.ts";
import { breadthFirst, createPacked, deadlockProperty, instantiate } from "../checker/index.ts";
import { invariants, stepProperties } from "./index.ts";
import { weakenings } from "./weakenings/index.ts";
import { buildWeakened } from "./weakenings/weakening.ts";

test("every property has a weakening that is to break it", () => {
  const names = [...invariants, ...stepProperties].map(({ name }) => name);
  const broken = new Set(weakenings.flatMap(({ breaks }) => breaks));
  expect([...broken].sort()).toEqual([...names, deadlockProperty].sort());
});

test("weakenings have names of their own, and break something or say why not", () => {
  const names = weakenings.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { breaks, survives } of weakenings) expect(breaks.length === 0).toBe(survives !== undefined);
});

const cases = weakenings.flatMap((weakening) =>
  weakening.breaks.map((property) => ({ property, weakening, name: weakening.name })),
);

test.for(cases)("$property notices that $name", async ({ property, weakening }) => {
  const model = buildWeakened(weakening);
  const others = [...model.invariants, ...model.stepProperties].filter(({ name }) => name !== property);
  const without = [
    ...others.map(({ name }) => name),
    ...(property === deadlockProperty ? [] : [deadlockProperty]),
  ];
  const of = instantiate(model, { ...weakening.scenario.sizes.tiny, without });
  const options = { instances: of.instances.length, witnesses: 0, stopAtViolation: true };
  // The packed evaluator is there at once; what is farther away is faster compiled.
  const near = await breadthFirst(createPacked(of), { ...options, maxStates: 20_000 });
  const found =
    near.ending === "violated"
      ? near
      : await breadthFirst(createCompiled(of), { ...options, maxStates: 2_000_000 });
  expect(found.ending).toBe("violated");
});
