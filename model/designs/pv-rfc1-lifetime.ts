/**
 * pv-rfc1, the lifetime of domains and the attachment of devices, as posted. Each call runs under iommu.lock, and there
 * is no other lock of domains; references are a plain count, taken when a device is attached.
 * - alloc_domain takes the page for the page table from the host, which names it: the page is donated, and goes back
 *   to the host when the domain is freed. There is no pool.
 * - Neither detach_dev nor free_domain invalidates anything in the TLB, and what is mapped when a domain is freed stays
 *   shared and counted.
 * - detach_dev does not look at the entry: neither whether it is valid nor whose it is.
 * - A domain that is not allocated is refused by attach_dev, detach_dev and free_domain; the others look at its page
 *   table, which is none.
 *
 * Not confirmed: the driver's text of this version was at hand up to its second level of the stream table only;
 * attach_dev and detach_dev are those of its next version in the Android kernel (2023), which has the same parameters
 * but for the id. So the WARN at an activation that fails, and that the reference is not taken then, are that version's.
 * Nor was the text of pkvm_map_donated_memory: it is taken to donate the page and to zero it, and its counterpart
 * to zero it and to give it back.
 *
 * Left out: domains have an id for each SMMU. Table pages, also those of the stream table's second level, come from a list that the host fills, page by page.
 */
import {
  check,
  dropCheck,
  dropLocals,
  dropStep,
  type Edit,
  edit,
  enclosed,
  type FrameOf,
  insertAfter,
  isValid,
  jump,
  label,
  leave,
  mirrors,
  panic,
  procedure,
  replaceCheck,
  replaceStep,
  returns,
  step,
  unlocked,
} from "../../checker/index.ts";
import { type AttachFrame, attachDev } from "../hypercalls/attach-dev.ts";
import { type DetachFrame, detachDev } from "../hypercalls/detach-dev.ts";
import { giveBackTable, zeroTable } from "../hypercalls/free-domain.ts";
import { iovaToPhys, type IovaToPhysFrame, readEntry } from "../hypercalls/iova-to-phys.ts";
import { warnUnless } from "../hypercalls/results.ts";
import { hostMmuLock, iommuLock, pkvmPgdLock, under } from "../locks.ts";
import { type DomainIndex, type Machine, registers, stack } from "../machine.ts";
import { type SmmuOf, smmuOfDomain, smmuOfStream } from "../smmu/smmus.ts";
import { changePage, domainOf, hasTable, lifetimeOf, pageOf } from "../tables.ts";
import { asksForNoSmmu, attachesStage2, detachesStage2, onLate } from "./lifetime.ts";
import { inVersion } from "./version.ts";

const allocArgs = { domain: registers.domain, page: registers.page } as const;
type AllocFrame = FrameOf<typeof allocArgs, Record<never, never>>;
const freeArgs = { domain: registers.domain } as const;
const freeLocals = { found: stack.found } as const;
type FreeFrame = FrameOf<typeof freeArgs, typeof freeLocals>;

const alloc = "kvm_iommu_alloc_domain (v1)";
const free = "kvm_iommu_free_domain (v1)";
const donate = "__pkvm_host_donate_hyp (v1)";
const giveBack = "__pkvm_hyp_donate_host (v1)";
const refused = returns<Machine, AllocFrame>("EINVAL");

/** The root of the page table of a domain that is not allocated is null. */
export function faultOnNull<C extends { domain: DomainIndex | string }>(function_: string) {
  return check<Machine, C>(
    "the root of the page table is not null",
    (s, c) => isValid(c.domain) && hasTable(s, c.domain),
    panic("fault on the page table of a domain that is not allocated"),
    { mirrors: function_ },
  );
}

/** A whole call under iommu.lock: that of the SMMU that it names. */
export function underIommuLock<C>(first: string, last: string, of: SmmuOf<C>): Edit<Machine> {
  return enclosed<Machine, C>(first, last, (inside) => under(iommuLock(of), inside));
}

