/**
 * The states of pages: what the host's stage 2, the hypervisor's stage 1 and the guests' stage 2 say of a page
 * agrees, and each is changed under its own lock. And the pool loses no page.
 */
import { idleLabel, type Invariant, invariant, type StepProperty, stepProperty } from "../checker/index.ts";
import { page, type Seen } from "../model/machine.ts";
import { hasLevels, rootEntryOf } from "../model/page-tables.ts";
import { isContext } from "./contexts.ts";
import { isHeldBy } from "./discipline.ts";
import { isAtRest } from "./pages.ts";

type PageEntry = Seen["pages"][number];

/** Does only the owner map the page, and beside it whom it lends it to: the host the hypervisor, a guest the host? */
function isAgreed({ owner, hostState, hypState, guestState, guestLends }: PageEntry): boolean {
  switch (owner.tag) {
    case "host":
      if (guestState !== "NOPAGE" || guestLends > 0) return false;
      return hostState === "SHARED_OWNED"
        ? hypState === "SHARED_BORROWED"
        : hostState === "OWNED" && hypState === "NOPAGE";
    case "guest":
      if (hostState !== (guestLends > 0 ? "SHARED_BORROWED" : "NOPAGE")) return false;
      return hypState === "NOPAGE" && guestState === "OWNED";
    case "hypervisor":
      return hostState === "NOPAGE" && hypState === "OWNED" && guestState === "NOPAGE";
  }
}

/** Does a domain that is allocated have its page table in this page of the pool, or a table of it? */
function isInUse(s: Seen, of: number): boolean {
  for (let d = 0; d < s.lifetimes.length; d++) {
    const { hasObject, root } = s.lifetimes[d];
    if (!hasObject || root === null) continue;
    if (root === of) return true;
    if (!hasLevels(s)) continue;
    for (let i = 0; i < s.domains[d].entries.length; i++) {
      const above = rootEntryOf(s, d, i);
      if (above.tag === "valid" && above.page === of) return true;
    }
  }
  return false;
}

/** Does the first level of the stream table lead to this page of the pool? */
function isSecondLevel(s: Seen, of: number): boolean {
  for (let n = 0; n < s.level1.length; n++) if (s.level1[n].table === of) return true;
  return false;
}

/** Pages of the pool that are in use, and neither a domain's nor the stream table's. */
function countLeakedTables(s: Seen): number {
  let count = 0;
  for (let p = 0; p < s.pool.length; p++) {
    if (s.pool[p].use === "table" && !isInUse(s, p) && !isSecondLevel(s, p) && !isContext(s, p)) count++;
  }
  return count;
}

export const pageStates: readonly Invariant<Seen>[] = [
  invariant(
    "page-states-agree",
    { page },
    {
      sentence:
        "While nobody holds host_mmu.lock, only its owner has a page mapped, and whoever borrows it: the hypervisor from the host, the host from a guest.",
      holds: (s: Seen, { page: p }) => s.hostMmuLock.holder !== null || isAgreed(s.pages[p]),
      explain: (s, { page: p }) => {
        const { owner, hostState, hypState, guestState } = s.pages[p];
        return `page ${p} is the ${owner.tag}'s; it is ${hostState} for the host, ${hypState} for the hypervisor, ${guestState} for the guest`;
      },
      premise: (s, { page: p }) => s.hostMmuLock.holder === null && s.pages[p].owner.tag !== "host",
    },
  ),
  invariant(
    "no-table-is-leaked",
    {},
    {
      sentence:
        "While no call is in flight, a page of the pool that is in use is a domain's page table, linked in one, or the stream table's.",
      holds: (s: Seen) => !isAtRest(s, idleLabel) || countLeakedTables(s) === 0,
      explain: (s) =>
        `no call is in flight, and ${countLeakedTables(s)} pages of the pool are in use as tables that neither a domain nor the stream table has`,
      premise: (s) => isAtRest(s, idleLabel) && s.lifetimes.length > 0 && s.lifetimes[0].root !== null,
    },
  ),
];

export const pageStateSteps: readonly StepProperty<Seen>[] = [
  stepProperty(
    "hypervisor-mappings-change-under-pkvm_pgd_lock",
    { page },
    {
      standsAlone: true,
      sentence: "What the hypervisor's stage 1 says of a page changes only under pkvm_pgd_lock.",
      holds: (before: Seen, after: Seen, step, { page: p }) =>
        before.pages[p].hypState === after.pages[p].hypState || isHeldBy(before.pkvmPgdLock, step),
      explain: (_before, _after, step, { page: p }) =>
        `"${step.action}" changes page ${p} in the hypervisor's stage 1 without pkvm_pgd_lock`,
    },
  ),
  stepProperty(
    "guest-mappings-change-under-guest-lock",
    { page },
    {
      standsAlone: true,
      sentence: "What a guest's stage 2 says of a page changes only under that stage 2's lock.",
      holds: (before: Seen, after: Seen, step, { page: p }) => {
        const then = before.pages[p];
        const now = after.pages[p];
        if (then.guestState === now.guestState && then.guestLends === now.guestLends) return true;
        // The guest that had the page, or that has it now: donation annotates the owner first, reclaim last.
        if (then.owner.tag === "guest") return isHeldBy(before.guests[then.owner.vm].lock, step);
        if (now.owner.tag === "guest") return isHeldBy(before.guests[now.owner.vm].lock, step);
        // A page that was given up is the host's before it is unmapped: then it is the guest that the call names.
        const { vm } = before.cpus[step.args.cpu];
        return vm !== undefined && isHeldBy(before.guests[vm].lock, step);
      },
      explain: (_before, _after, step, { page: p }) =>
        `"${step.action}" changes page ${p} in the guest's stage 2 without its lock`,
    },
  ),
];
