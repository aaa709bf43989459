/**
 * Stores that the SMMU sees late: those of a CPU to page tables, to the stream table and to the command queue, and the
 * zeroing of pages that go back to the pool.
 *
 * CPUs see a store at once; the SMMU goes on seeing what was there before, until the store becomes visible: by
 * itself at any time and in any order with others, or by a barrier of the CPU at the latest. A second store to
 * the same place joins the first. Where the SMMU does not snoop caches (`nonCoherent`), a barrier does not bring
 * stores to page tables out, but only a clean to the point of coherency does, and the eviction of the line, which
 * may come at any time. (The queue and the stream table are mapped non-cacheable there.)
 *
 * A page that was zeroed late and is a table again holds, for the SMMU, what somebody else wrote. That is here where the
 * page is of the stream table's second level. Page tables and tables of descriptors need nothing of the kind: no entry
 * leads to them before the doorbell of the CFGI for its other words has brought all stores out.
 *
 * What a CPU releases a lock over is visible to the next holder, and so to a coherent SMMU. That is not here: a
 * scenario with late stores (`store`) has one CPU.
 */
import { environmentRule, type Node, step, when } from "../../checker/index.ts";
import {
  type Command,
  cpu,
  device,
  domain,
  type DomainIndex,
  type Entry,
  iova,
  type Machine,
  page,
  type Queue,
  slot,
  smmu,
} from "../machine.ts";
import type { PageIndex } from "../../spec/ownership.ts";

/** The entry as the SMMU sees it. */
export function seenEntry(s: Machine, d: number, i: number): Entry {
  const place = s.domains[d].entries[i];
  return place.late.length > 0 && place.late[0].isPending ? place.late[0].seen : place.pte;
}

/** The slot's command as the SMMU sees it. */
export function seenCommand(queue: Queue, at: number): Command {
  const place = queue.slots[at];
  return place.late.length > 0 && place.late[0].isPending ? place.late[0].seen : place.command;
}

/** A CPU is about to store to the entry: the SMMU goes on seeing what is there now. */
export function delayEntry(s: Machine, by: number, d: number, i: number): void {
  const place = s.domains[d].entries[i];
  if (place.late.length === 0 || place.late[0].isPending) return;
  place.late[0].seen = place.pte;
  place.late[0].isPending = true;
  place.late[0].by = cpu.at(by);
}

/** A CPU is about to store to the slot: the SMMU goes on seeing what is there now. */
export function delayCommand(queue: Queue, by: number, at: number): void {
  const place = queue.slots[at];
  if (place.late.length === 0 || place.late[0].isPending) return;
  place.late[0].seen = place.command;
  place.late[0].isPending = true;
  place.late[0].by = cpu.at(by);
}

/** A CPU has zeroed a page that goes back to the pool: the SMMU may go on seeing what the page held. */
export function delayZeroing(s: Machine, by: number, of: number): void {
  const { lateZeroing } = s.pool[of];
  if (lateZeroing.length === 0) return;
  lateZeroing[0].isPending = true;
  lateZeroing[0].by = cpu.at(by);
}

/** May the SMMU still see what the page held before it was zeroed? */
export function isZeroedLate(s: Machine, of: number): boolean {
  if (of >= s.pool.length) return false;
  const { lateZeroing } = s.pool[of];
  return lateZeroing.length > 0 && lateZeroing[0].isPending;
}

/** Word 0 of the stream's entry as the SMMU sees it. */
export function seenWord(of: Machine["streams"][number]): DomainIndex | null {
  return of.lateWord.length > 0 && of.lateWord[0].isPending ? of.lateWord[0].seen : of.word;
}

/** The other words of the stream's entry as the SMMU sees them. */
export function seenTable(of: Machine["streams"][number]): PageIndex | null {
  return of.lateTable.length > 0 && of.lateTable[0].isPending ? of.lateTable[0].seen : of.table;
}

/** A CPU stores to word 0 of the stream's entry. */
export function storeWord(of: Machine["streams"][number], by: number, word: DomainIndex | null): void {
  if (of.lateWord.length > 0 && !of.lateWord[0].isPending) {
    of.lateWord[0].seen = of.word;
    of.lateWord[0].isPending = true;
    of.lateWord[0].by = cpu.at(by);
  }
  of.word = word;
}

/** A CPU stores to the other words of the stream's entry. */
export function storeTable(of: Machine["streams"][number], by: number, table: PageIndex | null): void {
  if (of.lateTable.length > 0 && !of.lateTable[0].isPending) {
    of.lateTable[0].seen = of.table;
    of.lateTable[0].isPending = true;
    of.lateTable[0].by = cpu.at(by);
  }
  of.table = table;
}

function showWord(of: Machine["streams"][number]): void {
  of.lateWord[0].isPending = false;
  of.lateWord[0].seen = null;
  of.lateWord[0].by = cpu.at(0);
}

function showTable(of: Machine["streams"][number]): void {
  of.lateTable[0].isPending = false;
  of.lateTable[0].seen = null;
  of.lateTable[0].by = cpu.at(0);
}

function showEntry(s: Machine, d: number, i: number): void {
  const { late } = s.domains[d].entries[i];
  late[0].isPending = false;
  late[0].seen = { tag: "none" };
  late[0].by = cpu.at(0);
}

function showCommand(queue: Queue, at: number): void {
  const { late } = queue.slots[at];
  late[0].isPending = false;
  late[0].seen = { tag: "nothing" };
  late[0].by = cpu.at(0);
}

