/**
 * pv-rfc2: "[RFC PATCH v2 00/58] KVM: Arm SMMUv3 driver for pKVM" (December 2024), literally, as an edit of
 * pv. Nothing is tidied up here, and nothing is made worse.
 *
 * Batches of commands are those of the last patch, where a scenario has batches: the copy into the queue does not
 * wrap, the buffer is not cleared between uses, and the error of a full batch is dropped. Not confirmed: what
 * such a buffer holds at first; it is on the stack, and is taken to be zero.
 *
 * Left out, because the slice has no place for it: the local `ret` of smmu_map_pages, which is read before
 * it is written (where it is not zero, the loop is skipped, and nothing is mapped); the visitor's free of
 * table pages, which takes a second level; time-outs of a SYNC in attach and detach.
 */
import {
  addLocals,
  check,
  dropCheck,
  dropLocals,
  dropStep,
  type Edit,
  edit,
  type FrameOf,
  insertBefore,
  jump,
  mirrors,
  type Node,
  type Procedure,
  repeat,
  replaceCheck,
  replaceStep,
  returns,
  step,
  valid,
} from "../../checker/index.ts";
import { buildMachine } from "../build.ts";
import { attachDev } from "../hypercalls/attach-dev.ts";
import { detachDev } from "../hypercalls/detach-dev.ts";
import { freeDomain } from "../hypercalls/free-domain.ts";
import { iovaToPhys } from "../hypercalls/iova-to-phys.ts";
import { mapPages, type MapFrame } from "../hypercalls/map-pages.ts";
import { warnUnless } from "../hypercalls/results.ts";
import { unmapPages } from "../hypercalls/unmap-pages.ts";
import { refuseUnderflow } from "../hypercalls/use-dma.ts";
import { hostMmuLock, under } from "../locks.ts";
import { type Machine, registers, stack } from "../machine.ts";
import { delayEntry } from "../smmu/late-stores.ts";
import { domainOf } from "../tables.ts";
import { invalidatesInBatches, withFieldsOfBefore } from "./invalidation.ts";
import { pvHypercalls } from "./pv.ts";
import { countUpFirst, faultWithoutObject } from "./lifetime.ts";
import {
  attachDevV2,
  detachDevV2,
  faultWithoutSmmu,
  freeDomainV2,
  iovaToPhysV2,
} from "./pv-rfc2-lifetime.ts";

const unmapLocals = {
  gathered: stack.gathered,
  issued: stack.issued,
  batched: stack.batched,
  copied: stack.copied,
  walked: stack.walked,
  found: stack.found,
  isReleased: stack.isReleased,
} as const;
type UnmapArgs = Pick<typeof registers, "domain" | "iova" | "count">;
export type UnmapFrameV2 = FrameOf<UnmapArgs, typeof unmapLocals>;

const walk = "io_pgtable_visit (v2 39/58)";
const visitor = "smmu_unmap_visit_leaf (v2 40/58)";

/** map_pages, as posted. */
export const mapPagesV2 = edit<Machine>(
  mapPages,
  countUpFirst,
  // Neither the core nor the driver asks for these; io-pgtable WARNs where the start is out of range.
  dropCheck("the range is not empty"),
  dropCheck("the iova and the physical address are aligned"),
  dropCheck("the whole range is within the input address size"),
  // A failing use_dma returns at once: the reference to the domain stays taken.
  replaceCheck<Machine, MapFrame>("every page is the host's own", { otherwise: returns("0") }),
  insertBefore<Machine, MapFrame>(
    "the iova is aligned to the granule",
    faultWithoutObject("smmu_map_pages (v2 40/58)"),
  ),
  mirrors("kvm_iommu_map_pages (v2 18/58)"),
);

/** The `k`-th entry of the range. */
export function entryAt(s: Machine, c: UnmapFrameV2, k: number) {
  return s.domains[domainOf(c.domain)].entries[valid(c.iova) + k];
}

/** The visitor of leaves gives back the use of what the walk read, under the lock of the host's stage 2. */
export const releaseFound: Node<Machine, UnmapFrameV2> = under(hostMmuLock, [
  ...refuseUnderflow<UnmapFrameV2>((s, c) => s.pages[c.found ?? 0].references),
  step(
    "give back the use of the page that was read",
    (s, c) => {
      if (c.found === null) return;
      s.pages[c.found].references--;
      c.isReleased = true;
    },
    { mirrors: `${visitor}, __pkvm_host_unuse_dma (v2 12/58)` },
  ),
]);

