/**
 * Walks, the TLB, and accesses of devices.
 *
 * A walk reads an entry now and uses what it read later: it fills the TLB, goes on to its device's access,
 * or is abandoned (a prefetch). A device's access uses a translation until it ends. The TLB may drop an
 * entry at any moment. An invalidation empties the TLB and marks what is in progress and concerns it; the
 * next SYNC is not consumed before all that is marked has ended. What is marked may still be used for its
 * own access, but does not get into the TLB.
 *
 * A walk starts on a miss only: where the TLB holds the translation, dropping it first leads to the same.
 *
 * Where page tables have two levels, walks go level by level (table-walks.ts), and a translation remembers whether
 * it was read from a block: an invalidation of any address in a block concerns all of it.
 *
 * A translation of stage 1 is tagged with an ASID, and one of stage 2 with a VMID: an invalidation by the one does
 * not concern what carries the other, though the ids are the same number. A device has one for each PASID.
 *
 * Where streams are configured, a device's walk begins with the configuration that the SMMU holds: the VMID
 * tags it, the table pointer says whose entries it reads. An invalidation by id marks all that carries the id,
 * a CFGI what the stream's device has in progress.
 */
import { environmentRule, type Setting } from "../../checker/index.ts";
import {
  device,
  domain,
  type DomainIndex,
  iova,
  type IovaIndex,
  type Machine,
  page as anyPage,
  type Smmu,
  smmu,
  type StreamIndex,
  transaction,
  stream,
} from "../machine.ts";
import { hasLevels, rootIndexOf } from "../page-tables.ts";
import { seenEntry } from "./late-stores.ts";
import { isTranslating } from "./power.ts";
import { abandon, end, smmuLane, smmuLaneOfDevice, smmuOfDevice } from "./smmus.ts";
import { hasStaleDescriptor, userOf, vmidOf } from "./stream-table.ts";
import { descriptorBy, endTransaction, isOfAsid, isOfBlock, setSize, type Sized } from "./transactions.ts";

/** The hardware assumptions that isolation rests on here; each can be switched off. */
export const smmuAssumptions = {
  "tlbi-reaches-walks": "An invalidation also reaches the walks in progress that read what it invalidates.",
  "sync-waits-for-accesses":
    "A SYNC is consumed only when every access that used what was invalidated before it has ended.",
} as const;

type TlbEntry = Smmu["tlb"][number][number];

/** Does an invalidation of the address concern what was read for the iova? */
function isConcerned(of: Sized, readFor: number, at: number): boolean {
  return readFor === at || (isOfBlock(of) && rootIndexOf(readFor) === rootIndexOf(at));
}

/** The TLB drops one translation. */
function dropTranslation(entry: TlbEntry): void {
  entry.hit = { tag: "none" };
  setSize(entry, false);
}

/** A TLBI of the address: the TLB drops what it concerns. `byAsid`: the domain's id is an ASID. */
export function dropTranslations(of: Smmu, d: DomainIndex, at: IovaIndex, byAsid: number): void {
  if (byAsid > 0) {
    const { tlbOfAsids } = of;
    if (tlbOfAsids.length === 0) return;
    for (let i = 0; i < tlbOfAsids[0][d].length; i++)
      if (isConcerned(tlbOfAsids[0][d][i], i, at)) dropTranslation(tlbOfAsids[0][d][i]);
  } else {
    for (let i = 0; i < of.tlb[d].length; i++)
      if (isConcerned(of.tlb[d][i], i, at)) dropTranslation(of.tlb[d][i]);
  }
}

/** A TLBI by the domain's id: the TLB drops all that carries it, as an ASID (`byAsid`) or as a VMID. */
export function dropTranslationsOfId(of: Smmu, d: DomainIndex, byAsid: number): void {
  if (byAsid > 0) {
    const { tlbOfAsids } = of;
    if (tlbOfAsids.length === 0) return;
    for (let i = 0; i < tlbOfAsids[0][d].length; i++) dropTranslation(tlbOfAsids[0][d][i]);
  } else {
    for (let i = 0; i < of.tlb[d].length; i++) dropTranslation(of.tlb[d][i]);
  }
}

/** Does what is in progress carry the id, as an ASID (`byAsid`) or as a VMID? */
function isTagged(s: Machine, n: number, k: number, of: DomainIndex, byAsid: number): boolean {
  const { doing } = s.smmus[n].transactions[k];
  return (
    doing.tag !== "nothing" && doing.domain === of && isOfAsid(s.smmus[n].transactions[k]) === byAsid > 0
  );
}

/** Is what is in progress for this iova of this domain? */
function isOf(s: Machine, n: number, k: number, of: DomainIndex, at: IovaIndex, byAsid: number): boolean {
  const { doing } = s.smmus[n].transactions[k];
  if (doing.tag === "nothing" || !isTagged(s, n, k, of, byAsid)) return false;
  return isConcerned(s.smmus[n].transactions[k], doing.iova, at);
}