function showZeroing(s: Machine, of: number): void {
  const { lateZeroing } = s.pool[of];
  lateZeroing[0].isPending = false;
  lateZeroing[0].by = cpu.at(0);
}

/** A barrier of the CPU: what it stored is visible, but for lines that only a clean brings out. */
export function drainStores(s: Machine, by: number, bounds: Readonly<Record<string, number>>): void {
  if (bounds.store === 0) return;
  for (let of = 0; of < s.smmus.length; of++) {
    const { queue } = s.smmus[of];
    for (let n = 0; n < queue.slots.length; n++) {
      const { late } = queue.slots[n];
      if (late[0].isPending && late[0].by === by) showCommand(queue, n);
    }
  }
  for (let k = 0; k < s.streams.length; k++) {
    const { lateWord, lateTable } = s.streams[k];
    if (lateWord[0].isPending && lateWord[0].by === by) showWord(s.streams[k]);
    if (lateTable[0].isPending && lateTable[0].by === by) showTable(s.streams[k]);
  }
  for (let p = 0; p < s.pool.length; p++) {
    if (isZeroedLate(s, p) && s.pool[p].lateZeroing[0].by === by) showZeroing(s, p);
  }
  if (bounds.nonCoherent > 0) return;
  for (let d = 0; d < s.domains.length; d++) {
    const { entries } = s.domains[d];
    for (let i = 0; i < entries.length; i++) {
      const { late } = entries[i];
      if (late[0].isPending && late[0].by === by) showEntry(s, d, i);
    }
  }
}

/** The clean of an entry to the point of coherency, for an SMMU that does not snoop caches. */
export function cleanEntry<C>(
  mirrors: string,
  placeOf: (c: C) => { readonly domain: number; readonly iova: number },
): Node<Machine, C> {
  return when(
    "does the SMMU not snoop caches?",
    (_s, _c, { bounds }) => bounds.nonCoherent > 0,
    [
      step(
        "clean the entry to the point of coherency",
        (s, c) => {
          const at = placeOf(c);
          const { late } = s.domains[at.domain].entries[at.iova];
          if (late.length > 0 && late[0].isPending) showEntry(s, at.domain, at.iova);
        },
        { mirrors, mechanisms: ["M27"] },
      ),
    ],
    [],
    { mirrors },
  );
}

/** wmb: what the call stored is visible before it goes on. */
export function writeBarrier<C>(mirrors: string, mechanisms: readonly string[] = ["M28"]): Node<Machine, C> {
  return when(
    "wmb",
    (_s, _c, { bounds }) => bounds.store > 0,
    [
      step("wait until the stores are visible", (s, _, { self, bounds }) => drainStores(s, self, bounds), {
        mirrors,
        mechanisms,
      }),
    ],
    [],
    { mirrors },
  );
}

const entryVisible = "a store to a page table becomes visible";
const commandVisible = "a store to the command queue becomes visible";
const wordVisible = "a store to word 0 of a stream table entry becomes visible";
const tableVisible = "a store to the other words of a stream table entry becomes visible";
const zeroingVisible = "the zeroing of a page becomes visible";
/** The steps by which stores become visible: an SMMU that reads an old command may read the new one after. */
export const visibility: readonly string[] = [
  entryVisible,
  commandVisible,
  wordVisible,
  tableVisible,
  zeroingVisible,
];

/** A store is observed by the SMMU when it likes: only a barrier says by when. */
const origin = { arm: "store observed by another observer (Arm ARM, memory model)" };

export const lateStoreRules = [
  environmentRule(
    zeroingVisible,
    { page },
    {
      lane: "memory",
      origin,
      when: (s: Machine, { page: p }) => isZeroedLate(s, p),
      then: (s, { page: p }) => showZeroing(s, p),
    },
  ),
  environmentRule(
    wordVisible,
    { device },
    {
      lane: "memory",
      origin,
      when: (s: Machine, { device: k }) => {
        if (s.streams.length <= k) return false;
        const { lateWord } = s.streams[k];
        return lateWord.length > 0 && lateWord[0].isPending;
      },
      then: (s, { device: k }) => showWord(s.streams[k]),
    },
  ),
  environmentRule(
    tableVisible,
    { device },
    {
      lane: "memory",
      origin,
      when: (s: Machine, { device: k }) => {
        if (s.streams.length <= k) return false;
        const { lateTable } = s.streams[k];
        return lateTable.length > 0 && lateTable[0].isPending;
      },
      then: (s, { device: k }) => showTable(s.streams[k]),
    },
  ),
  environmentRule(
    entryVisible,
    { domain, iova },
    {
      lane: "memory",
      origin,
      when: (s: Machine, { domain: d, iova: i }) => {
        const { late } = s.domains[d].entries[i];
        return late.length > 0 && late[0].isPending;
      },
      then: (s, { domain: d, iova: i }) => showEntry(s, d, i),
    },
  ),
  environmentRule(
    commandVisible,
    { smmu, slot },
    {
      lane: "memory",
      origin,
      when: (s: Machine, { smmu: of, slot: n }) => {
        const { late } = s.smmus[of].queue.slots[n];
        return late.length > 0 && late[0].isPending;
      },
      then: (s, { smmu: of, slot: n }) => showCommand(s.smmus[of].queue, n),
    },
  ),
];
