// Which files dist/ is made of, and whether it still matches them. Used by the launcher on every start, so it
// only looks at times: about a millisecond for a few hundred files.

const { readdirSync, statSync } = process.getBuiltinModule("node:fs");
const { join } = process.getBuiltinModule("node:path");

/** The rooms that are compiled into dist/. */
export const rooms = ["checker", "spec", "model", "properties", "cli", "bench"];

/** Of what else dist/ holds something: the web page is built of this. */
const bundled = ["explorer"];

/** Files beside the rooms that decide what the compiler makes of them. */
const settings = [
  "tsconfig.json",
  "tsconfig.build.json",
  "scripts/build.mjs",
  "scripts/build-explorer.mjs",
  "scripts/bundle.mjs",
  "scripts/link.mjs",
];

/** Written at the end of a build, with a digest of it; its time is the moment the build began to read. */
export const stamp = "dist/.built";

/** Is dist/ at least as new as every source file, or are there no sources (an installed package)? */
export function isFresh(root) {
  const built = time(join(root, stamp));
  if (time(join(root, "cli/main.ts")) === 0) return true;
  if (built === 0) return false;
  return (
    settings.every((file) => time(join(root, file)) <= built) &&
    [...rooms, ...bundled].every((room) => notAfter(join(root, room), built))
  );
}

/** Nothing below this folder has changed since; a folder's own time tells of files added and removed. */
function notAfter(folder, built) {
  let entries;
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return true; // a room that does not exist yet
  }
  if (time(folder) > built) return false;
  return entries.every((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return notAfter(path, built);
    return !isSource(entry.name) || time(path) <= built;
  });
}

/** The suffixes that count: what tsc compiles, and what the build copies as it is. */
export function isSource(name) {
  return (/\.tsx?$/.test(name) && !name.endsWith(".test.ts")) || isCopied(name);
}

export function isCopied(name) {
  return /\.(mjs|json|wasm|html|css)$/.test(name);
}

function time(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
