/**
 * The engines see the same of the designs: states, digests, violations, lengths. `npm test` looks at some scenarios;
 * `npm run engines` at every example and every design on every scenario, with more states of each.
 */
import { describe, expect, test } from "vitest";
import type { Compiled } from "../checker/compile/compile.ts";
import { compileInstance, runCompiled } from "../checker/compile/compiled.ts";
import { exampleDesigns } from "../checker/examples/index.ts";
import {
  breadthFirst,
  createPacked,
  createReference,
  type Design,
  type Instance,
  instantiate,
} from "../checker/index.ts";
import { searchInWasm } from "../checker/parallel/search.ts";
import { createWasm } from "../checker/parallel/create-wasm.ts";
import type { SearchOptions, SearchResult } from "../checker/search/result.ts";
import { seeded } from "../checker/testing/seeded.ts";
import { walkTogether } from "../checker/testing/walk-together.ts";
import { designs } from "./index.ts";

/** So many states are compared, whole layers of them; where it is said, of everything. */
const { ENGINE_STATES: asked } = process.env;
const mostStates = Number(asked ?? 8_000);
/** So many on the reference evaluator, which is slow. */
const mostOnReference = asked === undefined ? 100 : 500;
/** Random walks at `paper`, and their steps. */
const [walks, steps] = asked === undefined ? [1, 20] : [4, 80];

const some: readonly (readonly [design: string, scenario: string])[] = [
  ["pv", "map-unmap-donate"],
  ["pv", "late-stores"],
  ["pv-rfc2", "attach-detach-free"],
  ["pv-2025", "map-unmap-donate"],
];

interface Case {
  readonly title: string;
  readonly design: Design;
  readonly scenario: Design["scenarios"][number];
}

/** What is compared: all there is, or some. */
function casesOf(of: readonly Design[], isWanted: (design: string, scenario: string) => boolean): Case[] {
  return of.flatMap((design) =>
    design.scenarios
      .filter(({ name }) => asked !== undefined || isWanted(design.name, name))
      .map((scenario) => ({ title: `${design.name} on ${scenario.name}`, design, scenario })),
  );
}

function isAmong(list: typeof some, design: string, scenario: string): boolean {
  return list.some(([a, b]) => a === design && b === scenario);
}

function essenceOf({ ending, states, transitions, depth, digest, violations, witnesses }: SearchResult) {
  const found = violations.map(({ kind, property, path }) => `${kind} ${property}: ${path.instances.length}`);
  return { ending, states, transitions, depth, digest, witnesses, found: found.toSorted() };
}

type AnyInstance = Instance<unknown>;

/** Everything that searches, by name. */
function searchersOf(of: AnyInstance, compiled: Compiled) {
  const options: SearchOptions = {
    instances: of.instances.length,
    witnesses: of.witnesses.length,
    stopAtViolation: false,
  };
  const wasm = (workers: number, within: Partial<SearchOptions>): Promise<SearchResult> =>
    searchInWasm(createWasm(of, { workers, space: 2 ** 28 }, compiled), { ...options, ...within });
  return {
    js: (within: Partial<SearchOptions>) =>
      breadthFirst(runCompiled(of, compiled), { ...options, ...within }),
    packed: (within: Partial<SearchOptions>) => breadthFirst(createPacked(of), { ...options, ...within }),
    reference: (within: Partial<SearchOptions>) =>
      breadthFirst(createReference(of), { ...options, ...within }),
    "wasm, one thread": (within: Partial<SearchOptions>) => wasm(1, within),
    "wasm, two threads": (within: Partial<SearchOptions>) => wasm(2, within),
  };
}

test.each(casesOf([...designs, ...exampleDesigns], (...names) => isAmong(some, ...names)))(
  "$title",
  { timeout: 600_000 },
  async ({ design, scenario }) => {
    const of: AnyInstance = instantiate(design.build(), scenario.sizes.tiny);
    const compiled = compileInstance(of);
    expect(compiled.fallbacks).toEqual([]);
    const { reference, ...fast } = searchersOf(of, compiled);
    const isReferenceDue = asked !== undefined || scenario.name === some[0][1];
    const { depth } = await fast.js({ maxStates: mostStates });
    const whole = { maxDepth: depth };
    const expected = essenceOf(await fast.js(whole));
    for (const [name, search] of Object.entries(fast)) {
      // oxlint-disable-next-line no-await-in-loop
      expect(essenceOf(await search(whole)), name).toEqual(expected);
    }
    if (!isReferenceDue) return;
    const near = { maxDepth: (await fast.js({ maxStates: mostOnReference })).depth };
    expect(essenceOf(await reference(near))).toEqual(essenceOf(await fast.js(near)));
  },
);

describe("random walks at paper", () => {
  const atPaper = casesOf(designs, (...names) => isAmong(some.slice(0, 1), ...names)).filter(
    ({ scenario }) => "paper" in scenario.sizes,
  );

  test.each(atPaper)("$title", { timeout: 600_000 }, ({ design, scenario }) => {
    const of: AnyInstance = instantiate(design.build(), scenario.sizes.paper);
    const compiled = compileInstance(of);
    const evaluators = [
      createPacked(of),
      runCompiled(of, compiled),
      createWasm(of, { space: 2 ** 28 }, compiled),
    ];
    const random = seeded(1);
    for (let n = 0; n < walks; n++) {
      const errors = walkTogether(of, steps, random, evaluators);
      expect(errors).toBe(0);
    }
  });
});
