/** The commands. Each is loaded when it is called: most of what starting takes is reading modules. */
import type { Command } from "@stricli/core";
import type { Context } from "./context.ts";

interface LazyCommand {
  readonly load: () => Promise<Command<Context>>;
  /** Which designs it needs: the one that `--design` names, or any of them. */
  readonly looksAt: "a design" | "all";
}

/** In the order of the help. */
export const commands: Readonly<Record<string, LazyCommand>> = {
  start: {
    load: async () => (await import("./commands/start.ts")).startCommand,
    looksAt: "all",
  },
  list: {
    load: async () => (await import("./commands/list.ts")).listCommand,
    looksAt: "all",
  },
  check: {
    load: async () => (await import("./commands/check.ts")).checkCommand,
    looksAt: "a design",
  },
  resume: {
    load: async () => (await import("./commands/resume.ts")).resumeCommand,
    looksAt: "all",
  },
  simulate: {
    load: async () => (await import("./commands/simulate.ts")).simulateCommand,
    looksAt: "a design",
  },
  replay: {
    load: async () => (await import("./commands/replay.ts")).replayCommand,
    looksAt: "all",
  },
  why: {
    load: async () => (await import("./commands/why.ts")).whyCommand,
    looksAt: "all",
  },
  "why-not": {
    load: async () => (await import("./commands/why-not.ts")).whyNotCommand,
    looksAt: "all",
  },
  minimise: {
    load: async () => (await import("./commands/minimise.ts")).minimiseCommand,
    looksAt: "all",
  },
  examples: {
    load: async () => (await import("./commands/examples.ts")).examplesCommand,
    looksAt: "a design",
  },
  explore: {
    load: async () => (await import("./commands/explore.ts")).exploreCommand,
    looksAt: "all",
  },
  export: {
    load: async () => (await import("./commands/export.ts")).exportCommand,
    looksAt: "all",
  },
  matrix: {
    load: async () => (await import("./commands/matrix.ts")).matrixCommand,
    looksAt: "all",
  },
  teeth: {
    load: async () => (await import("./commands/teeth.ts")).teethCommand,
    looksAt: "all",
  },
  mutate: {
    load: async () => (await import("./commands/mutate.ts")).mutateCommand,
    looksAt: "all",
  },
  coverage: {
    load: async () => (await import("./commands/coverage.ts")).coverageCommand,
    looksAt: "all",
  },
  atomicity: {
    load: async () => (await import("./commands/atomicity.ts")).atomicityCommand,
    looksAt: "a design",
  },
  noninterference: {
    load: async () => (await import("./commands/noninterference.ts")).noninterferenceCommand,
    looksAt: "a design",
  },
  ledger: {
    load: async () => (await import("./commands/ledger.ts")).ledgerCommand,
    looksAt: "all",
  },
  bench: {
    load: async () => (await import("./commands/bench.ts")).benchCommand,
    looksAt: "all",
  },
};
