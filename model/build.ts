/**
 * From hypercalls to a model: the same host, SMMU and devices around every design's hypercalls.
 */
import { defineModel, type Model, type Procedure, threads } from "../checker/index.ts";
import { warnIsFatal } from "./hypercalls/results.ts";
import { cpu, domain, type Machine, memory } from "./machine.ts";
import { commandQueueRules } from "./smmu/command-queue.ts";
import { smmuAssumptions, translationRules } from "./smmu/translations.ts";

/** The machine with these hypercalls, without properties. */
export function buildMachine(
  name: string,
  meaning: string,
  hypercalls: readonly Procedure<Machine>[],
): Model<Machine> {
  return defineModel<Machine>({
    name,
    meaning,
    state: memory,
    threads: [threads<Machine, "cpu">(cpu, "cpus", hypercalls)],
    rules: [...commandQueueRules, ...translationRules],
    initial: {
      "all memory is the host's, the devices are attached": (s, { bounds }) => {
        for (let d = 0; d < bounds.domain; d++) s.domains[d].references = 1;
        for (let k = 0; k < bounds.device; k++) {
          const attached = domain.at(k % bounds.domain);
          s.devices[k].domain = attached;
          s.domains[attached].references++;
        }
      },
    },
    assumptions: {
      [warnIsFatal]: "A WARN at EL2 panics: the CPU that meets it never returns, and its locks stay held.",
      ...smmuAssumptions,
    },
  });
}
