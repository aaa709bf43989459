/**
 * Translations of stage 1: a device's walk for a PASID begins with the context descriptor that the SMMU holds. The ASID
 * in it tags the translation, its table pointer (TTB0) says whose entries are read. The descriptor is used only with
 * the device's entry, which the SMMU must hold as well.
 */
import { environmentRule } from "../../checker/index.ts";
import {
  descriptor,
  device,
  domain,
  type DomainIndex,
  iova,
  type IovaIndex,
  type Machine,
  page as anyPage,
  smmu,
  transaction,
  stream,
} from "../machine.ts";
import type { PageIndex } from "../../spec/ownership.ts";
import { seenEntry } from "./late-stores.ts";
import { isTranslating } from "./power.ts";
import { smmuLane, smmuLaneOfDevice, smmuOfDevice } from "./smmus.ts";
import { userOf } from "./stream-table.ts";
import { setSize } from "./transactions.ts";

/** Has the SMMU the whole of a valid descriptor for the device's PASID, and of the entry that leads to it? */
function isTranslatingFor(s: Machine, by: number, n: number): boolean {
  if (s.streams.length <= by || !isTranslating(s, smmuOfDevice(s, by))) return false;
  if (s.smmus[smmuOfDevice(s, by)].tlbOfAsids.length === 0) return false;
  const { contexts, hasWord, hasTable, descriptors } = s.streams[by];
  if (contexts.length === 0 || !hasWord || !hasTable || contexts[0].cached === null) return false;
  return descriptors[n].hasWord && descriptors[n].hasTable;
}

/** The ASID that the device's translations for the PASID are tagged with now; null where it is aborted. */
function asidOf(s: Machine, by: number, n: number): DomainIndex | null {
  return isTranslatingFor(s, by, n) ? s.streams[by].descriptors[n].cachedWord : null;
}

/** Does a walk begin: is there room for it, and no translation in the TLB? */
function mayWalk(s: Machine, k: number, by: number, n: number, at: IovaIndex): boolean {
  const asid = asidOf(s, by, n);
  if (asid === null) return false;
  const { transactions, tlbOfAsids } = s.smmus[smmuOfDevice(s, by)];
  return transactions[k].doing.tag === "nothing" && tlbOfAsids[0][asid][at].hit.tag === "none";
}

/** The page table that the walk reads; null where there is none. */
function tableOf(s: Machine, by: number, n: number): PageIndex | null {
  return s.streams[by].descriptors[n].cachedTable;
}

export const substreamRules = [
  environmentRule(
    "walk: read the entry for a PASID",
    { transaction, device, descriptor, iova },
    {
      lane: smmuLaneOfDevice,
      origin: { arm: "CD.TTB0, CD.ASID, translation table walk", mechanisms: ["M59"] },
      when: (s: Machine, { transaction: k, device: by, descriptor: n, iova: i }) => {
        if (!mayWalk(s, k, by, n, i)) return false;
        const table = tableOf(s, by, n);
        if (table === null) return false;
        const user = userOf(s, table);
        return user >= 0 && seenEntry(s, user, i).tag === "valid";
      },
      then: (s, { transaction: k, device: by, descriptor: n, iova: i }) => {
        const { cachedWord: tagged, cachedTable: table } = s.streams[by].descriptors[n];
        if (tagged === null || table === null) return;
        const user = userOf(s, table);
        const read = seenEntry(s, user < 0 ? 0 : user, i);
        if (read.tag !== "valid") return;
        const { page, permission } = read;
        const of = s.smmus[smmuOfDevice(s, by)].transactions[k];
        of.doing = {
          tag: "walk",
          domain: tagged,
          iova: i,
          page,
          permission,
          isStale: false,
          by: stream.at(by),
        };
        of.context[0].descriptor = n + 1;
      },
    },
  ),
  // A table page that left the pool holds what its owner wrote there: any entry.
  environmentRule(
    "walk: read an entry that the hypervisor did not write, for a PASID",
    { transaction, device, descriptor, iova, page: anyPage },
    {
      lane: smmuLaneOfDevice,
      origin: { arm: "CD.TTB0, translation table walk" },
      when: (s: Machine, { transaction: k, device: by, descriptor: n, iova: i }) => {
        if (!mayWalk(s, k, by, n, i)) return false;
        const table = tableOf(s, by, n);
        return table !== null && s.pages[table].owner.tag !== "hypervisor";
      },
      then: (s, { transaction: k, device: by, descriptor: n, iova: i, page: to }) => {
        const { cachedWord: tagged } = s.streams[by].descriptors[n];
        if (tagged === null) return;
        const of = s.smmus[smmuOfDevice(s, by)].transactions[k];
        of.doing = {
          tag: "walk",
          domain: tagged,
          iova: i,
          page: to,
          permission: "read and write",
          isStale: false,
          by: stream.at(by),
        };
        of.context[0].descriptor = n + 1;
      },
    },
  ),
  environmentRule(
    "access: begin with a TLB hit for a PASID",
    { transaction, device, descriptor, iova },
    {
      lane: "device {device}",
      origin: { arm: "client device transaction" },
      when: (s: Machine, { transaction: k, device: by, descriptor: n, iova: i }) => {
        const asid = asidOf(s, by, n);
        if (asid === null) return false;
        const { transactions, tlbOfAsids } = s.smmus[smmuOfDevice(s, by)];
        return transactions[k].doing.tag === "nothing" && tlbOfAsids[0][asid][i].hit.tag === "translation";
      },
      then: (s, { transaction: k, device: by, descriptor: n, iova: i }) => {
        const { cachedWord: tagged } = s.streams[by].descriptors[n];
        if (tagged === null) return;
        const { transactions, tlbOfAsids } = s.smmus[smmuOfDevice(s, by)];
        const { hit } = tlbOfAsids[0][tagged][i];
        if (hit.tag !== "translation") return;
        const { page, permission } = hit;
        transactions[k].doing = {
          tag: "access",
          device: by,
          domain: tagged,
          iova: i,
          page,
          permission,
          isStale: false,
        };
        transactions[k].context[0].descriptor = n + 1;
      },
    },
  ),
  environmentRule(
    "TLB: evict a translation of an ASID",
    { smmu, domain, iova },
    {
      lane: smmuLane,
      origin: { arm: "TLB eviction" },
      when: (s: Machine, { smmu: n, domain: d, iova: i }) => {
        const { tlbOfAsids } = s.smmus[n];
        return tlbOfAsids.length > 0 && tlbOfAsids[0][d][i].hit.tag === "translation";
      },
      then: (s, { smmu: n, domain: d, iova: i }) => {
        const entry = s.smmus[n].tlbOfAsids[0][d][i];
        entry.hit = { tag: "none" };
        setSize(entry, false);
      },
    },
  ),
];
