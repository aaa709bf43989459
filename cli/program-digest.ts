/**
 * What this program is made of, in a digest: a run can be continued only by the same program, and what was compiled
 * before is good only for the sources that it was compiled from.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { packageRoot } from "./package-root.ts";

/** The folders whose files make a model and its search. */
const rooms = ["checker", "spec", "model", "properties"];

/** A digest of the text of all models, and of the engine: the sources if they are there, or what was built of them. */
export function computeProgramDigest(): string {
  const root = packageRoot();
  const base = existsSync(join(root, "model")) ? root : join(root, "dist");
  const hash = createHash("sha256");
  for (const room of rooms) {
    for (const path of filesIn(join(base, room))) {
      hash.update(`${path}\n`);
      hash.update(readFileSync(join(base, room, path)));
    }
  }
  return hash.digest("hex");
}

/**
 * The digest that the build wrote, if this runs from built output (the launcher takes care that that is as new as the
 * sources); otherwise null.
 */
export function readBuildDigest(): string | null {
  const built = dirname(dirname(fileURLToPath(import.meta.url)));
  const stamp = join(built, ".built");
  if (built !== join(packageRoot(), "dist") || !existsSync(stamp)) return null;
  const digest = readFileSync(stamp, "utf8").trim();
  return /^[0-9a-f]{64}$/.test(digest) ? digest : null;
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /(?<!\.test|\.d)\.m?[jt]s$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}
