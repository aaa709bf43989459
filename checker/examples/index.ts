/**
 * The example models as designs, so that the command runs them like any other: models whose counts are
 * known from elsewhere, and one that is broken on purpose.
 */
import type { Design, Scenario } from "../model/design.ts";
import type { Scope } from "../model/model.ts";
import { dmaCore, dmaCoreScope } from "./dma-core.ts";
import { dmaCoreEager } from "./dma-core-eager.ts";
import { peterson, petersonScope } from "./peterson.ts";
import { philosophers, philosophersScope } from "./philosophers.ts";
import { twoPhaseCommit, twoPhaseCommitScope } from "./two-phase-commit.ts";

/** An example's bounds have one size: the name says how large it is. */
function scenario(name: string, sentence: string, scope: Scope): Scenario {
  return { name, sentence, sizes: { tiny: scope } };
}

function dmaCoreScenario(name: string, remark = ""): Scenario {
  const [pages, iovas, cpus] = name.split("x");
  return scenario(name, `${pages} pages, ${iovas} iovas, ${cpus} CPUs.${remark}`, dmaCoreScope(name));
}

const dmaCoreScenarios = ["2x2x2", "3x2x2", "2x2x3", "3x3x2", "4x3x2"].map((name) => dmaCoreScenario(name));

/** What no search ends on without reductions. */
const largeScenarios = [
  dmaCoreScenario("3x3x5", " Above 10^9 states: for --reduce all."),
  dmaCoreScenario("4x3x7", " Above 10^13 states: for --reduce all."),
];

const tables = [2, 3, 4, 5].map((count) =>
  scenario(`${count}seats`, `${count} philosophers.`, philosophersScope(count)),
);

export const exampleDesigns: readonly Design[] = [
  {
    name: "dma-core",
    meaning: "One page table, one TLB, two locks: the benchmark of the engine.",
    claimsToHold: true,
    defaultScenario: "3x2x2",
    scenarios: [...dmaCoreScenarios, ...largeScenarios],
    build: dmaCore,
  },
  {
    name: "dma-core-eager-tlb",
    meaning: "dma-core, whose TLB is taken to hold all that it may.",
    claimsToHold: true,
    defaultScenario: "3x2x2",
    scenarios: dmaCoreScenarios,
    build: () => dmaCoreEager(),
  },
  {
    name: "two-phase-commit",
    meaning: "Two-phase commit, whose counts are in the literature.",
    claimsToHold: true,
    defaultScenario: "3rm",
    scenarios: [3, 4, 5].map((n) => scenario(`${n}rm`, `${n} resource managers.`, twoPhaseCommitScope(n))),
    build: twoPhaseCommit,
  },
  {
    name: "philosophers",
    meaning: "Dining philosophers, who deadlock.",
    claimsToHold: false,
    defaultScenario: "3seats",
    scenarios: tables,
    build: () => philosophers(false),
  },
  {
    name: "philosophers-one-left-handed",
    meaning: "Dining philosophers, one of whom takes the forks in the other order.",
    claimsToHold: true,
    defaultScenario: "3seats",
    scenarios: tables,
    build: () => philosophers(true),
  },
  {
    name: "peterson",
    meaning: "Mutual exclusion by plain reads and writes.",
    claimsToHold: true,
    defaultScenario: "2sides",
    scenarios: [scenario("2sides", "Two processes.", petersonScope)],
    build: () => peterson(true),
  },
  {
    name: "peterson-without-turn",
    meaning: "Peterson's algorithm without the write of `turn`, which breaks it.",
    claimsToHold: false,
    defaultScenario: "2sides",
    scenarios: [scenario("2sides", "Two processes.", petersonScope)],
    build: () => peterson(false),
  },
];
