/**
 * Configuration: what the stream table, and what the SMMU copied from it, leads to.
 */
import {
  idleLabel,
  type Invariant,
  invariant,
  type StepProperty,
  stepProperty,
  type Witness,
  witness,
} from "../checker/index.ts";
import { cpu, device, domain, type DomainIndex, level1, type Seen } from "../model/machine.ts";
import { isSecondLevelMissing } from "../model/tables.ts";
import {
  cachedAsid,
  cachedContextIn,
  contextIn,
  countSubstreams,
  isAttached,
  isDescriptorOutdated,
  isDetached,
  isOutdated,
  usesCopy,
} from "./contexts.ts";
import { isTranslating } from "../model/smmu/power.ts";
import { smmuOfDevice } from "../model/smmu/smmus.ts";
import { isHeldBy } from "./discipline.ts";
import { describeTable, isTable } from "./tables.ts";

/** Does the SMMU translate by a configuration of the stream that it holds, and that is valid? */
function hasValidCopy(s: Seen, k: number): boolean {
  return usesCopy(s, k) && s.streams[k].cachedWord !== null;
}

/** Stream table entries and context descriptors that name the domain. */
export function countAttachments(s: Seen, of: DomainIndex): number {
  let count = 0;
  for (let k = 0; k < s.streams.length; k++) if (s.streams[k].word === of) count++;
  return count + countSubstreams(s, of);
}

/** Does the entry, or the SMMU's copy of it, name the domain? */
function isNamedBy(s: Seen, k: number, d: DomainIndex): boolean {
  const of = s.streams[k];
  if (of.word === d || (hasValidCopy(s, k) && of.cachedWord === d)) return true;
  for (let n = 0; n < of.descriptors.length; n++) if (cachedAsid(s, k, n) === d) return true;
  return false;
}

export const configuration: readonly Invariant<Seen>[] = [
  invariant(
    "tables-in-reach-are-hypervisors",
    { device },
    {
      sentence:
        "Every page table that a stream table entry, or the SMMU's copy of one, leads to is the hypervisor's and is not free.",
      sekvm: "smmu_vm",
      holds: (s: Seen, { device: k }) => {
        if (s.streams.length === 0) return true;
        const of = s.streams[k];
        if (of.word !== null && of.table !== null && !isTable(s, of.table)) return false;
        return !hasValidCopy(s, k) || of.cachedTable === null || isTable(s, of.cachedTable);
      },
      explain: (s, { device: k }) => {
        const { word, table, cachedTable } = s.streams[k];
        const isCopy = word === null || table === null || isTable(s, table);
        const what = isCopy ? "the SMMU's copy of stream" : "the entry of stream";
        return `${what} ${k} leads to ${describeTable(s, isCopy ? cachedTable : table)}`;
      },
      premise: (s, { device: k }) => s.streams.length > 0 && s.streams[k].word !== null,
    },
  ),
  invariant(
    "configurations-are-whole",
    { device },
    {
      sentence:
        "A valid configuration that the SMMU put together from an entry leads to the page table of the domain whose id it carries.",
      sekvm: "smmu_vm",
      holds: (s: Seen, { device: k }) => {
        if (s.streams.length === 0 || !hasValidCopy(s, k)) return true;
        const { cachedWord, cachedTable } = s.streams[k];
        return cachedWord !== null && cachedTable !== null && s.lifetimes[cachedWord].root === cachedTable;
      },
      explain: (s, { device: k }) => {
        const { cachedWord, cachedTable } = s.streams[k];
        return `the SMMU's copy of stream ${k} carries the id ${cachedWord} and leads to ${describeTable(s, cachedTable)}`;
      },
      premise: (s, { device: k }) => s.streams.length > 0 && hasValidCopy(s, k),
    },
  ),
  invariant(
    "no-stream-names-a-free-domain",
    { device, domain },
    {
      sentence: "No stream table entry, and no copy of one, names a domain that is free.",
      holds: (s: Seen, { device: k, domain: d }) =>
        s.streams.length === 0 || s.domains[d].references > 0 || !isNamedBy(s, k, d),
      explain: (s, { device: k, domain: d }) =>
        `${s.streams[k].word === d ? "the entry" : "the SMMU's copy of the entry"} of stream ${k} names domain ${d}, which is free`,
      premise: (s, { device: k, domain: d }) => s.streams.length > 0 && isNamedBy(s, k, d),
    },
  ),
  invariant(
    "attachments-are-counted",
    { domain },
    {
      sentence:
        "A domain has a reference for its allocation and one for each stream table entry that names it, or more.",
      holds: (s: Seen, { domain: d }) => {
        const attached = countAttachments(s, d);
        return attached === 0 || s.domains[d].references > attached;
      },
      explain: (s, { domain: d }) =>
        `domain ${d} has ${s.domains[d].references} references, and ${countAttachments(s, d)} stream table entries name it`,
      premise: (s, { domain: d }) => countAttachments(s, d) > 0,
    },
  ),
];

