/**
 * power: the host says that an SMMU goes off and comes on again, and takes its power away or leaves it, as it likes.
 *
 * What exists, and why not more:
 * - One SMMU, one device that stays attached, one page that is mapped at one iova and given to a guest.
 * - CPU 0 maps and unmaps; CPU 1 says what becomes of the power, and gives the page away. The power itself goes
 *   and comes at any moment (the host's power `power-supply`), and need not agree with what was said.
 * - Registers keep their values through a loss of power, unless `power-keeps-registers` is switched off; what a reset
 *   leaves is then `reset-blocks-dma`.
 * - `power`: the SMMU answers in time. `power-time-outs`: any wait for it may give up, and WARNs are not fatal.
 */
import type { Scenario, Scope } from "../../checker/index.ts";
import { onePage } from "./absent.ts";
import { type Args, isPlainCall } from "./calls.ts";
import {
  withoutCommands,
  withoutLifetimes,
  withoutPower,
  withoutTables,
  withoutTransfers,
} from "./themes.ts";

const calls: readonly (readonly string[])[] = [
  ["map_pages", "unmap_pages"],
  ["hvc_pd", "host_donate_guest"],
];

function allows(action: string, args: Args): boolean {
  if (typeof args.cpu !== "number") {
    if (action.startsWith("STE: ")) return false;
    return action === "walk: read the entry" || !action.startsWith("walk: read ");
  }
  return isPlainCall(calls, action, args);
}

const bounds = {
  ...onePage,
  power: 1,
} as const;

const without = [
  ...withoutLifetimes.filter((name) => !withoutPower.includes(name)),
  ...withoutCommands,
  ...withoutTransfers,
  ...withoutTables,
];
const tiny: Scope = { bounds, allows, without };
const paper: Scope = { ...tiny, bounds: { ...bounds, page: 2, iova: 2, slot: 4, position: 8 } };

export const power: Scenario = {
  name: "power",
  sentence:
    "The host takes an SMMU's power away or lies about it while a page is mapped, unmapped and given to a guest: shows invalidations that are left out for an SMMU that still translates, and caches that outlive them; cannot show devices that are attached meanwhile, a second SMMU, or what a reset leaves in registers other than CR0 and GBPA",
  sizes: { tiny, paper },
};

const assumptionsOff: readonly string[] = ["sync-completes-in-time", "warn-is-fatal"];

export const powerTimeOuts: Scenario = {
  name: "power-time-outs",
  sentence:
    "The same where any wait for the SMMU may give up, and a WARN does not stop the call: shows an SMMU that is taken to be off before it is disabled; cannot show what `power` cannot",
  sizes: { tiny: { ...tiny, assumptionsOff }, paper: { ...paper, assumptionsOff } },
};
