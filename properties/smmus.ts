/**
 * Several SMMUs: each has caches of its own, which its own commands clean.
 */
import { type Invariant, invariant, type Witness, witness } from "../checker/index.ts";
import { cpu, device, domain, type DomainIndex, iova, type Seen } from "../model/machine.ts";
import { smmuOfDevice } from "../model/smmu/smmus.ts";
import { nameSmmu } from "./pages.ts";

/** Is the domain's list of SMMUs locked by a call that attaches a device, and may be about to add to it? */
function isAttaching(s: Seen, d: DomainIndex): boolean {
  const { holder } = s.lifetimes[d].list[0].lock;
  return holder !== null && s.cpus[holder].pc.startsWith("attach_dev: ");
}

/**
 * Is the SMMU one to which invalidations for the domain go? (Without a page table there are none.) Where domains have
 * lists, invalidations read them under their lock.
 */
function isInvalidated(s: Seen, d: DomainIndex, n: number): boolean {
  const { root, smmu: bound, list, listed } = s.lifetimes[d];
  if (root === null) return true;
  return list.length > 0 ? listed[n] > 0 || isAttaching(s, d) : bound === n;
}

export const smmus: readonly Invariant<Seen>[] = [
  invariant(
    "invalidations-reach-every-smmu",
    { device, domain },
    {
      sentence:
        "While a domain has a page table, its invalidations go to every SMMU with a stream table entry that names it.",
      holds: (s: Seen, { device: k, domain: d }) =>
        s.streams.length === 0 || s.streams[k].word !== d || isInvalidated(s, d, smmuOfDevice(s, k)),
      explain: (s, { device: k, domain: d }) =>
        `stream ${k}, behind ${nameSmmu(s, smmuOfDevice(s, k))}, translates through domain ${d}, and invalidations for the domain do not go there`,
      premise: (s, { device: k, domain: d }) => s.streams.length > 0 && s.streams[k].word === d,
    },
  ),
];

export const smmuWitnesses: readonly Witness<Seen>[] = [
  witness(
    "a domain translates behind two SMMUs",
    { iova, domain },
    {
      sentence: "The TLBs of two SMMUs hold a translation for the same iova of one domain.",
      holds: (s: Seen, { iova: i, domain: d }) =>
        s.smmus.length > 1 && s.smmus.every(({ tlb }) => tlb[d][i].hit.tag === "translation"),
    },
  ),
  witness(
    "a domain is refused to a second SMMU",
    { cpu },
    {
      sentence: "A call does not attach a device, because its domain is bound to another SMMU.",
      holds: (s: Seen, { cpu: k }) => {
        const { pc, isAllowed, domain: d, stream: of } = s.cpus[k];
        if (!pc.startsWith("attach_dev: ") || isAllowed !== false) return false;
        if (typeof d !== "number" || typeof of !== "number" || s.lifetimes.length === 0) return false;
        const bound = s.lifetimes[d].smmu;
        return bound !== null && bound !== smmuOfDevice(s, of);
      },
    },
  ),
];
