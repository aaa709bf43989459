/**
 * The stream table as the SMMU sees it: it fetches an entry word by word, in any order and at any time, keeps
 * what it fetched as long as it likes, and uses it once it has both words. It keeps invalid entries as well.
 *
 * An entry of stage 1 leads to context descriptors, which the SMMU fetches and keeps in the same way, once it has the
 * entry; it finds a kept one by stream and PASID. A CFGI of the entry reaches all of them.
 *
 * Where the table has two levels, the SMMU reads the first one along with the word: while it leads nowhere, it finds
 * no entry. (It does not keep what leads nowhere.) It drops the low bits of the second level's address: where that
 * is not aligned to its size, it reads what the host wrote to the page before; and where it does not see yet that the
 * page was zeroed, what the page held as a table of another kind.
 *
 * A CFGI marks what the SMMU holds of the entry, whether whole or not; the next SYNC waits until that is
 * dropped. Until then it may still be used: it stands for what took the configuration before the CFGI came.
 * A fetch that is marked in its middle goes on to its end; nothing is fetched anew for that stream before what is
 * marked is dropped.
 */
import { environmentRule, isValid, type Setting } from "../../checker/index.ts";
import {
  type Command,
  descriptor,
  device,
  domain,
  type DomainIndex,
  type Machine,
  page as anyPage,
  stream,
  type StreamIndex,
} from "../machine.ts";
import type { PageIndex } from "../../spec/ownership.ts";
import { isZeroedLate, seenTable, seenWord } from "./late-stores.ts";
import { level1Of } from "../tables.ts";
import { isTranslating } from "./power.ts";
import { drop, dropDescriptor, smmuLaneOfDevice, smmuOfDevice } from "./smmus.ts";

/** The hardware assumption about configuration that isolation rests on; it can be switched off. */
export const streamAssumptions = {
  "cfgi-reaches-fetches": "A CFGI also reaches a fetch in progress, of which one word has been read.",
} as const;

/** The VMID that the device's translations are tagged with now; null where it has none, and is aborted. */
export function vmidOf(s: Machine, by: number): DomainIndex | null {
  if (s.streams.length === 0) return s.devices[by].domain;
  const of = s.streams[by];
  return of.hasWord && of.hasTable ? of.cachedWord : null;
}

/** The domain whose page table is in this page, or -1: then the page is free, or not the hypervisor's. */
export function userOf(s: Machine, table: PageIndex): number {
  for (let d = 0; d < s.lifetimes.length; d++) if (s.lifetimes[d].root === table) return d;
  return -1;
}

/** CFGI_STE: marks what the SMMU holds of the entry. */
export function invalidateStream(s: Machine, of: number, setting: Setting): void {
  const { hasWord, hasTable } = s.streams[of];
  const isWhole = hasWord && hasTable;
  if (isWhole || ((hasWord || hasTable) && setting.assumes("cfgi-reaches-fetches"))) {
    s.streams[of].isStale = true;
  }
  for (let n = 0; n < s.streams[of].descriptors.length; n++) invalidateDescriptor(s, of, n, setting);
}

/** CFGI_CD: marks what the SMMU holds of one descriptor. */
export function invalidateDescriptor(s: Machine, of: number, n: number, setting: Setting): void {
  const copy = s.streams[of].descriptors[n];
  const isWhole = copy.hasWord && copy.hasTable;
  if (isWhole || ((copy.hasWord || copy.hasTable) && setting.assumes("cfgi-reaches-fetches"))) {
    copy.isStale = true;
  }
}

/** Does the SMMU hold something of a descriptor of the stream that a CFGI went by? */
export function hasStaleDescriptor(s: Machine, k: number): boolean {
  const { descriptors } = s.streams[k];
  for (let n = 0; n < descriptors.length; n++) if (descriptors[n].isStale) return true;
  return false;
}

/** The command that invalidates the SMMU's copy of a stream table entry. */
export function configurationInvalidationOf(named: StreamIndex | string): Command {
  return { tag: "CFGI", stream: isValid(named) ? named : stream.at(0), descriptor: 0 };
}

/** The command that invalidates the SMMU's copy of a context descriptor. */
export function descriptorInvalidationOf(named: StreamIndex | string, pasid: number): Command {
  return { tag: "CFGI", stream: isValid(named) ? named : stream.at(0), descriptor: pasid + 1 };
}

/** The table of descriptors that the SMMU finds by the configuration that it holds, where it may fetch from it. */
function cachedContext(s: Machine, k: number): PageIndex | null {
  if (s.streams.length <= k || !isTranslating(s, smmuOfDevice(s, k))) return null;
  const { contexts, hasWord, hasTable, isStale } = s.streams[k];
  if (contexts.length === 0 || !hasWord || !hasTable || isStale) return null;
  return contexts[0].cached;
}

