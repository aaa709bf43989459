// Runs one of the project's tasks, and installs the dependencies first when they are missing or are not those
// of package-lock.json. Uses Node's own modules only, so that it works right after `git clone`.
//
//   node scripts/with-dependencies.mjs install            only the installation
//   node scripts/with-dependencies.mjs start [ARGUMENT…]  npm start
//   node scripts/with-dependencies.mjs test  [ARGUMENT…]  npm test

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Each task as the arguments of `node`. */
const tasks = {
  install: undefined,
  start: ["bin/dmaspec.mjs", "start"],
  test: ["node_modules/vitest/vitest.mjs", "run"],
};

const [task, ...rest] = process.argv.slice(2);
if (task === undefined || !Object.hasOwn(tasks, task)) {
  fail(64, `say which task to run: ${Object.keys(tasks).join(", ")}`);
}
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  fail(70, `Node ${process.versions.node} is too old: this project needs 20.19 or newer`);
}

if (!installed()) {
  process.stderr.write("Installing the dependencies (npm ci); this happens once.\n");
  const code = await run(...npm(["ci", "--include=dev"]), ["ignore", 2, 2]);
  if (code !== 0) fail(70, "npm ci failed, see above");
}
const command = tasks[task];
if (command !== undefined) {
  process.exitCode = await run(process.execPath, [...command, ...rest], "inherit");
}

/**
 * Does node_modules hold what the lockfile asks for? npm writes its own copy of the lockfile at the very end of
 * an installation, so an interrupted one counts as none. Versions are compared, not times: git gives every file
 * of a checkout a new time.
 */
function installed() {
  const wanted = packages("package-lock.json");
  const present = packages("node_modules/.package-lock.json");
  if (wanted === undefined || present === undefined) return wanted === undefined;
  return Object.entries(wanted).every(
    ([path, entry]) =>
      path === "" ||
      (entry.optional && present[path] === undefined) ||
      present[path]?.version === entry.version,
  );
}

function packages(file) {
  try {
    return JSON.parse(readFileSync(join(root, file), "utf8")).packages;
  } catch {
    return undefined;
  }
}

/** How to call the npm that called us, or else the one on the path. */
function npm(args) {
  const script = process.env.npm_execpath;
  if (script !== undefined && /npm-cli\.c?js$/.test(script)) return [process.execPath, [script, ...args]];
  return [process.platform === "win32" ? "npm.cmd" : "npm", args];
}

/** Runs a command in the project and passes signals on; Ctrl-C reaches it from the terminal by itself. */
function run(file, args, stdio) {
  return new Promise((resolve) => {
    const child = spawn(file, args, { cwd: root, stdio, shell: file.endsWith(".cmd") });
    const wait = () => {};
    const pass = (signal) => child.kill(signal);
    process.on("SIGINT", wait);
    process.on("SIGTERM", pass);
    const done = (code) => {
      process.off("SIGINT", wait);
      process.off("SIGTERM", pass);
      resolve(code);
    };
    child.on("error", (error) => {
      process.stderr.write(`${file}: ${error.message}\n`);
      done(70);
    });
    child.on("exit", (code, signal) => done(code ?? 128 + constants.signals[signal]));
  });
}

function fail(code, message) {
  process.stderr.write(`pkvm-dma-spec: ${message}\n`);
  process.exit(code);
}
