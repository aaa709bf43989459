/**
 * full-queue-pasids, full-queue-ids, full-queue-gathers, full-queue-power and full-queue-batches: scenarios in which the
 * SMMU may not answer in time, with a queue of one slot. So whatever a call adds to its first command finds the queue
 * full, until the SMMU has consumed that one, or the call gives up.
 *
 * What exists, and why not more: as in `pasids`, `id-reuse`, `disjoint-gathers`, `power` and `queue-full-batches`, from
 * which they differ by the queue. (The first command of a call never waits: who was before waited until the queue was
 * empty, or stopped.) Besides, in `full-queue-gathers` a block is mapped over a table that is empty, and unmapped from its
 * middle, which is refused.
 */
import type { Scenario, Scope } from "../../checker/index.ts";
import { disjointGathers } from "./disjoint-gathers.ts";
import { idReuse } from "./id-reuse.ts";
import { pasids } from "./pasids.ts";
import { power } from "./power.ts";
import { queueFullBatches } from "./queue-batches.ts";

/** The scope with a queue of one slot, and an SMMU that may be late. */
function late({ sizes: { tiny } }: Scenario): Scope {
  return {
    ...tiny,
    bounds: { ...tiny.bounds, slot: 1, position: 2 },
    assumptionsOff: ["sync-completes-in-time", "warn-is-fatal"],
  };
}

export const fullQueuePasids: Scenario = {
  name: "full-queue-pasids",
  sentence:
    "A device and a PASID of it are attached and detached, and domains freed, with a queue of one slot and an SMMU that may not answer in time: shows commands that overwrite one another, and calls that give up too early; cannot show what `pasids` cannot",
  sizes: { tiny: late(pasids) },
};

export const fullQueueIds: Scenario = {
  name: "full-queue-ids",
  sentence:
    "Domains are freed and their ids given anew, with a queue of one slot and an SMMU that may not answer in time: shows invalidations of an id that are overwritten, and calls that give up too early; cannot show what `id-reuse` cannot",
  sizes: { tiny: late(idReuse) },
};

const gathers = late(disjointGathers);
const allowsGathers = gathers.allows ?? (() => true);
const moreBlocks: Scope["allows"] = (action, args, bounds) => {
  const isBlock = args.pgsize === 1 && args.count === 1;
  const isUnaligned = action === "unmap_pages" && isBlock && args.iova === 1;
  const isOverTable = action === "map_pages" && isBlock && args.iova === 2;
  // The SMMU walks for the iovas of two of the three entries, and the other calls are as those that are there.
  if (!("cpu" in args) && args.iova === 4) return false;
  if (isUnaligned || isOverTable)
    return allowsGathers(action, { ...args, iova: 0, count: isOverTable ? 1 : 3 }, bounds);
  return allowsGathers(action, args, bounds);
};

export const fullQueueGathers: Scenario = {
  name: "full-queue-gathers",
  sentence:
    "A call unmaps a block, what a table covers, and another block, with a queue of one slot and an SMMU that may not answer in time: shows commands that overwrite one another, and calls that give up too early; cannot show what `disjoint-gathers` cannot",
  sizes: { tiny: { ...gathers, allows: moreBlocks } },
};

export const fullQueuePower: Scenario = {
  name: "full-queue-power",
  sentence:
    "The host takes an SMMU's power away or lies about it while a page is mapped, unmapped and given to a guest, with a queue of one slot and an SMMU that may not answer in time: shows invalidations of everything that are overwritten, and calls that give up too early; cannot show what `power` cannot",
  sizes: { tiny: late(power) },
};

export const fullQueueBatches: Scenario = {
  name: "full-queue-batches",
  sentence:
    "Two pages are unmapped together by batches of one command, with a queue of one slot and an SMMU that may not answer in time: shows batches that overwrite one another, and calls that give up too early; cannot show what `queue-full-batches` cannot",
  sizes: { tiny: late(queueFullBatches) },
};
