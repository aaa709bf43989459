/**
 * everything: the calls about domains, devices, mappings and pages together, as far as that can be afforded.
 *
 * What exists, and why not more:
 * - Domains are allocated and freed, devices attached and detached; a page is mapped, unmapped, given to a guest and
 *   reclaimed, and the host takes pages of the pool back: races of all of these with each other, which the other
 *   scenarios try in parts.
 * - CPU 0 makes the calls about domains and devices, and maps; CPU 1 unmaps, detaches the first device, moves the page
 *   and takes the pool's pages.
 * - The domains are of stage 2. The pool's first page is for the page table, one more page moves.
 * - `tiny` has one device and one id, `paper` two devices, `wide` three; `soak` two ids as well, with a page of the pool for each.
 * - Stage 1, several SMMUs, page tables of two levels, late stores, commands that fail, power, and guests with lives of
 *   their own are other scenarios': each of them multiplies the states by more than can be afforded together.
 * - `everythingOverLists` is for the versions whose domains have lists of SMMUs. In `tiny` the count of a page overflows one
 *   use earlier there: they leak uses when a domain is freed, each of which multiplies the states.
 * - Arguments are valid, but ids need not be allocated. The page is mapped for reading and writing.
 */
import type { Scenario, Scope } from "../../checker/index.ts";
import { onePage } from "./absent.ts";
import { type Args, isPlainCall } from "./calls.ts";
import { overLists } from "./over-lists.ts";
import { withoutCommands, withoutLevels, withoutOtherSmmus, withoutStage1, withoutTables } from "./themes.ts";

const calls: readonly (readonly string[])[] = [
  ["alloc_domain", "attach_dev", "detach_dev", "free_domain", "map_pages"],
  ["unmap_pages", "detach_dev", "host_donate_guest", "host_reclaim_page", "pool_reclaim"],
];

function allowing(moving: number) {
  return (action: string, args: Args): boolean => {
    if (typeof args.cpu !== "number") return action !== "walk: read the entry";
    if (!isPlainCall(calls, action, args)) return false;
    const [call] = action.split(":");
    if (action !== call) return true;
    // Where the host names the page for a page table, it is the first one.
    if ("page" in args && args.page !== (call === "alloc_domain" ? 0 : moving)) return false;
    return call !== "detach_dev" || args.cpu === 0 || args.stream === 0;
  };
}

const bounds = { ...onePage, page: 2, poolPage: 1, lifetime: 1, stream: 1, domainReferences: 5 } as const;

const without = [
  ...withoutTables,
  ...withoutOtherSmmus,
  ...withoutCommands,
  ...withoutStage1,
  ...withoutLevels,
  "the hypervisor owns a page",
  "a page is shared",
  "a page is mapped twice",
  "map succeeds in part",
  "the queue is full",
  "a lookup finds a page",
  "lookups-hold-pgt_lock",
];

const tiny: Scope = { bounds, allows: allowing(1), without };
const paper: Scope = { ...tiny, bounds: { ...bounds, device: 2, stream: 2 } };
const wide: Scope = { ...tiny, bounds: { ...bounds, device: 3, stream: 3, domainReferences: 6 } };
const soak: Scope = {
  ...tiny,
  bounds: { ...bounds, device: 2, stream: 2, domain: 2, lifetime: 2, page: 3, poolPage: 2 },
  allows: allowing(2),
};

const sentence =
  "Domains are allocated and freed, devices attached and detached, a page is mapped, unmapped, given to a guest and reclaimed, and pages of the pool are given back to the host, all at once from two CPUs: shows races between calls of different kinds; cannot show stage 1, several SMMUs, tables of two levels, late stores, failing commands or power";

export const everything: Scenario = { name: "everything", sentence, sizes: { tiny, paper, soak, wide } };

export const everythingOverLists: Scenario = overLists({
  name: "everything",
  sentence,
  sizes: { tiny: { ...tiny, bounds: { ...bounds, references: 2 } }, paper, soak },
});
