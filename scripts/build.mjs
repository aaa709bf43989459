// Compiles the rooms into dist/. The result is swapped in only when the whole build succeeded, so dist/ never
// holds half of it.
//
//   node scripts/build.mjs             fails when the sources do not compile
//   node scripts/build.mjs --optional  then only warns: after `npm ci` the launcher runs the sources instead

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "./bundle.mjs";
import { isCopied, rooms, stamp } from "./freshness.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const optional = process.argv.includes("--optional");
const fresh = `dist-${process.pid}`;
const began = new Date();

try {
  await build();
} catch (error) {
  process.stderr.write(`dist/ was not built: ${error instanceof Error ? error.message : String(error)}\n`);
  if (optional)
    process.stderr.write("`dmaspec` will run from the TypeScript sources instead, which starts slower.\n");
  process.exitCode = optional ? 0 : 1;
} finally {
  rmSync(join(root, fresh), { recursive: true, force: true });
}

async function build() {
  const present = rooms.filter((room) => existsSync(join(root, room)));
  if (present.length === 0) throw new Error("there are no sources");
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
  const args = [tsc, "-p", "tsconfig.build.json", "--outDir", fresh];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error("the sources do not compile, see above");

  const copied = (source) => statSync(source).isDirectory() || isCopied(basename(source));
  for (const room of present) {
    cpSync(join(root, room), join(root, fresh, room), { recursive: true, filter: copied });
  }
  const { link } = await import("./link.mjs");
  writeFileSync(join(root, fresh, bundle.file), await link(join(root, fresh), bundle.entry));
  if (existsSync(join(root, "explorer"))) {
    const { buildExplorer } = await import("./build-explorer.mjs");
    writeFileSync(join(root, fresh, "explorer.html"), await buildExplorer());
  }
  const digest = digestOf(join(root, fresh));
  rmSync(join(root, "dist"), { recursive: true, force: true });
  renameSync(join(root, fresh), join(root, "dist"));
  writeFileSync(join(root, stamp), `${digest}\n`);
  utimesSync(join(root, stamp), began, began);
  keepCodeOfBundle(join(root, "dist"));
}

/** Runs the command as most people do, twice: the second time, models are compiled already. */
function keepCodeOfBundle(folder) {
  const cache = mkdtempSync(join(tmpdir(), "dmaspec-build-"));
  try {
    for (let n = 0; n < 2; n++) {
      rmSync(join(folder, bundle.code), { force: true });
      const args = [join(root, "scripts/bundle.mjs"), folder];
      const env = { ...process.env, DMASPEC_CACHE: cache };
      const { status } = spawnSync(process.execPath, args, {
        cwd: cache,
        env,
        stdio: ["ignore", "ignore", 2],
      });
      if (status !== 0) {
        // The launcher then runs the sources.
        rmSync(join(root, stamp));
        throw new Error("what was built does not run, see above");
      }
    }
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
}

/** The digest of a folder's files, by which what was compiled from them is found again. */
function digestOf(folder) {
  const hash = createHash("sha256");
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  for (const file of files) hash.update(`${file.slice(folder.length)}\n`).update(readFileSync(file));
  return hash.digest("hex");
}
