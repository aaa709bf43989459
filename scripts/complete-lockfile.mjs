// Adds to package-lock.json the builds for other platforms that npm could not look up. Some registries serve
// only part of them; `npm install` then leaves them out without a word, and `npm ci` refuses the lockfile
// everywhere. Run it after every change of the dependencies:
//
//   npm install … && node scripts/complete-lockfile.mjs
//   node scripts/complete-lockfile.mjs --check    only says whether something is missing

import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const file = join(dirname(dirname(fileURLToPath(import.meta.url))), "package-lock.json");
const lock = JSON.parse(readFileSync(file, "utf8"));
const missing = [];

for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const places = [`node_modules/${name}`, `${path}/node_modules/${name}`];
    if (places.some((place) => lock.packages[place] !== undefined)) continue;
    missing.push(name);
    lock.packages[places[0]] = entryFor(name, version, entry.dev);
  }
}

if (missing.length === 0) {
  console.log("The lockfile is complete.");
} else if (process.argv.includes("--check")) {
  console.log(`The lockfile lacks ${missing.join(", ")}: run node scripts/complete-lockfile.mjs`);
  process.exitCode = 1;
} else {
  const names = Object.keys(lock.packages).sort((a, b) => a.localeCompare(b, "en"));
  lock.packages = Object.fromEntries(names.map((name) => [name, lock.packages[name]]));
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(`Added ${missing.join(", ")}.`);
}

/**
 * The entry as npm writes it, but for the digest, which nobody here could compute. The name of such a package
 * says its platform: …/binding-linux-arm64-musl, …/darwin-x64.
 */
function entryFor(name, version, dev) {
  const match =
    /(android|darwin|freebsd|linux|openharmony|win32)-(x64|ia32|arm64|arm|ppc64|riscv64|s390x)(-\w+)?$/;
  const [, os, cpu, abi = ""] = match.exec(name) ?? [];
  if (os === undefined)
    throw new Error(`${name} does not say its platform: add it to package-lock.json by hand`);
  const libc = os === "linux" && /^-(gnu|musl)$/.exec(abi)?.[1];
  return {
    version,
    cpu: [cpu],
    ...(dev ? { dev } : {}),
    ...(libc ? { libc: [libc === "gnu" ? "glibc" : libc] } : {}),
    optional: true,
    os: [os],
  };
}
