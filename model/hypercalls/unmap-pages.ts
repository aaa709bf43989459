/**
 * unmap_pages(domain, iova, count): takes entries out of a domain's page table.
 *
 * The order is everything (M12): the entries first, then the TLB invalidation, then the wait until the SMMU
 * is done with it, and only then are the pages' uses given back. Which pages these are is recorded when the
 * entries are cleared, under the lock of the page table (M13): afterwards the entries may be others'.
 */
import {
  check,
  type FrameOf,
  isValid,
  jump,
  label,
  leave,
  type Node,
  panic,
  procedure,
  repeat,
  returns,
  step,
  valid,
  when,
} from "../../checker/index.ts";
import { iommuLock, pgtLock, under } from "../locks.ts";
import { type Machine, registers, stack } from "../machine.ts";
import { blockPages, hasLevels, isBlockAligned, pagesOf } from "../page-tables.ts";
import { hasTable, placeBefore } from "../tables.ts";
import { gatherEnd, issueInCorrectBatches } from "../smmu/batches.ts";
import { cleanEntry } from "../smmu/late-stores.ts";
import { unlessOff } from "../smmu/power.ts";
import { smmuOfDomain } from "../smmu/smmus.ts";
import { addCommand, addSync, invalidationOf } from "../smmu/command-queue.ts";
import { note, recordedLocals, releaseRecorded } from "./gather.ts";
import { domainGet, domainPut, warnUnless } from "./results.ts";
import { changeLeaf, leafAt, readRoot, splitBlock, unmapBlock } from "./table-levels.ts";

const args = {
  domain: registers.domain,
  iova: registers.iova,
  count: registers.count,
  pgsize: registers.pgsize,
} as const;
const locals = {
  gathered: stack.gathered,
  issued: stack.issued,
  flushed: stack.flushed,
  batched: stack.batched,
  copied: stack.copied,
  ...recordedLocals,
  gap: stack.gap,
  table: stack.table,
  isBlock: stack.isBlock,
} as const;
export type UnmapFrame = FrameOf<typeof args, typeof locals>;

const nothing = returns<Machine, UnmapFrame>("0");
const core = "kvm_iommu_unmap_pages (v2 18/58)";
const table = "__arm_lpae_unmap (v2 39/58)";
const record = "smmu_put_pages (2025)";

/** Is the iova that of a block's first page, where blocks are unmapped? */
export function isBlockAlignedFor(c: Pick<UnmapFrame, "iova" | "pgsize">): boolean {
  return c.pgsize === 0 || !isValid(c.iova) || isBlockAligned(c.iova);
}

/** The entry that the call is about to invalidate. */
export function nextEntry(s: Machine, c: UnmapFrame) {
  return leafAt(s, c, c.gathered);
}

/** Clears one entry, and records the page that it led to; where a block covers the page, that is split. */
export const unmapPage: Node<Machine, UnmapFrame> = when(
  "does a block cover the page?",
  (_, c) => c.isBlock > 0,
  splitBlock<UnmapFrame>(),
  [
    check("the entry is live", (s, c) => nextEntry(s, c)?.pte.tag === "valid", jump("stop unmapping"), {
      mirrors: table,
    }),
    step(
      "record the page",
      (s, c) => {
        const leaf = nextEntry(s, c)?.pte;
        note(c, c.gathered, leaf?.tag === "valid" ? leaf.page : null);
      },
      { mirrors: record, sekvm: "smmu_count", mechanisms: ["M13"] },
    ),
    step(
      "clear the entry",
      (s, c, { self }) => {
        changeLeaf(s, self, c, c.gathered, { tag: "none" });
        c.table = 0;
        c.gathered++;
      },
      { mirrors: table, arm: "leaf descriptor", sekvm: "spt_cons", mechanisms: ["M12", "M25", "M60"] },
    ),
    cleanEntry<UnmapFrame>("__arm_lpae_sync_pte (v2)", (c) => placeBefore(c, c.gathered)),
  ],
  { mirrors: table },
);

