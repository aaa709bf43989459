/**
 * two-levels: pages are mapped and unmapped through tables that are pages of the IOMMU pool: taken from it, linked,
 * taken out, freed, used again, and given back to the host.
 *
 * What exists, and why not more:
 * - One domain, attached to one device for ever, whose root is the pool's first page; the second page is for a table.
 *   The last page is the host's: it is mapped, or given to a guest.
 * - The root has one entry in use, which covers both iovas. A page is mapped at the first (in `paper`: at each); an
 *   unmap of a whole block takes the table out, and an unmap of a page leaves it, empty.
 * - CPU 0 maps and unmaps. CPU 1 unmaps too, gives the page to the guest, and takes the pool's free page back for the
 *   host; what it then holds is the host's choice.
 * - Allocation fails where the host took the pool's page.
 * - Arguments are valid: what they may be otherwise, `arguments` and `blocks` try.
 */
import type { Scenario, Scope } from "../../checker/index.ts";
import { absent } from "./absent.ts";
import { type Args, isPlainCall } from "./calls.ts";
import { withoutBlocks, withoutCommands, withoutLifetimes, withoutTransfers } from "./themes.ts";

const moving = 2;
/** Calls of each CPU. */
const calls: readonly (readonly string[])[] = [
  ["map_pages", "unmap_pages"],
  ["host_donate_guest", "pool_reclaim", "unmap_pages"],
];

/** The first `iovas` iovas; pages are mapped, pages and blocks are unmapped. */
function allowsFirst(iovas: number): NonNullable<Scope["allows"]> {
  return (action: string, args: Args) => {
    if ("iova" in args && (typeof args.iova !== "number" || args.iova >= iovas)) return false;
    if (typeof args.cpu !== "number") return true;
    if (!isPlainCall(calls, action, args)) return false;
    if ("page" in args && args.page !== moving) return false;
    const [call] = action.split(":");
    if (call === "unmap_pages") return args.iova !== 1 || args.pgsize === 0;
    return call !== "map_pages" || (args.pgsize ?? 0) === 0;
  };
}

/** Also those of `blocks`, but for the pages. */
export const tableBounds = {
  ...absent,
  cpu: 2,
  smmu: 1,
  page: 3,
  poolPage: 2,
  tablePage: 3,
  tableEntry: 2,
  rootEntry: 1,
  block: 1,
  domain: 1,
  lifetime: 1,
  device: 1,
  iova: 2,
  guest: 1,
  slot: 2,
  position: 4,
  transaction: 1,
  count: 2,
  references: 2,
  domainReferences: 5,
} as const;

/** Also what `blocks` has no place for. */
export const withoutAll = [
  // A table of pages that is lost is a table that is lost.
  ...withoutLifetimes.filter((name) => name !== "no-table-is-leaked"),
  ...withoutTransfers,
  ...withoutCommands,
  "map succeeds in part",
];
const without = [...withoutAll, ...withoutBlocks];
const tiny: Scope = { bounds: tableBounds, allows: allowsFirst(1), without };

export const twoLevels: Scenario = {
  name: "two-levels",
  sentence:
    "A page is mapped and unmapped through a table that is allocated, linked, taken out, freed, used again and given back to the host, while the SMMU walks level by level and remembers tables: shows tables that are freed while something leads to them, and uses that are lost with them; cannot show blocks, several tables at once, attachment, or stores that the SMMU sees late",
  sizes: { tiny, paper: { ...tiny, allows: allowsFirst(2) } },
};
