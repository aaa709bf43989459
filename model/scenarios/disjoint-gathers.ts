/**
 * disjoint-gathers and power-gathers: one call unmaps what three entries of the root cover: a block, a table or nothing, and a block. The
 * table is no part of what is gathered, so the second block does not join the first.
 *
 * What exists, and why not more:
 * - One domain, attached to one device for ever; six iovas, which the root covers by three entries. The pool has the root
 *   and one page for a table; the host's two pages are an aligned block.
 * - The host maps the block at the first and at the last entry, as often as it likes, and its first page at the entry in
 *   the middle, by a table that stays when the page is unmapped there. It unmaps all three entries by one call: all of
 *   the same pages, so that each of them is counted up to three times.
 * - It gives the block's first page to a guest, in `paper` from another CPU.
 * - The SMMU walks for the first iova of each entry.
 * - `power-gathers`: the same while the SMMU is off or on; a block is mapped over an empty table, too. One CPU makes all calls.
 */
import type { Scenario, Scope } from "../../checker/index.ts";
import { blockPages } from "../page-tables.ts";
import { type Args, isPlainCall } from "./calls.ts";
import { tableBounds, withoutAll } from "./two-levels.ts";

/** The first page of the block. */
const first = 2;
/** The first iova of each of the root's entries. */
const [before, middle, behind] = [0, 2, 4] as const;

function allowsOf(calls: readonly (readonly string[])[]): NonNullable<Scope["allows"]> {
  return (action: string, args: Args) => {
    if (typeof args.cpu !== "number") return args.iova === undefined || Number(args.iova) % blockPages === 0;
    if (!isPlainCall(calls, action, { ...args, count: 1 })) return false;
    const [call] = action.split(":");
    if (action !== call) return true;
    const { iova, page, count, pgsize } = args;
    switch (call) {
      case "map_pages":
        if (page !== first || count !== 1) return false;
        return pgsize === 0 ? iova === middle : iova === before || iova === behind;
      case "unmap_pages":
        return pgsize === 0 ? iova === middle && count === 1 : iova === before && count === 3;
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
  page: 4,
  tablePage: 4,
  rootEntry: 3,
  tableEntry: 3,
  iova: 6,
  count: 6,
  gap: 2,
  recordedPage: 4,
  references: 4,
} as const;

const without = [...withoutAll, "a block is split", "the pool has no page for a table"];
const mapping = ["map_pages", "unmap_pages"];
const moving = ["host_donate_guest"];
const tiny: Scope = { bounds, allows: allowsOf([[...mapping, ...moving]]), without };
const paper: Scope = { bounds: { ...bounds, cpu: 2 }, allows: allowsOf([mapping, moving]), without };

/** Besides, a block is mapped over a table that is empty, and unmapped from its middle, which is refused. */
export const moreBlocks: NonNullable<Scope["allows"]> = (action, args, at) => {
  const allows = tiny.allows ?? (() => true);
  const isBlock = args.pgsize === 1 && args.count === 1;
  const isUnaligned = action === "unmap_pages" && isBlock && args.iova === 1;
  const isOverTable = action === "map_pages" && isBlock && args.iova === middle;
  // The SMMU walks for the iovas of two of the three entries, and the other calls are as those that are there.
  if (!("cpu" in args) && args.iova === behind) return false;
  if (isUnaligned || isOverTable)
    return allows(action, { ...args, iova: before, count: isOverTable ? 1 : 3 }, at);
  return allows(action, args, at);
};

/** What is about power, and shows here. */
const shown: readonly string[] = [
  "off-means-blocked",
  "an SMMU is off and has power",
  "an unmap leaves its invalidation out",
];
/** The SMMU goes off and comes on again between the calls, and has power while the hypervisor takes it to be on. */
const powered: Scope = {
  bounds: { ...bounds, power: 1 },
  allows: (action, args) =>
    /^(CR0|power|consume|hvc_pd)/.test(action)
      ? args.iommu !== "out of range"
      : moreBlocks(action, args, bounds),
  powersOff: ["power-lies"],
  without: without.filter((name) => !shown.includes(name)),
};

export const powerGathers: Scenario = {
  name: "power-gathers",
  sentence:
    "A call unmaps a block, what a table covers, and another block, while the SMMU is off or on: shows invalidations that are left out for an SMMU that still translates; cannot show races with other calls, or power that goes untold",
  sizes: { tiny: powered },
};

export const disjointGathers: Scenario = {
  name: "disjoint-gathers",
  sentence:
    "A call unmaps a block, what a table covers, and another block, so that what it gathered is invalidated early, under pgt_lock: shows what is forgotten where a gather begins anew; cannot show races with other calls, blocks that are split, or batches",
  sizes: { tiny, paper },
};