/** Marks what is in progress for the iova: a SYNC waits for its end. */
export function markStale(
  s: Machine,
  n: number,
  of: DomainIndex,
  at: IovaIndex,
  byAsid: number,
  setting: Setting,
): void {
  for (let k = 0; k < s.smmus[n].transactions.length; k++) {
    if (!isOf(s, n, k, of, at, byAsid)) continue;
    const { doing } = s.smmus[n].transactions[k];
    if (doing.tag === "walk" && setting.assumes("tlbi-reaches-walks")) {
      markWalk(s, n, k);
    } else if (doing.tag === "access") {
      markAccess(s, n, k);
    }
  }
}

function markWalk(s: Machine, n: number, k: number): void {
  const { doing } = s.smmus[n].transactions[k];
  if (doing.tag !== "walk") return;
  const { domain: tagged, iova: at, page, permission, by } = doing;
  s.smmus[n].transactions[k].doing = {
    tag: "walk",
    domain: tagged,
    iova: at,
    page,
    permission,
    isStale: true,
    by,
  };
}

function markAccess(s: Machine, n: number, k: number): void {
  const { doing } = s.smmus[n].transactions[k];
  if (doing.tag !== "access") return;
  const { device: by, domain: tagged, iova: at, page, permission } = doing;
  s.smmus[n].transactions[k].doing = {
    tag: "access",
    device: by,
    domain: tagged,
    iova: at,
    page,
    permission,
    isStale: true,
  };
}

function markDescent(s: Machine, n: number, k: number): void {
  const { doing } = s.smmus[n].transactions[k];
  if (doing.tag !== "descent") return;
  const { domain: tagged, iova: at, page } = doing;
  s.smmus[n].transactions[k].doing = { tag: "descent", domain: tagged, iova: at, page, isStale: true };
}

/** Marks the descents in progress to a table for the range of the iova: a SYNC waits for their end. */
export function markDescentsStale(
  s: Machine,
  n: number,
  of: DomainIndex,
  at: IovaIndex,
  setting: Setting,
): void {
  if (!setting.assumes("tlbi-reaches-walks")) return;
  for (let k = 0; k < s.smmus[n].transactions.length; k++) {
    const { doing } = s.smmus[n].transactions[k];
    if (doing.tag !== "descent" || doing.domain !== of) continue;
    if (rootIndexOf(doing.iova) === rootIndexOf(at)) markDescent(s, n, k);
  }
}

/** Marks everything in progress that is tagged with the id: a SYNC waits for its end. */
export function markStaleOfId(
  s: Machine,
  n: number,
  of: DomainIndex,
  byAsid: number,
  setting: Setting,
): void {
  for (let k = 0; k < s.smmus[n].transactions.length; k++) {
    if (!isTagged(s, n, k, of, byAsid)) continue;
    const { doing } = s.smmus[n].transactions[k];
    if (doing.tag === "access") markAccess(s, n, k);
    else if (setting.assumes("tlbi-reaches-walks")) {
      if (doing.tag === "walk") markWalk(s, n, k);
      else markDescent(s, n, k);
    }
  }
}

/** Marks everything that the SMMU has in progress: a SYNC waits for its end. */
export function markAllStale(s: Machine, n: number, setting: Setting): void {
  for (let k = 0; k < s.smmus[n].transactions.length; k++) {
    const { doing } = s.smmus[n].transactions[k];
    if (doing.tag === "walk") {
      if (setting.assumes("tlbi-reaches-walks")) markWalk(s, n, k);
    } else if (doing.tag === "descent") {
      if (setting.assumes("tlbi-reaches-walks")) markDescent(s, n, k);
    } else if (doing.tag === "access") markAccess(s, n, k);
  }
}

/** Marks what the stream's device has in progress, by one descriptor, or (0) by any: a SYNC waits for its end. */
export function markStaleOfStream(
  s: Machine,
  n: number,
  of: StreamIndex,
  by: number,
  setting: Setting,
): void {
  for (let k = 0; k < s.smmus[n].transactions.length; k++) {
    if (by > 0 && isOfAsid(s.smmus[n].transactions[k]) && descriptorBy(s.smmus[n].transactions[k]) !== by)
      continue;
    const { doing } = s.smmus[n].transactions[k];
    if (doing.tag === "walk" && doing.by === of) {
      if (setting.assumes("tlbi-reaches-walks")) markWalk(s, n, k);
    } else if (doing.tag === "access" && doing.device === Number(of)) markAccess(s, n, k);
  }
}

