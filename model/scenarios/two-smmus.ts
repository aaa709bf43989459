/**
 * two-smmus: two devices behind two SMMUs, and one domain that both are to be attached to.
 *
 * What exists, and why not more:
 * - Device 0 is behind SMMU 0, device 1 behind SMMU 1. Each SMMU has its lock, its command queue, its TLB, and one
 *   walk or access in progress; each fetches the entry of its own device.
 * - CPU 0 allocates the domain, attaches device 0, maps and unmaps; CPU 1 attaches device 1 and gives the page to a
 *   guest. So both attach at the same time, and unmap meets a domain that either of them, or both, attached.
 * - `tiny` neither detaches nor frees. `paper` detaches both and frees, and an id comes back with another SMMU.
 * - The pool has two pages, so that two attachments can each take one; it gives none back. One more page is mapped,
 *   for reading and writing, and moves.
 * - Arguments are valid, but ids need not be allocated.
 * - `twoSmmusOverLists` is for the versions whose domains have lists of SMMUs: there both attachments succeed.
 */
import type { Scenario, Scope } from "../../checker/index.ts";
import { onePage } from "./absent.ts";
import { type Args, isPlainCall } from "./calls.ts";
import { overLists } from "./over-lists.ts";
import { withoutCommands, withoutEnds, withoutPower, withoutReuse, withoutTables } from "./themes.ts";

/** The page that is mapped and given away; the others are the pool's. */
const moving = 2;

/** Every walk is one for a stream, and every table the hypervisor's. */
const never: readonly string[] = [
  "walk: read the entry",
  "walk: read an entry that the hypervisor did not write",
];

function allowing(calls: readonly (readonly string[])[]) {
  return (action: string, args: Args): boolean => {
    if (typeof args.cpu !== "number") return !never.includes(action);
    if (!isPlainCall(calls, action, args)) return false;
    const [call] = action.split(":");
    if ("stream" in args && call === "attach_dev" && args.stream !== args.cpu) return false;
    return !("page" in args) || args.page === moving;
  };
}

const bounds = {
  ...onePage,
  smmu: 2,
  page: 3,
  poolPage: 2,
  lifetime: 1,
  device: 2,
  stream: 2,
  domainReferences: 5,
} as const;

const without = [
  ...withoutReuse,
  ...withoutCommands,
  ...withoutPower,
  ...withoutTables,
  "a lookup finds a page",
  "lookups-hold-pgt_lock",
];

const tiny: Scope = {
  bounds,
  allows: allowing([
    ["alloc_domain", "attach_dev", "map_pages", "unmap_pages"],
    ["attach_dev", "host_donate_guest"],
  ]),
  without: [...without, ...withoutEnds],
};
const paper: Scope = {
  bounds,
  allows: allowing([
    ["alloc_domain", "attach_dev", "map_pages", "unmap_pages", "detach_dev", "free_domain"],
    ["attach_dev", "host_donate_guest"],
  ]),
  without,
};

const sentence =
  "Two devices behind two SMMUs are attached to one domain, or refused, while a page is mapped, unmapped and given to a guest: shows invalidations that do not reach every SMMU that translates through the domain; cannot show a second domain, or races of detaching with other calls";

/** One SMMU for a domain. */
const bound = (of: Scope): Scope => ({
  ...of,
  without: [...(of.without ?? []), "a domain translates behind two SMMUs"],
});
/** A list of SMMUs for a domain. */
const listed = (of: Scope): Scope => ({
  ...of,
  without: [...(of.without ?? []), "a domain is refused to a second SMMU"],
});

export const twoSmmus: Scenario = {
  name: "two-smmus",
  sentence,
  sizes: { tiny: bound(tiny), paper: bound(paper) },
};

export const twoSmmusOverLists: Scenario = overLists({
  name: "two-smmus",
  sentence,
  sizes: { tiny: listed(tiny), paper: listed(paper) },
});
