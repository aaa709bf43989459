/**
 * Discipline: what is declared as protected by a lock changes under it only, and every step means something
 * to the policy.
 */
import {
  idleLabel,
  type Invariant,
  invariant,
  type StepProperty,
  stepProperty,
  type TakenStep,
} from "../checker/index.ts";
import { cpu, domain, page, type Seen, smmu, type TableEntry } from "../model/machine.ts";
import { hasLevels, rootEntryOf, rootOf } from "../model/page-tables.ts";
import { type AtomName, findAtoms, meanings } from "../spec/atoms.ts";
import { isSameOwner } from "../spec/ownership.ts";
import { isAtRest, ofSmmu, policyPageOf } from "./pages.ts";

/** Does the CPU that takes the step hold the lock? Steps of the SMMU and of devices hold none. */
export function isHeldBy(lock: { readonly holder: number | null }, step: TakenStep): boolean {
  return lock.holder !== null && lock.holder === step.args.cpu;
}

function isSameEntry(a: TableEntry, b: TableEntry): boolean {
  if (a.tag !== b.tag) return false;
  if (a.tag === "none" || b.tag === "none") return true;
  return a.page === b.page && a.permission === b.permission;
}

/** Does the pool's page hold what it held? */
function isSameTable(before: Seen, after: Seen, table: number): boolean {
  const then = before.pool[table].entries;
  const now = after.pool[table].entries;
  for (let k = 0; k < then.length; k++) if (!isSameEntry(then[k].pte, now[k].pte)) return false;
  return true;
}

/** Do all page tables hold what they held? */
function areSameEntries(before: Seen, after: Seen): boolean {
  for (let d = 0; d < before.domains.length; d++) {
    const then = before.domains[d].entries;
    const now = after.domains[d].entries;
    for (let i = 0; i < then.length; i++) if (!isSameEntry(then[i].pte, now[i].pte)) return false;
  }
  for (let p = 0; p < before.pool.length; p++) if (!isSameTable(before, after, p)) return false;
  return true;
}

/** Do the tables that belong to the domain before the step hold what they held? */
function areSameTables(before: Seen, after: Seen, d: number): boolean {
  if (!hasLevels(before)) return true;
  const root = rootOf(before, d);
  if (root >= 0 && root < before.pool.length && !isSameTable(before, after, root)) return false;
  for (let i = 0; i < before.domains[d].entries.length; i++) {
    const above = rootEntryOf(before, d, i);
    if (above.tag !== "valid" || above.page >= before.pool.length) continue;
    if (!isSameTable(before, after, above.page)) return false;
  }
  return true;
}

/** Does the hypervisor hold of the page what it held? */
function isSamePage(then: Seen["pages"][number], now: Seen["pages"][number]): boolean {
  return (
    then.references === now.references &&
    then.hostState === now.hostState &&
    then.hypState === now.hypState &&
    then.guestLends === now.guestLends &&
    isSameOwner(then.owner, now.owner)
  );
}

/** Is this nothing, or one of the atoms of the call that the step belongs to? */
function isMeant(found: readonly AtomName[] | "stutter", step: TakenStep): boolean {
  if (found === "stutter") return true;
  const [call] = step.action.split(":");
  return call in meanings && found.some((name) => meanings[call].atoms.includes(name));
}

export const memorySafety: readonly Invariant<Seen>[] = [
  invariant(
    "memory-safety",
    {},
    {
      standsAlone: true,
      sentence: "EL2 accesses no memory outside its tables.",
      holds: (s: Seen) => s.wildAccess === "none",
      explain: ({ wildAccess }) =>
        wildAccess === "an uninitialised pointer" ||
        wildAccess === "a freed domain" ||
        wildAccess === "a page that is no table"
          ? `EL2 accessed memory through ${wildAccess}`
          : `EL2 accessed memory outside the table of ${wildAccess}`,
      premise: (s) => !isAtRest(s, idleLabel),
    },
  ),
];

