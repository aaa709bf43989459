/**
 * Page tables of two levels: every table that something leads to is one, and what is taken out is forgotten.
 */
import {
  endOf,
  idleLabel,
  type Invariant,
  invariant,
  type StepProperty,
  stepProperty,
  type Witness,
  witness,
} from "../checker/index.ts";
import { cpu, domain, iova, page, type Seen, smmu, transaction } from "../model/machine.ts";
import {
  blockPages,
  hasLevels,
  isTablePage,
  leafPageOf,
  rootEntryOf,
  rootIndexOf,
  rootOf,
} from "../model/page-tables.ts";
import { isTranslating } from "../model/smmu/power.ts";
import { describeOwner } from "../spec/ownership.ts";
import { nameSmmu } from "./pages.ts";

function describePage(s: Seen, of: number): string {
  const use = of < s.pool.length ? s.pool[of].use : "outside";
  return `page ${of}, which is ${describeOwner(s.pages[of].owner)}'s and ${use}`;
}

/** The table that the domain's root leads to for the iova, or -1. */
function linkedTable(s: Seen, d: number, i: number): number {
  const above = rootEntryOf(s, d, i);
  return above.tag === "valid" ? above.page : -1;
}

/** The table that the SMMU remembers for the iova, or -1; what it remembers counts while it translates. */
function rememberedTable(s: Seen, n: number, d: number, i: number): number {
  if (!isTranslating(s, n)) return -1;
  const of = s.smmus[n].walkCache[d];
  return rootIndexOf(i) < of.length ? (of[rootIndexOf(i)].table ?? -1) : -1;
}

export const pageTables: readonly Invariant<Seen>[] = [
  invariant(
    "linked-tables-are-hypervisors",
    { domain, iova },
    {
      sentence:
        "The root of a domain, and every table that its live entries lead to, is the hypervisor's and in use as a table.",
      sekvm: "spt_cons",
      holds: (s: Seen, { domain: d, iova: i }) => {
        if (!hasLevels(s)) return true;
        const table = linkedTable(s, d, i);
        return isTablePage(s, rootOf(s, d)) && (table < 0 || isTablePage(s, table));
      },
      explain: (s, { domain: d, iova: i }) => {
        const root = rootOf(s, d);
        const isRoot = !isTablePage(s, root);
        return `${isRoot ? "the root" : `the entry of the root for iova ${i}`} of domain ${d} leads to ${describePage(s, isRoot ? root : linkedTable(s, d, i))}`;
      },
      premise: (s, { domain: d, iova: i }) => hasLevels(s) && linkedTable(s, d, i) >= 0,
    },
  ),
  invariant(
    "remembered-tables-are-hypervisors",
    { smmu, domain, iova },
    {
      sentence:
        "Every table that an SMMU that translates remembers is the hypervisor's and in use as a table.",
      sekvm: "spt_cons",
      holds: (s: Seen, { smmu: n, domain: d, iova: i }) => {
        const table = rememberedTable(s, n, d, i);
        return table < 0 || isTablePage(s, table);
      },
      explain: (s, { smmu: n, domain: d, iova: i }) =>
        `${nameSmmu(s, n)} remembers for iova ${i} of domain ${d} ${describePage(s, rememberedTable(s, n, d, i))}`,
      premise: (s, { smmu: n, domain: d, iova: i }) => rememberedTable(s, n, d, i) >= 0,
    },
  ),
  invariant(
    "walks-stay-in-tables",
    { smmu, transaction },
    {
      sentence: "Every table that a walk is on its way to is the hypervisor's and in use as a table.",
      sekvm: "spt_cons",
      holds: (s: Seen, { smmu: n, transaction: k }) => {
        const { doing } = s.smmus[n].transactions[k];
        return doing.tag !== "descent" || isTablePage(s, doing.page);
      },
      explain: (s, { smmu: n, transaction: k }) => {
        const { doing } = s.smmus[n].transactions[k];
        return doing.tag === "descent"
          ? `a walk for iova ${doing.iova} of domain ${doing.domain} is on its way to ${describePage(s, doing.page)}`
          : "";
      },
      premise: (s, { smmu: n, transaction: k }) => s.smmus[n].transactions[k].doing.tag === "descent",
    },
  ),
  invariant(
    "free-pages-are-zero",
    { page },
    {
      sentence: "A free page of the pool is zero: it becomes a table without being looked at again.",
      holds: (s: Seen, { page: p }) => {
        if (p >= s.pool.length || s.pool[p].use !== "free") return true;
        for (let k = 0; k < s.pool[p].entries.length; k++)
          if (s.pool[p].entries[k].pte.tag !== "none") return false;
        return true;
      },
      explain: (_, { page: p }) => `page ${p} is free in the pool, and holds entries`,
      premise: (s, { page: p }) => hasLevels(s) && p < s.pool.length && s.pool[p].use === "free",
    },
  ),
];

