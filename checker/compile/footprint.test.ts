/**
 * Footprints over-approximate: a step changes nothing but what its footprint lets it write, and neither step
 * nor property can tell states apart that differ only in what its footprint does not let it read.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createAccessors } from "../evaluate/accessors.ts";
import { dmaCore, dmaCoreScope } from "../examples/dma-core.ts";
import { peterson, petersonScope } from "../examples/peterson.ts";
import { philosophers, philosophersScope } from "../examples/philosophers.ts";
import { twoPhaseCommit, twoPhaseCommitScope } from "../examples/two-phase-commit.ts";
import { type Instance, instantiate } from "../index.ts";
import { type Leaf, readLeaf } from "../schema/layout.ts";
import { randomModel } from "../testing/random-model.ts";
import { randomState } from "../schema/random-state.ts";
import { seeded } from "../testing/seeded.ts";
import { createCompiled } from "./compiled.ts";

/** The state, but for the leaves in `from`, which come from another one. */
function mixed(
  of: Instance<never>,
  state: Int32Array,
  other: Int32Array,
  from: (leaf: Leaf) => boolean,
): Int32Array {
  const made = Int32Array.from(state);
  for (const leaf of of.layout.leaves) {
    if (!from(leaf)) continue;
    const { word, shift, mask } = leaf;
    made[word] = (made[word] & ~(mask << shift)) | (readLeaf(leaf, other) << shift);
  }
  return made;
}

function check(of: Instance<never>, seed: number, states: number): void {
  const { footprints } = createCompiled(of);
  const below = seeded(seed);
  const work = new Int32Array(of.layout.words);
  const state = createAccessors(of.layout.root, work) as never;
  /** The state after a step; null where it is not enabled, a text where it throws. */
  const fire = (id: number, from: Int32Array): Int32Array | string | null => {
    work.set(from);
    try {
      return of.instances[id].fire(state) === null ? null : Int32Array.from(work);
    } catch {
      return "an error";
    }
  };
  for (let n = 0; n < states; n++) {
    const a = randomState(of, below);
    const other = randomState(of, below);
    for (const { id } of of.instances) {
      const { reads, writes } = footprints.actions[id];
      const b = mixed(of, a, other, (leaf) => !reads.has(leaf));
      const [afterA, afterB] = [fire(id, a), fire(id, b)];
      if (!(afterA instanceof Int32Array) || !(afterB instanceof Int32Array)) {
        expect(afterB).toEqual(afterA);
        continue;
      }
      for (const leaf of of.layout.leaves) {
        const [before, after] = [readLeaf(leaf, a), readLeaf(leaf, afterA)];
        if (before !== after) expect(writes).toContain(leaf);
        const isKept = before === after && readLeaf(leaf, b) === readLeaf(leaf, afterB);
        if (!isKept) expect(readLeaf(leaf, afterB)).toBe(after);
      }
    }
    for (const { id, property, args } of of.invariants) {
      const b = mixed(of, a, other, (leaf) => !footprints.invariants[id].reads.has(leaf));
      const results = [a, b].map((words) => {
        work.set(words);
        return property.holds(state, args, of.setting);
      });
      expect(results[1]).toBe(results[0]);
    }
  }
}

const examples: [string, Instance<never>][] = [
  ["dma-core", instantiate(dmaCore(), dmaCoreScope("3x3x2"))],
  ["two-phase commit", instantiate(twoPhaseCommit(), twoPhaseCommitScope(3))],
  ["philosophers", instantiate(philosophers(true), philosophersScope(3))],
  ["peterson", instantiate(peterson(), petersonScope)],
] as unknown as [string, Instance<never>][];

describe("footprints", () => {
  test.each(examples)("of %s", (_, of) => {
    check(of, 99, 60);
  });

  test("of random models", () => {
    fc.assert(
      fc.property(randomModel(true), fc.nat(), ({ model, scope }, seed) => {
        check(instantiate(model, scope) as unknown as Instance<never>, seed, 6);
      }),
      { numRuns: 150 },
    );
  });

  test("are small where little is touched", () => {
    const of = examples[0][1];
    const { footprints } = createCompiled(of);
    const release = of.instances.find(({ action, args }) => action.name === "M4" && args.cpu === 0);
    const { reads, writes } = footprints.actions[release?.id ?? -1];
    expect([...reads].map(({ path }) => path).sort()).toEqual(["cpus[0].pc"]);
    expect([...writes].map(({ path }) => path).sort()).toEqual(["cpus[0].pc", "hostLock"]);
  });
});
