/**
 * full-queue-pasids, full-queue-ids, full-queue-gathers, full-queue-power and full-queue-batches: scenarios in which the
 * SMMU may not answer in time, with a queue of one slot. So whatever a call adds to its first command finds the queue
 * full, until the SMMU has consumed that one, or the call gives up. one-slot-gathers and one-slot-batches: the same with
 * an SMMU that answers in time, so that a call that waits for room gets it.
 *
 * What exists, and why not more: as in `pasids`, `id-reuse`, `disjoint-gathers`, `power` and `queue-full-batches`, from
 * which they differ by the queue. (The first command of a call never waits: who was before waited until the queue was
 * empty, or stopped.) Besides, in `full-queue-gathers` a block is mapped over a table that is empty, and unmapped from its
 * middle, which is refused.
 */
import type { Scenario, Scope } from "../../checker/index.ts";
import { disjointGathers, moreBlocks } from "./disjoint-gathers.ts";
import { idReuse } from "./id-reuse.ts";
import { pasids } from "./pasids.ts";
import { power } from "./power.ts";
import { queueFullBatches } from "./queue-batches.ts";

/** The scope with a queue of one slot. */
function narrow(of: Scope): Scope {
  return { ...of, bounds: { ...of.bounds, slot: 1, position: 2 } };
}

/** The same, and an SMMU that may be late. */
function late({ sizes: { tiny } }: Scenario): Scope {
  return { ...narrow(tiny), assumptionsOff: ["sync-completes-in-time", "warn-is-fatal"] };
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

export const fullQueueGathers: Scenario = {
  name: "full-queue-gathers",
  sentence:
    "A call unmaps a block, what a table covers, and another block, with a queue of one slot and an SMMU that may not answer in time: shows commands that overwrite one another, and calls that give up too early; cannot show what `disjoint-gathers` cannot",
  sizes: { tiny: { ...gathers, allows: moreBlocks } },
};

export const oneSlotGathers: Scenario = {
  name: "one-slot-gathers",
  sentence:
    "A call unmaps a block, what a table covers, and another block, with a queue of one slot: shows commands that overwrite one another where a call does not wait for room; cannot show what `disjoint-gathers` cannot",
  sizes: { tiny: { ...narrow(disjointGathers.sizes.tiny), allows: moreBlocks } },
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

const { tiny: twoBatches } = queueFullBatches.sizes;
/** Calls over three pages, of which a call issues two full batches and a last one. */
const threePages: Scope["allows"] = (action, args, bounds) => {
  const isLong = args.iova === 0 && args.count === 3 && (args.page ?? 0) === 0;
  if (isLong) return twoBatches.allows?.(action, { ...args, iova: 1, count: 2 }, bounds) ?? true;
  const isCall = action === "map_pages" || action === "unmap_pages";
  return !isCall && (twoBatches.allows?.(action, args, bounds) ?? true);
};

export const oneSlotBatches: Scenario = {
  name: "one-slot-batches",
  sentence:
    "Three pages are unmapped together by batches of one command, with a queue of one slot: shows batches that overwrite one another where a call does not wait for room; cannot show what `queue-full-batches` cannot",
  sizes: {
    tiny: {
      ...narrow({ ...twoBatches, bounds: { ...twoBatches.bounds, page: 3, count: 3, recordedPage: 3 } }),
      allows: threePages,
    },
  },
};
