// Builds the web page of `dmaspec explore`: one HTML file with everything in it, its engine too. The command puts
// the schedule into it (explorer/page/index.html has the place).
//
//   node scripts/build-explorer.mjs FILE

import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The page as text, without a schedule. */
export async function buildExplorer() {
  const [engine, page] = await Promise.all([
    bundle("explorer/engine/worker.ts"),
    bundle("explorer/page/main.tsx"),
  ]);
  const style = readFileSync(join(root, "explorer/page/style.css"), "utf8");
  const parts = { STYLE: style, ENGINE: engine, PAGE: page };
  return readFileSync(join(root, "explorer/page/index.html"), "utf8").replaceAll(
    /\/\*(STYLE|ENGINE|PAGE)\*\//g,
    (_, name) => parts[name],
  );
}

/** A script and all that it imports, such that no `</script>` in it ends the element that it stands in. */
async function bundle(entry) {
  const { outputFiles } = await build({
    entryPoints: [join(root, entry)],
    bundle: true,
    format: "iife",
    target: "es2022",
    minify: true,
    // Guards are told by their source, and errors by the names of functions.
    keepNames: true,
    legalComments: "none",
    jsx: "automatic",
    jsxImportSource: "preact",
    write: false,
  });
  return outputFiles[0].text.replaceAll("</script", "<\\/script");
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  writeFileSync(resolve(process.argv[2] ?? "explorer.html"), await buildExplorer());
}
