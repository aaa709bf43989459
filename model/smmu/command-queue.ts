/**
 * The command queue: the hypervisor's side, as nodes for calls, and the SMMU's side, as rules.
 *
 * The producer writes a command into its slot, advances its own copy of the index and tells the SMMU by the
 * doorbell; all of it under iommu.lock. The SMMU consumes what it was told of, in order, when it likes. Full
 * and empty are told apart by the wrap bit. An illegal command stops it (CERROR): it consumes nothing more.
 *
 * Where `sync-completes-in-time` is not assumed, every wait for the SMMU may give up. What the call does then is
 * the exit that it names.
 */
import {
  check,
  environmentRule,
  type Exit,
  type Index,
  isValid,
  type Node,
  panic,
  type Site,
  step,
  wait,
} from "../../checker/index.ts";
import {
  type Command,
  cpu,
  domain as domainSort,
  iova,
  type DomainIndex,
  type IovaIndex,
  type Machine,
  position,
  type Queue,
  smmu,
} from "../machine.ts";
import { rootIndexOf } from "../page-tables.ts";
import { byAsidOf, domainOf } from "../tables.ts";
import { delayCommand, drainStores, seenCommand, visibility } from "./late-stores.ts";
import { awakenings, isConsuming, unlessOff } from "./power.ts";
import { endings, type SmmuOf, smmuLane, smmuOfDevice } from "./smmus.ts";
import { invalidateDescriptor, invalidateStream } from "./stream-table.ts";
import {
  dropTranslations,
  dropTranslationsOfId,
  hasStale,
  markAllStale,
  markDescentsStale,
  markStale,
  markStaleOfId,
  markStaleOfStream,
} from "./translations.ts";

const consumeTlbi = "consume TLBI";
const consumeWalkTlbi = "consume TLBI of walks";
const consumeIdTlbi = "consume TLBI of an id";
const consumeCfgi = "consume CFGI";
const consumeAllTlbi = "consume TLBI of all";
const consumeAllCfgi = "consume CFGI of all";
const consumeSync = "consume SYNC";
const consumeOther = "consume a command that concerns nothing";
/** What moves the consumer on: consumption, and the end of what a SYNC waits for. */
const consumption = [
  consumeTlbi,
  consumeWalkTlbi,
  consumeIdTlbi,
  consumeCfgi,
  consumeAllTlbi,
  consumeAllCfgi,
  consumeSync,
  consumeOther,
  ...endings,
  ...awakenings,
  ...visibility,
];

type PositionIndex = Index<"position">;

/** The assumption that waits for the SMMU end well. */
export const syncCompletesInTime = "sync-completes-in-time";

export const queueAssumptions = {
  [syncCompletesInTime]:
    "The SMMU makes room in its queue, and completes a SYNC, before the hypervisor gives up waiting.",
} as const;

/** What the corrected design does where the SMMU does not answer: it stops, and gives nothing back (M55). */
function failStop<C>(what: string): Exit<Machine, C> {
  return panic(`the SMMU ${what} in time`);
}

/** How many positions a queue goes on by from one to another. */
export function countFrom(consumer: PositionIndex, producer: PositionIndex, positions: number): number {
  return (producer - consumer + positions) % positions;
}

/** Commands that were written and not yet consumed, as the hypervisor counts them. */
function countPending(queue: Queue, positions: number): number {
  return countFrom(queue.consumer, queue.producer, positions);
}

/** Consumed as far as it was produced, wrap bit included. */
export function isEmpty(queue: Queue): boolean {
  return queue.producer === queue.consumer;
}

export function next(at: PositionIndex, positions: number): PositionIndex {
  return position.at((at + 1) % positions);
}

/** Waits until the queue has room for that many commands; by `late` where the wait gives up. */
export function waitForRoom<C>(
  of: SmmuOf<C>,
  name: string,
  count: (c: C) => number,
  late: Exit<Machine, C>,
  mirrors: string,
): Node<Machine, C>[] {
  const origin = { mirrors, arm: "CMDQ_CONS", mechanisms: ["M56"] };
  const queueOf = (s: Machine, c: C, at: Site): Queue => s.smmus[of(s, c, at)].queue;
  const hasRoom = (queue: Queue, c: C, positions: number): boolean =>
    countPending(queue, positions) + count(c) <= queue.slots.length;
  return [
    wait(
      `wait for room for ${name}`,
      (s, c, at) => hasRoom(queueOf(s, c, at), c, at.bounds.position) || !at.assumes(syncCompletesInTime),
      consumption,
      origin,
    ),
    check(
      `there is room for ${name}`,
      (s, c, at) => at.assumes(syncCompletesInTime) || hasRoom(queueOf(s, c, at), c, at.bounds.position),
      late,
      { mirrors, mechanisms: ["M55"] },
    ),
  ];
}

