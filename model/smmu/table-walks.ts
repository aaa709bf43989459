/**
 * Walks through page tables of two levels.
 *
 * A walk reads the entry of the root, and is then on its way to a table (a descent), or at its end where the entry is
 * a block; it reads the table's entry later, in memory as it is by then. What the root's entry led to may be
 * remembered (the walk cache), and used by later walks as long as no invalidation that is not of the last level only
 * goes by. A page that is not the hypervisor's holds what its owner likes: any entry.
 */
import { environmentRule } from "../../checker/index.ts";
import {
  type DomainIndex,
  domain,
  iova,
  type Machine,
  page as anyPage,
  smmu,
  transaction,
} from "../machine.ts";
import {
  blockPages,
  hasLevels,
  isHypervisors,
  pageInBlock,
  rootEntryOf,
  rootIndexOf,
  rootOf,
  slotIn,
} from "../page-tables.ts";
import type { PageIndex } from "../../spec/ownership.ts";
import { isTranslating } from "./power.ts";
import { smmuLane } from "./smmus.ts";
import { setSize } from "./transactions.ts";
import { hasDeviceOf } from "./translations.ts";

/** Can a walk begin: does the SMMU translate, is there room for it, a device that wants it, and no translation in the TLB? */
function mayBegin(s: Machine, n: number, k: number, d: DomainIndex, i: number): boolean {
  return (
    hasLevels(s) &&
    s.streams.length === 0 &&
    isTranslating(s, n) &&
    s.smmus[n].transactions[k].doing.tag === "nothing" &&
    s.smmus[n].tlb[d][i].hit.tag === "none" &&
    hasDeviceOf(s, n, d)
  );
}

/** Is the domain's root a page that another than the hypervisor writes to? */
function isForeignRoot(s: Machine, d: DomainIndex): boolean {
  const root = rootOf(s, d);
  return root >= 0 && !isHypervisors(s, root as PageIndex);
}

/** The table that the SMMU remembers for the iova, or null. */
function rememberedTable(s: Machine, n: number, d: DomainIndex, i: number): PageIndex | null {
  const of = s.smmus[n].walkCache[d];
  return rootIndexOf(i) < of.length ? of[rootIndexOf(i)].table : null;
}

