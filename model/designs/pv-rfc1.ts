/**
 * pv-rfc1: the first posting of the Arm SMMUv3 driver for pKVM (RFC, February 2023), literally, as an edit of
 * pv.
 *
 * A whole call runs under iommu.lock: there is no lock of the page table, and no reference to the domain is
 * taken. unmap_pages takes one leaf at a time through all of it: entry, TLBI and SYNC, use. A page that is
 * used for DMA is SHARED_OWNED and counted, so that its state alone keeps it from being donated or shared;
 * the transitions do not ask for the count.
 *
 * Not confirmed: the text of __pkvm_host_share_dma and __pkvm_host_unshare_dma was not at hand. From what is
 * known of them: per page the count goes up first; the first use shares the page, a further one asks whether
 * it is shared and not the hypervisor's; on an error the count goes down again, and the pages before are
 * unshared. (So a page that may not be mapped is counted for a moment, under the locks: all that this design
 * breaks, steps-are-atoms, rests on this order.) That iommu.lock is held around them is confirmed.
 *
 * Domains and attachments are in pv-rfc1-lifetime.ts, with what could not be confirmed of them.
 *
 * Left out, because the slice has no place for it: a page at physical address 0, at which unmap_pages stops;
 * memory-mapped I/O, of which the host says itself what is RAM; the mark of pages of a dying guest, for which
 * it stands here that the guest maps the page. That a map which permits nothing never ends is there, but no
 * property asks for calls that go round for ever: it shows in no verdict.
 *
 * Tables of two levels: pages are aligned to the granule only, blocks too. A table is never taken out by unmap, which
 * goes down to its leaves; a map of a block takes it out and frees it, and what it held stays counted. Table pages come
 * from the pool here; in the posting each is donated by the host at that moment, from a list for each CPU.
 *
 * Three properties do not apply: there is no pgt_lock and no lock of domains, and what is mapped is never OWNED.
 */
import {
  addLocals,
  check,
  dropCheck,
  dropStep,
  type Edit,
  edit,
  insertAfter,
  insertBefore,
  isValid,
  jump,
  label,
  leave,
  mirrors,
  type Node,
  option,
  panic,
  type Procedure,
  repeat,
  replaceCheck,
  replaceStep,
  returns,
  step,
  swapSteps,
  unlocked,
  when,
} from "../../checker/index.ts";
import type { PageIndex } from "../../spec/ownership.ts";
import { buildMachine } from "../build.ts";
import { allocDomain } from "../hypercalls/alloc-domain.ts";
import { attachDev } from "../hypercalls/attach-dev.ts";
import { detachDev } from "../hypercalls/detach-dev.ts";
import { freeDomain } from "../hypercalls/free-domain.ts";
import { hostDonateGuest } from "../hypercalls/host-donate-guest.ts";
import { hostDonateHyp } from "../hypercalls/host-donate-hyp.ts";
import { hostShareHyp } from "../hypercalls/host-share-hyp.ts";
import { iovaToPhys } from "../hypercalls/iova-to-phys.ts";
import { mapPages, type MapFrame } from "../hypercalls/map-pages.ts";
import { guestRelinquish } from "../hypercalls/guest-calls.ts";
import { reclaimDyingGuestPage } from "../hypercalls/host-reclaim-page.ts";
import { startTeardown } from "../hypercalls/vcpus.ts";
import { poolReclaim } from "../hypercalls/pool-reclaim.ts";
import { firstRecorded, forgetFirst } from "../hypercalls/gather.ts";
import { warnUnless } from "../hypercalls/results.ts";
import { invalidate, nextEntry, unmapPage, unmapPages, type UnmapFrame } from "../hypercalls/unmap-pages.ts";
import { unmapWholeBlock } from "../hypercalls/table-levels.ts";
import { hostMmuLock, pkvmPgdLock, under } from "../locks.ts";
import { type Machine, page } from "../machine.ts";
import { pagesOf } from "../page-tables.ts";
import { changePage, pageOf } from "../tables.ts";
import { invalidatesSingly } from "./invalidation.ts";
import { pvHypercalls } from "./pv.ts";
import {
  allocDomainV1,
  attachDevV1,
  detachDevV1,
  faultOnNull,
  freeDomainV1,
  iovaToPhysV1,
  underIommuLock,
} from "./pv-rfc1-lifetime.ts";
import { smmuOfDomain } from "../smmu/smmus.ts";
import { hvcPd } from "../hypercalls/hvc-pd.ts";
import { hvcPdNotes } from "./power.ts";
import { inVersion } from "./version.ts";