/** Stores a command into a slot. */
export function writeSlot(queue: Queue, by: number, at: number, command: Command): void {
  delayCommand(queue, by, at);
  const place = queue.slots[at];
  place.command = command;
  if (place.fresh.length > 0) place.fresh[0].by = cpu.at(by);
}

/** The doorbell: a write of CMDQ_PROD, with the barrier before it that `writel` has. */
export function ringDoorbell<C>(of: SmmuOf<C>, name: string, mirrors: string): Node<Machine, C> {
  return step(
    `ring the doorbell for ${name}`,
    (s, c, at) => {
      drainStores(s, at.self, at.bounds);
      const { queue } = s.smmus[of(s, c, at)];
      queue.doorbell = queue.producer;
    },
    { mirrors, arm: "CMDQ_PROD", mechanisms: ["M28"] },
  );
}

/** Adds a command: waits for room, writes the slot, advances the producer, rings the doorbell. */
export function addCommand<C>(
  of: SmmuOf<C>,
  name: string,
  commandOf: (s: Machine, c: C, bounds: Readonly<Record<string, number>>) => Command,
  issued: (c: C) => void = () => {},
  arm = `CMD_${name}`,
  late: Exit<Machine, C> = failStop("made no room"),
): Node<Machine, C>[] {
  const mirrors = "smmu_add_cmd (v2)";
  return [
    ...waitForRoom<C>(of, name, () => 1, late, mirrors),
    step(
      `write ${name} into its slot`,
      (s, c, at) => {
        const { queue } = s.smmus[of(s, c, at)];
        writeSlot(queue, at.self, queue.producer % queue.slots.length, commandOf(s, c, at.bounds));
      },
      { mirrors, arm, mechanisms: ["M57", "M58", "M59"] },
    ),
    step(
      `advance the producer past ${name}`,
      (s, c, at) => {
        const { queue } = s.smmus[of(s, c, at)];
        queue.producer = next(queue.producer, at.bounds.position);
        issued(c);
      },
      { mirrors, mechanisms: ["M58"] },
    ),
    ringDoorbell<C>(of, name, mirrors),
  ];
}

/**
 * smmu_sync_cmd: a SYNC, and the wait until the queue is empty, which tells that all before it is done. A call
 * that has several says what each is for; and where it goes on when it gives up.
 */
export function addSync<C>(
  of: SmmuOf<C>,
  purpose = "",
  late: Exit<Machine, C> = failStop("did not complete a SYNC"),
  mechanisms: readonly string[] = ["M55"],
): Node<Machine, C>[] {
  const mirrors = "smmu_sync_cmd (v2)";
  return [
    ...addCommand<C>(of, `SYNC${purpose}`, () => ({ tag: "SYNC" }), undefined, "CMD_SYNC", late),
    wait(
      `wait until the queue is empty${purpose}`,
      (s, c, at) => isEmpty(s.smmus[of(s, c, at)].queue) || !at.assumes(syncCompletesInTime),
      consumption,
      {
        mirrors,
        arm: "CMD_SYNC completion",
        mechanisms: ["M12", "M54"],
      },
    ),
    check(
      `the SYNC is complete${purpose}`,
      (s, c, at) => at.assumes(syncCompletesInTime) || isEmpty(s.smmus[of(s, c, at)].queue),
      late,
      { mirrors, mechanisms },
    ),
  ];
}

/**
 * smmu_send_cmd: a command and a SYNC for it, unless the SMMU is taken to be off. `mirrors`: the function that looks
 * whether it is. The caller holds iommu.lock.
 */
