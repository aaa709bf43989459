/**
 * queue-batches, queue-full-batches and queue-time-outs: invalidations of several pages in a queue that wraps, by commands that are
 * collected in batches; and an SMMU that may not answer in time.
 *
 * What exists, and why not more:
 * - Two pages are mapped side by side, unmapped singly or together, and one of them goes to a guest. One device
 *   reaches what is mapped.
 * - `tiny` has one CPU, for what goes wrong with commands does so in a single call: the race is with the SMMU.
 *   `paper` has a second one that donates, and unmaps single pages.
 * - The queue's memory keeps what was consumed, and zeros at first, so that a slot that was not written has a
 *   meaning: it is an old command, or an illegal one.
 * - `queue-batches`: a batch takes both pages, and every wait for the SMMU ends well.
 * - `queue-full-batches`: a batch takes one command, so that a call over two pages issues a full batch and uses
 *   its buffer again; pages are mapped from the second iova on, for the addresses to differ in their bits.
 * - Both pages are also mapped and unmapped at the last iova, beyond which the range ends.
 * - `queue-time-outs`: the same, and any wait for the SMMU may give up, and a WARN is not fatal: what the sources do after it is what is shown. Where it is
 *   fatal, the CPU stops there.
 */
import type { Scenario, Scope } from "../../checker/index.ts";
import { absent } from "./absent.ts";
import type { Args } from "./calls.ts";
import { withoutTables, withoutLifetimes, withoutTransfers } from "./themes.ts";

/** The page that is given away; the other one is mapped beside it. */
const moving = 1;
const calls: readonly string[] = ["map_pages", "unmap_pages", "host_donate_guest"];
const environment: readonly string[] = [
  "consume TLBI",
  "consume SYNC",
  "consume a command that concerns nothing",
  "stop at an illegal command",
  "walk: read the entry",
  "walk: fill the TLB",
  "walk: abandon",
  "access: begin after a walk",
  "access: begin with a TLB hit",
  "access: end",
  "TLB: evict",
];

/** Calls over one page or both; pages are mapped at the iovas from `first` on, both of them at the last one, too. */
function allowsFrom(first: number): NonNullable<Scope["allows"]> {
  const last = first + 1;
  return (action: string, args: Args) => {
    if (!("cpu" in args)) return environment.includes(action);
    const [call] = action.split(":");
    if (!calls.includes(call)) return false;
    if (action !== call) return true;
    if (Object.values(args).some((value) => typeof value === "string" && value !== "read and write"))
      return false;
    if (call === "host_donate_guest") return args.page === moving;
    if (args.cpu === 1 && call === "map_pages") return false;
    if (args.count === 0 || (args.cpu === 1 && args.count === 2)) return false;
    const isWithin = args.iova === first || args.iova === last;
    if (call === "map_pages" && args.count === 2) return args.page === 0 && isWithin;
    if (call === "map_pages") return args.iova === first + Number(args.page);
    return isWithin;
  };
}

const bounds = {
  ...absent,
  cpu: 1,
  smmu: 1,
  page: 2,
  domain: 1,
  device: 1,
  iova: 2,
  guest: 1,
  slot: 4,
  position: 8,
  transaction: 1,
  count: 2,
  references: 2,
  domainReferences: 5,
  commandError: 1,
  batch: 2,
} as const;

const without = [
  ...withoutTables,
  ...withoutLifetimes,
  ...withoutTransfers,
  "mapped-means-visible",
  "a store to a page table is late",
  "a store to the stream table is late",
  "the zeroing of a page is late",
];

const batches: Scope = {
  bounds,
  allows: allowsFrom(0),
  without: [...without, "the queue is full", "a SYNC is late", "a full batch is issued"],
};

export const queueBatches: Scenario = {
  name: "queue-batches",
  sentence:
    "Two pages are mapped, unmapped together and given away, while the SMMU consumes a batch of invalidations from a queue that wraps: shows commands that are lost, overwritten or read from the wrong place; cannot show SYNCs that fail, several SMMUs, or batches that overflow",
  sizes: { tiny: batches, paper: { ...batches, bounds: { ...bounds, cpu: 2 } } },
};

/** A batch of one: two pages take two. */
const lateBounds = { ...bounds, iova: 3, slot: 2, position: 4, batch: 1 } as const;
const reused: Scope = {
  bounds: lateBounds,
  allows: allowsFrom(1),
  without: [...without, "a SYNC is late"],
};

export const queueFullBatches: Scenario = {
  name: "queue-full-batches",
  sentence:
    "The same with batches of one command, so that a call over two pages uses its batch again: shows what is left in it; cannot show SYNCs that fail, or batches of several commands",
  sizes: { tiny: reused, paper: { ...reused, bounds: { ...lateBounds, cpu: 2 } } },
};

const late: Scope = {
  ...reused,
  assumptionsOff: ["sync-completes-in-time", "warn-is-fatal"],
  without,
};

export const queueTimeOuts: Scenario = {
  name: "queue-time-outs",
  sentence:
    "Pages are unmapped and given away while the SMMU may leave commands where they are until the hypervisor gives up, and a WARN does not stop the call: shows uses that are given back though their invalidation may not have happened, and batches whose buffer is used again; cannot show time-outs of attach, detach and free",
  sizes: { tiny: late, paper: { ...late, bounds: { ...lateBounds, cpu: 2 } } },
};