/** Clears what the call is at: a page's entry, or the entry of the root that covers a block. */
export const clearEntry: Node<Machine, UnmapFrame>[] = [
  warnUnless(
    "the iova is within the input address size",
    (_, c, bounds) => isValid(c.iova) && c.iova + c.gathered < bounds.iova,
    table,
  ),
  check(
    "the iova is within the input address size",
    (_, c, at) => isValid(c.iova) && c.iova + c.gathered < at.bounds.iova,
    jump("stop unmapping"),
    { mirrors: table, mechanisms: ["M18"] },
  ),
  when(
    "does the page table have two levels?",
    (s) => hasLevels(s),
    [
      readRoot<UnmapFrame>("read the entry of the root", (c) => c.gathered, table),
      check("the entry of the root is live", (_, c) => c.table > 0 || c.isBlock > 0, jump("stop unmapping"), {
        mirrors: table,
      }),
    ],
    [],
    { mirrors: table },
  ),
  when("are blocks unmapped?", (_, c) => c.pgsize > 0, unmapBlock<UnmapFrame>(), [unmapPage], {
    mirrors: table,
  }),
];

/** The driver's and the page table's part. */
const clearEntries: Node<Machine, UnmapFrame> = under(pgtLock, [
  // What memory answers, not the source: reading a table that is not there is noticed, whatever was checked before.
  check(
    "there is a page table to read",
    (s, c) => hasTable(s, c.domain),
    panic("fault at a null pointer: the page table"),
    { mirrors: table },
  ),
  repeat("clear the entries", (_, c) => c.gathered < pagesOf(c), clearEntry),
  label("stop unmapping", []),
]);

/** The invalidation of what was gathered: one command for each page, singly or in batches, and a SYNC. */
export const invalidate: Node<Machine, UnmapFrame> = under(iommuLock(smmuOfDomain), [
  unlessOff<UnmapFrame>("", smmuOfDomain, "smmu_tlb_inv_range_smmu (v2)", [
    when(
      "are commands batched?",
      (_s, _c, { bounds }) => bounds.batch > 0,
      issueInCorrectBatches<UnmapFrame>(),
      [
        repeat("issue the invalidations", (_, c) => c.issued < gatherEnd(c), [
          ...addCommand<UnmapFrame>(
            smmuOfDomain,
            "TLBI",
            (s, c) => invalidationOf(s, c.domain, valid(c.iova), c.issued),
            (c) => {
              c.issued += c.pgsize > 0 ? blockPages : 1;
            },
          ),
        ]),
      ],
    ),
    ...addSync<UnmapFrame>(smmuOfDomain),
  ]),
]);

export const unmapPages = procedure<Machine, typeof args, typeof locals>(
  "unmap_pages",
  {
    meaning: "Unmaps pages, and waits until no device can reach them.",
    origin: { mirrors: core },
    args,
    locals,
  },
  [
    // ARGUMENTS: copied from the registers, once

    // CHECKS
    check("the range is not empty", (_, c) => c.count > 0, nothing, { mirrors: core, mechanisms: ["M18"] }),
    check("the iova range does not wrap", (_, c) => c.iova !== "wrapping", nothing, {
      mirrors: core,
      mechanisms: ["M18"],
    }),
    check(
      "the whole range is within the input address size",
      (_, c, at) => (!isValid(c.iova) ? c.iova !== "out of range" : c.iova + pagesOf(c) <= at.bounds.iova),
      nothing,
      { mechanisms: ["M18"] },
    ),
    ...domainGet<UnmapFrame>(nothing),
    check("the iova is aligned to the granule", (_, c) => c.iova !== "unaligned", jump("put the domain"), {
      mirrors: "smmu_unmap_pages (v2 40/58)",
      mechanisms: ["M17"],
    }),
    check("the iova is aligned to the block", (_, c) => isBlockAlignedFor(c), jump("put the domain"), {
      mirrors: "kvm_iommu_unmap_pages (2025)",
      mechanisms: ["M17"],
    }),
    check("the domain has a page table", (s, c) => hasTable(s, c.domain), jump("put the domain"), {
      mirrors: "smmu_unmap_pages (v2 40/58)",
    }),

    // EFFECTS: entries, invalidation, uses; always in this order (M12). Where only tables were taken out, nothing is
    // gathered, and the source has no SYNC here; the one that is here then waits for nothing new.
    clearEntries,
    when(
      "invalidate what was gathered",
      (_, c) => c.gathered > 0,
      [invalidate, releaseRecorded<UnmapFrame>()],
      [],
      {
        mirrors: "smmu_iotlb_sync (v2 40/58)",
        mechanisms: ["M12", "M60", "M61"],
      },
    ),

    // RETURN: how many pages are unmapped, from the first on
    label("put the domain", domainPut()),
    leave(returns((_, c) => c.gathered)),
  ],
);
