/** Weakenings of domains, streams and the pool. */
import {
  dropCheck,
  dropStep,
  type Edit,
  edit,
  insertAfter,
  replaceStep,
  step,
  swapSteps,
  unlocked,
} from "../../checker/index.ts";
import type { AttachFrame } from "../../model/hypercalls/attach-dev.ts";
import type { DetachFrame } from "../../model/hypercalls/detach-dev.ts";
import { leadToSecondLevel } from "../../model/hypercalls/second-level.ts";
import type { PoolReclaimFrame } from "../../model/hypercalls/pool-reclaim.ts";
import { freeDescriptors } from "../../model/hypercalls/stage1.ts";
import type { Machine } from "../../model/machine.ts";
import { everyArgument } from "../../model/scenarios/arguments.ts";
import { attachDetachFree } from "../../model/scenarios/attach-detach-free.ts";
import { idReuse } from "../../model/scenarios/id-reuse.ts";
import { mapUnmapDonate } from "../../model/scenarios/map-unmap-donate.ts";
import { pasids } from "../../model/scenarios/pasids.ts";
import { streamTable } from "../../model/scenarios/stream-table.ts";
import { powerAttach } from "../../model/scenarios/power-attach.ts";
import { power } from "../../model/scenarios/power.ts";
import { twoSmmus } from "../../model/scenarios/two-smmus.ts";
import { domainOf, freePageOf } from "../../model/tables.ts";
import type { Weakening } from "./weakening.ts";

/** These parts are cleared, and the SMMU is not told to forget what it knows of them. */
function withoutCfgiOf(parts: readonly string[]): Edit<Machine> {
  return (call) =>
    edit(
      call,
      ...parts.flatMap((part) => [
        dropStep<Machine>(`wait for room for CFGI for ${part}`),
        dropStep<Machine>(`write CFGI for ${part} into its slot`),
        dropStep<Machine>(`advance the producer past CFGI for ${part}`),
        dropStep<Machine>(`ring the doorbell for CFGI for ${part}`),
      ]),
    );
}

const withoutCfgi = withoutCfgiOf(["word 0", "the other words"]);