export function sendCommand<C>(
  of: SmmuOf<C>,
  purpose: string,
  mirrors: string,
  [name, commandOf, arm]: readonly [name: string, commandOf: (s: Machine, c: C) => Command, arm: string],
  mechanisms?: readonly string[],
): Node<Machine, C> {
  return unlessOff<C>(purpose, of, mirrors, [
    ...addCommand<C>(of, `${name}${purpose}`, commandOf, undefined, arm),
    ...addSync<C>(of, purpose, undefined, mechanisms),
  ]);
}

/** The command that invalidates one leaf of a domain: by VMID and IPA, or by ASID and VA where it is of stage 1. */
export function invalidationOf(s: Machine, of: DomainIndex | string, first: IovaIndex, k: number): Command {
  return { tag: "TLBI", domain: domainOf(of), iova: iova.at(first + k), byAsid: byAsidOf(s, of) };
}

/** The command that invalidates all that carries a domain's id: its VMID, or its ASID where it is of stage 1. */
export function invalidationOfId(s: Machine, of: DomainIndex | string): Command {
  return { tag: "TLBI of an id", domain: domainOf(of), byAsid: byAsidOf(s, of) };
}

/** The command that the SMMU reads next. */
export function head(queue: Queue): Command {
  return seenCommand(queue, queue.consumer % queue.slots.length);
}

/** Is there a command that the SMMU was told of, and does it consume commands? */
export function isToldOf(s: Machine, n: number): boolean {
  const { queue } = s.smmus[n];
  return queue.consumer !== queue.doorbell && !hasError(queue) && isConsuming(s, n);
}

/** Did an illegal command stop the SMMU? */
export function hasError(queue: Queue): boolean {
  return queue.errors.length > 0 && queue.errors[0].isRaised;
}

/** Where the slot's old content has no further meaning, it is cleared, so that it does not tell states apart. */
function consume(queue: Queue, bounds: Readonly<Record<string, number>>): void {
  const place = queue.slots[queue.consumer % queue.slots.length];
  if (place.fresh.length > 0) place.fresh[0].by = null;
  else place.command = { tag: "nothing" };
  queue.consumer = next(queue.consumer, bounds.position);
}

