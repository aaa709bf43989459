/**
 * Batches of commands: several are collected, copied into the queue, and announced by one doorbell.
 *
 * The batch holds TLBIs of consecutive iovas, so it is kept as two numbers: how many commands it has, and how
 * many of them are in the queue. A batch that is full is issued at once; its buffer is then used again. What
 * versions differ in is which command is copied, to which slot, and what becomes of an error.
 */
import { type Exit, isValid, type Node, panic, repeat, step, when } from "../../checker/index.ts";
import { type Command, type DomainIndex, iova, type IovaIndex, type Machine } from "../machine.ts";
import { invalidationOf, next, ringDoorbell, waitForRoom, writeSlot } from "./command-queue.ts";
import { type SmmuOf, smmuOfDomain } from "./smmus.ts";

export interface BatchFrame {
  readonly domain: DomainIndex | string;
  readonly iova: IovaIndex | string;
  readonly gathered: number;
  readonly gap: number;
  issued: number;
  batched: number;
  copied: number;
}

/** Where the gather ends, counted from the call's first page: it begins with what is not issued yet. */
export function gatherEnd(c: { readonly gathered: number; readonly gap: number }): number {
  return c.gathered - c.gap;
}

type Bounds = Readonly<Record<string, number>>;

/** What differs between versions. */
export interface BatchText<C> {
  readonly mirrors: string;
  /** The SMMU that the commands are for. */
  readonly of: SmmuOf<C>;
  /** The `k`-th command that is copied into the queue. */
  readonly commandOf: (s: Machine, c: C, k: number, bounds: Bounds) => Command;
  /** The slot it is copied to, counted from the producer's slot and not wrapped: may be past the end. */
  readonly isLinear: boolean;
  /** Where a batch does not find room: a full one, and the last one. */
  readonly whenFull: Exit<Machine, C>;
  readonly whenLast: Exit<Machine, C>;
}

/** The command that invalidates an address: one that no table maps concerns nothing here. */
export function invalidationAt(
  s: Machine,
  of: DomainIndex | string,
  address: number,
  bounds: Bounds,
): Command {
  for (let i = 0; i < bounds.iova; i++) if (i === address) return invalidationOf(s, of, iova.at(i), 0);
  return { tag: "other" };
}

/** The iova of the `k`-th command of the batch, as meant. */
export function batchedIova(c: BatchFrame, k: number): number {
  return (isValid(c.iova) ? c.iova : 0) + c.issued - c.batched + k;
}

/** The commands as they are meant. */
export function asMeant(s: Machine, c: BatchFrame, k: number, bounds: Bounds): Command {
  return invalidationAt(s, c.domain, batchedIova(c, k), bounds);
}

/** Issues the batch: room for all of it, every command into its slot, one doorbell. */
function issueBatch<C extends BatchFrame>(
  name: string,
  text: BatchText<C>,
  late: Exit<Machine, C>,
): Node<Machine, C>[] {
  const { mirrors, of, commandOf, isLinear } = text;
  return [
    ...waitForRoom<C>(of, name, (c) => c.batched, late, mirrors),
    repeat(`copy ${name}`, (_, c) => c.copied < c.batched, [
      step(
        `copy a command of ${name} into its slot`,
        (s, c, site) => {
          const { self, bounds } = site;
          const { queue } = s.smmus[of(s, c, site)];
          const at = (queue.producer % bounds.slot) + c.copied;
          const isPast = at >= bounds.slot;
          if (isPast && isLinear) s.wildAccess = "command queue";
          else writeSlot(queue, self, at % bounds.slot, commandOf(s, c, c.copied, bounds));
          c.copied++;
        },
        { mirrors, arm: "CMD_TLBI", mechanisms: ["M56", "M57", "M58", "M59"] },
      ),
    ]),
    step(
      `advance the producer past ${name}`,
      (s, c, at) => {
        const { queue } = s.smmus[of(s, c, at)];
        for (let k = 0; k < c.batched; k++) queue.producer = next(queue.producer, at.bounds.position);
      },
      { mirrors, mechanisms: ["M58"] },
    ),
    ringDoorbell<C>(of, name, mirrors),
  ];
}

/** Empties the batch: its buffer is used again from its beginning. */
function emptyBatch<C extends BatchFrame>(name: string, mirrors: string): Node<Machine, C> {
  return step(
    `empty ${name}`,
    (_, c) => {
      c.batched = 0;
      c.copied = 0;
    },
    { mirrors },
  );
}

/** Has the batch as many commands as it can hold? */
function isFullBatch(c: BatchFrame, bounds: Bounds): boolean {
  return c.batched > 0 && c.batched === bounds.batch;
}

/** The invalidation of what was gathered, in batches. */
export function issueInBatches<C extends BatchFrame>(text: BatchText<C>): Node<Machine, C>[] {
  const { mirrors, whenFull, whenLast } = text;
  return [
    repeat("collect the invalidations", (_, c) => c.issued < gatherEnd(c), [
      when(
        "the batch is full",
        (_, c, { bounds }) => isFullBatch(c, bounds),
        [...issueBatch<C>("the full batch", text, whenFull), emptyBatch<C>("the full batch", mirrors)],
        [],
        { mirrors },
      ),
      step(
        "add a TLBI to the batch",
        (_, c) => {
          c.batched++;
          c.issued++;
        },
        { mirrors, arm: "CMD_TLBI_S2_IPA, CMD_TLBI_NH_VA", mechanisms: ["M57", "M59"] },
      ),
    ]),
    ...issueBatch<C>("the last batch", text, whenLast),
    emptyBatch<C>("the last batch", mirrors),
  ];
}

/** The corrected batch: commands from zero, each into its own slot, and an error stops the call. */
export function issueInCorrectBatches<C extends BatchFrame>(): Node<Machine, C>[] {
  const late = panic<Machine, C>("the SMMU made no room in time");
  return issueInBatches<C>({
    mirrors: "smmu_cmdq_batch_add, smmu_issue_cmds (v2 58/58)",
    of: smmuOfDomain,
    commandOf: asMeant,
    isLinear: false,
    whenFull: late,
    whenLast: late,
  });
}
