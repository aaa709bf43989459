/**
 * pv-2025: the rework of 2025 in the Android common kernel (one SMMU for a domain, fixed when it is
 * allocated), literally, as an edit of pv.
 *
 * - map_pages: the driver asks for alignment, counts the uses, maps, and gives the tail back.
 * - unmap_pages: the driver records each page just before its entry is cleared, and gives the recorded uses
 *   back as soon as it has left pgt_lock. Only then does the core have the entries invalidated.
 * - Mapping over a live leaf and unmapping what is not mapped meet a WARN.
 * - Transitions look at the state before the count. The hypervisor's table changes before the host's where the
 *   hypervisor gets, borrows or returns a page; the host's before the guest's where a guest lends or takes back one. A
 *   page that a guest gives up is unmapped and then scrubbed, one of a dying guest scrubbed and then unmapped.
 * - Of a batch, every second command is taken from the wrong place of the buffer. A batch is announced by the
 *   doorbell of the SYNC behind it.
 * - The doorbell has no barrier.
 *
 * Transitions and the calls of guests (mem_protect.c: __pkvm_host_share_hyp, __pkvm_host_unshare_hyp, __pkvm_host_donate_hyp_locked,
 * __pkvm_guest_share_host, __pkvm_guest_unshare_host, __pkvm_guest_relinquish_to_host, __pkvm_host_reclaim_page_guest)
 * were read in a tree that has this driver (hlyytine/linux), in a copy of the file without the parts for DMA. Not
 * confirmed: whether relinquish asks for the count besides, as android16 does (no page of a guest has one here); the
 * reclaim of pages of the pool, which is that of the posting's base.
 *
 * Tables of two levels: a table is freed inside unmap, as in pv. Not confirmed: the copy of io-pgtable that has the
 * callback for the pages was not at hand; that they are recorded before the entry is cleared is the driver's comment.
 * Left out with it: a map of a block over a table, whose pages would stay on the list until the CPU's next unmap; here
 * it is refused where the table holds a live leaf.
 *
 * Left out, because the slice has no place for it: lists longer than a call's range; the error that unmap
 * returns as a size; records of neighbouring pages made one; identity, power. The lifetime of domains is in
 * pv-2025-lifetime.ts.
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
  type Procedure,
  replaceStep,
  swapSteps,
} from "../../checker/index.ts";
import { buildMachine } from "../build.ts";
import { allocDomain } from "../hypercalls/alloc-domain.ts";
import { attachDev } from "../hypercalls/attach-dev.ts";
import { detachDev } from "../hypercalls/detach-dev.ts";
import { freeDomain } from "../hypercalls/free-domain.ts";
import {
  type GuestFrame,
  guestRelinquish,
  guestShareHost,
  guestUnshareHost,
  unmapFromGuest,
} from "../hypercalls/guest-calls.ts";
import { hostDonateGuest } from "../hypercalls/host-donate-guest.ts";
import { hostDonateHyp } from "../hypercalls/host-donate-hyp.ts";
import { hostReclaimPage, reclaimDyingGuestPage } from "../hypercalls/host-reclaim-page.ts";
import { hostShareHyp, hostUnshareHyp } from "../hypercalls/host-share-hyp.ts";
import { iovaToPhys } from "../hypercalls/iova-to-phys.ts";
import { mapPages, type MapFrame } from "../hypercalls/map-pages.ts";
import { warnUnless } from "../hypercalls/results.ts";
import { nextEntry, unmapPages, type UnmapFrame } from "../hypercalls/unmap-pages.ts";
import type { Machine } from "../machine.ts";
import { mapAnswersErrors, scrubsFirst, stateFirst, unmapAlignedOnly } from "./android.ts";
import { gathersTables, fromTheWrongWord, invalidatesInBatches } from "./invalidation.ts";
import { countUpFirst } from "./lifetime.ts";
import { pvHypercalls } from "./pv.ts";
import { addSync } from "../smmu/command-queue.ts";
import { smmuOfDomain } from "../smmu/smmus.ts";
import { withoutBarrier } from "./pv-2025-doorbell.ts";
import {
  allocDomain2025,
  attachDev2025,
  detachDev2025,
  freeDomain2025,
  iovaToPhys2025,
  putsWithoutDriver,
} from "./pv-2025-lifetime.ts";
import { hvcPd } from "../hypercalls/hvc-pd.ts";
import { hvcPd2025 } from "./power.ts";
import { inVersion } from "./version.ts";

const version = "2025";

const functions = {
  __pkvm_host_use_dma: "__pkvm_use_dma",
  __pkvm_host_unuse_dma: "__pkvm_unuse_dma",
  smmu_sync_cmd: "smmu_submit_batch_sync",
  smmu_add_cmd: "__smmu_add_cmd",
};

const reclaims = { __pkvm_host_reclaim_page: "__pkvm_host_reclaim_page_guest" };

/** map_pages of 2025. */
export const mapPages2025 = edit<Machine>(
  mapPages,
  countUpFirst,
  ...mapAnswersErrors,
  putsWithoutDriver("WARN unless the physical address is aligned", "kvm_iommu_map_pages (2025)"),
  // The driver looks at the alignment before it counts anything; then no WARN is left to meet.
  dropCheck("the iova is aligned to the granule"),
  insertBefore<Machine, MapFrame>(
    "WARN unless the physical address is aligned",
    check("the iova is aligned to the granule", (_, c) => c.iova !== "unaligned", jump("put the domain"), {
      mirrors: "smmu_map_pages (2025)",
      mechanisms: ["M17"],
    }),
  ),
  dropCheck("WARN unless the physical address is aligned"),
  insertBefore<Machine, MapFrame>(
    "the entry is no live leaf",
    warnUnless("the entry is no live leaf", (_, c) => c.isAllowed, "arm_lpae_init_pte (2025)"),
  ),
  ...["no block is in the way", "no live block is in the way"].map((check_) =>
    insertBefore<Machine, MapFrame>(
      check_,
      warnUnless(check_, (_, c) => c.isBlock === 0, "arm_lpae_init_pte, __arm_lpae_map (2025)"),
    ),
  ),
  ...["TLBI of walks", "SYNC of walks"].map((name) => withoutBarrier<MapFrame>(name, smmuOfDomain)),
  mirrors("kvm_iommu_map_pages (2025)"),
  inVersion(version, { ...functions, kvm_iommu_map_pages: "smmu_map_pages" }),
);

