import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { computeSha256, computeSha256Plainly } from "./sha256.ts";

test("agrees with the library on texts of every length around the block boundaries", () => {
  for (let length = 0; length < 200; length++) {
    const text = "ä€z".repeat(length).slice(0, length);
    const expected = createHash("sha256").update(text).digest("hex");
    expect(computeSha256Plainly(text)).toBe(expected);
    expect(computeSha256(text)).toBe(expected);
  }
});

test("gives the digest of the standard's example", () => {
  expect(computeSha256Plainly("abc")).toBe(
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
});
