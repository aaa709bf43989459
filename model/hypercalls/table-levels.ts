/**
 * Calls on page tables of two levels: the entry of the root, tables of pages that are linked and taken out, blocks
 * and their split. All of it under pgt_lock. Where a scenario has no levels, calls pass over it.
 */
import { check, type Exit, jump, type Node, repeat, step, valid, when } from "../../checker/index.ts";
import type { PageIndex } from "../../spec/ownership.ts";
import { iommuLock, under } from "../locks.ts";
import {
  type Command,
  type DomainIndex,
  iova,
  type IovaIndex,
  type Machine,
  page,
  type TableEntry,
} from "../machine.ts";
import {
  blockPages,
  hasLevels,
  iovaAt,
  isTablePage,
  pageInBlock,
  rootEntryOf,
  rootSlotOf,
  slotIn,
} from "../page-tables.ts";
import { type GatherFrame, joinGather, note, passTable, type RecordedFrame } from "./gather.ts";
import { addCommand, addSync } from "../smmu/command-queue.ts";
import { delayZeroing } from "../smmu/late-stores.ts";
import { unlessOff } from "../smmu/power.ts";
import { smmuOfDomain } from "../smmu/smmus.ts";
import { byAsidOf, changeEntry, domainOf, entryOf, freePageOf } from "../tables.ts";

/** What a call must keep to work on a table of two levels. */
export interface LevelFrame {
  readonly domain: DomainIndex | string;
  readonly iova: IovaIndex | string;
  readonly pgsize: number;
  table: number;
  isBlock: number;
}

/** The leaf entry that the call is at, `k` pages from its first: in the table that it found, or the domain's. */
export function leafAt(s: Machine, c: Pick<LevelFrame, "domain" | "iova" | "table">, k: number) {
  return hasLevels(s) ? slotIn(s, c.table - 1, iovaAt(c, k) % blockPages) : entryOf(s, c.domain, c.iova, k);
}

/** Changes what a table page holds. A page that is no table is changed all the same: it is memory. */
export function changeSlot(s: Machine, table: number, k: number, pte: TableEntry): void {
  if (!isTablePage(s, table)) s.wildAccess = "a page that is no table";
  const slot = slotIn(s, table, k);
  if (slot !== null) slot.pte = pte;
}

/** Changes the leaf entry that the call is at. */
export function changeLeaf(
  s: Machine,
  by: number,
  c: Pick<LevelFrame, "domain" | "iova" | "table">,
  k: number,
  pte: Extract<TableEntry, { tag: "none" | "valid" | "invalidated" }>,
): void {
  if (hasLevels(s)) {
    changeSlot(s, c.table - 1, iovaAt(c, k) % blockPages, pte);
    return;
  }
  changeEntry(s, by, c.domain, c.iova, k, (entry) => {
    entry.pte = pte;
  });
}

/** Changes the entry of the root that the call is at. */
export function changeRoot(
  s: Machine,
  c: Pick<LevelFrame, "domain" | "iova">,
  k: number,
  pte: TableEntry,
): void {
  const slot = rootSlotOf(s, c, k);
  if (slot === null) s.wildAccess = "page table";
  else slot.pte = pte;
}

/** Reads the entry of the root that the call is at: a table, a block, or neither. */
export function readRoot<C extends LevelFrame>(name: string, done: (c: C) => number, mirrors: string) {
  return step<Machine, C>(
    name,
    (s, c) => {
      const above = rootEntryOf(s, domainOf(c.domain), iovaAt(c, done(c)));
      c.isBlock = above.tag === "block" ? 1 : 0;
      c.table = above.tag === "valid" ? above.page + 1 : 0;
    },
    { mirrors, arm: "table descriptor", mechanisms: ["M25"] },
  );
}

