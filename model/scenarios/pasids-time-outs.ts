/**
 * pasids-time-outs: `pasids` with an SMMU that may not answer in time, and WARNs that are not fatal.
 *
 * What exists, and why not more: as in that scenario, with a queue of four slots, so that a call that gave up has room to
 * go on. Any wait for the SMMU may give up.
 */
import type { Scenario, Scope } from "../../checker/index.ts";
import { pasids } from "./pasids.ts";

const { tiny: base } = pasids.sizes;
const tiny: Scope = {
  ...base,
  bounds: { ...base.bounds, slot: 4, position: 8 },
  assumptionsOff: ["sync-completes-in-time", "warn-is-fatal"],
};

export const pasidsTimeOuts: Scenario = {
  name: "pasids-time-outs",
  sentence:
    "A device and a PASID of it are attached and detached while the SMMU may leave commands where they are until the hypervisor gives up, and a WARN does not stop the call: shows descriptors and tables of them after an invalidation that may not have happened; cannot show what `pasids` cannot",
  sizes: { tiny },
};
