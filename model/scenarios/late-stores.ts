/**
 * late-stores and late-stores-non-coherent: one page is mapped, unmapped, mapped again or given away, by a CPU
 * whose stores the SMMU sees late.
 *
 * What exists, and why not more:
 * - One CPU: a lock that passes from one CPU to another makes stores visible, which the machine does not have. So
 *   the order of calls is the host's, and the race is between the CPU's stores and the SMMU.
 * - One iova and two pages: the page that was mapped, and one that is mapped in its place.
 * - The queue's memory keeps what was consumed: a slot whose store is late is an old command, or zeros.
 * - `tiny` and `paper` differ in how much the SMMU can have in progress.
 */
import type { Scenario, Scope } from "../../checker/index.ts";
import { absent } from "./absent.ts";
import type { Args } from "./calls.ts";
import { withoutTables, withoutLifetimes, withoutTransfers } from "./themes.ts";

const moving = 1;
const calls: readonly string[] = ["map_pages", "unmap_pages", "host_donate_guest"];

function allows(action: string, args: Args): boolean {
  if (!("cpu" in args)) {
    return !action.startsWith("STE: ") && !/for a stream|did not write|of an id|CFGI/.test(action);
  }
  const [call] = action.split(":");
  if (!calls.includes(call) || args.count === 0) return false;
  if (action !== call) return true;
  if (Object.values(args).some((value) => typeof value === "string" && value !== "read and write"))
    return false;
  return call !== "host_donate_guest" || args.page === moving;
}

const bounds = {
  ...absent,
  cpu: 1,
  smmu: 1,
  page: 2,
  domain: 1,
  device: 1,
  iova: 1,
  guest: 1,
  slot: 2,
  position: 4,
  transaction: 1,
  count: 1,
  references: 2,
  domainReferences: 5,
  commandError: 1,
  store: 1,
} as const;

const without = [
  ...withoutTables,
  ...withoutLifetimes,
  ...withoutTransfers,
  "the queue is full",
  "a store to the stream table is late",
  "the zeroing of a page is late",
  "a SYNC is late",
  "a full batch is issued",
];
const sizesOf = (nonCoherent: number): Scenario["sizes"] => {
  const tiny: Scope = { bounds: { ...bounds, nonCoherent }, allows, without };
  return { tiny, paper: { ...tiny, bounds: { ...tiny.bounds, transaction: 2 } } };
};

export const lateStores: Scenario = {
  name: "late-stores",
  sentence:
    "One CPU maps, unmaps and donates a page while the SMMU sees its stores to the page table and to the command queue late and in any order: shows missing barriers before the doorbell and at the end of a map; cannot show what takes two CPUs, table pages, or stores to the stream table",
  sizes: sizesOf(0),
};

export const lateStoresNonCoherent: Scenario = {
  name: "late-stores-non-coherent",
  sentence:
    "The same with an SMMU that does not snoop caches, so that only a clean brings a store to the page table out: shows missing cleans; cannot show what takes two CPUs, table pages, or memory that is mapped with two kinds of attributes",
  sizes: sizesOf(1),
};
