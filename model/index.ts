/**
 * The designs, without properties: those are added in properties/index.ts, which is what the command uses.
 */
import type { Design, Model, Scenario } from "../checker/index.ts";
import { buildPv2025 } from "./designs/pv-2025.ts";
import { buildPvAndroid15 } from "./designs/pv-android15.ts";
import { buildPvAndroid16 } from "./designs/pv-android16.ts";
import { buildPvRfc1 } from "./designs/pv-rfc1.ts";
import { buildPv } from "./designs/pv.ts";
import { buildPvRfc2 } from "./designs/pv-rfc2.ts";
import type { Machine } from "./machine.ts";
import { everyArgument } from "./scenarios/arguments.ts";
import { attachDetachFree } from "./scenarios/attach-detach-free.ts";
import { attachTimeOuts } from "./scenarios/attach-time-outs.ts";
import { everything, everythingOverLists } from "./scenarios/everything.ts";
import { guestReclaim } from "./scenarios/guest-reclaim.ts";
import { idReuse } from "./scenarios/id-reuse.ts";
import { lateStores, lateStoresNonCoherent } from "./scenarios/late-stores.ts";
import { lateStoresAttach } from "./scenarios/late-stores-attach.ts";
import { acrossTables, acrossTablesResults } from "./scenarios/across-tables.ts";
import { countsAtTheirLimit } from "./scenarios/counts-at-their-limit.ts";
import { disjointGathers, powerGathers } from "./scenarios/disjoint-gathers.ts";
import { blocks } from "./scenarios/blocks.ts";
import { twoGuests } from "./scenarios/two-guests.ts";
import { twoLevels } from "./scenarios/two-levels.ts";
import { mapUnmapDonate } from "./scenarios/map-unmap-donate.ts";
import { results } from "./scenarios/results.ts";
import { secrets } from "./scenarios/secrets.ts";
import {
  fullQueueBatches,
  fullQueueGathers,
  fullQueueIds,
  fullQueuePasids,
  fullQueuePower,
  oneSlotBatches,
  oneSlotGathers,
} from "./scenarios/full-queue.ts";
import { pasidsTimeOuts } from "./scenarios/pasids-time-outs.ts";
import { pasids } from "./scenarios/pasids.ts";
import { stage1Mappings } from "./scenarios/stage1-mappings.ts";
import { lateStoresStreamTable, streamTable } from "./scenarios/stream-table.ts";
import { twoSmmus, twoSmmusOverLists } from "./scenarios/two-smmus.ts";
import { overLists } from "./scenarios/over-lists.ts";
import { powerAttach, powerPasids } from "./scenarios/power-attach.ts";
import { power, powerTimeOuts } from "./scenarios/power.ts";
import { queueBatches, queueFullBatches, queueTimeOuts } from "./scenarios/queue-batches.ts";

/** A design whose model is the machine. */
export interface MachineDesign extends Design {
  build(): Model<Machine>;
}

/** The scenario without the properties and witnesses that do not apply to a design. */
function without(scenario: Scenario, names: readonly string[]): Scenario {
  const sizes = Object.entries(scenario.sizes).map(([size, scope]) => [
    size,
    { ...scope, without: [...(scope.without ?? []), ...names] },
  ]);
  return { ...scenario, sizes: Object.fromEntries(sizes) };
}

/** Domains and attachments that come and go, in a stream table of one level. */
const oneLevelScenarios = [attachDetachFree, idReuse, everyArgument, attachTimeOuts, lateStoresAttach];
/** The same of a version whose pool gives pages for a stream table of two levels. */
const lifetimeScenarios = [...oneLevelScenarios, streamTable];
/** The same of a version whose domains of stage 1 are retold. */
const stage1Scenarios = [...lifetimeScenarios, pasids, stage1Mappings];
/** Power that goes and comes. */
const powerScenarios = [power, powerTimeOuts];
/** Commands and stores on their way to the SMMU. */
const queueScenarios = [queueBatches, queueFullBatches, queueTimeOuts, lateStores, lateStoresNonCoherent];
/** The same of a version that issues commands one by one. */
const singleCommands = queueScenarios.map((of) => without(of, ["a full batch is issued"]));

/** Where nothing is invalidated when a domain is freed. */
const freesAtOnce = ["a free waits for the SMMU"];
/** Where a free keeps the uses of what is still mapped, or gives them back entry by entry. */
const recordsNone = ["a free gives a use back"];
/** The versions that do not split blocks. */
const wholeBlocks = without(blocks, ["a block is split"]);
/** The versions whose guests are torn down in another way, and give no page up. */
const guestsLive = without(guestReclaim, [
  "a-dying-guest-runs-nowhere",
  "a guest gives a page up",
  "a lent page is not given up",
  "a page of a dying guest is the host's",
  "a lent page of a dying guest is reclaimed",
  "a guest that lives keeps its page",
  "a dying guest is not loaded",
  "a guest that runs is not torn down",
]);
/** Where a leaf in the way meets a WARN, which is fatal, no call maps its first page and not its second. */
const warnsOfLeaves = ["map succeeds in part"];
/**
 * In the first posting page tables and domains are protected by iommu.lock, and what is mapped is SHARED_OWNED. A free
 * that is refused leaves no trace, and the reference of an attachment is taken when its entry is valid already. Where it stops waiting for a SYNC it does not show: the lock is kept.
 */
