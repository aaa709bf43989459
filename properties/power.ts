/**
 * Power: an SMMU that is taken to be off translates nothing.
 */
import { type Invariant, invariant, type Witness, witness } from "../checker/index.ts";
import { cpu, domain, iova, type Seen, smmu } from "../model/machine.ts";
import { isTakenAsOff, isTranslating } from "../model/smmu/power.ts";
import { nameSmmu } from "./pages.ts";

/** Does the SMMU let anything by: does it translate, or is something that it translated in progress? */
function isLetting(s: Seen, n: number): boolean {
  return isTranslating(s, n) || s.smmus[n].transactions.some(({ doing }) => doing.tag !== "nothing");
}

export const power: readonly Invariant<Seen>[] = [
  invariant(
    "off-means-blocked",
    { smmu },
    {
      sentence:
        "An SMMU that the hypervisor takes to be off translates nothing, and nothing that it translated is in progress; but for a change under its iommu.lock.",
      sekvm: "smmu_iso",
      holds: (s: Seen, { smmu: n }) =>
        !isTakenAsOff(s, n) || s.smmus[n].iommuLock.holder !== null || !isLetting(s, n),
      explain: (s, { smmu: n }) => {
        const does = isTranslating(s, n)
          ? "translates devices' accesses as before"
          : "an access or a walk that it let by is still in progress";
        return `${nameSmmu(s, n)} is taken to be off, and ${does}`;
      },
      premise: (s, { smmu: n }) => isTakenAsOff(s, n),
    },
  ),
];

export const powerWitnesses: readonly Witness<Seen>[] = [
  witness(
    "an SMMU is off and has power",
    { smmu },
    {
      sentence: "The hypervisor takes an SMMU to be off, and the host has left it its power.",
      holds: (s: Seen, { smmu: n }) => isTakenAsOff(s, n) && !s.smmus[n].power[0].isDown,
    },
  ),
  witness(
    "an SMMU is on and has no power",
    { smmu },
    {
      sentence: "The hypervisor takes an SMMU to be on, and the host has taken its power away.",
      holds: (s: Seen, { smmu: n }) =>
        s.smmus[n].power.length > 0 && !isTakenAsOff(s, n) && s.smmus[n].power[0].isDown,
    },
  ),
  witness(
    "the TLB of an SMMU that is off is stale",
    { smmu, domain, iova },
    {
      sentence: "The TLB of an SMMU that is taken to be off holds a translation whose entry is gone.",
      holds: (s: Seen, { smmu: n, domain: d, iova: i }) =>
        isTakenAsOff(s, n) &&
        s.smmus[n].tlb[d][i].hit.tag === "translation" &&
        s.domains[d].entries[i].pte.tag !== "valid",
    },
  ),
  witness(
    "an unmap leaves its invalidation out",
    { cpu },
    {
      sentence: "An unmap has cleared an entry, and holds iommu.lock of an SMMU that is off.",
      holds: (s: Seen, { cpu: k }) =>
        s.cpus[k].pc === "unmap_pages: is the SMMU off?" &&
        s.smmus.some(({ iommuLock }, n) => iommuLock.holder === k && isTakenAsOff(s, n)),
    },
  ),
];
