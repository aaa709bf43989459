/**
 * id-reuse: an id is freed and given again, to a domain with another page table, while the SMMU may remember
 * what it knew under that id.
 *
 * What exists, and why not more:
 * - One device, attached and detached, and one page that it reaches while it is mapped; the page is given to a
 *   guest when it may be. The pool has one page, which is not given back: each page table is in that page.
 * - CPU 0 makes the calls about domains and mappings, one after the other; CPU 1 gives the page to the guest, and
 *   looks iovas up, which stands for every call that is in flight with a reference. Calls about domains against
 *   each other are tried in `attach-detach-free`.
 * - Arguments are valid, but ids need not be allocated. The page is mapped for reading and writing.
 */
import type { Scenario, Scope } from "../../checker/index.ts";
import { onePage } from "./absent.ts";
import { type Args, isPlainCall } from "./calls.ts";
import { withoutCommands, withoutOtherSmmus, withoutTables, withoutReuse } from "./themes.ts";

const calls: readonly (readonly string[])[] = [
  ["alloc_domain", "attach_dev", "map_pages", "unmap_pages", "detach_dev", "free_domain"],
  ["host_donate_guest", "iova_to_phys"],
];
/** Every walk is one for a stream, and every table the hypervisor's. */
const without: readonly string[] = [
  "walk: read the entry",
  "walk: read an entry that the hypervisor did not write",
];

/** The page that is mapped and given away; the other one is the pool's. */
const moving = 1;

function allows(action: string, args: Args): boolean {
  if (typeof args.cpu !== "number") return !without.includes(action);
  if (!isPlainCall(calls, action, args)) return false;
  const [call] = action.split(":");
  // Where the host names the page for a page table, it is the other one.
  return !("page" in args) || args.page === (call === "alloc_domain" ? 1 - moving : moving);
}

const bounds = { ...onePage, page: 2, poolPage: 1, lifetime: 1, stream: 1 } as const;

const tiny: Scope = {
  bounds,
  allows,
  without: [...withoutTables, ...withoutOtherSmmus, ...withoutReuse, ...withoutCommands],
};
const paper: Scope = {
  bounds: { ...bounds, domain: 2, lifetime: 2 },
  allows,
  without: [...withoutTables, ...withoutOtherSmmus, ...withoutReuse, ...withoutCommands],
};

export const idReuse: Scenario = {
  name: "id-reuse",
  sentence:
    "An id is freed and given again while a device that is attached, detached and attached again reads what the SMMU remembers under it, and the page that was mapped is given to a guest: shows translations and configurations that outlive their domain; cannot show races of calls about domains with each other, table pages that leave the pool, or a second device",
  sizes: { tiny, paper },
};
