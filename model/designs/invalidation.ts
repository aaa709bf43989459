/**
 * How the literal designs invalidate what an unmap gathered: as edits of pv's, which stops where the SMMU does
 * not answer (M55). In every version the error of a command ends at a WARN, and the call goes on to give the
 * uses back: where a WARN is not fatal, it does so although the invalidation may not have happened.
 */
import {
  dropStep,
  type Edit,
  edit,
  insertAfter,
  jump,
  label,
  leave,
  type Node,
  repeat,
  replaceCheck,
  replaceStep,
  step,
  valid,
  when,
} from "../../checker/index.ts";
import { warnUnless } from "../hypercalls/results.ts";
import { takeTableOut } from "../hypercalls/table-levels.ts";
import type { UnmapFrame } from "../hypercalls/unmap-pages.ts";
import type { Machine } from "../machine.ts";
import { blockPages } from "../page-tables.ts";
import { asMeant, batchedIova, gatherEnd, invalidationAt, issueInBatches } from "../smmu/batches.ts";
import { addCommand, invalidationOf } from "../smmu/command-queue.ts";
import { smmuOfDomain } from "../smmu/smmus.ts";

/** A WARN that is met here, and what happens where it is not fatal: nothing. */
function warn(of: string, mirrors: string): Node<Machine, UnmapFrame> {
  return warnUnless(of, () => false, mirrors);
}

/** One command for each page. One that finds no room is given up, with a WARN. */
function oneByOne(mirrors: string): Node<Machine, UnmapFrame> {
  return repeat("issue the invalidations", (_, c) => c.issued < gatherEnd(c), [
    ...addCommand<UnmapFrame>(
      smmuOfDomain,
      "TLBI",
      (s, c) => invalidationOf(s, c.domain, valid(c.iova), c.issued),
      (c) => {
        c.issued++;
      },
      "CMD_TLBI_S2_IPA, CMD_TLBI_NH_VA",
      jump("the TLBI found no room"),
    ),
    leave(jump("the next TLBI")),
    label("the TLBI found no room", [
      warn("the queue has room for the TLBI", mirrors),
      step(
        "go on without the TLBI",
        (_, c) => {
          c.issued++;
        },
        { mirrors },
      ),
    ]),
    label("the next TLBI", []),
  ]);
}

/** The SYNC's error ends at a WARN, after the lock is released. */
function goesOnAfterLateSync(mirrors: string): readonly Edit<Machine>[] {
  return [
    replaceCheck<Machine, UnmapFrame>("there is room for SYNC", { otherwise: jump("the SYNC failed") }),
    replaceCheck<Machine, UnmapFrame>("the SYNC is complete", { otherwise: jump("the SYNC failed") }),
    insertAfter<Machine, UnmapFrame>(
      "iommu.lock",
      leave(jump("the invalidation is over")),
      label("the SYNC failed", [warn("the invalidation is complete", mirrors)]),
      label("the invalidation is over", []),
    ),
  ];
}

/** The versions that have no batches. */
export function invalidatesSingly(mirrors: string): Edit<Machine> {
  return (call) =>
    edit(
      call,
      replaceStep<Machine, UnmapFrame>("are commands batched?", oneByOne(mirrors)),
      ...goesOnAfterLateSync(mirrors),
    );
}

/** What is copied from a batch's buffer, and to where. */
type Copied = (
  s: Machine,
  c: UnmapFrame,
  k: number,
  bounds: Readonly<Record<string, number>>,
) => ReturnType<typeof asMeant>;

/**
 * The versions that have batches; where a scenario has none (`batch`), as they were before these came. The
 * result of a full batch is not looked at; that of the last one ends at a WARN.
 */
export function invalidatesInBatches(mirrors: string, commandOf: Copied, isLinear: boolean): Edit<Machine> {
  const inBatches = issueInBatches<UnmapFrame>({
    mirrors,
    of: smmuOfDomain,
    commandOf,
    isLinear,
    whenFull: jump("the full batch is done with"),
    whenLast: jump("the last batch found no room"),
  });
  return (call) =>
    edit(
      call,
      replaceStep<Machine, UnmapFrame>(
        "are commands batched?",
        when(
          "are commands batched?",
          (_s, _c, { bounds }) => bounds.batch > 0,
          [
            ...inBatches,
            leave(jump("the batches are done with")),
            label("the last batch found no room", [warn("the queue has room for the batch", mirrors)]),
            label("the batches are done with", []),
          ],
          [oneByOne(mirrors)],
        ),
      ),
      replaceStep<Machine, UnmapFrame>(
        "empty the full batch",
        label("the full batch is done with", [
          step(
            "empty the full batch",
            (_, c) => {
              c.batched = 0;
              c.copied = 0;
            },
            { mirrors },
          ),
        ]),
      ),
      ...goesOnAfterLateSync(mirrors),
    );
}

/**
 * The buffer of a batch is not cleared between uses, and a command is built by ORing its fields in: what is
 * copied are the fields of all commands that were built at its place in this call. (Before the first use the
 * buffer is taken to be zero; where the compiler does not see to that, it holds what the stack held.)
 */
export function withFieldsOfBefore(
  s: Machine,
  c: UnmapFrame,
  k: number,
  bounds: Readonly<Record<string, number>>,
): ReturnType<typeof asMeant> {
  let address = 0;
  for (let at = batchedIova(c, k); at >= valid(c.iova); at -= bounds.batch) address |= at;
  return invalidationAt(s, c.domain, address, bounds);
}

/**
 * A command has two words, and the `k`-th one is taken from word `k`: every second one consists of the end of
 * one command and the beginning of the next. With the leaf bit in the place of the opcode it is a prefetch.
 */
export function fromTheWrongWord(
  s: Machine,
  c: UnmapFrame,
  k: number,
  bounds: Readonly<Record<string, number>>,
): ReturnType<typeof asMeant> {
  if (k % 2 !== 0) return { tag: "other" };
  let whole = 0;
  for (let word = 2; word <= k; word += 2) whole++;
  return asMeant(s, c, whole, bounds);
}

/** The versions that gather tables too (since 6.12): whatever one call unmaps is one range, and nothing is early. */
export const gathersTables: readonly Edit<Machine>[] = [
  dropStep("does the block join the gather?"),
  replaceStep<Machine, UnmapFrame>(
    "take the table out",
    takeTableOut((c) => {
      c.gathered += blockPages;
    }),
  ),
];