/** Is something in progress that a SYNC has to wait for? */
export function hasStale(s: Machine, n: number, setting: Setting): boolean {
  for (let k = 0; k < s.smmus[n].transactions.length; k++) {
    const { doing } = s.smmus[n].transactions[k];
    if (doing.tag === "nothing" || !doing.isStale) continue;
    if (doing.tag !== "access" || setting.assumes("sync-waits-for-accesses")) return true;
  }
  for (let k = 0; k < s.streams.length; k++) {
    if (smmuOfDevice(s, k) === n && (s.streams[k].isStale || hasStaleDescriptor(s, k))) return true;
  }
  return false;
}

/** Does the stream's device, with the configuration that the SMMU holds, miss in the TLB and find an entry? */
function findsEntry(s: Machine, by: number, at: IovaIndex): boolean {
  const tagged = vmidOf(s, by);
  const table = s.streams.length > by ? s.streams[by].cachedTable : null;
  if (tagged === null || table === null || s.smmus[smmuOfDevice(s, by)].tlb[tagged][at].hit.tag !== "none")
    return false;
  const user = userOf(s, table);
  return user >= 0 && seenEntry(s, user, at).tag === "valid";
}

/** Is a device of the domain behind the SMMU? */
export function hasDeviceOf(s: Machine, n: number, of: DomainIndex): boolean {
  for (let k = 0; k < s.devices.length; k++) {
    if (s.devices[k].domain === of && smmuOfDevice(s, k) === n) return true;
  }
  return false;
}

