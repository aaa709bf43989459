/**
 * Commands: what the SMMU consumes is what was written for it, and what is not consumed has no consequences.
 */
import {
  endOf,
  idleLabel,
  type Invariant,
  invariant,
  type StepProperty,
  stepProperty,
  type Witness,
  witness,
} from "../checker/index.ts";
import { type Command, cpu, device, domain, iova, page, type Seen, smmu } from "../model/machine.ts";
import { countFrom, hasError, head } from "../model/smmu/command-queue.ts";
import { isZeroedLate, seenEntry } from "../model/smmu/late-stores.ts";
import { nameSmmu } from "./pages.ts";

function describeCommand(of: Command): string {
  if (of.tag === "nothing") return "zeros";
  if (of.tag === "other") return "a command that concerns nothing";
  return of.tag === "TLBI" ? `a TLBI of iova ${of.iova} of domain ${of.domain}` : `a ${of.tag}`;
}

/** Is a TLBI in the queue that this CPU wrote, and that the SMMU has not consumed? */
function hasPending(s: Seen, by: number): boolean {
  for (let of = 0; of < s.smmus.length; of++) {
    const { slots } = s.smmus[of].queue;
    for (let n = 0; n < slots.length; n++) {
      const { command, fresh } = slots[n];
      if (command.tag === "TLBI" && fresh.length > 0 && fresh[0].by === by) return true;
    }
  }
  return false;
}

/**
 * Is an SMMU late: has it not consumed what it was told of? Where the CPU waits for room, its queue must also have none
 * for what the CPU has for it.
 */
function isAnyLate(s: Seen, by: number, isForRoom: boolean, positions: number): boolean {
  const needed = Math.max(1, s.cpus[by].batched ?? 0);
  for (let n = 0; n < s.smmus.length; n++) {
    const { slots, producer, consumer, doorbell } = s.smmus[n].queue;
    const pending = countFrom(consumer, producer, positions);
    if (doorbell !== consumer && (!isForRoom || pending + needed > slots.length)) return true;
  }
  return false;
}

export const commands: readonly Invariant<Seen>[] = [
  invariant(
    "commands-are-legal",
    { smmu },
    {
      sentence: "The SMMU meets no illegal command: it would consume none after it.",
      holds: (s: Seen, { smmu: n }) => !hasError(s.smmus[n].queue),
      explain: (s, { smmu: n }) => `${nameSmmu(s, n)} met an illegal command, and stopped (CERROR)`,
      premise: (s, { smmu: n }) => s.smmus[n].queue.doorbell !== s.smmus[n].queue.consumer,
    },
  ),
  invariant(
    "told-means-written",
    { smmu },
    {
      sentence:
        "Every slot of the command queue that the SMMU is told of holds a command that was written for it.",
      holds: (s: Seen, { smmu: n }, { bounds }) => isToldOfWritten(s.smmus[n].queue, bounds.position),
      explain: (s, { smmu: n }) =>
        `${nameSmmu(s, n)} is told of slots up to ${s.smmus[n].queue.doorbell}, and one of them was not written`,
      premise: (s, { smmu: n }) => s.smmus[n].queue.doorbell !== s.smmus[n].queue.consumer,
    },
  ),
];

/** Was every slot that the SMMU is told of written? Where a queue keeps what was consumed, its steps are asked. */
function isToldOfWritten({ slots, consumer, doorbell }: Seen["smmus"][number]["queue"], positions: number) {
  if (slots.length === 0 || slots[0].fresh.length > 0) return true;
  for (let k = 0; k < slots.length; k++) {
    if (k >= countFrom(consumer, doorbell, positions)) return true;
    if (slots[(consumer + k) % slots.length].command.tag === "nothing") return false;
  }
  return true;
}