/** Takes a page from the pool, which is zero: it was zeroed when it was freed. */
export function takeTable<C extends LevelFrame>(what: string, otherwise: Exit<Machine, C>, mirrors: string) {
  return [
    step<Machine, C>(
      `take a page from the pool for ${what}`,
      (s, c) => {
        const found = freePageOf(s);
        c.table = found === null ? 0 : found + 1;
        if (found !== null) s.pool[found].use = "table";
      },
      { mirrors, mechanisms: ["M23", "M24"] },
    ),
    check<Machine, C>(`the pool had a page for ${what}`, (_, c) => c.table > 0, otherwise, { mirrors }),
  ];
}

/** A page goes back to the pool, which zeroes it. */
export function releaseTable(s: Machine, by: number, table: number): void {
  if (table < 0 || table >= s.pool.length) return;
  if (!isTablePage(s, table)) s.wildAccess = "a page that is no table";
  s.pool[table].use = "free";
  for (let k = 0; k < s.pool[table].entries.length; k++) s.pool[table].entries[k].pte = { tag: "none" };
  delayZeroing(s, by, table);
}

/** map: the way to the table of pages, which is made where there is none. */
export function descend<C extends LevelFrame>(done: (c: C) => number): Node<Machine, C>[] {
  const mirrors = "__arm_lpae_map (v2)";
  return [
    readRoot<C>("read the entry of the root", done, mirrors),
    check("no block is in the way", (_, c) => c.isBlock === 0, jump("stop mapping"), {
      mirrors,
      mechanisms: ["M14"],
    }),
    when(
      "is there no table?",
      (_, c) => c.table === 0,
      [
        ...takeTable<C>("a table", jump("stop mapping"), "__arm_lpae_alloc_pages (v2 31/58)"),
        // The page's contents are older than this step: they were there before it was taken from the pool.
        step(
          "link the table",
          (s, c) => {
            changeRoot(s, c, done(c), {
              tag: "valid",
              page: page.at(c.table - 1),
              permission: "read and write",
            });
          },
          { mirrors: "arm_lpae_install_table (v2)", arm: "table descriptor", mechanisms: ["M25", "M26"] },
        ),
      ],
      [],
      { mirrors },
    ),
  ];
}

/** The command that invalidates, of an address, also what walks remember; one that no table maps concerns nothing. */
function walkInvalidationOf(s: Machine, of: DomainIndex, at: number, iovas: number): Command {
  const byAsid = byAsidOf(s, of);
  for (let i = 0; i < iovas; i++) {
    if (i === at) return { tag: "TLBI of walks", domain: of, iova: iova.at(i), byAsid };
  }
  return { tag: "other" };
}

interface FlushFrame extends LevelFrame {
  flushed: number;
}

/** tlb_flush_walk: what the SMMU remembers of the table, and all that it read from it; one command for each page. */
export function flushWalks<C extends FlushFrame>(first: (c: C) => number): Node<Machine, C> {
  return under(iommuLock(smmuOfDomain, " for walks"), [
    unlessOff<C>(" for walks", smmuOfDomain, "smmu_tlb_inv_range_smmu (v2)", [
      repeat(
        "invalidate what walks remember",
        (_, c) => c.flushed < blockPages,
        [
          ...addCommand<C>(
            smmuOfDomain,
            "TLBI of walks",
            (s, c, bounds) =>
              walkInvalidationOf(s, domainOf(c.domain), iovaAt(c, first(c)) + c.flushed, bounds.iova),
            (c) => {
              c.flushed++;
            },
            "CMD_TLBI_S2_IPA, CMD_TLBI_NH_VA, leaf=0",
          ),
        ],
        { mirrors: "smmu_tlb_flush_walk (v2)" },
      ),
      ...addSync<C>(smmuOfDomain, " of walks", undefined, ["M22", "M55"]),
    ]),
  ]);
}

/** The leaves of a table: is one of them live? */
function hasLiveLeaf(s: Machine, table: number): boolean {
  for (let k = 0; k < blockPages; k++) if (slotIn(s, table, k)?.pte.tag === "valid") return true;
  return false;
}

