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
  type StreamIndex,
  transaction,
} from "../machine.ts";
import { seenEntry } from "./late-stores.ts";
import { drop, userOf, vmidOf } from "./stream-table.ts";

/** The hardware assumptions that isolation rests on here; each can be switched off. */
export const smmuAssumptions = {
  "tlbi-reaches-walks": "An invalidation also reaches the walks in progress that read what it invalidates.",
  "sync-waits-for-accesses":
    "A SYNC is consumed only when every access that used what was invalidated before it has ended.",
} as const;

const abandon = "walk: abandon";
const end = "access: end";
/** The steps by which what is in progress ends, so that a SYNC need not wait for it any more. */
export const endings: readonly string[] = [abandon, end, drop];

/** Is what is in progress for this iova of this domain? */
function isOf(s: Machine, k: number, of: DomainIndex, at: IovaIndex): boolean {
  const { doing } = s.transactions[k];
  return doing.tag !== "nothing" && doing.iova === at && doing.domain === of;
}

/** Marks what is in progress for the iova: a SYNC waits for its end. */
export function markStale(s: Machine, of: DomainIndex, at: IovaIndex, setting: Setting): void {
  for (let k = 0; k < s.transactions.length; k++) {
    if (!isOf(s, k, of, at)) continue;
    const { doing } = s.transactions[k];
    if (doing.tag === "walk" && setting.assumes("tlbi-reaches-walks")) {
      markWalk(s, k);
    } else if (doing.tag === "access") {
      markAccess(s, k);
    }
  }
}

function markWalk(s: Machine, k: number): void {
  const { doing } = s.transactions[k];
  if (doing.tag !== "walk") return;
  const { domain: tagged, iova: at, page, permission, by } = doing;
  s.transactions[k].doing = { tag: "walk", domain: tagged, iova: at, page, permission, isStale: true, by };
}

function markAccess(s: Machine, k: number): void {
  const { doing } = s.transactions[k];
  if (doing.tag !== "access") return;
  const { device: by, domain: tagged, iova: at, page, permission } = doing;
  s.transactions[k].doing = {
    tag: "access",
    device: by,
    domain: tagged,
    iova: at,
    page,
    permission,
    isStale: true,
  };
}

/** Marks everything in progress that is tagged with the id: a SYNC waits for its end. */
export function markStaleOfId(s: Machine, of: DomainIndex, setting: Setting): void {
  for (let k = 0; k < s.transactions.length; k++) {
    const { doing } = s.transactions[k];
    if (doing.tag === "walk" && doing.domain === of) {
      if (setting.assumes("tlbi-reaches-walks")) markWalk(s, k);
    } else if (doing.tag === "access" && doing.domain === of) markAccess(s, k);
  }
}

/** Marks what the stream's device has in progress: a SYNC waits for its end. */
export function markStaleOfStream(s: Machine, of: StreamIndex, setting: Setting): void {
  for (let k = 0; k < s.transactions.length; k++) {
    const { doing } = s.transactions[k];
    if (doing.tag === "walk" && doing.by === of + 1) {
      if (setting.assumes("tlbi-reaches-walks")) markWalk(s, k);
    } else if (doing.tag === "access" && doing.device === Number(of)) markAccess(s, k);
  }
}

/** Is something in progress that a SYNC has to wait for? */
export function hasStale(s: Machine, setting: Setting): boolean {
  for (let k = 0; k < s.transactions.length; k++) {
    const { doing } = s.transactions[k];
    if (doing.tag === "nothing" || !doing.isStale) continue;
    if (doing.tag === "walk" || setting.assumes("sync-waits-for-accesses")) return true;
  }
  for (let k = 0; k < s.streams.length; k++) if (s.streams[k].isStale) return true;
  return false;
}

/** Does the stream's device, with the configuration that the SMMU holds, miss in the TLB and find an entry? */
function findsEntry(s: Machine, by: number, at: IovaIndex): boolean {
  const tagged = vmidOf(s, by);
  const table = s.streams.length > by ? s.streams[by].cachedTable : null;
  if (tagged === null || table === null || s.tlb[tagged][at].hit.tag !== "none") return false;
  const user = userOf(s, table);
  return user >= 0 && seenEntry(s, user, at).tag === "valid";
}

