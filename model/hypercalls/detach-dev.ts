/**
 * detach_dev(stream, domain): the device of a stream stops translating.
 *
 * V goes first, and the SMMU forgets the entry; only then is the rest cleared (M46). The entry must be one of
 * the domain's (M37): its reference is the one that is put. What the TLB holds stays, tagged by the id.
 */
import { check, type FrameOf, isValid, label, leave, procedure, returns, step } from "../../checker/index.ts";
import { iommuLock, under } from "../locks.ts";
import { type Machine, registers, stack } from "../machine.ts";
import { storeTable, storeWord } from "../smmu/late-stores.ts";
import { smmuOfStream } from "../smmu/smmus.ts";
import { domainOf, isSecondLevelMissing, lifetimeOf, streamOf } from "../tables.ts";
import { forgetStream } from "./attach-dev.ts";
import { domainPut } from "./results.ts";
import { detachSubstream, freeDescriptors, mayDetach } from "./stage1.ts";

const args = { stream: registers.stream, domain: registers.domain, pasid: registers.pasid } as const;
const locals = { isAllowed: stack.isAllowed, found: stack.found } as const;
export type DetachFrame = FrameOf<typeof args, typeof locals>;

const core = "kvm_iommu_detach_dev (v2 36/58)";
const driver = "smmu_detach_dev (v2 36/58)";
const refused = returns<Machine, DetachFrame>("EINVAL");

export const detachDev = procedure<Machine, typeof args, typeof locals>(
  "detach_dev",
  { meaning: "A device stops translating through a domain.", origin: { mirrors: core }, args, locals },
  [
    // ARGUMENTS: copied from the registers, once

    // CHECKS: the count is read once, without a lock, and no reference is taken
    check("the stream id is in range", (_, c) => isValid(c.stream), refused, {
      mirrors: "smmu_get_ste_ptr (2025)",
      mechanisms: ["M43"],
    }),
    check("the domain's id is in range", (_, c) => isValid(c.domain), refused, {
      mirrors: "handle_to_domain (v2)",
      mechanisms: ["M41"],
    }),
    step(
      "read the domain's references",
      (s, c) => {
        if (!isValid(c.domain)) s.wildAccess = "domains";
        c.isAllowed = s.domains[domainOf(c.domain)].references > 1;
      },
      { mirrors: core },
    ),
    check("more than the allocation refers to the domain", (_, c) => c.isAllowed, refused, { mirrors: core }),
    under(iommuLock(smmuOfStream), [
      check("the second level is there", (s, c) => !isSecondLevelMissing(s, c.stream), returns("ENODEV"), {
        mirrors: "smmu_get_ste_ptr (v2)",
        mechanisms: ["M43"],
      }),
      step(
        "look at the stream table entry",
        (s, c) => {
          c.isAllowed = isValid(c.domain) && mayDetach(s, c);
        },
        { mirrors: "smmu_detach_dev (2025)", sekvm: "smmu_vm", mechanisms: ["M37"] },
      ),
      check("the entry is valid and the domain's", (_, c) => c.isAllowed, returns("EACCES"), {
        mirrors: "smmu_detach_dev (2025)",
        mechanisms: ["M37"],
      }),
      step(
        "look at the domain's type",
        (s, c) => {
          if (lifetimeOf(s, c.domain)?.hasObject === false) s.wildAccess = "a freed domain";
        },
        { mirrors: driver },
      ),

      // EFFECTS: word 0 first (M46)
      detachSubstream<DetachFrame>(),
      step(
        "clear word 0 of the entry",
        (s, c, { self }) => {
          const of = streamOf(s, c.stream);
          storeWord(of, self, null);
          if (of.contexts.length === 0) return;
          c.found = of.contexts[0].word;
          of.contexts[0].word = null;
        },
        { mirrors: driver, arm: "STE.V", mechanisms: ["M46"] },
      ),
      ...forgetStream<DetachFrame>(" for word 0"),
      step(
        "clear the other words of the entry",
        (s, c, { self }) => {
          storeTable(streamOf(s, c.stream), self, null);
        },
        { mirrors: driver, arm: "STE.S2TTB", mechanisms: ["M46"] },
      ),
      ...forgetStream<DetachFrame>(" for the other words"),
      freeDescriptors<DetachFrame>(),
      label("the device is detached", []),
    ]),

    // RETURN: ok, without the reference that the attachment held
    ...domainPut<DetachFrame>(),
    leave(returns("0")),
  ],
);