/** unmap_pages of 2025. */
export const unmapPages2025 = edit<Machine>(
  unmapPages,
  countUpFirst,
  ...unmapAlignedOnly("kvm_iommu_unmap_pages (2025)"),
  insertBefore<Machine, UnmapFrame>(
    "the entry is live",
    warnUnless(
      "the entry is live",
      (s, c) => nextEntry(s, c)?.pte.tag === "valid",
      "__arm_lpae_unmap (2025)",
    ),
  ),
  ...gathersTables,
  // The driver gives the uses back when it returns; the core invalidates after that.
  swapSteps("iommu.lock", "give back the recorded uses"),
  // A batch is announced by the SYNC behind it, a full one by one of its own.
  invalidatesInBatches("smmu_submit_batch_sync (2025)", fromTheWrongWord, false),
  dropStep("ring the doorbell for the full batch"),
  dropStep("ring the doorbell for the last batch"),
  insertAfter<Machine, UnmapFrame>(
    "advance the producer past the full batch",
    ...addSync<UnmapFrame>(smmuOfDomain, " of the full batch", jump("the full batch is done with")),
  ),
  // No doorbell has a barrier.
  ...["TLBI", "SYNC", "SYNC of the full batch", "TLBI of walks", "SYNC of walks"].map((name) =>
    withoutBarrier<UnmapFrame>(name, smmuOfDomain),
  ),
  insertBefore<Machine, UnmapFrame>(
    "the entry of the root is live",
    warnUnless(
      "the entry of the root is live",
      (_, c) => c.table > 0 || c.isBlock > 0,
      "__arm_lpae_unmap (2025)",
    ),
  ),
  // A block is not split: a WARN, and the call ends there.
  replaceStep<Machine, UnmapFrame>(
    "take a page from the pool for the split",
    warnUnless("the range has no part of a block", () => false, "__arm_lpae_unmap (2025)"),
    leave(jump("stop unmapping")),
  ),
  dropCheck("the pool had a page for the split"),
  dropStep("fill the table with the rest of the block"),
  dropStep("record the pages that the table leaves out"),
  dropStep("replace the block by the table"),
  mirrors("kvm_iommu_unmap_pages (2025)"),
  inVersion(version, functions),
);

