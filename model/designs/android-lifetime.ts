/**
 * The lifetime of domains in the Android drivers, as edits of pv's calls. A domain has a list of the SMMUs that it is
 * attached to, with a count of the attachments for each; TLBIs go to the SMMUs in the list. What the SMMU holds of an
 * id is invalidated when a device is detached: at every detach (android15), or at the last one (android16).
 *
 * In android15 a table of the second level of the stream table is a page, which whatever call looks for an entry
 * allocates; in android16 kvm_iommu_refill sees to it that larger tables are aligned.
 *
 * Left out: domains of stage 1 in android15, whose tables of descriptors stay with the stream's entry when the device is
 * detached. In android16 a refusal of detach_dev of stage 1 has several error numbers; here it has one.
 *
 * The list has a lock (list_lock, in android15 lock), which attach_dev and detach_dev hold throughout, as writers, and
 * every invalidation as a reader: an unmap cannot look at the list between the write of a stream table entry and the
 * SMMU's entry in the list. Where devices stay attached there is no writer, and the lock is left out.
 */
import {
  addLocals,
  check,
  dropCheck,
  dropLocals,
  dropStep,
  type Edit,
  edit,
  enclosed,
  type Exit,
  insertAfter,
  insertBefore,
  isValid,
  jump,
  label,
  leave,
  mirrors,
  type Node,
  panic,
  repeat,
  replaceCheck,
  replaceStep,
  returns,
  step,
  unlocked,
  when,
} from "../../checker/index.ts";
import type { PageIndex } from "../../spec/ownership.ts";
import { allocDomain } from "../hypercalls/alloc-domain.ts";
import { type AttachFrame, attachDev } from "../hypercalls/attach-dev.ts";
import { type DetachFrame, detachDev } from "../hypercalls/detach-dev.ts";
import { type FreeFrame, freeDomain } from "../hypercalls/free-domain.ts";
import { recordedNames } from "../hypercalls/gather.ts";
import { iovaToPhys, type IovaToPhysFrame, readEntry } from "../hypercalls/iova-to-phys.ts";
import { warnUnless } from "../hypercalls/results.ts";
import { allocateSecondLevel, leadToSecondLevel } from "../hypercalls/second-level.ts";
import { detachSubstream, freeDescriptors } from "../hypercalls/stage1.ts";
import { refuseUnderflow } from "../hypercalls/use-dma.ts";
import { hostMmuLock, listLock, pgtLock, under } from "../locks.ts";
import { type DomainIndex, type Machine, stack } from "../machine.ts";
import { addCommand, addSync, invalidationOfId } from "../smmu/command-queue.ts";
import { smmuOfStream } from "../smmu/smmus.ts";
import { domainOf, hasTable, lifetimeOf } from "../tables.ts";
import {
  asksForNoSmmu,
  attachesInVain,
  attachesStage2,
  attachFindsStream,
  countUpFirst,
  detachesStage2,
  detachFindsStream,
  type DomainFrame,
  faultWithoutObject,
  finalisesAlone,
  freesInVain,
  looksAfterTheTable,
  onLate,
  secondLevelAnywhere,
  secondLevelIsAligned,
  warnsOfMissingLevel,
  warnsOfRefusal,
} from "./lifetime.ts";
import { inVersion } from "./version.ts";

/** Does the domain's list have the SMMU? */
function isListed(s: Machine, of: DomainIndex | string, n: number): boolean {
  const found = lifetimeOf(s, of);
  return found === null || found.listed[n] > 0;
}

type ListFrame = DomainFrame & {
  visited: number;
  issued?: number;
  flushed?: number;
  readonly recorded0?: PageIndex | null;
};

/**
 * Invalidations go to the SMMUs in the domain's list, to one after the other: to none where the domain is not attached.
 * `first` to `last` is what is done for each; `again` makes the call begin anew with the next one.
 */
export function forEachListed(first: string, last: string, again: (c: ListFrame) => void): Edit<Machine> {
  const next = `the next SMMU of the list, ${first}`;
  const origin = { mirrors: "smmu_tlb_inv_range (android16)", mechanisms: ["M40"] };
  return (call) =>
    edit(
      call,
      addLocals({ visited: stack.visited }),
      enclosed<Machine, ListFrame>(first, last, (inside) =>
        under<ListFrame>(listLock, [
          label(next, [
            when(
              "is the SMMU in the domain's list?",
              (s, c) => c.visited < s.smmus.length && isListed(s, c.domain, c.visited),
              inside,
              [],
              origin,
            ),
            when("are there several SMMUs?", (s) => s.smmus.length > 1, [
              step(
                `go on to ${next}`,
                (s, c) => {
                  c.visited = c.visited + 1 < s.smmus.length ? c.visited + 1 : 0;
                  if (c.visited > 0) again(c);
                },
                origin,
              ),
              check(`${next}: there is none`, (_, c) => c.visited === 0, jump(next), origin),
            ]),
          ]),
        ]),
      ),
    );
}

