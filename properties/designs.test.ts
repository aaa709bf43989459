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

/** The properties that were violated, each with the length of its shortest counterexample. */
function violatedIn(of: Instance<unknown>, result: SearchResult): Map<string, number> {
  const lengths = new Map<string, number>();
  for (const { kind, property, path } of result.violations) {
    const families = kind === "step" ? of.stepProperties : of.invariants;
    const name = kind === "deadlock" ? "no-deadlock" : families[property].property.name;
    lengths.set(name, Math.min(lengths.get(name) ?? Infinity, path.instances.length));
  }
  return lengths;
}

test("pv holds in tiny, and every witness is reached", async () => {
  const of = instanceOf("pv");
  const result = await search(of, 5_000_000);
  expect(result.ending).toBe("exhausted");
  expect(violatedIn(of, result)).toEqual(new Map());
  const reached = new Set(
    of.witnesses.filter(({ id }) => result.witnesses[id] !== null).map((w) => w.property.name),
  );
  expect(reached).toEqual(new Set(of.witnesses.map((w) => w.property.name)));
});

test("pv-rfc2 leaks a domain's reference and gives back the use of a page that is mapped", async () => {
  const of = instanceOf("pv-rfc2");
  const result = await search(of, 1_200_000);
  const violated = violatedIn(of, result);
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

test.for(designs.map(({ name }) => name))("%s reads nothing but its state and its arguments", (name) => {
  const of = instanceOf(name);
  requirePureRecipes(of, createPacked(of), 200);
});
