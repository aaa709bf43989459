/**
 * pv-android15: the driver of android15-6.6, in its late state (with the checks of alignment), literally, as
 * an edit of pv.
 *
 * - unmap_pages takes a run of entries of one table at a time: clears and records them under pgt_lock, has
 *   them invalidated, and gives back the recorded uses; then the next run. Here a run is
 *   one entry: it is invalidated where it ends, and what was gathered never has to make room for what does not join it.
 * - A use is counted under the locks of the host's and of the hypervisor's stage 2, page by page, with a
 *   rollback. It is given back with no lock at all, by an atomic decrement.
 * - A page may be mapped that the host may access (OWNED, shared, borrowed) and that the hypervisor does not
 *   map. So what a guest lends is mapped as well, and guest_unshare_host refuses a page that is used.
 * - Domains are attached to lists of SMMUs, and every detach invalidates by the domain's id; free_domain invalidates
 *   nothing (android-lifetime.ts). The driver looks at the page table without asking whether there is one.
 * - host_unshare_hyp refuses a page that is used, before it looks at the state.
 *
 * Not confirmed: detach_dev is that of the last tree at hand, whose text of it is a merge that cannot be translated as
 * it stands; earlier trees do not ask whose entry it is. Whether unmapping what is not mapped meets a WARN; here it only ends the call. The record is
 * written after the entry is cleared, from the value read before: it is private to the CPU, so the step that
 * reads stands for both.
 *
 * Tables of two levels: a table is freed inside unmap, when what the SMMU remembers of it is gone and its leaves are
 * recorded; there is no TLBI for it besides. A map of a block takes a table in the way out, whose leaves nobody
 * records. A block is split.
 *
 * Not confirmed again: that the core asks for alignment to the page size; the copies that were read for the tables
 * ask for that to the granule only.
 *
 * Left out, because the slice has no place for it: the identity domain, I/O memory, lists longer than a call's range.
 * Several SMMUs in a domain's list are modelled, but no scenario of this design has them: at the bounds of `two-smmus`
 * there are 7,996,056 states, and nothing in them that one SMMU does not show.
 */
import {
  check,
  dropCheck,
  dropStep,
  edit,
  enclosed,
  insertBefore,
  jump,
  label,
  leave,
  mirrors,
  type Node,
  panic,
  type Procedure,
  refuse,
  repeat,
  replaceCheck,
  replaceStep,
  step,
  swapSteps,
  unlocked,
  when,
} from "../../checker/index.ts";
import { buildMachine } from "../build.ts";
import { attachDev } from "../hypercalls/attach-dev.ts";
import { detachDev } from "../hypercalls/detach-dev.ts";
import { freeDomain } from "../hypercalls/free-domain.ts";
import { guestUnshareHost, type GuestFrame } from "../hypercalls/guest-calls.ts";
import { hostUnshareHyp } from "../hypercalls/host-share-hyp.ts";
import { iovaToPhys } from "../hypercalls/iova-to-phys.ts";
import { mapPages, type MapFrame } from "../hypercalls/map-pages.ts";
import { note, releaseRecorded } from "../hypercalls/gather.ts";
import { clearEntry, invalidate, unmapPages, type UnmapFrame } from "../hypercalls/unmap-pages.ts";
import { pkvmPgdLock, under } from "../locks.ts";
import type { Machine } from "../machine.ts";
import { blockPages, pagesOf, slotIn } from "../page-tables.ts";
import { changePage, pageOf } from "../tables.ts";
import { mapAnswersErrors, unmapAlignedOnly } from "./android.ts";
import {
  attachDev15,
  detachDev15,
  faultsWithoutTable,
  forEachListed,
  freeDomain15,
  iovaToPhys15,
} from "./android-lifetime.ts";
import { gathersTables, invalidatesSingly } from "./invalidation.ts";
import { countUpFirst, faultWithoutObject } from "./lifetime.ts";
import { pvHypercalls } from "./pv.ts";
import { hvcPd } from "../hypercalls/hvc-pd.ts";
import { hvcPd15 } from "./power.ts";
import { inVersion } from "./version.ts";

const version = "android15";
const use = "__pkvm_host_use_dma (android15)";
const useOne = "__pkvm_host_use_dma_page (android15)";
const unuse = "__pkvm_host_unuse_dma (android15)";
const core = "kvm_iommu_unmap_pages (android15)";

