/** Weakenings of android16, whose domains have lists of SMMUs. */
import { dropCheck, dropStep, unlocked } from "../../checker/index.ts";
import { pvAndroid16Hypercalls } from "../../model/designs/pv-android16.ts";
import { idReuse } from "../../model/scenarios/id-reuse.ts";
import { overLists } from "../../model/scenarios/over-lists.ts";
import { twoSmmusOverLists } from "../../model/scenarios/two-smmus.ts";
import type { WeakenedDesign, Weakening } from "./weakening.ts";

const base: WeakenedDesign = { name: "pv-android16", hypercalls: pvAndroid16Hypercalls };

export const listWeakenings: readonly Weakening[] = [
  {
    name: "unmap_pages invalidates on the first SMMU of the domain's list only",
    mechanism: "M40",
    attack: "The TLB of the other SMMU keeps the translation, and the page goes to a guest.",
    edits: { unmap_pages: dropCheck("the next SMMU of the list, iommu.lock: there is none") },
    base,
    scenario: twoSmmusOverLists,
    breaks: ["unmapped-means-unreachable"],
  },
  {
    name: "attach_dev adds to the domain's list without its lock",
    mechanism: "M40",
    attack: "An unmap reads the list while a device translates whose SMMU is not in it yet.",
    edits: { attach_dev: unlocked("list_lock") },
    base,
    scenario: twoSmmusOverLists,
    breaks: ["invalidations-reach-every-smmu"],
  },
  {
    name: "detach_dev leaves what the TLB holds when the last device goes",
    mechanism: "M39",
    attack:
      "The SMMU is not in the list when the domain is freed: the next domain of that id hits old entries.",
    edits: { detach_dev: dropStep("was it the last attachment?") },
    base,
    scenario: overLists(idReuse),
    breaks: ["an-id-is-clean-when-it-is-given"],
  },
];
