/**
 * Page tables of two levels: what a table page holds, and what a walk through it comes to.
 *
 * The root is a page of the pool, and so is every table of pages. An entry of the root covers two iovas: by a table
 * with an entry for each, or by a block of two pages. Where a scenario has no such levels, leaf entries are kept
 * with the domain (`entries`), and the functions here read those.
 */
import type { PageIndex } from "../spec/ownership.ts";
import type { Permission } from "../spec/reach.ts";
import type { Machine, TableEntry } from "./machine.ts";
import { domainOf } from "./tables.ts";

/** Pages that a block covers, and entries of a table of pages: the root may have one more (bound `tableEntry`). */
export const blockPages = 2;

type Slot = Machine["pool"][number]["entries"][number];

/** Does the page table have two levels? */
export function hasLevels(s: Machine): boolean {
  return s.pool.length > 0 && s.pool[0].entries.length > 0;
}

/** How many pages a range has that is counted in units of the page size. */
export function pagesOf(c: { readonly count: number; readonly pgsize: number }): number {
  return c.pgsize > 0 ? c.count * blockPages : c.count;
}

/** Is the number that of a block's first page or iova? */
export function isBlockAligned(at: number): boolean {
  return at % blockPages === 0;
}

/** Most entries of a root that are in use. */
const rootEntries = 3;

/** Which entry of the root covers the iova; it may be beyond those that a page has. */
export function rootIndexOf(iova: number): number {
  let index = 0;
  for (let k = 1; k < rootEntries; k++) if (iova >= k * blockPages) index = k;
  return index;
}

/** The page with the domain's root, or -1. */
export function rootOf(s: Machine, d: number): number {
  return s.lifetimes.length > 0 ? (s.lifetimes[d].root ?? -1) : -1;
}

/** The `k`-th entry in a page, or null where the page is none of the pool's. */
export function slotIn(s: Machine, table: number, k: number): Slot | null {
  for (let p = 0; p < s.pool.length; p++) {
    for (let at = 0; at < s.pool[p].entries.length; at++) {
      if (p === table && at === k) return s.pool[p].entries[at];
    }
  }
  return null;
}

/** The entry of the domain's root that covers the iova. */
export function rootEntryOf(s: Machine, d: number, iova: number): TableEntry {
  return slotIn(s, rootOf(s, d), rootIndexOf(iova))?.pte ?? { tag: "none" };
}

/** The page that a block leads the iova to: the SMMU ignores the low bits of the block's address. */
export function pageInBlock(block: PageIndex, iova: number): PageIndex {
  return (block - (block % blockPages) + (iova % blockPages)) as PageIndex;
}

/** The page that the domain's live entries lead the iova to, or -1. */
export function leafPageOf(s: Machine, d: number, iova: number): number {
  if (!hasLevels(s)) {
    const { pte } = s.domains[d].entries[iova];
    return pte.tag === "valid" ? pte.page : -1;
  }
  const above = rootEntryOf(s, d, iova);
  if (above.tag === "block") return pageInBlock(above.page, iova);
  if (above.tag !== "valid") return -1;
  const pte = slotIn(s, above.page, iova % blockPages)?.pte;
  return pte?.tag === "valid" ? pte.page : -1;
}

/** What the domain's live entries permit for the iova; null where they lead nowhere. */
export function leafPermissionOf(s: Machine, d: number, iova: number): Permission | null {
  if (!hasLevels(s)) {
    const { pte } = s.domains[d].entries[iova];
    return pte.tag === "valid" ? pte.permission : null;
  }
  const above = rootEntryOf(s, d, iova);
  if (above.tag === "block") return above.permission;
  if (above.tag !== "valid") return null;
  const pte = slotIn(s, above.page, iova % blockPages)?.pte;
  return pte?.tag === "valid" ? pte.permission : null;
}

/** Does the page hold what the hypervisor stored there? What has left it holds what its owner likes. */
export function isHypervisors(s: Machine, page: PageIndex): boolean {
  return s.pages[page].owner.tag === "hypervisor";
}

/** Is the page the hypervisor's, and in use as a table? */
export function isTablePage(s: Machine, page: number): boolean {
  return page < s.pool.length && s.pool[page].use === "table" && s.pages[page].owner.tag === "hypervisor";
}

/** The iova that the call is at: the first one, and what it has come on since. */
export function iovaAt(c: { readonly iova: number | string }, k: number): number {
  return (typeof c.iova === "number" ? c.iova : 0) + k;
}

/** The entry of the root for the iova that the call is at; null where there is none. */
export function rootSlotOf(
  s: Machine,
  c: { readonly domain: number | string; readonly iova: number | string },
  k: number,
): Slot | null {
  return slotIn(s, rootOf(s, domainOf(c.domain as never)), rootIndexOf(iovaAt(c, k)));
}
