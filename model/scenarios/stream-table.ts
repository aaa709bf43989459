/**
 * stream-table: two devices whose entries are in two tables of the second level, which come with the first attachment;
 * stream ids beyond the table; a pool whose first page is of a block that is not aligned to its size.
 *
 * What exists, and why not more:
 * - Each table of the second level has one entry: what calls do with several is in `attach-detach-free`.
 * - The pool has three pages, two for the second level and one for a page table: the first one is of a block whose
 *   address the host chose, the host may get it back, and then the pool may run out. The last page is a guest's.
 * - Nothing is mapped: what a device can reach, it reaches by what the SMMU takes for its stream table entry.
 * - `tiny` has one CPU, for every call holds the lock of the SMMU while it looks at the table; `paper` a second one, which
 *   detaches and looks up.
 * - `late-stores-stream-table`: the SMMU sees stores late, and that a page was zeroed: one that was a page table, and is of
 *   the second level now. It has a page of the pool more, and none that is not aligned.
 */
import type { Scenario, Scope } from "../../checker/index.ts";
import type { Args } from "./calls.ts";
import { attachDetachFree } from "./attach-detach-free.ts";
import {
  withoutCommands,
  withoutMapping,
  withoutOtherSmmus,
  withoutStage1,
  withoutTables,
} from "./themes.ts";

const { tiny: base } = attachDetachFree.sizes;

function allows(action: string, args: Args): boolean {
  if (action === "STE: fetch an entry that the hypervisor did not write") return true;
  if (!("cpu" in args)) return base.allows?.(action, { ...args, device: 0 }, base.bounds) ?? true;
  const [call] = action.split(":");
  const isKnown = call === "attach_dev" || call === "detach_dev";
  // Any stream, known or beyond the table; of what else is not in range, other scenarios have it.
  const known = isKnown && action === call && typeof args.stream === "string" ? { ...args, stream: 0 } : args;
  return base.allows?.(action, known, base.bounds) ?? true;
}

const bounds = {
  ...base.bounds,
  cpu: 1,
  page: 4,
  poolPage: 3,
  level1: 2,
  unaligned: 1,
} as const;

const without: readonly string[] = [
  ...withoutMapping,
  ...withoutCommands,
  ...withoutTables,
  ...withoutStage1,
  ...withoutOtherSmmus,
];
const tiny: Scope = { bounds, allows, without };

export const streamTable: Scenario = {
  name: "stream-table",
  sentence:
    "One CPU attaches and detaches two devices whose stream table entries are in tables of a second level, with stream ids inside and beyond the table and pages that are not aligned: shows reads and writes beyond the table, and tables that the SMMU looks for elsewhere; cannot show mapped pages, late stores, or the refill of the pool",
  sizes: { tiny, paper: { ...tiny, bounds: { ...bounds, cpu: 2 } } },
};

const lateWitnesses: readonly string[] = [
  "a store to the stream table is late",
  "the zeroing of a page is late",
];
const late: Scope = {
  ...tiny,
  without: without.filter((name) => !lateWitnesses.includes(name)),
  bounds: { ...bounds, unaligned: 0, store: 1 },
  allows: (action, args) => (!("cpu" in args) && action.includes("becomes visible")) || allows(action, args),
};

export const lateStoresStreamTable: Scenario = {
  name: "late-stores-stream-table",
  sentence:
    "One CPU attaches and detaches two devices whose stream table entries are in tables of a second level, and frees domains, while the SMMU sees the CPU's stores, and that pages were zeroed, late and in any order: shows tables that the SMMU reads before they are empty; cannot show what takes two CPUs, or mapped pages",
  sizes: { tiny: late },
};
