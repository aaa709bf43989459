/**
 * attach-time-outs: `attach-detach-free` with an SMMU that may not answer in time, and WARNs that are not fatal.
 *
 * What exists, and why not more: as in that scenario, with a queue of four slots, so that a call that gave up has
 * room to go on. Any wait for the SMMU may give up.
 */
import type { Scenario } from "../../checker/index.ts";
import { attachDetachFree } from "./attach-detach-free.ts";

const assumptionsOff: readonly string[] = ["sync-completes-in-time", "warn-is-fatal"];
const queue = { slot: 4, position: 8 } as const;
const { tiny, paper } = attachDetachFree.sizes;

export const attachTimeOuts: Scenario = {
  name: "attach-time-outs",
  sentence:
    "Devices are attached and detached and domains freed while the SMMU may leave commands where they are until the hypervisor gives up, and a WARN does not stop the call: shows entries, tables and references after an invalidation that may not have happened; cannot show mapped pages, or stage 1",
  sizes: {
    tiny: { ...tiny, bounds: { ...tiny.bounds, ...queue }, assumptionsOff },
    paper: { ...paper, bounds: { ...paper.bounds, ...queue }, assumptionsOff },
  },
};
