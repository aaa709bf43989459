/**
 * What an unmap has gathered: pages that it unmapped and has not invalidated yet (iommu_iotlb_gather), and the list of
 * pages whose use it has still to give back.
 *
 * A gather is one range of iovas. A block that is unmapped joins it at its end. A table that is taken out does not: what
 * was read from it is invalidated at once (flush_walk), and leaves a gap. A block behind a gap cannot join: what was
 * gathered before is invalidated first, under pgt_lock, and the gather begins anew with the block (M60). No use is given
 * back then: that has its time after the last invalidation.
 */
import { type FrameOf, type Node, repeat, step, valid, when } from "../../checker/index.ts";
import type { PageIndex } from "../../spec/ownership.ts";
import { hostMmuLock, iommuLock, under } from "../locks.ts";
import { type DomainIndex, type IovaIndex, type Machine, page, stack } from "../machine.ts";
import { blockPages } from "../page-tables.ts";
import { gatherEnd } from "../smmu/batches.ts";
import { addCommand, addSync, invalidationOf } from "../smmu/command-queue.ts";
import { unlessOff } from "../smmu/power.ts";
import { smmuOfDomain } from "../smmu/smmus.ts";
import { refuseUnderflow } from "./use-dma.ts";

/** The pages that a call unmapped and whose uses it has not given back yet, by their place in its range. */
export const recordedLocals = {
  recorded0: stack.recorded0,
  recorded1: stack.recorded1,
  recorded2: stack.recorded2,
  recorded3: stack.recorded3,
  recorded4: stack.recorded4,
  recorded5: stack.recorded5,
} as const;
export type RecordedFrame = FrameOf<Record<never, never>, typeof recordedLocals>;
export const recordedNames: readonly string[] = Object.keys(recordedLocals);

/** Notes the page of the call's `k`-th iova, until its use is given back. */
export function note(c: RecordedFrame, k: number, found: PageIndex | null): void {
  const counted = found === null ? 0 : found + 1;
  if (k === 0) c.recorded0 = found;
  else if (k === 1) c.recorded1 = found;
  else if (k === 2) c.recorded2 = counted;
  else if (k === 3) c.recorded3 = counted;
  else if (k === 4) c.recorded4 = counted;
  else c.recorded5 = counted;
}

/** How many places the list has. */
export const recordedPlaces = 6;

/** The page that is noted of the call's `k`-th iova; null where there is none, or its use was given back. */
export function notedPage(c: Partial<RecordedFrame>, k: number): PageIndex | null {
  if (k === 0) return c.recorded0 ?? null;
  if (k === 1) return c.recorded1 ?? null;
  let counted = c.recorded5;
  if (k === 2) counted = c.recorded2;
  else if (k === 3) counted = c.recorded3;
  else if (k === 4) counted = c.recorded4;
  return counted === undefined || counted === 0 ? null : page.at(counted - 1);
}

/** The place of the first page on the list; past the last place where there is none. */
function firstPlace(c: RecordedFrame): number {
  for (let k = 0; k < recordedPlaces; k++) if (notedPage(c, k) !== null) return k;
  return recordedPlaces;
}

/** The first page on the list, or null: its entry is gone and its use is still counted. */
export function firstRecorded(c: RecordedFrame): PageIndex | null {
  return notedPage(c, firstPlace(c));
}

/** Takes the first page from the list: its use was given back. */
export function forgetFirst(c: RecordedFrame): void {
  note(c, firstPlace(c), null);
}

/** Gives back the uses of the pages on the list, each under the lock of the host's stage 2. */
export function releaseRecorded<C extends RecordedFrame>(): Node<Machine, C> {
  return repeat(
    "give back the recorded uses",
    (_, c) => firstRecorded(c) !== null,
    [
      under(hostMmuLock, [
        ...refuseUnderflow<C>((s, c) => s.pages[firstRecorded(c) ?? 0].references),
        step(
          "give back the use of a recorded page",
          (s, c) => {
            const released = firstRecorded(c);
            if (released === null) return;
            s.pages[released].references--;
            forgetFirst(c);
          },
          {
            mirrors: "smmu_flush_deferred_unuse (2025), __pkvm_host_unuse_dma (v2 12/58)",
            sekvm: "smmu_count",
            mechanisms: ["M08", "M12", "M13"],
          },
        ),
      ]),
    ],
    { mirrors: "smmu_flush_deferred_unuse (2025)", mechanisms: ["M13"] },
  );
}

export interface GatherFrame {
  readonly domain: DomainIndex | string;
  readonly iova: IovaIndex | string;
  gathered: number;
  issued: number;
  gap: number;
}

/** A table was taken out, and is not gathered: a gap, but where nothing is gathered yet. */
export function passTable(c: GatherFrame): void {
  const isEmpty = c.issued === gatherEnd(c);
  c.gathered += blockPages;
  if (isEmpty) c.issued = c.gathered;
  else c.gap += blockPages;
}

const before = " for the gather before";

/**
 * iommu_iotlb_gather_add_page, of a block that was just unmapped: where it does not join, the gather before it is
 * invalidated, one command for each block. (Batches are for the last gather: here they would say the same.)
 */
export function joinGather<C extends GatherFrame>(): Node<Machine, C> {
  const mirrors = "kvm_iommu_iotlb_gather_add_page (android15)";
  return when<Machine, C>(
    "does the block join the gather?",
    (_, c) => c.gap === 0,
    [],
    [
      under(iommuLock(smmuOfDomain, before), [
        unlessOff<C>(before, smmuOfDomain, "smmu_tlb_inv_range (android15)", [
          repeat("invalidate the gather before", (_, c) => c.issued < gatherEnd(c) - blockPages, [
            ...addCommand<C>(
              smmuOfDomain,
              `TLBI${before}`,
              (s, c) => invalidationOf(s, c.domain, valid(c.iova), c.issued),
              (c) => {
                c.issued += blockPages;
              },
              "CMD_TLBI_S2_IPA, CMD_TLBI_NH_VA",
            ),
          ]),
          ...addSync<C>(smmuOfDomain, before, undefined, ["M55", "M60"]),
        ]),
      ]),
      step(
        "begin the gather anew",
        (_, c) => {
          c.issued = c.gathered - blockPages;
          c.gap = 0;
        },
        { mirrors, mechanisms: ["M60"] },
      ),
    ],
    { mirrors, mechanisms: ["M60"] },
  );
}
