/**
 * free_domain(domain): the host gives a domain back.
 *
 * Only the last reference can be taken (M34), and only from one to none, in one step. Then nothing names the
 * domain any more, but what the SMMU remembers of it: that is invalidated by the id, and waited for, before the
 * page table goes back to the pool (M21) and the id to the next domain (M39). The pages that are still mapped
 * then are recorded, and their uses given back.
 */
import {
  check,
  type FrameOf,
  isValid,
  leave,
  type Node,
  procedure,
  repeat,
  returns,
  step,
  when,
} from "../../checker/index.ts";
import { domainLock, iommuLock, under } from "../locks.ts";
import { type Machine, registers, stack } from "../machine.ts";
import { invalidationOfId, sendCommand } from "../smmu/command-queue.ts";
import { delayZeroing } from "../smmu/late-stores.ts";
import { smmuOfDomain } from "../smmu/smmus.ts";
import { domainOf, hasTable, lifetimeOf } from "../tables.ts";
import { note, recordedLocals, releaseRecorded } from "./gather.ts";

const args = { domain: registers.domain } as const;
const locals = {
  isAllowed: stack.isAllowed,
  gathered: stack.gathered,
  ...recordedLocals,
} as const;
export type FreeFrame = FrameOf<typeof args, typeof locals>;

const core = "kvm_iommu_free_domain (v2)";
const tables = "kvm_arm_io_pgtable_free (v2)";
const recorded = "smmu_put_pages (2025)";

/** The iova of the first entry that is live, or -1. */
function firstLive(s: Machine, c: FreeFrame): number {
  const { entries } = s.domains[domainOf(c.domain)];
  for (let i = 0; i < entries.length; i++) if (entries[i].pte.tag === "valid") return i;
  return -1;
}

/** The page table's end: what the SMMU knows of it first, its pages last. */
const freeTable: Node<Machine, FreeFrame> = when(
  "free the page table",
  (s, c) => hasTable(s, c.domain),
  [
    under(iommuLock(smmuOfDomain), [
      sendCommand<FreeFrame>(smmuOfDomain, "", "smmu_inv_domain (v2)", [
        "TLBI of the id",
        (s, c) => invalidationOfId(s, c.domain),
        "CMD_TLBI_S12_VMALL, CMD_TLBI_NH_ASID",
      ]),
    ]),
    // No lock: nobody can have a reference, and the SMMU does not know the table any more.
    repeat(
      "record the pages still mapped",
      (s, c) => firstLive(s, c) >= 0,
      [
        step(
          "record the page of an entry",
          (s, c) => {
            const at = firstLive(s, c);
            if (at < 0) return;
            const entry = s.domains[domainOf(c.domain)].entries[at];
            const leaf = entry.pte;
            if (leaf.tag !== "valid") return;
            note(c, c.gathered, leaf.page);
            entry.pte = { tag: "none" };
            c.gathered++;
          },
          { mirrors: recorded, sekvm: "smmu_count", mechanisms: ["M13"] },
        ),
      ],
      { mirrors: recorded },
    ),
    zeroTable<FreeFrame>("hyp_put_page (v2 base)"),
    step("give the page table back to the pool", (s, c, { self }) => giveBackTable(s, self, c), {
      mirrors: "__arm_lpae_free_pgtable, kvm_iommu_reclaim_pages (v2)",
      mechanisms: ["M21", "M24", "M29"],
    }),
  ],
  [],
  { mirrors: tables },
);

/** The first entry that is not zero, or -1. */
function firstNotZero(s: Machine, of: FreeFrame["domain"]): number {
  const { entries } = s.domains[domainOf(of)];
  for (let i = 0; i < entries.length; i++) if (entries[i].pte.tag !== "none") return i;
  return -1;
}

/** The page is zeroed before it is anything else: what it still holds goes, entry by entry. */
export function zeroTable<C extends Pick<FreeFrame, "domain">>(mirrors: string): Node<Machine, C> {
  return repeat(
    "zero the page table",
    (s, c) => firstNotZero(s, c.domain) >= 0,
    [
      step(
        "zero an entry of the page table",
        (s, c) => {
          const at = firstNotZero(s, c.domain);
          if (at >= 0) s.domains[domainOf(c.domain)].entries[at].pte = { tag: "none" };
        },
        { mirrors, mechanisms: ["M24"] },
      ),
    ],
    { mirrors },
  );
}

/** The page is free again. */
export function giveBackTable(s: Machine, by: number, c: { domain: FreeFrame["domain"] }): void {
  const of = lifetimeOf(s, c.domain);
  if (of === null || of.root === null) return;
  if (of.root < s.pool.length) {
    s.pool[of.root].use = "free";
    delayZeroing(s, by, of.root);
  }
  of.root = null;
}

export const freeDomain = procedure<Machine, typeof args, typeof locals>(
  "free_domain",
  { meaning: "The host gives a domain back.", origin: { mirrors: core }, args, locals },
  [
    // ARGUMENTS: copied from the registers, once

    // CHECKS
    check("the domain's id is in range", (_, c) => isValid(c.domain), returns("EINVAL"), {
      mirrors: "handle_to_domain (v2)",
      mechanisms: ["M41"],
    }),
    under(domainLock, [
      step(
        "take the last reference",
        (s, c) => {
          const of = s.domains[domainOf(c.domain)];
          c.isAllowed = of.references === 1;
          if (c.isAllowed) of.references = 0;
        },
        { mirrors: core, mechanisms: ["M34", "M38"] },
      ),
      check("it was the last reference", (_, c) => c.isAllowed, returns("EINVAL"), {
        mirrors: core,
        mechanisms: ["M34", "M36"],
      }),

      // EFFECTS
      freeTable,
      releaseRecorded<FreeFrame>(),
      step(
        "clear the domain",
        (s, c) => {
          const of = lifetimeOf(s, c.domain);
          if (of === null) return;
          of.hasObject = false;
          of.smmu = null;
          for (let n = 0; n < of.listed.length; n++) of.listed[n] = 0;
          of.stage1 = 0;
          s.domains[domainOf(c.domain)].references = 0;
        },
        { mirrors: core, mechanisms: ["M38"] },
      ),
    ]),

    // RETURN: ok, or why not
    leave(returns("0")),
  ],
);
