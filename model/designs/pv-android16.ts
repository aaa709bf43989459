/**
 * pv-android16: the driver of android16-6.12, literally, as an edit of pv (map and the transitions) and of
 * pv-rfc2 (unmap). The core is that of the late tree: with checks of alignment, and with a domain_put where
 * use_dma fails.
 *
 * unmap_pages is that of the posting of December 2024: entries keep their address, and a second walk without
 * pgt_lock gives the uses back. Its differences: an entry that is zero is passed over, the visitor of leaves
 * reads the entry once more and leaves it alone where it is zero by then, there is no visitor of tables, and
 * unmapping what is not mapped meets no WARN.
 *
 * Batches of commands wrap; as in the posting, their buffer is not cleared between uses, and the error of a full
 * batch is dropped.
 *
 * Domains are attached to lists of SMMUs; the last detach invalidates by the domain's id, and free_domain only what is
 * still in the list. It gives the uses of leaves back, whose entries stay until the pool zeroes the page (android-
 * lifetime.ts). Domains of stage 1 are as in the posting, but for detach_dev: it asks whose the descriptor is, and
 * frees the table of descriptors when it holds no lock any more. Not confirmed: the place in __arm_lpae_free_pgtable at
 * which free_leaf is called. A stream id that is out of range meets a WARN.
 *
 * Transitions look at the state before the count, share_hyp maps into the hypervisor before it marks the
 * page, and reclaim scrubs before it unmaps from the guest. A guest gives no page up whose count is not 0.
 *
 * Tables of two levels: a table is freed inside unmap, when what the SMMU remembers of it is gone; its live leaves give
 * their uses back (free_leaf), those that another call invalidated do not. Blocks are not split.
 *
 * Left out, because the slice has no place for it: the identity domain, owners of domains.
 */
import {
  check,
  dropCheck,
  dropStep,
  edit,
  insertAfter,
  insertBefore,
  jump,
  leave,
  mirrors,
  type Node,
  type Procedure,
  refuse,
  repeat,
  replaceStep,
  step,
  swapSteps,
  when,
} from "../../checker/index.ts";
import { buildMachine } from "../build.ts";
import { allocDomain } from "../hypercalls/alloc-domain.ts";
import { attachDev } from "../hypercalls/attach-dev.ts";
import { detachDev } from "../hypercalls/detach-dev.ts";
import { freeDomain } from "../hypercalls/free-domain.ts";
import { hostDonateGuest } from "../hypercalls/host-donate-guest.ts";
import { hostDonateHyp } from "../hypercalls/host-donate-hyp.ts";
import { guestRelinquish, type GuestFrame, unmapFromGuest } from "../hypercalls/guest-calls.ts";
import { hostReclaimPage, reclaimDyingGuestPage } from "../hypercalls/host-reclaim-page.ts";
import { hostShareHyp } from "../hypercalls/host-share-hyp.ts";
import { iovaToPhys } from "../hypercalls/iova-to-phys.ts";
import { mapPages, type MapFrame } from "../hypercalls/map-pages.ts";
import { changeRoot } from "../hypercalls/table-levels.ts";
import { refuseUnderflow } from "../hypercalls/use-dma.ts";
import { unmapPages } from "../hypercalls/unmap-pages.ts";
import { hostMmuLock, under } from "../locks.ts";
import type { Machine } from "../machine.ts";
import { blockPages, slotIn } from "../page-tables.ts";
import { mapAnswersErrors, scrubsFirst, stateFirst, unmapAlignedOnly } from "./android.ts";
import {
  allocDomain16,
  attachDev16,
  detachDev16,
  freeDomain16,
  iovaToPhys16,
  forEachListed,
} from "./android-lifetime.ts";
import { invalidatesInBatches, withFieldsOfBefore } from "./invalidation.ts";
import { entryAt, releaseFound, type UnmapFrameV2, withSecondWalk, zeroEntry } from "./pv-rfc2.ts";
import { countUpFirst, faultWithoutObject } from "./lifetime.ts";
import { pageOf } from "../tables.ts";
import { pvHypercalls } from "./pv.ts";
import { linksOverZeroOnly, type UnmapLevelFrame, walkLevels } from "./table-levels.ts";
import { hvcPd } from "../hypercalls/hvc-pd.ts";
import { hvcPd16 } from "./power.ts";
import { inVersion } from "./version.ts";

