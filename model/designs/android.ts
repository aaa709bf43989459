/**
 * What the Android descendants have in common, as edits of pv's map and unmap: errors instead of 0 from map,
 * and alignment to the page size asked for first.
 *
 * As in the posting of December 2024, nobody asks whether the range is empty or as a whole within the address
 * space; io-pgtable WARNs where a start is out of range.
 */
import {
  check,
  dropCheck,
  type Edit,
  insertBefore,
  refuse,
  replaceCheck,
  returns,
  swapSteps,
} from "../../checker/index.ts";
import type { MapFrame } from "../hypercalls/map-pages.ts";
import type { UnmapFrame } from "../hypercalls/unmap-pages.ts";
import type { Machine } from "../machine.ts";

/** map_pages answers errors, and does not ask for what the posting did not ask for either. */
export const mapAnswersErrors: readonly Edit<Machine>[] = [
  replaceCheck<Machine, MapFrame>("prot has no unknown bits", { otherwise: refuse("EOPNOTSUPP") }),
  replaceCheck<Machine, MapFrame>("the iova range does not wrap", { otherwise: refuse("E2BIG") }),
  replaceCheck<Machine, MapFrame>("the physical range does not wrap", { otherwise: refuse("E2BIG") }),
  dropCheck("the range is not empty"),
  replaceCheck<Machine, MapFrame>("the iova and the physical address are aligned", {
    otherwise: refuse("EINVAL"),
  }),
  dropCheck("the whole range is within the input address size"),
  replaceCheck<Machine, MapFrame>("the domain's id is in range", { otherwise: refuse("ENOENT") }),
];

/** Transitions look at the state first, then at the count. */
export const stateFirst: Edit<Machine> = swapSteps("the page is not used for DMA", "the host owns the page");

/** No vCPU of a dying guest runs, so its page may be scrubbed while it is mapped. */
export const scrubsFirst: Edit<Machine> = swapSteps(
  "unmap the page from the guest",
  "did the guest have the page for itself?",
);

/** unmap_pages asks for alignment before it takes a reference to the domain. */
export function unmapAlignedOnly(mirrors: string): readonly Edit<Machine>[] {
  return [
    dropCheck("the whole range is within the input address size"),
    dropCheck("the iova is aligned to the granule"),
    insertBefore<Machine, UnmapFrame>(
      "the domain's id is in range",
      check("the iova is aligned to the page size", (_, c) => c.iova !== "unaligned", returns("0"), {
        mirrors,
        mechanisms: ["M17"],
      }),
    ),
  ];
}
