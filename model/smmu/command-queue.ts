/**
 * The command queue: the hypervisor's side, as nodes for calls, and the SMMU's side, as rules.
 *
 * The producer writes a command into its slot, advances its own copy of the index and tells the SMMU by the
 * doorbell; all of it under iommu.lock. The SMMU consumes what it was told of, in order, when it likes. Full
 * and empty are told apart by the wrap bit.
 */
import { environmentRule, type Index, isValid, type Node, step, wait } from "../../checker/index.ts";
import { type Command, iova, type DomainIndex, type IovaIndex, type Machine, position } from "../machine.ts";
import { invalidateStream } from "./stream-table.ts";
import { endings, hasStale, markStale, markStaleOfId, markStaleOfStream } from "./translations.ts";

const consumeTlbi = "consume TLBI";
const consumeIdTlbi = "consume TLBI of an id";
const consumeCfgi = "consume CFGI";
const consumeSync = "consume SYNC";
/** What moves the consumer on: consumption, and the end of what a SYNC waits for. */
const consumption = [consumeTlbi, consumeIdTlbi, consumeCfgi, consumeSync, ...endings];

type PositionIndex = Index<"position">;

/** Commands that were written and not yet consumed, as the hypervisor counts them. */
function countPending(queue: Machine["queue"], positions: number): number {
  return (queue.producer - queue.consumer + positions) % positions;
}

/** No room: the slots are equal, the wrap bits differ. */
export function isFull(queue: Machine["queue"], positions: number): boolean {
  return countPending(queue, positions) === queue.slots.length;
}

/** Consumed as far as it was produced, wrap bit included. */
export function isEmpty(queue: Machine["queue"]): boolean {
  return queue.producer === queue.consumer;
}

function next(at: PositionIndex, positions: number): PositionIndex {
  return position.at((at + 1) % positions);
}

/** Adds a command: waits for room, writes the slot, advances the producer, rings the doorbell. */
export function addCommand<C>(
  name: string,
  commandOf: (c: C) => Command,
  issued: (c: C) => void = () => {},
  arm = `CMD_${name}`,
): Node<Machine, C>[] {
  const mirrors = "smmu_add_cmd (v2)";
  return [
    wait(`wait for room for ${name}`, (s, _, at) => !isFull(s.queue, at.bounds.position), consumption, {
      mirrors,
      arm: "CMDQ_CONS",
      mechanisms: ["M56"],
    }),
    step(
      `write ${name} into its slot`,
      (s, c) => {
        s.queue.slots[s.queue.producer % s.queue.slots.length].command = commandOf(c);
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
    step(
      `ring the doorbell for ${name}`,
      (s) => {
        s.queue.doorbell = s.queue.producer;
      },
      { mirrors, arm: "CMDQ_PROD", mechanisms: ["M28"] },
    ),
  ];
}

/**
 * smmu_sync_cmd: a SYNC, and the wait until the queue is empty, which tells that all before it is done. A call
 * that has several says what each is for.
 */
export function addSync<C>(purpose = ""): Node<Machine, C>[] {
  const mirrors = "smmu_sync_cmd (v2)";
  return [
    ...addCommand<C>(`SYNC${purpose}`, () => ({ tag: "SYNC" }), undefined, "CMD_SYNC"),
    wait(`wait until the queue is empty${purpose}`, (s) => isEmpty(s.queue), consumption, {
      mirrors,
      arm: "CMD_SYNC completion",
      mechanisms: ["M12", "M54"],
    }),
  ];
}

/** The command that invalidates one leaf of a domain: by VMID and IPA. */
export function invalidationOf(domain: DomainIndex, first: IovaIndex, k: number): Command {
  return { tag: "TLBI", domain, iova: iova.at(first + k) };
}

function head(queue: Machine["queue"]): Command {
  return queue.slots[queue.consumer % queue.slots.length].command;
}

function isToldOf(queue: Machine["queue"]): boolean {
  return queue.consumer !== queue.doorbell;
}

/** The slot's old content has no further meaning: cleared, it does not tell states apart. */
function consume(s: Machine, positions: number): void {
  s.queue.slots[s.queue.consumer % s.queue.slots.length].command = { tag: "nothing" };
  s.queue.consumer = next(s.queue.consumer, positions);
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
        consume(s, setting.bounds.position);
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
        consume(s, setting.bounds.position);
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
        consume(s, setting.bounds.position);
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
      then: (s, _, { bounds }) => consume(s, bounds.position),
    },
  ),
];