const rfc1HasNo = [
  "entries-change-under-pgt_lock",
  "lookups-hold-pgt_lock",
  "only-owned-pages-are-mapped",
  "page-states-agree",
  "a SYNC is late",
  "domains-come-and-go-under-kvm_iommu_domain_lock",
  "a free is refused",
  "attachments-are-counted",
  "an unmap leaves its invalidation out",
  // A domain is one SMMU's from its allocation on.
  "invalidations-reach-every-smmu",
  ...freesAtOnce,
  ...recordsNone,
  ...warnsOfLeaves,
];

/** Calls over two tables, and pools that run empty under them. */
const tableScenarios = [acrossTables, acrossTablesResults];
/** The same of the versions that do not split blocks, and calls over three tables. */
const wholeTables = [...tableScenarios.map((of) => without(of, ["a block is split"])), disjointGathers];

/** Where calls find the queue full, and give up, or wait. */
const fullQueues = [
  fullQueuePasids,
  fullQueueIds,
  fullQueueGathers,
  fullQueuePower,
  fullQueueBatches,
  oneSlotGathers,
  oneSlotBatches,
];

/** Every scenario of the designs that have all that is modelled; pv has some more. */
const allScenarios: readonly Scenario[] = [
  mapUnmapDonate,
  ...stage1Scenarios,
  results,
  secrets,
  guestReclaim,
  everything,
  twoSmmus,
  ...powerScenarios,
  ...queueScenarios,
  twoLevels,
  blocks,
  ...tableScenarios,
];

export const machineDesigns: readonly MachineDesign[] = [
  {
    name: "pv",
    meaning: "The paravirtual design, corrected: every mechanism is in it.",
    claimsToHold: true,
    defaultScenario: mapUnmapDonate.name,
    scenarios: [
      ...allScenarios,
      pasidsTimeOuts,
      powerAttach,
      powerPasids,
      powerGathers,
      disjointGathers,
      ...fullQueues,
      lateStoresStreamTable,
      countsAtTheirLimit,
      twoGuests,
    ],
    build: buildPv,
  },
  {
    name: "pv-rfc1",
    meaning: "The posting of February 2023 (RFC v1), literally.",
    claimsToHold: false,
    defaultScenario: mapUnmapDonate.name,
    scenarios: [
      mapUnmapDonate,
      ...oneLevelScenarios,
      results,
      secrets,
      guestsLive,
      ...powerScenarios,
      ...singleCommands,
    ].map((of) => without(of, rfc1HasNo)),
    build: buildPvRfc1,
  },
  {
    name: "pv-rfc2",
    meaning: "The posting of December 2024 (RFC v2), literally.",
    claimsToHold: false,
    defaultScenario: mapUnmapDonate.name,
    scenarios: allScenarios.map((of) => without(of, recordsNone)),
    build: buildPvRfc2,
  },
  {
    name: "pv-android15",
    meaning: "The driver of android15-6.6, literally.",
    claimsToHold: false,
    defaultScenario: mapUnmapDonate.name,
    scenarios: [
      mapUnmapDonate,
      ...lifetimeScenarios,
      results,
      secrets,
      guestReclaim,
      everythingOverLists,
      ...powerScenarios,
      ...singleCommands,
      twoLevels,
      blocks,
      ...tableScenarios,
    ].map((of) => overLists(without(of, [...freesAtOnce, ...recordsNone]))),
    build: buildPvAndroid15,
  },
  {
    name: "pv-android16",
    meaning: "The driver of android16-6.12, literally.",
    claimsToHold: false,
    defaultScenario: mapUnmapDonate.name,
    scenarios: [
      mapUnmapDonate,
      ...stage1Scenarios,
      results,
      secrets,
      guestReclaim,
      everythingOverLists,
      twoSmmusOverLists,
      ...powerScenarios,
      powerAttach,
      ...queueScenarios,
      twoLevels,
      wholeBlocks,
      ...wholeTables,
    ].map((of) => overLists(without(of, [...freesAtOnce, ...recordsNone]))),
    build: buildPvAndroid16,
  },
  {
    name: "pv-2025",
    meaning: "The rework of 2025 in the Android common kernel, literally.",
    claimsToHold: false,
    defaultScenario: mapUnmapDonate.name,
    scenarios: [
      mapUnmapDonate,
      ...stage1Scenarios,
      results,
      secrets,
      twoSmmus,
      guestReclaim,
      everything,
      ...powerScenarios,
      powerAttach,
      ...queueScenarios,
      twoLevels,
      wholeBlocks,
      ...wholeTables,
    ].map((of) => without(of, warnsOfLeaves)),
    build: buildPv2025,
  },
];
