/**
 * pv-rfc2, the lifetime of domains and the attachment of devices: the posting of December 2024, literally, as
 * edits of pv. What pv corrects, and how it reads in the posting:
 * - domain_get counts up before it looks: the BUG on a domain without references leaves one behind.
 * - attach_dev builds the page table before it looks at the stream table entry. A refusal leaves a domain that
 *   has a page table and is bound to no SMMU.
 * - detach_dev does not look at the entry at all: neither whether it is valid nor whose it is. It puts a
 *   reference of the domain named in the call. At its end it frees the table of context descriptors, which
 *   only stage 1 has: for stage 2 the local is not initialised.
 * - free_domain that is refused is a WARN; it takes the SMMU's lock through the domain, and what is still
 *   mapped keeps its uses for ever.
 * - What is allocated to a domain is reached through its slot: where there is nothing, EL2 faults.
 *
 * Left out: the bound of stream ids, off by one in the posting (here an id is in the table or refused).
 */
import {
  check,
  dropCheck,
  dropLocals,
  dropStep,
  type Edit,
  edit,
  type Exit,
  insertAfter,
  insertBefore,
  isValid,
  jump,
  label,
  leave,
  mirrors,
  panic,
  replaceCheck,
  returns,
  step,
  when,
} from "../../checker/index.ts";
import { type AttachFrame, attachDev } from "../hypercalls/attach-dev.ts";
import { type DetachFrame, detachDev } from "../hypercalls/detach-dev.ts";
import { type FreeFrame, freeDomain } from "../hypercalls/free-domain.ts";
import { iovaToPhys } from "../hypercalls/iova-to-phys.ts";
import { warnUnless } from "../hypercalls/results.ts";
import type { DomainIndex, Machine } from "../machine.ts";
import { domainOf, lifetimeOf, streamOf } from "../tables.ts";

interface DomainFrame {
  domain: DomainIndex | "out of range" | "unallocated";
}

const get = "domain_get (v2)";

/** domain_get, as posted: the count goes up first. */
export const countUpFirst: Edit<Machine> = (call) =>
  edit<Machine>(
    call,
    replaceCheck<Machine, DomainFrame>("the domain is allocated", { holds: (_, c) => isValid(c.domain) }),
    insertBefore<Machine, DomainFrame>(
      "take a reference to the domain",
      when(
        "count the reference",
        (s, c) => s.domains[domainOf(c.domain)].references === 0,
        [
          step(
            "take a reference where there was none",
            (s, c) => {
              s.domains[domainOf(c.domain)].references++;
            },
            { mirrors: get, mechanisms: ["M34"] },
          ),
          leave(panic("BUG on a domain without references")),
        ],
        [],
        { mirrors: get },
      ),
    ),
  );

/** The driver reaches its object through the slot: null where nothing is allocated. */
function faultWithoutObject<C extends DomainFrame>(function_: string) {
  return check<Machine, C>(
    "the domain has an object",
    (s, c) => lifetimeOf(s, c.domain)?.hasObject !== false,
    panic("fault at a null pointer: the domain's object"),
    { mirrors: function_ },
  );
}

/** The lock of the SMMU is reached through the domain: null where it was never bound. */
export function faultWithoutSmmu<C extends DomainFrame>(function_: string) {
  return check<Machine, C>(
    "the domain is bound to an SMMU",
    (s, c) => lifetimeOf(s, c.domain)?.smmu !== null,
    panic("fault at a null pointer: the domain's SMMU"),
    { mirrors: function_ },
  );
}

/** What the call does where the SMMU does not answer in time, to these commands and to the SYNC behind them. */
function onLate<C>(
  commands: readonly string[],
  purpose: string,
  otherwise: Exit<Machine, C>,
): Edit<Machine>[] {
  return [
    ...commands.map((name) => replaceCheck<Machine, C>(`there is room for ${name}${purpose}`, { otherwise })),
    replaceCheck<Machine, C>(`the SYNC is complete${purpose}`, { otherwise }),
  ];
}