/** The whole of the driver's part, under the lock of the domain's list. */
const underListLock: Edit<Machine> = enclosed<Machine, DomainFrame>("iommu.lock", "iommu.lock", (inside) =>
  under<DomainFrame>(listLock, inside),
);

/** attach_dev, done: the domain's list counts the attachment. */
const countInList: Node<Machine, AttachFrame> = step(
  "count the attachment in the domain's list",
  (s, c, { bounds }) => {
    const of = lifetimeOf(s, c.domain);
    const n = smmuOfStream(s, c);
    if (of !== null && of.listed[n] < bounds.domainReferences) of.listed[n]++;
  },
  { mirrors: "smmu_attach_dev (android16)", mechanisms: ["M40"] },
);

/** Takes the attachment off the list. A count with one too many (`domainReferences`) never comes down to 0. */
function leaveList<C extends DetachFrame>(name: string): Node<Machine, C> {
  return step(
    name,
    (s, c, { bounds }) => {
      const of = lifetimeOf(s, c.domain);
      const n = smmuOfStream(s, c);
      if (of !== null && of.listed[n] > 0 && of.listed[n] < bounds.domainReferences) of.listed[n]--;
    },
    { mirrors: "smmu_put_ref_domain (android16)", mechanisms: ["M40"] },
  );
}

/** TLBI by the domain's id, and a SYNC. Where the SMMU does not answer, a WARN is met. */
function invalidateId(): Node<Machine, DetachFrame>[] {
  const late: Exit<Machine, DetachFrame> = jump("the id may not be clean");
  return [
    ...addCommand<DetachFrame>(
      smmuOfStream,
      "TLBI of the id",
      (s, c) => invalidationOfId(s, c.domain),
      undefined,
      "CMD_TLBI_S12_VMALL, CMD_TLBI_NH_ASID",
      late,
    ),
    ...addSync<DetachFrame>(smmuOfStream, " for the id", late),
    leave(jump("the id is clean")),
    label("the id may not be clean", [
      warnUnless("the invalidation is complete", () => false, "smmu_inv_domain (android16)"),
    ]),
    label("the id is clean", []),
  ];
}

/** detach_dev: what comes after the SYNC for the other words, whether it failed or not. */
function endsDetach(...tail: readonly Node<Machine, DetachFrame>[]): readonly Edit<Machine>[] {
  return [
    ...onLate<DetachFrame>(["CFGI", "SYNC"], " for word 0", returns("an error")),
    ...onLate<DetachFrame>(["CFGI", "SYNC"], " for the other words", jump("the entry may not be forgotten")),
    insertAfter<Machine, DetachFrame>(
      "the SYNC is complete for the other words",
      leave(jump("the entry is cleared")),
      label("the entry may not be forgotten", [
        step(
          "remember the error",
          (_, c) => {
            c.isAllowed = false;
          },
          { mirrors: "smmu_detach_dev (android16)" },
        ),
      ]),
      label("the entry is cleared", []),
      ...tail,
      check("the entry is forgotten", (_, c) => c.isAllowed, returns("an error"), {
        mirrors: "smmu_detach_dev (android16)",
      }),
    ),
  ];
}

const attach15 = "smmu_attach_dev (android15)";
const detach15 = "smmu_detach_dev (android15)";

/** An attachment that fails while the SMMU is in the list already leaves a count behind. */
const leavesCountBehind: readonly Edit<Machine>[] = [
  replaceCheck<Machine, AttachFrame>("the pool had a page", { otherwise: jump("the attachment failed") }),
  replaceCheck<Machine, AttachFrame>("the entry is not in use", { otherwise: jump("the attachment failed") }),
  ...onLate<AttachFrame>(["CFGI", "SYNC"], " for the other words", jump("the attachment failed")),
  replaceStep<Machine, AttachFrame>(
    "the activation failed",
    label("the activation failed", [
      warnUnless("the activation is complete", () => false, attach15),
      leave(jump("the attachment failed")),
    ]),
  ),
  insertAfter<Machine, AttachFrame>(
    "count the attachment in the domain's list",
    leave(jump("the device is attached")),
    label("the attachment failed", [
      step(
        "leave what was counted in the domain's list",
        (s, c, { bounds }) => {
          const of = lifetimeOf(s, c.domain);
          const n = smmuOfStream(s, c);
          if (of !== null && of.listed[n] > 0) of.listed[n] = bounds.domainReferences;
        },
        { mirrors: attach15 },
      ),
      leave(jump("put the domain")),
    ]),
    label("the device is attached", []),
  ),
];

