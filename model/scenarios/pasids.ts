/**
 * pasids: a device with domains of stage 1 and of stage 2, and with two PASIDs of its own.
 *
 * What exists, and why not more:
 * - Nothing is mapped: what the device can reach, it reaches by a table of descriptors or a page table that is not the
 *   hypervisor's any more. (Mapped pages, and what the TLB tags with ASIDs, are in `stage1-mappings`.) The last page is a
 *   guest's.
 * - The table has two descriptors; PASIDs are those, and one beyond.
 * - The pool has a page for each page table, and two for descriptors: a table of them may be replaced. The host may get
 *   the pages back.
 * - One CPU: every call holds the lock of the SMMU while it looks at entries and descriptors. `tiny` has one id,
 *   `paper` two, so that a PASID can belong to another domain than its device.
 */
import type { Scenario, Scope } from "../../checker/index.ts";
import type { Args } from "./calls.ts";
import { attachDetachFree } from "./attach-detach-free.ts";
import {
  withoutAsids,
  withoutCommands,
  withoutLevels,
  withoutMapping,
  withoutOtherSmmus,
  withoutTables,
} from "./themes.ts";

const { tiny: base } = attachDetachFree.sizes;

function allows(action: string, args: Args): boolean {
  if (!("cpu" in args) && action.startsWith("CD: ")) return true;
  return base.allows?.(action, args, base.bounds) ?? true;
}

const bounds = {
  ...base.bounds,
  cpu: 1,
  page: 4,
  poolPage: 3,
  device: 1,
  stream: 1,
  stage1: 1,
  descriptor: 2,
  pasid: 2,
} as const;

const without: readonly string[] = [
  ...withoutMapping,
  ...withoutCommands,
  ...withoutLevels,
  ...withoutTables,
  ...withoutOtherSmmus,
  ...withoutAsids,
];
const tiny: Scope = { bounds, allows, without };

export const pasids: Scenario = {
  name: "pasids",
  sentence:
    "One CPU attaches and detaches a device and a PASID of it, with domains of stage 1 and of stage 2: shows descriptors and tables of them that are read in parts, replaced, freed too early or beyond their end; cannot show mapped pages and the tags of what the TLB holds, or calls that race",
  sizes: { tiny, paper: { ...tiny, bounds: { ...bounds, page: 5, poolPage: 4, domain: 2, lifetime: 2 } } },
};
