/**
 * Isolation: no device reaches a page that the owner of its stream may not access. Reads break secrecy,
 * writes break integrity. A device reaches a page through whatever it, or the SMMU for it, may still use: a
 * live entry, the TLB, a walk, an access in progress.
 */
import { type Invariant, invariant, type Witness, witness } from "../checker/index.ts";
import { device, page, type Seen } from "../model/machine.ts";
import { describeOwner, isExclusivelyHosts, type Owner, type PageIndex } from "../spec/ownership.ts";
import { type Access, doesPermit, mayReach } from "../spec/reach.ts";
import { countMappings } from "./pages.ts";

/** The owner of every stream, until devices can be assigned to guests. */
const streamOwner: Owner = { tag: "host" };

/** The ways by which a device can reach a page now; stops at the first unless `all` are wanted. */
function findWays(s: Seen, by: number, to: PageIndex, access: Access, all: boolean): string[] {
  const ways: string[] = [];
  const of = s.devices[by].domain;
  const { entries } = s.domains[of];
  const tlb = s.tlb[of];
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i].pte;
    if (entry.tag === "valid" && entry.page === to && doesPermit(entry.permission, access)) {
      ways.push(`a live entry for iova ${i} of domain ${of}`);
      if (!all) return ways;
    }
    const { hit } = tlb[i];
    if (hit.tag === "translation" && hit.page === to && doesPermit(hit.permission, access)) {
      ways.push(`a TLB entry for iova ${i} of domain ${of}`);
      if (!all) return ways;
    }
  }
  for (let k = 0; k < s.transactions.length; k++) {
    const { doing } = s.transactions[k];
    if (doing.tag === "nothing" || doing.page !== to || !doesPermit(doing.permission, access)) continue;
    if (doing.tag === "walk" && doing.domain === of) {
      ways.push(`a walk in progress for iova ${doing.iova} of domain ${of}`);
    } else if (doing.tag === "access" && doing.device === by) {
      ways.push(`an access in progress to iova ${doing.iova}`);
    }
    if (!all && ways.length > 0) return ways;
  }
  return ways;
}

function isolation(name: string, access: Access, done: string, sentence: string): Invariant<Seen> {
  return invariant(
    name,
    { page, device },
    {
      sentence,
      sekvm: "smmu_iso",
      holds: (s: Seen, { page: p, device: by }) =>
        mayReach(streamOwner, s.pages[p], access) || findWays(s, by, p, access, false).length === 0,
      explain: (s, { page: p, device: by }) => {
        const through = findWays(s, by, p, access, true).join(", and through ");
        return `page ${p}, owned by ${describeOwner(s.pages[p].owner)}, can be ${done} by device ${by}, which is the host's, through ${through}`;
      },
      premise: (s, { page: p }) => !mayReach(streamOwner, s.pages[p], access),
    },
  );
}

export const reach: readonly Invariant<Seen>[] = [
  isolation(
    "dma-secrecy",
    "read",
    "read",
    "No device can read a page that the owner of its stream may not read.",
  ),
  isolation(
    "dma-integrity",
    "write",
    "written",
    "No device can write a page that the owner of its stream may not write.",
  ),
  invariant(
    "only-owned-pages-are-mapped",
    { page },
    {
      sentence: "A page that a live entry leads to is the host's own: OWNED, not shared, not borrowed.",
      holds: (s: Seen, { page: p }) => isExclusivelyHosts(s.pages[p]) || countMappings(s, p) === 0,
      explain: (s, { page: p }) =>
        `page ${p}, in host state ${s.pages[p].hostState}, owned by ${describeOwner(s.pages[p].owner)}, is mapped for DMA`,
      premise: (s, { page: p }) => countMappings(s, p) > 0,
    },
  ),
  invariant(
    "guest-secrets-stay",
    { page },
    {
      sentence: "The host cannot access a page that still holds what a guest wrote.",
      sekvm: "vm_iso",
      holds: (s: Seen, { page: p }) => !s.pages[p].isSecret || s.pages[p].owner.tag !== "host",
      explain: (_, { page: p }) => `page ${p} is the host's and still holds what a guest wrote`,
      premise: (s, { page: p }) => s.pages[p].isSecret,
    },
  ),
];

export const reachWitnesses: readonly Witness<Seen>[] = [
  witness(
    "a guest owns a page",
    { page },
    {
      sentence: "A page belongs to a guest, and holds what it wrote.",
      holds: (s: Seen, { page: p }) => s.pages[p].owner.tag === "guest" && s.pages[p].isSecret,
    },
  ),
  witness(
    "the hypervisor owns a page",
    { page },
    {
      sentence: "A page that was the host's belongs to the hypervisor.",
      holds: (s: Seen, { page: p }) =>
        s.pages[p].owner.tag === "hypervisor" && s.pages[p].hypState === "OWNED",
    },
  ),
  witness(
    "a page is shared",
    { page },
    {
      sentence: "The host lends a page to the hypervisor.",
      holds: (s: Seen, { page: p }) => s.pages[p].hypState === "SHARED_BORROWED",
    },
  ),
];
