/**
 * What the properties ask of the machine, said once: who holds a use of a page, what justifies a translation.
 */
import type { PageIndex } from "../spec/ownership.ts";
import type { PolicyPage } from "../spec/atoms.ts";
import {
  blockPages,
  hasLevels,
  leafPageOf,
  pageInBlock,
  rootEntryOf,
  rootIndexOf,
  slotIn,
} from "../model/page-tables.ts";
import { notedPage, recordedPlaces } from "../model/hypercalls/gather.ts";
import { type Cpu, domain, type DomainIndex, type IovaIndex, type Seen, vmTable } from "../model/machine.ts";

/** Live entries of all page tables that lead to the page; a block leads to two pages. */
export function countMappings(s: Seen, page: PageIndex): number {
  let count = 0;
  for (let d = 0; d < s.domains.length; d++) {
    const iovas = s.domains[d].entries.length;
    for (let i = 0; i < iovas; i++) if (leafPageOf(s, d, i) === page) count++;
  }
  return count;
}

/** Is some call about to zero this entry, having given back the use that it stood for? */
function isBeingZeroed(s: Seen, of: DomainIndex, iova: number): boolean {
  for (let k = 0; k < s.cpus.length; k++) {
    const c = s.cpus[k];
    if (c.isReleased !== true || c.domain !== of || typeof c.iova !== "number") continue;
    const at = c.iova + (c.walked ?? 0);
    if (at === iova || ((c.isBlock ?? 0) > 0 && rootIndexOf(at) === rootIndexOf(iova))) return true;
  }
  return false;
}

/** The page that an invalidated entry still stands for at this iova, or -1. */
function invalidatedPageOf(s: Seen, of: DomainIndex, iova: number): number {
  if (!hasLevels(s)) {
    const { pte } = s.domains[of].entries[iova];
    return pte.tag === "invalidated" ? pte.page : -1;
  }
  const above = rootEntryOf(s, of, iova);
  if (above.tag === "invalidated block") return pageInBlock(above.page, iova);
  if (above.tag !== "valid" && above.tag !== "invalidated") return -1;
  const leaf = slotIn(s, above.page, iova % blockPages)?.pte;
  if (leaf?.tag === "invalidated") return leaf.page;
  return leaf?.tag === "valid" && above.tag === "invalidated" ? leaf.page : -1;
}

/** Invalidated entries that still stand for a use of the page. */
function countInvalidated(s: Seen, page: PageIndex): number {
  let count = 0;
  for (let d = 0; d < s.domains.length; d++) {
    const iovas = s.domains[d].entries.length;
    for (let i = 0; i < iovas; i++) {
      if (invalidatedPageOf(s, domain.at(d), i) === page && !isBeingZeroed(s, domain.at(d), i)) count++;
    }
  }
  return count;
}

/** The uses of the page that a call in flight holds: counted and not yet mapped, or unmapped and not yet given back. */
function countHeldBy(c: Cpu, page: PageIndex): number {
  let count = 0;
  if (typeof c.page === "number" && c.used !== undefined && c.mapped !== undefined) {
    const k = page - c.page;
    if (k >= c.mapped && k < c.used) count++;
  }
  const gathered = c.gathered ?? 0;
  for (let k = 0; k < recordedPlaces && k < gathered; k++) if (notedPage(c, k) === page) count++;
  return count;
}

/** Every use of the page that something stands for: entries, and calls in flight. */
export function countUses(s: Seen, page: PageIndex): number {
  let count = countMappings(s, page) + countInvalidated(s, page);
  for (let k = 0; k < s.cpus.length; k++) count += countHeldBy(s.cpus[k], page);
  return count;
}

/** ` of SMMU 1`, where there are several. */
export function ofSmmu(s: Seen, n: number): string {
  return s.smmus.length > 1 ? ` of SMMU ${n}` : "";
}

/** `SMMU 1`, where there are several; else `the SMMU`. */
export function nameSmmu(s: Seen, n: number): string {
  return s.smmus.length > 1 ? `SMMU ${n}` : "the SMMU";
}

/** Is every CPU out of the hypervisor? A CPU that panicked is not. */
export function isAtRest(s: Seen, idle: string): boolean {
  for (let k = 0; k < s.cpus.length; k++) if (s.cpus[k].pc !== idle) return false;
  return true;
}

/** Has an unmap in flight gathered this iova? Until it returns, the SMMU may know the old translation. */
function isGathered(s: Seen, of: DomainIndex, iova: IovaIndex): boolean {
  for (let k = 0; k < s.cpus.length; k++) {
    const c = s.cpus[k];
    if (c.gathered === undefined || c.domain !== of || typeof c.iova !== "number") continue;
    if (iova >= c.iova && iova < c.iova + c.gathered) return true;
  }
  return false;
}

/** Did an unmap stop for good, by a BUG or a WARN? It never gives back the uses that it gathered. */
function hasStopped(s: Seen): boolean {
  for (let k = 0; k < s.cpus.length; k++) if (s.cpus[k].pc.startsWith("PANIC in unmap_pages")) return true;
  return false;
}

/**
 * May the SMMU know that the iova leads to the page? It may while an entry says so, or while a call that
 * unmaps it is in flight, or has stopped, and the page's use is still counted.
 */
export function isJustified(s: Seen, of: DomainIndex, iova: IovaIndex, page: PageIndex): boolean {
  if (leafPageOf(s, of, iova) === page) return true;
  return s.pages[page].references > 0 && (isGathered(s, of, iova) || hasStopped(s));
}

/** Is the page's owner a guest that is being torn down? Guests without lives of their own may be at any time. */
function isOwnerDying(s: Seen, page: PageIndex): boolean {
  const { owner } = s.pages[page];
  return owner.tag === "guest" && (s.vmTable.length === 0 || s.guests[owner.vm].life[vmTable.at(0)].isDying);
}

/**
 * The page as the policy sees it. The host's page is lent where both sides say so: the first posting marks a page as
 * SHARED_OWNED, too, while it is used for DMA. A guest's page is lent where the guest says so.
 */
export function policyPageOf(s: Seen, page: PageIndex): PolicyPage {
  const { owner, hostState, hypState, guestLends, references } = s.pages[page];
  const isLent = guestLends > 0 || (hostState === "SHARED_OWNED" && hypState === "SHARED_BORROWED");
  return {
    owner,
    isOwnerDying: isOwnerDying(s, page),
    isLent,
    uses: references,
    mappings: countMappings(s, page),
  };
}