export const commandSteps: readonly StepProperty<Seen>[] = [
  stepProperty(
    "commands-are-consumed-as-written",
    { smmu },
    {
      sentence: "The SMMU consumes every command once, and as the hypervisor wrote it.",
      holds: (before: Seen, after: Seen, _step, { smmu: n }) => {
        const { errors, slots, consumer } = before.smmus[n].queue;
        if (errors.length === 0 || consumer === after.smmus[n].queue.consumer) return true;
        const of = slots[consumer % slots.length];
        return of.fresh[0].by !== null && (of.late.length === 0 || !of.late[0].isPending);
      },
      explain: (before, _after, _step, { smmu: n }) => {
        const { queue } = before.smmus[n];
        const at = queue.consumer % queue.slots.length;
        return `${nameSmmu(before, n)} consumes slot ${at}, in which it finds ${describeCommand(head(queue))}, which nobody wrote there for it to consume now`;
      },
    },
  ),
  stepProperty(
    "no-use-ends-before-its-invalidation",
    { page },
    {
      sentence:
        "While a TLBI of a CPU waits in the queue, the CPU gives back no use: an invalidation that failed gives none back at all.",
      sekvm: "smmu_count",
      holds: (before: Seen, after: Seen, step, { page: p }) => {
        const k = step.args.cpu;
        if (typeof k !== "number" || after.pages[p].references >= before.pages[p].references) return true;
        return !hasPending(before, k);
      },
      explain: (_before, _after, step, { page: p }) =>
        `"${step.action}" gives back a use of page ${p}, and the SMMU has not consumed the TLBI`,
    },
  ),
  stepProperty(
    "no-call-gives-up-in-time",
    { cpu },
    {
      standsAlone: true,
      sentence:
        "A call stops for an SMMU that is late only while one is: it has not consumed what it was told of, and its queue has no room for what the call has, or holds the SYNC.",
      holds: (before: Seen, after: Seen, step, { cpu: k }, { bounds }) => {
        if (step.args.cpu !== k) return true;
        const { pc } = after.cpus[k];
        const isLateSync = pc.endsWith(": the SMMU did not complete a SYNC in time");
        // A SYNC that found no room is told of as one that was not completed.
        const isUnwritten = isLateSync && before.cpus[k].pc.includes(": write SYNC");
        const isForRoom = isUnwritten || pc.endsWith(": the SMMU made no room in time");
        return !(isForRoom || isLateSync) || isAnyLate(before, k, isForRoom, bounds.position);
      },
      explain: (_before, after, _step, { cpu: k }) =>
        `CPU ${k} stops (${after.cpus[k].pc}), and no SMMU is late`,
    },
  ),
  stepProperty(
    "mapped-means-visible",
    { cpu },
    {
      sentence: "When map_pages returns n, the SMMU sees the n entries.",
      sekvm: "spt_cons",
      holds: (before: Seen, after: Seen, step, { cpu: k }) => {
        if (step.args.cpu !== k || after.cpus[k].pc !== idleLabel) return true;
        const { domain: d, iova: first, mapped } = before.cpus[k];
        if (typeof d !== "number" || typeof first !== "number" || mapped === undefined) return true;
        for (let i = first; i < first + mapped; i++) {
          if (seenEntry(after, d, i).tag !== after.domains[d].entries[i].pte.tag) return false;
        }
        return true;
      },
      explain: (before, _after, step) =>
        `map_pages ${endOf(step.outcome)} for iova ${before.cpus[step.args.cpu].iova}, and the SMMU does not see the entry yet`,
    },
  ),
];

export const commandWitnesses: readonly Witness<Seen>[] = [
  witness(
    "a store to a page table is late",
    { domain, iova },
    {
      sentence: "The SMMU still sees an entry that a CPU has changed.",
      holds: (s: Seen, { domain: d, iova: i }) => {
        const { late } = s.domains[d].entries[i];
        return late.length > 0 && late[0].isPending;
      },
    },
  ),
  witness(
    "a store to the stream table is late",
    { device },
    {
      sentence: "The SMMU still sees a word of an entry that a CPU has changed.",
      holds: (s: Seen, { device: k }) => {
        if (s.streams.length <= k) return false;
        const { lateWord, lateTable } = s.streams[k];
        return lateWord.length > 0 && (lateWord[0].isPending || lateTable[0].isPending);
      },
    },
  ),
  witness(
    "the zeroing of a page is late",
    { page },
    {
      sentence: "A page went back to the pool, and the SMMU may still see what it held.",
      holds: (s: Seen, { page: p }) => isZeroedLate(s, p),
    },
  ),
  witness(
    "a full batch is issued",
    { cpu },
    {
      sentence: "A batch is copied into the queue, and another one is to follow.",
      holds: (s: Seen, { cpu: k }) => {
        const { copied, issued, gathered } = s.cpus[k];
        return copied !== undefined && copied > 0 && (issued ?? 0) < (gathered ?? 0);
      },
    },
  ),
  witness(
    "a SYNC is late",
    { cpu },
    {
      sentence: "A call has stopped waiting for a SYNC that the SMMU has not consumed.",
      holds: (s: Seen, { cpu: k }) => {
        const { pc } = s.cpus[k];
        if (pc === "PANIC in unmap_pages: the SMMU did not complete a SYNC in time") return true;
        const isGivenUp =
          pc === "unmap_pages: release iommu.lock" ||
          pc === "unmap_pages: release iommu.lock, to the SYNC failed";
        return isGivenUp && s.smmus.some(({ queue }) => queue.producer !== queue.consumer);
      },
    },
  ),
];