const share = "__pkvm_host_share_dma (v1)";
const unshare = "__pkvm_host_unshare_dma (v1)";

/** Functions that have another name in this version, or whose place was another function. */
const functions = {
  smmu_map_pages: "kvm_iommu_map_pages",
  smmu_unmap_pages: "kvm_iommu_unmap_pages",
  is_range_refcounted: "host_request_owned_transition",
};

/** What the calls keep besides: the page that was used for the last time. */
const released = {
  released: option(page).means("the page whose last use was given back, until it is marked"),
};
type Released = { released: PageIndex | null };
type ShareFrame = MapFrame & Released;

/** The page that the call looks at: the last one counted. */
function counted(s: Machine, c: ShareFrame) {
  return pageOf(s, c.page, c.used - 1);
}

/**
 * unshare_dma of one page: gives back a use, and makes the page the host's own again where it was the last.
 * `next` says which page is next, and takes it off what is left to do.
 */
function unshareOne<C extends { released: PageIndex | null }>(
  what: string,
  next: (c: C) => PageIndex | null,
  done: (c: C) => void,
): Node<Machine, C>[] {
  return [
    check(
      `the count of ${what} does not underflow`,
      (s, c) => s.pages[next(c) ?? 0].references > 0,
      panic("BUG on an underflow of a page's count"),
      { mirrors: "hyp_page_ref_dec", mechanisms: ["M11"] },
    ),
    step(
      `give back the use of ${what}`,
      (s, c) => {
        const of = next(c);
        if (of === null) return;
        s.pages[of].references--;
        c.released = s.pages[of].references === 0 ? of : null;
        done(c);
      },
      { mirrors: unshare, sekvm: "smmu_count", mechanisms: ["M08", "M09"] },
    ),
    when(
      `was it the last use of ${what}?`,
      (_, c) => c.released !== null,
      [
        check(
          `${what} is shared`,
          (s, c) => s.pages[c.released ?? 0].hostState === "SHARED_OWNED",
          panic("WARN unless the page is shared"),
          { mirrors: "do_unshare (v1)" },
        ),
        step(
          `mark ${what} as the host's own again`,
          (s, c) => {
            if (c.released !== null) s.pages[c.released].hostState = "OWNED";
            c.released = null;
          },
          { mirrors: "do_unshare (v1)" },
        ),
      ],
      [],
      { mirrors: unshare },
    ),
  ];
}

/** The last page that the call counted as used. */
function lastUsed(c: ShareFrame): PageIndex | null {
  return c.used === 0 || !isValid(c.page) ? null : page.at(c.page + c.used - 1);
}

function forgetLastUsed(c: ShareFrame): void {
  c.used--;
}

/** share_dma: counts a use of every page of the range and marks it as shared, or leaves all as they were. */
const shareRange: Node<Machine, ShareFrame> = under(pkvmPgdLock, [
  repeat("count the uses", (_, c) => c.used < pagesOf(c), [
    check("the page is memory", (s, c) => pageOf(s, c.page, c.used) !== null, jump("take the shares back"), {
      mirrors: share,
    }),
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
      { mirrors: share, sekvm: "smmu_count", mechanisms: ["M01", "M07", "M08"] },
    ),
    when(
      "this is the page's first use",
      (s, c) => counted(s, c)?.references === 1,
      [
        check(
          "the page is the host's own",
          (s, c) => counted(s, c)?.hostState === "OWNED",
          jump("the page is refused"),
          { mirrors: "host_request_owned_transition (v1)", mechanisms: ["M02", "M15"] },
        ),
        step(
          "mark the page as shared for DMA",
          (s, c) => {
            changePage(s, c.page, c.used - 1, (entry) => {
              entry.hostState = "SHARED_OWNED";
            });
          },
          { mirrors: `${share}, do_share (v1)`, sekvm: "host_iso", mechanisms: ["M04", "M05", "M06"] },
        ),
      ],
      [
        check(
          "the page is shared, and not with the hypervisor",
          (s, c) => counted(s, c)?.hostState === "SHARED_OWNED" && counted(s, c)?.hypState === "NOPAGE",
          jump("the page is refused"),
          { mirrors: share, mechanisms: ["M02", "M06"] },
        ),
      ],
      { mirrors: share },
    ),
  ]),
  leave(jump("the pages are shared")),
  label("the page is refused", [
    step(
      "take the last count back",
      (s, c) => {
        c.used--;
        changePage(s, c.page, c.used, (entry) => {
          entry.references--;
        });
      },
      { mirrors: share, mechanisms: ["M03"] },
    ),
  ]),
  label("take the shares back", [
    repeat(
      "unshare the pages before",
      (_, c) => c.used > 0,
      unshareOne("a page shared before", lastUsed, forgetLastUsed),
      { mirrors: share, mechanisms: ["M03"] },
    ),
  ]),
  leave(returns("0")),
]);