export const attachDevV2 = edit<Machine>(
  attachDev,
  countUpFirst,
  dropStep("look at the stream table entry"),
  dropCheck("the entry is not in use"),
  insertBefore<Machine, AttachFrame>("build the page table", faultWithoutObject("smmu_attach_dev (v2)")),
  insertAfter<Machine, AttachFrame>(
    "build the page table",
    step(
      "look at the stream table entry",
      (s, c) => {
        c.isAllowed = streamOf(s, c.stream).word === null;
      },
      { mirrors: "smmu_attach_dev (v2)", mechanisms: ["M43"] },
    ),
    check("the entry is not in use", (_, c) => c.isAllowed, jump("put the domain"), {
      mirrors: "smmu_attach_dev (v2)",
      mechanisms: ["M43"],
    }),
  ),
  ...onLate<AttachFrame>(["CFGI", "SYNC"], " for the other words", jump("put the domain")),
  // The activation that fails leaves V set, and the reference is put all the same.
  ...onLate<AttachFrame>(["CFGI", "SYNC"], " for word 0", jump("the activation failed")),
  insertAfter<Machine, AttachFrame>(
    "the SYNC is complete for word 0",
    leave(jump("the activation is over")),
    label("the activation failed", [
      warnUnless("the activation is complete", () => false, "smmu_attach_dev (v2)"),
      leave(jump("put the domain")),
    ]),
    label("the activation is over", []),
  ),
  mirrors("kvm_iommu_attach_dev (v2)"),
);

export const detachDevV2 = edit<Machine>(
  detachDev,
  dropStep("look at the stream table entry"),
  dropCheck("the entry is valid and the domain's"),
  insertBefore<Machine, DetachFrame>(
    "look at the domain's type",
    faultWithoutObject("smmu_detach_dev (v2 36/58)"),
  ),
  insertAfter<Machine, DetachFrame>(
    "wait until the queue is empty for the other words",
    step(
      "free the context descriptors that the local names",
      (s) => {
        s.wildAccess = "an uninitialised pointer";
      },
      { mirrors: "smmu_detach_dev, smmu_free_cd (v2 36/58)" },
    ),
    leave(jump("the entry is cleared")),
    label("the entry may not be forgotten", [
      step(
        "free the context descriptors that the local names, all the same",
        (s) => {
          s.wildAccess = "an uninitialised pointer";
        },
        { mirrors: "smmu_detach_dev, smmu_free_cd (v2 36/58)" },
      ),
      leave(returns("an error")),
    ]),
    label("the entry is cleared", []),
  ),
  // An error of the first SYNC leaves a dead entry and the reference; one of the second the reference.
  ...onLate<DetachFrame>(["CFGI", "SYNC"], " for word 0", returns("an error")),
  ...onLate<DetachFrame>(["CFGI", "SYNC"], " for the other words", jump("the entry may not be forgotten")),
  mirrors("kvm_iommu_detach_dev (v2 36/58)"),
);

export const freeDomainV2 = edit<Machine>(
  freeDomain,
  insertBefore<Machine, FreeFrame>(
    "it was the last reference",
    warnUnless("it was the last reference", (_, c) => c.isAllowed, "kvm_iommu_free_domain (v2)"),
  ),
  insertBefore<Machine, FreeFrame>("free the page table", faultWithoutObject("smmu_free_domain (v2)")),
  insertBefore<Machine, FreeFrame>("iommu.lock", faultWithoutSmmu("smmu_tlb_flush_all (v2)")),
  dropStep("record the pages still mapped"),
  dropStep("give back the recorded uses"),
  dropLocals("gathered", "recorded0", "recorded1"),
  // The error ends at a WARN, and the tables go back to the pool.
  replaceCheck<Machine, FreeFrame>("there is room for TLBI of the id", {
    otherwise: jump("the id may not be clean"),
  }),
  ...onLate<FreeFrame>(["SYNC"], "", jump("the id may not be clean")),
  insertAfter<Machine, FreeFrame>(
    "the SYNC is complete",
    leave(jump("the id is clean")),
    label("the id may not be clean", [
      warnUnless("the invalidation is complete", () => false, "smmu_inv_domain (v2)"),
    ]),
    label("the id is clean", []),
  ),
  mirrors("kvm_iommu_free_domain (v2)"),
);

export const iovaToPhysV2 = edit<Machine>(
  iovaToPhys,
  countUpFirst,
  insertBefore<Machine, DomainFrame>(
    "read the page table's address",
    faultWithoutObject("smmu_iova_to_phys (v2)"),
  ),
);
