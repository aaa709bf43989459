/** Weakenings of the command queue. */
import { deadlockProperty, dropStep, unlocked } from "../../checker/index.ts";
import { idReuse } from "../../model/scenarios/id-reuse.ts";
import { mapUnmapDonate } from "../../model/scenarios/map-unmap-donate.ts";
import type { Weakening } from "./weakening.ts";

export const commandWeakenings: readonly Weakening[] = [
  {
    name: "unmap_pages does not tell the SMMU of the SYNC",
    mechanism: "M28",
    attack: "The call waits for ever, with its locks.",
    edits: { unmap_pages: dropStep("ring the doorbell for SYNC") },
    scenario: mapUnmapDonate,
    breaks: [deadlockProperty],
  },
  {
    name: "unmap_pages does not wait for the SYNC",
    mechanism: "M54",
    attack: "The use is given back while the invalidation is still in the queue.",
    edits: { unmap_pages: dropStep("wait until the queue is empty") },
    scenario: mapUnmapDonate,
    breaks: ["cached-translations-are-justified", "walks-and-accesses-are-justified"],
  },
  {
    name: "free_domain does not wait for the SYNC",
    mechanism: "M54",
    attack: "The id is free, and the TLB still translates by it.",
    edits: { free_domain: dropStep("wait until the queue is empty") },
    scenario: idReuse,
    breaks: ["freed-means-unreachable", "an-id-is-clean-when-it-is-given"],
  },
  {
    name: "unmap_pages uses the command queue without its lock",
    mechanism: "M58",
    attack: "Two CPUs write the same slot, and one invalidation is lost.",
    edits: { unmap_pages: unlocked("iommu.lock") },
    scenario: mapUnmapDonate,
    breaks: ["queue-changes-under-iommu.lock"],
  },
];
