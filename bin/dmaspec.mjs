#!/usr/bin/env node
// Starts the command: the compiled one in dist/ when it is as new as the sources, else the sources themselves,
// so that whoever edits a model never runs yesterday's. What the command does is in cli/main.ts.
// Node's own modules are not imported here: that fills in all their exports, and takes longer than using some.

import { loadBundle } from "../scripts/bundle.mjs";
import { isFresh } from "../scripts/freshness.mjs";

const { dirname, join } = process.getBuiltinModule("node:path");
const { fileURLToPath, pathToFileURL } = process.getBuiltinModule("node:url");

const root = dirname(dirname(fileURLToPath(import.meta.url)));

try {
  const { main } = isFresh(root) ? loadBundle(join(root, "dist")).exports : await importSources();
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  if (error?.code === "ERR_MODULE_NOT_FOUND" && message.startsWith("Cannot find package")) {
    process.stderr.write("dmaspec: the dependencies are not installed: run npm ci first.\n");
  } else {
    process.stderr.write(`dmaspec: internal error: ${message}\n`);
    if (process.env.DMASPEC_DEBUG) process.stderr.write(`${error?.stack ?? ""}\n`);
    else process.stderr.write("Set DMASPEC_DEBUG=1 to see where.\n");
  }
  process.exitCode = 70;
}

async function importSources() {
  const { register } = await import("tsx/esm/api");
  register({ tsconfig: join(root, "tsconfig.json") });
  return import(pathToFileURL(join(root, "cli/main.ts")).href);
}
