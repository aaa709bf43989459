/**
 * Stage 1: what context descriptors, and what the SMMU copied from them, lead to.
 */
import {
  idleLabel,
  type Invariant,
  invariant,
  type StepProperty,
  stepProperty,
  type TakenStep,
  type Witness,
  witness,
} from "../checker/index.ts";
import { cpu, descriptor, device, type DomainIndex, type Seen } from "../model/machine.ts";
import type { PageIndex } from "../spec/ownership.ts";
import { isTranslating } from "../model/smmu/power.ts";
import { smmuOfDevice } from "../model/smmu/smmus.ts";
import { describeTable, isTable } from "./tables.ts";

type Stream = Seen["streams"][number];

/** The table of descriptors that the stream's entry leads to, or null. */
export function contextIn(of: Stream): PageIndex | null {
  return of.contexts.length > 0 ? of.contexts[0].word : null;
}

/**
 * Does the SMMU hold the whole of the entry, or of a descriptor of it, and translate by it? What it holds while it is off
 * leads nowhere; it counts again from the moment at which it translates again.
 */
export function usesCopy(
  s: Seen,
  k: number,
  { hasWord, hasTable }: Pick<Stream, "hasWord" | "hasTable"> = s.streams[k],
): boolean {
  return hasWord && hasTable && isTranslating(s, smmuOfDevice(s, k));
}

/** The table of descriptors that the SMMU's copy of the entry leads to, or null. */
export function cachedContextIn(s: Seen, k: number): PageIndex | null {
  const { contexts } = s.streams[k];
  return contexts.length > 0 && usesCopy(s, k) ? contexts[0].cached : null;
}

/** The id that the SMMU's copy of a descriptor carries, where it has the whole of a valid one; else null. */
export function cachedAsid(s: Seen, k: number, n: number): DomainIndex | null {
  const copy = s.streams[k].descriptors[n];
  return usesCopy(s, k, copy) ? copy.cachedWord : null;
}

/** Valid descriptors that name the domain, in the tables that stream table entries lead to. */
export function countSubstreams(s: Seen, d: DomainIndex): number {
  let count = 0;
  for (let k = 0; k < s.streams.length; k++) {
    const table = contextIn(s.streams[k]);
    if (table === null) continue;
    const { descriptors } = s.pool[table];
    for (let n = 0; n < descriptors.length; n++) if (descriptors[n].word === d) count++;
  }
  return count;
}

/** Does a stream table entry lead to this page, for its descriptors? */
export function isContext(s: Seen, of: number): boolean {
  for (let k = 0; k < s.streams.length; k++) if (contextIn(s.streams[k]) === of) return true;
  return false;
}

/** The page that the descriptor leads to, in memory, where it is valid; else null. */
function tableInMemory(s: Seen, k: number, n: number): PageIndex | null {
  const context = contextIn(s.streams[k]);
  if (context === null) return null;
  const { word, table } = s.pool[context].descriptors[n];
  return word === null ? null : table;
}

/** Does the SMMU hold anything of an entry or a descriptor that is not what memory holds? */
export function isOutdated(
  copy: Pick<Stream, "hasWord" | "cachedWord" | "hasTable" | "cachedTable">,
  word: DomainIndex | null,
  table: PageIndex | null,
): boolean {
  return (copy.hasWord && copy.cachedWord !== word) || (copy.hasTable && copy.cachedTable !== table);
}

/** Does descriptor `n` of the stream name the domain, and the SMMU hold something else of it, or of what leads to it? */
export function isDescriptorOutdated(s: Seen, k: number, n: number, d: DomainIndex): boolean {
  const of = s.streams[k];
  const context = contextIn(of);
  if (context === null || n >= s.pool[context].descriptors.length) return false;
  const { word, table } = s.pool[context].descriptors[n];
  if (word !== d) return false;
  return (of.hasWord && of.contexts[0].cached !== context) || isOutdated(of.descriptors[n], word, table);
}

