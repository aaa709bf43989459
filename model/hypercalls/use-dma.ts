/**
 * Counting the uses of pages for DMA: __pkvm_host_use_dma and __pkvm_host_unuse_dma.
 *
 * A page's count keeps it where it is: a page in use is neither donated nor shared. So a use is counted
 * before the entry that leads to the page is written, and given back when no device can know the entry.
 */
import { check, type Exit, isValid, type Node, panic, repeat, step } from "../../checker/index.ts";
import type { PageIndex } from "../../spec/ownership.ts";
import { hostMmuLock, under } from "../locks.ts";
import type { Machine } from "../machine.ts";
import { pagesOf } from "../page-tables.ts";
import { warnUnless } from "./results.ts";
import { changePage, pageOf } from "../tables.ts";

interface UseFrame {
  page: PageIndex | "unaligned" | "wrapping" | "not memory";
  count: number;
  pgsize: number;
  isAllowed: boolean;
  used: number;
  mapped: number;
}

/**
 * May every page of the range be mapped for DMA? Only memory that is the host's own may. A range that wraps ends
 * before it begins: its first and its last byte may lie in one region of memory, and the look at the pages from the
 * first to the end sees none.
 */
function isRangeAllowed(s: Machine, c: UseFrame): boolean {
  if (c.page === "wrapping") return true;
  for (let k = 0; k < pagesOf(c); k++) if (pageOf(s, c.page, k)?.hostState !== "OWNED") return false;
  return isValid(c.page);
}

/** Counts a use of every page of the range, or leaves by `ifNot` having counted none. */
export function useDma<C extends UseFrame>(ifNot: Exit<Machine, C>): Node<Machine, C>[] {
  const mirrors = "__pkvm_host_use_dma (v2 12/58)";
  return [
    warnUnless("the physical address is aligned", (_, c) => c.page !== "unaligned", mirrors),
    under(hostMmuLock, [
      step(
        "look at the state of every page",
        (s, c) => {
          c.isAllowed = isRangeAllowed(s, c);
        },
        { mirrors, sekvm: "host_iso", mechanisms: ["M02", "M03", "M07", "M15", "M20"] },
      ),
      check("every page is the host's own", (_, c) => c.isAllowed, ifNot, { mirrors, mechanisms: ["M02"] }),
      repeat("count the uses", (_, c) => c.used < pagesOf(c), [
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
            c.isAllowed = false;
          },
          { mirrors, sekvm: "smmu_count", mechanisms: ["M01", "M07", "M08"] },
        ),
      ]),
    ]),
  ];
}

/**
 * Gives back the uses that the call counted and did not need. The source does it from the first of them on;
 * here the last comes first, which nobody can tell: the lock is held throughout.
 */
export function unuseTail<C extends UseFrame>(): Node<Machine, C> {
  const mirrors = "__pkvm_host_unuse_dma (v2 12/58)";
  return under(hostMmuLock, [
    repeat("give back the uses of the tail", (_, c) => c.used > c.mapped, [
      ...refuseUnderflow<C>((s, c) => pageOf(s, c.page, c.used - 1)?.references ?? 1),
      step(
        "give back a use of the tail",
        (s, c) => {
          c.used--;
          changePage(s, c.page, c.used, (entry) => {
            entry.references--;
          });
        },
        { mirrors, mechanisms: ["M09"] },
      ),
    ]),
  ]);
}

/** The BUG in hyp_page_ref_dec. A call that has several says which page each is about. */
export function refuseUnderflow<C>(references: (s: Machine, c: C) => number, which = ""): Node<Machine, C>[] {
  return [
    check(
      `the page's count${which} does not underflow`,
      (s, c) => references(s, c) > 0,
      panic("BUG on an underflow of a page's count"),
      { mirrors: "hyp_page_ref_dec", mechanisms: ["M11"] },
    ),
  ];
}
