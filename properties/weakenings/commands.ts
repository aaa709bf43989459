/** Weakenings of the command queue, and of the order in which stores reach the SMMU. */
import {
  deadlockProperty,
  dropCheck,
  dropStep,
  type Edit,
  edit,
  jump,
  replaceCheck,
  replaceStep,
  step,
  swapSteps,
  unlocked,
} from "../../checker/index.ts";
import { withFieldsOfBefore } from "../../model/designs/invalidation.ts";
import type { AttachFrame } from "../../model/hypercalls/attach-dev.ts";
import type { UnmapFrame } from "../../model/hypercalls/unmap-pages.ts";
import type { Machine } from "../../model/machine.ts";
import { attachTimeOuts } from "../../model/scenarios/attach-time-outs.ts";
import { disjointGathers } from "../../model/scenarios/disjoint-gathers.ts";
import { idReuse } from "../../model/scenarios/id-reuse.ts";
import { lateStoresAttach } from "../../model/scenarios/late-stores-attach.ts";
import { lateStoresStreamTable } from "../../model/scenarios/stream-table.ts";
import { mapUnmapDonate } from "../../model/scenarios/map-unmap-donate.ts";
import { lateStores, lateStoresNonCoherent } from "../../model/scenarios/late-stores.ts";
import { queueBatches, queueTimeOuts } from "../../model/scenarios/queue-batches.ts";
import { invalidationAt } from "../../model/smmu/batches.ts";
import { type SmmuOf, smmuOfDomain, smmuOfStream } from "../../model/smmu/smmus.ts";
import { syncCompletesInTime, writeSlot } from "../../model/smmu/command-queue.ts";
import type { Weakening } from "./weakening.ts";

/** The doorbell without the barrier before it. */
const withoutBarrier = <C>(of: SmmuOf<C>, name: string): Edit<Machine> =>
  replaceStep<Machine, C>(
    `ring the doorbell for ${name}`,
    step(`ring the doorbell for ${name}, without a barrier`, (s, c, at) => {
      const { queue } = s.smmus[of(s, c, at)];
      queue.doorbell = queue.producer;
    }),
  );

/** The doorbells of a call that writes a stream table entry, all without the barrier. */
const withoutBarriersOfStream: Edit<Machine> = (call) =>
  edit(
    call,
    ...["CFGI", "SYNC"].flatMap((name) =>
      ["for word 0", "for the other words"].map((purpose) =>
        withoutBarrier<AttachFrame>(smmuOfStream, `${name} ${purpose}`),
      ),
    ),
  );

/** Nobody asks whether the queue has room for the SYNC. */
const withoutRoom: Edit<Machine> = (call) =>
  edit(call, dropStep("wait for room for SYNC"), dropCheck("there is room for SYNC"));

/** The last batch goes into the queue with other commands than were meant. */
const copies = (commandOf: typeof withFieldsOfBefore): Edit<Machine> =>
  replaceStep<Machine, UnmapFrame>(
    "copy a command of the last batch into its slot",
    step("copy another command into its slot", (s, c, at) => {
      const { self, bounds } = at;
      const { queue } = s.smmus[smmuOfDomain(s, c, at)];
      writeSlot(queue, self, (queue.producer + c.copied) % bounds.slot, commandOf(s, c, c.copied, bounds));
      c.copied++;
    }),
  );

