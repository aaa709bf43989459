/**
 * Isolation: no device reaches a page that the owner of its stream may not access. Reads break secrecy,
 * writes break integrity. A device reaches a page through whatever it, or the SMMU for it, may still use: a
 * live entry, the TLB, a walk, an access in progress.
 */
import { type Invariant, invariant, type Witness, witness } from "../checker/index.ts";
import { device, domain, type DomainIndex, page, type Seen } from "../model/machine.ts";
import { isBypassing, isTranslating } from "../model/smmu/power.ts";
import { smmuOfDevice } from "../model/smmu/smmus.ts";
import {
  blockPages,
  hasLevels,
  leafPageOf,
  leafPermissionOf,
  rootEntryOf,
  rootIndexOf,
  rootOf,
} from "../model/page-tables.ts";
import { userOf } from "../model/smmu/stream-table.ts";
import { describeOwner, isExclusivelyHosts, type Owner, type PageIndex } from "../spec/ownership.ts";
import { type Access, doesPermit, mayReach } from "../spec/reach.ts";
import { cachedAsid, cachedContextIn, contextIn, usesCopy } from "./contexts.ts";
import { countMappings } from "./pages.ts";

/** The owner of every stream, until devices can be assigned to guests. */
const streamOwner: Owner = { tag: "host" };

/** The ways through the entries of a domain's page table. */
function findWaysOfTable(s: Seen, table: DomainIndex, to: PageIndex, access: Access, ways: string[]): void {
  for (let i = 0; i < s.domains[table].entries.length; i++) {
    const permission = leafPermissionOf(s, table, i);
    if (leafPageOf(s, table, i) === to && permission !== null && doesPermit(permission, access)) {
      ways.push(`a live entry for iova ${i} of domain ${table}`);
    }
  }
}

/** The ways through an SMMU's TLB by an ASID. */
function findWaysOfAsid(
  s: Seen,
  n: number,
  of: DomainIndex,
  to: PageIndex,
  access: Access,
  ways: string[],
): void {
  const { tlbOfAsids } = s.smmus[n];
  if (tlbOfAsids.length === 0 || !isTranslating(s, n)) return;
  for (let i = 0; i < tlbOfAsids[0][of].length; i++) {
    const { hit } = tlbOfAsids[0][of][i];
    if (hit.tag === "translation" && hit.page === to && doesPermit(hit.permission, access)) {
      ways.push(`a TLB entry for iova ${i} of domain ${of}, by its ASID`);
    }
  }
}

/** The ways through the translations that are tagged with an id: entries of its page table, and an SMMU's TLB. */
function findWaysOfId(
  s: Seen,
  n: number,
  of: DomainIndex,
  table: DomainIndex | null,
  to: PageIndex,
  access: Access,
  ways: string[],
): void {
  if (table !== null) findWaysOfTable(s, table, to, access, ways);
  for (let i = 0; i < s.domains[of].entries.length; i++) {
    const { hit } = s.smmus[n].tlb[of][i];
    if (
      isTranslating(s, n) &&
      hit.tag === "translation" &&
      hit.page === to &&
      doesPermit(hit.permission, access)
    ) {
      ways.push(`a TLB entry for iova ${i} of domain ${of}`);
    }
  }
}

/** Is there such a page, and is it another's than the hypervisor's? */
function isOthers(s: Seen, of: PageIndex | null): boolean {
  return of !== null && s.pages[of].owner.tag !== "hypervisor";
}

