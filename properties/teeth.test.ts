/**
 * Every property can fail: for each, one weakening of pv that breaks it.
 */
import { expect, test } from "vitest";
import {
  breadthFirst,
  createPacked,
  deadlockProperty,
  dropCheck,
  dropStep,
  type Edit,
  edit,
  instantiate,
  unlocked,
} from "../checker/index.ts";
import { buildMachine } from "../model/build.ts";
import { pvHypercalls } from "../model/designs/pv.ts";
import type { Machine } from "../model/machine.ts";
import { mapUnmapDonate } from "../model/scenarios/map-unmap-donate.ts";
import { invariants, stepProperties } from "./index.ts";

const weakenings: Readonly<
  Record<string, readonly [call: string, mechanism: string, weakening: Edit<Machine>]>
> = {
  "dma-secrecy": ["host_donate_guest", "M04", dropCheck("the page is not used for DMA")],
  "dma-integrity": ["unmap_pages", "M12", dropStep("issue the invalidations")],
  "only-owned-pages-are-mapped": ["host_share_hyp", "M06", dropCheck("the page is not used for DMA")],
  "guest-secrets-stay": ["host_reclaim_page", "M33", dropStep("scrub the page")],
  "uses-are-counted": ["map_pages", "M01", dropStep("count the uses")],
  "no-use-is-leaked": ["map_pages", "M09", dropStep("give back what was not mapped")],
  "no-domain-reference-is-leaked": ["unmap_pages", "M34", dropStep("put the reference to the domain")],
  "cached-translations-are-justified": ["unmap_pages", "M54", dropStep("wait until the queue is empty")],
  "walks-and-accesses-are-justified": ["unmap_pages", "M54", dropStep("wait until the queue is empty")],
  "memory-safety": ["map_pages", "M02", dropCheck("every page is the host's own")],
  "no-page-moves-while-used": ["host_donate_hyp", "M05", dropCheck("the page is not used for DMA")],
  "unmapped-means-unreachable": ["unmap_pages", "M12", dropStep("issue the invalidations")],
  "entries-change-under-pgt_lock": ["map_pages", "M25", unlocked("pgt_lock")],
  "pages-change-under-host_mmu.lock": ["host_donate_guest", "M07", unlocked("host_mmu.lock")],
  "queue-changes-under-iommu.lock": ["unmap_pages", "M58", unlocked("iommu.lock")],
  "steps-are-atoms": ["map_pages", "M14", dropCheck("the entry is no live leaf")],
  [deadlockProperty]: ["unmap_pages", "M28", dropStep("ring the doorbell for SYNC")],
};

test("every property has a weakening that is to break it", () => {
  const names = [...invariants, ...stepProperties].map(({ name }) => name);
  expect(Object.keys(weakenings).sort()).toEqual([...names, deadlockProperty].sort());
});

const cases = Object.entries(weakenings).map(([name, [call, mechanism, weakening]]) => {
  return { name, call, mechanism, weakening };
});

test.for(cases)("$name is broken without $mechanism in $call", async ({ name, call, weakening }) => {
  const weakened = pvHypercalls.map((of) => (of.name === call ? edit(of, weakening) : of));
  const model = {
    ...buildMachine("weakened", "pv without one mechanism", weakened),
    invariants: invariants.filter((of) => of.name === name),
    stepProperties: stepProperties.filter((of) => of.name === name),
  };
  const without = name === deadlockProperty ? [] : [deadlockProperty];
  const of = instantiate(model, { ...mapUnmapDonate.sizes.tiny, without });
  const options = { instances: of.instances.length, witnesses: 0, stopAtViolation: true };
  const { ending } = await breadthFirst(createPacked(of), { ...options, maxStates: 2_000_000 });
  expect(ending).toBe("violated");
});
