import { expect, test } from "vitest";
import { runFake } from "./fake-world.ts";

test.each([
  ["bench --instances large", '"large" is not an instance like 3x3x2'],
  ["bench --engines js,tlc", '"tlc" is not one of js, packed, reference, wasm, wasm2, spin, rumur'],
])("%s is a mistake", async (words, told) => {
  const { code, stderr } = await runFake(words);
  expect(code).toBe(64);
  expect(stderr).toContain(told);
});
