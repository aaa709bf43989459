/** Walks by several threads are the walks of simulate.ts, and what they find does not depend on how many there are. */
import { expect, test } from "vitest";
import { compileInstance, runCompiled } from "../compile/compiled.ts";
import { dmaCore, dmaCoreScope } from "../examples/dma-core.ts";
import { philosophers, philosophersScope } from "../examples/philosophers.ts";
import { twoPhaseCommit, twoPhaseCommitScope } from "../examples/two-phase-commit.ts";
import { type Instance, instantiate } from "../index.ts";
import type { SearchResult } from "../search/result.ts";
import { simulate, type SimulationOptions } from "../search/simulate.ts";
import { swarm } from "./swarm.ts";
import { createWasm } from "./create-wasm.ts";

// oxlint-disable-next-line no-explicit-any
type AnyInstance = Instance<any>;

function optionsFor(of: AnyInstance, options: Partial<SimulationOptions>): SimulationOptions {
  const counts = { instances: of.instances.length, witnesses: of.witnesses.length };
  return { stopAtViolation: true, walks: 600, depth: 60, seed: 5, ...counts, ...options };
}

function walkInWasm(of: AnyInstance, workers: number, options: Partial<SimulationOptions> = {}) {
  return swarm(createWasm(of, { workers, space: 2 ** 26 }), optionsFor(of, options));
}

function walkInJs(of: AnyInstance, options: Partial<SimulationOptions> = {}) {
  return simulate(runCompiled(of, compileInstance(of)), optionsFor(of, options));
}

function essenceOf({ ending, states, transitions, digest, violations, witnesses, taken }: SearchResult) {
  return { ending, states, transitions, digest, violations, witnesses, taken: [...taken] };
}

const examples: [string, AnyInstance][] = [
  ["dma-core", instantiate(dmaCore(), dmaCoreScope("3x3x2"))],
  ["two-phase commit", instantiate(twoPhaseCommit(), twoPhaseCommitScope(4))],
];

test.each(examples)(
  "%s: the same walks by one engine and the other, by one thread and two",
  async (_, of) => {
    const expected = essenceOf(await walkInJs(of));
    expect(expected.ending).toBe("walks-done");
    expect(essenceOf(await walkInWasm(of, 1))).toEqual(expected);
    expect(essenceOf(await walkInWasm(of, 2))).toEqual(expected);
  },
);

test("another seed walks elsewhere", async () => {
  const [, of] = examples[0];
  const found = await Promise.all([5, 6].map((seed) => walkInWasm(of, 1, { seed })));
  expect(found[0].digest).not.toBe(found[1].digest);
});

test("a violation is the one that the first such walk finds", async () => {
  const of = instantiate(philosophers(false), philosophersScope(4)) as AnyInstance;
  const expected = await walkInJs(of);
  expect(expected.ending).toBe("violated");
  for (const workers of [1, 2]) {
    // oxlint-disable-next-line no-await-in-loop
    const found = await walkInWasm(of, workers);
    expect([found.ending, found.violations]).toEqual(["violated", expected.violations]);
  }
});

test("limits", async () => {
  const [, of] = examples[0];
  const few = await walkInWasm(of, 2, { maxStates: 1000 });
  expect([few.ending, few.states]).toEqual(["max-states", 1000]);
  expect((await walkInWasm(of, 2, { maxSeconds: 0 })).ending).toBe("max-seconds");
  expect((await walkInWasm(of, 1, { isInterrupted: () => true })).ending).toBe("interrupted");
});
