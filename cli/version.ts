/** The version of this package, for what a run stores of itself. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "./package-root.ts";

/** The version in the nearest package.json above this file (which may lie in dist/). */
export function readVersion(): string {
  const file = join(packageRoot(), "package.json");
  if (!existsSync(file)) return "unknown";
  const { version } = JSON.parse(readFileSync(file, "utf8")) as { version?: string };
  return version ?? "unknown";
}
