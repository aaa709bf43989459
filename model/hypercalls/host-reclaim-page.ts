/**
 * reclaim_dying_guest_page(page, vm): the host gets back a page of a guest that is being torn down; and
 * host_reclaim_page(page, vm), the part of it that does so, where guests have no lives of their own.
 *
 * The page is taken from the guest, scrubbed, and only then the host's (M33). One that the guest lent to the host is
 * not scrubbed: the host could read it already. The source does not look at the page's count: a guest's page has
 * none here, for guests drive no devices yet. (The source tells by the guest's entry whether the page is lent, and
 * WARNs where the host's state disagrees; here it tells by the host's state.)
 */
import {
  check,
  type FrameOf,
  isValid,
  type Node,
  procedure,
  refuse,
  step,
  when,
} from "../../checker/index.ts";
import { guestLock, hostMmuLock, under, vmTableLock } from "../locks.ts";
import { type Machine, registers } from "../machine.ts";
import { changePage, lifeOf, pageOf } from "../tables.ts";

const args = { page: registers.page, vm: registers.vm } as const;
type Frame = FrameOf<typeof args, Record<never, never>>;

const mirrors = "__pkvm_host_reclaim_page (v2 base)";
const dying = "__pkvm_reclaim_dying_guest_page (v2 base)";

/** Does the guest map the page, of which it is the owner? */
export function isMappedBy(s: Machine, c: Frame): boolean {
  if (!isValid(c.page)) return false;
  const { owner, guestState } = s.pages[c.page];
  return owner.tag === "guest" && owner.vm === c.vm && guestState === "OWNED";
}

/** hyp_poison_page: nothing of what the page held is left. */
export function scrub(entry: Machine["pages"][number]): void {
  entry.isSecret = false;
  for (let n = 0; n < entry.contents.length; n++) entry.contents[n].word = 0;
}

const reclaim: Node<Machine, Frame> = under<Frame>(hostMmuLock, [
  under<Frame>(guestLock, [
    // CHECKS
    check("the guest maps the page", (s, c) => isMappedBy(s, c), refuse("EPERM"), { mirrors }),

    // EFFECTS
    step(
      "unmap the page from the guest",
      (s, c) => {
        changePage(s, c.page, 0, (entry) => {
          entry.guestState = "NOPAGE";
          entry.guestLends = 0;
        });
      },
      { mirrors },
    ),
    when(
      "did the guest have the page for itself?",
      (s, c) => pageOf(s, c.page)?.hostState === "NOPAGE",
      [
        step(
          "scrub the page",
          (s, c) => {
            changePage(s, c.page, 0, scrub);
          },
          { mirrors: "hyp_poison_page", sekvm: "vm_iso", mechanisms: ["M33"] },
        ),
      ],
      [],
      { mirrors },
    ),
    step(
      "annotate the host's stage 2 with the host",
      (s, c) => {
        changePage(s, c.page, 0, (entry) => {
          entry.owner = { tag: "host" };
        });
      },
      { mirrors, sekvm: "host_iso" },
    ),
    step(
      "give the page to the host's state",
      (s, c) => {
        changePage(s, c.page, 0, (entry) => {
          entry.hostState = "OWNED";
        });
      },
      { mirrors },
    ),
  ]),
]);

export const hostReclaimPage = procedure<Machine, typeof args>(
  "host_reclaim_page",
  { meaning: "The host gets back the page of a dying guest.", origin: { mirrors }, args },
  [
    // ARGUMENTS: copied from the registers, once

    reclaim,

    // RETURN: ok, or why not
  ],
);

export const reclaimDyingGuestPage = procedure<Machine, typeof args>(
  "reclaim_dying_guest_page",
  { meaning: "The host gets back the page of a guest that is torn down.", origin: { mirrors: dying }, args },
  [
    // ARGUMENTS: copied from the registers, once

    under<Frame>(vmTableLock, [
      // CHECKS
      check("the guest is dying", (s, c) => lifeOf(s, c.vm)?.isDying === true, refuse("EINVAL"), {
        mirrors: dying,
        mechanisms: ["M33"],
      }),
      reclaim,
    ]),

    // RETURN: ok, or why not
  ],
);
