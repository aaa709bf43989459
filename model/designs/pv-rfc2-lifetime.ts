/**
 * pv-rfc2, the lifetime of domains and the attachment of devices: the posting of December 2024, literally, as
 * edits of pv. What pv corrects, and how it reads in the posting:
 * - domain_get counts up before it looks: the BUG on a domain without references leaves one behind.
 * - attach_dev builds the page table before it looks at the stream table entry. A refusal leaves a domain that
 *   has a page table and is bound to no SMMU.
 * - attach_dev looks at the domain's SMMU, builds the page table and sets the SMMU under the lock of the device's
 *   own SMMU, not under one of the domain's.
 * - detach_dev does not look at the entry at all: neither whether it is valid nor whose it is. It puts a
 *   reference of the domain named in the call. At its end it frees the table of context descriptors, which
 *   only stage 1 has: for stage 2 the local is not initialised. For stage 1 it asks that the PASID is in the table.
 * - attach_dev takes a device of stage 1 that is attached already: its table of descriptors is replaced, and lost.
 * - free_domain that is refused is a WARN; it takes the SMMU's lock through the domain, and what is still
 *   mapped keeps its uses for ever.
 * - What is allocated to a domain is reached through its slot: where there is nothing, EL2 faults.
 *
 * - What a stream's id leads to in the first level of the stream table is read, and written where it is zero, before
 *   the id is looked at; and the bound is off by one. A table of the second level is used wherever it lies.
 */
import {
  addLocals,
  check,
  dropCheck,
  dropLocals,
  dropStep,
  type Edit,
  edit,
  insertAfter,
  insertBefore,
  jump,
  label,
  leave,
  mirrors,
  type Node,
  panic,
  returns,
  step,
  when,
} from "../../checker/index.ts";
import { type AttachFrame, attachDev } from "../hypercalls/attach-dev.ts";
import { type DetachFrame, detachDev } from "../hypercalls/detach-dev.ts";
import { type FreeFrame, freeDomain } from "../hypercalls/free-domain.ts";
import { recordedNames } from "../hypercalls/gather.ts";
import { iovaToPhys } from "../hypercalls/iova-to-phys.ts";
import { type Machine, type SmmuIndex, stack } from "../machine.ts";
import { warnUnless } from "../hypercalls/results.ts";
import { asksOfStage1 } from "../hypercalls/stage1.ts";
import { contextOf, isStage1, lifetimeOf } from "../tables.ts";
import {
  attachesInVain,
  attachFindsStream,
  countUpFirst,
  detachFindsStream,
  type DomainFrame,
  faultWithoutObject,
  finalisesAlone,
  freesInVain,
  looksAfterTheTable,
  onLate,
  secondLevelAnywhere,
  warnsOfMissingLevel,
  warnsOfRefusal,
} from "./lifetime.ts";

/** The lock of the SMMU is reached through the domain: null where it was never bound. */
export function faultWithoutSmmu<C extends DomainFrame>(function_: string) {
  return check<Machine, C>(
    "the domain is bound to an SMMU",
    (s, c) => lifetimeOf(s, c.domain)?.smmu !== null,
    panic("fault at a null pointer: the domain's SMMU"),
    { mirrors: function_ },
  );
}

/**
 * What is read by the stream's id before it is looked at: the first level's entry, by attach_dev, whatever the id; and
 * the first entry beyond the table, for the bound is off by one. What then follows is left out.
 */
function readsBeyond<C extends Pick<AttachFrame, "stream">>(
  name: string,
  alsoFar: boolean,
  function_: string,
): Node<Machine, C> {
  return step(
    name,
    (s, c) => {
      const isFar = alsoFar && s.level1.length > 0;
      if (c.stream === "one past the end" || (isFar && c.stream === "out of range")) {
        s.wildAccess = "stream table";
      }
    },
    { mirrors: function_ },
  );
}

/** The pointer to the SMMU is read once; what is bound meanwhile is another's business. */
export const readsSmmuOnce: Edit<Machine> = (call) =>
  edit(
    call,
    addLocals({ smmu: stack.smmu }),
    insertBefore<Machine, DomainFrame & { smmu: SmmuIndex | null }>(
      "iommu.lock",
      when(
        "are there several SMMUs?",
        (s) => s.smmus.length > 1,
        [
          step(
            "read the domain's SMMU",
            (s, c) => {
              c.smmu = lifetimeOf(s, c.domain)?.smmu ?? null;
            },
            { mirrors: "smmu_tlb_inv_range (v2 40/58)", mechanisms: ["M40"] },
          ),
        ],
        [],
        { mirrors: "smmu_tlb_inv_range (v2 40/58)" },
      ),
    ),
  );

