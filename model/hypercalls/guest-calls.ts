/**
 * What a guest asks of the hypervisor, on a CPU on which its vCPU is loaded: guest_share_host(page) and
 * guest_unshare_host(page) lend a page to the host and take it back, guest_relinquish_to_host(page) gives it up.
 *
 * A page that is lent stays the guest's, and the host borrows it: it may access it, and so may its devices, but it is
 * not mapped for DMA (M15), so that the guest can take it back at any time. Guests name pages by their own addresses;
 * here a guest maps each page at one address, so the page stands for it.
 *
 * Locks: the host's stage 2, then the guest's. In the source, a commit that fails meets a WARN; here none fails.
 */
import { check, type FrameOf, isValid, type Node, procedure, refuse, step } from "../../checker/index.ts";
import { guestLock, hostMmuLock, under } from "../locks.ts";
import { type Machine, registers } from "../machine.ts";
import { changePage, pageOf } from "../tables.ts";
import { isMappedBy, scrub } from "./host-reclaim-page.ts";
import { needsLoaded } from "./vcpus.ts";

const args = { page: registers.page, vm: registers.vm } as const;
export type GuestFrame = FrameOf<typeof args, Record<never, never>>;

const share = "__pkvm_guest_share_host (v2 base)";
const unshare = "__pkvm_guest_unshare_host (v2 base)";
const relinquish = "__pkvm_guest_relinquish_to_host (v2 base)";

/** The guest maps the page, and its own stage 2 says that it is lent, or that it is not. */
function guestHas(isLent: boolean, mirrors: string): Node<Machine, GuestFrame> {
  const condition = isLent ? "the guest lends the page" : "the guest has the page for itself";
  return check(
    condition,
    (s, c) => isMappedBy(s, c) && isValid(c.page) && s.pages[c.page].guestLends === (isLent ? 1 : 0),
    refuse("EPERM"),
    { mirrors },
  );
}

function hostHas(state: "NOPAGE" | "SHARED_BORROWED", mirrors: string): Node<Machine, GuestFrame> {
  return check(
    state === "NOPAGE" ? "the host has nothing of the page" : "the host borrows the page",
    (s, c) => pageOf(s, c.page)?.hostState === state,
    refuse("EPERM"),
    { mirrors },
  );
}

/** A change of the page's entry, as one step. */
function changing(
  name: string,
  change: (entry: Machine["pages"][number]) => void,
  origin: { readonly mirrors: string; readonly sekvm?: string; readonly mechanisms?: readonly string[] },
): Node<Machine, GuestFrame> {
  return step(name, (s, c) => changePage(s, c.page, 0, change), origin);
}

/** The body under the two locks. */
function underBothLocks(
  mirrors: string,
  body: readonly Node<Machine, GuestFrame>[],
): Node<Machine, GuestFrame>[] {
  return [
    needsLoaded<GuestFrame>(mirrors),
    under<GuestFrame>(hostMmuLock, [under<GuestFrame>(guestLock, body)]),
  ];
}

export const guestShareHost = procedure<Machine, typeof args>(
  "guest_share_host",
  { meaning: "A guest lends a page to the host.", origin: { mirrors: share }, args },
  underBothLocks(share, [
    // CHECKS
    guestHas(false, share),
    hostHas("NOPAGE", share),

    // EFFECTS: what the page holds is the host's to read from here on
    changing(
      "mark the page as lent in the guest's stage 2",
      (entry) => {
        entry.guestLends = 1;
      },
      { mirrors: share },
    ),
    changing(
      "let the host borrow the page",
      (entry) => {
        entry.hostState = "SHARED_BORROWED";
        entry.isSecret = false;
      },
      { mirrors: share, sekvm: "vm_iso" },
    ),

    // RETURN: ok, or why not
  ]),
);

export const guestUnshareHost = procedure<Machine, typeof args>(
  "guest_unshare_host",
  { meaning: "A guest takes back a page that it lent to the host.", origin: { mirrors: unshare }, args },
  underBothLocks(unshare, [
    // CHECKS
    guestHas(true, unshare),
    hostHas("SHARED_BORROWED", unshare),

    // EFFECTS: the guest writes to the page again, once it is its own
    changing(
      "mark the page as the guest's own",
      (entry) => {
        entry.guestLends = 0;
      },
      { mirrors: unshare },
    ),
    changing(
      "take the page from the host, which borrowed it",
      (entry) => {
        entry.hostState = "NOPAGE";
        entry.isSecret = true;
      },
      { mirrors: unshare, sekvm: "vm_iso", mechanisms: ["M15"] },
    ),

    // RETURN: ok, or why not
  ]),
);

/** The guest's stage 2 leads to the page no more. */
export const unmapFromGuest: Node<Machine, GuestFrame> = changing(
  "unmap the page from the guest",
  (entry) => {
    entry.guestState = "NOPAGE";
  },
  { mirrors: relinquish },
);

export const guestRelinquish = procedure<Machine, typeof args>(
  "guest_relinquish_to_host",
  { meaning: "A guest gives a page up to the host.", origin: { mirrors: relinquish }, args },
  underBothLocks(relinquish, [
    // CHECKS
    guestHas(false, relinquish),

    // EFFECTS
    changing("scrub the page", scrub, { mirrors: "hyp_poison_page", sekvm: "vm_iso", mechanisms: ["M33"] }),
    changing(
      "annotate the host's stage 2 with the host",
      (entry) => {
        entry.owner = { tag: "host" };
      },
      { mirrors: relinquish, sekvm: "host_iso" },
    ),
    changing(
      "give the page to the host's state",
      (entry) => {
        entry.hostState = "OWNED";
      },
      { mirrors: relinquish },
    ),
    unmapFromGuest,

    // RETURN: ok, or why not
  ]),
);
