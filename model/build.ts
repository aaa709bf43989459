/**
 * From hypercalls to a model: the same host, SMMU and devices around every design's hypercalls.
 */
import { defineModel, type Model, type Procedure, threads } from "../checker/index.ts";
import { warnIsFatal } from "./hypercalls/results.ts";
import { contentsRules, secrecy } from "./contents.ts";
import { hostPowers } from "./host-powers.ts";
import { cpu, domain, guest, type Machine, memory, page, smmu } from "./machine.ts";
import { commandQueueRules, queueAssumptions } from "./smmu/command-queue.ts";
import { lateStoreRules } from "./smmu/late-stores.ts";
import { streamAssumptions, streamRules } from "./smmu/stream-table.ts";
import { tableWalkRules } from "./smmu/table-walks.ts";
import { powerAssumptions, powerRules } from "./smmu/power.ts";
import { substreamRules } from "./smmu/substreams.ts";
import { smmuOfDevice } from "./smmu/smmus.ts";
import { smmuAssumptions, translationRules } from "./smmu/translations.ts";

/** The machine with these hypercalls, without properties. Where there is no pool, its pages are the host's at first. */
export function buildMachine(
  name: string,
  meaning: string,
  hypercalls: readonly Procedure<Machine>[],
  { hasPool }: { readonly hasPool: boolean } = { hasPool: true },
): Model<Machine> {
  return defineModel<Machine>({
    name,
    meaning,
    state: memory,
    threads: [threads<Machine, "cpu">(cpu, "cpus", hypercalls)],
    rules: [
      ...commandQueueRules,
      ...translationRules,
      ...tableWalkRules,
      ...substreamRules,
      ...streamRules,
      ...lateStoreRules,
      ...contentsRules,
      ...powerRules,
    ],
    initial: {
      // Memory is the host's, but for the first pages, the pool's, and the last ones, a guest's.
      "the host has been deprivileged": (s, { bounds }) => {
        for (let n = 1; n <= bounds.guestPage; n++) {
          const given = s.pages[page.at(bounds.page - n)];
          given.owner = { tag: "guest", vm: guest.at(0) };
          given.hostState = "NOPAGE";
          given.guestState = "OWNED";
        }
        const pooled = hasPool ? bounds.poolPage : 0;
        for (let p = 0; p < pooled; p++) {
          s.pages[page.at(p)].owner = { tag: "hypervisor" };
          s.pages[page.at(p)].hostState = "NOPAGE";
          s.pages[page.at(p)].hypState = "OWNED";
          s.pool[p].use = "free";
        }
        // Where devices are attached and detached, no domain is allocated yet.
        if (bounds.stream > 0) return;
        for (let d = 0; d < bounds.domain; d++) s.domains[d].references = 1;
        for (let d = 0; d < bounds.lifetime; d++) {
          s.lifetimes[d].hasObject = true;
          s.lifetimes[d].smmu = smmu.at(d % bounds.smmu);
          s.lifetimes[d].root = page.at(d);
          s.pool[d].use = "table";
        }
        for (let k = 0; k < bounds.device; k++) {
          const attached = domain.at(k % bounds.domain);
          s.devices[k].domain = attached;
          s.domains[attached].references++;
          if (bounds.lifetime > 0) s.lifetimes[attached].listed[smmuOfDevice(s, k)]++;
        }
      },
    },
    secrecy,
    assumptions: {
      [warnIsFatal]: "A WARN at EL2 panics: the CPU that meets it never returns, and its locks stay held.",
      ...smmuAssumptions,
      ...streamAssumptions,
      ...queueAssumptions,
      ...powerAssumptions,
    },
    powers: hostPowers,
  });
}
