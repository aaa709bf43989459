import { expect, test } from "vitest";
import { breadthFirst, instantiate } from "../checker/index.ts";
import { createCompiled } from "../checker/compile/compiled.ts";
import { results } from "../model/scenarios/results.ts";
import { designs } from "./index.ts";

async function isBroken(name: string): Promise<boolean> {
  const design = designs.find((of) => of.name === name);
  if (design === undefined) throw new Error(`no design ${name}`);
  const of = instantiate(design.build(), results.sizes.tiny);
  const found = await breadthFirst(createCompiled(of), {
    instances: of.instances.length,
    witnesses: of.witnesses.length,
    stopAtViolation: false,
    maxStates: 400_000,
  });
  const broken = found.violations.flatMap(({ kind, property }) =>
    kind === "step" ? [of.stepProperties[property].property.name] : [],
  );
  return broken.includes("results-are-true");
}

test("unmap_pages of pv-rfc2 says less than it released, or more", async () => {
  expect(await isBroken("pv-rfc2")).toBe(true);
});

test("where no history is kept, the property has no instance", () => {
  const [design] = designs;
  const { tiny } = design.scenarios[0].sizes;
  const { stepProperties } = instantiate(design.build(), tiny);
  expect(stepProperties.some(({ property }) => property.name === "results-are-true")).toBe(false);
});