export const commandQueueRules = [
  environmentRule(
    consumeTlbi,
    { smmu },
    {
      lane: smmuLane,
      origin: { arm: "CMD_TLBI_S2_IPA, CMD_TLBI_NH_VA", mechanisms: ["M12", "M59"] },
      when: (s: Machine, { smmu: n }) => isToldOf(s, n) && head(s.smmus[n].queue).tag === "TLBI",
      then: (s, { smmu: n }, setting) => {
        const { queue } = s.smmus[n];
        const command = head(queue);
        if (command.tag === "TLBI") {
          const { domain, iova: at, byAsid } = command;
          dropTranslations(s.smmus[n], domain, at, byAsid);
          markStale(s, n, domain, at, byAsid, setting);
        }
        consume(queue, setting.bounds);
      },
    },
  ),
  environmentRule(
    consumeWalkTlbi,
    { smmu },
    {
      lane: smmuLane,
      origin: { arm: "CMD_TLBI_S2_IPA, CMD_TLBI_NH_VA, leaf=0", mechanisms: ["M22", "M59"] },
      when: (s: Machine, { smmu: n }) => isToldOf(s, n) && head(s.smmus[n].queue).tag === "TLBI of walks",
      then: (s, { smmu: n }, setting) => {
        const { queue, walkCache } = s.smmus[n];
        const command = head(queue);
        if (command.tag === "TLBI of walks") {
          const { domain, iova: at, byAsid } = command;
          dropTranslations(s.smmus[n], domain, at, byAsid);
          if (rootIndexOf(at) < walkCache[domain].length) walkCache[domain][rootIndexOf(at)].table = null;
          markStale(s, n, domain, at, byAsid, setting);
          markDescentsStale(s, n, domain, at, setting);
        }
        consume(queue, setting.bounds);
      },
    },
  ),
  environmentRule(
    consumeIdTlbi,
    { smmu },
    {
      lane: smmuLane,
      origin: { arm: "CMD_TLBI_S12_VMALL, CMD_TLBI_NH_ASID", mechanisms: ["M21", "M39", "M59"] },
      when: (s: Machine, { smmu: n }) => isToldOf(s, n) && head(s.smmus[n].queue).tag === "TLBI of an id",
      then: (s, { smmu: n }, setting) => {
        const { queue, walkCache } = s.smmus[n];
        const command = head(queue);
        if (command.tag === "TLBI of an id") {
          const { domain, byAsid } = command;
          dropTranslationsOfId(s.smmus[n], domain, byAsid);
          for (let k = 0; k < walkCache[domain].length; k++) walkCache[domain][k].table = null;
          markStaleOfId(s, n, domain, byAsid, setting);
        }
        consume(queue, setting.bounds);
      },
    },
  ),
  environmentRule(
    consumeCfgi,
    { smmu },
    {
      lane: smmuLane,
      origin: { arm: "CMD_CFGI_STE, CMD_CFGI_CD", mechanisms: ["M45", "M46", "M48"] },
      when: (s: Machine, { smmu: n }) => isToldOf(s, n) && head(s.smmus[n].queue).tag === "CFGI",
      then: (s, { smmu: n }, setting) => {
        const { queue } = s.smmus[n];
        const command = head(queue);
        if (command.tag === "CFGI") {
          const { stream, descriptor } = command;
          if (isValid(stream)) {
            if (descriptor === 0) invalidateStream(s, stream, setting);
            else invalidateDescriptor(s, stream, descriptor - 1, setting);
            markStaleOfStream(s, n, stream, descriptor, setting);
          }
        }
        consume(queue, setting.bounds);
      },
    },
  ),
  environmentRule(
    consumeAllTlbi,
    { smmu },
    {
      lane: smmuLane,
      origin: { arm: "CMD_TLBI_NSNH_ALL", mechanisms: ["M66"] },
      when: (s: Machine, { smmu: n }) => isToldOf(s, n) && head(s.smmus[n].queue).tag === "TLBI of all",
      then: (s, { smmu: n }, setting) => {
        const { queue, walkCache, tlb } = s.smmus[n];
        for (let d = 0; d < tlb.length; d++) {
          dropTranslationsOfId(s.smmus[n], domainSort.at(d), 0);
          dropTranslationsOfId(s.smmus[n], domainSort.at(d), 1);
          for (let i = 0; i < walkCache[d].length; i++) walkCache[d][i].table = null;
        }
        markAllStale(s, n, setting);
        consume(queue, setting.bounds);
      },
    },
  ),
  environmentRule(
    consumeAllCfgi,
    { smmu },
    {
      lane: smmuLane,
      origin: { arm: "CMD_CFGI_ALL", mechanisms: ["M66"] },
      when: (s: Machine, { smmu: n }) => isToldOf(s, n) && head(s.smmus[n].queue).tag === "CFGI of all",
      then: (s, { smmu: n }, setting) => {
        for (let k = 0; k < s.streams.length; k++) {
          if (smmuOfDevice(s, k) === n) invalidateStream(s, k, setting);
        }
        markAllStale(s, n, setting);
        consume(s.smmus[n].queue, setting.bounds);
      },
    },
  ),
  environmentRule(
    consumeSync,
    { smmu },
    {
      lane: smmuLane,
      origin: { arm: "CMD_SYNC", mechanisms: ["M12", "M54"] },
      when: (s: Machine, { smmu: n }, setting) =>
        isToldOf(s, n) && head(s.smmus[n].queue).tag === "SYNC" && !hasStale(s, n, setting),
      then: (s, { smmu: n }, { bounds }) => consume(s.smmus[n].queue, bounds),
    },
  ),
  environmentRule(
    consumeOther,
    { smmu },
    {
      lane: smmuLane,
      origin: { arm: "CMD_PREFETCH_CFG" },
      when: (s: Machine, { smmu: n }) => isToldOf(s, n) && head(s.smmus[n].queue).tag === "other",
      then: (s, { smmu: n }, { bounds }) => consume(s.smmus[n].queue, bounds),
    },
  ),
  // It stays at the command. An acknowledgement, which the host can write, makes it read the command again.
  environmentRule(
    "stop at an illegal command",
    { smmu },
    {
      lane: smmuLane,
      origin: { arm: "CERROR_ILL, GERROR.CMDQ_ERR", mechanisms: ["M57"] },
      when: (s: Machine, { smmu: n }, { bounds }) =>
        bounds.commandError > 0 && isToldOf(s, n) && head(s.smmus[n].queue).tag === "nothing",
      then: (s, { smmu: n }) => {
        s.smmus[n].queue.errors[0].isRaised = true;
      },
    },
  ),
];
