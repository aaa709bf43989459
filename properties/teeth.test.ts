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
  insertAfter,
  instantiate,
  replaceStep,
  type Scenario,
  step,
  swapSteps,
  unlocked,
} from "../checker/index.ts";
import { buildMachine } from "../model/build.ts";
import { pvHypercalls } from "../model/designs/pv.ts";
import type { AttachFrame } from "../model/hypercalls/attach-dev.ts";
import type { PoolReclaimFrame } from "../model/hypercalls/pool-reclaim.ts";
import { domainOf, freePageOf } from "../model/tables.ts";
import type { Machine } from "../model/machine.ts";
import { attachDetachFree } from "../model/scenarios/attach-detach-free.ts";
import { idReuse } from "../model/scenarios/id-reuse.ts";
import { mapUnmapDonate } from "../model/scenarios/map-unmap-donate.ts";
import { invariants, stepProperties } from "./index.ts";

/** Both parts of the entry are cleared, and the SMMU is not told to forget what it knows of them. */
const withoutCfgi: Edit<Machine> = (call) =>
  edit(
    call,
    ...["CFGI for word 0", "CFGI for the other words"].flatMap((command) => [
      dropStep<Machine>(`wait for room for ${command}`),
      dropStep<Machine>(`write ${command} into its slot`),
      dropStep<Machine>(`advance the producer past ${command}`),
      dropStep<Machine>(`ring the doorbell for ${command}`),
    ]),
  );

/** The reference that stands for the attachment is put at once. */
const putsAttachment: Edit<Machine> = insertAfter<Machine, AttachFrame>(
  "wait until the queue is empty for word 0",
  step("put the attachment's reference", (s, c) => {
    s.domains[domainOf(c.domain)].references--;
  }),
);

/** The page goes to the host, and is free in the pool as before. */
const leavesPageInPool: Edit<Machine> = replaceStep<Machine, PoolReclaimFrame>(
  "take a free page out of the pool",
  step("look at the first free page of the pool", (s, c) => {
    c.found = freePageOf(s);
  }),
);

const weakenings: Readonly<
  Record<string, readonly [call: string, mechanism: string, weakening: Edit<Machine>, scenario?: Scenario]>
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
  "tables-in-reach-are-hypervisors": [
    "detach_dev",
    "M37",
    dropCheck("the entry is valid and the domain's"),
    attachDetachFree,
  ],
  "configurations-are-whole": [
    "attach_dev",
    "M45",
    swapSteps("write the other words of the entry", "write word 0 of the entry"),
    attachDetachFree,
  ],
  "no-stream-names-a-free-domain": [
    "free_domain",
    "M34",
    dropCheck("it was the last reference"),
    attachDetachFree,
  ],
  "attachments-are-counted": ["attach_dev", "M36", putsAttachment, attachDetachFree],
  "detached-means-blocked": ["detach_dev", "M46", withoutCfgi, attachDetachFree],
  "entries-of-streams-change-under-iommu.lock": [
    "attach_dev",
    "M58",
    unlocked("iommu.lock"),
    attachDetachFree,
  ],
  "tables-outlive-what-is-cached": [
    "free_domain",
    "M21",
    swapSteps("iommu.lock", "give the page table back to the pool"),
    idReuse,
  ],
  "pages-of-the-pool-are-hypervisors": ["pool_reclaim", "M29", leavesPageInPool, attachDetachFree],
  "an-id-is-clean-when-it-is-given": [
    "free_domain",
    "M39",
    dropStep("wait until the queue is empty"),
    idReuse,
  ],
  "freed-means-unreachable": ["free_domain", "M54", dropStep("wait until the queue is empty"), idReuse],
  "domains-come-and-go-under-kvm_iommu_domain_lock": [
    "alloc_domain",
    "M38",
    unlocked("kvm_iommu_domain_lock"),
    attachDetachFree,
  ],
  [deadlockProperty]: ["unmap_pages", "M28", dropStep("ring the doorbell for SYNC")],
};

test("every property has a weakening that is to break it", () => {
  const names = [...invariants, ...stepProperties].map(({ name }) => name);
  expect(Object.keys(weakenings).sort()).toEqual([...names, deadlockProperty].sort());
});

const cases = Object.entries(weakenings).map(([name, [call, mechanism, weakening, scenario]]) => {
  return { name, call, mechanism, weakening, scenario: scenario ?? mapUnmapDonate };
});

test.for(cases)(
  "$name is broken without $mechanism in $call",
  async ({ name, call, weakening, scenario }) => {
    const weakened = pvHypercalls.map((of) => (of.name === call ? edit(of, weakening) : of));
    const model = {
      ...buildMachine("weakened", "pv without one mechanism", weakened),
      invariants: invariants.filter((of) => of.name === name),
      stepProperties: stepProperties.filter((of) => of.name === name),
    };
    const without = name === deadlockProperty ? [] : [deadlockProperty];
    const of = instantiate(model, { ...scenario.sizes.tiny, without });
    const options = { instances: of.instances.length, witnesses: 0, stopAtViolation: true };
    const { ending } = await breadthFirst(createPacked(of), { ...options, maxStates: 2_000_000 });
    expect(ending).toBe("violated");
  },
);