/** The visitor of leaves then zeroes the entry, with a plain store. */
export const zeroEntry: Node<Machine, UnmapFrameV2> = step(
  "zero the entry, whatever it holds",
  (s, c, { self }) => {
    delayEntry(s, self, domainOf(c.domain), valid(c.iova) + c.walked);
    entryAt(s, c, c.walked).pte = { tag: "none" };
    c.found = null;
    c.isReleased = false;
    c.walked++;
  },
  { mirrors: visitor },
);

/**
 * The walk after the invalidation, which gives the pages' uses back. It takes no pgt_lock and reads each
 * entry where it stands now; whether the entry is valid does not matter to it. The lock of the host's stage 2
 * is taken for the count only.
 */
const secondWalk: Node<Machine, UnmapFrameV2> = repeat(
  "walk the entries again",
  (_, c) => c.walked < c.gathered,
  [
    step(
      "read the entry's address",
      (s, c) => {
        const { pte: leaf } = entryAt(s, c, c.walked);
        c.found = leaf.tag === "none" ? null : leaf.page;
      },
      { mirrors: walk },
    ),
    // An entry that is zero is no leaf and no table: the walk ends, and its error is ignored.
    check("the entry is not zero", (_, c) => c.found !== null, jump("put the domain"), { mirrors: walk }),
    // This value decides about tables only, which the slice does not have.
    step("read the entry for the visitor of tables", () => {}, { mirrors: walk }),
    releaseFound,
    zeroEntry,
  ],
  { mirrors: "smmu_iotlb_sync (v2 40/58)" },
);

/** Nothing is recorded; entries keep their address (quirk UNMAP_INVAL), and a second walk gives the uses back. */
export const withSecondWalk: readonly Edit<Machine>[] = [
  addLocals({ walked: stack.walked, found: stack.found, isReleased: stack.isReleased }),
  dropLocals("recorded0", "recorded1"),
  dropStep("record the page"),
  replaceStep<Machine, UnmapFrameV2>(
    "clear the entry",
    step(
      "clear the entry's VALID bit",
      (s, c, { self }) => {
        const leaf = entryAt(s, c, c.gathered);
        if (leaf.pte.tag !== "valid") return;
        delayEntry(s, self, domainOf(c.domain), valid(c.iova) + c.gathered);
        const { page, permission } = leaf.pte;
        leaf.pte = { tag: "invalidated", page, permission };
        c.gathered++;
      },
      { mirrors: "__arm_lpae_clear_pte (v2 39/58)", arm: "leaf descriptor" },
    ),
  ),
  replaceStep("give back the recorded uses", secondWalk),
];

/** unmap_pages, as posted. */
export const unmapPagesV2 = edit<Machine>(
  unmapPages,
  countUpFirst,
  insertBefore<Machine, UnmapFrameV2>(
    "the iova is aligned to the granule",
    faultWithoutObject("smmu_unmap_pages (v2 40/58)"),
  ),
  insertBefore("iommu.lock", faultWithoutSmmu("smmu_tlb_inv_range (v2 40/58)")),
  dropCheck("the whole range is within the input address size"),
  // Unmapping what is not mapped meets a WARN_ON.
  insertBefore<Machine, UnmapFrameV2>(
    "the entry is live",
    warnUnless(
      "the entry is live",
      (s, c) => entryAt(s, c, c.gathered).pte.tag === "valid",
      "__arm_lpae_unmap (v2 39/58)",
    ),
  ),
  ...withSecondWalk,
  // The copy of a batch does not wrap.
  invalidatesInBatches("smmu_tlb_inv_range_smmu (v2 58/58)", withFieldsOfBefore, true),
  mirrors("kvm_iommu_unmap_pages (v2 18/58)"),
);

const asPosted: ReadonlyMap<Procedure<Machine>, Procedure<Machine>> = new Map([
  [mapPages, mapPagesV2],
  [unmapPages, unmapPagesV2],
  [attachDev, attachDevV2],
  [detachDev, detachDevV2],
  [freeDomain, freeDomainV2],
  [iovaToPhys, iovaToPhysV2],
]);

export const pvRfc2Hypercalls: readonly Procedure<Machine>[] = pvHypercalls.map(
  (call) => asPosted.get(call) ?? call,
);

export function buildPvRfc2() {
  return buildMachine("pv-rfc2", "The posting of December 2024, as posted.", pvRfc2Hypercalls);
}
