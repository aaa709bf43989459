/**
 * stage1-mappings: a page is mapped in a domain of stage 1 or of stage 2, the TLB tags what it knows of it with the
 * domain's id as an ASID or as a VMID, and the id comes back with a domain of the same stage or of the other.
 *
 * What exists, and why not more:
 * - One device, attached and detached, and one page that it reaches while it is mapped; the page is given to a guest
 *   when it may be. The pool has two pages, which are not given back: one for the page table, one for descriptors.
 * - CPU 0 makes the calls about domains and mappings, one after the other, as in `id-reuse`; CPU 1 gives the page to the
 *   guest.
 * - One id: its domains follow each other. `tiny` has the device's own descriptor. `paper` has a second one: a device
 *   and its PASID share an ASID. (PASIDs with ids of their own, and beyond the table, are in `pasids`, where nothing
 *   is mapped: two ids with mapped pages are more than 30 million states.)
 * - Arguments are valid, but ids need not be allocated. The page is mapped for reading and writing.
 */
import type { Scenario, Scope } from "../../checker/index.ts";
import type { Args } from "./calls.ts";
import { idReuse } from "./id-reuse.ts";
import { withoutCommands, withoutLevels, withoutOtherSmmus, withoutTables } from "./themes.ts";

const { tiny: base } = idReuse.sizes;

const calls: readonly (readonly string[])[] = [
  ["alloc_domain", "attach_dev", "map_pages", "unmap_pages", "detach_dev", "free_domain"],
  ["host_donate_guest"],
];
/** Every walk is one for a stream, and every table the hypervisor's. */
const never: readonly string[] = [
  "walk: read the entry",
  "walk: read an entry that the hypervisor did not write",
  "walk: read an entry that the hypervisor did not write, for a PASID",
];

/** The page that is mapped and given away; the others are the pool's. */
const moving = 2;

function allows(action: string, args: Args): boolean {
  if (typeof args.cpu !== "number") return !never.includes(action);
  const [call] = action.split(":");
  if (!calls[args.cpu].includes(call)) return false;
  if ("page" in args && args.page !== moving) return false;
  if ("prot" in args && args.prot !== "read and write") return false;
  if ("count" in args && args.count !== 1) return false;
  return [args.domain, args.stream, args.iova].every((value) => typeof value !== "string");
}

const bounds = {
  ...base.bounds,
  page: 3,
  poolPage: 2,
  stage1: 1,
  asid: 1,
  descriptor: 1,
} as const;

const without: readonly string[] = [
  "a lookup finds a page",
  "lookups-hold-pgt_lock",
  ...withoutTables,
  ...withoutLevels,
  ...withoutOtherSmmus,
  ...withoutCommands,
  "guest-secrets-stay",
  "the hypervisor owns a page",
  "a page is shared",
  "a page is mapped twice",
  "map succeeds in part",
  "the queue is full",
  "a page of the pool is the host's again",
];
/** What takes a second descriptor. */
const withoutSubstreams: readonly string[] = ["a substream is attached"];
const tiny: Scope = { bounds, allows, without: [...without, ...withoutSubstreams] };

export const stage1Mappings: Scenario = {
  name: "stage1-mappings",
  sentence:
    "A page is mapped, unmapped and given to a guest in domains of stage 1 and of stage 2 that follow each other under one id: shows invalidations by the wrong tag, ASID for VMID, and translations that outlive their domain; cannot show races of calls about domains with each other, tables that leave the pool, or id 0, which is also the VMID of stage 1",
  sizes: {
    tiny,
    paper: {
      bounds: { ...bounds, descriptor: 2, pasid: 1 },
      allows,
      without,
    },
  },
};