export const allocDomainV1 = procedure<Machine, typeof allocArgs>(
  "alloc_domain",
  { meaning: "The host allocates a domain.", origin: { mirrors: alloc }, args: allocArgs },
  [
    under(iommuLock(smmuOfDomain), [
      // CHECKS
      check("the domain's id is in range", (_, c) => isValid(c.domain), refused, {
        mirrors: "handle_to_domain (v1)",
        mechanisms: ["M41"],
      }),
      check("the id is not in use", (s, c) => s.domains[domainOf(c.domain)].references === 0, refused, {
        mirrors: alloc,
      }),
      check("the page is aligned", (_, c) => c.page !== "unaligned", refused, {
        mirrors: "kvm_arm_io_pgtable_alloc (v1)",
        mechanisms: ["M44"],
      }),
      check("the page is memory", (_, c) => isValid(c.page), returns("ENOMEM"), { mirrors: donate }),

      // EFFECTS: the page is the hypervisor's from here on
      under(hostMmuLock, [
        under(pkvmPgdLock, [
          check(
            "the host owns the page",
            (s, c) => pageOf(s, c.page)?.hostState === "OWNED",
            returns("ENOMEM"),
            { mirrors: "host_request_owned_transition (v1)", mechanisms: ["M05", "M23"] },
          ),
          step(
            "annotate the host's stage 2 with the hypervisor",
            (s, c) => {
              changePage(s, c.page, 0, (entry) => {
                entry.owner = { tag: "hypervisor" };
              });
            },
            { mirrors: donate, sekvm: "host_iso" },
          ),
          step(
            "take the page from the host's state",
            (s, c) => {
              changePage(s, c.page, 0, (entry) => {
                entry.hostState = "NOPAGE";
              });
            },
            { mirrors: donate },
          ),
          step(
            "map the page into the hypervisor",
            (s, c) => {
              changePage(s, c.page, 0, (entry) => {
                entry.hypState = "OWNED";
              });
            },
            { mirrors: donate },
          ),
        ]),
      ]),
      step(
        "zero the page, and make it the page table",
        (s, c) => {
          const of = lifetimeOf(s, c.domain);
          if (of === null || !isValid(c.page)) return;
          of.root = c.page;
          if (c.page < s.pool.length) s.pool[c.page].use = "table";
        },
        { mirrors: "kvm_arm_io_pgtable_alloc (v1)", mechanisms: ["M24"] },
      ),
      step(
        "publish the domain",
        (s, c) => {
          const of = lifetimeOf(s, c.domain);
          if (of !== null) of.hasObject = true;
          s.domains[domainOf(c.domain)].references = 1;
        },
        { mirrors: alloc, mechanisms: ["M35"] },
      ),
    ]),

    // RETURN: ok, or why not
    leave(returns("0")),
  ],
);

/** attach_dev, as posted. */
export const attachDevV1 = edit<Machine>(
  attachDev,
  attachesStage2,
  dropCheck("the stream id is in range"),
  replaceCheck<Machine, AttachFrame>("the domain's id is in range", {
    otherwise: jump("the device is not attached"),
  }),
  replaceCheck<Machine, AttachFrame>("the domain is allocated", {
    otherwise: jump("the device is not attached"),
  }),
  replaceCheck<Machine, AttachFrame>("the domain's references do not overflow", {
    otherwise: jump("the device is not attached"),
  }),
  dropStep("take a reference to the domain"),
  // There is no pool for a second level of the stream table: it is left out.
  replaceStep<Machine, AttachFrame>(
    "is the second level of the stream table missing?",
    check("the stream id is in range", (_, c) => isValid(c.stream), jump("the device is not attached"), {
      mirrors: "smmu_get_ste_ptr (v1)",
      mechanisms: ["M43"],
    }),
  ),
  replaceCheck<Machine, AttachFrame>("the entry is not in use", {
    otherwise: jump("the device is not attached"),
  }),
  dropStep("build the page table"),
  dropStep("bind the domain to the SMMU"),
  ...asksForNoSmmu,
  unlocked("pgt_lock"),
  ...onLate<AttachFrame>(["CFGI", "SYNC"], " for the other words", jump("the device is not attached")),
  ...onLate<AttachFrame>(["CFGI", "SYNC"], " for word 0", jump("the activation failed")),
  insertAfter<Machine, AttachFrame>(
    "the SYNC is complete for word 0",
    step(
      "take a reference to the domain",
      (s, c) => {
        s.domains[domainOf(c.domain)].references++;
      },
      { mirrors: "kvm_iommu_attach_dev (v1)", mechanisms: ["M36"] },
    ),
    leave(jump("the device is attached")),
    label("the activation failed", [
      warnUnless("the activation is complete", () => false, "smmu_attach_dev (v1)"),
      leave(jump("the device is not attached")),
    ]),
    label("the device is attached", []),
  ),
  replaceStep<Machine, AttachFrame>("put the domain", label("the device is not attached", [])),
  unlocked("iommu.lock"),
  underIommuLock<AttachFrame>("the domain's id is in range", "the device is not attached", smmuOfStream),
  mirrors("kvm_iommu_attach_dev (v1)"),
  inVersion("v1", {}),
);

