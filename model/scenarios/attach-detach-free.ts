/**
 * attach-detach-free: domains are allocated and freed, devices attached and detached.
 *
 * What exists, and why not more:
 * - Nothing is mapped: what a device can reach, it reaches by a table page that is not the hypervisor's any more,
 *   whose entries are another's. So there are no walks and no TLB entries either: `id-reuse` has those. The last
 *   page is a guest's, for a device to reach.
 * - The first page is the pool's. The host may get it back once; the pool is not refilled.
 * - CPU 0 makes every call; CPU 1 detaches the first stream from the first domain and looks iovas of that domain
 *   up, which stands for every call that is in flight with a reference.
 * - `tiny` has one id, `paper` two, and a page of the pool for each: a second domain shows what becomes of an
 *   entry that is in use, and of calls that name another domain than the entry does.
 * - The SMMU fetches the entry of the first stream only: streams are interchangeable, and the first one is
 *   attached and detached by every call that the others are.
 * - Arguments are valid, but ids need not be allocated: what is out of range is refused by the first check.
 */
import type { Scenario, Scope } from "../../checker/index.ts";
import { absent } from "./absent.ts";
import type { Args } from "./calls.ts";
import {
  withoutCommands,
  withoutLevels,
  withoutMapping,
  withoutOtherSmmus,
  withoutStage1,
  withoutTables,
} from "./themes.ts";

/** Calls that start from every CPU; the others start from CPU 0. */
const concurrent: readonly string[] = ["detach_dev", "iova_to_phys"];
const calls: readonly string[] = [
  "alloc_domain",
  "attach_dev",
  "detach_dev",
  "free_domain",
  "iova_to_phys",
  "pool_reclaim",
];
const environment: readonly string[] = [
  "consume SYNC",
  "consume CFGI",
  "consume TLBI of an id",
  "STE: fetch word 0",
  "STE: fetch the other words",
  "STE: drop",
];

function allows(action: string, args: Args): boolean {
  if (!("cpu" in args)) return environment.includes(action) && (args.device ?? 0) === 0;
  const [call] = action.split(":");
  if (!calls.includes(call)) return false;
  if (args.cpu !== 0 && !(concurrent.includes(call) && (args.domain ?? 0) === 0 && (args.stream ?? 0) === 0))
    return false;
  // Where the host names the page for a page table, it is the first one.
  if ("page" in args && args.page !== 0) return false;
  return [args.domain, args.stream, args.iova].every((value) => typeof value !== "string");
}

const bounds = {
  ...absent,
  cpu: 2,
  smmu: 1,
  page: 2,
  poolPage: 1,
  guestPage: 1,
  domain: 1,
  lifetime: 1,
  device: 2,
  stream: 2,
  iova: 1,
  guest: 1,
  slot: 2,
  position: 4,
  transaction: 1,
  count: 1,
  references: 0,
  domainReferences: 5,
} as const;

const tiny: Scope = {
  bounds,
  allows,
  without: [
    ...withoutMapping,
    ...withoutCommands,
    ...withoutLevels,
    ...withoutTables,
    ...withoutStage1,
    ...withoutOtherSmmus,
  ],
};
const paper: Scope = {
  bounds: { ...bounds, domain: 2, lifetime: 2, page: 3, poolPage: 2 },
  allows,
  without: [
    ...withoutMapping,
    ...withoutCommands,
    ...withoutLevels,
    ...withoutTables,
    ...withoutStage1,
    ...withoutOtherSmmus,
  ],
};

export const attachDetachFree: Scenario = {
  name: "attach-detach-free",
  sentence:
    "Domains are allocated and freed, two devices attached and detached, and pages of the pool given back to the host, while another CPU detaches and looks up: shows wrong reference counts, stream table entries and copies of them that outlive their domain; cannot show what needs mapped pages, TLB entries, stage 1, or failing commands",
  sizes: { tiny, paper },
};
