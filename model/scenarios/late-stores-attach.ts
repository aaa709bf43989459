/**
 * late-stores-attach: one device is attached, detached and attached again, by a CPU whose stores to the stream table
 * and to the command queue the SMMU sees late.
 *
 * What exists, and why not more:
 * - One CPU: a lock that passes from one CPU to another makes stores visible, which the machine does not have.
 * - Nothing is mapped: what is asked is which words the SMMU puts together, and which page table they lead to.
 * - `tiny` has one id, `paper` two, with a page of the pool for each: words of two domains can then meet.
 */
import type { Scenario } from "../../checker/index.ts";
import { attachDetachFree } from "./attach-detach-free.ts";
import {
  withoutLevels,
  withoutMapping,
  withoutOtherSmmus,
  withoutStage1,
  withoutTables,
  withoutWaits,
} from "./themes.ts";

const late = { cpu: 1, device: 1, stream: 1, commandError: 1, store: 1 } as const;
const { tiny, paper } = attachDetachFree.sizes;

function allows(action: string, args: Readonly<Record<string, unknown>>): boolean {
  if (!("cpu" in args) && (action.includes("becomes visible") || action.includes("illegal"))) return true;
  return tiny.allows?.(action, args, tiny.bounds) ?? true;
}

const without: readonly string[] = [
  ...withoutMapping,
  ...withoutWaits,
  ...withoutLevels,
  ...withoutTables,
  ...withoutStage1,
  ...withoutOtherSmmus,
];

export const lateStoresAttach: Scenario = {
  name: "late-stores-attach",
  sentence:
    "One CPU attaches and detaches a device while the SMMU sees the CPU's stores to the stream table and to the command queue late and in any order: shows missing barriers before the doorbell; cannot show what takes two CPUs, mapped pages, or stage 1",
  sizes: {
    tiny: { bounds: { ...tiny.bounds, ...late }, allows, without },
    paper: { bounds: { ...paper.bounds, ...late }, allows, without },
  },
};