export const streamTables: readonly Invariant<Seen>[] = [
  invariant(
    "tables-of-streams-are-where-the-SMMU-looks",
    { level1 },
    {
      sentence:
        "Every second level that the stream table's first level leads to is a page of the hypervisor's, in use, and aligned to its size.",
      holds: (s: Seen, { level1: n }) => {
        const { table, unaligned } = s.level1[n];
        return table === null || (unaligned === 0 && isTable(s, table));
      },
      explain: (s, { level1: n }) => {
        const { table, unaligned } = s.level1[n];
        const where = unaligned > 0 ? ", and not aligned: the SMMU reads the page before" : "";
        return `entry ${n} of the first level leads to ${describeTable(s, table)}${where}`;
      },
      premise: (s, { level1: n }) => s.level1[n].table !== null,
    },
  ),
];

export const streamTableSteps: readonly StepProperty<Seen>[] = [
  stepProperty(
    "second-levels-stay",
    { level1 },
    {
      sentence: "A second level of the stream table, once it is there, is neither replaced nor freed.",
      holds: (before: Seen, after: Seen, _step, { level1: n }) =>
        before.level1[n].table === null || before.level1[n].table === after.level1[n].table,
      explain: (before, after, _step, { level1: n }) =>
        `entry ${n} of the first level led to page ${before.level1[n].table}, and leads to ${after.level1[n].table === null ? "nothing" : `page ${after.level1[n].table}`}`,
    },
  ),
];

export const streamTableWitnesses: readonly Witness<Seen>[] = [
  witness(
    "a second level is there",
    { level1 },
    {
      sentence:
        "The stream table has a table of the second level, and a device whose entry is in it is attached.",
      holds: (s: Seen, { level1: n }) =>
        s.level1[n].table !== null && s.streams.some(({ word }) => word !== null),
    },
  ),
  witness(
    "a second level finds no page",
    { cpu },
    {
      sentence: "A call is to attach a device, and the pool has no page for the second level of its stream.",
      holds: (s: Seen, { cpu: k }) => {
        const { pc, stream: of } = s.cpus[k];
        if (pc !== "attach_dev: is the second level of the stream table missing?") return false;
        return (
          typeof of === "number" && isSecondLevelMissing(s, of) && s.pool.every(({ use }) => use !== "free")
        );
      },
    },
  ),
];

/** Can the stream's device reach memory: by the entry, by a copy of it, or by an access in progress? */
function isInReach(s: Seen, k: number): boolean {
  const of = s.streams[k];
  if (of.word !== null || hasValidCopy(s, k)) return true;
  if (contextIn(of) !== null || cachedContextIn(s, k) !== null) return true;
  const { transactions } = s.smmus[smmuOfDevice(s, k)];
  for (let t = 0; t < transactions.length; t++) {
    const { doing } = transactions[t];
    if (doing.tag === "access" && doing.device === k) return true;
    if (doing.tag === "walk" && doing.by === k) return true;
  }
  return false;
}