/** detach_dev, as posted. */
export const detachDevV1 = edit<Machine>(
  detachDev,
  ...detachesStage2,
  dropCheck("the stream id is in range"),
  dropCheck("the second level is there"),
  dropStep("look at the stream table entry"),
  dropCheck("the entry is valid and the domain's"),
  replaceStep<Machine, DetachFrame>(
    "look at the domain's type",
    check("the stream id is in range", (_, c) => isValid(c.stream), returns("ENODEV"), {
      mirrors: "smmu_get_ste_ptr (v1)",
      mechanisms: ["M43"],
    }),
  ),
  ...onLate<DetachFrame>(["CFGI", "SYNC"], " for word 0", returns("an error")),
  ...onLate<DetachFrame>(["CFGI", "SYNC"], " for the other words", returns("an error")),
  dropCheck("another reference to the domain remains"),
  unlocked("iommu.lock"),
  underIommuLock<DetachFrame>("the domain's id is in range", "put the reference to the domain", smmuOfStream),
  mirrors("kvm_iommu_detach_dev (v1)"),
  inVersion("v1", { domain_put: "kvm_iommu_detach_dev" }),
);

/** free_domain, as posted: the page goes back to the host. */
export const freeDomainV1 = procedure<Machine, typeof freeArgs, typeof freeLocals>(
  "free_domain",
  { meaning: "The host gives a domain back.", origin: { mirrors: free }, args: freeArgs, locals: freeLocals },
  [
    under(iommuLock(smmuOfDomain), [
      // CHECKS
      check("the domain's id is in range", (_, c) => isValid(c.domain), returns("EINVAL"), {
        mirrors: "handle_to_domain (v1)",
        mechanisms: ["M41"],
      }),
      check(
        "only the allocation refers to the domain",
        (s, c) => s.domains[domainOf(c.domain)].references === 1,
        returns("EINVAL"),
        { mirrors: free, mechanisms: ["M34"] },
      ),

      // EFFECTS: the page goes back; nothing is invalidated
      zeroTable<FreeFrame>("pkvm_unmap_donated_memory (v1)"),
      step(
        "take the page from the domain",
        (s, c, { self }) => {
          c.found = lifetimeOf(s, c.domain)?.root ?? null;
          giveBackTable(s, self, c);
          if (c.found !== null && c.found < s.pool.length) s.pool[c.found].use = "outside";
        },
        { mirrors: "kvm_arm_io_pgtable_free (v1)" },
      ),
      under(hostMmuLock, [
        under(pkvmPgdLock, [
          step(
            "unmap the page from the hypervisor",
            (s, c) => {
              changeFound(s, c, (entry) => {
                entry.hypState = "NOPAGE";
              });
            },
            { mirrors: giveBack },
          ),
          step(
            "annotate the host's stage 2 with the host",
            (s, c) => {
              changeFound(s, c, (entry) => {
                entry.owner = { tag: "host" };
              });
            },
            { mirrors: giveBack, sekvm: "host_iso" },
          ),
          step(
            "give the page to the host's state",
            (s, c) => {
              changeFound(s, c, (entry) => {
                entry.hostState = "OWNED";
              });
            },
            { mirrors: giveBack },
          ),
        ]),
      ]),
      step(
        "clear the domain",
        (s, c) => {
          const of = lifetimeOf(s, c.domain);
          if (of === null) return;
          of.hasObject = false;
          s.domains[domainOf(c.domain)].references = 0;
          c.found = null;
        },
        { mirrors: free },
      ),
    ]),

    // RETURN: ok, or why not
    leave(returns("0")),
  ],
);

/** Changes the page that the page table was in. */
function changeFound(s: Machine, c: FreeFrame, how: (entry: Machine["pages"][number]) => void): void {
  if (c.found !== null) changePage(s, c.found, 0, how);
}

/** iova_to_phys, as posted: it takes no reference, and walks whatever there is. */
export const iovaToPhysV1 = edit<Machine>(
  iovaToPhys,
  dropCheck("the domain is allocated"),
  dropCheck("the domain's references do not overflow"),
  dropStep("take a reference to the domain"),
  replaceStep<Machine, IovaToPhysFrame>(
    "read the page table's address",
    faultOnNull("arm_lpae_iova_to_phys (v1)"),
  ),
  replaceStep<Machine, IovaToPhysFrame>("walk the page table", readEntry),
  dropCheck("another reference to the domain remains"),
  dropStep("put the reference to the domain"),
  dropLocals("isAllowed"),
  underIommuLock<IovaToPhysFrame>("the domain's id is in range", "read the entry", smmuOfDomain),
  mirrors("kvm_iommu_iova_to_phys (v1)"),
  inVersion("v1", {}),
);
