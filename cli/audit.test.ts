/** The audit of reductions: what it compares, and that it can fail. */
import { describe, expect, test } from "vitest";
import { exampleDesigns } from "../checker/examples/index.ts";
import { explore, instantiate } from "../checker/index.ts";
import { auditReductions } from "./audit.ts";
import { fakeWorld, runFake } from "./fake-world.ts";
import type { Registry } from "./registry.ts";
import { checkSchema } from "./schemas.ts";

const registry: Registry = {
  designs: [],
  examples: exampleDesigns,
  weakenings: [],
  equivalentMutants: {},
  explainedGaps: {},
};

test("check --reduce symmetry --audit searches again without, and tells both counts", async () => {
  const words = "check --design two-phase-commit --scenario 3rm --reduce symmetry --audit";
  const { code, stdout } = await runFake(`${words} --json`, fakeWorld(), registry);
  expect(code).toBe(0);
  const output = checkSchema.parse(JSON.parse(stdout));
  expect(output).toMatchObject({
    states: 80,
    reductions: ["symmetry"],
    audit: { states: 288, exhaustive: true },
  });
  expect(output.reductionReports).toMatchObject([
    { name: "symmetry", used: true, factor: 3.6, estimated: false },
  ]);
  const { stdout: text } = await runFake(words, fakeWorld(), registry);
  expect(text).toContain("reductions: symmetry (3.6 times fewer states)");
  expect(text).toContain("audit: the same without reductions, in 288 states, all there are");
});

test("what is asked for and does not apply is told, and the run goes on without", async () => {
  const words = "check --design peterson --reduce symmetry --audit";
  const { code, stdout } = await runFake(words, fakeWorld(), registry);
  expect(code).toBe(0);
  expect(stdout).toContain(
    "symmetry is not used: no sort of two elements or more is declared interchangeable",
  );
  expect(stdout).toContain("reductions: none");
});

describe("two searches that differ", async () => {
  const design = exampleDesigns.find(({ name }) => name === "philosophers");
  const scope = design?.scenarios.find(({ name }) => name === "3seats")?.sizes.tiny;
  if (design === undefined || scope === undefined) throw new Error("no philosophers");
  const of = instantiate(design.build(), scope);
  const full = await explore(of);
  const used = [{ name: "symmetry", factor: 1, isEstimate: false, notes: [] }] as const;
  const auditOf = (result: typeof full, keepsLengths = true) =>
    auditReductions(of, { result, keepsLengths, used, refused: [] }, async () => full);

  test("are no difference where they say the same", async () => {
    expect(await auditOf(full)).toEqual({ states: full.states, exhaustive: true, depth: full.depth });
  });

  test("a violation that the reduced search misses is an internal error", async () => {
    await expect(auditOf({ ...full, violations: [] })).rejects.toThrow(
      /unsound: no-deadlock is not broken with reductions, and broken in 6 steps without/,
    );
  });

  test("so is another length, where the reductions keep lengths", async () => {
    const [violation] = full.violations;
    const path = { ...violation.path, instances: [...violation.path.instances, 0] };
    const longer = { ...full, violations: [{ ...violation, path }] };
    await expect(auditOf(longer)).rejects.toThrow(/broken in 7 steps with reductions, and broken in 6/);
    await expect(auditOf(longer, false)).resolves.toMatchObject({ exhaustive: true });
  });
});