export const commandWeakenings: readonly Weakening[] = [
  {
    name: "unmap_pages does not tell the SMMU of the SYNC",
    mechanism: "M28",
    attack: "The call waits for ever, with its locks.",
    edits: { unmap_pages: dropStep("ring the doorbell for SYNC") },
    scenario: mapUnmapDonate,
    breaks: [deadlockProperty],
  },
  {
    name: "unmap_pages advances the producer past a TLBI before it writes it",
    mechanism: "M58",
    attack:
      "The SMMU is told of a slot with an old command in it, and of the invalidation too late or never.",
    edits: { unmap_pages: swapSteps("write TLBI into its slot", "advance the producer past TLBI") },
    scenario: disjointGathers,
    breaks: ["told-means-written"],
  },
  {
    name: "unmap_pages does not wait for the SYNC",
    mechanism: "M54",
    attack: "The use is given back while the invalidation is still in the queue.",
    edits: { unmap_pages: dropStep("wait until the queue is empty") },
    scenario: mapUnmapDonate,
    breaks: ["cached-translations-are-justified", "walks-and-accesses-are-justified"],
  },
  {
    name: "free_domain does not wait for the SYNC",
    mechanism: "M54",
    attack: "The id is free, and the TLB still translates by it.",
    edits: { free_domain: dropStep("wait until the queue is empty") },
    scenario: idReuse,
    breaks: ["freed-means-unreachable", "an-id-is-clean-when-it-is-given"],
  },
  {
    name: "unmap_pages uses the command queue without its lock",
    mechanism: "M58",
    attack: "Two CPUs write the same slot, and one invalidation is lost.",
    edits: { unmap_pages: unlocked("iommu.lock") },
    scenario: mapUnmapDonate,
    breaks: ["queue-changes-under-iommu.lock"],
  },
  {
    name: "unmap_pages tells the SMMU of commands without a barrier",
    mechanism: "M28",
    attack:
      "The SMMU reads old commands, or consumes the invalidation and then reads the old entry once more.",
    edits: {
      unmap_pages: (call) =>
        edit(call, ...["TLBI", "SYNC"].map((name) => withoutBarrier<UnmapFrame>(smmuOfDomain, name))),
    },
    scenario: lateStores,
    breaks: [
      "commands-are-consumed-as-written",
      "commands-are-legal",
      "unmapped-means-unreachable",
      "dma-secrecy",
    ],
  },
  {
    name: "attach_dev tells the SMMU of commands without a barrier",
    mechanism: "M28",
    attack: "The SMMU fetches word 0 with V and has not seen the other words, or old commands.",
    edits: { attach_dev: withoutBarriersOfStream },
    scenario: lateStoresAttach,
    breaks: ["configurations-are-whole", "commands-are-consumed-as-written"],
  },
  {
    name: "detach_dev tells the SMMU of commands without a barrier",
    mechanism: "M28",
    attack: "The SMMU forgets the entry, fetches the old word 0 once more, and keeps it.",
    edits: { detach_dev: withoutBarriersOfStream },
    scenario: lateStoresAttach,
    breaks: ["detached-means-blocked"],
  },
  {
    name: "attach_dev leads to a second level that may not be empty yet",
    mechanism: "M26",
    attack:
      "The page was a page table of the host's: the SMMU does not see yet that it was zeroed, and takes what is in it for stream table entries.",
    edits: { attach_dev: dropStep("wait until the stores are visible") },
    scenario: lateStoresStreamTable,
    breaks: ["tables-in-reach-are-hypervisors"],
  },
  {
    name: "map_pages returns before its entries are visible",
    mechanism: "M28",
    attack: "The device is told of an iova that the SMMU does not translate yet.",
    edits: { map_pages: dropStep("wait until the stores are visible") },
    scenario: lateStores,
    breaks: ["mapped-means-visible"],
  },
  {
    name: "unmap_pages does not clean the entries that it cleared",
    mechanism: "M27",
    attack: "An SMMU that does not snoop caches reads the old entry after the invalidation.",
    edits: { unmap_pages: dropStep("clean the entry to the point of coherency") },
    scenario: lateStoresNonCoherent,
    breaks: ["unmapped-means-unreachable", "dma-integrity"],
  },
  {
    name: "map_pages does not clean the entries that it wrote",
    mechanism: "M27",
    attack: "An SMMU that does not snoop caches does not see the entry when the device is told of it.",
    edits: { map_pages: dropStep("clean the entry to the point of coherency") },
    scenario: lateStoresNonCoherent,
    breaks: ["mapped-means-visible"],
  },
  {
    name: "unmap_pages goes on after a SYNC that was not completed in time",
    mechanism: "M55",
    attack: "The use is given back while the invalidation is still in the queue.",
    edits: { unmap_pages: dropCheck("the SYNC is complete") },
    scenario: queueTimeOuts,
    breaks: ["no-use-ends-before-its-invalidation", "dma-secrecy"],
  },
  {
    name: "attach_dev puts its reference where the activation was not completed in time",
    mechanism: "M47",
    attack: "The domain is freed while the entry that names it stands.",
    edits: {
      attach_dev: replaceCheck("the SYNC is complete for word 0", { otherwise: jump("put the domain") }),
    },
    scenario: attachTimeOuts,
    breaks: ["attachments-are-counted", "no-stream-names-a-free-domain"],
  },
  {
    name: "detach_dev goes on after a SYNC that was not completed in time",
    mechanism: "M55",
    attack: "The detached device goes on with the copy that the SMMU kept.",
    edits: {
      detach_dev: (call) =>
        edit(
          call,
          dropCheck("the SYNC is complete for word 0"),
          dropCheck("the SYNC is complete for the other words"),
        ),
    },
    scenario: attachTimeOuts,
    breaks: ["detached-means-blocked"],
  },
  {
    name: "unmap_pages writes the SYNC though the queue is full",
    mechanism: "M56",
    attack: "The SYNC overwrites an invalidation that was not consumed.",
    edits: { unmap_pages: withoutRoom },
    scenario: queueTimeOuts,
    breaks: ["unmapped-means-unreachable"],
  },
  {
    name: "unmap_pages takes an empty queue for a full one, where the producer has wrapped",
    mechanism: "M56",
    attack: "The CPU stops for good, with its locks, though the SMMU keeps up.",
    edits: {
      unmap_pages: replaceCheck<Machine, UnmapFrame>("there is room for SYNC", {
        holds: (s, c, at) => {
          const { slots, producer, consumer } = s.smmus[smmuOfDomain(s, c, at)].queue;
          return at.assumes(syncCompletesInTime) || Math.abs(producer - consumer) < slots.length;
        },
      }),
    },
    scenario: queueTimeOuts,
    breaks: ["no-call-gives-up-in-time"],
  },
  {
    name: "unmap_pages builds commands over what their buffer held before",
    mechanism: "M57",
    attack: "The second command has bits of the first one in its address, and invalidates another page.",
    edits: { unmap_pages: copies(withFieldsOfBefore) },
    scenario: queueTimeOuts,
    breaks: ["unmapped-means-unreachable", "dma-integrity"],
  },
  {
    name: "unmap_pages invalidates the first page only",
    mechanism: "M59",
    attack: "The TLB keeps the other pages of the range.",
    edits: {
      unmap_pages: copies((s, c, _, bounds) => invalidationAt(s, c.domain, 0, bounds)),
    },
    scenario: queueBatches,
    breaks: ["unmapped-means-unreachable"],
  },
  {
    name: "unmap_pages gathers one page, the last",
    mechanism: "M60",
    attack: "What was gathered before is forgotten, and the TLB keeps it.",
    edits: {
      unmap_pages: replaceStep<Machine, UnmapFrame>(
        "add a TLBI to the batch",
        step("put a TLBI in the place of the one before", (_, c) => {
          c.batched = 1;
          c.issued++;
        }),
      ),
    },
    scenario: queueBatches,
    breaks: ["unmapped-means-unreachable"],
  },
  {
    name: "unmap_pages gives the uses back and invalidates later",
    mechanism: "M61",
    attack: "The page is donated while the TLB still translates to it.",
    edits: { unmap_pages: swapSteps("iommu.lock", "give back the recorded uses") },
    scenario: mapUnmapDonate,
    breaks: ["cached-translations-are-justified", "dma-secrecy"],
  },
];