export const attachDev15 = edit<Machine>(
  attachDev,
  attachesStage2,
  countUpFirst,
  ...attachFindsStream("smmu_get_ste_ptr (android15)"),
  ...secondLevelIsAligned,
  insertBefore<Machine, AttachFrame>("iommu.lock", faultWithoutObject(attach15)),
  ...looksAfterTheTable(attach15),
  ...asksForNoSmmu,
  unlocked("pgt_lock"),
  ...attachesInVain(attach15),
  insertAfter<Machine, AttachFrame>("the activation is over", countInList),
  ...leavesCountBehind,
  underListLock,
  mirrors("kvm_iommu_attach_dev (android15)"),
  inVersion("android15", {}),
);

export const detachDev15 = edit<Machine>(
  detachDev,
  ...detachesStage2,
  ...detachFindsStream("smmu_get_ste_ptr (android15)"),
  // Whatever looks for an entry allocates the second level.
  insertBefore<Machine, DetachFrame>("the second level is there", allocateSecondLevel(returns("ENODEV"))),
  dropCheck("the second level is there"),
  secondLevelAnywhere,
  replaceStep<Machine, DetachFrame>(
    "lead the first level to the second one",
    leadToSecondLevel(() => false),
  ),
  insertBefore<Machine, DetachFrame>("iommu.lock", faultWithoutObject(detach15)),
  dropStep("look at the domain's type"),
  ...endsDetach(...invalidateId(), leaveList("take the attachment off the domain's list")),
  underListLock,
  mirrors("kvm_iommu_detach_dev (android15)"),
  inVersion("android15", {}),
);

/** What is mapped then keeps its uses, and nothing is invalidated: every detach did that. */
export const freeDomain15 = edit<Machine>(
  freeDomain,
  warnsOfRefusal("kvm_iommu_free_domain (android15)"),
  insertBefore<Machine, FreeFrame>("free the page table", faultWithoutObject("smmu_free_domain (android15)")),
  enclosed<Machine, FreeFrame>("iommu.lock", "iommu.lock", () => label("nothing is invalidated", [])),
  dropStep("record the pages still mapped"),
  dropStep("give back the recorded uses"),
  dropLocals("gathered", ...recordedNames),
  mirrors("kvm_iommu_free_domain (android15)"),
  inVersion("android15", {}),
);

/** The page table is reached without a look whether there is one. */
export const faultsWithoutTable: Edit<Machine> = replaceCheck<Machine, DomainFrame>(
  "the domain has a page table",
  { otherwise: panic("fault at a null pointer: the page table") },
);

export const iovaToPhys15 = edit<Machine>(
  iovaToPhys,
  countUpFirst,
  replaceStep<Machine, IovaToPhysFrame>(
    "read the page table's address",
    faultWithoutObject("smmu_iova_to_phys (android15)"),
  ),
  replaceStep<Machine, IovaToPhysFrame>(
    "walk the page table",
    under(pgtLock, [
      check(
        "the domain has a page table",
        (s, c) => hasTable(s, c.domain),
        panic("fault at a null pointer: the page table"),
        { mirrors: "smmu_iova_to_phys (android15)" },
      ),
      readEntry,
    ]),
  ),
  dropLocals("isAllowed"),
  inVersion("android15", {}),
);

const attach16 = "smmu_attach_dev (android16)";
const detach16 = "smmu_detach_dev (android16)";

export const allocDomain16 = edit<Machine>(
  allocDomain,
  // The upper half of the ids is the guests'.
  replaceCheck("the domain's id is in range", { otherwise: returns("EINVAL") }),
  inVersion("android16", {}),
);

