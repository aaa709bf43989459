/**
 * Access of EL2 to its tables by arguments of the host. Whatever the checks let through is used as an index,
 * as in the source; an access outside a table is recorded, and the call goes on without it. (In the source,
 * what follows is undefined. The property memory-safety says that it never comes to that.)
 */
import { isValid } from "../checker/index.ts";
import { domain, type DomainIndex, type IovaIndex, type Machine } from "./machine.ts";
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

/** Changes an entry of the domain's page table. */
export function changeEntry(
  s: Machine,
  of: DomainIndex | string,
  first: IovaIndex | string,
  k: number,
  change: (entry: TableEntry) => void,
): void {
  const entry = entryOf(s, of, first, k);
  if (entry === null) s.wildAccess = "page table";
  else change(entry);
}
