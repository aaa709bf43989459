/**
 * Tables of two levels in the versions whose entries keep their address when they are unmapped (the quirk
 * UNMAP_INVAL): the posting of December 2024, and android16. A second walk, without pgt_lock, gives the uses back.
 */
import {
  check,
  type Edit,
  edit,
  jump,
  label,
  leave,
  type Node,
  repeat,
  replaceStep,
  step,
  when,
} from "../../checker/index.ts";
import type { PageIndex } from "../../spec/ownership.ts";
import type { MapFrame } from "../hypercalls/map-pages.ts";
import { changeRoot, changeSlot, type LevelFrame } from "../hypercalls/table-levels.ts";
import { refuseUnderflow } from "../hypercalls/use-dma.ts";
import { hostMmuLock, under } from "../locks.ts";
import { type Machine, page, type TableEntry } from "../machine.ts";
import { blockPages, iovaAt, pageInBlock, rootEntryOf, rootOf, rootSlotOf, slotIn } from "../page-tables.ts";
import { domainOf } from "../tables.ts";

export interface UnmapLevelFrame extends LevelFrame {
  readonly count: number;
  gathered: number;
  flushed: number;
  walked: number;
  found: PageIndex | null;
  isReleased: boolean;
  isUnlinked: number;
}

/** The entry without its VALID bit: the rest stays. */
export function withoutValid(entry: TableEntry): TableEntry {
  if (entry.tag === "valid") return { tag: "invalidated", page: entry.page, permission: entry.permission };
  if (entry.tag === "block")
    return { tag: "invalidated block", page: entry.page, permission: entry.permission };
  return entry;
}

/** Clears the VALID bit of the root's entry that the call is at. */
export function clearRootValid(s: Machine, c: UnmapLevelFrame | MapFrame, k: number): void {
  const slot = rootSlotOf(s, c, k);
  if (slot !== null) slot.pte = withoutValid(slot.pte);
}

/** unmap: a block, and a table, lose the VALID bit of their entry in the root, and are left as they are. */
export function keepsAddresses(mirrors: string): Edit<Machine> {
  return (call) =>
    edit(
      call,
      replaceStep<Machine, UnmapLevelFrame>(
        "clear the entry of the block",
        step(
          "clear the VALID bit of the block's entry",
          (s, c) => {
            clearRootValid(s, c, c.gathered);
            c.gathered += blockPages;
            c.isBlock = 0;
          },
          { mirrors, arm: "block descriptor" },
        ),
      ),
      replaceStep<Machine, UnmapLevelFrame>(
        "take the table out",
        step(
          "clear the VALID bit of the table's entry",
          (s, c) => {
            clearRootValid(s, c, c.gathered);
            c.gathered += blockPages;
          },
          { mirrors, arm: "table descriptor" },
        ),
      ),
    );
}

/** map: a table where there is none. What is no valid entry may still not be zero: then the table is not linked. */
export function linksOverZeroOnly(mirrors: string, otherwise: Node<Machine, MapFrame>[]): Edit<Machine> {
  return replaceStep<Machine, MapFrame>(
    "link the table",
    step(
      "link the table where there is zero",
      (s, c) => {
        const slot = rootSlotOf(s, c, c.mapped);
        c.isAllowed = slot?.pte.tag === "none";
        if (slot === null || !c.isAllowed) return;
        slot.pte = { tag: "valid", page: page.at(c.table - 1), permission: "read and write" };
      },
      { mirrors, arm: "table descriptor", mechanisms: ["M26"] },
    ),
    ...otherwise,
  );
}

/** Where the second walk is, for `k` = 0 the entry that it is at. */
function rootEntryAt(s: Machine, c: UnmapLevelFrame): TableEntry {
  return rootEntryOf(s, domainOf(c.domain), iovaAt(c, c.walked));
}

/** What differs between the versions' second walks. */
export interface SecondWalk {
  readonly walk: string;
  readonly visitor: string;
  readonly sync: string;
  /** An entry that is zero ends the walk; else it is passed over. */
  readonly endsAtZero: boolean;
  /** The visitor of leaves looks whether the entry is zero by now. */
  readonly looksAgain: boolean;
  /** The visitor of tables, behind each table. */
  readonly afterTable: (when: string) => readonly Node<Machine, UnmapLevelFrame>[];
}

/** A use of every page of the block is given back, under the lock of the host's stage 2. */
function releaseBlock(visitor: string): Node<Machine, UnmapLevelFrame>[] {
  const pageOf = (c: UnmapLevelFrame, k: number) => pageInBlock(c.found ?? page.at(0), k);
  return [
    under(hostMmuLock, [
      ...refuseUnderflow<UnmapLevelFrame>(
        (s, c) => s.pages[pageOf(c, 0)].references,
        ", of the block's first page",
      ),
      ...refuseUnderflow<UnmapLevelFrame>(
        (s, c) => s.pages[pageOf(c, 1)].references,
        ", of the block's last page",
      ),
      step(
        "give back the uses of the block",
        (s, c) => {
          for (let k = 0; k < blockPages; k++) s.pages[pageOf(c, k)].references--;
          c.isReleased = true;
        },
        { mirrors: `${visitor}, __pkvm_host_unuse_dma (v2 12/58)` },
      ),
    ]),
    step(
      "zero the entry of the block, whatever it holds",
      (s, c) => {
        changeRoot(s, c, c.walked, { tag: "none" });
        c.found = null;
        c.isBlock = 0;
        c.isReleased = false;
        c.walked += blockPages;
      },
      { mirrors: visitor },
    ),
  ];
}