export const configurationSteps: readonly StepProperty<Seen>[] = [
  stepProperty(
    "detached-means-blocked",
    { cpu },
    {
      sentence:
        "When detach_dev has done its work, its device reaches nothing: not by the entry, nor by what the SMMU copied from it, nor by an access in progress.",
      sekvm: "smmu_iso",
      holds: (before: Seen, after: Seen, step, { cpu: k }) => {
        if (!isDetached(before, after, step, k)) return true;
        const { stream: of, pasid } = before.cpus[k];
        return typeof of !== "number" || (pasid ?? 0) > 0 || !isInReach(after, of);
      },
      explain: (before, _after, step) =>
        `detach_dev of stream ${before.cpus[step.args.cpu].stream} is done, and its device can still reach memory`,
    },
  ),
  stepProperty(
    "attached-means-configured",
    { cpu },
    {
      sentence:
        "When attach_dev is done with a stream table entry or a descriptor, the SMMU holds nothing else of it than what was written, or is off.",
      sekvm: "smmu_vm",
      holds: (before: Seen, after: Seen, step, { cpu: k }) => {
        if (!isAttached(before, after, step, k)) return true;
        const { stream: of, domain: d, pasid } = before.cpus[k];
        if (typeof of !== "number" || typeof d !== "number") return true;
        if (!isTranslating(after, smmuOfDevice(after, of))) return true;
        const { word, table } = after.streams[of];
        if (word === d) return !isOutdated(after.streams[of], word, table);
        return !isDescriptorOutdated(after, of, pasid ?? 0, d);
      },
      explain: (before, _after, step) =>
        `attach_dev of stream ${before.cpus[step.args.cpu].stream} is done, and the SMMU still holds what was there before`,
    },
  ),
  stepProperty(
    "entries-of-streams-change-under-iommu.lock",
    { device },
    {
      standsAlone: true,
      sentence: "A stream table entry is written only by a CPU that holds the SMMU's lock.",
      holds: (before: Seen, after: Seen, step, { device: k }) =>
        before.streams.length === 0 ||
        (before.streams[k].word === after.streams[k].word &&
          before.streams[k].table === after.streams[k].table) ||
        isHeldBy(before.smmus[smmuOfDevice(before, k)].iommuLock, step),
      explain: (_before, _after, step, { device: k }) =>
        `"${step.action}" writes the entry of stream ${k} without iommu.lock`,
    },
  ),
];

export const configurationWitnesses: readonly Witness<Seen>[] = [
  witness(
    "a device is attached",
    { device },
    {
      sentence: "A device is attached, no call is in flight, and the SMMU holds its configuration.",
      holds: (s: Seen, { device: k }) =>
        s.streams.length > 0 &&
        s.streams[k].word !== null &&
        hasValidCopy(s, k) &&
        s.cpus.every(({ pc }) => pc === idleLabel),
    },
  ),
  witness(
    "the SMMU keeps an invalid entry",
    { device },
    {
      sentence: "The SMMU holds a configuration that is invalid, while the entry is valid.",
      holds: (s: Seen, { device: k }) =>
        s.streams.length > 0 &&
        s.streams[k].hasWord &&
        s.streams[k].hasTable &&
        s.streams[k].cachedWord === null &&
        s.streams[k].word !== null,
    },
  ),
  witness(
    "a copy outlives its entry",
    { device },
    {
      sentence: "The SMMU holds a valid configuration of an entry that is invalid since.",
      holds: (s: Seen, { device: k }) =>
        s.streams.length > 0 && s.streams[k].word === null && hasValidCopy(s, k),
    },
  ),
  witness(
    "a SYNC waits for a configuration",
    { device },
    {
      sentence: "A SYNC is next, and the SMMU still uses a configuration that a CFGI went by.",
      holds: (s: Seen, { device: k }) => {
        if (s.streams.length === 0 || !s.streams[k].isStale) return false;
        const { slots, consumer, doorbell } = s.smmus[smmuOfDevice(s, k)].queue;
        return consumer !== doorbell && slots[consumer % slots.length].command.tag === "SYNC";
      },
    },
  ),
];