interface MapBlockFrame extends FlushFrame {
  readonly page: PageIndex | string;
  mapped: number;
}

/**
 * map of a block: over nothing, or over a table that holds no live leaf. That table is taken out first, and what the
 * SMMU remembers of it is invalidated before it is freed (M22).
 */
export function mapBlock<C extends MapBlockFrame>(
  permissionOf: (c: C) => Extract<TableEntry, { tag: "block" }>["permission"],
): Node<Machine, C>[] {
  const mirrors = "arm_lpae_init_pte (v2)";
  return [
    readRoot<C>("read the entry of the root for a block", (c) => c.mapped, mirrors),
    check("no live block is in the way", (_, c) => c.isBlock === 0, jump("stop mapping"), {
      mirrors,
      mechanisms: ["M14"],
    }),
    when(
      "is a table in the way?",
      (_, c) => c.table > 0,
      [
        check("the table holds no live leaf", (s, c) => !hasLiveLeaf(s, c.table - 1), jump("stop mapping"), {
          mechanisms: ["M14"],
        }),
        step("take the empty table out", (s, c) => changeRoot(s, c, c.mapped, { tag: "none" }), {
          mirrors: "__arm_lpae_unmap (v2 39/58)",
          arm: "table descriptor",
          mechanisms: ["M22"],
        }),
        flushWalks<C>((c) => c.mapped),
        step(
          "free the empty table",
          (s, c, { self }) => {
            releaseTable(s, self, c.table - 1);
            c.table = 0;
            c.flushed = 0;
          },
          { mirrors: "__arm_lpae_free_pgtable (v2)", mechanisms: ["M22", "M24", "M29"] },
        ),
      ],
      [],
      { mirrors },
    ),
    step(
      "write the block",
      (s, c) => {
        const { page: first, mapped } = c;
        const to = valid(first) + mapped;
        changeRoot(s, c, mapped, { tag: "block", page: page.at(to), permission: permissionOf(c) });
        c.mapped += blockPages;
      },
      {
        mirrors: "__arm_lpae_init_pte (v2)",
        arm: "block descriptor",
        sekvm: "spt_cons",
        mechanisms: ["M01", "M08", "M17", "M25"],
      },
    ),
  ];
}

type UnmapLevelFrame = FlushFrame & GatherFrame & RecordedFrame;

const table = "__arm_lpae_unmap (v2 39/58)";
const record = "smmu_put_pages (2025)";

/** unmap of a block as a whole. */
export function unmapWholeBlock<C extends UnmapLevelFrame>(): Node<Machine, C>[] {
  return [
    step(
      "record the pages of the block",
      (s, c) => {
        const above = rootEntryOf(s, domainOf(c.domain), iovaAt(c, c.gathered));
        if (above.tag !== "block") return;
        for (let k = 0; k < blockPages; k++) note(c, c.gathered + k, pageInBlock(above.page, k));
      },
      { mirrors: record, sekvm: "smmu_count", mechanisms: ["M08", "M13"] },
    ),
    step(
      "clear the entry of the block",
      (s, c) => {
        changeRoot(s, c, c.gathered, { tag: "none" });
        c.gathered += blockPages;
        c.isBlock = 0;
      },
      { mirrors: table, arm: "block descriptor", sekvm: "spt_cons", mechanisms: ["M12", "M25", "M60"] },
    ),
  ];
}

/** unmap of a table; `gather` is what becomes of its range in the gather. */
export function takeTableOut<C extends UnmapLevelFrame>(gather: (c: C) => void): Node<Machine, C> {
  return step(
    "take the table out",
    (s, c) => {
      changeRoot(s, c, c.gathered, { tag: "none" });
      gather(c);
    },
    { mirrors: table, arm: "table descriptor", sekvm: "spt_cons", mechanisms: ["M12", "M22", "M60"] },
  );
}