/** One leaf of the table: its use is given back, and it is zeroed. `which` tells the first from those behind it. */
function visitLeaf(text: SecondWalk, which: string): Node<Machine, UnmapLevelFrame>[] {
  const { walk, visitor, endsAtZero, looksAgain } = text;
  const leafAt = (s: Machine, c: UnmapLevelFrame) =>
    slotIn(s, c.table - 1, iovaAt(c, c.walked) % blockPages)?.pte ?? { tag: "none" as const };
  const pass = (c: UnmapLevelFrame): void => {
    c.found = null;
    c.walked++;
  };
  const release: Node<Machine, UnmapLevelFrame>[] = [
    under(hostMmuLock, [
      ...refuseUnderflow<UnmapLevelFrame>((s, c) => s.pages[c.found ?? 0].references, `, of ${which}`),
      step(
        `give back the use of the page of ${which}`,
        (s, c) => {
          if (c.found === null) return;
          s.pages[c.found].references--;
          c.isReleased = true;
        },
        { mirrors: `${visitor}, __pkvm_host_unuse_dma (v2 12/58)` },
      ),
    ]),
    step(
      `zero ${which}, whatever it holds`,
      (s, c) => {
        changeSlot(s, c.table - 1, iovaAt(c, c.walked) % blockPages, { tag: "none" });
        c.isReleased = false;
        pass(c);
      },
      { mirrors: visitor },
    ),
  ];
  return [
    step(
      `read ${which}`,
      (s, c) => {
        const leaf = leafAt(s, c);
        c.found = leaf.tag === "valid" || leaf.tag === "invalidated" ? leaf.page : null;
        if (c.found === null && !endsAtZero) c.walked++;
      },
      { mirrors: walk },
    ),
    ...(endsAtZero
      ? [
          check<Machine, UnmapLevelFrame>(
            `${which} is not zero`,
            (_, c) => c.found !== null,
            jump("the walk ends"),
            {
              mirrors: walk,
            },
          ),
          ...release,
        ]
      : [
          when<Machine, UnmapLevelFrame>(`${which} was not zero`, (_, c) => c.found !== null, [
            ...(looksAgain
              ? [
                  step<Machine, UnmapLevelFrame>(
                    `read ${which} in the visitor`,
                    (s, c) => {
                      if (leafAt(s, c).tag === "none") pass(c);
                    },
                    { mirrors: visitor },
                  ),
                ]
              : []),
            when(`${which} is not zero yet`, (_, c) => c.found !== null, release),
          ]),
        ]),
  ];
}

/** Is the walk still in the table: behind its first leaf, and not behind its last? */
function isInTable(c: UnmapLevelFrame): boolean {
  return c.walked < c.gathered && iovaAt(c, c.walked) % blockPages !== 0;
}

/**
 * The second walk from the root on: it reads every entry where it stands now. It reads the root's entry twice, once to
 * go on, and once for the visitor of tables, which looks at the VALID bit of that.
 */
export function walkLevels(text: SecondWalk): Node<Machine, UnmapLevelFrame> {
  const { walk, visitor, sync, endsAtZero, afterTable } = text;
  return repeat(
    "walk the tables again",
    (_, c) => c.walked < c.gathered,
    [
      step(
        "read the entry of the root again",
        (s, c) => {
          const above = rootEntryAt(s, c);
          const isBlock = above.tag === "block" || above.tag === "invalidated block";
          c.isBlock = isBlock ? 1 : 0;
          c.found = isBlock ? above.page : null;
          c.table = above.tag === "valid" || above.tag === "invalidated" ? above.page + 1 : 0;
          if (above.tag === "none" && !endsAtZero)
            c.walked += blockPages - (iovaAt(c, c.walked) % blockPages);
        },
        { mirrors: walk },
      ),
      ...(endsAtZero
        ? [
            check<Machine, UnmapLevelFrame>(
              "the entry of the root is not zero",
              (_, c) => c.isBlock > 0 || c.table > 0,
              jump("put the domain"),
              { mirrors: walk },
            ),
          ]
        : []),
      when("the second walk meets a block", (_, c) => c.isBlock > 0, releaseBlock(visitor), [
        when("the second walk meets a table", (_, c) => c.table > 0, [
          step(
            "read the entry of the root for the visitor of tables",
            (s, c) => {
              const { tag } = rootEntryAt(s, c);
              c.isUnlinked = tag === "valid" || tag === "block" ? 0 : 1;
            },
            { mirrors: walk },
          ),
          ...visitLeaf(text, "the first leaf"),
          repeat("walk the other leaves", (_, c) => isInTable(c), visitLeaf(text, "another leaf")),
          ...afterTable(""),
          ...(endsAtZero
            ? [
                leave<Machine, UnmapLevelFrame>(jump("the next table")),
                label<Machine, UnmapLevelFrame>("the walk ends", [
                  ...afterTable(" at which the walk ends"),
                  leave(jump("put the domain")),
                ]),
                label<Machine, UnmapLevelFrame>("the next table", []),
              ]
            : []),
        ]),
      ]),
    ],
    { mirrors: sync },
  );
}

/** The page with the domain's root. */
export function rootPageOf(s: Machine, c: UnmapLevelFrame): number {
  return rootOf(s, domainOf(c.domain));
}