/** Does the SMMU find the stream's entry where the hypervisor writes it? */
function findsStream(s: Machine, k: number): boolean {
  if (s.streams.length <= k || !isTranslating(s, smmuOfDevice(s, k))) return false;
  const first = level1Of(s, k);
  return first === null || (first.table !== null && first.unaligned === 0);
}

/** Does the SMMU find what the hypervisor did not write, in the place of the stream's entry? */
function findsForeignStream(s: Machine, k: number): boolean {
  if (s.streams.length <= k || !isTranslating(s, smmuOfDevice(s, k))) return false;
  const first = level1Of(s, k);
  if (first === null || first.table === null) return false;
  return first.unaligned > 0 || isZeroedLate(s, first.table);
}

export const streamRules = [
  environmentRule(
    "STE: fetch word 0",
    { device },
    {
      lane: smmuLaneOfDevice,
      origin: { arm: "STE fetch" },
      when: (s: Machine, { device: k }) => findsStream(s, k) && !s.streams[k].hasWord,
      then: (s, { device: k }) => {
        s.streams[k].hasWord = true;
        s.streams[k].cachedWord = seenWord(s.streams[k]);
        if (s.streams[k].contexts.length > 0) s.streams[k].contexts[0].cached = s.streams[k].contexts[0].word;
      },
    },
  ),
  environmentRule(
    "STE: fetch the other words",
    { device },
    {
      lane: smmuLaneOfDevice,
      origin: { arm: "STE fetch" },
      when: (s: Machine, { device: k }) => findsStream(s, k) && !s.streams[k].hasTable,
      then: (s, { device: k }) => {
        s.streams[k].hasTable = true;
        s.streams[k].cachedTable = seenTable(s.streams[k]);
      },
    },
  ),
  environmentRule(
    "STE: fetch an entry that the hypervisor did not write",
    { device, domain, page: anyPage },
    {
      lane: smmuLaneOfDevice,
      origin: { arm: "STE fetch, L1STD.L2Ptr", mechanisms: ["M26", "M44"] },
      when: (s: Machine, { device: k }) =>
        findsForeignStream(s, k) && !s.streams[k].hasWord && !s.streams[k].hasTable,
      then: (s, { device: k, domain: tagged, page: table }) => {
        const of = s.streams[k];
        of.hasWord = true;
        of.cachedWord = tagged;
        of.hasTable = true;
        of.cachedTable = table;
      },
    },
  ),
  environmentRule(
    drop,
    { device },
    {
      lane: smmuLaneOfDevice,
      origin: { arm: "configuration cache eviction" },
      when: (s: Machine, { device: k }) =>
        s.streams.length > k && (s.streams[k].hasWord || s.streams[k].hasTable),
      then: (s, { device: k }) => {
        const of = s.streams[k];
        of.hasWord = false;
        of.cachedWord = null;
        of.hasTable = false;
        of.cachedTable = null;
        of.isStale = false;
        if (of.contexts.length > 0) of.contexts[0].cached = null;
      },
    },
  ),
  environmentRule(
    "CD: fetch word 0",
    { device, descriptor },
    {
      lane: smmuLaneOfDevice,
      origin: { arm: "CD fetch" },
      when: (s: Machine, { device: k, descriptor: n }) =>
        cachedContext(s, k) !== null && !s.streams[k].descriptors[n].hasWord,
      then: (s, { device: k, descriptor: n }) => {
        const from = cachedContext(s, k);
        if (from === null) return;
        s.streams[k].descriptors[n].hasWord = true;
        s.streams[k].descriptors[n].cachedWord = s.pool[from].descriptors[n].word;
      },
    },
  ),
  environmentRule(
    "CD: fetch the other words",
    { device, descriptor },
    {
      lane: smmuLaneOfDevice,
      origin: { arm: "CD fetch" },
      when: (s: Machine, { device: k, descriptor: n }) =>
        cachedContext(s, k) !== null && !s.streams[k].descriptors[n].hasTable,
      then: (s, { device: k, descriptor: n }) => {
        const from = cachedContext(s, k);
        if (from === null) return;
        s.streams[k].descriptors[n].hasTable = true;
        s.streams[k].descriptors[n].cachedTable = s.pool[from].descriptors[n].table;
      },
    },
  ),
  environmentRule(
    dropDescriptor,
    { device, descriptor },
    {
      lane: smmuLaneOfDevice,
      origin: { arm: "configuration cache eviction" },
      when: (s: Machine, { device: k, descriptor: n }) =>
        s.streams.length > k && (s.streams[k].descriptors[n].hasWord || s.streams[k].descriptors[n].hasTable),
      then: (s, { device: k, descriptor: n }) => {
        const of = s.streams[k].descriptors[n];
        of.hasWord = false;
        of.cachedWord = null;
        of.hasTable = false;
        of.cachedTable = null;
        of.isStale = false;
      },
    },
  ),
];