export const attachDev16 = edit<Machine>(
  attachDev,
  countUpFirst,
  ...attachFindsStream(
    "smmu_get_alloc_ste_ptr (android16)",
    warnUnless(
      "the stream id is in range",
      (s, c) => s.level1.length === 0 || isValid(c.stream),
      "smmu_get_alloc_ste_ptr (android16)",
    ),
  ),
  ...secondLevelIsAligned,
  insertBefore<Machine, AttachFrame>("iommu.lock", faultWithoutObject(attach16)),
  // A device of stage 1 may be attached again: its table of descriptors is replaced.
  ...looksAfterTheTable(attach16, true),
  ...asksForNoSmmu,
  ...finalisesAlone,
  ...attachesInVain(attach16),
  insertAfter<Machine, AttachFrame>("the device translates", countInList),
  underListLock,
  mirrors("kvm_iommu_attach_dev (android16)"),
  inVersion("android16", {}),
);

export const detachDev16 = edit<Machine>(
  detachDev,
  ...detachFindsStream("smmu_get_ste_ptr (android16)"),
  warnsOfMissingLevel("smmu_get_ste_ptr (android16)"),
  insertBefore<Machine, DetachFrame>("iommu.lock", faultWithoutObject(detach16)),
  dropStep("look at the domain's type"),
  ...endsDetach(
    when("is the SMMU in the domain's list?", (s, c) => isListed(s, c.domain, smmuOfStream(s, c)), [
      leaveList("take the attachment off the domain's list"),
      when(
        "was it the last attachment?",
        (s, c) => !isListed(s, c.domain, smmuOfStream(s, c)),
        invalidateId(),
        [],
        {
          mirrors: "smmu_put_ref_domain (android16)",
          mechanisms: ["M39"],
        },
      ),
    ]),
  ),
  // A PASID leaves the list as the device does. The table of descriptors is freed when no lock is held any more.
  replaceStep("is it a substream?", detachSubstream<DetachFrame>("the entry is cleared")),
  dropStep("did the entry lead to descriptors?"),
  underListLock,
  insertAfter<Machine, DetachFrame>("list_lock", freeDescriptors<DetachFrame>()),
  mirrors("kvm_iommu_detach_dev (android16)"),
  inVersion("android16", {}),
);

/** What is mapped when a domain is freed: each leaf's use is given back, and the entry stays for the pool to zero. */
const freeLeaves: Node<Machine, FreeFrame & { looked: number; found: FreeFrame["recorded0"] }> = repeat(
  "free the leaves",
  (s, c) => c.looked < s.domains[domainOf(c.domain)].entries.length,
  [
    step(
      "read the entry",
      (s, c) => {
        const { pte: leaf } = s.domains[domainOf(c.domain)].entries[c.looked];
        c.found = leaf.tag === "valid" ? leaf.page : null;
        c.looked++;
      },
      { mirrors: "__arm_lpae_free_pgtable (android16)" },
    ),
    when("is it a leaf?", (_, c) => c.found !== null, [
      under(hostMmuLock, [
        ...refuseUnderflow<FreeFrame & { found: FreeFrame["recorded0"] }>(
          (s, c) => s.pages[c.found ?? 0].references,
        ),
        step(
          "give back the use of the leaf's page",
          (s, c) => {
            if (c.found !== null) s.pages[c.found].references--;
            c.found = null;
          },
          {
            mirrors: "smmu_free_leaf, __pkvm_unuse_dma (android16)",
            sekvm: "smmu_count",
            mechanisms: ["M08"],
          },
        ),
      ]),
    ]),
  ],
  { mirrors: "__arm_lpae_free_pgtable (android16)" },
);

export const freeDomain16 = edit<Machine>(
  freeDomain,
  warnsOfRefusal("kvm_iommu_free_domain (android16)"),
  insertBefore<Machine, FreeFrame>("free the page table", faultWithoutObject("smmu_free_domain (android16)")),
  ...freesInVain("smmu_inv_domain (android16)"),
  forEachListed("iommu.lock", "iommu.lock", () => {}),
  addLocals({ looked: stack.looked, found: stack.found }),
  replaceStep("record the pages still mapped", freeLeaves),
  dropStep("give back the recorded uses"),
  dropLocals("gathered", ...recordedNames),
  mirrors("kvm_iommu_free_domain (android16)"),
  inVersion("android16", {}),
);

export const iovaToPhys16 = edit<Machine>(
  iovaToPhys,
  countUpFirst,
  insertBefore<Machine, DomainFrame>(
    "read the page table's address",
    faultWithoutObject("smmu_iova_to_phys (android16)"),
  ),
  inVersion("android16", {}),
);
