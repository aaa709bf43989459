// All modules in one file do what they do one by one.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const project = resolve(import.meta.dirname, "..");
const { link } = await import(join(project, "scripts/link.mjs"));
const { bundle, loadBundle } = await import(join(project, "scripts/bundle.mjs"));

let folder: string;
beforeEach(() => {
  // Packages are found from below the project.
  folder = mkdtempSync(join(project, "node_modules/.link-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function run(modules: Record<string, string>) {
  for (const [name, text] of Object.entries(modules)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  writeFileSync(join(folder, bundle.file), await link(folder, bundle.entry));
  return loadBundle(folder).exports;
}

test("every way to import and to export", async () => {
  const exports = await run({
    "cli/main.js": `
      import colors from "picocolors";
      import { posix } from "node:path";
      import { twice as double, nothing } from "../checker/sums.js";
      import * as all from "../checker/index.js";
      export * from "../checker/index.js";
      export { twice as renamed } from "../checker/sums.js";
      export * as sums from "../checker/sums.js";
      const own = () => double(21);
      export { own as answer };
      export class Thing {}
      export async function late() { return (await import("../checker/late.js")).value; }
      export const found = [all.twice(1), nothing, posix.join("a", "b"), colors.createColors(false).red("x")];
      export const place = import.meta.url.slice(-11);`,
    "checker/index.js": `export { twice } from "./sums.js"; export const four = 4;`,
    "checker/sums.js": `export function twice(n) { return 2 * n; }\nexport const nothing = null;`,
    "checker/late.js": `globalThis.lateRuns = (globalThis.lateRuns ?? 0) + 1;\nexport const value = "late";`,
  });
  expect(Object.keys(exports).sort()).toEqual(
    ["Thing", "answer", "found", "four", "late", "place", "renamed", "sums", "twice"].sort(),
  );
  expect(exports.answer()).toBe(42);
  expect(exports.renamed).toBe(exports.twice);
  expect(exports.sums.twice).toBe(exports.twice);
  expect(exports.found).toEqual([2, null, "a/b", "x"]);
  expect(exports.place).toBe("cli/main.js");
  const runs = (): unknown => (globalThis as { lateRuns?: number }).lateRuns;
  expect(runs()).toBeUndefined();
  expect([await exports.late(), await exports.late(), runs()]).toEqual(["late", "late", 1]);
});

test("the text of a function is as it was, and its scope is its module's", async () => {
  const recipe = "(s) => {\n  s.count += step; // one more\n}";
  const { recipe: found } = await run({
    "cli/main.js": `import { step } from "../model/step.js";\nexport const recipe = ${recipe};`,
    "model/step.js": `export const step = 1;\nexport const others = [${"0,".repeat(20)}];`,
  });
  expect(found.toString()).toBe(recipe);
  const { openClosures } = await import("../checker/compile/closures.ts");
  const closures = openClosures();
  const names = closures?.scopesOf(found).flatMap((scope) => Object.keys(scope));
  closures?.close();
  expect(names).toEqual(["step"]);
});

test.each([
  ["a variable that may change", "export let n = 0;", /"export let n = 0;": what is exported is a constant/],
  ["an export without a name", "export default 1;", /an export has a name/],
])("refuses %s", async (_, text, message) => {
  await expect(run({ "cli/main.js": text })).rejects.toThrow(message);
});
