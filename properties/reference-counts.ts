/**
 * Counting: what keeps a page in its place while a device may know it.
 */
import {
  idleLabel,
  type Invariant,
  invariant,
  type StepProperty,
  stepProperty,
  type Witness,
  witness,
} from "../checker/index.ts";
import { cpu, domain, type DomainIndex, page, type Seen } from "../model/machine.ts";
import { countAttachments } from "./configuration.ts";
import { describeOwner, isSameOwner } from "../spec/ownership.ts";
import { countMappings, countUses, isAtRest } from "./pages.ts";

/** 1 for the allocation, if there is one, and 1 for each device attached. */
function countStanding(s: Seen, of: DomainIndex): number {
  if (s.streams.length > 0) return (s.lifetimes[of].hasObject ? 1 : 0) + countAttachments(s, of);
  let count = 1;
  for (let k = 0; k < s.devices.length; k++) if (s.devices[k].domain === of) count++;
  return count;
}

export const referenceCounts: readonly Invariant<Seen>[] = [
  invariant(
    "uses-are-counted",
    { page },
    {
      sentence:
        "A page's count is at least the number of entries that lead to it and of calls that hold a use of it.",
      sekvm: "smmu_count",
      holds: (s: Seen, { page: p }) => s.pages[p].references >= countUses(s, p),
      explain: (s, { page: p }) =>
        `page ${p} counts ${s.pages[p].references} uses, but ${countUses(s, p)} stand (${countMappings(s, p)} live entries)`,
      premise: (s, { page: p }) => countUses(s, p) > 0,
    },
  ),
  invariant(
    "no-use-is-leaked",
    { page },
    {
      sentence: "While no call is in flight, a page's count is the number of entries that lead to it.",
      sekvm: "smmu_count",
      holds: (s: Seen, { page: p }) => !isAtRest(s, idleLabel) || s.pages[p].references === countUses(s, p),
      explain: (s, { page: p }) =>
        `no call is in flight, page ${p} counts ${s.pages[p].references} uses, and ${countUses(s, p)} entries lead to it`,
      premise: (s, { page: p }) => isAtRest(s, idleLabel) && s.pages[p].references > 0,
    },
  ),
  invariant(
    "no-domain-reference-is-leaked",
    { domain },
    {
      sentence:
        "While no call is in flight, a domain that is allocated has one reference, and one more for each device attached.",
      holds: (s: Seen, { domain: d }) =>
        !isAtRest(s, idleLabel) || s.domains[d].references === countStanding(s, d),
      explain: (s, { domain: d }) =>
        `no call is in flight, and domain ${d} has ${s.domains[d].references} references, not ${countStanding(s, d)}${s.domains[d].references > countStanding(s, d) ? ": it can never be freed" : ""}`,
      premise: (s) => isAtRest(s, idleLabel),
    },
  ),
];

export const referenceSteps: readonly StepProperty<Seen>[] = [
  stepProperty(
    "no-page-moves-while-used",
    { page },
    {
      sentence: "A page does not change its owner while it is counted as used for DMA.",
      sekvm: "smmu_count",
      holds: (before: Seen, after: Seen, _, { page: p }) =>
        before.pages[p].references === 0 || isSameOwner(before.pages[p].owner, after.pages[p].owner),
      explain: (before, after, _, { page: p }) =>
        `page ${p}, with ${before.pages[p].references} uses, goes from ${describeOwner(before.pages[p].owner)} to ${describeOwner(after.pages[p].owner)}`,
    },
  ),
];

export const referenceWitnesses: readonly Witness<Seen>[] = [
  witness(
    "a page is mapped twice",
    { page },
    {
      sentence: "Two entries lead to one page.",
      holds: (s: Seen, { page: p }) => countMappings(s, p) > 1,
    },
  ),
  witness(
    "a used page stays",
    { cpu },
    {
      sentence: "A donation to a guest is refused because the page is used for DMA.",
      holds: (s: Seen, { cpu: k }) => {
        const { pc, page: of } = s.cpus[k];
        const isRefused =
          pc === "host_donate_guest: release host_mmu.lock, refusing EINVAL" ||
          pc === "host_donate_guest: release host_mmu.lock, refusing EPERM";
        return isRefused && typeof of === "number" && s.pages[of].references > 0;
      },
    },
  ),
  witness(
    "map succeeds in part",
    { cpu },
    {
      sentence: "A call mapped its first page and must give back the use of its second.",
      holds: (s: Seen, { cpu: k }) => {
        const { pc, used, mapped } = s.cpus[k];
        return pc === "map_pages: give back the uses of the tail" && mapped !== 0 && used !== mapped;
      },
    },
  ),
];
