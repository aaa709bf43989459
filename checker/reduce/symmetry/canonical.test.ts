/** The canonical form against an oracle: every renaming of the group, on plain values. */
import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { dmaCore, dmaCoreScope } from "../../examples/dma-core.ts";
import { twoPhaseCommit, twoPhaseCommitScope } from "../../examples/two-phase-commit.ts";
import {
  argument,
  array,
  bool,
  defineModel,
  type Instance,
  instantiate,
  oneOf,
  option,
  queue,
  range,
  record,
  setOf,
  sort,
  union,
} from "../../index.ts";
import { nameInstance } from "../../evaluate/reference.ts";
import { decode, encode } from "../../schema/layout.ts";
import { randomState } from "../../schema/random-state.ts";
import { seeded } from "../../testing/seeded.ts";
import { renamePlain } from "../../testing/rename-plain.ts";
import { Canonicaliser } from "./canonical.ts";
import { allRenamings, exchangeOf, randomRenaming, renameArgs, type Renaming } from "./commutes.ts";
import { exchangesIn, groupOf, declaredSorts, type Transposition, transpositionsOf } from "./group.ts";
import { structureOf } from "./structure.ts";
import { Repetitions } from "./twins.ts";
import { Random } from "../../search/random.ts";

const page = sort("page", "", { interchangeable: true });
const cpu = sort("cpu", "", { interchangeable: true });
const fixed = sort("fixed");
const frame = sort("frame", "", { alignedWith: page });
const tag = sort("tag", "", { alignedWith: frame, interchangeable: true });

/** Every container and every coding that can hold elements of a sort. */
const everything = defineModel({
  name: "everything",
  deadlock: "none",
  state: record({
    pages: array(page, record({ own: oneOf("HOST", "GUEST"), next: option(page), seen: range(0, 2) })),
    cpus: array(cpu, record({ pc: oneOf("idle", "busy"), page: argument(page, "bad"), other: fixed })),
    commands: queue(2, union({ none: {}, one: { page }, two: { page, cpu, flag: bool() } })),
    free: setOf(page),
    reaches: array(page, array(page, bool())),
    held: array(page, array(cpu, option(cpu))),
    fixeds: array(fixed, option(argument(page, "bad"))),
    lock: option(cpu),
    last: page,
    frames: array(frame, record({ dirty: bool(), by: option(cpu), copy: argument(frame, "none") })),
    covers: array(page, array(frame, bool())),
    dirtyFrames: setOf(frame),
    tagged: option(tag),
  }),
});

const sparse = defineModel({
  name: "sparse",
  deadlock: "none",
  state: record({
    next: array(page, option(page)),
    maps: array(cpu, array(page, bool())),
    last: option(cpu),
  }),
});

const instances: Record<string, Instance<never>> = {
  "dma-core": instantiate(dmaCore(), dmaCoreScope("3x3x2")) as unknown as Instance<never>,
  "two-phase commit": instantiate(twoPhaseCommit(), twoPhaseCommitScope(4)) as unknown as Instance<never>,
  everything: instantiate(everything, {
    bounds: { page: 3, cpu: 2, fixed: 2, frame: 3, tag: 3 },
  }) as unknown as Instance<never>,
  sparse: instantiate(sparse, { bounds: { page: 4, cpu: 3 } }) as unknown as Instance<never>,
};

function toolsOf(of: Instance<never>, exchanges?: readonly Transposition[]) {
  const group = groupOf(of, exchanges ?? transpositionsOf(of, declaredSorts(of.model).interchangeable));
  return { group, canonicaliser: new Canonicaliser(of.layout, group, structureOf(of, group, new Map())) };
}

/** States with many ties: most of their values are the first ones. */
function stateOf(of: Instance<never>, seed: number): Int32Array {
  const below = seeded(seed);
  const rare = below(4) + 1;
  return randomState(of, (n) =>
    below(rare + 1) === 0 ? below(n) : below(Math.min(n, 2)) * (below(rare) === 0 ? 1 : 0),
  );
}

/** States with many twins: nearly all of their values are the first ones. */
function plainStateOf(of: Instance<never>, seed: number): Int32Array {
  const below = seeded(seed);
  return randomState(of, (n) => (below(12) === 0 ? below(n) : 0));
}

function canonOf(canonicaliser: Canonicaliser, state: Int32Array): { words: string; orbit: number } {
  const words = state.slice();
  const orbit = canonicaliser.canonise(words, 0);
  return { words: words.join(), orbit };
}

