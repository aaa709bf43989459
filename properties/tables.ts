/**
 * Tables that the SMMU reads: is a page one?
 */
import type { Seen } from "../model/machine.ts";
import { describeOwner, type PageIndex } from "../spec/ownership.ts";

/** Is the page the hypervisor's, and in use as a table? (In the first posting, any page can become one.) */
export function isTable(s: Seen, page: PageIndex): boolean {
  if (s.pages[page].owner.tag !== "hypervisor") return false;
  return page >= s.pool.length || s.pool[page].use === "table";
}

export function describeTable(s: Seen, page: PageIndex | null): string {
  if (page === null) return "no table at all";
  return `page ${page}, which is ${describeOwner(s.pages[page].owner)}'s and ${page < s.pool.length ? s.pool[page].use : "in no pool"}`;
}