export const tableWalkRules = [
  environmentRule(
    "walk: read the entry of the root",
    { smmu, transaction, domain, iova },
    {
      lane: smmuLane,
      origin: { arm: "translation table walk, first level" },
      when: (s: Machine, { smmu: n, transaction: k, domain: d, iova: i }) => {
        if (!mayBegin(s, n, k, d, i) || isForeignRoot(s, d)) return false;
        const { tag } = rootEntryOf(s, d, i);
        return tag === "valid" || tag === "block";
      },
      then: (s, { smmu: n, transaction: k, domain: d, iova: i }) => {
        const read = rootEntryOf(s, d, i);
        if (read.tag === "valid") {
          s.smmus[n].transactions[k].doing = {
            tag: "descent",
            domain: d,
            iova: i,
            page: read.page,
            isStale: false,
          };
        } else if (read.tag === "block") {
          const { permission } = read;
          const to = pageInBlock(read.page, i);
          s.smmus[n].transactions[k].doing = {
            tag: "walk",
            domain: d,
            iova: i,
            page: to,
            permission,
            isStale: false,
            by: "any",
          };
          setSize(s.smmus[n].transactions[k], true);
        }
      },
    },
  ),
  environmentRule(
    "walk: begin at a remembered table",
    { smmu, transaction, domain, iova },
    {
      lane: smmuLane,
      origin: { arm: "walk cache" },
      when: (s: Machine, { smmu: n, transaction: k, domain: d, iova: i }) =>
        mayBegin(s, n, k, d, i) && rememberedTable(s, n, d, i) !== null,
      then: (s, { smmu: n, transaction: k, domain: d, iova: i }) => {
        const table = rememberedTable(s, n, d, i);
        if (table === null) return;
        s.smmus[n].transactions[k].doing = {
          tag: "descent",
          domain: d,
          iova: i,
          page: table,
          isStale: false,
        };
      },
    },
  ),
  environmentRule(
    "walk: remember the table",
    { smmu, transaction },
    {
      lane: smmuLane,
      origin: { arm: "walk cache" },
      when: (s: Machine, { smmu: n, transaction: k }) => {
        const { doing } = s.smmus[n].transactions[k];
        if (doing.tag !== "descent" || doing.isStale) return false;
        return rememberedTable(s, n, doing.domain, doing.iova) !== doing.page;
      },
      then: (s, { smmu: n, transaction: k }) => {
        const { doing } = s.smmus[n].transactions[k];
        if (doing.tag !== "descent") return;
        s.smmus[n].walkCache[doing.domain][rootIndexOf(doing.iova)].table = doing.page;
      },
    },
  ),
  environmentRule(
    "walk: read the entry of the table",
    { smmu, transaction },
    {
      lane: smmuLane,
      origin: { arm: "translation table walk, last level" },
      when: (s: Machine, { smmu: n, transaction: k }) => {
        const { doing } = s.smmus[n].transactions[k];
        if (doing.tag !== "descent" || !isHypervisors(s, doing.page)) return false;
        return slotIn(s, doing.page, doing.iova % blockPages)?.pte.tag === "valid";
      },
      then: (s, { smmu: n, transaction: k }) => {
        const { doing } = s.smmus[n].transactions[k];
        if (doing.tag !== "descent") return;
        const { domain: tagged, iova: at, page: table, isStale } = doing;
        const read = slotIn(s, table, at % blockPages)?.pte;
        if (read?.tag !== "valid") return;
        const { page, permission } = read;
        s.smmus[n].transactions[k].doing = {
          tag: "walk",
          domain: tagged,
          iova: at,
          page,
          permission,
          isStale,
          by: "any",
        };
      },
    },
  ),
  environmentRule(
    "walk: read an entry that the hypervisor did not write, in a table",
    { smmu, transaction, page: anyPage },
    {
      lane: smmuLane,
      origin: { arm: "translation table walk, last level" },
      when: (s: Machine, { smmu: n, transaction: k }) => {
        const { doing } = s.smmus[n].transactions[k];
        return doing.tag === "descent" && !isHypervisors(s, doing.page);
      },
      then: (s, { smmu: n, transaction: k, page: to }) => {
        const { doing } = s.smmus[n].transactions[k];
        if (doing.tag !== "descent") return;
        const { domain: tagged, iova: at, isStale } = doing;
        s.smmus[n].transactions[k].doing = {
          tag: "walk",
          domain: tagged,
          iova: at,
          page: to,
          permission: "read and write",
          isStale,
          by: "any",
        };
      },
    },
  ),
  // What such a root leads to stands for all that its owner can make of it: any page.
  environmentRule(
    "walk: read an entry that the hypervisor did not write, in a root",
    { smmu, transaction, domain, iova, page: anyPage },
    {
      lane: smmuLane,
      origin: { arm: "translation table walk, first level" },
      when: (s: Machine, { smmu: n, transaction: k, domain: d, iova: i }) =>
        mayBegin(s, n, k, d, i) && isForeignRoot(s, d),
      then: (s, { smmu: n, transaction: k, domain: d, iova: i, page: to }) => {
        s.smmus[n].transactions[k].doing = {
          tag: "walk",
          domain: d,
          iova: i,
          page: to,
          permission: "read and write",
          isStale: false,
          by: "any",
        };
      },
    },
  ),
  environmentRule(
    "walk cache: evict",
    { smmu, domain, iova },
    {
      lane: smmuLane,
      origin: { arm: "walk cache eviction" },
      when: (s: Machine, { smmu: n, domain: d, iova: i }) =>
        i % blockPages === 0 && rememberedTable(s, n, d, i) !== null,
      then: (s, { smmu: n, domain: d, iova: i }) => {
        s.smmus[n].walkCache[d][rootIndexOf(i)].table = null;
      },
    },
  ),
];
