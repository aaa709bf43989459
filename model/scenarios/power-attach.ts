/**
 * power-attach and power-pasids: a device is attached and detached, and domains freed, while the host says that the SMMU
 * goes off and comes on again, and takes its power away or leaves it, as it likes.
 *
 * What exists, and why not more:
 * - One SMMU and one device. Nothing is mapped, as in `attach-detach-free`: what the device can reach, it reaches by a
 *   table page that is not the hypervisor's any more. `power` has mapped pages, and no attachment.
 * - CPU 0 makes the calls about domains, CPU 1 says what becomes of the power.
 * - The SMMU keeps what it fetched of the stream table over a loss of power, and registers keep their values.
 * - `power-pasids`: the domains are of stage 1, and a PASID is attached too. One CPU makes all calls, for what races with a
 *   call is in `power-attach`; and the host takes away no power that it says is there.
 */
import type { Scenario, Scope } from "../../checker/index.ts";
import { attachDetachFree } from "./attach-detach-free.ts";
import type { Args } from "./calls.ts";
import { pasids } from "./pasids.ts";
import { withoutPower } from "./themes.ts";

const { tiny: base } = attachDetachFree.sizes;

function allows(action: string, args: Args): boolean {
  if (args.cpu === 1) return action.split(":")[0] === "hvc_pd" && args.iommu !== "out of range";
  if (typeof args.cpu !== "number" && /^(CR0|power|consume)/.test(action)) return true;
  return action !== "iova_to_phys" && (base.allows?.(action, args, base.bounds) ?? true);
}

const bounds = { ...base.bounds, device: 1, stream: 1, power: 1 } as const;
/** What the TLB holds, and what calls do about it; there is none here. */
const withoutTlb: readonly string[] = [
  "the TLB of an SMMU that is off is stale",
  "an unmap leaves its invalidation out",
];
const without: readonly string[] = [
  ...(base.without ?? []).filter((name) => !withoutPower.includes(name)),
  ...withoutTlb,
];
const tiny: Scope = { ...base, bounds, allows, without };

export const powerAttach: Scenario = {
  name: "power-attach",
  sentence:
    "A device is attached and detached and domains freed while the host takes the SMMU's power away or lies about it: shows stream table entries that an SMMU keeps over the time that it is off, and uses when it comes back; cannot show mapped pages, a second SMMU, or what a reset leaves in registers",
  sizes: { tiny, paper: { ...tiny, bounds: { ...bounds, device: 2, stream: 2 } } },
};

const { tiny: ofStage1 } = pasids.sizes;
/** What is about entries of stage 2, and about pages that the host gets back. */
const withoutStage2: readonly string[] = [
  "tables-in-reach-are-hypervisors",
  "configurations-are-whole",
  "invalidations-reach-every-smmu",
  "a device is attached",
  "the SMMU keeps an invalid entry",
  "a copy outlives its entry",
  "a page of the pool is the host's again",
];

/** One CPU, which says what becomes of the power, too; domains are of stage 1. */
function allowsPasids(action: string, args: Args): boolean {
  const [call] = action.split(":");
  if (call === "hvc_pd") return allows(action, { ...args, cpu: 1 });
  if (call === "pool_reclaim" || args.stage1 === 0) return false;
  if (typeof args.cpu !== "number") return allows(action, args) || action.startsWith("CD: ");
  return ofStage1.allows?.(action, args, ofStage1.bounds) ?? true;
}

export const powerPasids: Scenario = {
  name: "power-pasids",
  sentence:
    "A device and a PASID of it are attached and detached while the host says that the SMMU goes off and comes on again: shows descriptors that an SMMU keeps over the time that it is off; cannot show mapped pages, or calls that race",
  sizes: {
    tiny: {
      ...ofStage1,
      bounds: { ...ofStage1.bounds, pasid: 1, power: 1 },
      allows: allowsPasids,
      powersOff: ["power-lies"],
      without: [
        ...(ofStage1.without ?? []).filter((name) => !withoutPower.includes(name)),
        ...withoutTlb,
        ...withoutStage2,
      ],
    },
  },
};