const functions = {
  smmu_put_pages: "kvm_iommu_unmap_walker",
  smmu_flush_deferred_unuse: "kvm_iommu_flush_unmap_cache",
};

/** May the next page be mapped? The host may access it, and the hypervisor does not map it. */
function isNextAllowed(s: Machine, c: MapFrame): boolean {
  const entry = pageOf(s, c.page, c.used);
  if (entry === null || entry.hostState === "NOPAGE") return false;
  return entry.hostState === "OWNED" || entry.hypState === "NOPAGE";
}

/** Gives back one use that the call counted: no lock, one atomic decrement. */
function giveBack(what: string): Node<Machine, MapFrame>[] {
  return [
    check(
      `the count of ${what} does not underflow`,
      (s, c) => (pageOf(s, c.page, c.used - 1)?.references ?? 1) > 0,
      panic("BUG on an underflow of a page's count"),
      { mirrors: "hyp_page_ref_dec", mechanisms: ["M11"] },
    ),
    step(
      `give back a use of ${what}`,
      (s, c) => {
        c.used--;
        changePage(s, c.page, c.used, (entry) => {
          entry.references--;
        });
      },
      { mirrors: unuse, mechanisms: ["M09"] },
    ),
  ];
}

/** use_dma: page by page, state and count; where a page may not be mapped, those before are given back. */
const useRange: Node<Machine, MapFrame> = under(pkvmPgdLock, [
  repeat("count the uses", (_, c) => c.used < pagesOf(c), [
    check(
      "the host may access the page, and the hypervisor does not map it",
      (s, c) => isNextAllowed(s, c),
      jump("take the uses back"),
      { mirrors: useOne, sekvm: "host_iso", mechanisms: ["M02", "M07", "M15"] },
    ),
    check(
      "the page's count does not overflow",
      (s, c, at) => (pageOf(s, c.page, c.used)?.references ?? 0) < at.bounds.references,
      panic("BUG on an overflow of a page's count"),
      { mirrors: "hyp_page_ref_inc", mechanisms: ["M10"] },
    ),
    step(
      "count a use of the page",
      (s, c) => {
        changePage(s, c.page, c.used, (entry) => {
          entry.references++;
        });
        c.used++;
      },
      { mirrors: useOne, sekvm: "smmu_count", mechanisms: ["M01", "M07", "M08"] },
    ),
  ]),
  leave(jump("the uses are counted")),
  label("take the uses back", [
    repeat("give back the uses before", (_, c) => c.used > 0, giveBack("a page counted before"), {
      mirrors: use,
      mechanisms: ["M03"],
    }),
  ]),
  leave(jump("put the domain")),
]);

/** map_pages of android15. */
export const mapPages15 = edit<Machine>(
  mapPages,
  countUpFirst,
  ...mapAnswersErrors,
  faultsWithoutTable,
  dropStep("look at the state of every page"),
  dropCheck("every page is the host's own"),
  replaceStep("count the uses", useRange),
  insertBefore<Machine, MapFrame>(
    "the iova is aligned to the granule",
    label("the uses are counted", []),
    faultWithoutObject("smmu_map_pages (android15)"),
  ),
  replaceStep(
    "give back what was not mapped",
    repeat<Machine, MapFrame>(
      "give back the uses of the tail",
      (_, c) => c.used > c.mapped,
      giveBack("the tail"),
      { mirrors: "kvm_iommu_map_pages (android15)", mechanisms: ["M09"] },
    ),
  ),
  forEachListed("iommu.lock for walks", "iommu.lock for walks", (c) => {
    c.flushed = 0;
  }),
  // A table in the way is taken out and freed with all that it holds: nobody records its leaves.
  dropCheck("the table holds no live leaf"),
  mirrors("kvm_iommu_map_pages (android15)"),
  inVersion(version, functions),
);

