import { expect, test } from "vitest";
import { loadDesigns } from "./designs.ts";
import { fakeWorld, runFake } from "./fake-world.ts";
import { atomicitySchema } from "./schemas.ts";

test("a map that fails is seen by a donation in between", async () => {
  const words = "atomicity --design pv --scenario map-unmap-donate --max-starts 2 --max-seconds 100";
  const { code, stdout } = await runFake(`${words} --json`, fakeWorld(), loadDesigns());
  expect(code).toBe(2);
  const { pairs, exhaustive, starts } = atomicitySchema.parse(JSON.parse(stdout));
  expect({ exhaustive, starts }).toEqual({ exhaustive: false, starts: 2 });
  const pairOf = (first: string, second: string) =>
    pairs.find((pair) => pair.first === first && pair.second === second);
  expect(pairOf("map_pages", "host_donate_guest")?.anomaly?.outcomes).toEqual([
    "returns 0",
    "refuses: EINVAL",
  ]);
  expect(pairOf("unmap_pages", "host_donate_guest")).toMatchObject({ anomaly: null });

  const text = await runFake(words, fakeWorld(), loadDesigns());
  expect(text.stdout).toContain("map_pages and host_donate_guest: an overlap ends as no order does");
  expect(text.stdout).toMatch(/reproduce: npx dmaspec atomicity .*--max-starts 2/);
});

test("one CPU cannot overlap with itself", async () => {
  const { code, stderr } = await runFake("atomicity --design panicking");
  expect(code).toBe(64);
  expect(stderr).toContain("has no two processes");
});
