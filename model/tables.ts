/**
 * Access of EL2 to its tables by arguments of the host. Whatever the checks let through is used as an index,
 * as in the source; an access outside a table is recorded, and the call goes on without it. (In the source,
 * what follows is undefined. The property memory-safety says that it never comes to that.)
 */
import { isValid } from "../checker/index.ts";
import {
  descriptor,
  domain,
  type DomainIndex,
  guest,
  type IovaIndex,
  level1,
  type Machine,
  page,
  type StreamIndex,
  vmTable,
} from "./machine.ts";
import { delayEntry } from "./smmu/late-stores.ts";
import type { PageIndex } from "../spec/ownership.ts";

type PageEntry = Machine["pages"][number];
type TableEntry = Machine["domains"][number]["entries"][number];

/** The `k`-th page's entry in the vmemmap, counted from the argument; null outside the vmemmap. */
export function pageOf(s: Machine, first: PageIndex | string, k = 0): PageEntry | null {
  return isValid(first) && first + k < s.pages.length ? s.pages[first + k] : null;
}

/** Changes the page's entry in the vmemmap. */
export function changePage(
  s: Machine,
  first: PageIndex | string,
  k: number,
  change: (entry: PageEntry) => void,
): void {
  const entry = pageOf(s, first, k);
  if (entry === null) s.wildAccess = "vmemmap";
  else change(entry);
}

/** The domain that the argument names. What an unchecked argument leads to could be any; it is the first one. */
export function domainOf(of: DomainIndex | string): DomainIndex {
  return isValid(of) ? of : domain.at(0);
}

/** The `k`-th entry of the domain's page table, counted from the iova; null outside the table. */
export function entryOf(
  s: Machine,
  of: DomainIndex | string,
  first: IovaIndex | string,
  k: number,
): TableEntry | null {
  const { entries } = s.domains[domainOf(of)];
  return isValid(first) && first + k < entries.length ? entries[first + k] : null;
}

/** A CPU changes an entry of the domain's page table; the SMMU may see the store late. */
export function changeEntry(
  s: Machine,
  by: number,
  of: DomainIndex | string,
  first: IovaIndex | string,
  k: number,
  change: (entry: TableEntry) => void,
): void {
  const entry = entryOf(s, of, first, k);
  if (!hasTable(s, of)) s.wildAccess = "a freed domain";
  else if (entry === null) s.wildAccess = "page table";
  else {
    if (isValid(first)) delayEntry(s, by, domainOf(of), first + k);
    change(entry);
  }
}

/** Where the entry is that a call over a range has just passed, being the `k`-th when counted from 1. */
export function placeBefore(
  c: { readonly domain: DomainIndex | string; readonly iova: IovaIndex | string },
  k: number,
): { domain: number; iova: number } {
  return { domain: domainOf(c.domain), iova: (isValid(c.iova) ? c.iova : 0) + k - 1 };
}

/** What comes and goes with the domain; null where domains live for ever. */
export function lifetimeOf(s: Machine, of: DomainIndex | string): Machine["lifetimes"][number] | null {
  return s.lifetimes.length > 0 ? s.lifetimes[domainOf(of)] : null;
}

/** Does the domain have a page table? */
export function hasTable(s: Machine, of: DomainIndex | string): boolean {
  return s.lifetimes.length === 0 || s.lifetimes[domainOf(of)].root !== null;
}

/** The guest's life; null where guests do not run. */
export function lifeOf(s: Machine, of: number): Machine["guests"][number]["life"][number] | null {
  return s.vmTable.length > 0 ? s.guests[guest.at(of)].life[vmTable.at(0)] : null;
}

/** The stream table entry that the argument names. What an unchecked argument leads to could be any. */
export function streamOf(s: Machine, of: StreamIndex | string): Machine["streams"][number] {
  return s.streams[isValid(of) ? of : 0];
}

/** A CPU looks at the stream's entry: what an unchecked argument leads to lies outside of any table of streams. */
export function lookAtStream(s: Machine, of: StreamIndex | string): Machine["streams"][number] {
  if (!isValid(of) || isSecondLevelMissing(s, of)) s.wildAccess = "stream table";
  return streamOf(s, of);
}

/** Is the domain of stage 1? */
export function isStage1(s: Machine, of: DomainIndex | string): boolean {
  return s.lifetimes.length > 0 && s.lifetimes[domainOf(of)].stage1 > 0;
}

/** How a TLBI names the domain: 1 by ASID, 0 by VMID. (Where the TLB has no ASIDs, what is of stage 1 is not in it.) */
export function byAsidOf(s: Machine, of: DomainIndex | string): number {
  return s.smmus[0].tlbOfAsids.length > 0 && isStage1(s, of) ? 1 : 0;
}

/** The page with the context descriptors that the stream's entry leads to; null where it is no entry of stage 1. */
export function contextOf(s: Machine, of: StreamIndex | string): PageIndex | null {
  const { contexts } = streamOf(s, of);
  return contexts.length > 0 ? contexts[0].word : null;
}

/** The descriptor for the PASID in a page of descriptors; null behind the table's end. */
export function descriptorOf(s: Machine, of: PageIndex, pasid: number) {
  const { descriptors } = s.pool[of];
  return pasid < descriptors.length ? descriptors[descriptor.at(pasid)] : null;
}

/** The first level's entry for the stream; null where the stream table has one level. */
export function level1Of(s: Machine, of: number): Machine["level1"][number] | null {
  if (s.level1.length === 0) return null;
  let at = 0;
  for (let n = 1; n < s.level1.length; n++) if (n * s.streams.length <= of * s.level1.length) at = n;
  return s.level1[level1.at(at)];
}

/** Has the stream table no second level yet for the stream? */
export function isSecondLevelMissing(s: Machine, of: StreamIndex | string): boolean {
  const first = isValid(of) ? level1Of(s, of) : null;
  return first !== null && first.table === null;
}

/** The first free page of the pool, or null. */
export function freePageOf(s: Machine): PageIndex | null {
  for (let p = 0; p < s.pool.length; p++) if (s.pool[p].use === "free") return page.at(p);
  return null;
}
