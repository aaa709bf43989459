/**
 * attach_dev(stream, domain, pasid): the device of a stream begins to translate through a domain. What follows here is
 * stage 2; stage1.ts has the other.
 *
 * The stream table entry is written in two parts (M45): first all but word 0, and the SMMU forgets what it
 * knows of the entry; then word 0, with V, and the SMMU forgets that the entry was invalid. The reference that
 * the call took stays for as long as the entry stands (M36).
 */
import {
  check,
  type Exit,
  type FrameOf,
  isValid,
  jump,
  label,
  leave,
  type Node,
  procedure,
  returns,
  step,
  valid,
  when,
} from "../../checker/index.ts";
import { iommuLock, pgtLock, under } from "../locks.ts";
import { type Machine, registers, stack } from "../machine.ts";
import { sendCommand } from "../smmu/command-queue.ts";
import { storeTable, storeWord } from "../smmu/late-stores.ts";
import { smmuOfStream } from "../smmu/smmus.ts";
import { configurationInvalidationOf } from "../smmu/stream-table.ts";
import { domainOf, freePageOf, hasTable, lifetimeOf, streamOf } from "../tables.ts";
import { domainGet, domainPut } from "./results.ts";
import { allocateSecondLevel } from "./second-level.ts";
import { attachStage1, mayAttach } from "./stage1.ts";

const args = { stream: registers.stream, domain: registers.domain, pasid: registers.pasid } as const;
const locals = { isAllowed: stack.isAllowed, found: stack.found } as const;
export type AttachFrame = FrameOf<typeof args, typeof locals>;

const core = "kvm_iommu_attach_dev (v2)";
const driver = "smmu_attach_dev (v2)";
const finalise = "smmu_domain_finalise, kvm_arm_io_pgtable_alloc (v2)";
const refused = returns<Machine, AttachFrame>("EINVAL");

/** CFGI_STE and SYNC: afterwards the SMMU knows nothing of the entry but what it fetches from now on. */
export function forgetStream<C extends { stream: AttachFrame["stream"] }>(
  purpose: string,
  mechanisms?: readonly string[],
): Node<Machine, C>[] {
  return [
    sendCommand<C>(
      smmuOfStream,
      purpose,
      "smmu_send_cmd (android16)",
      ["CFGI", (_, c) => configurationInvalidationOf(c.stream), "CMD_CFGI_STE"],
      mechanisms,
    ),
  ];
}

/** Takes a page of the pool for the page table, zeroed when it was freed; leaves where the pool has none. */
export function takeTable<C extends Pick<AttachFrame, "domain" | "found">>(
  whenEmpty: Exit<Machine, C>,
): Node<Machine, C>[] {
  return [
    step(
      "take a page from the pool",
      (s, c) => {
        c.found = freePageOf(s);
        if (c.found !== null) s.pool[c.found].use = "table";
      },
      { mirrors: finalise, mechanisms: ["M23", "M24"] },
    ),
    check("the pool had a page", (_, c) => c.found !== null, whenEmpty, { mirrors: finalise }),
    step(
      "store the page table's address",
      (s, c) => {
        const of = lifetimeOf(s, c.domain);
        if (of !== null) of.root = c.found;
        c.found = null;
      },
      { mirrors: "smmu_domain_finalise (v2)", mechanisms: ["M25"] },
    ),
  ];
}

/** The page table comes with the first device. */
const buildTable: Node<Machine, AttachFrame> = when(
  "build the page table",
  (s, c) => !hasTable(s, c.domain),
  takeTable<AttachFrame>(jump("put the domain")),
  [],
  { mirrors: finalise },
);

/**
 * One SMMU for a domain (M40): the first that a device of the domain is behind. Two CPUs that attach devices
 * behind two SMMUs hold different locks; what keeps them apart is the domain's own.
 */
const bindDomain: Node<Machine, AttachFrame> = under(pgtLock, [
  step(
    "look at the domain's SMMU",
    (s, c) => {
      const bound = lifetimeOf(s, c.domain)?.smmu ?? null;
      c.isAllowed = bound === null || bound === smmuOfStream(s, c);
    },
    { mirrors: driver, mechanisms: ["M40"] },
  ),
  check("the domain is bound to no other SMMU", (_, c) => c.isAllowed, jump("put the domain"), {
    mirrors: driver,
    mechanisms: ["M40"],
  }),
  buildTable,
  step(
    "bind the domain to the SMMU",
    (s, c) => {
      const of = lifetimeOf(s, c.domain);
      if (of !== null) of.smmu = smmuOfStream(s, c);
    },
    { mirrors: driver, mechanisms: ["M40"] },
  ),
]);

export const attachDev = procedure<Machine, typeof args, typeof locals>(
  "attach_dev",
  { meaning: "A device begins to translate through a domain.", origin: { mirrors: core }, args, locals },
  [
    // ARGUMENTS: copied from the registers, once

    // CHECKS
    check("the stream id is in range", (_, c) => isValid(c.stream), refused, {
      mirrors: "smmu_get_ste_ptr (2025)",
      mechanisms: ["M43"],
    }),
    ...domainGet<AttachFrame>(refused),
    under(iommuLock(smmuOfStream), [
      allocateSecondLevel<AttachFrame>(jump("put the domain")),
      step(
        "look at the stream table entry",
        (s, c) => {
          c.isAllowed = mayAttach(s, c);
        },
        { mirrors: driver, mechanisms: ["M43"] },
      ),
      check("the entry is not in use", (_, c) => c.isAllowed, jump("put the domain"), {
        mirrors: driver,
        mechanisms: ["M43"],
      }),

      // EFFECTS
      bindDomain,
      attachStage1<AttachFrame>(forgetStream),
      step(
        "write the other words of the entry",
        (s, c, { self }) => {
          storeTable(streamOf(s, c.stream), self, lifetimeOf(s, c.domain)?.root ?? null);
        },
        { mirrors: driver, arm: "STE.S2TTB", mechanisms: ["M45"] },
      ),
      ...forgetStream<AttachFrame>(" for the other words"),
      step(
        "write word 0 of the entry",
        (s, c, { self }) => {
          storeWord(streamOf(s, c.stream), self, domainOf(valid(c.domain)));
        },
        { mirrors: driver, arm: "STE.V, STE.S2VMID", sekvm: "smmu_vm", mechanisms: ["M36", "M45"] },
      ),
      ...forgetStream<AttachFrame>(" for word 0", ["M47", "M55"]),
      label("the device translates", []),
    ]),
    leave(returns("0")),

    // RETURN: ok with the reference kept, or an error and the reference put
    label("put the domain", domainPut()),
    leave(returns("an error")),
  ],
);
