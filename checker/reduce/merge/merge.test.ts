/** Merging on the examples: the same verdicts, fewer states. */
import { expect, test } from "vitest";
import { createCompiled } from "../../compile/compiled.ts";
import { createPacked } from "../../evaluate/packed.ts";
import { dmaCore, dmaCoreScope } from "../../examples/dma-core.ts";
import { exampleDesigns } from "../../examples/index.ts";
import { instantiate } from "../../index.ts";
import { searchAll, unconfirmed, verdictOf } from "../verdicts.ts";
import { mergeBlocks } from "./merge.ts";

/** Within the table and the host lock nobody looks; table writes and the invalidation are the SMMU's to see. */
test.each([
  ["3x2x2", 3_560, 30_440, 10],
  ["3x2x3", 5_264, 76_272, 10],
  ["3x3x2", 31_688, 279_828, 12],
])("dma-core %s has %i states", async (size, states, transitions, owned) => {
  const of = instantiate(dmaCore(), dmaCoreScope(size));
  const merged = mergeBlocks(of, createCompiled(of));
  if ("refused" in merged) throw new Error(merged.refused);
  const found = await searchAll(of, merged);
  expect(found).toMatchObject({ ending: "exhausted", states, transitions, violations: [] });
  expect(merged.describe(found).notes.slice(0, 1)).toEqual([
    `locks: hostLock, iommuLock; ${owned} locations are theirs`,
  ]);
});

const examples = exampleDesigns
  .filter(({ name }) => name !== "dma-core")
  .map((design) => ({
    name: design.name,
    of: () => instantiate(design.build(), design.scenarios[0].sizes.tiny),
  }));

test.each(examples)("$name: the same verdict with and without", async ({ of: build }) => {
  const of = build();
  const evaluator = createCompiled(of);
  const merged = mergeBlocks(of, evaluator, { checkEvery: 1, seed: 1 });
  // Without a word for what does not apply, there would be no way to tell.
  if ("refused" in merged) {
    expect(merged.refused).not.toBe("");
    return;
  }
  const full = await searchAll(of, evaluator);
  const reduced = await searchAll(of, merged);
  expect(verdictOf(of, reduced)).toEqual(verdictOf(of, full));
  expect(unconfirmed(of, reduced)).toEqual([]);
  expect(reduced.states).toBeLessThanOrEqual(full.states);
});

test("the factor is estimated, and not far from what it is", async () => {
  const of = instantiate(dmaCore(), dmaCoreScope("2x2x2"));
  const evaluator = createCompiled(of);
  const merged = mergeBlocks(of, evaluator);
  if ("refused" in merged) throw new Error(merged.refused);
  const [full, reduced] = [await searchAll(of, evaluator), await searchAll(of, merged)];
  const { factor, isEstimate } = merged.describe(reduced);
  expect(isEstimate).toBe(true);
  const share = (factor ?? 0) / (full.states / reduced.states);
  expect(share).toBeGreaterThan(0.75);
  expect(share).toBeLessThan(1.33);
});

test("an engine that does not know what steps read is refused", () => {
  const of = instantiate(dmaCore(), dmaCoreScope("2x2x2"));
  expect(mergeBlocks(of, createPacked(of))).toEqual({
    refused: "the packed engine does not know what steps read and write; use --engine js",
  });
});

test("what is expanded again, to find a path, is not checked again: a check may come to what the search does not", async () => {
  const of = instantiate(dmaCore(), dmaCoreScope("2x2x2"));
  const merged = mergeBlocks(of, createCompiled(of), { checkEvery: 1, seed: 1 });
  if ("refused" in merged) throw new Error(merged.refused);
  const found = await searchAll(of, merged);
  const [, checked] = merged.describe(found).notes;
  expect(checked).toMatch(/^[1-9]\d* steps within blocks were tried/);
  expect((await searchAll(of, merged)).digest).toBe(found.digest);
  expect(merged.describe(found).notes[1]).toBe(checked);
});