export const translationRules = [
  environmentRule(
    "walk: read the entry",
    { smmu, transaction, domain, iova },
    {
      lane: smmuLane,
      origin: { arm: "translation table walk" },
      when: (s: Machine, { smmu: n, transaction: k, domain: d, iova: i }) =>
        s.streams.length === 0 &&
        !hasLevels(s) &&
        isTranslating(s, n) &&
        hasDeviceOf(s, n, d) &&
        s.smmus[n].transactions[k].doing.tag === "nothing" &&
        s.smmus[n].tlb[d][i].hit.tag === "none" &&
        seenEntry(s, d, i).tag === "valid",
      then: (s, { smmu: n, transaction: k, domain: d, iova: i }) => {
        const read = seenEntry(s, d, i);
        if (read.tag !== "valid") return;
        const { page, permission } = read;
        s.smmus[n].transactions[k].doing = {
          tag: "walk",
          domain: d,
          iova: i,
          page,
          permission,
          isStale: false,
          by: "any",
        };
      },
    },
  ),
  environmentRule(
    "walk: read the entry for a stream",
    { transaction, device, iova },
    {
      lane: smmuLaneOfDevice,
      origin: { arm: "STE.S2TTB, translation table walk" },
      when: (s: Machine, { transaction: k, device: by, iova: i }) =>
        isTranslating(s, smmuOfDevice(s, by)) &&
        s.smmus[smmuOfDevice(s, by)].transactions[k].doing.tag === "nothing" &&
        findsEntry(s, by, i),
      then: (s, { transaction: k, device: by, iova: i }) => {
        const { cachedWord: tagged, cachedTable: table } = s.streams[by];
        if (tagged === null || table === null) return;
        const user = userOf(s, table);
        const read = seenEntry(s, user < 0 ? 0 : user, i);
        if (read.tag !== "valid") return;
        const { page, permission } = read;
        s.smmus[smmuOfDevice(s, by)].transactions[k].doing = {
          tag: "walk",
          domain: tagged,
          iova: i,
          page,
          permission,
          isStale: false,
          by: stream.at(by),
        };
      },
    },
  ),
  // A table page that left the pool holds what its owner wrote there: any entry.
  environmentRule(
    "walk: read an entry that the hypervisor did not write",
    { transaction, device, iova, page: anyPage },
    {
      lane: smmuLaneOfDevice,
      origin: { arm: "STE.S2TTB, translation table walk" },
      when: (s: Machine, { transaction: k, device: by, iova: i }) => {
        if (!isTranslating(s, smmuOfDevice(s, by))) return false;
        if (s.smmus[smmuOfDevice(s, by)].transactions[k].doing.tag !== "nothing") return false;
        const tagged = vmidOf(s, by);
        const table = s.streams.length > by ? s.streams[by].cachedTable : null;
        if (
          tagged === null ||
          table === null ||
          s.smmus[smmuOfDevice(s, by)].tlb[tagged][i].hit.tag !== "none"
        )
          return false;
        return s.pages[table].owner.tag !== "hypervisor";
      },
      then: (s, { transaction: k, device: by, iova: i, page: to }) => {
        const { cachedWord: tagged } = s.streams[by];
        if (tagged === null) return;
        s.smmus[smmuOfDevice(s, by)].transactions[k].doing = {
          tag: "walk",
          domain: tagged,
          iova: i,
          page: to,
          permission: "read and write",
          isStale: false,
          by: stream.at(by),
        };
      },
    },
  ),
  environmentRule(
    "walk: fill the TLB",
    { smmu, transaction },
    {
      lane: smmuLane,
      origin: { arm: "TLB fill" },
      when: (s: Machine, { smmu: n, transaction: k }) => {
        const { doing } = s.smmus[n].transactions[k];
        return doing.tag === "walk" && !doing.isStale;
      },
      then: (s, { smmu: n, transaction: k }) => {
        const { doing } = s.smmus[n].transactions[k];
        if (doing.tag !== "walk") return;
        const { domain: tagged, iova: at, page, permission } = doing;
        const { tlb, tlbOfAsids, transactions } = s.smmus[n];
        if (isOfAsid(transactions[k])) {
          tlbOfAsids[0][tagged][at].hit = { tag: "translation", page, permission };
          setSize(tlbOfAsids[0][tagged][at], isOfBlock(transactions[k]));
        } else {
          tlb[tagged][at].hit = { tag: "translation", page, permission };
          setSize(tlb[tagged][at], isOfBlock(transactions[k]));
        }
        endTransaction(transactions[k]);
      },
    },
  ),
  environmentRule(
    abandon,
    { smmu, transaction },
    {
      lane: smmuLane,
      origin: { arm: "translation table walk" },
      when: (s: Machine, { smmu: n, transaction: k }) => {
        const { doing } = s.smmus[n].transactions[k];
        return doing.tag === "walk" || doing.tag === "descent";
      },
      then: (s, { smmu: n, transaction: k }) => endTransaction(s.smmus[n].transactions[k]),
    },
  ),
  environmentRule(
    "access: begin after a walk",
    { transaction, device },
    {
      lane: "device {device}",
      origin: { arm: "client device transaction" },
      when: (s: Machine, { transaction: k, device: by }) => {
        const { doing } = s.smmus[smmuOfDevice(s, by)].transactions[k];
        if (doing.tag !== "walk") return false;
        return doing.by === "any" ? doing.domain === s.devices[by].domain : doing.by === Number(by);
      },
      then: (s, { transaction: k, device: by }) => {
        const { doing } = s.smmus[smmuOfDevice(s, by)].transactions[k];
        if (doing.tag !== "walk") return;
        const { domain: tagged, iova: i, page, permission, isStale } = doing;
        s.smmus[smmuOfDevice(s, by)].transactions[k].doing = {
          tag: "access",
          device: by,
          domain: tagged,
          iova: i,
          page,
          permission,
          isStale,
        };
      },
    },
  ),
  environmentRule(
    "access: begin with a TLB hit",
    { transaction, device, iova },
    {
      lane: "device {device}",
      origin: { arm: "client device transaction" },
      when: (s: Machine, { transaction: k, device: by, iova: i }) => {
        if (!isTranslating(s, smmuOfDevice(s, by))) return false;
        if (s.smmus[smmuOfDevice(s, by)].transactions[k].doing.tag !== "nothing") return false;
        const tagged = vmidOf(s, by);
        return tagged !== null && s.smmus[smmuOfDevice(s, by)].tlb[tagged][i].hit.tag === "translation";
      },
      then: (s, { transaction: k, device: by, iova: i }) => {
        const tagged = vmidOf(s, by);
        if (tagged === null) return;
        const { hit } = s.smmus[smmuOfDevice(s, by)].tlb[tagged][i];
        if (hit.tag !== "translation") return;
        const { page, permission } = hit;
        s.smmus[smmuOfDevice(s, by)].transactions[k].doing = {
          tag: "access",
          device: by,
          domain: tagged,
          iova: i,
          page,
          permission,
          isStale: false,
        };
        const from = s.smmus[smmuOfDevice(s, by)];
        setSize(from.transactions[k], isOfBlock(from.tlb[tagged][i]));
      },
    },
  ),
  environmentRule(
    end,
    { smmu, transaction },
    {
      lane: smmuLane,
      origin: { arm: "client device transaction" },
      when: (s: Machine, { smmu: n, transaction: k }) => s.smmus[n].transactions[k].doing.tag === "access",
      then: (s, { smmu: n, transaction: k }) => endTransaction(s.smmus[n].transactions[k]),
    },
  ),
  environmentRule(
    "TLB: evict",
    { smmu, domain, iova },
    {
      lane: smmuLane,
      origin: { arm: "TLB eviction" },
      when: (s: Machine, { smmu: n, domain: d, iova: i }) => s.smmus[n].tlb[d][i].hit.tag === "translation",
      then: (s, { smmu: n, domain: d, iova: i }) => dropTranslation(s.smmus[n].tlb[d][i]),
    },
  ),
];