const version = "android16";
const walk = "io_pgtable_visit (android16)";
const visitor = "smmu_unmap_visit_leaf (android16)";

const functions = {
  __pkvm_host_use_dma: "__pkvm_use_dma",
  __pkvm_host_unuse_dma: "__pkvm_unuse_dma",
  is_range_refcounted: "__host_check_page_state_range",
  host_request_owned_transition: "__host_check_page_state_range",
};

/** The walk after the invalidation, without pgt_lock; it passes over what is zero. */
const secondWalk = repeat<Machine, UnmapFrameV2>(
  "walk the entries again",
  (_, c) => c.walked < c.gathered,
  [
    step(
      "read the entry's address",
      (s, c) => {
        const { pte: leaf } = entryAt(s, c, c.walked);
        c.found = leaf.tag === "none" ? null : leaf.page;
        if (c.found === null) c.walked++;
      },
      { mirrors: walk },
    ),
    when("the entry was not zero", (_, c) => c.found !== null, [
      step(
        "read the entry in the visitor",
        (s, c) => {
          if (entryAt(s, c, c.walked).pte.tag !== "none") return;
          c.found = null;
          c.walked++;
        },
        { mirrors: visitor },
      ),
      when("the entry is not zero yet", (_, c) => c.found !== null, [releaseFound, zeroEntry]),
    ]),
  ],
  { mirrors: "smmu_iotlb_sync (android16)" },
);

/** The second walk over tables of two levels: it passes over what is zero, and there is no visitor of tables. */
const levelWalk = walkLevels({
  walk,
  visitor,
  sync: "smmu_iotlb_sync (android16)",
  endsAtZero: false,
  looksAgain: true,
  afterTable: () => [],
});

interface FreeFrame {
  readonly table: number;
  flushed: number;
}

/** free_leaf: a live leaf of a table that is freed gives its use back, one after the other, under pgt_lock. */
function freeLeaves<C extends FreeFrame>(what: string): Node<Machine, C>[] {
  const leafOf = (s: Machine, c: C) => {
    const leaf = slotIn(s, c.table - 1, blockPages - c.flushed)?.pte;
    return leaf?.tag === "valid" ? leaf.page : null;
  };
  return [
    repeat(
      `give back the uses of the leaves of ${what}`,
      (_, c) => c.flushed > 0,
      [
        when(
          `is a leaf of ${what} live?`,
          (s, c) => leafOf(s, c) !== null,
          [
            under(hostMmuLock, [
              ...refuseUnderflow<C>((s, c) => s.pages[leafOf(s, c) ?? 0].references, ` of a leaf of ${what}`),
              step(
                `give back the use of a leaf of ${what}`,
                (s, c) => {
                  const of = leafOf(s, c);
                  if (of !== null) s.pages[of].references--;
                  c.flushed--;
                },
                { mirrors: "smmu_free_leaf (android16)", mechanisms: ["M13"] },
              ),
            ]),
          ],
          [
            step(
              `pass over a leaf of ${what}`,
              (_, c) => {
                c.flushed--;
              },
              { mirrors: "__arm_lpae_free_pgtable (android16)" },
            ),
          ],
        ),
      ],
      { mirrors: "__arm_lpae_free_pgtable (android16)" },
    ),
  ];
}

/** map_pages of android16. */
export const mapPages16 = edit<Machine>(
  mapPages,
  countUpFirst,
  ...mapAnswersErrors,
  insertBefore<Machine, MapFrame>(
    "the iova is aligned to the granule",
    faultWithoutObject("smmu_map_pages (android16)"),
  ),
  // A table that could not be linked, for an entry that lost its VALID bit is there, is the next level all the same.
  linksOverZeroOnly("arm_lpae_install_table (android16)", []),
  forEachListed("iommu.lock for walks", "iommu.lock for walks", (c) => {
    c.flushed = 0;
  }),
  // A table in the way is taken out, with all that it holds.
  dropCheck("the table holds no live leaf"),
  insertBefore<Machine, MapFrame>("free the empty table", ...freeLeaves<MapFrame>("the table in the way")),
  mirrors("kvm_iommu_map_pages (android16)"),
  inVersion(version, functions),
);

