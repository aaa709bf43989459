/**
 * two-guests: two guests whose vCPUs the host loads and puts on two CPUs, and which it has torn down.
 *
 * What exists, and why not more: guests have no pages here, and nothing is mapped. What a guest does with its pages is
 * tried in `guest-reclaim`, which has one guest at `tiny`: there a CPU that runs a guest can load no other one.
 */
import type { Scenario, Scope } from "../../checker/index.ts";
import { guestReclaim } from "./guest-reclaim.ts";
import { withoutCaches } from "./themes.ts";

const { tiny: base } = guestReclaim.sizes;
/** What is about pages that guests have, that are mapped, and about the command queue. */
const withoutPages: readonly string[] = [
  "a guest owns a page",
  "a used page stays",
  "the queue wraps",
  "a guest lends a page",
  "a loan is refused",
  "a guest takes a page back",
  "nothing was lent",
  "a guest gives a page up",
  "a lent page is not given up",
  "a page of a dying guest is the host's",
  "a lent page of a dying guest is reclaimed",
  "a guest that lives keeps its page",
  "dma-secrecy",
  "dma-integrity",
  "only-owned-pages-are-mapped",
  "guest-secrets-stay",
  "uses-are-counted",
  "no-use-is-leaked",
  "told-means-written",
  "page-states-agree",
];
const calls: readonly string[] = ["vcpu_load", "vcpu_put", "start_teardown_vm"];

const tiny: Scope = {
  ...base,
  bounds: { ...base.bounds, guest: 2 },
  allows: (action, args) => "cpu" in args && calls.includes(action.split(":")[0]),
  without: [...(base.without ?? []), ...withoutCaches, ...withoutPages],
};

export const twoGuests: Scenario = {
  name: "two-guests",
  sentence:
    "Two guests are loaded and put on two CPUs, and torn down: shows a CPU that runs two guests, or a guest that runs twice; cannot show pages of guests, or devices",
  sizes: { tiny },
};
