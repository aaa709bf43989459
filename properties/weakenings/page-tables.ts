/** Weakenings of page tables, and of the order in which what is unmapped is forgotten. */
import { dropCheck, dropStep, unlocked } from "../../checker/index.ts";
import { mapUnmapDonate } from "../../model/scenarios/map-unmap-donate.ts";
import type { Weakening } from "./weakening.ts";

export const pageTableWeakenings: readonly Weakening[] = [
  {
    name: "unmap_pages does not invalidate the TLB",
    mechanism: "M12",
    attack: "A device reaches the page by a translation that the TLB kept, after the page went to a guest.",
    edits: { unmap_pages: dropStep("issue the invalidations") },
    scenario: mapUnmapDonate,
    breaks: ["dma-integrity", "unmapped-means-unreachable"],
  },
  {
    name: "map_pages overwrites live leaves",
    mechanism: "M14",
    attack: "The page that was mapped there keeps its use and its TLB entry, and has no entry any more.",
    edits: { map_pages: dropCheck("the entry is no live leaf") },
    scenario: mapUnmapDonate,
    breaks: ["steps-are-atoms"],
  },
  {
    name: "map_pages changes the page table without its lock",
    mechanism: "M25",
    attack: "Two calls look at the same entry, and the second overwrites what the first one wrote.",
    edits: { map_pages: unlocked("pgt_lock") },
    scenario: mapUnmapDonate,
    breaks: ["entries-change-under-pgt_lock"],
  },
];
