/**
 * map_pages(domain, iova, page, count, prot): maps pages of the host for a domain's devices.
 *
 * First every page is counted as used, then the entries are written; what was counted and could not be
 * mapped is given back. A partial success is kept, and the result says how far the call came.
 */
import {
  check,
  isValid,
  jump,
  label,
  leave,
  procedure,
  type FrameOf,
  type Node,
  repeat,
  returns,
  step,
  valid,
  when,
} from "../../checker/index.ts";
import type { Permission } from "../../spec/reach.ts";
import { pgtLock, under } from "../locks.ts";
import { type Machine, page, registers, stack } from "../machine.ts";
import { cleanEntry, writeBarrier } from "../smmu/late-stores.ts";
import { hasLevels, isBlockAligned, pagesOf } from "../page-tables.ts";
import { hasTable, pageOf, placeBefore } from "../tables.ts";
import { domainGet, domainPut, warnUnless } from "./results.ts";
import { changeLeaf, descend, leafAt, mapBlock } from "./table-levels.ts";
import { unuseTail, useDma } from "./use-dma.ts";

const args = {
  domain: registers.domain,
  iova: registers.iova,
  page: registers.page,
  count: registers.count,
  pgsize: registers.pgsize,
  prot: registers.prot,
} as const;
const locals = {
  isAllowed: stack.isAllowed,
  used: stack.used,
  mapped: stack.mapped,
  flushed: stack.flushed,
  table: stack.table,
  isBlock: stack.isBlock,
} as const;
export type MapFrame = FrameOf<typeof args, typeof locals>;

const nothing = returns<Machine, MapFrame>("0");
const core = "kvm_iommu_map_pages (v2 18/58)";
const driver = "smmu_map_pages (v2 40/58)";
const table = "__arm_lpae_map, arm_lpae_init_pte (v2)";

/** Does the next iova to map lie in the domain's address space? */
function isWithinIas(c: MapFrame, iovas: number): boolean {
  return isValid(c.iova) && c.iova + c.mapped < iovas;
}

/** Are the iova and the physical address aligned: to a page, or to a block where blocks are mapped? */
export function isAligned(c: MapFrame): boolean {
  if (c.iova === "unaligned" || c.page === "unaligned") return false;
  if (c.pgsize === 0) return true;
  return (!isValid(c.iova) || isBlockAligned(c.iova)) && (!isValid(c.page) || isBlockAligned(c.page));
}

/** What the entry will permit. Bits that nobody checked (M19) may permit anything. */
function permissionOf(c: MapFrame): Permission {
  return c.prot === "nothing" || c.prot === "unknown bits" ? "read and write" : c.prot;
}

/** The driver's and the page table's part. */
const writeEntries: Node<Machine, MapFrame>[] = [
  check("the iova is aligned to the granule", (_, c) => c.iova !== "unaligned", jump("after the entries"), {
    mirrors: driver,
    mechanisms: ["M17"],
  }),
  check("the domain has a page table", (s, c) => hasTable(s, c.domain), jump("after the entries"), {
    mirrors: driver,
  }),
  under(pgtLock, [
    repeat("write the entries", (_, c) => c.mapped < pagesOf(c), [
      warnUnless(
        "the iova is within the input address size",
        (_, c, bounds) => isWithinIas(c, bounds.iova),
        table,
      ),
      check(
        "the iova is within the input address size",
        (_, c, at) => isWithinIas(c, at.bounds.iova),
        jump("stop mapping"),
        { mirrors: table, mechanisms: ["M18"] },
      ),
      check("the page may be read or written", (_, c) => c.prot !== "nothing", jump("stop mapping"), {
        mirrors: table,
        mechanisms: ["M19"],
      }),
      when("are blocks mapped?", (_, c) => c.pgsize > 0, mapBlock<MapFrame>(permissionOf), [
        when(
          "does the page table have two levels?",
          (s) => hasLevels(s),
          descend<MapFrame>((c) => c.mapped),
        ),
        step(
          "look at the entry",
          (s, c) => {
            c.isAllowed = leafAt(s, c, c.mapped)?.pte.tag !== "valid";
          },
          { mirrors: table, mechanisms: ["M14", "M25"] },
        ),
        // What is not valid is overwritten, whether it is zero or keeps the address of an unmapped page.
        check("the entry is no live leaf", (_, c) => c.isAllowed, jump("stop mapping"), {
          mirrors: table,
          mechanisms: ["M14"],
        }),
        step(
          "write the entry",
          (s, c, { self }) => {
            const { page: first, mapped } = c;
            if (pageOf(s, first, mapped) !== null) {
              const to = page.at(valid(first) + mapped);
              changeLeaf(s, self, c, mapped, { tag: "valid", page: to, permission: permissionOf(c) });
            }
            c.mapped++;
            c.table = 0;
            c.isAllowed = false;
          },
          { mirrors: table, arm: "leaf descriptor", sekvm: "spt_cons", mechanisms: ["M01", "M25"] },
        ),
        cleanEntry<MapFrame>("__arm_lpae_sync_pte (v2)", (c) => placeBefore(c, c.mapped)),
      ]),
    ]),
    label("stop mapping", [writeBarrier<MapFrame>("arm_lpae_map_pages (v2)")]),
  ]),
];

export const mapPages = procedure<Machine, typeof args, typeof locals>(
  "map_pages",
  { meaning: "Maps pages of the host for DMA.", origin: { mirrors: core }, args, locals },
  [
    // ARGUMENTS: copied from the registers, once. `count` 0 and the named invalid values come from the host.

    // CHECKS
    check("prot has no unknown bits", (_, c) => c.prot !== "unknown bits", nothing, {
      mirrors: core,
      mechanisms: ["M19"],
    }),
    check("the iova range does not wrap", (_, c) => c.iova !== "wrapping", nothing, {
      mirrors: core,
      mechanisms: ["M18"],
    }),
    check("the physical range does not wrap", (_, c) => c.page !== "wrapping", nothing, {
      mirrors: core,
      mechanisms: ["M18"],
    }),
    check("the range is not empty", (_, c) => c.count > 0, nothing, { mechanisms: ["M18"] }),
    check("the iova and the physical address are aligned", (_, c) => isAligned(c), nothing, {
      mirrors: "smmu_map_pages (2025)",
      mechanisms: ["M17"],
    }),
    check(
      "the whole range is within the input address size",
      (_, c, at) => isValid(c.iova) && c.iova + pagesOf(c) <= at.bounds.iova,
      nothing,
      { mechanisms: ["M18"] },
    ),
    ...domainGet<MapFrame>(nothing),

    // EFFECTS: the use first (M01), then the entries, then back with what was not needed
    ...useDma<MapFrame>(jump("put the domain")),
    ...writeEntries,
    label("after the entries", [
      when("give back what was not mapped", (_, c) => c.used > c.mapped, [unuseTail()], [], {
        mirrors: core,
        mechanisms: ["M09"],
      }),
    ]),

    // RETURN: how many pages are mapped, from the first on
    label("put the domain", domainPut()),
    leave(returns((_, c) => c.mapped)),
  ],
);
