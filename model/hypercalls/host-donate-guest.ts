/**
 * host_donate_guest(page, vm): the host gives a page to a guest.
 *
 * Locks: the host's stage 2, then the guest's. What is checked touches nothing; what is committed cannot
 * fail here (the source panics on a failing commit: WARN_ON).
 */
import { check, type FrameOf, isValid, procedure, refuse, step } from "../../checker/index.ts";
import { guestLock, hostMmuLock, under } from "../locks.ts";
import { type Machine, registers } from "../machine.ts";
import { changePage } from "../tables.ts";
import { requestOwned } from "./owned-transition.ts";
import { needsLoaded } from "./vcpus.ts";

const args = { page: registers.page, vm: registers.vm } as const;
type Frame = FrameOf<typeof args, Record<never, never>>;

const mirrors = "__pkvm_host_donate_guest (v2 base)";

export const hostDonateGuest = procedure<Machine, typeof args>(
  "host_donate_guest",
  { meaning: "The host gives a page to a guest.", origin: { mirrors }, args },
  [
    // ARGUMENTS: copied from the registers, once

    needsLoaded<Frame>("handle___pkvm_host_donate_guest (v2 base)"),
    under<Frame>(hostMmuLock, [
      under<Frame>(guestLock, [
        // CHECKS
        check("the page is memory", (_, c) => isValid(c.page), refuse("EPERM"), {
          mirrors,
          mechanisms: ["M16", "M20"],
        }),
        ...requestOwned<Frame>(["M04", "M07"]),

        // EFFECTS
        step(
          "annotate the host's stage 2 with the guest",
          (s, c) => {
            changePage(s, c.page, 0, (entry) => {
              entry.owner = { tag: "guest", vm: c.vm };
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
          "map the page into the guest, which writes to it",
          (s, c) => {
            changePage(s, c.page, 0, (entry) => {
              entry.guestState = "OWNED";
              entry.isSecret = true;
            });
          },
          { mirrors, sekvm: "vm_iso" },
        ),
      ]),
    ]),

    // RETURN: ok, or why not
  ],
);
