import { expect, test } from "vitest";
import { dmaCore, dmaCoreScope } from "../examples/dma-core.ts";
import { computeModelDigest } from "./digest.ts";
import { instantiate, type Model } from "./model.ts";

// oxlint-disable-next-line no-explicit-any
function digestOf(model: Model<any>, scope = dmaCoreScope("2x2x2")): string {
  return computeModelDigest(instantiate(model, scope));
}

test("the same model in the same bounds has the same digest", () => {
  expect(digestOf(dmaCore())).toBe(digestOf(dmaCore()));
  expect(digestOf(dmaCore())).toMatch(/^[0-9a-f]{64}$/);
});

test("other bounds, and another name of anything, have another", () => {
  const model = dmaCore();
  const [first, ...rules] = model.rules;
  const digests = [
    digestOf(model),
    digestOf(model, dmaCoreScope("3x2x2")),
    digestOf({ ...model, rules: [{ ...first, name: "MAP_2" }, ...rules] }),
    digestOf({ ...model, invariants: model.invariants.slice(1) }),
    digestOf({ ...model, powers: { hiding: { sentence: "" } } }),
  ];
  expect(new Set(digests).size).toBe(digests.length);
});

test("what one run looks at does not matter, where the declared model is given", () => {
  const model = dmaCore();
  const fewer = { ...model, invariants: [] };
  expect(computeModelDigest(instantiate(fewer, dmaCoreScope("2x2x2")), model)).toBe(digestOf(model));
});
