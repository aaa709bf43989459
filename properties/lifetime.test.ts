/**
 * The scenarios in which domains and attachments come and go: who holds there, and what breaks the others.
 */
import { expect, test } from "vitest";
import {
  breadthFirst,
  createReference,
  dropStep,
  edit,
  type Instance,
  instantiate,
  type SearchResult,
} from "../checker/index.ts";
import { createCompiled } from "../checker/compile/compiled.ts";
import { violatedLengths } from "../checker/testing/violated-lengths.ts";
import { buildMachine } from "../model/build.ts";
import { pvHypercalls } from "../model/designs/pv.ts";
import type { Machine } from "../model/machine.ts";
import { idReuse } from "../model/scenarios/id-reuse.ts";
import { designs, invariants } from "./index.ts";

function instanceOf(name: string, scenario: string): Instance<unknown> {
  const design = designs.find((of) => of.name === name);
  const found = design?.scenarios.find((of) => of.name === scenario);
  if (design === undefined || found === undefined) throw new Error(`no ${name} on ${scenario}`);
  return instantiate(design.build(), found.sizes.tiny);
}

function search(of: Instance<unknown>, maxStates: number): Promise<SearchResult> {
  const options = { instances: of.instances.length, witnesses: of.witnesses.length, stopAtViolation: false };
  return breadthFirst(createCompiled(of), { ...options, maxStates });
}

test.for(["attach-detach-free", "id-reuse", "stream-table", "pasids", "stage1-mappings"])(
  "pv holds on %s, and every witness is reached",
  async (scenario) => {
    const of = instanceOf("pv", scenario);
    const result = await search(of, 1_000_000);
    expect(result.ending).toBe("exhausted");
    expect(violatedLengths(of, result)).toEqual(new Map());
    const missed = of.witnesses.filter(({ id }) => result.witnesses[id] === null);
    const reached = of.witnesses.filter(({ id }) => result.witnesses[id] !== null);
    const names = new Set(reached.map((w) => w.property.name));
    expect(missed.map((w) => w.property.name).filter((name) => !names.has(name))).toEqual([]);
  },
);

test("pv-rfc2 detaches what is not attached, and frees a domain whose device still translates", async () => {
  const of = instanceOf("pv-rfc2", "attach-detach-free");
  const result = await search(of, 1_500_000);
  expect(result.ending).toBe("exhausted");
  expect(violatedLengths(of, result)).toEqual(
    new Map([
      ["memory-safety", 37],
      ["attachments-are-counted", 61],
      ["no-domain-reference-is-leaked", 73],
      ["no-stream-names-a-free-domain", 76],
      ["tables-in-reach-are-hypervisors", 90],
      ["freed-means-unreachable", 91],
      ["tables-outlive-what-is-cached", 92],
      ["configurations-are-whole", 92],
      ["an-id-is-clean-when-it-is-given", 98],
      ["dma-secrecy", 98],
      ["dma-integrity", 98],
      ["invalidations-reach-every-smmu", 105],
    ]),
  );
  // The gravest one is a run of the reference evaluator too: a single CPU, and no race.
  const worst = result.violations.find(
    ({ kind, property }) => kind === "invariant" && of.invariants[property].property.name === "dma-integrity",
  );
  const reference = createReference(of);
  let { state } = reference.namedInitialStates()[0];
  for (const id of worst?.path.instances ?? []) {
    expect(of.instances[id].args.cpu ?? 0).toBe(0);
    const taken = reference.step(state, of.instances[id]);
    if (taken === null) throw new Error(`step ${of.instances[id].action.name} is not enabled`);
    state = taken.state;
  }
  expect(of.invariants.some(({ property, args }) => !property.holds(state, args, of.setting))).toBe(true);
});

test("pv-rfc2 keeps the uses of what is mapped when its domain is freed", async () => {
  const of = instanceOf("pv-rfc2", "id-reuse");
  const violated = violatedLengths(of, await search(of, 1_200_000));
  expect(violated.get("no-use-is-leaked")).toBe(104);
  expect([...violated.keys()].filter((name) => name.startsWith("dma-"))).toEqual([]);
});

test("an id that is given again without an invalidation leads a device to a guest's page", async () => {
  // To leave out the wait alone is not enough: whatever attaches a device again waits for the same queue.
  const command = "TLBI of the id";
  const withoutTlbi = [
    dropStep<Machine>(`wait for room for ${command}`),
    dropStep<Machine>(`write ${command} into its slot`),
    dropStep<Machine>(`advance the producer past ${command}`),
    dropStep<Machine>(`ring the doorbell for ${command}`),
  ];
  const weakened = pvHypercalls.map((call) =>
    call.name === "free_domain" ? edit(call, ...withoutTlbi) : call,
  );
  const model = {
    ...buildMachine("weakened", "pv without the TLBI in free_domain", weakened),
    invariants: invariants.filter(({ name }) => name === "dma-integrity"),
  };
  const of = instantiate(model, { ...idReuse.sizes.tiny, without: [] });
  const options = { instances: of.instances.length, witnesses: 0, stopAtViolation: true };
  const result = await breadthFirst(createCompiled(of), { ...options, maxStates: 2_000_000 });
  expect(result.ending).toBe("violated");
});

test.for([
  [
    "pv-rfc1",
    "attach-detach-free",
    {
      "no-domain-reference-is-leaked": 70,
      "tables-in-reach-are-hypervisors": 73,
      "configurations-are-whole": 75,
      "tables-outlive-what-is-cached": 75,
      "dma-secrecy": 77,
      "dma-integrity": 77,
      "no-stream-names-a-free-domain": 81,
      "freed-means-unreachable": 81,
      "an-id-is-clean-when-it-is-given": 95,
    },
  ],
  // EL2 looks for the entry of a stream whose second level is not there, at physical address 0.
  ["pv-2025", "stream-table", { "memory-safety": 47 }],
  ["pv-android15", "attach-detach-free", {}],
  ["pv-android16", "attach-detach-free", {}],
  ["pv-2025", "attach-detach-free", {}],
  [
    "pv-2025",
    "id-reuse",
    {
      "walks-and-accesses-are-justified": 62,
      "cached-translations-are-justified": 63,
      "dma-secrecy": 67,
      "dma-integrity": 67,
    },
  ],
] as const)("%s on %s breaks exactly these", async ([design, scenario, broken]) => {
  const of = instanceOf(design, scenario);
  const result = await search(of, 1_000_000);
  expect(result.ending).toBe("exhausted");
  expect(Object.fromEntries(violatedLengths(of, result))).toEqual(broken);
  const reached = new Set(
    of.witnesses.filter(({ id }) => result.witnesses[id] !== null).map((w) => w.property.name),
  );
  expect(reached).toEqual(new Set(of.witnesses.map((w) => w.property.name)));
});
