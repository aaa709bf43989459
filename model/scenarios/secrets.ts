/**
 * secrets: one page is mapped, unmapped, given to a guest or to the hypervisor, which write to it, and taken back,
 * while a device reads what it can and tells the host.
 *
 * What exists, and why not more:
 * - One page and one iova, so that all that is mapped and read is what changes hands.
 * - CPU 0 maps and unmaps, CPU 1 gives away and takes back: these are the calls that can meet.
 * - Arguments are valid. What calls return is told as well: the host sees it.
 * - Two words, so that two runs can differ; `noninterference` searches pairs of runs.
 */
import type { Scenario, Scope } from "../../checker/index.ts";
import { onePage } from "./absent.ts";
import { type Args, isPlainCall } from "./calls.ts";
import { withoutTables, withoutCommands, withoutLifetimes } from "./themes.ts";

const calls: readonly (readonly string[])[] = [
  ["map_pages", "unmap_pages"],
  ["host_donate_guest", "host_donate_hyp", "host_reclaim_page"],
];
const without: readonly string[] = ["for a stream", "did not write", "CFGI", "STE: "];

function allows(action: string, args: Args): boolean {
  if (typeof args.cpu !== "number") return !without.some((part) => action.includes(part));
  return isPlainCall(calls, action, args);
}

const bounds = {
  ...onePage,
  references: 2,
  contents: 1,
  word: 2,
} as const;

const tiny: Scope = {
  bounds,
  allows,
  without: [
    ...withoutTables,
    ...withoutLifetimes,
    ...withoutCommands,
    "a page is shared",
    "a page is mapped twice",
    "map succeeds in part",
    "the queue is full",
  ],
};

export const secrets: Scenario = {
  name: "secrets",
  sentence:
    "A page that is mapped and unmapped goes to a guest or to the hypervisor, which write to it, and back, while a device reads what it can reach: shows by what the host could learn what they wrote; cannot show timing, or what is left in caches of the CPU",
  sizes: { tiny },
};
