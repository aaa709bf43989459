/**
 * Guests that live, run and die: what vm_table_lock protects, and how each of their calls can end.
 */
import {
  type Index,
  type Invariant,
  invariant,
  type StepProperty,
  stepProperty,
  type Witness,
  witness,
} from "../checker/index.ts";
import { cpu, guest, page, type Seen, vmTable } from "../model/machine.ts";
import { isSameOwner } from "../spec/ownership.ts";
import { isHeldBy } from "./discipline.ts";

/** How many guests have their vCPU loaded on the CPU. */
function countLoaded(s: Seen, n: Index<"vmTable">, k: number): number {
  let count = 0;
  for (let v = 0; v < s.guests.length; v++) if (s.guests[v].life[n].loadedOn === k) count++;
  return count;
}

export const guests: readonly Invariant<Seen>[] = [
  invariant(
    "a-dying-guest-runs-nowhere",
    { vmTable, guest },
    {
      sentence:
        "A guest that is being torn down has no vCPU loaded: no call of its own meets the reclaim of its pages.",
      holds: (s: Seen, { vmTable: n, guest: v }) => {
        const { isDying, loadedOn } = s.guests[v].life[n];
        return !isDying || loadedOn === null;
      },
      explain: (s, { vmTable: n, guest: v }) =>
        `VM ${v} is being torn down, and its vCPU is loaded on CPU ${s.guests[v].life[n].loadedOn}`,
      premise: (s, { vmTable: n, guest: v }) => s.guests[v].life[n].isDying,
    },
  ),
  invariant(
    "a-cpu-runs-one-guest",
    { vmTable, cpu },
    {
      standsAlone: true,
      sentence: "A CPU has one vCPU loaded at most: a call from it is that guest's.",
      holds: (s: Seen, { vmTable: n, cpu: k }) => countLoaded(s, n, k) <= 1,
      explain: (s, { vmTable: n, cpu: k }) =>
        `CPU ${k} has the vCPUs of ${countLoaded(s, n, k)} guests loaded`,
      premise: (s, { vmTable: n, cpu: k }) => countLoaded(s, n, k) > 0,
    },
  ),
];

export const guestSteps: readonly StepProperty<Seen>[] = [
  stepProperty(
    "guests-live-and-die-under-vm_table_lock",
    { vmTable, guest },
    {
      sentence: "Whether a guest is dying, and where its vCPU is loaded, changes only under vm_table_lock.",
      holds: (before: Seen, after: Seen, step, { vmTable: n, guest: v }) => {
        const then = before.guests[v].life[n];
        const now = after.guests[v].life[n];
        if (then.isDying === now.isDying && then.loadedOn === now.loadedOn) return true;
        return isHeldBy(before.vmTable[n].lock, step);
      },
      explain: (_before, _after, step, { guest: v }) =>
        `"${step.action}" changes whether or where VM ${v} runs without vm_table_lock`,
    },
  ),
  stepProperty(
    "a-dying-guest-gets-no-page",
    { vmTable, page },
    {
      sentence: "No page is given to a guest that is being torn down: the reclaim of its pages may be over.",
      holds: (before: Seen, after: Seen, _step, { vmTable: n, page: p }) => {
        const [then, now] = [before.pages[p].owner, after.pages[p].owner];
        if (now.tag !== "guest" || then.tag === "guest") return true;
        return !before.guests[now.vm].life[n].isDying;
      },
      explain: (_before, _after, step, { page: p }) =>
        `"${step.action}" gives page ${p} to a guest that is being torn down`,
    },
  ),
  stepProperty(
    "guests-call-where-they-run",
    { vmTable, page },
    {
      sentence:
        "A page of a guest is lent, taken back and given up by the guest alone: by a call from the CPU on which its vCPU is loaded.",
      holds: (before: Seen, after: Seen, step, { vmTable: n, page: p }) => {
        if (!step.action.startsWith("guest_") || isSameForGuest(before.pages[p], after.pages[p])) return true;
        const { owner } = before.pages[p];
        return owner.tag !== "guest" || before.guests[owner.vm].life[n].loadedOn === step.args.cpu;
      },
      explain: (_before, _after, step, { page: p }) =>
        `"${step.action}" changes what a guest has of page ${p}, and the guest does not run on CPU ${step.args.cpu}`,
    },
  ),
];

