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
 */
import { environmentRule, type Setting } from "../../checker/index.ts";
import {
  device,
  domain,
  type DomainIndex,
  iova,
  type IovaIndex,
  type Machine,
  transaction,
} from "../machine.ts";

/** The hardware assumptions that isolation rests on here; each can be switched off. */
export const smmuAssumptions = {
  "tlbi-reaches-walks": "An invalidation also reaches the walks in progress that read what it invalidates.",
  "sync-waits-for-accesses":
    "A SYNC is consumed only when every access that used what was invalidated before it has ended.",
} as const;

const abandon = "walk: abandon";
const end = "access: end";
/** The steps by which what is in progress ends, so that a SYNC need not wait for it any more. */
export const endings: readonly string[] = [abandon, end];

/** Is what is in progress for this iova of this domain? */
function isOf(s: Machine, k: number, of: DomainIndex, at: IovaIndex): boolean {
  const { doing } = s.transactions[k];
  if (doing.tag === "nothing" || doing.iova !== at) return false;
  return (doing.tag === "walk" ? doing.domain : s.devices[doing.device].domain) === of;
}

/** Marks what is in progress for the iova: a SYNC waits for its end. */
export function markStale(s: Machine, of: DomainIndex, at: IovaIndex, setting: Setting): void {
  for (let k = 0; k < s.transactions.length; k++) {
    if (!isOf(s, k, of, at)) continue;
    const { doing } = s.transactions[k];
    if (doing.tag === "walk" && setting.assumes("tlbi-reaches-walks")) {
      const { domain: tagged, iova: i, page, permission } = doing;
      s.transactions[k].doing = { tag: "walk", domain: tagged, iova: i, page, permission, isStale: true };
    } else if (doing.tag === "access") {
      const { device: by, iova: i, page, permission } = doing;
      s.transactions[k].doing = { tag: "access", device: by, iova: i, page, permission, isStale: true };
    }
  }
}

/** Is something in progress that a SYNC has to wait for? */
export function hasStale(s: Machine, setting: Setting): boolean {
  for (let k = 0; k < s.transactions.length; k++) {
    const { doing } = s.transactions[k];
    if (doing.tag === "nothing" || !doing.isStale) continue;
    if (doing.tag === "walk" || setting.assumes("sync-waits-for-accesses")) return true;
  }
  return false;
}

export const translationRules = [
  environmentRule(
    "walk: read the entry",
    { transaction, domain, iova },
    {
      lane: "SMMU",
      origin: { arm: "translation table walk" },
      when: (s: Machine, { transaction: k, domain: d, iova: i }) =>
        s.transactions[k].doing.tag === "nothing" &&
        s.tlb[d][i].hit.tag === "none" &&
        s.domains[d].entries[i].pte.tag === "valid",
      then: (s, { transaction: k, domain: d, iova: i }) => {
        const { pte: read } = s.domains[d].entries[i];
        if (read.tag !== "valid") return;
        const { page, permission } = read;
        s.transactions[k].doing = { tag: "walk", domain: d, iova: i, page, permission, isStale: false };
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
        return doing.tag === "walk" && doing.domain === s.devices[by].domain;
      },
      then: (s, { transaction: k, device: by }) => {
        const { doing } = s.transactions[k];
        if (doing.tag !== "walk") return;
        const { iova: i, page, permission, isStale } = doing;
        s.transactions[k].doing = { tag: "access", device: by, iova: i, page, permission, isStale };
      },
    },
  ),
  environmentRule(
    "access: begin with a TLB hit",
    { transaction, device, iova },
    {
      lane: "device {device}",
      origin: { arm: "client device transaction" },
      when: (s: Machine, { transaction: k, device: by, iova: i }) =>
        s.transactions[k].doing.tag === "nothing" && s.tlb[s.devices[by].domain][i].hit.tag === "translation",
      then: (s, { transaction: k, device: by, iova: i }) => {
        const { hit } = s.tlb[s.devices[by].domain][i];
        if (hit.tag !== "translation") return;
        const { page, permission } = hit;
        s.transactions[k].doing = { tag: "access", device: by, iova: i, page, permission, isStale: false };
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
