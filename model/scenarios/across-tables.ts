/**
 * across-tables: a call over two pages that two entries of the root cover, of which each may be a table or a block, while
 * the pool may have no page for the second.
 *
 * What exists, and why not more:
 * - One domain, attached to one device for ever; four iovas, which the root covers by two entries. The pool has the root
 *   and two pages for tables; the host's last two pages are an aligned block.
 * - The host maps the two pages at the second and the third iova by one call, or the first of them at the second, or the
 *   block at the third. It unmaps the second and the third by one call, which takes a page out of a table and then a
 *   page or a part of a block; or what the second entry of the root covers, as a block.
 * - It takes pages of the pool back at any time between calls, in `paper` while they run, and gives none: so every call
 *   meets a pool of two pages, one, or none.
 * - The SMMU walks for the second and the third iova. Arguments are valid.
 * - In `acrossTablesResults` calls count what they performed, so that what they return is compared with it; the SMMU
 *   consumes commands and does nothing else. Nothing is unmapped as a block there: of a table, that means all that it
 *   may hold, whether it is mapped or not.
 */
import type { Scenario, Scope } from "../../checker/index.ts";
import { type Args, isPlainCall } from "./calls.ts";
import { withoutCaches } from "./themes.ts";
import { tableBounds, withoutAll } from "./two-levels.ts";

/** The first page of the block. */
const first = 4;
/** The iovas that calls name: one of the first table, one of the second. */
const near = 1;
const far = 2;

function allowsOf(calls: readonly (readonly string[])[]): NonNullable<Scope["allows"]> {
  return (action: string, args: Args) => {
    if (typeof args.cpu !== "number")
      return (
        action === "walk cache: evict" || args.iova === undefined || args.iova === near || args.iova === far
      );
    if (!isPlainCall(calls, action, { ...args, count: 1 })) return false;
    const [call] = action.split(":");
    if (action !== call) return true;
    const { iova, page, count, pgsize } = args;
    switch (call) {
      case "map_pages":
        if (page !== first || count === 0) return false;
        return pgsize === 0 ? iova === near : iova === far && count === 1;
      case "unmap_pages":
        return pgsize === 0 ? iova === near && count === 2 : iova === far && count === 1;
      case "host_donate_guest":
        return page === first;
      default:
        return true;
    }
  };
}

const bounds = {
  ...tableBounds,
  cpu: 1,
  page: 6,
  tablePage: 6,
  poolPage: 3,
  rootEntry: 2,
  iova: 4,
} as const;

const without = withoutAll.filter((name) => name !== "map succeeds in part");

const mapping = ["map_pages", "unmap_pages"];
const moving = ["host_donate_guest", "pool_reclaim"];
const tiny: Scope = { bounds, allows: allowsOf([[...mapping, ...moving]]), without };
const paper: Scope = { bounds: { ...bounds, cpu: 2 }, allows: allowsOf([mapping, moving]), without };

/** What the SMMU remembers of tables, and walks to them. */
const withoutWalks = [
  ...withoutCaches,
  "remembered-tables-are-hypervisors",
  "walks-stay-in-tables",
  "unlinked-means-forgotten",
  "the SMMU remembers a table that was taken out",
  "a SYNC waits for a walk to a table",
  "a translation of a block is in the TLB",
];
const counting: Scope = {
  bounds: { ...bounds, history: 1, performed: 3 },
  allows: (action, args, of) => {
    if (!("cpu" in args)) return action.startsWith("consume ");
    return tiny.allows?.(action, args, of) === true && (action !== "unmap_pages" || args.pgsize === 0);
  },
  without: [...without, ...withoutWalks],
};

export const acrossTables: Scenario = {
  name: "across-tables",
  sentence:
    "A call maps or unmaps two pages that two tables cover, or a table and a block, and the pool has a page for both, for one, or for none: shows what a call leaves behind that stops in the middle, and whether it says so; cannot show races with other calls, attachment, or calls over three entries of a root",
  sizes: { tiny, paper },
};

export const acrossTablesResults: Scenario = {
  name: "results-across-tables",
  sentence:
    "The same, where each call counts what it performed, and the SMMU only consumes commands: shows results that do not say what was done by a call that stops in the middle; cannot show what the SMMU keeps",
  sizes: { tiny: counting },
};
