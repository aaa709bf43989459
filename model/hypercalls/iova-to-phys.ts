/**
 * iova_to_phys(domain, iova): the host asks where an iova of a domain leads to.
 *
 * It changes nothing; but while it is in flight it holds a reference, and it walks the page table.
 */
import {
  check,
  type FrameOf,
  isValid,
  leave,
  type Node,
  procedure,
  returns,
  step,
  when,
} from "../../checker/index.ts";
import { pgtLock, under } from "../locks.ts";
import { type Machine, registers, stack } from "../machine.ts";
import { entryOf, hasTable } from "../tables.ts";
import { domainGet, domainPut } from "./results.ts";

const args = { domain: registers.domain, iova: registers.iova } as const;
const locals = { isAllowed: stack.isAllowed, found: stack.found } as const;
export type IovaToPhysFrame = FrameOf<typeof args, typeof locals>;

const core = "kvm_iommu_iova_to_phys (v2)";
const driver = "smmu_iova_to_phys (v2)";

/** The walk of the page table: one entry. */
export const readEntry: Node<Machine, IovaToPhysFrame> = step(
  "read the entry",
  (s, c) => {
    if (!hasTable(s, c.domain)) s.wildAccess = "a freed domain";
    const leaf = entryOf(s, c.domain, c.iova, 0)?.pte;
    c.found = leaf === undefined || leaf.tag === "none" ? null : leaf.page;
  },
  { mirrors: "arm_lpae_iova_to_phys (v2)", mechanisms: ["M25", "M34"] },
);

export const iovaToPhys = procedure<Machine, typeof args, typeof locals>(
  "iova_to_phys",
  { meaning: "The host asks where an iova leads to.", origin: { mirrors: core }, args, locals },
  [
    // ARGUMENTS: copied from the registers, once

    // CHECKS
    check("the iova is within the input address size", (_, c) => isValid(c.iova), returns("0"), {
      mechanisms: ["M18"],
    }),
    ...domainGet<IovaToPhysFrame>(returns("0")),

    // EFFECTS: none. The page table's address is read without a lock.
    step(
      "read the page table's address",
      (s, c) => {
        c.isAllowed = hasTable(s, c.domain);
      },
      { mirrors: driver },
    ),
    when("walk the page table", (_, c) => c.isAllowed, [under(pgtLock, [readEntry])], [], {
      mirrors: driver,
    }),

    // RETURN: the page, or 0
    ...domainPut<IovaToPhysFrame>(),
    leave(returns((_, c) => c.found ?? "0")),
  ],
);
