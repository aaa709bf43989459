/**
 * two-guests: two guests whose vCPUs the host loads and puts on two CPUs, to which it gives a page, and which it has torn
 * down.
 *
 * What exists, and why not more: a page goes to either guest, and is reclaimed in the name of either; nothing is mapped.
 * What else a guest does with its pages is tried in `guest-reclaim`, which has one guest at `tiny`: there a CPU that runs
 * a guest can load no other one, and no other guest has the page.
 */
import type { Scenario, Scope } from "../../checker/index.ts";
import { guestReclaim } from "./guest-reclaim.ts";
import { withoutCaches } from "./themes.ts";

const { tiny: base } = guestReclaim.sizes;
/** What is about pages that guests lend or give up, that are mapped, and about the command queue. */
const withoutPages: readonly string[] = [
  "a used page stays",
  "the queue wraps",
  "a guest lends a page",
  "a loan is refused",
  "a guest takes a page back",
  "nothing was lent",
  "a guest gives a page up",
  "a lent page is not given up",
  "a lent page of a dying guest is reclaimed",
  "dma-secrecy",
  "dma-integrity",
  "only-owned-pages-are-mapped",
  "uses-are-counted",
  "no-use-is-leaked",
  "told-means-written",
];
const calls: readonly string[] = [
  "vcpu_load",
  "vcpu_put",
  "host_donate_guest",
  "start_teardown_vm",
  "reclaim_dying_guest_page",
];

const tiny: Scope = {
  ...base,
  bounds: { ...base.bounds, guest: 2 },
  allows: (action, args) =>
    "cpu" in args && calls.includes(action.split(":")[0]) && typeof args.page !== "string",
  without: [...(base.without ?? []), ...withoutCaches, ...withoutPages],
};

export const twoGuests: Scenario = {
  name: "two-guests",
  sentence:
    "Two guests are loaded and put on two CPUs, given a page, and torn down: shows a CPU that runs two guests, a guest that runs twice, or a page that is taken from the wrong guest; cannot show what guests do with pages, or devices",
  sizes: { tiny },
};