/** Transitions change the new owner's table first where that is the hypervisor's, and the host's first where it is a guest's. */
const hostDonateHyp2025 = edit<Machine>(
  hostDonateHyp,
  stateFirst,
  swapSteps("annotate the host's stage 2 with the hypervisor", "map the page into the hypervisor"),
  swapSteps("annotate the host's stage 2 with the hypervisor", "take the page from the host's state"),
  inVersion(version, {}),
);
const hostShareHyp2025 = edit<Machine>(
  hostShareHyp,
  stateFirst,
  swapSteps("mark the page as shared by the host", "map the borrowed page into the hypervisor"),
  inVersion(version, {}),
);
const hostUnshareHyp2025 = edit<Machine>(
  hostUnshareHyp,
  swapSteps("the page is not pinned", "the hypervisor borrows the page"),
  swapSteps("mark the page as the host's own", "unmap the borrowed page from the hypervisor"),
  inVersion(version, {}),
);
const guestShareHost2025 = edit<Machine>(
  guestShareHost,
  swapSteps("mark the page as lent in the guest's stage 2", "let the host borrow the page"),
  inVersion(version, {}),
);
const guestUnshareHost2025 = edit<Machine>(
  guestUnshareHost,
  swapSteps("mark the page as the guest's own", "take the page from the host, which borrowed it"),
  inVersion(version, {}),
);
/** The page is unmapped from the guest before it is scrubbed. */
const guestRelinquish2025 = edit<Machine>(
  guestRelinquish,
  dropStep("unmap the page from the guest"),
  insertBefore<Machine, GuestFrame>("scrub the page", unmapFromGuest),
  inVersion(version, {}),
);

const literal: ReadonlyMap<Procedure<Machine>, Procedure<Machine>> = new Map([
  [mapPages, mapPages2025],
  [hvcPd, hvcPd2025],
  [unmapPages, unmapPages2025],
  [hostDonateGuest, edit(hostDonateGuest, stateFirst, inVersion(version, functions))],
  [hostDonateHyp, hostDonateHyp2025],
  [hostShareHyp, hostShareHyp2025],
  [hostUnshareHyp, hostUnshareHyp2025],
  [hostReclaimPage, edit(hostReclaimPage, scrubsFirst, inVersion(version, reclaims))],
  [reclaimDyingGuestPage, edit(reclaimDyingGuestPage, scrubsFirst, inVersion(version, reclaims))],
  [guestShareHost, guestShareHost2025],
  [guestUnshareHost, guestUnshareHost2025],
  [guestRelinquish, guestRelinquish2025],
  [allocDomain, allocDomain2025],
  [attachDev, attachDev2025],
  [detachDev, detachDev2025],
  [freeDomain, freeDomain2025],
  [iovaToPhys, iovaToPhys2025],
]);

export const pv2025Hypercalls: readonly Procedure<Machine>[] = pvHypercalls.map(
  (call) => literal.get(call) ?? call,
);

export function buildPv2025() {
  return buildMachine("pv-2025", "The rework of 2025, as it is.", pv2025Hypercalls);
}