/** The ways through the context descriptors of a stream. */
function findWaysOfContext(
  s: Seen,
  by: number,
  isCopy: boolean,
  to: PageIndex,
  access: Access,
  ways: string[],
): void {
  const of = s.streams[by];
  const context = isCopy ? cachedContextIn(s, by) : contextIn(of);
  if (isOthers(s, context))
    ways.push(`its context descriptors, whose page ${context} is not the hypervisor's`);
  if (context === null) return;
  for (let n = 0; n < of.descriptors.length; n++) {
    const { word, table: inMemory } = s.pool[context].descriptors[n];
    const copied = cachedAsid(s, by, n) === null ? null : of.descriptors[n].cachedTable;
    const table = isCopy ? copied : word === null ? null : inMemory;
    if (isOthers(s, table)) {
      ways.push(`context descriptor ${n}, whose page table, page ${table}, is not the hypervisor's`);
    }
    const user = table === null ? -1 : userOf(s, table);
    if (user >= 0) findWaysOfTable(s, domain.at(user), to, access, ways);
    const asid = isCopy ? cachedAsid(s, by, n) : word;
    if (asid !== null) findWaysOfAsid(s, smmuOfDevice(s, by), asid, to, access, ways);
  }
}

/** The ways through one configuration of a device's stream: that in memory, or the SMMU's copy of it. */
function findWaysOfStream(
  s: Seen,
  by: number,
  isCopy: boolean,
  to: PageIndex,
  access: Access,
  ways: string[],
): void {
  const of = s.streams[by];
  if (isCopy && !usesCopy(s, by)) return;
  findWaysOfContext(s, by, isCopy, to, access, ways);
  const tagged = isCopy ? of.cachedWord : of.word;
  const table = isCopy ? of.cachedTable : of.table;
  if (tagged === null) return;
  const user = table === null ? -1 : userOf(s, table);
  findWaysOfId(s, smmuOfDevice(s, by), tagged, user < 0 ? null : (user as DomainIndex), to, access, ways);
  if (table !== null && s.pages[table].owner.tag !== "hypervisor") {
    const where = isCopy ? "the SMMU's copy of its stream table entry" : "its stream table entry";
    ways.push(`${where}, whose page table, page ${table}, is the ${s.pages[table].owner.tag}'s to write`);
  }
}

/** The ways through tables that are not the hypervisor's: what it did not write leads to any page. */
function findWaysOfForeignTables(s: Seen, of: DomainIndex, n: number, ways: string[]): void {
  if (!hasLevels(s)) return;
  const isForeign = (table: number) => table >= 0 && s.pages[table].owner.tag !== "hypervisor";
  const say = (what: string, table: number) =>
    ways.push(`${what}, page ${table}, which is the ${s.pages[table].owner.tag}'s to write`);
  const root = rootOf(s, of);
  if (isForeign(root)) say("the root of its page table", root);
  for (let i = 0; i < s.domains[of].entries.length; i += blockPages) {
    const above = rootEntryOf(s, of, i);
    if (above.tag === "valid" && isForeign(above.page)) say("a table", above.page);
    const remembered = isTranslating(s, n) ? s.smmus[n].walkCache[of][rootIndexOf(i)].table : null;
    if (remembered !== null && isForeign(remembered)) say("a table that the SMMU remembers", remembered);
  }
  for (let k = 0; k < s.smmus[n].transactions.length; k++) {
    const { doing } = s.smmus[n].transactions[k];
    if (doing.tag === "descent" && doing.domain === of && isForeign(doing.page)) {
      say("a walk in progress to a table", doing.page);
    }
  }
}

