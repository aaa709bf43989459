/**
 * arguments: every hypercall with every argument that a malicious host would try, one call at a time.
 *
 * What exists, and why not more:
 * - One CPU: what a check refuses, it refuses by what the call was given; races are other scenarios'.
 * - All arguments of all calls, valid and invalid, in every combination: also several invalid ones at once, which
 *   shows that no check relies on another that comes after it.
 * - Two iovas and calls over two pages, so that ranges end inside, at and beyond the end of the address space.
 * - `tiny` has one id, one stream, and one page beside that of the pool; `paper` two of each: calls then name a
 *   domain, a stream or a page that is another's.
 * - The SMMU consumes commands and does nothing else: what it reads and keeps, other scenarios try.
 */
import type { Scenario, Scope } from "../../checker/index.ts";
import { absent } from "./absent.ts";
import type { Args } from "./calls.ts";
import { withoutCommands, withoutOtherSmmus, withoutTables, withoutRaces } from "./themes.ts";

/** Calls about power, and about guests that run: there are none here. */
const elsewhere: readonly string[] = [
  "hvc_pd",
  "vcpu_load",
  "vcpu_put",
  "guest_share_host",
  "guest_unshare_host",
  "guest_relinquish_to_host",
  "start_teardown_vm",
  "reclaim_dying_guest_page",
];

function allows(action: string, args: Args): boolean {
  if (elsewhere.includes(action.split(":")[0])) return false;
  return "cpu" in args || action.startsWith("consume ");
}

const bounds = {
  ...absent,
  cpu: 1,
  smmu: 1,
  page: 2,
  poolPage: 1,
  domain: 1,
  lifetime: 1,
  device: 1,
  stream: 1,
  iova: 2,
  guest: 1,
  slot: 2,
  position: 4,
  transaction: 1,
  count: 2,
  references: 4,
  domainReferences: 4,
  malformed: 1,
} as const;

const tiny: Scope = {
  bounds,
  allows,
  without: [...withoutTables, ...withoutOtherSmmus, ...withoutRaces, ...withoutCommands],
};
const paper: Scope = {
  bounds: { ...bounds, page: 3, domain: 2, lifetime: 2, device: 2, stream: 2 },
  allows,
  without: [...withoutTables, ...withoutOtherSmmus, ...withoutRaces, ...withoutCommands],
};

export const everyArgument: Scenario = {
  name: "arguments",
  sentence:
    "One CPU makes every call with every argument, valid or not, in every combination: shows what checks let through; cannot show races, nor what the SMMU does with what it reads",
  sizes: { tiny, paper },
};
