/**
 * pv-rfc2: "[RFC PATCH v2 00/58] KVM: Arm SMMUv3 driver for pKVM" (December 2024), literally, as an edit of
 * pv. Nothing is tidied up here, and nothing is made worse.
 *
 * Batches of commands are those of the last patch, where a scenario has batches: the copy into the queue does not
 * wrap, the buffer is not cleared between uses, and the error of a full batch is dropped. Not confirmed: what
 * such a buffer holds at first; it is on the stack, and is taken to be zero.
 *
 * Tables of two levels: an unmapped table keeps its entry, without the VALID bit, until the second walk has been
 * through it; the visitor of tables then frees by the address of the entry, that is, the page with the root. The bit
 * that it looks at is that of the entry itself, not of those above it (here there are none).
 *
 * Left out, because the slice has no place for it: the local `ret` of smmu_map_pages, which is read before
 * it is written (where it is not zero, the loop is skipped, and nothing is mapped); time-outs of a SYNC while pgt_lock
 * is held (here the call then stops, as in pv). A page that is freed while it is linked has the pool's list in its
 * first words; here it is zero.
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
  when,
} from "../../checker/index.ts";
import { buildMachine } from "../build.ts";
import { attachDev } from "../hypercalls/attach-dev.ts";
import { detachDev } from "../hypercalls/detach-dev.ts";
import { freeDomain } from "../hypercalls/free-domain.ts";
import { recordedNames } from "../hypercalls/gather.ts";
import { iovaToPhys } from "../hypercalls/iova-to-phys.ts";
import { mapPages, type MapFrame } from "../hypercalls/map-pages.ts";
import { warnUnless } from "../hypercalls/results.ts";
import { unmapPages } from "../hypercalls/unmap-pages.ts";
import { refuseUnderflow } from "../hypercalls/use-dma.ts";
import { hostMmuLock, under } from "../locks.ts";
import { type Machine, registers, stack } from "../machine.ts";
import { delayEntry } from "../smmu/late-stores.ts";
import { changeSlot, leafAt, releaseTable } from "../hypercalls/table-levels.ts";
import { hasLevels, iovaAt, rootIndexOf } from "../page-tables.ts";
import { domainOf } from "../tables.ts";
import { gathersTables, invalidatesInBatches, withFieldsOfBefore } from "./invalidation.ts";
import { hvcPd } from "../hypercalls/hvc-pd.ts";
import { hvcPdNotes } from "./power.ts";
import { pvHypercalls } from "./pv.ts";
import { countUpFirst, faultWithoutObject } from "./lifetime.ts";
import {
  clearRootValid,
  keepsAddresses,
  linksOverZeroOnly,
  rootPageOf,
  type UnmapLevelFrame,
  walkLevels,
} from "./table-levels.ts";
import {
  attachDevV2,
  detachDevV2,
  faultWithoutSmmu,
  readsSmmuOnce,
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
  flushed: stack.flushed,
  table: stack.table,
  isBlock: stack.isBlock,
  isUnlinked: stack.isUnlinked,
} as const;
type UnmapArgs = Pick<typeof registers, "domain" | "iova" | "count" | "pgsize">;
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
  // What is in the place of the table may be an entry that lost its VALID bit. Then the new table is freed, and is the
  // next level all the same.
  linksOverZeroOnly("arm_lpae_install_table (v2)", [
    when("was the table not linked?", (_, c) => !c.isAllowed, [
      step(
        "free the table that was not linked",
        (s, c, { self }) => {
          releaseTable(s, self, c.table - 1);
        },
        { mirrors: "__arm_lpae_map (v2)" },
      ),
    ]),
  ]),
  // A table in the way is taken out, with all that it holds, and is not freed.
  dropCheck("the table holds no live leaf"),
  replaceStep<Machine, MapFrame>(
    "take the empty table out",
    step("clear the VALID bit of the table in the way", (s, c) => clearRootValid(s, c, c.mapped), {
      mirrors: "__arm_lpae_unmap (v2 39/58)",
      arm: "table descriptor",
    }),
  ),
  replaceStep<Machine, MapFrame>(
    "free the empty table",
    step(
      "leave the table in the way as it is",
      (_, c) => {
        c.table = 0;
        c.flushed = 0;
      },
      { mirrors: "__arm_lpae_unmap (v2 39/58)" },
    ),
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

/** The second walk over tables of two levels: after a table whose entry had lost its VALID bit, a page is freed. */
const levelWalk = walkLevels({
  walk,
  visitor,
  sync: "smmu_iotlb_sync (v2 40/58)",
  endsAtZero: true,
  looksAgain: false,
  // The visitor is given the address of the entry, and frees the page that this lies in: the root, not the table.
  afterTable: (place) => [
    when<Machine, UnmapLevelFrame>(`the table was taken out${place}`, (_, c) => c.isUnlinked > 0, [
      step(
        `free the page that the entry lies in${place}`,
        (s, c, { self }) => {
          releaseTable(s, self, rootPageOf(s, c));
        },
        { mirrors: "smmu_unmap_visit_post_table (v2 40/58)" },
      ),
      step(
        `zero the entry in the page that was freed${place}`,
        (s, c) => {
          changeSlot(s, rootPageOf(s, c), rootIndexOf(iovaAt(c, c.walked - 1)), { tag: "none" });
          c.isUnlinked = 0;
        },
        { mirrors: "smmu_unmap_visit_post_table (v2 40/58)" },
      ),
    ]),
  ],
});

