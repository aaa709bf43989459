/**
 * host_donate_hyp(page): the host gives a page to the hypervisor. In this slice it never comes back:
 * the pools' reclaim, which gives pages back, comes with the pools.
 */
import { check, type FrameOf, isValid, procedure, refuse, step } from "../../checker/index.ts";
import { hostMmuLock, pkvmPgdLock, under } from "../locks.ts";
import { type Machine, registers } from "../machine.ts";
import { changePage } from "../tables.ts";
import { requestOwned } from "./owned-transition.ts";

const args = { page: registers.page } as const;
type Frame = FrameOf<typeof args, Record<never, never>>;

const mirrors = "__pkvm_host_donate_hyp (v2 base)";

export const hostDonateHyp = procedure<Machine, typeof args>(
  "host_donate_hyp",
  { meaning: "The host gives a page to the hypervisor.", origin: { mirrors }, args },
  [
    // ARGUMENTS: copied from the registers, once

    // CHECKS: what is no memory is refused before any lock (M16)
    check("the page is memory", (_, c) => isValid(c.page), refuse("EPERM"), { mirrors, mechanisms: ["M16"] }),
    under<Frame>(hostMmuLock, [
      under<Frame>(pkvmPgdLock, [
        ...requestOwned<Frame>(["M05", "M07"]),

        // EFFECTS
        step(
          "annotate the host's stage 2 with the hypervisor",
          (s, c) => {
            changePage(s, c.page, 0, (entry) => {
              entry.owner = { tag: "hypervisor" };
            });
          },
          { mirrors, sekvm: "host_iso", mechanisms: ["M07"] },
        ),
        step(
          "take the page from the host's state",
          (s, c) => {
            changePage(s, c.page, 0, (entry) => {
              entry.hostState = "NOPAGE";
            });
          },
          { mirrors },
        ),
        step(
          "map the page into the hypervisor",
          (s, c) => {
            changePage(s, c.page, 0, (entry) => {
              entry.hypState = "OWNED";
            });
          },
          { mirrors },
        ),
      ]),
    ]),

    // RETURN: ok, or why not
  ],
);
