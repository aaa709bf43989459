/** Weakenings of what moves pages and counts their uses. */
import { dropCheck, dropStep, replaceStep, step, unlocked } from "../../checker/index.ts";
import type { MapFrame } from "../../model/hypercalls/map-pages.ts";
import type { Machine } from "../../model/machine.ts";
import { everyArgument } from "../../model/scenarios/arguments.ts";
import { mapUnmapDonate } from "../../model/scenarios/map-unmap-donate.ts";
import { results } from "../../model/scenarios/results.ts";
import type { Weakening } from "./weakening.ts";

export const pageWeakenings: readonly Weakening[] = [
  {
    name: "map_pages writes the entries without counting the uses",
    mechanism: "M01",
    attack: "A page that a device can reach looks unused, and is donated.",
    edits: { map_pages: dropStep("count the uses") },
    scenario: mapUnmapDonate,
    breaks: ["uses-are-counted"],
  },
  {
    name: "map_pages does not ask whose the pages are",
    mechanism: "M02",
    attack: "The host maps a page of a guest, or an address that is no memory, for its device.",
    edits: { map_pages: dropCheck("every page is the host's own") },
    scenario: mapUnmapDonate,
    breaks: ["memory-safety"],
  },
  {
    name: "host_donate_guest gives pages away that are in use for DMA",
    mechanism: "M04",
    attack: "A page that is mapped for a device becomes a guest's, and the device reads it.",
    edits: { host_donate_guest: dropCheck("the page is not used for DMA") },
    scenario: mapUnmapDonate,
    breaks: ["dma-secrecy"],
  },
  {
    name: "host_donate_hyp gives pages away that are in use for DMA",
    mechanism: "M05",
    attack: "A page that is mapped for a device becomes the hypervisor's, and the device writes its tables.",
    edits: { host_donate_hyp: dropCheck("the page is not used for DMA") },
    scenario: mapUnmapDonate,
    breaks: ["no-page-moves-while-used"],
  },
  {
    name: "host_share_hyp shares pages that are in use for DMA",
    mechanism: "M06",
    attack:
      "The uses of a page and the hypervisor's pins of it are one count, and each passes for the other.",
    edits: { host_share_hyp: dropCheck("the page is not used for DMA") },
    scenario: mapUnmapDonate,
    breaks: ["only-owned-pages-are-mapped"],
  },
  {
    name: "host_donate_guest moves the page without the lock of the host's stage 2",
    mechanism: "M07",
    attack: "Between the look at the count and the donation, another CPU maps the page.",
    edits: { host_donate_guest: unlocked("host_mmu.lock") },
    scenario: mapUnmapDonate,
    breaks: ["pages-change-under-host_mmu.lock"],
  },
  {
    name: "map_pages says that it mapped what it counted",
    mechanism: "M09",
    attack:
      "Uses of pages that no entry leads to are never given back: the host is told that they are mapped.",
    edits: {
      map_pages: replaceStep<Machine, MapFrame>(
        "write the entry",
        step("count the page as mapped", (_, c) => {
          c.mapped++;
        }),
      ),
    },
    scenario: results,
    breaks: ["results-are-true"],
  },
  {
    name: "map_pages keeps the uses of what it did not map",
    mechanism: "M09",
    attack: "The host can never have the page back: its count does not return to 0.",
    edits: { map_pages: dropStep("give back what was not mapped") },
    scenario: mapUnmapDonate,
    breaks: ["no-use-is-leaked"],
  },
  {
    name: "host_reclaim_page does not scrub the page",
    mechanism: "M33",
    attack: "The host reads what the guest wrote.",
    edits: { host_reclaim_page: dropStep("scrub the page") },
    scenario: mapUnmapDonate,
    breaks: ["guest-secrets-stay"],
  },
  {
    name: "host_unshare_hyp leaves the page mapped in the hypervisor",
    mechanism: "M07",
    attack: "The host donates a page to a guest that the hypervisor still reads and writes as the host's.",
    edits: { host_unshare_hyp: dropStep("unmap the borrowed page from the hypervisor") },
    scenario: mapUnmapDonate,
    breaks: ["page-states-agree"],
  },
  {
    name: "host_reclaim_page leaves the page mapped in the guest",
    mechanism: "M07",
    attack: "The guest writes to a page that is the host's again, or another guest's.",
    edits: { host_reclaim_page: dropStep("unmap the page from the guest") },
    scenario: mapUnmapDonate,
    breaks: ["page-states-agree"],
  },
  {
    name: "host_donate_hyp maps the page without the lock of the hypervisor's stage 1",
    mechanism: "M07",
    attack: "Two CPUs change the hypervisor's stage 1 at once.",
    edits: { host_donate_hyp: unlocked("pkvm_pgd_lock") },
    scenario: mapUnmapDonate,
    breaks: ["hypervisor-mappings-change-under-pkvm_pgd_lock"],
  },
  {
    name: "host_reclaim_page unmaps the page without the lock of the guest's stage 2",
    mechanism: "M07",
    attack: "A CPU that runs the guest changes its stage 2 at the same time.",
    edits: { host_reclaim_page: unlocked("guest lock") },
    scenario: mapUnmapDonate,
    breaks: ["guest-mappings-change-under-guest-lock"],
  },
  {
    name: "map_pages takes unknown bits of prot",
    mechanism: "M19",
    attack:
      "What the page table's code makes of the bits is up to it: more than the host asked for, or attributes.",
    edits: { map_pages: dropCheck("prot has no unknown bits") },
    scenario: everyArgument,
    breaks: ["malformed-calls-change-nothing"],
  },
  {
    name: "map_pages takes a physical range that wraps",
    mechanism: "M18",
    attack:
      "The look at the pages of a range that ends before it begins sees none; the uses of all are counted.",
    edits: { map_pages: dropCheck("the physical range does not wrap") },
    scenario: everyArgument,
    breaks: ["memory-safety"],
  },
  {
    name: "unmap_pages takes a range that leaves the address space",
    mechanism: "M18",
    attack:
      "The host relies on where the page table's code happens to notice it, in the middle of the range.",
    edits: { unmap_pages: dropCheck("the whole range is within the input address size") },
    scenario: everyArgument,
    breaks: ["malformed-calls-change-nothing"],
  },
];