export const contexts: readonly Invariant<Seen>[] = [
  invariant(
    "descriptors-in-reach-are-hypervisors",
    { device, descriptor },
    {
      sentence:
        "Every table of descriptors that an entry, or the SMMU's copy of one, leads to, and every page table that a descriptor or a copy of one leads to, is the hypervisor's and is not free.",
      sekvm: "smmu_vm",
      holds: (s: Seen, { device: k, descriptor: n }) => {
        const of = s.streams[k];
        const [context, cached] = [contextIn(of), cachedContextIn(s, k)];
        if (context !== null && !isTable(s, context)) return false;
        if (cached !== null && !isTable(s, cached)) return false;
        const table = tableInMemory(s, k, n);
        if (table !== null && !isTable(s, table)) return false;
        const copied = cachedAsid(s, k, n) === null ? null : of.descriptors[n].cachedTable;
        return copied === null || isTable(s, copied);
      },
      explain: (s, { device: k, descriptor: n }) => {
        const of = s.streams[k];
        const cached = cachedContextIn(s, k);
        return `the entry of stream ${k} leads to descriptors in ${describeTable(s, contextIn(of))}, the SMMU's copy of it to ${describeTable(s, cached)}, and its copy of descriptor ${n} to ${describeTable(s, of.descriptors[n].cachedTable)}`;
      },
      premise: (s, { device: k, descriptor: n }) => tableInMemory(s, k, n) !== null,
    },
  ),
  invariant(
    "descriptors-are-whole",
    { device, descriptor },
    {
      sentence:
        "A valid descriptor that the SMMU put together leads to the page table of the domain whose id it carries.",
      sekvm: "smmu_vm",
      holds: (s: Seen, { device: k, descriptor: n }) => {
        const asid = cachedAsid(s, k, n);
        return asid === null || s.lifetimes[asid].root === s.streams[k].descriptors[n].cachedTable;
      },
      explain: (s, { device: k, descriptor: n }) =>
        `the SMMU's copy of descriptor ${n} of stream ${k} carries the id ${cachedAsid(s, k, n)} and leads to ${describeTable(s, s.streams[k].descriptors[n].cachedTable)}`,
      premise: (s, { device: k, descriptor: n }) => cachedAsid(s, k, n) !== null,
    },
  ),
];

/**
 * Does this step end detach_dev's work for a stream: the SMMU's lock is given back, and what is left to do is to put the
 * attachment's reference, if that was not done under the lock? Calls that refuse return from there instead.
 */
export function isDetached(before: Seen, after: Seen, step: TakenStep, k: number): boolean {
  if (step.args.cpu !== k || !before.cpus[k].pc.startsWith("detach_dev: ")) return false;
  if (step.action === "detach_dev: release iommu.lock") return true;
  return (
    isAnyLockHeld(before, k) &&
    !isAnyLockHeld(after, k) &&
    after.cpus[k].pc === "detach_dev: put the reference to the domain"
  );
}

/**
 * Does this step end attach_dev: the SMMU's lock is given back, and nothing is left to do? Calls that refuse have a
 * reference to put, but for the first version, which returns with the lock. The version of 2025 holds another lock to the
 * end, and is not asked.
 */
export function isAttached(before: Seen, after: Seen, step: TakenStep, k: number): boolean {
  if (step.args.cpu !== k || !before.cpus[k].pc.startsWith("attach_dev: ")) return false;
  return isAnyLockHeld(before, k) && !isAnyLockHeld(after, k) && after.cpus[k].pc === idleLabel;
}

function isAnyLockHeld(s: Seen, k: number): boolean {
  for (let n = 0; n < s.smmus.length; n++) if (s.smmus[n].iommuLock.holder === k) return true;
  return false;
}

export const contextSteps: readonly StepProperty<Seen>[] = [
  stepProperty(
    "detached-substreams-are-blocked",
    { cpu },
    {
      sentence:
        "When detach_dev has done its work, the PASID reaches nothing: not by its descriptor, nor by what the SMMU copied from it.",
      sekvm: "smmu_iso",
      holds: (before: Seen, after: Seen, step, { cpu: k }) => {
        if (!isDetached(before, after, step, k)) return true;
        const { stream: of, pasid } = before.cpus[k];
        if (typeof of !== "number" || pasid === undefined) return true;
        const stream = after.streams[of];
        if (pasid >= stream.descriptors.length) return true;
        const context = contextIn(stream);
        const isValid =
          context !== null && after.pool[context].descriptors[descriptor.at(pasid)].word !== null;
        return !isValid && cachedAsid(after, of, pasid) === null;
      },
      explain: (before, _after, step) =>
        `detach_dev of PASID ${before.cpus[step.args.cpu].pasid} of stream ${before.cpus[step.args.cpu].stream} is done, and it can still reach memory`,
    },
  ),
];

export const contextWitnesses: readonly Witness<Seen>[] = [
  witness(
    "a substream is attached",
    { device, descriptor },
    {
      sentence:
        "A PASID other than the device's own is attached, no call is in flight, and the SMMU holds its descriptor.",
      holds: (s: Seen, { device: k, descriptor: n }) =>
        n > 0 &&
        tableInMemory(s, k, n) !== null &&
        cachedAsid(s, k, n) !== null &&
        s.cpus.every(({ pc }) => pc === idleLabel),
    },
  ),
  witness(
    "a copy outlives its descriptor",
    { device, descriptor },
    {
      sentence: "The SMMU holds a valid descriptor that is invalid since, or gone.",
      holds: (s: Seen, { device: k, descriptor: n }) =>
        cachedAsid(s, k, n) !== null && tableInMemory(s, k, n) === null,
    },
  ),
];
