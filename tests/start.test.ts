// What a call reads before its first state: counted in modules, because most of what starting took was reading them.

import { resolve } from "node:path";
import { build } from "esbuild";
import { expect, test } from "vitest";

const project = resolve(import.meta.dirname, "..");

/** The modules that these import, and those that they import, but for what is imported late. */
async function modulesOf(...entries: string[]): Promise<string[]> {
  const { metafile } = await build({
    absWorkingDir: project,
    entryPoints: entries,
    outdir: "nowhere",
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "node",
    packages: "external",
  });
  const found = new Set<string>();
  const waiting = [...entries];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    for (const { path, kind } of metafile.inputs[name]?.imports ?? []) {
      if (kind === "import-statement") waiting.push(path);
    }
  }
  return [...found].sort();
}

test("a check whose code is kept reads no compiler, no schemas, no reductions, and a bounded number of modules", async () => {
  const found = await modulesOf("cli/main.ts", "cli/commands/check.ts", "checker/parallel/search.ts");
  const isTooMuch = (name: string): boolean =>
    /^(acorn|zod|esbuild)$|^(model|properties|spec)\/|^checker\/reduce\/(merge|order|symmetry)\//.test(
      name,
    ) || name === "checker/compile/compile.ts";
  expect(found.filter(isTooMuch)).toEqual([]);
  // The next one who adds some is to know.
  expect(found.length).toBeLessThanOrEqual(110);
});
