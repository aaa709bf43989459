/**
 * pkvm_host_hvc_pd(smmu, on): the host tells the hypervisor that it takes the power from an SMMU, or gave it back.
 *
 * It may be a lie, and nothing can check it. So the SMMU is disabled before invalidations for it are left out
 * (M65), and it is taken to be on again, and translates again, only when all that it may remember is invalidated
 * (M66). All of it under iommu.lock, under which invalidations look whether it is off.
 */
import {
  argument,
  bool,
  check,
  type FrameOf,
  isValid,
  leave,
  type Node,
  procedure,
  returns,
  when,
} from "../../checker/index.ts";
import { iommuLock, under } from "../locks.ts";
import { type Machine, smmu, type SmmuIndex } from "../machine.ts";
import { addCommand, addSync } from "../smmu/command-queue.ts";
import { takeAs, writeCr0 } from "../smmu/power.ts";

const args = { iommu: argument(smmu, "out of range"), on: bool() } as const;
export type HvcPdFrame = FrameOf<typeof args, Record<never, never>>;

const core = "pkvm_host_hvc_pd (v2)";
const suspend = "iommu_power_off, smmu_suspend (android16)";
const resume = "iommu_power_on, smmu_resume, smmu_reset_device (android16)";

/** The SMMU that the call names. */
export function smmuNamed(_: Machine, c: HvcPdFrame): SmmuIndex {
  return isValid(c.iommu) ? c.iommu : smmu.at(0);
}

/** What was not checked leads past the array of SMMUs, to what is taken for one. */
function lookAtSmmu(s: Machine, c: HvcPdFrame): void {
  if (!isValid(c.iommu)) s.wildAccess = "SMMUs";
}

/** smmu_write_cr0 of the SMMU that the call names. */
function writeNamed(
  name: string,
  value: "SMMUEN" | "CMDQEN" | "0",
  mirrors: string,
): Node<Machine, HvcPdFrame>[] {
  return writeCr0<HvcPdFrame>(smmuNamed, name, value, mirrors, undefined, lookAtSmmu);
}

export const hvcPd = procedure<Machine, typeof args>(
  "hvc_pd",
  { meaning: "The host says that an SMMU goes off, or is on again.", origin: { mirrors: core }, args },
  [
    // ARGUMENTS: copied from the registers, once

    // CHECKS
    check("the SMMU's id is in range", (_, c) => isValid(c.iommu), returns("E2BIG"), { mirrors: core }),
    under(iommuLock(smmuNamed), [
      when(
        "does it go on?",
        (_, c) => c.on,
        [
          // EFFECTS: everything forgotten first, then on, then translation
          ...writeNamed("consume commands", "CMDQEN", resume),
          ...addCommand<HvcPdFrame>(
            smmuNamed,
            "CFGI of all",
            () => ({ tag: "CFGI of all" }),
            undefined,
            "CMD_CFGI_ALL",
          ),
          ...addCommand<HvcPdFrame>(
            smmuNamed,
            "TLBI of all",
            () => ({ tag: "TLBI of all" }),
            undefined,
            "CMD_TLBI_NSNH_ALL",
          ),
          ...addSync<HvcPdFrame>(smmuNamed, "", undefined, ["M55", "M66"]),
          takeAs<HvcPdFrame>(smmuNamed, false, resume),
          ...writeNamed("translate", "SMMUEN", resume),
        ],
        [
          // EFFECTS: disabled first, then off
          ...writeNamed("disable", "0", suspend),
          takeAs<HvcPdFrame>(smmuNamed, true, suspend),
        ],
        { mirrors: core },
      ),
    ]),

    // RETURN: ok
    leave(returns("0")),
  ],
);
