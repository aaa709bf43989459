/**
 * docs/mechanisms.md: the safety mechanisms, each with the elements of the model that carry it, or with the
 * reason why none does.
 */
import { cell, listOrigins } from "./origins.ts";

interface Mechanism {
  /** What the mechanism is, and what it keeps from happening. */
  readonly sentence: string;
  /** Why no element of the model carries it: it comes later, or the abstraction leaves it out. */
  readonly absent?: string;
}

const later = (when: string): string => `Comes later, with ${when}.`;
const outside = (why: string): string => `The abstraction leaves it out: ${why}.`;

const pools = "the pools' refill and reclaim";

/** The groups, each from its first mechanism on. */
const groups: Readonly<Record<string, string>> = {
  M01: "Pages and their counts",
  M21: "Page tables and their memory",
  M34: "Domains",
  M43: "Configuration of the SMMU",
  M53: "Command queue",
  M62: "Traps, power, the host's interface",
};

export const mechanisms: Readonly<Record<string, Mechanism>> = {
  M01: {
    sentence:
      "A page's use is counted before the first entry leads to it, so that it cannot be donated in between.",
  },
  M02: {
    sentence:
      "Only pages that the host owns alone are mapped for DMA, not those of guests or of the hypervisor.",
  },
  M03: {
    sentence:
      "A range is looked at as a whole before any page is counted, or what was counted is taken back.",
  },
  M04: { sentence: "A page in use for DMA is not donated to a guest." },
  M05: {
    sentence:
      "A page in use for DMA is not donated to the hypervisor, which would keep its tables and queues there.",
  },
  M06: { sentence: "A page in use for DMA is not shared, so that its count has one meaning at a time." },
  M07: {
    sentence:
      "Looking at a page and counting it, or changing its owner, are atomic: both hold the lock of the host's stage 2.",
  },
  M08: { sentence: "Every leaf entry has a count of its own, however many entries lead to one page." },
  M09: { sentence: "After a partial map, exactly the uses without an entry are given back." },
  M10: { sentence: "A count that would overflow stops the CPU and never wraps to zero." },
  M11: { sentence: "A count that would go below zero stops the CPU." },
  M12: { sentence: "Unmapping keeps to its order: entry, invalidation, completion, and only then the use." },
  M13: {
    sentence:
      "Uses are given back for the pages that were recorded with their entries, not for what the entries hold by then.",
  },
  M14: { sentence: "A live leaf is never overwritten by a map." },
  M15: {
    sentence: "A page that the host only borrows is not mapped for DMA, or is not taken back while it is.",
  },
  M16: {
    sentence:
      "Memory-mapped I/O of the hypervisor is never mapped for DMA, and what was mapped so is never donated.",
  },
  M17: { sentence: "I/O and physical addresses are aligned to the page size: a block covers nothing else." },
  M18: { sentence: "Sizes and ranges neither overflow nor leave the address spaces." },
  M19: { sentence: "Permissions come from a list of known bits, and one of read and write is among them." },
  M20: { sentence: "A physical range lies in memory that the hypervisor accounts for." },
  M21: {
    sentence: "What is tagged with a domain is invalidated before its tables are freed.",
  },
  M22: {
    sentence:
      "A table taken out of a page table is freed after the invalidation of what walks remember of it.",
  },
  M23: {
    sentence: "A page that serves as a table belongs to the hypervisor as long as it is linked.",
  },
  M24: { sentence: "A page is zeroed before it serves as a table." },
  M25: {
    sentence: "One lock orders all changes of a page table, between CPUs that do not trust each other.",
  },
  M26: {
    sentence: "A new table is linked after its contents are visible.",
  },
  M27: {
    sentence:
      "For an SMMU that does not snoop caches, stores are cleaned to memory before it is told of them.",
  },
  M28: { sentence: "The doorbell, and the end of a map, order all stores before them." },
  M29: {
    sentence:
      "A page goes back to the pool when nothing leads to it any more, and leaves the pool only when free.",
  },
  M30: { sentence: "Metadata of a page are reset before its ownership goes back." },
  M31: {
    sentence:
      "Pages for the pool are donated first and read afterwards, from a list that the host cannot change meanwhile. (What a refill does to calls, that a pool gets pages or does not, scenarios have by the size of the pool and by its reclaim.)",
    absent: later(pools),
  },
  M32: {
    sentence: "The order and alignment of pages for the pool are checked.",
  },
  M33: { sentence: "A guest's page is scrubbed before the host gets it." },
  M34: {
    sentence: "A domain is freed only when nobody else refers to it, and every call holds a reference.",
  },
  M35: { sentence: "A domain is published when it is complete." },
  M36: {
    sentence: "An attached device keeps its domain alive, and references are given back on every path.",
  },
  M37: { sentence: "Only what is attached to a domain can be detached from it." },
  M38: { sentence: "Allocating and freeing a domain exclude each other." },
  M39: { sentence: "No translation with a domain's tag outlives it." },
  M40: {
    sentence: "Invalidations go to every SMMU that can hold a translation of the domain.",
  },
  M41: { sentence: "Ids of domains are in range, also under speculation." },
  M42: {
    sentence: "A domain belongs to the host or to one guest, and only its owner changes it.",
    absent: later("devices assigned to guests"),
  },
  M43: {
    sentence:
      "Stream ids are in range before anything is read by them, and a configured stream is not configured again.",
  },
  M44: {
    sentence: "Tables of the SMMU are aligned to their size.",
  },
  M45: {
    sentence:
      "A stream's entry becomes valid after all the rest of it was written and fetched copies are gone.",
  },
  M46: {
    sentence: "A stream's entry becomes invalid, and known to be, before what it leads to is freed.",
  },
  M47: {
    sentence: "An activation that is not known to be complete does not give its reference back.",
  },
  M48: {
    sentence: "A context descriptor becomes valid last, and a used one is not replaced.",
  },
  M49: { sentence: "Substream ids stay inside their table." },
  M50: {
    sentence: "Devices may not send addresses that they translated themselves.",
    absent: outside(
      "devices send untranslated addresses only; every version writes entries with EATS 0 and enables the SMMU with CR0.ATSCHK",
    ),
  },
  M51: {
    sentence: "Streams without an entry, and an SMMU that is off, let nothing through.",
    absent: outside(
      "GBPA is looked at during initialisation, before the model begins; accesses of streams without an entry, and while CR0 is 0, are aborted",
    ),
  },
  M52: {
    sentence: "All SMMUs are taken over before the host is deprivileged.",
    absent: outside("the model begins afterwards"),
  },
  M53: {
    sentence: "The queue, the tables and the registers of the SMMU belong to the hypervisor.",
    absent: outside("they are no pages here, and the host has no access to them at all"),
  },
  M54: { sentence: "A call waits until its invalidation is complete." },
  M55: {
    sentence: "A command that was not issued or not completed stops what relies on it.",
  },
  M56: { sentence: "A full queue is waited for, and its wrap is accounted for." },
  M57: { sentence: "A command is built from zero." },
  M58: { sentence: "Slot, index and doorbell belong to one CPU at a time." },
  M59: { sentence: "An invalidation names the right tag, level and range." },
  M60: {
    sentence:
      "A gathered range consists of what this call unmapped, and is invalidated before any use is given back. What does not join the range has it invalidated early. (`across-tables` has calls over a page and a part of a block; `disjoint-gathers` over a block, a table and a block.)",
  },
  M61: { sentence: "The hypervisor never postpones an invalidation beyond the call." },
  M62: {
    sentence: "Of the SMMU's registers, the host reaches a few harmless ones, by traps.",
    absent: later("trapped accesses to registers"),
  },
  M63: {
    sentence: "The event queue's pages stay where they are as long as the SMMU writes to them.",
    absent: later("the event queue"),
  },
  M64: { sentence: "Pages that the hypervisor borrows and reads from are pinned, and read once." },
  M65: { sentence: "Commands are skipped only while the SMMU translates nothing." },
  M66: {
    sentence: "An SMMU that is switched on forgets what it held before it translates.",
  },
  M67: { sentence: "An SMMU in reset blocks DMA." },
  M68: {
    sentence: "Power messages are the hypervisor's while it handles them, and a refused one is rolled back.",
    absent: later("power by SCMI messages"),
  },
  M69: { sentence: "Arguments are copied from the registers once." },
};

