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
  step,
  wait,
} from "../../checker/index.ts";
import {
  type Command,
  cpu,
  iova,
  type DomainIndex,
  type IovaIndex,
  type Machine,
  position,
} from "../machine.ts";
import { delayCommand, drainStores, seenCommand, visibility } from "./late-stores.ts";
import { invalidateStream } from "./stream-table.ts";
import { endings, hasStale, markStale, markStaleOfId, markStaleOfStream } from "./translations.ts";

const consumeTlbi = "consume TLBI";
const consumeIdTlbi = "consume TLBI of an id";
const consumeCfgi = "consume CFGI";
const consumeSync = "consume SYNC";
const consumeOther = "consume a command that concerns nothing";
/** What moves the consumer on: consumption, and the end of what a SYNC waits for. */
const consumption = [
  consumeTlbi,
  consumeIdTlbi,
  consumeCfgi,
  consumeSync,
  consumeOther,
  ...endings,
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

/** Commands that were written and not yet consumed, as the hypervisor counts them. */
function countPending(queue: Machine["queue"], positions: number): number {
  return (queue.producer - queue.consumer + positions) % positions;
}

/** Consumed as far as it was produced, wrap bit included. */
export function isEmpty(queue: Machine["queue"]): boolean {
  return queue.producer === queue.consumer;
}

export function next(at: PositionIndex, positions: number): PositionIndex {
  return position.at((at + 1) % positions);
}

/** Waits until the queue has room for that many commands; by `late` where the wait gives up. */
export function waitForRoom<C>(
  name: string,
  count: (c: C) => number,
  late: Exit<Machine, C>,
  mirrors: string,
): Node<Machine, C>[] {
  const origin = { mirrors, arm: "CMDQ_CONS", mechanisms: ["M56"] };
  const hasRoom = (queue: Machine["queue"], c: C, positions: number): boolean =>
    countPending(queue, positions) + count(c) <= queue.slots.length;
  return [
    wait(
      `wait for room for ${name}`,
      (s, c, at) => hasRoom(s.queue, c, at.bounds.position) || !at.assumes(syncCompletesInTime),
      consumption,
      origin,
    ),
    check(
      `there is room for ${name}`,
      (s, c, at) => at.assumes(syncCompletesInTime) || hasRoom(s.queue, c, at.bounds.position),
      late,
      { mirrors, mechanisms: ["M55"] },
    ),
  ];
}

/** Stores a command into a slot. */
export function writeSlot(s: Machine, by: number, at: number, command: Command): void {
  delayCommand(s.queue, by, at);
  const place = s.queue.slots[at];
  place.command = command;
  if (place.fresh.length > 0) place.fresh[0].by = cpu.at(by);
}

/** The doorbell: a write of CMDQ_PROD, with the barrier before it that `writel` has. */
export function ringDoorbell<C>(name: string, mirrors: string): Node<Machine, C> {
  return step(
    `ring the doorbell for ${name}`,
    (s, _, { self, bounds }) => {
      drainStores(s, self, bounds);
      s.queue.doorbell = s.queue.producer;
    },
    { mirrors, arm: "CMDQ_PROD", mechanisms: ["M28"] },
  );
}

/** Adds a command: waits for room, writes the slot, advances the producer, rings the doorbell. */
export function addCommand<C>(
  name: string,
  commandOf: (c: C) => Command,
  issued: (c: C) => void = () => {},
  arm = `CMD_${name}`,
  late: Exit<Machine, C> = failStop("made no room"),
): Node<Machine, C>[] {
  const mirrors = "smmu_add_cmd (v2)";
  return [
    ...waitForRoom<C>(name, () => 1, late, mirrors),
    step(
      `write ${name} into its slot`,
      (s, c, { self }) => {
        writeSlot(s, self, s.queue.producer % s.queue.slots.length, commandOf(c));
      },
      { mirrors, arm, mechanisms: ["M57", "M58", "M59"] },
    ),
    step(
      `advance the producer past ${name}`,
      (s, c, at) => {
        s.queue.producer = next(s.queue.producer, at.bounds.position);
        issued(c);
      },
      { mirrors, mechanisms: ["M58"] },
    ),
    ringDoorbell<C>(name, mirrors),
  ];
}

/**
 * smmu_sync_cmd: a SYNC, and the wait until the queue is empty, which tells that all before it is done. A call
 * that has several says what each is for; and where it goes on when it gives up.
 */
export function addSync<C>(
  purpose = "",
  late: Exit<Machine, C> = failStop("did not complete a SYNC"),
  mechanisms: readonly string[] = ["M55"],
): Node<Machine, C>[] {
  const mirrors = "smmu_sync_cmd (v2)";
  return [
    ...addCommand<C>(`SYNC${purpose}`, () => ({ tag: "SYNC" }), undefined, "CMD_SYNC", late),
    wait(
      `wait until the queue is empty${purpose}`,
      (s, _, at) => isEmpty(s.queue) || !at.assumes(syncCompletesInTime),
      consumption,
      {
        mirrors,
        arm: "CMD_SYNC completion",
        mechanisms: ["M12", "M54"],
      },
    ),
    check(
      `the SYNC is complete${purpose}`,
      (s, _, at) => at.assumes(syncCompletesInTime) || isEmpty(s.queue),
      late,
      { mirrors, mechanisms },
    ),
  ];
}

/** The command that invalidates one leaf of a domain: by VMID and IPA. */
export function invalidationOf(domain: DomainIndex, first: IovaIndex, k: number): Command {
  return { tag: "TLBI", domain, iova: iova.at(first + k) };
}

/** The command that the SMMU reads next. */
export function head(queue: Machine["queue"]): Command {
  return seenCommand(queue, queue.consumer % queue.slots.length);
}

/** Is there a command that the SMMU was told of, and does it consume commands? */
export function isToldOf(queue: Machine["queue"]): boolean {
  return queue.consumer !== queue.doorbell && !hasError(queue);
}

/** Did an illegal command stop the SMMU? */
export function hasError(queue: Machine["queue"]): boolean {
  return queue.errors.length > 0 && queue.errors[0].isRaised;
}

/** Where the slot's old content has no further meaning, it is cleared, so that it does not tell states apart. */
function consume(s: Machine, bounds: Readonly<Record<string, number>>): void {
  const place = s.queue.slots[s.queue.consumer % s.queue.slots.length];
  if (place.fresh.length > 0) place.fresh[0].by = null;
  else place.command = { tag: "nothing" };
  s.queue.consumer = next(s.queue.consumer, bounds.position);
}

export const commandQueueRules = [
  environmentRule(
    consumeTlbi,
    {},
    {
      lane: "SMMU",
      origin: { arm: "CMD_TLBI_S2_IPA", mechanisms: ["M12", "M59"] },
      when: (s: Machine) => isToldOf(s.queue) && head(s.queue).tag === "TLBI",
      then: (s, _, setting) => {
        const command = head(s.queue);
        if (command.tag === "TLBI") {
          const { domain, iova: at } = command;
          s.tlb[domain][at].hit = { tag: "none" };
          markStale(s, domain, at, setting);
        }
        consume(s, setting.bounds);
      },
    },
  ),
  environmentRule(
    consumeIdTlbi,
    {},
    {
      lane: "SMMU",
      origin: { arm: "CMD_TLBI_S12_VMALL", mechanisms: ["M21", "M39", "M59"] },
      when: (s: Machine) => isToldOf(s.queue) && head(s.queue).tag === "TLBI of an id",
      then: (s, _, setting) => {
        const command = head(s.queue);
        if (command.tag === "TLBI of an id") {
          const { domain } = command;
          for (let i = 0; i < s.tlb[domain].length; i++) s.tlb[domain][i].hit = { tag: "none" };
          markStaleOfId(s, domain, setting);
        }
        consume(s, setting.bounds);
      },
    },
  ),
  environmentRule(
    consumeCfgi,
    {},
    {
      lane: "SMMU",
      origin: { arm: "CMD_CFGI_STE", mechanisms: ["M45", "M46"] },
      when: (s: Machine) => isToldOf(s.queue) && head(s.queue).tag === "CFGI",
      then: (s, _, setting) => {
        const command = head(s.queue);
        if (command.tag === "CFGI") {
          const { stream } = command;
          if (isValid(stream)) {
            invalidateStream(s, stream, setting);
            markStaleOfStream(s, stream, setting);
          }
        }
        consume(s, setting.bounds);
      },
    },
  ),
  environmentRule(
    consumeSync,
    {},
    {
      lane: "SMMU",
      origin: { arm: "CMD_SYNC", mechanisms: ["M12", "M54"] },
      when: (s: Machine, _, setting) =>
        isToldOf(s.queue) && head(s.queue).tag === "SYNC" && !hasStale(s, setting),
      then: (s, _, { bounds }) => consume(s, bounds),
    },
  ),
  environmentRule(
    consumeOther,
    {},
    {
      lane: "SMMU",
      origin: { arm: "CMD_PREFETCH_CFG" },
      when: (s: Machine) => isToldOf(s.queue) && head(s.queue).tag === "other",
      then: (s, _, { bounds }) => consume(s, bounds),
    },
  ),
  // It stays at the command. An acknowledgement, which the host can write, makes it read the command again.
  environmentRule(
    "stop at an illegal command",
    {},
    {
      lane: "SMMU",
      origin: { arm: "CERROR_ILL, GERROR.CMDQ_ERR", mechanisms: ["M57"] },
      when: (s: Machine, _, { bounds }) =>
        bounds.commandError > 0 && isToldOf(s.queue) && head(s.queue).tag === "nothing",
      then: (s) => {
        s.queue.errors[0].isRaised = true;
      },
    },
  ),
];
