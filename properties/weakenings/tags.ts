/** Weakenings of the tags in invalidations: whether a domain's id is a VMID or an ASID. */
import { type Edit, replaceStep, step } from "../../checker/index.ts";
import type { FreeFrame } from "../../model/hypercalls/free-domain.ts";
import type { UnmapFrame } from "../../model/hypercalls/unmap-pages.ts";
import type { Command, Machine } from "../../model/machine.ts";
import { stage1Mappings } from "../../model/scenarios/stage1-mappings.ts";
import { invalidationOf, invalidationOfId, writeSlot } from "../../model/smmu/command-queue.ts";
import { smmuOfDomain } from "../../model/smmu/smmus.ts";
import type { Weakening } from "./weakening.ts";

/** The command by the tag that is given, whatever the domain's stage. */
function tagged(command: Command, byAsid: number): Command {
  const { tag } = command;
  if (tag !== "TLBI" && tag !== "TLBI of an id") return command;
  return tag === "TLBI"
    ? { tag, domain: command.domain, iova: command.iova, byAsid }
    : { tag, domain: command.domain, byAsid };
}

/** unmap_pages names the domain by one tag, whatever its stage. */
const unmapsBy = (byAsid: number): Edit<Machine> =>
  replaceStep<Machine, UnmapFrame>(
    "write TLBI into its slot",
    step("write TLBI by one tag into its slot", (s, c, at) => {
      const { queue } = s.smmus[smmuOfDomain(s, c, at)];
      if (typeof c.iova !== "number") return;
      const command = tagged(invalidationOf(s, c.domain, c.iova, c.issued), byAsid);
      writeSlot(queue, at.self, queue.producer % queue.slots.length, command);
    }),
  );

/** free_domain names the domain by one tag, whatever its stage. */
const freesBy = (byAsid: number): Edit<Machine> =>
  replaceStep<Machine, FreeFrame>(
    "write TLBI of the id into its slot",
    step("write TLBI of the id by one tag into its slot", (s, c, at) => {
      const { queue } = s.smmus[smmuOfDomain(s, c, at)];
      const command = tagged(invalidationOfId(s, c.domain), byAsid);
      writeSlot(queue, at.self, queue.producer % queue.slots.length, command);
    }),
  );

export const tagWeakenings: readonly Weakening[] = [
  {
    name: "unmap_pages invalidates by VMID, whatever the domain's stage",
    mechanism: "M59",
    attack: "The TLB keeps the translation of stage 1, tagged with an ASID, and the page goes to a guest.",
    edits: { unmap_pages: unmapsBy(0) },
    scenario: stage1Mappings,
    breaks: ["unmapped-means-unreachable"],
  },
  {
    name: "unmap_pages invalidates by ASID, whatever the domain's stage",
    mechanism: "M59",
    attack: "The TLB keeps the translation of stage 2, tagged with a VMID, and the page goes to a guest.",
    edits: { unmap_pages: unmapsBy(1) },
    scenario: stage1Mappings,
    breaks: ["dma-integrity"],
  },
  {
    name: "free_domain invalidates by VMID, whatever the domain's stage",
    mechanism: "M39",
    attack: "The ASID goes to a new domain, and the TLB translates by it as for the one before.",
    edits: { free_domain: freesBy(0) },
    scenario: stage1Mappings,
    breaks: ["an-id-is-clean-when-it-is-given"],
  },
];