/** The ways by which a device can reach a page now; stops early unless `all` are wanted. */
function findWays(s: Seen, by: number, to: PageIndex, access: Access, all: boolean): string[] {
  const ways: string[] = [];
  if (isBypassing(s, smmuOfDevice(s, by))) ways.push("no translation at all: its SMMU was reset");
  const isConfigured = s.streams.length > 0;
  const of = s.devices[by].domain;
  if (isConfigured) {
    findWaysOfStream(s, by, false, to, access, ways);
    findWaysOfStream(s, by, true, to, access, ways);
  } else {
    findWaysOfId(s, smmuOfDevice(s, by), of, of, to, access, ways);
    findWaysOfForeignTables(s, of, smmuOfDevice(s, by), ways);
  }
  if (!all && ways.length > 0) return ways;
  const { transactions } = s.smmus[smmuOfDevice(s, by)];
  for (let k = 0; k < transactions.length; k++) {
    const { doing } = transactions[k];
    if (
      doing.tag === "nothing" ||
      doing.tag === "descent" ||
      doing.page !== to ||
      !doesPermit(doing.permission, access)
    )
      continue;
    const isMine = doing.tag === "walk" && (doing.by === "any" ? doing.domain === of : doing.by === by);
    if (isMine) {
      ways.push(`a walk in progress for iova ${doing.iova} of domain ${of}`);
    } else if (doing.tag === "access" && doing.device === by) {
      ways.push(`an access in progress to iova ${doing.iova}`);
    }
    if (!all && ways.length > 0) return ways;
  }
  return ways;
}

function isolation(name: string, access: Access, done: string, sentence: string): Invariant<Seen> {
  return invariant(
    name,
    { page, device },
    {
      sentence,
      sekvm: "smmu_iso",
      holds: (s: Seen, { page: p, device: by }) =>
        mayReach(streamOwner, s.pages[p], access) || findWays(s, by, p, access, false).length === 0,
      explain: (s, { page: p, device: by }) => {
        const through = findWays(s, by, p, access, true).join(", and through ");
        return `page ${p}, owned by ${describeOwner(s.pages[p].owner)}, can be ${done} by device ${by}, which is the host's, through ${through}`;
      },
      premise: (s, { page: p }) => !mayReach(streamOwner, s.pages[p], access),
    },
  );
}

export const reach: readonly Invariant<Seen>[] = [
  isolation(
    "dma-secrecy",
    "read",
    "read",
    "No device can read a page that the owner of its stream may not read.",
  ),
  isolation(
    "dma-integrity",
    "write",
    "written",
    "No device can write a page that the owner of its stream may not write.",
  ),
  invariant(
    "only-owned-pages-are-mapped",
    { page },
    {
      sentence: "A page that a live entry leads to is the host's own: OWNED, not shared, not borrowed.",
      holds: (s: Seen, { page: p }) => isExclusivelyHosts(s.pages[p]) || countMappings(s, p) === 0,
      explain: (s, { page: p }) =>
        `page ${p}, in host state ${s.pages[p].hostState}, owned by ${describeOwner(s.pages[p].owner)}, is mapped for DMA`,
      premise: (s, { page: p }) => countMappings(s, p) > 0,
    },
  ),
  invariant(
    "guest-secrets-stay",
    { page },
    {
      sentence: "The host cannot access a page that still holds what a guest wrote for itself.",
      sekvm: "vm_iso",
      holds: (s: Seen, { page: p }) => !s.pages[p].isSecret || !mayReach(streamOwner, s.pages[p], "read"),
      explain: (s, { page: p }) =>
        `page ${p} is ${s.pages[p].owner.tag === "host" ? "the host's" : "lent to the host"} and still holds what a guest wrote for itself`,
      premise: (s, { page: p }) => s.pages[p].isSecret,
    },
  ),
];

export const reachWitnesses: readonly Witness<Seen>[] = [
  witness(
    "a guest owns a page",
    { page },
    {
      sentence: "A page belongs to a guest, and holds what it wrote.",
      holds: (s: Seen, { page: p }) => s.pages[p].owner.tag === "guest" && s.pages[p].isSecret,
    },
  ),
  witness(
    "the hypervisor owns a page",
    { page },
    {
      sentence: "A page that was the host's belongs to the hypervisor.",
      holds: (s: Seen, { page: p }) =>
        s.pages[p].owner.tag === "hypervisor" && s.pages[p].hypState === "OWNED",
    },
  ),
  witness(
    "a page is shared",
    { page },
    {
      sentence: "The host lends a page to the hypervisor.",
      holds: (s: Seen, { page: p }) => s.pages[p].hypState === "SHARED_BORROWED",
    },
  ),
];