/** Is what the guest's stage 2 and the host's say of the page's owner as it was? */
function isSameForGuest(then: Seen["pages"][number], now: Seen["pages"][number]): boolean {
  return (
    then.guestLends === now.guestLends &&
    then.guestState === now.guestState &&
    isSameOwner(then.owner, now.owner)
  );
}

/** A call is at this label, and the page that it is about is as said. */
function outcome(
  name: string,
  sentence: string,
  at: string,
  isSuch: (of: Seen["pages"][number]) => boolean = () => true,
): Witness<Seen> {
  return witness(
    name,
    { vmTable, cpu },
    {
      sentence,
      holds: (s: Seen, { cpu: k }) => {
        const { pc, page: of } = s.cpus[k];
        return pc === at && (typeof of !== "number" || isSuch(s.pages[of]));
      },
    },
  );
}

/** A call has vm_table_lock and is to look whether its guest is dying. */
function meets(name: string, sentence: string, at: string, isDying: boolean): Witness<Seen> {
  return witness(
    name,
    { vmTable, cpu },
    {
      sentence,
      holds: (s: Seen, { vmTable: n, cpu: k }) => {
        const { pc, vm } = s.cpus[k];
        return pc === at && vm !== undefined && s.guests[vm].life[n].isDying === isDying;
      },
    },
  );
}

export const guestWitnesses: readonly Witness<Seen>[] = [
  witness(
    "a guest lends a page",
    { vmTable, page },
    {
      sentence: "A guest lends a page to the host, which borrows it.",
      holds: (s: Seen, { page: p }) =>
        s.pages[p].guestLends > 0 && s.pages[p].hostState === "SHARED_BORROWED",
    },
  ),
  outcome(
    "a loan is refused",
    "A guest does not lend a page that it has not for itself.",
    "guest_share_host: release host_mmu.lock, refusing EPERM",
  ),
  outcome(
    "a guest takes a page back",
    "A guest has taken back a page that it lent.",
    "guest_unshare_host: release guest lock",
    ({ hostState }) => hostState === "NOPAGE",
  ),
  outcome(
    "nothing was lent",
    "A guest does not take back a page that it does not lend.",
    "guest_unshare_host: release host_mmu.lock, refusing EPERM",
  ),
  outcome(
    "a guest gives a page up",
    "A guest has given a page up, which is scrubbed and the host's.",
    "guest_relinquish_to_host: release guest lock",
    ({ owner, isSecret }) => owner.tag === "host" && !isSecret,
  ),
  outcome(
    "a lent page is not given up",
    "A guest does not give up a page that it lends.",
    "guest_relinquish_to_host: release host_mmu.lock, refusing EPERM",
    ({ guestLends }) => guestLends > 0,
  ),
  outcome(
    "a page of a dying guest is the host's",
    "The page of a guest that is torn down was scrubbed, and is the host's.",
    "reclaim_dying_guest_page: release guest lock",
    ({ owner, isSecret }) => owner.tag === "host" && !isSecret,
  ),
  outcome(
    "a lent page of a dying guest is reclaimed",
    "A guest that is torn down lends the page that is taken from it.",
    "reclaim_dying_guest_page: give the page to the host's state",
    ({ hostState }) => hostState === "SHARED_BORROWED",
  ),
  meets(
    "a guest that lives keeps its page",
    "A page is not to be reclaimed, for its guest is not being torn down.",
    "reclaim_dying_guest_page: acquire host_mmu.lock",
    false,
  ),
  meets(
    "a dying guest is not loaded",
    "A vCPU is not to be loaded, for its guest is being torn down.",
    "vcpu_load: load the vCPU",
    true,
  ),
  outcome(
    "a guest that runs is not torn down",
    "A teardown meets a WARN, for a vCPU is loaded.",
    "PANIC in start_teardown_vm: WARN unless no vCPU is loaded",
  ),
];
