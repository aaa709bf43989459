/**
 * pv-2025, the lifetime of domains and the attachment of devices, literally, as edits of pv's calls:
 * - alloc_domain is told which SMMU the domain is for: it builds the page table at once, and binds the domain to that
 *   SMMU for good. Where the pool has no page for it, the object is freed again. (An SMMU's id that is out of range is
 *   refused before anything is done; here it is in range.)
 * - attach_dev refuses a device behind another SMMU. The source looks before it takes the SMMU's lock, here it is under
 *   it: what is looked at does not change.
 * - attach_dev and detach_dev run under kvm_iommu_domain_lock from their first access to the domain to their last.
 * - A domain that is not allocated has no driver: free_domain and detach_dev refuse it, attach_dev, map_pages,
 *   unmap_pages and iova_to_phys put the reference that they took first.
 * - free_domain that is refused is a WARN.
 * - detach_dev does not ask whether the second level of the stream table is there; attach_dev does not ask where it lies.
 * - No doorbell has a barrier.
 *
 * Not confirmed: whether the refill of the pool asks for blocks that are aligned to their size; here it does not.
 *
 * Left out, because the slice has no place for it: id 0, which is reserved for the identity domain; owners of domains
 * and of devices.
 */
import {
  addArgs,
  addLocals,
  check,
  dropCheck,
  dropStep,
  type Edit,
  edit,
  enclosed,
  insertAfter,
  insertBefore,
  jump,
  label,
  leave,
  mirrors,
  returns,
  step,
  unlocked,
} from "../../checker/index.ts";
import { allocDomain } from "../hypercalls/alloc-domain.ts";
import { type AttachFrame, attachDev, takeTable } from "../hypercalls/attach-dev.ts";
import { type DetachFrame, detachDev } from "../hypercalls/detach-dev.ts";
import { type FreeFrame, freeDomain } from "../hypercalls/free-domain.ts";
import { iovaToPhys } from "../hypercalls/iova-to-phys.ts";
import { domainLock, under } from "../locks.ts";
import { type Machine, registers, type SmmuIndex, stack } from "../machine.ts";
import { smmuOfDomain, smmuOfStream } from "../smmu/smmus.ts";
import { lifetimeOf } from "../tables.ts";
import {
  attachesInVain,
  attachFindsStream,
  countUpFirst,
  detachFindsStream,
  type DomainFrame,
  freesInVain,
  onLate,
  secondLevelAnywhere,
  warnsOfRefusal,
} from "./lifetime.ts";
import { withoutBarrier } from "./pv-2025-doorbell.ts";
import { inVersion } from "./version.ts";

const version = "2025";
type AllocFrame = DomainFrame & Pick<AttachFrame, "found"> & { readonly boundTo: SmmuIndex };

/** Does the domain have a driver: is it allocated? */
function hasDriver(s: Machine, of: DomainFrame["domain"]): boolean {
  return lifetimeOf(s, of)?.hasObject !== false;
}

/** A whole call under kvm_iommu_domain_lock. */
function underDomainLock(first: string, last: string): Edit<Machine> {
  return enclosed<Machine, unknown>(first, last, (inside) => under(domainLock, inside));
}

/** The call asks for the domain's driver once it has its reference, which it puts where there is none. */
export function putsWithoutDriver(before: string, function_: string): Edit<Machine> {
  return insertBefore<Machine, DomainFrame>(
    before,
    check("the domain has a driver", (s, c) => hasDriver(s, c.domain), jump("put the domain"), {
      mirrors: function_,
    }),
  );
}