/** The table of descriptors goes back to the pool as soon as the entry is invalid. */
const freesDescriptorsAtOnce: Edit<Machine> = (call) =>
  edit(
    call,
    dropStep<Machine>("did the entry lead to descriptors?"),
    insertAfter<Machine, DetachFrame>("clear word 0 of the entry", freeDescriptors<DetachFrame>()),
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

/** The second level is allocated whether there is one or not. */
const replacesSecondLevel: Edit<Machine> = replaceStep<Machine, AttachFrame>(
  "is the second level of the stream table missing?",
  step("take a page from the pool for the second level", (s, c) => {
    c.found = freePageOf(s);
    if (c.found !== null) s.pool[c.found].use = "table";
  }),
  leadToSecondLevel<AttachFrame>(() => false),
);

/** The call does not issue this command. */
function withoutCommand(name: string): Edit<Machine> {
  return (call) =>
    edit(
      call,
      dropStep(`wait for room for ${name}`),
      dropCheck(`there is room for ${name}`),
      dropStep(`write ${name} into its slot`),
      dropStep(`advance the producer past ${name}`),
      dropStep(`ring the doorbell for ${name}`),
    );
}

export const domainWeakenings: readonly Weakening[] = [
  {
    name: "attach_dev does not wait until the SMMU has forgotten the invalid entry",
    mechanism: "M47",
    attack:
      "The call says that the device is attached, and its accesses are still aborted by what the SMMU remembers: a driver that trusts it fails.",
    edits: { attach_dev: dropStep("wait until the queue is empty for word 0") },
    scenario: idReuse,
    breaks: ["attached-means-configured"],
  },
  {
    name: "hvc_pd takes an SMMU to be off and leaves it on",
    mechanism: "M65",
    attack: "Invalidations are left out for an SMMU that the host left its power, and that translates.",
    edits: {
      hvc_pd: (call) =>
        edit(
          call,
          dropStep("CR0: disable"),
          dropStep("wait until CR0 is acknowledged: disable"),
          dropCheck("CR0 is acknowledged: disable"),
        ),
    },
    scenario: power,
    breaks: ["off-means-blocked", "dma-secrecy"],
  },
  {
    name: "hvc_pd does not wait until an SMMU is disabled",
    mechanism: "M65",
    attack: "The invalidation is left out while the SMMU still translates.",
    edits: {
      hvc_pd: (call) =>
        edit(
          call,
          dropStep("wait until CR0 is acknowledged: disable"),
          dropCheck("CR0 is acknowledged: disable"),
        ),
    },
    scenario: power,
    breaks: ["off-means-blocked"],
  },
  {
    name: "hvc_pd lets an SMMU translate with what it remembers",
    mechanism: "M66",
    attack: "What was unmapped while the SMMU was off is in its TLB when it comes back.",
    edits: { hvc_pd: withoutCommand("TLBI of all") },
    scenario: power,
    breaks: ["cached-translations-are-justified", "dma-secrecy"],
  },
  {
    name: "hvc_pd lets an SMMU translate with the configurations that it remembers",
    mechanism: "M66",
    attack: "A device that was detached while the SMMU was off is attached again when it comes back.",
    edits: { hvc_pd: withoutCommand("CFGI of all") },
    scenario: powerAttach,
    breaks: ["tables-in-reach-are-hypervisors", "no-stream-names-a-free-domain"],
  },
  {
    name: "attach_dev attaches devices behind any SMMU",
    mechanism: "M40",
    attack: "The invalidation goes to one SMMU, and the other goes on with what its TLB holds.",
    edits: { attach_dev: dropCheck("the domain is bound to no other SMMU") },
    scenario: twoSmmus,
    breaks: ["invalidations-reach-every-smmu"],
  },
  {
    name: "attach_dev binds a domain without a lock of the domain",
    mechanism: "M40",
    attack: "Two CPUs bind the domain to two SMMUs; each holds the lock of its own.",
    edits: { attach_dev: unlocked("pgt_lock") },
    scenario: twoSmmus,
    breaks: ["invalidations-reach-every-smmu"],
  },
  {
    name: "free_domain gives the page table back before the TLB is clean",
    mechanism: "M21",
    attack: "A walk reads the table while it is the host's page.",
    edits: { free_domain: swapSteps("iommu.lock", "give the page table back to the pool") },
    scenario: idReuse,
    breaks: ["tables-outlive-what-is-cached"],
  },
  {
    name: "pool_reclaim leaves the page in the pool",
    mechanism: "M29",
    attack: "The host owns a page that becomes the next page table.",
    edits: { pool_reclaim: leavesPageInPool },
    scenario: attachDetachFree,
    breaks: ["pages-of-the-pool-are-hypervisors"],
  },
  {
    name: "unmap_pages keeps its reference to the domain",
    mechanism: "M34",
    attack: "The domain can never be freed.",
    edits: { unmap_pages: dropStep("put the reference to the domain") },
    scenario: mapUnmapDonate,
    breaks: ["no-domain-reference-is-leaked"],
  },
  {
    name: "free_domain frees whatever refers to the domain",
    mechanism: "M34",
    attack: "A stream table entry leads to a page table that is freed, and then is another's page.",
    edits: { free_domain: dropCheck("it was the last reference") },
    scenario: attachDetachFree,
    breaks: ["no-stream-names-a-free-domain"],
  },
  {
    name: "attach_dev puts its reference though the entry stands",
    mechanism: "M36",
    attack: "The domain is freed while a device is attached to it.",
    edits: { attach_dev: putsAttachment },
    scenario: attachDetachFree,
    breaks: ["attachments-are-counted"],
  },
  {
    name: "detach_dev does not ask whose the entry is",
    mechanism: "M37",
    attack:
      "Detaching a stream twice puts the references of other attachments, and the domain is freed under them.",
    edits: { detach_dev: dropCheck("the entry is valid and the domain's") },
    scenario: attachDetachFree,
    breaks: ["tables-in-reach-are-hypervisors"],
  },
  {
    name: "alloc_domain takes the id without the lock of the domains",
    mechanism: "M38",
    attack: "Two CPUs allocate the same id, or one allocates it while the other still frees it.",
    edits: { alloc_domain: unlocked("kvm_iommu_domain_lock") },
    scenario: attachDetachFree,
    breaks: ["domains-come-and-go-under-kvm_iommu_domain_lock"],
  },
  {
    name: "attach_dev makes the entry valid before it is written",
    mechanism: "M45",
    attack: "The SMMU uses the new id with the page table of the old one.",
    edits: { attach_dev: swapSteps("write the other words of the entry", "write word 0 of the entry") },
    scenario: attachDetachFree,
    breaks: ["configurations-are-whole"],
  },
  {
    name: "detach_dev does not tell the SMMU to forget the entry",
    mechanism: "M46",
    attack: "The detached device goes on with the copy that the SMMU kept.",
    edits: { detach_dev: withoutCfgi },
    scenario: attachDetachFree,
    breaks: ["detached-means-blocked"],
  },
  {
    name: "attach_dev writes the stream table without the SMMU's lock",
    mechanism: "M58",
    attack: "Two CPUs write one entry, each its own words.",
    edits: { attach_dev: unlocked("iommu.lock") },
    scenario: attachDetachFree,
    breaks: ["entries-of-streams-change-under-iommu.lock"],
  },
  {
    name: "attach_dev does not ask whether the stream's id is in range",
    mechanism: "M43",
    attack: "EL2 reads and writes beyond the stream table.",
    edits: { attach_dev: dropCheck("the stream id is in range") },
    scenario: streamTable,
    breaks: ["memory-safety"],
  },
  {
    name: "attach_dev does not ask where the second level lies",
    mechanism: "M44",
    attack:
      "The SMMU drops the low bits of the table's address, and takes what the host wrote for stream table entries.",
    edits: { attach_dev: dropStep("is the page aligned to the table's size?") },
    scenario: streamTable,
    breaks: ["tables-of-streams-are-where-the-SMMU-looks", "dma-integrity"],
  },
  {
    name: "attach_dev allocates the second level again",
    mechanism: "M43",
    attack:
      "The entries of attached devices are gone, and the SMMU still reads the page that the pool has given anew.",
    edits: { attach_dev: replacesSecondLevel },
    scenario: streamTable,
    breaks: ["second-levels-stay"],
  },
  {
    name: "detach_dev gives the descriptors back before the SMMU has forgotten the entry",
    mechanism: "M46",
    attack: "The SMMU reads descriptors in a page that is the host's.",
    edits: { detach_dev: freesDescriptorsAtOnce },
    scenario: pasids,
    breaks: ["descriptors-in-reach-are-hypervisors"],
  },
  {
    name: "attach_dev makes a descriptor valid before it is written",
    mechanism: "M48",
    attack: "The SMMU puts the new id together with the page table of the one before.",
    edits: {
      attach_dev: swapSteps("write the other words of the descriptor", "write word 0 of the descriptor"),
    },
    scenario: pasids,
    breaks: ["descriptors-are-whole"],
  },
  {
    name: "attach_dev does not ask whether the PASID is in the table",
    mechanism: "M49",
    attack: "EL2 writes a descriptor behind the table's end.",
    edits: { attach_dev: dropCheck("the PASID is in the table of descriptors") },
    scenario: pasids,
    breaks: ["memory-safety"],
  },
  {
    name: "detach_dev does not tell the SMMU to forget a descriptor",
    mechanism: "M46",
    attack: "The detached PASID goes on with the copy that the SMMU kept.",
    edits: { detach_dev: withoutCfgiOf(["word 0 of the descriptor", "the other words of the descriptor"]) },
    scenario: pasids,
    breaks: ["detached-substreams-are-blocked"],
  },
  {
    name: "free_domain keeps the page table",
    mechanism: "M29",
    attack: "The pool runs empty, and the host never has these pages back.",
    edits: { free_domain: dropStep("give the page table back to the pool") },
    scenario: attachDetachFree,
    breaks: ["no-table-is-leaked"],
  },
  {
    name: "attach_dev binds a domain before it has a page table",
    mechanism: "M40",
    attack:
      "An attach that finds no page leaves the domain bound to an SMMU that none of its devices is behind: it is refused to every other one for as long as it lives.",
    edits: { attach_dev: swapSteps("build the page table", "bind the domain to the SMMU") },
    scenario: attachDetachFree,
    breaks: ["attach-binds-what-is-built"],
  },
  {
    name: "iova_to_phys walks without pgt_lock",
    mechanism: "M25",
    attack:
      "A table that the walk is in is taken out, freed and given to somebody else: EL2 reads it as entries.",
    edits: { iova_to_phys: unlocked("pgt_lock") },
    scenario: idReuse,
    breaks: ["lookups-hold-pgt_lock"],
  },
  {
    name: "alloc_domain does not look whether its id is in range",
    mechanism: "M41",
    attack: "The host names a place behind the table of domains, and EL2 writes a domain there.",
    edits: { alloc_domain: dropCheck("the domain's id is in range") },
    scenario: everyArgument,
    breaks: ["memory-safety"],
  },
];