export const translationRules = [
  environmentRule(
    "walk: read the entry",
    { transaction, domain, iova },
    {
      lane: "SMMU",
      origin: { arm: "translation table walk" },
      when: (s: Machine, { transaction: k, domain: d, iova: i }) =>
        s.streams.length === 0 &&
        s.transactions[k].doing.tag === "nothing" &&
        s.tlb[d][i].hit.tag === "none" &&
        seenEntry(s, d, i).tag === "valid",
      then: (s, { transaction: k, domain: d, iova: i }) => {
        const read = seenEntry(s, d, i);
        if (read.tag !== "valid") return;
        const { page, permission } = read;
        s.transactions[k].doing = {
          tag: "walk",
          domain: d,
          iova: i,
          page,
          permission,
          isStale: false,
          by: 0,
        };
      },
    },
  ),
  environmentRule(
    "walk: read the entry for a stream",
    { transaction, device, iova },
    {
      lane: "SMMU",
      origin: { arm: "STE.S2TTB, translation table walk" },
      when: (s: Machine, { transaction: k, device: by, iova: i }) =>
        s.transactions[k].doing.tag === "nothing" && findsEntry(s, by, i),
      then: (s, { transaction: k, device: by, iova: i }) => {
        const { cachedWord: tagged, cachedTable: table } = s.streams[by];
        if (tagged === null || table === null) return;
        const user = userOf(s, table);
        const read = seenEntry(s, user < 0 ? 0 : user, i);
        if (read.tag !== "valid") return;
        const { page, permission } = read;
        s.transactions[k].doing = {
          tag: "walk",
          domain: tagged,
          iova: i,
          page,
          permission,
          isStale: false,
          by: by + 1,
        };
      },
    },
  ),
  // A table page that left the pool holds what its owner wrote there: any entry.
  environmentRule(
    "walk: read an entry that the hypervisor did not write",
    { transaction, device, iova, page: anyPage },
    {
      lane: "SMMU",
      origin: { arm: "STE.S2TTB, translation table walk" },
      when: (s: Machine, { transaction: k, device: by, iova: i }) => {
        if (s.transactions[k].doing.tag !== "nothing") return false;
        const tagged = vmidOf(s, by);
        const table = s.streams.length > by ? s.streams[by].cachedTable : null;
        if (tagged === null || table === null || s.tlb[tagged][i].hit.tag !== "none") return false;
        return s.pages[table].owner.tag !== "hypervisor";
      },
      then: (s, { transaction: k, device: by, iova: i, page: to }) => {
        const { cachedWord: tagged } = s.streams[by];
        if (tagged === null) return;
        s.transactions[k].doing = {
          tag: "walk",
          domain: tagged,
          iova: i,
          page: to,
          permission: "read and write",
          isStale: false,
          by: by + 1,
        };
      },
    },
  ),
  environmentRule(
    "walk: fill the TLB",
    { transaction },
    {
      lane: "SMMU",
      origin: { arm: "TLB fill" },
      when: (s: Machine, { transaction: k }) => {
        const { doing } = s.transactions[k];
        return doing.tag === "walk" && !doing.isStale;
      },
      then: (s, { transaction: k }) => {
        const { doing } = s.transactions[k];
        if (doing.tag !== "walk") return;
        s.tlb[doing.domain][doing.iova].hit = {
          tag: "translation",
          page: doing.page,
          permission: doing.permission,
        };
        s.transactions[k].doing = { tag: "nothing" };
      },
    },
  ),
  environmentRule(
    abandon,
    { transaction },
    {
      lane: "SMMU",
      origin: { arm: "translation table walk" },
      when: (s: Machine, { transaction: k }) => s.transactions[k].doing.tag === "walk",
      then: (s, { transaction: k }) => {
        s.transactions[k].doing = { tag: "nothing" };
      },
    },
  ),
  environmentRule(
    "access: begin after a walk",
    { transaction, device },
    {
      lane: "device {device}",
      origin: { arm: "client device transaction" },
      when: (s: Machine, { transaction: k, device: by }) => {
        const { doing } = s.transactions[k];
        if (doing.tag !== "walk") return false;
        return doing.by === 0 ? doing.domain === s.devices[by].domain : doing.by === by + 1;
      },
      then: (s, { transaction: k, device: by }) => {
        const { doing } = s.transactions[k];
        if (doing.tag !== "walk") return;
        const { domain: tagged, iova: i, page, permission, isStale } = doing;
        s.transactions[k].doing = {
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
        if (s.transactions[k].doing.tag !== "nothing") return false;
        const tagged = vmidOf(s, by);
        return tagged !== null && s.tlb[tagged][i].hit.tag === "translation";
      },
      then: (s, { transaction: k, device: by, iova: i }) => {
        const tagged = vmidOf(s, by);
        if (tagged === null) return;
        const { hit } = s.tlb[tagged][i];
        if (hit.tag !== "translation") return;
        const { page, permission } = hit;
        s.transactions[k].doing = {
          tag: "access",
          device: by,
          domain: tagged,
          iova: i,
          page,
          permission,
          isStale: false,
        };
      },
    },
  ),
  environmentRule(
    end,
    { transaction },
    {
      lane: "SMMU",
      origin: { arm: "client device transaction" },
      when: (s: Machine, { transaction: k }) => s.transactions[k].doing.tag === "access",
      then: (s, { transaction: k }) => {
        s.transactions[k].doing = { tag: "nothing" };
      },
    },
  ),
  environmentRule(
    "TLB: evict",
    { domain, iova },
    {
      lane: "SMMU",
      origin: { arm: "TLB eviction" },
      when: (s: Machine, { domain: d, iova: i }) => s.tlb[d][i].hit.tag === "translation",
      then: (s, { domain: d, iova: i }) => {
        s.tlb[d][i].hit = { tag: "none" };
      },
    },
  ),
];