export const allocDomain2025 = edit<Machine>(
  allocDomain,
  addArgs({ boundTo: registers.boundTo }),
  addLocals({ found: stack.found }),
  insertAfter<Machine, AllocFrame>(
    "allocate the domain's object",
    step(
      "bind the domain to the SMMU",
      (s, c) => {
        const of = lifetimeOf(s, c.domain);
        if (of !== null) of.smmu = c.boundTo;
      },
      { mirrors: "smmu_alloc_domain (2025)", mechanisms: ["M40"] },
    ),
    ...takeTable<AllocFrame>(jump("free the object again")),
    leave(jump("the object is complete")),
    label("free the object again", [
      step(
        "free the domain's object",
        (s, c) => {
          const of = lifetimeOf(s, c.domain);
          if (of === null) return;
          of.hasObject = false;
          of.smmu = null;
        },
        { mirrors: "smmu_alloc_domain (2025)" },
      ),
      leave(returns("ENOMEM")),
    ]),
    label("the object is complete", []),
  ),
  inVersion(version, { kvm_arm_io_pgtable_alloc: "kvm_alloc_io_pgtable_ops" }),
);

export const attachDev2025 = edit<Machine>(
  attachDev,
  countUpFirst,
  ...attachFindsStream("smmu_get_alloc_ste_ptr (2025)"),
  secondLevelAnywhere,
  dropStep("build the page table"),
  dropStep("bind the domain to the SMMU"),
  unlocked("pgt_lock"),
  putsWithoutDriver("iommu.lock", "kvm_iommu_attach_dev (2025)"),
  ...attachesInVain("smmu_attach_dev (2025)"),
  ...["CFGI", "SYNC"].flatMap((command) =>
    ["for the other words", "for word 0"].map((purpose) =>
      withoutBarrier<AttachFrame>(`${command} ${purpose}`, smmuOfStream),
    ),
  ),
  underDomainLock("the domain's id is in range", "put the domain"),
  mirrors("kvm_iommu_attach_dev (2025)"),
  inVersion(version, { smmu_add_cmd: "__smmu_add_cmd" }),
);

export const detachDev2025 = edit<Machine>(
  detachDev,
  ...detachFindsStream("smmu_get_ste_ptr (2025)"),
  // Nobody asks whether the second level is there: what is read then lies at physical address 0.
  dropCheck("the second level is there"),
  dropStep("look at the domain's type"),
  insertBefore<Machine, DetachFrame>(
    "iommu.lock",
    check("the domain has a driver", (s, c) => hasDriver(s, c.domain), returns("ENODEV"), {
      mirrors: "kvm_iommu_detach_dev (2025)",
    }),
  ),
  // An error of the first SYNC leaves a dead entry and the reference; one of the second the reference.
  ...onLate<DetachFrame>(["CFGI", "SYNC"], " for word 0", returns("an error")),
  ...onLate<DetachFrame>(["CFGI", "SYNC"], " for the other words", returns("an error")),
  ...["CFGI", "SYNC"].flatMap((command) =>
    ["for word 0", "for the other words"].map((purpose) =>
      withoutBarrier<DetachFrame>(`${command} ${purpose}`, smmuOfStream),
    ),
  ),
  underDomainLock("the domain's id is in range", "put the reference to the domain"),
  mirrors("kvm_iommu_detach_dev (2025)"),
  inVersion(version, { smmu_add_cmd: "__smmu_add_cmd" }),
);

export const freeDomain2025 = edit<Machine>(
  freeDomain,
  insertBefore<Machine, FreeFrame>(
    "take the last reference",
    check("the domain has a driver", (s, c) => hasDriver(s, c.domain), returns("ENODEV"), {
      mirrors: "kvm_iommu_free_domain (2025)",
    }),
  ),
  warnsOfRefusal("kvm_iommu_free_domain (2025)"),
  ...freesInVain("smmu_inv_domain (2025)"),
  ...["TLBI of the id", "SYNC"].map((name) => withoutBarrier<FreeFrame>(name, smmuOfDomain)),
  mirrors("kvm_iommu_free_domain (2025)"),
  inVersion(version, { smmu_add_cmd: "__smmu_add_cmd", __arm_lpae_free_pgtable: "arm_lpae_free_pgtable" }),
);

/** Without a driver there is no page table either: nothing is found, and the reference is put. */
export const iovaToPhys2025 = edit<Machine>(iovaToPhys, countUpFirst, inVersion(version, {}));