/** Is some call at work on the table: it has taken it out, and has not yet freed it? */
function isBeingFreed(s: Seen, table: number): boolean {
  for (let k = 0; k < s.cpus.length; k++) if (s.cpus[k].table === table + 1) return true;
  return false;
}

/** Does an SMMU know a table for the iova that the root does not lead to, and that no call is about to free? */
function knowsUnlinked(s: Seen, d: number, i: number): boolean {
  const linked = linkedTable(s, d, i);
  const isGone = (table: number) => table !== linked && !isBeingFreed(s, table);
  for (let n = 0; n < s.smmus.length; n++) {
    const remembered = rememberedTable(s, n, d, i);
    if (remembered >= 0 && isGone(remembered)) return true;
    for (let k = 0; k < s.smmus[n].transactions.length; k++) {
      const { doing } = s.smmus[n].transactions[k];
      if (doing.tag !== "descent" || doing.domain !== d) continue;
      if (rootIndexOf(doing.iova) === rootIndexOf(i) && isGone(doing.page)) return true;
    }
  }
  return false;
}

export const pageTableSteps: readonly StepProperty<Seen>[] = [
  stepProperty(
    "unlinked-means-forgotten",
    { cpu },
    {
      sentence:
        "When map_pages or unmap_pages returns n, the SMMU knows no table for these n iovas that was taken out, but for one that another call is about to free: not by what it remembers, nor by a walk in progress.",
      sekvm: "smmu_iso",
      holds: (before: Seen, after: Seen, step, { cpu: k }) => {
        if (!hasLevels(after) || step.args.cpu !== k || after.cpus[k].pc !== idleLabel) return true;
        const { domain: d, iova: first, gathered = 0, mapped = 0 } = before.cpus[k];
        if (typeof d !== "number" || typeof first !== "number") return true;
        // One of the two counts is the other call's, and 0.
        for (let i = first; i < first + gathered + mapped; i++) if (knowsUnlinked(after, d, i)) return false;
        return true;
      },
      explain: (before, _, step) =>
        `the call ${endOf(step.outcome)} for iova ${before.cpus[step.args.cpu].iova}, and the SMMU still knows a table that was taken out`,
    },
  ),
];

export const pageTableWitnesses: readonly Witness<Seen>[] = [
  witness(
    "a table is linked",
    { domain, iova },
    {
      sentence: "The root of a domain leads to a table of pages, and that to a page.",
      holds: (s: Seen, { domain: d, iova: i }) =>
        hasLevels(s) && linkedTable(s, d, i) >= 0 && leafPageOf(s, d, i) >= 0,
    },
  ),
  witness(
    "the SMMU remembers a table that was taken out",
    { smmu, domain, iova },
    {
      sentence: "The SMMU remembers a table, and the root does not lead to it any more.",
      holds: (s: Seen, { smmu: n, domain: d, iova: i }) => {
        const table = rememberedTable(s, n, d, i);
        return table >= 0 && linkedTable(s, d, i) !== table;
      },
    },
  ),
  witness(
    "a SYNC waits for a walk to a table",
    { smmu, transaction },
    {
      sentence: "A SYNC is next, and a walk is on its way to a table that was taken out.",
      holds: (s: Seen, { smmu: n, transaction: k }) => {
        const { doing } = s.smmus[n].transactions[k];
        const { slots, consumer, doorbell } = s.smmus[n].queue;
        const isSync = consumer !== doorbell && slots[consumer % slots.length].command.tag === "SYNC";
        return isSync && doing.tag === "descent" && doing.isStale;
      },
    },
  ),
  witness(
    "the pool has no page for a table",
    { cpu },
    {
      sentence: "A call maps nothing, for there is no page for a table.",
      holds: (s: Seen, { cpu: k }) => {
        const { pc, table } = s.cpus[k];
        return pc.startsWith("map_pages: link the table") && table === 0;
      },
    },
  ),
  witness(
    "a block is mapped",
    { domain, iova },
    {
      sentence: "An entry of a root leads to a block of pages.",
      holds: (s: Seen, { domain: d, iova: i }) =>
        i % blockPages === 0 && rootEntryOf(s, d, i).tag === "block",
    },
  ),
  witness(
    "a block is split",
    { cpu },
    {
      sentence: "A call is about to put a table in the place of a block.",
      holds: (s: Seen, { cpu: k }) => s.cpus[k].pc === "unmap_pages: replace the block by the table",
    },
  ),
  witness(
    "a translation of a block is in the TLB",
    { smmu, domain, iova },
    {
      sentence: "The TLB holds a translation that was read from a block.",
      holds: (s: Seen, { smmu: n, domain: d, iova: i }) => {
        const { size } = s.smmus[n].tlb[d][i];
        return size.length > 0 && size[0].isBlock;
      },
    },
  ),
];