/** What the tail of a partial map does not need. */
const unshareTail: Node<Machine, ShareFrame> = under(pkvmPgdLock, [
  repeat(
    "give back the uses of the tail",
    (_, c) => c.used > c.mapped,
    unshareOne("the tail", lastUsed, forgetLastUsed),
    { mirrors: unshare, mechanisms: ["M09"] },
  ),
]);

/** Takes the steps out that count calls in flight as references to the domain. */
const withoutReferences: readonly Edit<Machine>[] = [
  dropCheck("the domain is allocated"),
  dropCheck("the domain's references do not overflow"),
  dropStep("take a reference to the domain"),
  dropCheck("another reference to the domain remains"),
  dropStep("put the reference to the domain"),
];

const mapOrUnmap = "arm_lpae_map_pages (v1), __arm_lpae_unmap (v1)";

/** map_pages, as posted. */
export const mapPagesV1 = edit<Machine>(
  mapPages,
  addLocals(released),
  ...withoutReferences,
  dropCheck("the range is not empty"),
  dropCheck("the whole range is within the input address size"),
  // Alignment is asked for under the lock, before the pages are shared: what is unaligned gets no further.
  swapSteps("the iova and the physical address are aligned", "the domain's id is in range"),
  replaceCheck<Machine, MapFrame>("the iova and the physical address are aligned", {
    holds: (_, c) => c.iova !== "unaligned" && c.page !== "unaligned",
  }),
  dropCheck("WARN unless the physical address is aligned"),
  insertBefore<Machine, MapFrame>("the iova is aligned to the granule", label("the pages are shared", [])),
  dropCheck("the iova is aligned to the granule"),
  dropCheck("the domain has a page table"),
  // use_dma becomes share_dma.
  dropStep("look at the state of every page"),
  dropCheck("every page is the host's own"),
  replaceStep("count the uses", shareRange),
  replaceStep("give back the uses of the tail", unshareTail),
  // The entries are iommu.lock's. Where a leaf is in the way, a WARN_ON is met before the error.
  unlocked("pgt_lock"),
  unlocked("iommu.lock for walks"),
  // A table in the way is taken out and freed, with all that it holds.
  dropCheck("the table holds no live leaf"),
  ...["no block is in the way", "no live block is in the way"].map((check_) =>
    insertBefore<Machine, MapFrame>(
      check_,
      warnUnless(check_, (_, c) => c.isBlock === 0, "arm_lpae_init_pte, __arm_lpae_map (v1)"),
    ),
  ),
  insertBefore<Machine, MapFrame>("look at the entry", faultOnNull<MapFrame>(mapOrUnmap)),
  insertBefore<Machine, MapFrame>(
    "the entry is no live leaf",
    warnUnless("the entry is no live leaf", (_, c) => c.isAllowed, "arm_lpae_init_pte (v1)"),
  ),
  // What permits nothing is mapped successfully, over nothing: the loop makes no progress.
  dropCheck("the page may be read or written"),
  insertBefore<Machine, MapFrame>(
    "the root of the page table is not null",
    repeat("map what permits nothing", (_, c) => c.prot === "nothing", [
      step("map nothing, and try again", () => {}, { mirrors: "arm_lpae_map_pages (v1)" }),
    ]),
  ),
  underIommuLock<MapFrame | UnmapFrame>("the domain's id is in range", "put the domain", smmuOfDomain),
  mirrors("kvm_iommu_map_pages (v1)"),
  inVersion("v1", functions),
);

