/**
 * Every power of the host shows: without it, fewer states are reached. And a finding that needs one is gone without it.
 */
import { expect, test } from "vitest";
import { breadthFirst, instantiate, powersIn } from "../checker/index.ts";
import { createCompiled } from "../checker/compile/compiled.ts";
import { violatedLengths } from "../checker/testing/violated-lengths.ts";
import { hostPowers } from "../model/host-powers.ts";
import { designs } from "./index.ts";

function put(name: string, scenario: string, powersOff: readonly string[]) {
  const design = designs.find((of) => of.name === name);
  const scope = design?.scenarios.find((of) => of.name === scenario)?.sizes.tiny;
  if (design === undefined || scope === undefined) throw new Error(`no ${name} on ${scenario}`);
  return instantiate(design.build(), { ...scope, powersOff });
}

async function search(of: ReturnType<typeof put>, maxDepth: number) {
  const { states } = await breadthFirst(createCompiled(of), {
    instances: of.instances.length,
    witnesses: 0,
    stopAtViolation: false,
    maxDepth,
  });
  return states;
}

/** Where each power shows, and how deep. */
const cases: Readonly<Record<string, readonly [design: string, scenario: string, depth: number]>> = {
  "several-cpus": ["pv", "secrets", 20],
  "invalid-arguments": ["pv", "arguments", 4],
  dma: ["pv", "secrets", 40],
  // In pv no SMMU ever takes memory of the host's for a table.
  "forged-tables": ["pv-rfc2", "stream-table", 60],
  "guest-collusion": ["pv", "guest-reclaim", 12],
  "power-supply": ["pv", "power", 12],
  "power-lies": ["pv", "power", 12],
  "id-reuse": ["pv", "id-reuse", 20],
};

test("there is a case for every power", () => {
  expect(Object.keys(cases).sort()).toEqual(Object.keys(hostPowers).sort());
});

test.for(Object.entries(cases))("%s shows", async ([power, [design, scenario, depth]]) => {
  const on = put(design, scenario, []);
  const off = put(design, scenario, [power]);
  expect(powersIn(on)).toContain(power);
  expect(powersIn(off)).not.toContain(power);
  expect(await search(off, depth)).toBeLessThan(await search(on, depth));
});

test("pv-rfc2 gives back the use of a page that is mapped only where two CPUs call at once", async () => {
  const scenario = "guest-reclaim";
  const found = async (powersOff: readonly string[]) => {
    const of = put("pv-rfc2", scenario, powersOff);
    const options = { instances: of.instances.length, witnesses: 0, stopAtViolation: false };
    const result = await breadthFirst(createCompiled(of), { ...options, maxDepth: 48 });
    return violatedLengths(of, result);
  };
  expect((await found([])).get("cached-translations-are-justified")).toBe(47);
  const alone = await found(["several-cpus"]);
  // A refused map leaks its reference, and the second walk has no lock, whoever calls.
  expect([...alone.keys()]).toEqual(["no-domain-reference-is-leaked", "entries-change-under-pgt_lock"]);
});