/** unmap of what one entry of the root covers: a block, or a table with all that it holds. */
export function unmapBlock<C extends UnmapLevelFrame>(): Node<Machine, C>[] {
  return [
    when(
      "is it a block?",
      (_, c) => c.isBlock > 0,
      [...unmapWholeBlock<C>(), joinGather<C>()],
      [
        step(
          "record the pages of the table",
          (s, c) => {
            for (let k = 0; k < blockPages; k++) {
              const leaf = slotIn(s, c.table - 1, k)?.pte;
              note(c, c.gathered + k, leaf?.tag === "valid" ? leaf.page : null);
            }
          },
          { mirrors: record, sekvm: "smmu_count", mechanisms: ["M08", "M13"] },
        ),
        takeTableOut<C>(passTable),
        flushWalks<C>((c) => c.gathered - blockPages),
        step(
          "free the table",
          (s, c, { self }) => {
            releaseTable(s, self, c.table - 1);
            c.table = 0;
            c.flushed = 0;
          },
          { mirrors: "__arm_lpae_free_pgtable (v2)", mechanisms: ["M22", "M24", "M29"] },
        ),
      ],
      { mirrors: table },
    ),
  ];
}

/** How many pages of the block the call leaves out, from the one that it is at. */
function countLeftOut(c: UnmapLevelFrame & { readonly count: number }): number {
  const at = iovaAt(c, c.gathered) % blockPages;
  const rest = c.count - c.gathered;
  return rest < blockPages - at ? rest : blockPages - at;
}

/** Is the block's page at this index one that the call unmaps? */
function isLeftOut(c: UnmapLevelFrame & { readonly count: number }, k: number): boolean {
  const at = iovaAt(c, c.gathered) % blockPages;
  return k >= at && k < at + countLeftOut(c);
}

/**
 * unmap of a part of a block: a table takes the block's place, without the part (arm_lpae_split_blk_unmap). The
 * table is complete before it is linked, and the block's entry is never invalid in between.
 */
export function splitBlock<C extends UnmapLevelFrame & { readonly count: number }>(): Node<Machine, C>[] {
  const mirrors = "arm_lpae_split_blk_unmap (v2)";
  return [
    ...takeTable<C>("the split", jump("stop unmapping"), mirrors),
    step(
      "fill the table with the rest of the block",
      (s, c) => {
        const above = rootEntryOf(s, domainOf(c.domain), iovaAt(c, c.gathered));
        if (above.tag !== "block") return;
        const { page: block, permission } = above;
        for (let k = 0; k < blockPages; k++) {
          if (isLeftOut(c, k)) continue;
          changeSlot(s, c.table - 1, k, { tag: "valid", page: pageInBlock(block, k), permission });
        }
      },
      { mirrors, arm: "leaf descriptor", mechanisms: ["M26"] },
    ),
    step(
      "record the pages that the table leaves out",
      (s, c) => {
        const above = rootEntryOf(s, domainOf(c.domain), iovaAt(c, c.gathered));
        if (above.tag !== "block") return;
        const at = iovaAt(c, c.gathered) % blockPages;
        for (let k = 0; k < blockPages; k++) {
          if (isLeftOut(c, k)) note(c, c.gathered + k - at, pageInBlock(above.page, k));
        }
      },
      { mirrors: record, sekvm: "smmu_count", mechanisms: ["M08", "M13"] },
    ),
    step(
      "replace the block by the table",
      (s, c) => {
        changeRoot(s, c, c.gathered, {
          tag: "valid",
          page: page.at(c.table - 1),
          permission: "read and write",
        });
        c.gathered += countLeftOut(c);
        c.isBlock = 0;
      },
      {
        mirrors: "arm_lpae_install_table (v2)",
        arm: "table descriptor",
        sekvm: "spt_cons",
        mechanisms: ["M12", "M26", "M60"],
      },
    ),
  ];
}