/** The page that the call unmapped and has not unshared. */
const unmapped = (c: UnmapFrame & Released): PageIndex | null => firstRecorded(c);

/** unmap_pages, as posted. */
export const unmapPagesV1 = edit<Machine>(
  unmapPages,
  addLocals(released),
  ...withoutReferences,
  dropCheck("the whole range is within the input address size"),
  replaceCheck("the iova is aligned to the granule", { otherwise: returns("0") }),
  dropCheck("the domain has a page table"),
  // One leaf at a time: its entry, its TLBI and SYNC, its use.
  dropStep("invalidate what was gathered"),
  insertAfter<Machine, UnmapFrame & Released>(
    "are blocks unmapped?",
    invalidate,
    under(hostMmuLock, [
      under(pkvmPgdLock, [
        repeat(
          "unshare what was unmapped",
          (_, c) => unmapped(c) !== null,
          unshareOne("the unmapped page", unmapped, forgetFirst),
          { mirrors: unshare },
        ),
      ]),
    ]),
  ),
  // A table is not taken out: the call goes down to its leaves, one at a time, whatever size was asked for.
  replaceStep<Machine, UnmapFrame>(
    "are blocks unmapped?",
    when(
      "is a block unmapped?",
      (_, c) => c.pgsize > 0 && c.isBlock > 0,
      unmapWholeBlock<UnmapFrame>(),
      [unmapPage],
      { mirrors: "__arm_lpae_unmap (v1)" },
    ),
  ),
  // Every TLBI has a SYNC; what fails of them meets a WARN, and the call goes on.
  invalidatesSingly("smmu_tlb_inv_range (v1)"),
  dropCheck("there is a page table to read"),
  insertBefore<Machine, UnmapFrame>("the entry is live", faultOnNull<UnmapFrame>(mapOrUnmap)),
  // Unmapping what is not mapped meets a WARN_ON.
  insertBefore<Machine, UnmapFrame>(
    "the entry is live",
    warnUnless("the entry is live", (s, c) => nextEntry(s, c)?.pte.tag === "valid", "__arm_lpae_unmap (v1)"),
  ),
  insertBefore<Machine, UnmapFrame>(
    "the entry of the root is live",
    warnUnless(
      "the entry of the root is live",
      (_, c) => c.table > 0 || c.isBlock > 0,
      "__arm_lpae_unmap (v1)",
    ),
  ),
  dropCheck("the iova is aligned to the block"),
  unlocked("pgt_lock"),
  unlocked("iommu.lock"),
  underIommuLock<MapFrame | UnmapFrame>("the domain's id is in range", "put the domain", smmuOfDomain),
  mirrors("kvm_iommu_unmap_pages (v1)"),
  inVersion("v1", functions),
);

/** A page that is used for DMA is SHARED_OWNED, which is all that the transitions look at. */
const byStateAlone = [hostDonateGuest, hostDonateHyp, hostShareHyp];

const literal: ReadonlyMap<Procedure<Machine>, Procedure<Machine>> = new Map([
  [mapPages, mapPagesV1],
  [hvcPd, hvcPdNotes("v1")],
  [unmapPages, unmapPagesV1],
  [allocDomain, allocDomainV1],
  [attachDev, attachDevV1],
  [detachDev, detachDevV1],
  [freeDomain, freeDomainV1],
  [iovaToPhys, iovaToPhysV1],
]);

/**
 * There is no pool, so nothing is reclaimed from it. Guests give no page up, and a teardown marks all pages at once,
 * which is not retold.
 */
const without: readonly Procedure<Machine>[] = [
  poolReclaim,
  guestRelinquish,
  startTeardown,
  reclaimDyingGuestPage,
];

export const pvRfc1Hypercalls: readonly Procedure<Machine>[] = pvHypercalls
  .filter((call) => !without.includes(call))
  .map((call) => {
    const found = literal.get(call);
    if (found !== undefined) return found;
    const shared = byStateAlone.includes(call) ? edit(call, dropCheck("the page is not used for DMA")) : call;
    return edit(shared, inVersion("v1", functions));
  });

export function buildPvRfc1() {
  return buildMachine("pv-rfc1", "The posting of February 2023, as posted.", pvRfc1Hypercalls, {
    hasPool: false,
  });
}
