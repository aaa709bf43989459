/**
 * pv-2025: the rework of 2025 in the Android common kernel (one SMMU for a domain, fixed when it is
 * allocated), literally, as an edit of pv.
 *
 * - map_pages: the driver asks for alignment, counts the uses, maps, and gives the tail back.
 * - unmap_pages: the driver records each page just before its entry is cleared, and gives the recorded uses
 *   back as soon as it has left pgt_lock. Only then does the core have the entries invalidated.
 * - Mapping over a live leaf and unmapping what is not mapped meet a WARN.
 * - host_donate_guest looks at the state before the count.
 *
 * Not confirmed: host_share_hyp, host_unshare_hyp, host_donate_hyp and reclaim of this version were not read
 * again; they are those of the posting's base.
 *
 * Left out, because the slice has no place for it: batches of commands (of a batch, the second and further
 * commands are taken from the wrong place of the buffer and lost: that takes a range of two pages at once, a
 * queue longer than the batch, and commands that invalidate nothing); stores that the SMMU sees late (the
 * doorbell has no barrier); lists longer than a call's range; the error that unmap returns as a size; records
 * of neighbouring pages made one; attach, identity, table pages, power.
 */
import {
  check,
  dropCheck,
  edit,
  insertBefore,
  jump,
  mirrors,
  type Procedure,
  swapSteps,
} from "../../checker/index.ts";
import { buildMachine } from "../build.ts";
import { hostDonateGuest } from "../hypercalls/host-donate-guest.ts";
import { mapPages, type MapFrame } from "../hypercalls/map-pages.ts";
import { warnUnless } from "../hypercalls/results.ts";
import { nextEntry, unmapPages, type UnmapFrame } from "../hypercalls/unmap-pages.ts";
import type { Machine } from "../machine.ts";
import { mapAnswersErrors, unmapAlignedOnly } from "./android.ts";
import { sliceHypercalls } from "./slice.ts";
import { inVersion } from "./version.ts";

const version = "2025";

const functions = {
  __pkvm_host_use_dma: "__pkvm_use_dma",
  __pkvm_host_unuse_dma: "__pkvm_unuse_dma",
  smmu_sync_cmd: "smmu_submit_batch_sync",
  smmu_add_cmd: "__smmu_add_cmd",
};

/** map_pages of 2025. */
export const mapPages2025 = edit<Machine>(
  mapPages,
  ...mapAnswersErrors,
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
  mirrors("kvm_iommu_map_pages (2025)"),
  inVersion(version, { ...functions, kvm_iommu_map_pages: "smmu_map_pages" }),
);

/** unmap_pages of 2025. */
export const unmapPages2025 = edit<Machine>(
  unmapPages,
  ...unmapAlignedOnly("kvm_iommu_unmap_pages (2025)"),
  insertBefore<Machine, UnmapFrame>(
    "the entry is live",
    warnUnless(
      "the entry is live",
      (s, c) => nextEntry(s, c)?.pte.tag === "valid",
      "__arm_lpae_unmap (2025)",
    ),
  ),
  // The driver gives the uses back when it returns; the core invalidates after that.
  swapSteps("iommu.lock", "give back the recorded uses"),
  mirrors("kvm_iommu_unmap_pages (2025)"),
  inVersion(version, functions),
);

/** host_donate_guest of 2025. */
export const hostDonateGuest2025 = edit<Machine>(
  hostDonateGuest,
  swapSteps("the page is not used for DMA", "the host owns the page"),
  inVersion(version, functions),
);

export const pv2025Hypercalls: readonly Procedure<Machine>[] = sliceHypercalls.map((call) => {
  if (call === mapPages) return mapPages2025;
  if (call === unmapPages) return unmapPages2025;
  return call === hostDonateGuest ? hostDonateGuest2025 : call;
});

export function buildPv2025() {
  return buildMachine("pv-2025", "The rework of 2025, as it is.", pv2025Hypercalls);
}
