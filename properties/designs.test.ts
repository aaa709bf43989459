import { expect, test } from "vitest";
import {
  breadthFirst,
  createPacked,
  createReference,
  type Instance,
  instantiate,
  requirePureRecipes,
  type SearchResult,
} from "../checker/index.ts";
import { createCompiled } from "../checker/compile/compiled.ts";
import { violatedLengths } from "../checker/testing/violated-lengths.ts";
import { designs } from "./index.ts";

function instanceOf(name: string): Instance<unknown> {
  const design = designs.find((of) => of.name === name);
  if (design === undefined) throw new Error(`no design ${name}`);
  return instantiate(design.build(), design.scenarios[0].sizes.tiny);
}

function search(of: Instance<unknown>, maxStates: number): Promise<SearchResult> {
  const options = { instances: of.instances.length, witnesses: of.witnesses.length, stopAtViolation: false };
  return breadthFirst(createPacked(of), { ...options, maxStates });
}

/** The same search with the compiled recipes, for the larger spaces. */
async function searchCompiled(of: Instance<unknown>, maxStates: number): Promise<SearchResult> {
  const options = { instances: of.instances.length, witnesses: of.witnesses.length, stopAtViolation: false };
  return breadthFirst(createCompiled(of), { ...options, maxStates });
}

test("pv holds in tiny, and every witness is reached", async () => {
  const of = instanceOf("pv");
  const result = await search(of, 5_000_000);
  expect(result.ending).toBe("exhausted");
  expect(violatedLengths(of, result)).toEqual(new Map());
  const reached = new Set(
    of.witnesses.filter(({ id }) => result.witnesses[id] !== null).map((w) => w.property.name),
  );
  expect(reached).toEqual(new Set(of.witnesses.map((w) => w.property.name)));
});

test("pv-rfc2 leaks a domain's reference and gives back the use of a page that is mapped", async () => {
  const of = instanceOf("pv-rfc2");
  const result = await search(of, 1_200_000);
  const violated = violatedLengths(of, result);
  expect([...violated.keys()].sort()).toEqual([
    "cached-translations-are-justified",
    "dma-integrity",
    "dma-secrecy",
    "entries-change-under-pgt_lock",
    "no-domain-reference-is-leaked",
    "no-use-is-leaked",
    "only-owned-pages-are-mapped",
    "steps-are-atoms",
    "unmapped-means-unreachable",
    "uses-are-counted",
    "walks-and-accesses-are-justified",
  ]);
  expect(violated.get("no-domain-reference-is-leaked")).toBe(5);
  // Each counterexample is a run of the reference evaluator too, and ends in a state that breaks the property.
  const reference = createReference(of);
  for (const { kind, property, path } of result.violations) {
    if (kind !== "invariant") continue;
    let { state } = reference.namedInitialStates()[path.initial];
    for (const id of path.instances) {
      const taken = reference.step(state, of.instances[id]);
      if (taken === null) throw new Error(`step ${of.instances[id].action.name} is not enabled`);
      state = taken.state;
    }
    const { property: broken, args } = of.invariants[property];
    expect(broken.holds(state, args, of.setting)).toBe(false);
    expect(broken.explain?.(state, args, of.setting)).toBeTruthy();
  }
});

test("pv-rfc1 keeps devices away from pages; its count goes up before the page's state is looked at", async () => {
  const of = instanceOf("pv-rfc1");
  const result = await searchCompiled(of, 1_000_000);
  expect(result.ending).toBe("exhausted");
  expect(violatedLengths(of, result)).toEqual(new Map([["steps-are-atoms", 12]]));
});

test("pv-android15 gives uses back without the lock, and that is all", async () => {
  const of = instanceOf("pv-android15");
  const result = await searchCompiled(of, 5_000_000);
  expect(result.ending).toBe("exhausted");
  expect(violatedLengths(of, result)).toEqual(new Map([["pages-change-under-host_mmu.lock", 10]]));
});

test("pv-android16 gives back the use of a page that is mapped, as pv-rfc2 does, and leaks no reference", async () => {
  const of = instanceOf("pv-android16");
  const result = await searchCompiled(of, 1_000_000);
  expect(violatedLengths(of, result)).toEqual(
    new Map([
      ["entries-change-under-pgt_lock", 34],
      ["uses-are-counted", 42],
      ["steps-are-atoms", 42],
      ["walks-and-accesses-are-justified", 45],
      ["cached-translations-are-justified", 46],
      ["no-use-is-leaked", 47],
      ["unmapped-means-unreachable", 47],
      ["dma-secrecy", 49],
      ["dma-integrity", 49],
      ["only-owned-pages-are-mapped", 49],
    ]),
  );
});

test("pv-2025 gives uses back before the invalidation: one unmap and one donation", async () => {
  const of = instanceOf("pv-2025");
  const result = await searchCompiled(of, 1_500_000);
  expect(result.ending).toBe("exhausted");
  expect(violatedLengths(of, result)).toEqual(
    new Map([
      ["walks-and-accesses-are-justified", 19],
      ["cached-translations-are-justified", 20],
      ["dma-secrecy", 25],
      ["dma-integrity", 25],
      ["unmapped-means-unreachable", 55],
    ]),
  );
});

test.for(designs.map(({ name }) => name))("%s reads nothing but its state and its arguments", (name) => {
  const of = instanceOf(name);
  requirePureRecipes(of, createPacked(of), 200);
});
