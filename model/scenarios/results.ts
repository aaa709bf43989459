/**
 * results: two CPUs map and unmap, donate, share and take back, and what each call returns is compared with what it
 * performed.
 *
 * What exists, and why not more:
 * - Frames count the atoms that their calls performed, so every call is a little larger: one page changes hands
 *   and is mapped at the first iova; calls over two pages come from CPU 1 and meet what CPU 0 mapped at the second.
 * - The SMMU consumes commands and does nothing else: what it caches changes no result.
 * - Arguments are valid: what is refused at once has performed nothing, and `arguments` has it.
 */
import type { Scenario, Scope } from "../../checker/index.ts";
import type { Args } from "./calls.ts";
import { mapUnmapDonate } from "./map-unmap-donate.ts";
import { withoutCaches } from "./themes.ts";

const { tiny: base } = mapUnmapDonate.sizes;
const invalid: readonly unknown[] = ["out of range", "unallocated", "unaligned", "not memory", "nothing", 0];

function allows(action: string, args: Args): boolean {
  if (!("cpu" in args)) return action.startsWith("consume ");
  if (
    args.count === 0 ||
    Object.values(args).some((value) => typeof value === "string" && invalid.includes(value))
  )
    return false;
  return base.allows?.(action, args, base.bounds) ?? true;
}

const tiny: Scope = {
  ...base,
  bounds: { ...base.bounds, device: 1, history: 1, performed: 3 },
  allows,
  without: [...(base.without ?? []), ...withoutCaches],
};

export const results: Scenario = {
  name: "results",
  sentence:
    "Two CPUs map, unmap, donate, share and take back while each call counts what it performed: shows results that do not say what was done; cannot show domains that come and go, or what the SMMU keeps",
  sizes: { tiny },
};
