/**
 * host_share_hyp(page) and host_unshare_hyp(page): the host lends a page to the hypervisor and takes it
 * back. A page that is lent stays the host's: its devices may reach it, but none is mapped for DMA, so that
 * the count means pins there and uses for DMA elsewhere (M06).
 */
import { check, type FrameOf, isValid, procedure, refuse, step } from "../../checker/index.ts";
import { hostMmuLock, pkvmPgdLock, under } from "../locks.ts";
import { type Machine, registers } from "../machine.ts";
import { changePage, pageOf } from "../tables.ts";
import { requestOwned } from "./owned-transition.ts";

const args = { page: registers.page } as const;
type Frame = FrameOf<typeof args, Record<never, never>>;

const share = "__pkvm_host_share_hyp (v2 base)";
const unshare = "__pkvm_host_unshare_hyp (v2 base)";

export const hostShareHyp = procedure<Machine, typeof args>(
  "host_share_hyp",
  { meaning: "The host lends a page to the hypervisor.", origin: { mirrors: share }, args },
  [
    // ARGUMENTS: copied from the registers, once

    under<Frame>(hostMmuLock, [
      under<Frame>(pkvmPgdLock, [
        // CHECKS
        check("the page is memory", (_, c) => isValid(c.page), refuse("EPERM"), {
          mirrors: share,
          mechanisms: ["M20"],
        }),
        ...requestOwned<Frame>(["M06", "M07"]),

        // EFFECTS: the host's stage 2 stays as it is
        step(
          "mark the page as shared by the host",
          (s, c) => {
            changePage(s, c.page, 0, (entry) => {
              entry.hostState = "SHARED_OWNED";
            });
          },
          { mirrors: share },
        ),
        step(
          "map the borrowed page into the hypervisor",
          (s, c) => {
            changePage(s, c.page, 0, (entry) => {
              entry.hypState = "SHARED_BORROWED";
            });
          },
          { mirrors: share },
        ),
      ]),
    ]),

    // RETURN: ok, or why not
  ],
);

export const hostUnshareHyp = procedure<Machine, typeof args>(
  "host_unshare_hyp",
  {
    meaning: "The host takes back a page that it lent to the hypervisor.",
    origin: { mirrors: unshare },
    args,
  },
  [
    // ARGUMENTS: copied from the registers, once

    under<Frame>(hostMmuLock, [
      under<Frame>(pkvmPgdLock, [
        // CHECKS
        check(
          "the host shares the page",
          (s, c) => pageOf(s, c.page)?.hostState === "SHARED_OWNED",
          refuse("EPERM"),
          { mirrors: unshare },
        ),
        check(
          "the page is not pinned",
          (s, c) => (pageOf(s, c.page)?.references ?? 0) === 0,
          refuse("EBUSY"),
          {
            mirrors: unshare,
            mechanisms: ["M64"],
          },
        ),
        check(
          "the hypervisor borrows the page",
          (s, c) => pageOf(s, c.page)?.hypState === "SHARED_BORROWED",
          refuse("EPERM"),
          { mirrors: unshare },
        ),

        // EFFECTS
        step(
          "mark the page as the host's own",
          (s, c) => {
            changePage(s, c.page, 0, (entry) => {
              entry.hostState = "OWNED";
            });
          },
          { mirrors: unshare },
        ),
        step(
          "unmap the borrowed page from the hypervisor",
          (s, c) => {
            changePage(s, c.page, 0, (entry) => {
              entry.hypState = "NOPAGE";
            });
          },
          { mirrors: unshare },
        ),
      ]),
    ]),

    // RETURN: ok, or why not
  ],
);