/** unmap_pages of android15. */
export const unmapPages15 = edit<Machine>(
  unmapPages,
  countUpFirst,
  ...unmapAlignedOnly(core),
  ...gathersTables,
  insertBefore<Machine, UnmapFrame>(
    "the domain has a page table",
    faultWithoutObject("smmu_unmap_pages (android15)"),
  ),
  faultsWithoutTable,
  replaceStep("clear the entries", ...clearEntry),
  // Nothing was unmapped in this round: the call ends without an invalidation.
  replaceCheck<Machine, UnmapFrame>("the iova is within the input address size", {
    otherwise: jump("put the domain"),
  }),
  replaceCheck<Machine, UnmapFrame>("the entry is live", { otherwise: jump("put the domain") }),
  replaceCheck<Machine, UnmapFrame>("the entry of the root is live", { otherwise: jump("put the domain") }),
  replaceCheck<Machine, UnmapFrame>("the pool had a page for the split", {
    otherwise: jump("put the domain"),
  }),
  dropStep("stop unmapping"),
  dropStep("invalidate what was gathered"),
  enclosed<Machine, UnmapFrame>("pgt_lock", "pgt_lock", (clear) =>
    repeat(
      "unmap run by run",
      (_, c) => c.gathered < pagesOf(c),
      [
        ...clear,
        when("was a leaf gathered?", (_, c) => c.issued < c.gathered, [invalidate]),
        releaseRecorded<UnmapFrame>(),
      ],
      { mirrors: core, mechanisms: ["M12", "M13", "M60", "M61"] },
    ),
  ),
  // A table's leaves are recorded when the SMMU has forgotten the table, and are not gathered.
  dropStep("record the pages of the table"),
  insertBefore<Machine, UnmapFrame>(
    "free the table",
    step(
      "record the leaves of the table that was taken out",
      (s, c) => {
        const first = c.gathered - blockPages;
        for (let k = 0; k < blockPages; k++) {
          const leaf = slotIn(s, c.table - 1, k)?.pte;
          note(c, first + k, leaf?.tag === "valid" ? leaf.page : null);
        }
        c.issued = c.gathered;
      },
      { mirrors: "__arm_lpae_walk, kvm_iommu_unmap_walker (android15)", mechanisms: ["M13"] },
    ),
  ),
  invalidatesSingly("smmu_tlb_inv_range (android15)"),
  // Each SMMU of the list gets the run's commands: the run begins with the first entry whose use is still recorded.
  forEachListed("iommu.lock", "the invalidation is over", (c) => {
    c.issued = c.recorded0 === null ? 1 : 0;
  }),
  forEachListed("iommu.lock for walks", "iommu.lock for walks", (c) => {
    c.flushed = 0;
  }),
  unlocked("host_mmu.lock"),
  mirrors(core),
  inVersion(version, functions),
);

/** host_unshare_hyp of android15: the count is asked for with the state, and the error is another one. */
export const hostUnshareHyp15 = edit<Machine>(
  hostUnshareHyp,
  swapSteps("the host shares the page", "the page is not pinned"),
  replaceCheck("the page is not pinned", { otherwise: refuse("EINVAL") }),
  inVersion(version, functions),
);

/** A guest takes back a page only while no device of the host's uses it. */
export const guestUnshareHost15 = edit<Machine>(
  guestUnshareHost,
  insertBefore<Machine, GuestFrame>(
    "the host borrows the page",
    check(
      "the page is not used for DMA",
      (s, c) => (pageOf(s, c.page)?.references ?? 0) === 0,
      refuse("EINVAL"),
      {
        mirrors: "guest_request_unshare, is_range_refcounted (android15)",
        sekvm: "smmu_count",
        mechanisms: ["M15"],
      },
    ),
  ),
  inVersion(version, functions),
);

const literal: ReadonlyMap<Procedure<Machine>, Procedure<Machine>> = new Map([
  [mapPages, mapPages15],
  [hvcPd, hvcPd15],
  [unmapPages, unmapPages15],
  [hostUnshareHyp, hostUnshareHyp15],
  [guestUnshareHost, guestUnshareHost15],
  [attachDev, attachDev15],
  [detachDev, detachDev15],
  [freeDomain, freeDomain15],
  [iovaToPhys, iovaToPhys15],
]);

export const pvAndroid15Hypercalls: readonly Procedure<Machine>[] = pvHypercalls.map(
  (call) => literal.get(call) ?? edit(call, inVersion(version, functions)),
);

export function buildPvAndroid15() {
  return buildMachine("pv-android15", "The driver of android15-6.6, late, as it is.", pvAndroid15Hypercalls);
}