/** unmap_pages of android16. */
export const unmapPages16 = edit<Machine>(
  unmapPages,
  countUpFirst,
  ...unmapAlignedOnly("kvm_iommu_unmap_pages (android16)"),
  insertBefore<Machine, UnmapFrameV2>(
    "the domain has a page table",
    faultWithoutObject("smmu_unmap_pages (android16)"),
  ),
  ...withSecondWalk,
  replaceStep("walk the entries again", secondWalk),
  replaceStep("walk the tables again", levelWalk),
  // A table is freed at once, when what the SMMU remembers of it is gone.
  insertBefore<Machine, UnmapLevelFrame>(
    "free the table",
    step(
      "zero the entry of the root",
      (s, c) => {
        changeRoot(s, c, c.gathered - blockPages, { tag: "none" });
      },
      { mirrors: "__arm_lpae_unmap (android16)", arm: "table descriptor" },
    ),
    ...freeLeaves<UnmapLevelFrame>("the table"),
  ),
  // A block is not split (but for the identity domain): the call ends there.
  replaceStep<Machine, UnmapLevelFrame>(
    "take a page from the pool for the split",
    leave(jump("stop unmapping")),
  ),
  dropCheck("the pool had a page for the split"),
  dropStep("fill the table with the rest of the block"),
  dropStep("replace the block by the table"),
  // Every command of a batch has its own slot; the buffer is still not cleared.
  invalidatesInBatches("smmu_tlb_inv_range_smmu (android16)", withFieldsOfBefore, false),
  forEachListed("iommu.lock", "the invalidation is over", (c) => {
    c.issued = 0;
  }),
  forEachListed("iommu.lock for walks", "iommu.lock for walks", (c) => {
    c.flushed = 0;
  }),
  mirrors("kvm_iommu_unmap_pages (android16)"),
  inVersion(version, functions),
);

/** A guest gives no page up that its own devices use; and it is unmapped from the guest first. */
const guestRelinquish16 = edit<Machine>(
  guestRelinquish,
  insertBefore<Machine, GuestFrame>(
    "scrub the page",
    check(
      "the page is not used for DMA",
      (s, c) => (pageOf(s, c.page)?.references ?? 0) === 0,
      refuse("EBUSY"),
      { mirrors: "__pkvm_guest_relinquish_to_host (android16)" },
    ),
  ),
  dropStep("unmap the page from the guest"),
  insertAfter("scrub the page", unmapFromGuest),
);

const literal = new Map<Procedure<Machine>, Procedure<Machine>>([
  [mapPages, mapPages16],
  [hvcPd, hvcPd16],
  [unmapPages, unmapPages16],
  [allocDomain, allocDomain16],
  [attachDev, attachDev16],
  [detachDev, detachDev16],
  [freeDomain, freeDomain16],
  [iovaToPhys, iovaToPhys16],
  [hostDonateGuest, edit(hostDonateGuest, stateFirst)],
  [hostDonateHyp, edit(hostDonateHyp, stateFirst)],
  [
    hostShareHyp,
    edit(
      hostShareHyp,
      stateFirst,
      swapSteps("mark the page as shared by the host", "map the borrowed page into the hypervisor"),
    ),
  ],
  [hostReclaimPage, edit(hostReclaimPage, scrubsFirst)],
  [reclaimDyingGuestPage, edit(reclaimDyingGuestPage, scrubsFirst)],
  [guestRelinquish, guestRelinquish16],
]);

export const pvAndroid16Hypercalls: readonly Procedure<Machine>[] = pvHypercalls.map((call) =>
  edit(literal.get(call) ?? call, inVersion(version, functions)),
);

export function buildPvAndroid16() {
  return buildMachine("pv-android16", "The driver of android16-6.12, late, as it is.", pvAndroid16Hypercalls);
}
