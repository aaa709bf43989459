/**
 * What the designs do with commands and stores: the searches are whole, each with the length of a shortest trace.
 */
import { expect, test } from "vitest";
import { breadthFirst, instantiate } from "../checker/index.ts";
import { createCompiled } from "../checker/compile/compiled.ts";
import { violatedLengths } from "../checker/testing/violated-lengths.ts";
import { designs } from "./index.ts";

/** What the design breaks on the scenario at `tiny`, and which witnesses it does not reach. */
async function search(design: string, scenario: string) {
  const found = designs.find(({ name }) => name === design);
  const scope = found?.scenarios.find(({ name }) => name === scenario)?.sizes.tiny;
  if (found === undefined || scope === undefined) throw new Error(`no ${design} on ${scenario}`);
  const of = instantiate(found.build(), scope);
  const compiled = createCompiled(of);
  expect(compiled.fallbacks).toEqual([]);
  const options = { instances: of.instances.length, witnesses: of.witnesses.length, stopAtViolation: false };
  const result = await breadthFirst(compiled, options);
  expect(result.ending).toBe("exhausted");
  const namesOf = (reached: boolean) =>
    of.witnesses.filter(({ id }) => (result.witnesses[id] !== null) === reached).map((w) => w.property.name);
  const reached = new Set(namesOf(true));
  const unreached = namesOf(false).filter((name) => !reached.has(name));
  return { violated: Object.fromEntries(violatedLengths(of, result)), unreached };
}

/** A use is given back, and the page to a guest, while the SMMU still translates to it. */
const translated = (walk: number, unmapped: number) => ({
  "walks-and-accesses-are-justified": walk,
  "cached-translations-are-justified": walk + 1,
  "unmapped-means-unreachable": unmapped,
  "dma-secrecy": unmapped + 3,
  "dma-integrity": unmapped + 3,
});

const leak = { "no-domain-reference-is-leaked": 13 };

test.for([
  ["pv", "queue-batches", {}],
  ["pv", "queue-full-batches", {}],
  ["pv", "queue-time-outs", {}],
  ["pv", "attach-time-outs", {}],
  ["pv", "late-stores-attach", {}],
  ["pv", "late-stores", {}],
  ["pv", "late-stores-non-coherent", {}],
  // The copy of a batch leaves the queue, and the SMMU consumes what was there before.
  [
    "pv-rfc2",
    "queue-batches",
    {
      ...leak,
      ...translated(100, 104),
      "entries-change-under-pgt_lock": 37,
      "memory-safety": 77,
      "commands-are-consumed-as-written": 81,
    },
  ],
  // The second use of a batch's buffer ORs the addresses.
  ["pv-rfc2", "queue-full-batches", { ...leak, ...translated(53, 57), "entries-change-under-pgt_lock": 37 }],
  ["pv-android16", "queue-batches", { "entries-change-under-pgt_lock": 37 }],
  ["pv-android16", "queue-full-batches", { ...translated(53, 57), "entries-change-under-pgt_lock": 37 }],
  // Every second command of a batch is lost.
  ["pv-2025", "queue-batches", translated(20, 48)],
  // With a WARN that is not fatal, the uses are given back though the SYNC failed.
  [
    "pv-android15",
    "queue-time-outs",
    {
      ...translated(31, 33),
      "no-use-ends-before-its-invalidation": 30,
      "pages-change-under-host_mmu.lock": 13,
    },
  ],
  // The doorbell has no barrier: the SMMU reads the old entry after the invalidation, or zeros for a command.
  [
    "pv-2025",
    "late-stores",
    {
      ...translated(21, 39),
      "commands-are-legal": 27,
      "no-deadlock": 34,
      "commands-are-consumed-as-written": 64,
    },
  ],
  ["pv-android15", "late-stores", { "pages-change-under-host_mmu.lock": 25 }],
  // Tables of two levels.
  ["pv", "two-levels", {}],
  ["pv", "blocks", {}],
  ["pv-android15", "two-levels", { "pages-change-under-host_mmu.lock": 14 }],
  [
    "pv-2025",
    "two-levels",
    {
      "walks-and-accesses-are-justified": 24,
      "cached-translations-are-justified": 25,
      "unmapped-means-unreachable": 62,
      "dma-secrecy": 30,
      "dma-integrity": 30,
    },
  ],
  ["pv-android15", "late-stores-non-coherent", { "pages-change-under-host_mmu.lock": 26 }],
] as const)("%s on %s", async ([design, scenario, violated]) => {
  expect(await search(design, scenario)).toEqual({ violated, unreached: [] });
});
