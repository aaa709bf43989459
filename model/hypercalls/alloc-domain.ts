/**
 * alloc_domain(domain): the host allocates a domain under an id of its choice.
 *
 * The id is the VMID by which the SMMU will tag what it knows of the domain. There is no page table yet: its
 * shape depends on the SMMU, so it comes with the first device. (The objects come from the hypervisor's heap,
 * which always has room here; so have the tables in which ids are looked up.)
 */
import { check, type FrameOf, isValid, leave, procedure, returns, step } from "../../checker/index.ts";
import { domainLock, under } from "../locks.ts";
import { type Machine, registers } from "../machine.ts";
import { domainOf, lifetimeOf } from "../tables.ts";

const args = { domain: registers.domain, stage1: registers.stage1 } as const;
type Frame = FrameOf<typeof args, Record<never, never>>;

const core = "kvm_iommu_alloc_domain (v2 16/58)";

export const allocDomain = procedure<Machine, typeof args>(
  "alloc_domain",
  { meaning: "The host allocates a domain.", origin: { mirrors: core }, args },
  [
    // ARGUMENTS: copied from the registers, once

    // CHECKS
    check("the domain's id is in range", (_, c) => isValid(c.domain), returns("ENOMEM"), {
      mirrors: "handle_to_domain (v2)",
      mechanisms: ["M41"],
    }),
    under<Frame>(domainLock, [
      check(
        "the id is not in use",
        (s, c) => s.domains[domainOf(c.domain)].references === 0,
        returns("EINVAL"),
        { mirrors: core, mechanisms: ["M38"] },
      ),

      // EFFECTS: the object first, the reference that lets others in last (M35)
      step(
        "allocate the domain's object",
        (s, c) => {
          if (!isValid(c.domain)) s.wildAccess = "domains";
          const of = lifetimeOf(s, c.domain);
          if (of === null) return;
          of.hasObject = true;
          of.stage1 = c.stage1;
        },
        { mirrors: "smmu_alloc_domain (v2)", mechanisms: ["M38"] },
      ),
      step(
        "publish the domain",
        (s, c) => {
          s.domains[domainOf(c.domain)].references = 1;
        },
        { mirrors: core, mechanisms: ["M35"] },
      ),
    ]),

    // RETURN: ok, or why not
    leave(returns("0")),
  ],
);
