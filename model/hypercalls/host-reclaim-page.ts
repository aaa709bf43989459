/**
 * host_reclaim_page(page, vm): the host gets back a page of a guest that is being torn down.
 *
 * The page is taken from the guest, scrubbed, and only then the host's (M33). The source does not look at
 * the page's count: a guest's page has none here, for guests drive no devices yet.
 */
import { check, type FrameOf, isValid, procedure, refuse, step } from "../../checker/index.ts";
import { guestLock, hostMmuLock, under } from "../locks.ts";
import { type Machine, registers } from "../machine.ts";
import { changePage } from "../tables.ts";

const args = { page: registers.page, vm: registers.vm } as const;
type Frame = FrameOf<typeof args, Record<never, never>>;

const mirrors = "__pkvm_host_reclaim_page (v2 base)";

/** Does the guest map the page as its own? */
function isMappedBy(s: Machine, c: Frame): boolean {
  if (!isValid(c.page)) return false;
  const { owner, guestState } = s.pages[c.page];
  return owner.tag === "guest" && owner.vm === c.vm && guestState === "OWNED";
}

export const hostReclaimPage = procedure<Machine, typeof args>(
  "host_reclaim_page",
  { meaning: "The host gets back the page of a dying guest.", origin: { mirrors }, args },
  [
    // ARGUMENTS: copied from the registers, once

    under<Frame>(hostMmuLock, [
      under<Frame>(guestLock, [
        // CHECKS
        check("the guest maps the page", (s, c) => isMappedBy(s, c), refuse("EPERM"), { mirrors }),

        // EFFECTS
        step(
          "unmap the page from the guest",
          (s, c) => {
            changePage(s, c.page, 0, (entry) => {
              entry.guestState = "NOPAGE";
            });
          },
          { mirrors },
        ),
        step(
          "scrub the page",
          (s, c) => {
            changePage(s, c.page, 0, (entry) => {
              entry.isSecret = false;
              for (let n = 0; n < entry.contents.length; n++) entry.contents[n].word = 0;
            });
          },
          { mirrors: "hyp_poison_page", sekvm: "vm_iso", mechanisms: ["M33"] },
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
    ]),

    // RETURN: ok, or why not
  ],
);
