// The command as one file, which scripts/link.mjs makes of the built modules. Beside the file lies what V8 made of it: the
// code of the functions that the runs at the end of a build used. Another version of Node refuses it, and compiles anew.
//
//   node scripts/bundle.mjs FOLDER   runs what was built in the folder, and keeps its code
//
// Node's own modules are not imported here: that fills in all their exports, and takes longer than using some.

const { existsSync, readFileSync, writeFileSync } = process.getBuiltinModule("node:fs");
const { createRequire } = process.getBuiltinModule("node:module");
const { join, resolve } = process.getBuiltinModule("node:path");
const { fileURLToPath, pathToFileURL } = process.getBuiltinModule("node:url");
const { Script } = process.getBuiltinModule("node:vm");

/** The module that the launcher runs, the file that has all of them, and what V8 made of that; in the built folder. */
export const bundle = { entry: "cli/main.js", file: "bundle.cjs", code: "bundle.code" };

/** Runs the entry module, and those that it imports: its exports, and the script with all modules. */
export function loadBundle(built) {
  const file = join(built, bundle.file);
  const code = join(built, bundle.code);
  const cachedData = existsSync(code) ? readFileSync(code) : undefined;
  const script = new Script(readFileSync(file, "utf8"), { filename: file, cachedData });
  const require = createRequire(file);
  const modules = script.runInThisContext()(require, (specifier) => import(specifier));
  const loaded = new Map();
  const load = (id) => {
    if (!Object.hasOwn(modules, id)) return require(id);
    if (!loaded.has(id)) {
      const [imports, run] = modules[id];
      const meta = { url: pathToFileURL(join(built, id)).href };
      loaded.set(id, run(meta, loadLate, ...imports.map(load)));
    }
    return loaded.get(id);
  };
  const loadLate = async (id) => load(id);
  return { script, exports: load(bundle.entry) };
}

/** What most runs do: of an example, of a design, and with reductions, which compile the model each time. */
const usualRuns = [
  ["check", "--design", "dma-core", "--scenario", "2x2x2", "--reduce", "none"],
  ["check", "--max-states", "1000"],
  ["check", "--design", "dma-core", "--scenario", "3x2x2", "--reduce", "all"],
];

async function keepCode(built) {
  const { exports, script } = loadBundle(built);
  for (const run of usualRuns) {
    const code = await exports.main(run);
    if (code !== 0 && code !== 2) throw new Error(`dmaspec ${run.join(" ")} ended with ${code}`);
  }
  writeFileSync(join(built, bundle.code), script.createCachedData());
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await keepCode(resolve(process.argv[2]));
}