describe.each(Object.entries(instances))("the canonical form of %s", (_, of) => {
  const { group, canonicaliser } = toolsOf(of);
  const renamings = allRenamings(group);

  test("is in the orbit, the same for all of it, and tells its size", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1 }), (seed) => {
        const state = stateOf(of, seed);
        const plain = decode(of.layout, state);
        const orbit = new Set<string>();
        for (const { elements } of renamings)
          orbit.add(encode(of.layout, renamePlain(of.shape, plain, elements)).join());
        const canon = canonOf(canonicaliser, state);
        expect(orbit).toContain(canon.words);
        expect(canon.orbit).toBe(orbit.size);
        for (const words of orbit)
          expect(canonOf(canonicaliser, Int32Array.from(words.split(","), Number))).toEqual(canon);
      }),
      { numRuns: 40 },
    );
  });

  test("renames as the plain values are renamed", () => {
    const random = new Random(7);
    for (let seed = 1; seed <= 60; seed++) {
      const state = stateOf(of, seed);
      const renaming = randomRenaming(group, random);
      const image = new Int32Array(state.length);
      canonicaliser.rename(renaming.of, state, 0, image, 0);
      const plain = renamePlain(of.shape, decode(of.layout, state), renaming.elements);
      expect(image).toEqual(encode(of.layout, plain));
    }
  });
});

describe.each(Object.entries(instances))("twins in %s", (name, of) => {
  const { group, canonicaliser } = toolsOf(of);
  const renamings = allRenamings(group);
  const isFixedBy = (state: Int32Array, renaming: Renaming): boolean => {
    const image = new Int32Array(state.length);
    canonicaliser.rename(renaming.of, state, 0, image, 0);
    return image.every((word, k) => word === state[k]);
  };

  test("are those whose exchange leaves the state as it is", () => {
    let twins = 0;
    for (let seed = 1; seed <= 80; seed++) {
      const state = (seed % 2 === 0 ? plainStateOf : stateOf)(of, seed);
      for (const exchange of exchangesIn(group)) {
        const [a, b] = [exchange.a, exchange.b].map((i) => group.vertexOf.get(exchange.sort)?.[i] ?? -1);
        const areTwins = isFixedBy(state, exchangeOf(group, exchange));
        expect(canonicaliser.twins.areTwins(a, b, state, 0)).toBe(areTwins);
        if (areTwins) twins++;
      }
    }
    expect(twins).toBeGreaterThan(20);
  });

  // The other models have no actions.
  test.runIf(name === "dma-core" || name === "two-phase commit")(
    "of actions that differ in twins only, one is kept, to which all others can be renamed",
    () => {
      const repetitions = new Repetitions(of.instances, group, canonicaliser.twins);
      let left = 0;
      for (let seed = 1; seed <= 30; seed++) {
        const state = plainStateOf(of, seed);
        const among = repetitions.at(state, 0);
        const marks = among?.marks ?? new Uint8Array(of.instances.length);
        const kept = new Set(
          of.instances.filter(({ id }) => marks[id] === 0).map((each) => nameInstance(each)),
        );
        const fixing = renamings.filter((renaming) => isFixedBy(state, renaming));
        for (const instance of of.instances.filter(({ id }) => marks[id] === 1)) {
          left++;
          const images = fixing.map((renaming) => {
            const args = renameArgs(instance.action, instance.args, renaming);
            return nameInstance({ ...instance, args });
          });
          expect(images.some((image) => kept.has(image))).toBe(true);
          // It and nothing that is kept: then what is kept is not as good.
          among?.look(Int32Array.of(instance.id), 0, 1);
          expect(among?.breach).toContain(`${nameInstance(instance)} is possible and `);
        }
        among?.look(
          Int32Array.from(of.instances, ({ id }) => id),
          0,
          of.instances.length,
        );
        expect(among?.breach ?? null).toBe(null);
      }
      expect(left).toBeGreaterThan(100);
    },
  );
});

describe("where only some elements are interchangeable", () => {
  const of = instances.everything;
  const { group, canonicaliser } = toolsOf(of, [{ sort: "page", a: 0, b: 2 }]);
  const exchanged = [2, 1, 0];
  const aligned = new Map(["page", "frame", "tag"].map((name) => [name, exchanged]));

  test("the others stay where they are", () => {
    expect(group.order).toBe(2);
    for (let seed = 1; seed <= 40; seed++) {
      const state = stateOf(of, seed);
      const swapped = renamePlain(of.shape, decode(of.layout, state), aligned);
      const orbit = [state, encode(of.layout, swapped)];
      const canon = canonOf(canonicaliser, state);
      expect(orbit.map((words) => words.join())).toContain(canon.words);
      expect(canonOf(canonicaliser, orbit[1])).toEqual(canon);
    }
  });
});

test("ties that no exchange of two explains are searched, without trying the whole group", () => {
  // A ring of pages: all look alike, and only its turns leave it alone.
  const size = 8;
  const of = instantiate(sparse, { bounds: { page: size, cpu: 1 } }) as unknown as Instance<never>;
  const { canonicaliser, group } = toolsOf(of);
  const ring = (order: readonly number[]): Int32Array => {
    const next = Array.from({ length: size }, () => 0);
    order.forEach((p, i) => (next[p] = order[(i + 1) % size]));
    const maps = [Array.from({ length: size }, () => false)];
    return encode(of.layout, { next, maps, last: null });
  };
  const [a, b] = [ring([0, 1, 2, 3, 4, 5, 6, 7]), ring([3, 1, 7, 5, 0, 2, 6, 4])];
  expect(canonOf(canonicaliser, a)).toEqual(canonOf(canonicaliser, b));
  expect(canonOf(canonicaliser, a).orbit).toBe(group.order / size);
});
