/** Weakenings of page tables of two levels: pages that serve as tables, what walks remember, blocks. */
import {
  dropCheck,
  dropStep,
  type Edit,
  edit,
  insertBefore,
  jump,
  repeat,
  replaceCheck,
  replaceStep,
  step,
  swapSteps,
} from "../../checker/index.ts";
import type { MapFrame } from "../../model/hypercalls/map-pages.ts";
import type { PoolReclaimFrame } from "../../model/hypercalls/pool-reclaim.ts";
import type { UnmapFrame } from "../../model/hypercalls/unmap-pages.ts";
import { type Machine, page } from "../../model/machine.ts";
import { acrossTables, acrossTablesResults } from "../../model/scenarios/across-tables.ts";
import { blocks } from "../../model/scenarios/blocks.ts";
import { disjointGathers } from "../../model/scenarios/disjoint-gathers.ts";
import { twoLevels } from "../../model/scenarios/two-levels.ts";
import { changePage } from "../../model/tables.ts";
import type { Weakening } from "./weakening.ts";

/** The commands of flush_walk are not issued; its SYNC is. */
const withoutWalkTlbi: Edit<Machine> = (call) =>
  edit(
    call,
    replaceStep<Machine, UnmapFrame>(
      "invalidate what walks remember",
      step("leave what walks remember", (_, c) => {
        c.flushed = 0;
      }),
    ),
  );

/** The pool gives away a page whether it is free or a table. */
const givesTablesAway: Edit<Machine> = replaceStep<Machine, PoolReclaimFrame>(
  "take a free page out of the pool",
  step("take the last page out of the pool", (s, c) => {
    const last = s.pool.length - 1;
    if (s.pool[last].use === "outside") return;
    c.found = page.at(last);
    s.pool[last].use = "outside";
  }),
);

/** What the page held while it was a table is there when it is the next one. */
const withoutZeroing: Edit<Machine> = replaceStep<Machine, UnmapFrame>(
  "free the table",
  step("free the table as it is", (s, c) => {
    if (c.table > 0) s.pool[c.table - 1].use = "free";
    c.table = 0;
    c.flushed = 0;
  }),
);

/** One use for a block, whatever pages it has. */
const countsOnePage: Edit<Machine> = replaceStep<Machine, MapFrame>(
  "count the uses",
  repeat("count one use", (_, c) => c.used < c.count, [
    step("count a use of the first page", (s, c) => {
      changePage(s, c.page, c.used, (entry) => {
        entry.references++;
      });
      c.used++;
      c.isAllowed = false;
    }),
  ]),
);

export const tableWeakenings: readonly Weakening[] = [
  {
    name: "pool_reclaim gives away pages that serve as tables",
    mechanism: "M29",
    attack: "The host writes the entries of a table that a domain's root leads to.",
    edits: { pool_reclaim: givesTablesAway },
    scenario: twoLevels,
    breaks: ["linked-tables-are-hypervisors", "dma-integrity"],
  },
  {
    name: "unmap_pages frees a table without invalidating what walks remember of it",
    mechanism: "M22",
    attack: "The SMMU remembers the table, whose page is the host's by then, and walks on in it.",
    edits: { unmap_pages: withoutWalkTlbi },
    scenario: twoLevels,
    breaks: ["remembered-tables-are-hypervisors", "unlinked-means-forgotten", "dma-secrecy"],
  },
  {
    name: "unmap_pages frees a table before it invalidates what walks remember of it",
    mechanism: "M22",
    attack: "A walk that is on its way to the table reads it when it is another's.",
    edits: { unmap_pages: swapSteps("iommu.lock for walks", "free the table") },
    scenario: twoLevels,
    breaks: ["walks-stay-in-tables"],
  },
  {
    name: "unmap_pages frees a table without zeroing it",
    mechanism: "M24",
    attack: "The next table that the page becomes leads to pages that nobody mapped there.",
    edits: { unmap_pages: withoutZeroing },
    scenario: twoLevels,
    breaks: ["free-pages-are-zero", "uses-are-counted"],
  },
  {
    name: "unmap_pages forgets the pages of a table that it takes out",
    mechanism: "M13",
    attack: "Their uses are never given back, and the host never has them back.",
    edits: { unmap_pages: dropStep("record the pages of the table") },
    scenario: twoLevels,
    breaks: ["no-use-is-leaked"],
  },
  {
    name: "map_pages takes blocks that are not aligned",
    mechanism: "M17",
    attack:
      "The SMMU drops the low bits of the block's address: the device reaches a page that was not asked for.",
    edits: { map_pages: dropCheck("the iova and the physical address are aligned") },
    scenario: blocks,
    breaks: ["uses-are-counted", "dma-secrecy"],
  },
  {
    name: "map_pages counts a block as one page",
    mechanism: "M08",
    attack: "The block's other page looks unused, and is donated while the device reaches it.",
    edits: { map_pages: countsOnePage },
    scenario: blocks,
    breaks: ["uses-are-counted"],
  },
  {
    name: "unmap_pages splits a block into a table that leaves all of it out",
    mechanism: "M26",
    attack: "The rest of the block is mapped no more, and stays counted for ever.",
    edits: { unmap_pages: dropStep("fill the table with the rest of the block") },
    scenario: blocks,
    breaks: ["no-use-is-leaked"],
  },
  {
    name: "unmap_pages gives the uses of a block back before it invalidates the block",
    mechanism: "M12",
    attack: "The block's page goes to a guest while the TLB leads to it.",
    edits: { unmap_pages: swapSteps("iommu.lock", "give back the recorded uses") },
    scenario: blocks,
    breaks: ["dma-secrecy"],
  },
  {
    name: "map_pages keeps the uses of what it finds no table for",
    mechanism: "M09",
    attack: "The pages that were not mapped are counted for ever, and the host never has them back.",
    edits: {
      map_pages: replaceCheck<Machine, MapFrame>("the pool had a page for a table", {
        otherwise: jump("put the domain"),
      }),
    },
    scenario: acrossTablesResults,
    breaks: ["results-are-true", "no-use-is-leaked"],
  },
  {
    name: "unmap_pages forgets what it gathered where a split finds no page",
    mechanism: "M60",
    attack: "What the call unmapped before is neither invalidated nor given back, and it says that it was.",
    edits: {
      unmap_pages: replaceCheck<Machine, UnmapFrame>("the pool had a page for the split", {
        otherwise: jump("put the domain"),
      }),
    },
    scenario: acrossTables,
    breaks: ["unmapped-means-unreachable"],
  },
  {
    name: "unmap_pages begins its gather anew at a block, and invalidates only that",
    mechanism: "M60",
    attack: "The TLB keeps the pages before the block, whose uses are given back.",
    edits: {
      unmap_pages: insertBefore<Machine, UnmapFrame>(
        "fill the table with the rest of the block",
        step("begin the gather anew with the part of the block", (_, c) => {
          c.issued = c.gathered;
        }),
      ),
    },
    scenario: acrossTables,
    breaks: ["cached-translations-are-justified", "unmapped-means-unreachable"],
  },
  {
    name: "unmap_pages begins its gather anew without invalidating the one before",
    mechanism: "M60",
    attack: "The TLB keeps the block before the table, whose uses are given back.",
    edits: { unmap_pages: dropStep("invalidate the gather before") },
    scenario: disjointGathers,
    breaks: ["cached-translations-are-justified", "unmapped-means-unreachable"],
  },
];
