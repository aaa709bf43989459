/**
 * Refusals: a call with an argument that means nothing does nothing that lasts (M17 to M19).
 *
 * The properties of isolation do not ask for this: a call that maps with unknown bits of `prot`, or the pages of a
 * range up to where it leaves the address space, breaks no wall by itself. It rests on a later check then, or on
 * what the page table's code happens to do. Asked for where a scenario has the bound `malformed`.
 */
import {
  idleLabel,
  isValid,
  sort,
  type StepProperty,
  stepProperty,
  type TakenStep,
  type Witness,
  witness,
} from "../checker/index.ts";
import type { Cpu, Seen } from "../model/machine.ts";
import { isSameOwner } from "../spec/ownership.ts";

/** One where a scenario asks for it, and none where it does not. */
const malformed = sort("malformed", "are malformed arguments looked for?");

/** The calls that take a range of iovas: what they are given, and how the range ends. */
function isOutside(c: Cpu, iovas: number): boolean {
  if (c.iova === undefined || c.count === undefined) return false;
  if (!isValid(c.iova) || c.count === 0) return true;
  return c.iova + c.count * (c.pgsize === undefined ? 1 : c.pgsize + 1) > iovas;
}

/** What in the call's arguments means nothing to anybody, whatever the state is; "" where all means something. */
function flawOf(call: string, c: Cpu, iovas: number): string {
  switch (call) {
    case "map_pages":
      if (c.prot === "unknown bits" || c.prot === "nothing") return "prot";
      if (c.page !== undefined && !isValid(c.page)) return "page";
      if (c.domain !== undefined && !isValid(c.domain)) return "domain";
      return isOutside(c, iovas) ? "iova and count" : "";
    case "unmap_pages":
      if (c.domain !== undefined && !isValid(c.domain)) return "domain";
      return isOutside(c, iovas) ? "iova and count" : "";
    case "attach_dev":
    case "detach_dev":
      if (c.domain !== undefined && !isValid(c.domain)) return "domain";
      return c.stream !== undefined && !isValid(c.stream) ? "stream" : "";
    case "free_domain":
    case "alloc_domain":
      return c.domain !== undefined && !isValid(c.domain) ? "domain" : "";
    case "host_donate_guest":
    case "host_donate_hyp":
    case "host_share_hyp":
    case "host_unshare_hyp":
    case "host_reclaim_page":
      return c.page !== undefined && !isValid(c.page) ? "page" : "";
    default:
      return "";
  }
}

function callOf(step: TakenStep): string {
  const [call] = step.action.split(":");
  return call;
}

/** Are owners, translations and stream table entries as they were? (Uses may be counted, and given back.) */
function isUntouched(call: string, before: Seen, after: Seen): boolean {
  // The first posting marks a page as shared while it is in use for DMA, which is a count of uses too.
  const isUse = call === "map_pages" || call === "unmap_pages";
  for (let p = 0; p < before.pages.length; p++) {
    if (!isSameOwner(before.pages[p].owner, after.pages[p].owner)) return false;
    if (!isUse && before.pages[p].hostState !== after.pages[p].hostState) return false;
  }
  for (let d = 0; d < before.domains.length; d++) {
    const then = before.domains[d].entries;
    const now = after.domains[d].entries;
    for (let i = 0; i < then.length; i++) if (then[i].pte.tag !== now[i].pte.tag) return false;
  }
  for (let n = 0; n < before.streams.length; n++) {
    if (before.streams[n].word !== after.streams[n].word) return false;
  }
  return true;
}

export const refusalSteps: readonly StepProperty<Seen>[] = [
  stepProperty(
    "malformed-calls-change-nothing",
    { malformed },
    {
      sentence:
        "A call with an argument that means nothing (unknown bits, a range that wraps or leaves the address space, no page of memory, an id or a stream that cannot be) moves, maps and configures nothing.",
      // A literal design that checks late does so without any harm to isolation.
      standsAlone: true,
      holds: (before: Seen, after: Seen, taken, _, { bounds }) => {
        const { cpu } = taken.args;
        if (typeof cpu !== "number") return true;
        const call = callOf(taken);
        return flawOf(call, before.cpus[cpu], bounds.iova) === "" || isUntouched(call, before, after);
      },
      explain: (before, _, taken, __, { bounds }) => {
        const { cpu } = taken.args;
        const flaw = typeof cpu === "number" ? flawOf(callOf(taken), before.cpus[cpu], bounds.iova) : "";
        return `${callOf(taken)} goes on with its ${flaw}, which means nothing`;
      },
    },
  ),
];

export const refusalWitnesses: readonly Witness<Seen>[] = [
  witness(
    "a malformed call is under way",
    { malformed },
    {
      sentence: "A CPU is in a call that was given unknown bits of prot.",
      holds: (s: Seen) => s.cpus.some(({ pc, prot }) => pc !== idleLabel && prot === "unknown bits"),
    },
  ),
];
