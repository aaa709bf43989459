/**
 * How the literal designs allocate, attach, detach and free: what several versions have in common, as edits of
 * pv's calls.
 */
import {
  check,
  dropCheck,
  dropStep,
  type Edit,
  edit,
  enclosed,
  type Exit,
  insertAfter,
  insertBefore,
  isValid,
  jump,
  label,
  leave,
  type Node,
  panic,
  replaceCheck,
  replaceStep,
  returns,
  step,
  unlocked,
  when,
} from "../../checker/index.ts";
import type { AttachFrame } from "../hypercalls/attach-dev.ts";
import type { DetachFrame } from "../hypercalls/detach-dev.ts";
import type { FreeFrame } from "../hypercalls/free-domain.ts";
import { warnUnless } from "../hypercalls/results.ts";
import { mayAttach } from "../hypercalls/stage1.ts";
import { leadToSecondLevel } from "../hypercalls/second-level.ts";
import { pgtLock, under } from "../locks.ts";
import type { DomainIndex, Machine } from "../machine.ts";
import { domainOf, isSecondLevelMissing, lifetimeOf } from "../tables.ts";

export interface DomainFrame {
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
export function faultWithoutObject<C extends DomainFrame>(function_: string) {
  return check<Machine, C>(
    "the domain has an object",
    (s, c) => lifetimeOf(s, c.domain)?.hasObject !== false,
    panic("fault at a null pointer: the domain's object"),
    { mirrors: function_ },
  );
}

/** What the call does where the SMMU does not answer in time, to these commands and to the SYNC behind them. */
export function onLate<C>(
  commands: readonly string[],
  purpose: string,
  otherwise: Exit<Machine, C>,
): Edit<Machine>[] {
  return [
    ...commands.map((name) => replaceCheck<Machine, C>(`there is room for ${name}${purpose}`, { otherwise })),
    replaceCheck<Machine, C>(`the SYNC is complete${purpose}`, { otherwise }),
  ];
}

/** attach_dev looks at the stream table entry when the domain has its page table: a refusal leaves that behind. */
export function looksAfterTheTable(mirrors: string, replaces = false): readonly Edit<Machine>[] {
  return [
    dropStep("look at the stream table entry"),
    dropCheck("the entry is not in use"),
    insertAfter<Machine, AttachFrame>(
      "build the page table",
      step(
        "look at the stream table entry",
        (s, c) => {
          c.isAllowed = mayAttach(s, c, replaces);
        },
        { mirrors, mechanisms: ["M43"] },
      ),
      check("the entry is not in use", (_, c) => c.isAllowed, jump("put the domain"), {
        mirrors,
        mechanisms: ["M43"],
      }),
    ),
  ];
}

/** attach_dev does not ask which SMMU the domain is bound to: a domain may have several. */
export const asksForNoSmmu: readonly Edit<Machine>[] = [
  dropStep("look at the domain's SMMU"),
  dropCheck("the domain is bound to no other SMMU"),
];

/** attach_dev holds pgt_lock while it builds the page table, and not before or after. */
export const finalisesAlone: readonly Edit<Machine>[] = [
  unlocked("pgt_lock"),
  enclosed<Machine, AttachFrame>("take a page from the pool", "store the page table's address", (inside) =>
    under(pgtLock, inside),
  ),
];

/** attach_dev where the SMMU does not answer: an activation that fails leaves V set, and puts the reference. */
export function attachesInVain(mirrors: string): readonly Edit<Machine>[] {
  return [
    ...onLate<AttachFrame>(["CFGI", "SYNC"], " for the other words", jump("put the domain")),
    ...onLate<AttachFrame>(["CFGI", "SYNC"], " for word 0", jump("the activation failed")),
    insertAfter<Machine, AttachFrame>(
      "the SYNC is complete for word 0",
      leave(jump("the activation is over")),
      label("the activation failed", [
        warnUnless("the activation is complete", () => false, mirrors),
        leave(jump("put the domain")),
      ]),
      label("the activation is over", []),
    ),
  ];
}

/** free_domain that is refused meets a WARN. */
export function warnsOfRefusal(mirrors: string): Edit<Machine> {
  return insertBefore<Machine, FreeFrame>(
    "it was the last reference",
    warnUnless("it was the last reference", (_, c) => c.isAllowed, mirrors),
  );
}

/** The error of the invalidation by id ends at a WARN, and the tables go back to the pool. */
export function freesInVain(mirrors: string): readonly Edit<Machine>[] {
  return [
    ...onLate<FreeFrame>(["TLBI of the id", "SYNC"], "", jump("the id may not be clean")),
    insertAfter<Machine, FreeFrame>(
      "the SYNC is complete",
      leave(jump("the id is clean")),
      label("the id may not be clean", [warnUnless("the invalidation is complete", () => false, mirrors)]),
      label("the id is clean", []),
    ),
  ];
}

/** attach_dev asks for the stream's id in the driver, under the SMMU's lock; what comes before that, first. */
export function attachFindsStream(
  mirrors: string,
  ...before: Node<Machine, AttachFrame>[]
): readonly Edit<Machine>[] {
  return [
    dropCheck("the stream id is in range"),
    insertBefore<Machine, AttachFrame>(
      "is the second level of the stream table missing?",
      ...before,
      check("the stream id is in range", (_, c) => isValid(c.stream), jump("put the domain"), {
        mirrors,
        mechanisms: ["M43"],
      }),
    ),
  ];
}

/** detach_dev asks for the stream's id in the driver, under the SMMU's lock; what comes before that, first. */
export function detachFindsStream(
  mirrors: string,
  ...before: Node<Machine, DetachFrame>[]
): readonly Edit<Machine>[] {
  return [
    dropCheck("the stream id is in range"),
    insertBefore<Machine, DetachFrame>(
      "the second level is there",
      ...before,
      check("the stream id is in range", (_, c) => isValid(c.stream), returns("ENODEV"), {
        mirrors,
        mechanisms: ["M43"],
      }),
    ),
  ];
}

/** No alignment is asked for: the SMMU may look for the table elsewhere. */
export const secondLevelAnywhere: Edit<Machine> = dropStep("is the page aligned to the table's size?");

/** detach_dev of a stream whose second level is not there meets a WARN. */
export function warnsOfMissingLevel(mirrors: string): Edit<Machine> {
  return insertBefore<Machine, DetachFrame>(
    "the second level is there",
    warnUnless("the second level is there", (s, c) => !isSecondLevelMissing(s, c.stream), mirrors),
  );
}

/** A table of the second level is aligned without a check: it is a page, or the pool's refill sees to it. */
export const secondLevelIsAligned: readonly Edit<Machine>[] = [
  secondLevelAnywhere,
  replaceStep<Machine, AttachFrame>(
    "lead the first level to the second one",
    leadToSecondLevel<AttachFrame>(() => false),
  ),
];

/** Domains of stage 1 are left out: attach_dev has stage 2 only. */
export const attachesStage2: Edit<Machine> = dropStep("is the domain of stage 1?");

/** Domains of stage 1 are left out: detach_dev has stage 2 only. */
export const detachesStage2: readonly Edit<Machine>[] = [
  dropStep("is it a substream?"),
  dropStep("did the entry lead to descriptors?"),
];
