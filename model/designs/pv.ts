/**
 * pv: the paravirtual design, corrected. Every mechanism that this slice has room for is in it, and it claims
 * to hold. Where the sources offer a choice: uses are given back from a recorded list, only pages in state
 * OWNED are mapped for DMA, and a domain has one SMMU.
 *
 * What it corrects, compared with the posting of December 2024 (pv-rfc2 is the edit that takes it back):
 * - unmap_pages records which pages it unmaps while it holds the lock of the page table, and gives back the
 *   uses of these (M13); it does not walk the table again without the lock, where it meets others' entries.
 * - map_pages puts its reference to the domain on every path (M36).
 * - Ranges that are empty, unaligned or outside the address space are refused before anything is done
 *   (M17, M18), so that no argument but an unallocated domain meets a WARN or a BUG.
 * - detach_dev looks whether the stream table entry is valid and the domain's (M37): the reference that it puts
 *   is the one that this entry stands for.
 * - attach_dev looks at the domain's SMMU, builds the page table and sets the SMMU in one section under the
 *   domain's pgt_lock (M40): the lock of the device's SMMU does not keep another SMMU's attachment away.
 * - attach_dev looks at the entry before it builds a page table, so that a refusal leaves nothing behind.
 * - free_domain gives back the uses of the pages that are still mapped (M13); one that is refused is no WARN.
 * - Unmapping what is not mapped ends the call and does not panic.
 *
 * - Where the SMMU makes no room for a command, or does not complete a SYNC, before the hypervisor gives up
 *   waiting, the call stops for good and gives nothing back (M55). In the sources errors of commands end at WARNs,
 *   and that of a full batch nowhere.
 * - A batch of commands is built from zero, and every command goes to a slot of its own (M56, M57).
 * - hvc_pd disables the SMMU before it takes it to be off (M65), and cleans all that it may remember before it takes
 *   it to be on and lets it translate (M66). A device that is attached meanwhile has its entry written and nothing
 *   invalidated, as in android16.
 *
 * What it leaves as it is: a call on a domain without references is a BUG (M34), as in every version. The
 * host can panic its own CPU with it; that is a matter of availability.
 */
import type { Procedure } from "../../checker/index.ts";
import { allocDomain } from "../hypercalls/alloc-domain.ts";
import { attachDev } from "../hypercalls/attach-dev.ts";
import { detachDev } from "../hypercalls/detach-dev.ts";
import { freeDomain } from "../hypercalls/free-domain.ts";
import { hostDonateGuest } from "../hypercalls/host-donate-guest.ts";
import { hostDonateHyp } from "../hypercalls/host-donate-hyp.ts";
import { guestRelinquish, guestShareHost, guestUnshareHost } from "../hypercalls/guest-calls.ts";
import { hostReclaimPage, reclaimDyingGuestPage } from "../hypercalls/host-reclaim-page.ts";
import { hostShareHyp, hostUnshareHyp } from "../hypercalls/host-share-hyp.ts";
import { hvcPd } from "../hypercalls/hvc-pd.ts";
import { iovaToPhys } from "../hypercalls/iova-to-phys.ts";
import { mapPages } from "../hypercalls/map-pages.ts";
import { poolReclaim } from "../hypercalls/pool-reclaim.ts";
import { unmapPages } from "../hypercalls/unmap-pages.ts";
import { startTeardown, vcpuLoad, vcpuPut } from "../hypercalls/vcpus.ts";
import type { Machine } from "../machine.ts";
import { buildMachine } from "../build.ts";

export const pvHypercalls: readonly Procedure<Machine>[] = [
  mapPages,
  unmapPages,
  hostDonateGuest,
  hostDonateHyp,
  hostShareHyp,
  hostUnshareHyp,
  hostReclaimPage,
  allocDomain,
  attachDev,
  detachDev,
  freeDomain,
  iovaToPhys,
  poolReclaim,
  hvcPd,
  vcpuLoad,
  vcpuPut,
  guestShareHost,
  guestUnshareHost,
  guestRelinquish,
  startTeardown,
  reclaimDyingGuestPage,
];

export function buildPv() {
  return buildMachine("pv", "The paravirtual design, corrected.", pvHypercalls);
}
