/**
 * blocks: blocks of two pages are mapped, unmapped as a whole, and unmapped in part, which splits them.
 *
 * What exists, and why not more:
 * - One domain, attached to one device for ever; the pool has the root and one page for a table. The last three pages
 *   are the host's: the first two are an aligned block, and the last one makes one that is not aligned with the second.
 * - CPU 0 maps the block, at its iova or one beside it, and one that is not aligned; and single pages at the first
 *   iova. It unmaps the block, or either page of it.
 * - CPU 1 gives the block's first page to a guest, and takes the pool's free page back, so that a split finds none.
 *   In `paper` it unmaps single pages too.
 * - Arguments are valid but for their alignment to the block.
 */
import type { Scenario, Scope } from "../../checker/index.ts";
import { type Args, isPlainCall } from "./calls.ts";
import { tableBounds, withoutAll } from "./two-levels.ts";

/** The first page of the block. */
const first = 2;

function allowsOf(calls: readonly (readonly string[])[]): NonNullable<Scope["allows"]> {
  return (action: string, args: Args) => {
    if (typeof args.cpu !== "number") return true;
    if (!isPlainCall(calls, action, args)) return false;
    const [call] = action.split(":");
    if (action !== call) return true;
    switch (call) {
      case "map_pages":
        if (args.pgsize === 0) return args.page === first && args.iova === 0;
        return (
          (args.page === first && typeof args.iova === "number") ||
          (args.page === first + 1 && args.iova === 0)
        );
      case "unmap_pages":
        return args.pgsize === 0 || args.iova === 0;
      case "host_donate_guest":
        return args.page === first;
      default:
        return true;
    }
  };
}

const bounds = { ...tableBounds, page: 5, tablePage: 5 } as const;
const without = [...withoutAll, "the pool has no page for a table"];
const tinyCalls = [
  ["map_pages", "unmap_pages"],
  ["host_donate_guest", "pool_reclaim"],
] as const;
const paperCalls = [
  ["map_pages", "unmap_pages"],
  ["host_donate_guest", "pool_reclaim", "unmap_pages"],
] as const;

export const blocks: Scenario = {
  name: "blocks",
  sentence:
    "A block of two pages is mapped, unmapped as a whole or in part, and one of its pages given away, while the SMMU keeps translations of the block and of what it was split into: shows counts that do not match what a block leads to, and blocks that are not aligned; cannot show blocks larger than two pages, several of them at once, or what an SMMU does where a block is replaced without an invalid entry in between",
  sizes: {
    tiny: { bounds, allows: allowsOf(tinyCalls), without },
    paper: { bounds, allows: allowsOf(paperCalls), without },
  },
};