export const discipline: readonly StepProperty<Seen>[] = [
  stepProperty(
    "entries-change-under-pgt_lock",
    { domain },
    {
      standsAlone: true,
      sentence:
        "An entry of a page table is written only by a CPU that holds the table's pgt_lock, or that frees the domain.",
      holds: (before: Seen, after: Seen, step, { domain: d }) => {
        // A call that counts itself in at 0 panics, and the free goes on: then its lock tells.
        const isFreed = before.domains[d].references === 0 || isHeldBy(before.domainLock, step);
        if (isFreed || isHeldBy(before.domains[d].pgtLock, step)) return true;
        const then = before.domains[d].entries;
        const now = after.domains[d].entries;
        for (let i = 0; i < then.length; i++) if (!isSameEntry(then[i].pte, now[i].pte)) return false;
        return areSameTables(before, after, d);
      },
      explain: (_before, _after, step, { domain: d }) =>
        `"${step.action}" writes to the page table of domain ${d} without its pgt_lock`,
    },
  ),
  stepProperty(
    "lookups-hold-pgt_lock",
    { cpu },
    {
      standsAlone: true,
      sentence:
        "iova_to_phys finds a page only while it holds the table's pgt_lock: what it walks is not taken out and freed meanwhile.",
      holds: (before: Seen, after: Seen, step, { cpu: k }) => {
        if (step.args.cpu !== k || !step.action.startsWith("iova_to_phys: ")) return true;
        const { found, domain: d } = before.cpus[k];
        const finds = found === null && after.cpus[k].found !== null;
        return !finds || typeof d !== "number" || isHeldBy(before.domains[d].pgtLock, step);
      },
      explain: (before, _after, _step, { cpu: k }) =>
        `iova_to_phys finds a page in the page table of domain ${before.cpus[k].domain} without its pgt_lock`,
    },
  ),
  stepProperty(
    "pages-change-under-host_mmu.lock",
    { page },
    {
      standsAlone: true,
      sentence: "A page's owner, state and count change only under host_mmu.lock.",
      holds: (before: Seen, after: Seen, step, { page: p }) =>
        isSamePage(before.pages[p], after.pages[p]) || isHeldBy(before.hostMmuLock, step),
      explain: (_before, _after, step, { page: p }) =>
        `"${step.action}" changes page ${p} without host_mmu.lock`,
    },
  ),
  stepProperty(
    "queue-changes-under-iommu.lock",
    { smmu },
    {
      standsAlone: true,
      sentence: "The producer's side of the command queue changes only under iommu.lock.",
      holds: (before: Seen, after: Seen, step, { smmu: n }) => {
        const { queue: then, iommuLock } = before.smmus[n];
        const { queue: now } = after.smmus[n];
        const isSame = then.producer === now.producer && then.doorbell === now.doorbell;
        return isSame || isHeldBy(iommuLock, step);
      },
      explain: (_before, after, step, { smmu: n }) =>
        `"${step.action}" moves the producer${ofSmmu(after, n)} without its iommu.lock`,
    },
  ),
  stepProperty(
    "steps-are-atoms",
    { page },
    {
      sentence:
        "Every step does to a page one atom of its call's meaning, which has what it needs, or nothing that the policy sees.",
      holds: (before: Seen, after: Seen, step, { page: p }) =>
        // Most steps change nothing that the policy sees; these are the quick ones to tell.
        (isSamePage(before.pages[p], after.pages[p]) && areSameEntries(before, after)) ||
        isMeant(findAtoms(policyPageOf(before, p), policyPageOf(after, p)), step),
      explain: (before, after, step, { page: p }) => {
        const say = (s: Seen): string => {
          const { owner, isLent, uses, mappings } = policyPageOf(s, p);
          return `${owner.tag}'s${isLent ? ", lent" : ""}, ${uses} uses, ${mappings} mappings`;
        };
        return `"${step.action}" takes page ${p} from (${say(before)}) to (${say(after)}), which is no atom`;
      },
    },
  ),
];