/** Nothing is recorded; entries keep their address (quirk UNMAP_INVAL), and a second walk gives the uses back. */
export const withSecondWalk: readonly Edit<Machine>[] = [
  addLocals({
    walked: stack.walked,
    found: stack.found,
    isReleased: stack.isReleased,
    isUnlinked: stack.isUnlinked,
  }),
  dropLocals(...recordedNames),
  ...gathersTables,
  dropStep("record the page"),
  dropStep("record the pages of the block"),
  dropStep("record the pages of the table"),
  dropStep("record the pages that the table leaves out"),
  replaceStep<Machine, UnmapFrameV2>(
    "clear the entry",
    step(
      "clear the entry's VALID bit",
      (s, c, { self }) => {
        const leaf = leafAt(s, c, c.gathered);
        if (leaf === null || leaf.pte.tag !== "valid") return;
        if (!hasLevels(s)) delayEntry(s, self, domainOf(c.domain), valid(c.iova) + c.gathered);
        const { page, permission } = leaf.pte;
        leaf.pte = { tag: "invalidated", page, permission };
        c.table = 0;
        c.gathered++;
      },
      { mirrors: "__arm_lpae_clear_pte (v2 39/58)", arm: "leaf descriptor" },
    ),
  ),
  keepsAddresses("__arm_lpae_clear_pte (v2 39/58)"),
  replaceStep(
    "give back the recorded uses",
    when<Machine, UnmapFrameV2>(
      "does the table that is walked again have two levels?",
      (s) => hasLevels(s),
      [levelWalk],
      [secondWalk],
    ),
  ),
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
  readsSmmuOnce,
  dropCheck("the whole range is within the input address size"),
  // Unmapping what is not mapped meets a WARN_ON.
  insertBefore<Machine, UnmapFrameV2>(
    "the entry is live",
    warnUnless(
      "the entry is live",
      (s, c) => leafAt(s, c, c.gathered)?.pte.tag === "valid",
      "__arm_lpae_unmap (v2 39/58)",
    ),
  ),
  insertBefore<Machine, UnmapFrameV2>(
    "the entry of the root is live",
    warnUnless(
      "the entry of the root is live",
      (_, c) => c.table > 0 || c.isBlock > 0,
      "__arm_lpae_unmap (v2 39/58)",
    ),
  ),
  dropCheck("the iova is aligned to the block"),
  ...withSecondWalk,
  // A table that was taken out is left to the second walk.
  replaceStep<Machine, UnmapLevelFrame>(
    "free the table",
    step(
      "leave the table as it is",
      (_, c) => {
        c.table = 0;
        c.flushed = 0;
      },
      { mirrors: "__arm_lpae_unmap (v2 39/58)" },
    ),
  ),
  // The copy of a batch does not wrap.
  invalidatesInBatches("smmu_tlb_inv_range_smmu (v2 58/58)", withFieldsOfBefore, true),
  mirrors("kvm_iommu_unmap_pages (v2 18/58)"),
);

const asPosted: ReadonlyMap<Procedure<Machine>, Procedure<Machine>> = new Map([
  [mapPages, mapPagesV2],
  [hvcPd, hvcPdNotes("v2")],
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
