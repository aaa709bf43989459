/**
 * Lifetimes: of domains and their ids, and of the pages that their tables are in.
 */
import {
  type Invariant,
  invariant,
  type StepProperty,
  stepProperty,
  type Witness,
  witness,
} from "../checker/index.ts";
import { cpu, domain, type DomainIndex, page, type Seen } from "../model/machine.ts";
import { countAttachments } from "./configuration.ts";
import { cachedAsid, usesCopy } from "./contexts.ts";
import { notedPage, recordedPlaces } from "../model/hypercalls/gather.ts";
import { isTranslating } from "../model/smmu/power.ts";
import { isHeldBy } from "./discipline.ts";
import { ofSmmu } from "./pages.ts";

/**
 * What the SMMU holds that carries the id, in words; null where there is nothing. Of an SMMU that does not translate only
 * what is in progress counts: the rest it uses when it translates again, and counts from then on.
 */
function findTagged(s: Seen, d: DomainIndex): string | null {
  for (let n = 0; n < s.smmus.length; n++) {
    const { tlb, tlbOfAsids, walkCache, transactions } = s.smmus[n];
    for (let k = 0; k < transactions.length; k++) {
      const { doing } = transactions[k];
      if (doing.tag !== "nothing" && doing.domain === d) return `a ${doing.tag}${ofSmmu(s, n)} in progress`;
    }
    if (!isTranslating(s, n)) continue;
    for (let i = 0; i < tlb[d].length; i++) {
      if (tlb[d][i].hit.tag !== "none") return `a TLB entry${ofSmmu(s, n)} for iova ${i}`;
    }
    for (let i = 0; tlbOfAsids.length > 0 && i < tlbOfAsids[0][d].length; i++) {
      if (tlbOfAsids[0][d][i].hit.tag !== "none")
        return `a TLB entry of the ASID${ofSmmu(s, n)} for iova ${i}`;
    }
    for (let r = 0; r < walkCache[d].length; r++) {
      if (walkCache[d][r].table !== null) return `a table that it remembers${ofSmmu(s, n)}`;
    }
  }
  for (let k = 0; k < s.streams.length; k++) {
    const of = s.streams[k];
    if (usesCopy(s, k) && of.cachedWord === d) return `a copy of the entry of stream ${k}`;
    for (let n = 0; n < of.descriptors.length; n++) {
      if (cachedAsid(s, k, n) === d) return `a copy of descriptor ${n} of stream ${k}`;
    }
  }
  return null;
}

export const lifetimes: readonly Invariant<Seen>[] = [
  invariant(
    "tables-outlive-what-is-cached",
    { domain },
    {
      sentence: "While the SMMU holds anything that carries a domain's id, the domain has its page table.",
      sekvm: "spt_cons",
      holds: (s: Seen, { domain: d }) =>
        s.lifetimes.length === 0 || s.lifetimes[d].root !== null || findTagged(s, d) === null,
      explain: (s, { domain: d }) => `domain ${d} has no page table, and the SMMU holds ${findTagged(s, d)}`,
      premise: (s, { domain: d }) => s.lifetimes.length > 0 && findTagged(s, d) !== null,
    },
  ),
  invariant(
    "pages-of-the-pool-are-hypervisors",
    { page },
    {
      sentence: "A page in the pool, free or in use, belongs to the hypervisor.",
      holds: (s: Seen, { page: p }) =>
        p >= s.pool.length || s.pool[p].use === "outside" || s.pages[p].owner.tag === "hypervisor",
      explain: (s, { page: p }) => `page ${p} is ${s.pool[p].use} in the pool, and ${s.pages[p].owner.tag}'s`,
      premise: (s, { page: p }) => p < s.pool.length && s.pool[p].use !== "outside",
    },
  ),
];

