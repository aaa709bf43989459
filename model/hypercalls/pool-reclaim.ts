/**
 * pool_reclaim(): the host gets a page of the IOMMU pool back.
 *
 * Only free pages leave the pool (M29); they were zeroed when they were freed. One page a call, and none is
 * ever given to the pool: its refill comes with the other calls about memory. (The pool's own lock covers
 * single accesses only, here as for the calls that allocate: they are atomic.)
 */
import { check, type FrameOf, leave, procedure, returns, step } from "../../checker/index.ts";
import { hostMmuLock, pkvmPgdLock, under } from "../locks.ts";
import { type Machine, stack } from "../machine.ts";
import { changePage, freePageOf } from "../tables.ts";

const args = {} as const;
const locals = { found: stack.found } as const;
export type PoolReclaimFrame = FrameOf<typeof args, typeof locals>;

const pool = "reclaim_hyp_pool (v2 base)";
const donate = "__pkvm_hyp_donate_host (v2 base)";

/** The page that the call gives to the host. */
function change(s: Machine, c: PoolReclaimFrame, how: (entry: Machine["pages"][number]) => void): void {
  if (c.found !== null) changePage(s, c.found, 0, how);
}

export const poolReclaim = procedure<Machine, typeof args, typeof locals>(
  "pool_reclaim",
  { meaning: "The host gets a page of the IOMMU pool back.", origin: { mirrors: pool }, args, locals },
  [
    // CHECKS
    step(
      "take a free page out of the pool",
      (s, c) => {
        c.found = freePageOf(s);
        if (c.found !== null) s.pool[c.found].use = "outside";
      },
      { mirrors: pool, mechanisms: ["M29", "M30"] },
    ),
    check("the pool had a free page", (_, c) => c.found !== null, returns("0"), { mirrors: pool }),

    // EFFECTS
    under(hostMmuLock, [
      under(pkvmPgdLock, [
        step(
          "unmap the page from the hypervisor",
          (s, c) => {
            change(s, c, (entry) => {
              entry.hypState = "NOPAGE";
            });
          },
          { mirrors: donate },
        ),
        step(
          "annotate the host's stage 2 with the host",
          (s, c) => {
            change(s, c, (entry) => {
              entry.owner = { tag: "host" };
            });
          },
          { mirrors: donate, sekvm: "host_iso" },
        ),
        step(
          "give the page to the host's state",
          (s, c) => {
            change(s, c, (entry) => {
              entry.hostState = "OWNED";
            });
          },
          { mirrors: donate },
        ),
      ]),
    ]),

    // RETURN: how many pages
    leave(returns("1")),
  ],
);
