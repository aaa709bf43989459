import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { DiskSpill } from "./disk-spill.ts";

test("what is spilled comes back, and nothing of it stays", () => {
  const parent = mkdtempSync(join(tmpdir(), "dmaspec-test-"));
  try {
    const spill = new DiskSpill(parent);
    expect(readdirSync(parent)).toEqual([]);
    const all = Int32Array.of(1, 2, -3, 4, 5);
    expect(spill.write("a", all.subarray(1, 4))).toBe(true);
    expect(spill.write("b", all)).toBe(true);
    expect(() => spill.write("a", all)).toThrow(/EEXIST/);
    const into = new Int32Array(5);
    spill.read("a", into.subarray(2));
    expect([...into]).toEqual([0, 0, 2, -3, 4]);
    spill.forget("a");
    expect(() => spill.read("a", into)).toThrow(/ENOENT/);
    spill.dispose();
    expect(readdirSync(parent)).toEqual([]);
  } finally {
    rmSync(parent, { recursive: true });
  }
});
