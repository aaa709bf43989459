import { beforeAll, describe, expect, test } from "vitest";
import { loadDesigns } from "./designs.ts";
import { type FakeWorld, fakeWorld, runFake } from "./fake-world.ts";
import { main } from "./main.ts";

const file = "trace.json";
let world: FakeWorld;

beforeAll(async () => {
  world = fakeWorld();
  const words = `check --design pv-rfc1 --scenario power --property off-means-blocked --engine packed --trace ${file}`;
  expect((await runFake(words, world, loadDesigns())).code).toBe(1);
}, 30_000);

async function whyNot(place: string, action: string) {
  const own = fakeWorld();
  const code = await main(["why-not", place, action], { ...own.io, cwd: world.io.cwd }, loadDesigns());
  return { code, stdout: own.stdout().replaceAll(/\s+/g, " "), stderr: own.stderr() };
}

describe("an action is found", () => {
  test("by what the schedule prints, or by its point", async () => {
    for (const name of ["hvc_pd: take the SMMU to be off", "hvc_pd: does it go on?"]) {
      const { code, stdout } = await whyNot(`${file}:1`, `${name} (cpu: 1)`);
      expect([code, stdout]).toEqual([0, expect.stringContaining(`${name} (cpu: 1) can`)]);
    }
  });

  test("without its process, where one only is there", async () => {
    const { stdout } = await whyNot(`${file}:1`, "hvc_pd: acquire iommu.lock");
    expect(stdout).toContain("hvc_pd: acquire iommu.lock (cpu: 1) can be taken after step 1");
  });
});

describe("an action is not found: exit code 64, and what can be taken instead", () => {
  test.each([
    ["a call that the scenario does not have", "attach_dev(cpu: 0)", "the scenario allows no attach_dev"],
    ["a name that nobody knows", "hvc_pc(cpu: 0)", 'did you mean "hvc_pd"?'],
    ["an argument that it lacks", "hvc_pd(cp: 0)", 'did you mean "cpu"? It has: cpu, iommu, on'],
    ["a value that the scenario does not have", "hvc_pd(iommu: 7)", "it has 'hvc_pd(cpu: "],
  ])("%s", async (_, action, told) => {
    const { code, stderr } = await whyNot(`${file}:1`, action);
    expect(code).toBe(64);
    expect(stderr).toContain(told);
    // Never an empty remedy.
    expect(stderr).toMatch(/remedy: .*\w/);
  });

  test("the example can be taken there", async () => {
    const { stderr } = await whyNot(`${file}:1`, "attach_dev");
    const [, example] = /for example, '([^']*)'/.exec(stderr) ?? [];
    const { code, stdout } = await whyNot(`${file}:1`, example);
    expect([code, stdout]).toEqual([0, expect.stringContaining("can be taken after step 1")]);
  });
});