export const lifetimeSteps: readonly StepProperty<Seen>[] = [
  stepProperty(
    "an-id-is-clean-when-it-is-given",
    { domain },
    {
      sentence: "When an id is given to a new domain, the SMMU holds nothing that carries it.",
      holds: (before: Seen, after: Seen, step, { domain: d }) =>
        step.action !== "alloc_domain: publish the domain" ||
        before.domains[d].references > 0 ||
        after.domains[d].references === 0 ||
        findTagged(after, d) === null,
      explain: (_before, after, _step, { domain: d }) =>
        `the id ${d} is given to a new domain while the SMMU holds ${findTagged(after, d)}`,
    },
  ),
  stepProperty(
    "attach-binds-what-is-built",
    { domain },
    {
      standsAlone: true,
      sentence:
        "attach_dev binds a domain to an SMMU only when it has its page table: an attach that finds no page for one leaves the domain as it was, for any SMMU.",
      holds: (before: Seen, after: Seen, step, { domain: d }) => {
        if (before.lifetimes.length === 0 || !step.action.startsWith("attach_dev: ")) return true;
        const isBound = before.lifetimes[d].smmu === null && after.lifetimes[d].smmu !== null;
        return !isBound || after.lifetimes[d].root !== null;
      },
      explain: (_before, after, _step, { domain: d }) =>
        `domain ${d} is bound to SMMU ${after.lifetimes[d].smmu}, and has no page table`,
    },
  ),
  stepProperty(
    "freed-means-unreachable",
    { domain },
    {
      sentence:
        "When free_domain has done its work, no stream table entry names the domain, and the SMMU holds nothing of it.",
      sekvm: "smmu_iso",
      holds: (before: Seen, after: Seen, _step, { domain: d }) => {
        if (before.lifetimes.length === 0) return true;
        if (!before.lifetimes[d].hasObject || after.lifetimes[d].hasObject) return true;
        for (let k = 0; k < after.streams.length; k++) if (after.streams[k].word === d) return false;
        return findTagged(after, d) === null;
      },
      explain: (_before, after, _step, { domain: d }) =>
        `domain ${d} is freed, and ${findTagged(after, d) === null ? "a stream table entry names it" : `the SMMU holds ${findTagged(after, d)}`}`,
    },
  ),
  stepProperty(
    "domains-come-and-go-under-kvm_iommu_domain_lock",
    { domain },
    {
      sentence: "A domain is allocated and freed only by a CPU that holds kvm_iommu_domain_lock.",
      holds: (before: Seen, after: Seen, step, { domain: d }) =>
        before.lifetimes.length === 0 ||
        before.lifetimes[d].hasObject === after.lifetimes[d].hasObject ||
        isHeldBy(before.domainLock, step),
      explain: (_before, _after, step, { domain: d }) =>
        `"${step.action}" changes domain ${d} without kvm_iommu_domain_lock`,
    },
  ),
];

export const lifetimeWitnesses: readonly Witness<Seen>[] = [
  witness(
    "a page of the pool is the host's again",
    { page },
    {
      sentence: "A page that was in the pool belongs to the host.",
      holds: (s: Seen, { page: p }) => p < s.pool.length && s.pages[p].owner.tag === "host",
    },
  ),
  witness(
    "a free waits for the SMMU",
    { cpu },
    {
      sentence: "A domain is being freed, and its call waits for the invalidation by id.",
      holds: (s: Seen, { cpu: k }) =>
        s.cpus[k].pc === "free_domain: wait until the queue is empty" &&
        s.smmus.some(({ queue }) => queue.producer !== queue.consumer),
    },
  ),
  witness(
    "a free is refused",
    { cpu },
    {
      sentence: "A call fails to free a domain that is in use.",
      holds: (s: Seen, { cpu: k }) => {
        const { pc, isAllowed } = s.cpus[k];
        if (pc === "PANIC in free_domain: WARN unless it was the last reference") return true;
        return pc === "free_domain: free the page table" && isAllowed === false;
      },
    },
  ),
  witness(
    "a free gives a use back",
    { cpu },
    {
      sentence:
        "A call that frees a domain found pages mapped, and has given back the last such use; it still holds host_mmu.lock.",
      holds: (s: Seen, { cpu: k }) => {
        if (s.cpus[k].pc !== "free_domain: release host_mmu.lock") return false;
        for (let place = 0; place < recordedPlaces; place++)
          if (notedPage(s.cpus[k], place) !== null) return false;
        return true;
      },
    },
  ),
  witness(
    "a lookup finds a page",
    { cpu },
    {
      sentence: "A call that looks an iova up has found a page, and has not returned it yet.",
      holds: (s: Seen, { cpu: k }) => {
        const { pc, found } = s.cpus[k];
        return pc.startsWith("iova_to_phys: ") && found != null;
      },
    },
  ),
  witness(
    "the TLB outlives an attachment",
    { domain },
    {
      sentence: "The TLB holds a translation of a domain that no stream table entry names.",
      holds: (s: Seen, { domain: d }) =>
        countAttachments(s, d) === 0 &&
        s.smmus.some(({ tlb }) => tlb[d].some(({ hit }) => hit.tag !== "none")),
    },
  ),
];