export const attachDevV2 = edit<Machine>(
  attachDev,
  countUpFirst,
  ...attachFindsStream(
    "smmu_get_ste_ptr (v2)",
    readsBeyond("read the first level's entry", true, "smmu_alloc_l2_strtab, smmu_get_ste_ptr (v2)"),
  ),
  secondLevelAnywhere,
  // A device of stage 1 may be attached again: its table of descriptors is replaced.
  ...looksAfterTheTable("smmu_attach_dev (v2)", true),
  // Only iommu.lock, of the SMMU of this device, is held when the domain's SMMU is looked at and set.
  ...finalisesAlone,
  insertBefore<Machine, AttachFrame>("look at the domain's SMMU", faultWithoutObject("smmu_attach_dev (v2)")),
  ...attachesInVain("smmu_attach_dev (v2)"),
  mirrors("kvm_iommu_attach_dev (v2)"),
);

export const detachDevV2 = edit<Machine>(
  detachDev,
  ...detachFindsStream(
    "smmu_get_ste_ptr (v2)",
    readsBeyond("find the stream table entry", false, "smmu_get_ste_ptr (v2)"),
  ),
  warnsOfMissingLevel("smmu_get_ste_ptr (v2)"),
  dropStep("look at the stream table entry"),
  dropCheck("the entry is valid and the domain's"),
  insertBefore<Machine, DetachFrame>(
    "look at the domain's type",
    faultWithoutObject("smmu_detach_dev (v2 36/58)"),
    ...asksOfStage1,
    warnUnless(
      "the entry leads to descriptors",
      (s, c) => !isStage1(s, c.domain) || contextOf(s, c.stream) !== null,
      "smmu_detach_dev (v2 36/58)",
    ),
  ),
  insertAfter<Machine, DetachFrame>(
    "wait until the queue is empty for the other words",
    step(
      "free the context descriptors that the local names",
      (s, c) => {
        if (isStage1(s, c.domain)) return;
        s.wildAccess = "an uninitialised pointer";
        c.found = null;
      },
      { mirrors: "smmu_detach_dev, smmu_free_cd (v2 36/58)" },
    ),
    leave(jump("the entry is cleared")),
    label("the entry may not be forgotten", [
      step(
        "free the context descriptors that the local names, all the same",
        (s) => {
          s.wildAccess = "an uninitialised pointer";
        },
        { mirrors: "smmu_detach_dev, smmu_free_cd (v2 36/58)" },
      ),
      leave(returns("an error")),
    ]),
    label("the entry is cleared", []),
  ),
  // An error of the first SYNC leaves a dead entry and the reference; one of the second the reference.
  ...onLate<DetachFrame>(["CFGI", "SYNC"], " for word 0", returns("an error")),
  ...onLate<DetachFrame>(["CFGI", "SYNC"], " for the other words", jump("the entry may not be forgotten")),
  mirrors("kvm_iommu_detach_dev (v2 36/58)"),
);

export const freeDomainV2 = edit<Machine>(
  freeDomain,
  warnsOfRefusal("kvm_iommu_free_domain (v2)"),
  insertBefore<Machine, FreeFrame>("free the page table", faultWithoutObject("smmu_free_domain (v2)")),
  insertBefore<Machine, FreeFrame>("iommu.lock", faultWithoutSmmu("smmu_tlb_flush_all (v2)")),
  dropStep("record the pages still mapped"),
  dropStep("give back the recorded uses"),
  dropLocals("gathered", ...recordedNames),
  ...freesInVain("smmu_inv_domain (v2)"),
  mirrors("kvm_iommu_free_domain (v2)"),
);

export const iovaToPhysV2 = edit<Machine>(
  iovaToPhys,
  countUpFirst,
  insertBefore<Machine, DomainFrame>(
    "read the page table's address",
    faultWithoutObject("smmu_iova_to_phys (v2)"),
  ),
);