const introduction = `# Mechanisms

Generated from the mechanisms that steps, checks and rules declare (\`npm run docs\`); a test fails where this page is stale, or where a mechanism has neither an element nor a reason.

What keeps devices away from pages, one sentence each; the numbers are those that the specification's origins name. An element is a step, check or wait of a call, or a rule of the SMMU, in at least one design; [correspondence.md](correspondence.md) says in which, and where it comes from. What has none is absent from the model, and a verdict says nothing about it.
`;

/** The elements that carry each mechanism, as \`call: step\`, grouped by call. */
export function findCarriers(): Map<string, Map<string, Set<string>>> {
  const carriers = new Map<string, Map<string, Set<string>>>();
  for (const { call, name, origin } of listOrigins()) {
    for (const mechanism of origin.mechanisms ?? []) {
      const byCall = carriers.get(mechanism) ?? new Map<string, Set<string>>();
      const names = byCall.get(call ?? "SMMU") ?? new Set<string>();
      carriers.set(mechanism, byCall.set(call ?? "SMMU", names.add(name)));
    }
  }
  return carriers;
}

export function renderMechanisms(): string {
  const carriers = findCarriers();
  const rows = Object.entries(mechanisms).flatMap(([id, { sentence, absent }]) => {
    const byCall = carriers.get(id);
    const where =
      byCall === undefined
        ? (absent ?? "")
        : [...byCall].map(([call, names]) => `\`${call}\`: ${[...names].join("; ")}`).join(". ");
    const group = groups[id];
    const heading =
      group === undefined ? [] : ["", `## ${group}`, "", "| | mechanism | carried by |", "|---|---|---|"];
    return [...heading, `| ${id} | ${sentence} | ${cell(where)} |`];
  });
  return [introduction.trimEnd(), ...rows, ""].join("\n");
}
