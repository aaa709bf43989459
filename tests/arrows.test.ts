// The rules about who may import whom hold for the project, and each of them can fail: a small project that is
// clean, made unclean by one module at a time.

import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const project = resolve(import.meta.dirname, "..");
const config = join(project, ".dependency-cruiser.cjs");
const require = createRequire(import.meta.url);
const rules: { name: string; comment: string }[] = require(config).forbidden;

interface Violation {
  readonly rule: { readonly name: string };
  readonly from: string;
}

/** A project in which every arrow that is allowed is used. */
const clean: Record<string, string> = {
  "package.json": JSON.stringify({
    name: "small",
    type: "module",
    dependencies: { immer: "1.0.0", "ts-pattern": "1.0.0" },
    devDependencies: { tsx: "1.0.0" },
  }),
  "tsconfig.json": JSON.stringify({
    compilerOptions: { module: "nodenext", allowImportingTsExtensions: true },
  }),
  ...fakePackage("immer"),
  ...fakePackage("ts-pattern"),
  ...fakePackage("tsx"),
  ...fakePackage("undeclared"),
  "checker/index.ts": imports("./kit/rule.ts", "./search/bfs.ts"),
  "checker/kit/rule.ts": imports("immer"),
  "checker/schema/field.ts": imports(),
  "checker/search/bfs.ts": imports("../schema/field.ts", "node:worker_threads"),
  "checker/search/bfs.test.ts": imports("./bfs.ts", "../testing/random.ts", "tsx"),
  "checker/testing/random.ts": imports("../kit/rule.ts", "tsx"),
  "spec/owner.ts": imports("../checker/index.ts", "../checker/kit/rule.ts", "ts-pattern"),
  "spec/owner.test.ts": imports("./owner.ts", "../checker/search/bfs.ts", "node:fs"),
  "model/host.ts": imports("../spec/owner.ts", "../checker/schema/field.ts", "immer"),
  "model/one.ts": imports(),
  "model/two.ts": imports("./one.ts"),
  "model/host.test.ts": imports("./host.ts", "../spec/owner.ts", "../checker/search/bfs.ts"),
  "properties/reach.ts": imports("../spec/owner.ts", "../model/host.ts", "../checker/index.ts"),
  "properties/reach.test.ts": imports("./reach.ts", "../model/host.ts", "../checker/search/bfs.ts"),
  "explorer/page.ts": imports("../checker/search/bfs.ts", "../properties/reach.ts"),
  "bench/measure.ts": imports("../checker/search/bfs.ts", "../model/host.ts"),
  "cli/main.ts": imports(
    "../checker/search/bfs.ts",
    "../properties/reach.ts",
    "../bench/measure.ts",
    "node:fs",
  ),
};

/** For every rule, modules that break it, and nothing but it. All of them are tried in one project. */
const broken: Record<string, Record<string, string>> = {
  "checker-arrows": {
    "checker/kit/knows-the-policy.ts": imports("../../spec/owner.ts"),
    "checker/kit/knows-the-properties.ts": imports("../../properties/reach.ts"),
    "checker/kit/knows-the-command.ts": imports("../../cli/main.ts"),
    "checker/search/knows-the-page.ts": imports("../../explorer/page.ts"),
    "checker/search/knows-a-type.ts":
      'import type { x } from "../../model/host.ts";\nexport type Y = typeof x;\n',
  },
  "checker-test-arrows": { "checker/kit/tests-a-machine.test.ts": imports("../../model/host.ts") },
  "spec-arrows": {
    "spec/knows-a-machine.ts": imports("../model/host.ts"),
    "spec/knows-a-property.ts": imports("../properties/reach.ts"),
    "spec/knows-the-search.ts": imports("../checker/search/bfs.ts"),
  },
  "spec-test-arrows": { "spec/tests-a-machine.test.ts": imports("../model/host.ts") },
  "model-arrows": {
    "model/knows-a-property.ts": imports("../properties/reach.ts"),
    "model/knows-the-command.ts": imports("../cli/main.ts"),
    "model/knows-the-search.ts": imports("../checker/search/bfs.ts"),
  },
  "model-test-arrows": { "model/tests-a-property.test.ts": imports("../properties/reach.ts") },
  "properties-arrows": {
    "properties/knows-the-search.ts": imports("../checker/search/bfs.ts"),
    "properties/knows-the-page.ts": imports("../explorer/page.ts"),
  },
  "properties-test-arrows": { "properties/tests-the-command.test.ts": imports("../cli/main.ts") },
  "explorer-arrows": { "explorer/knows-the-command.ts": imports("../cli/main.ts") },
  "explorer-test-arrows": { "explorer/tests-the-command.test.ts": imports("../cli/main.ts") },
  // A cycle is reported once, at one of its modules.
  "no-cycles": { "model/one.ts": imports("./two.ts") },
  "search-without-immer": {
    "checker/search/with-immer.ts": imports("immer"),
    "checker/search/with-ts-pattern.ts": imports("ts-pattern"),
  },
  "specification-without-node": {
    "spec/reads-a-file.ts": imports("node:fs"),
    "model/draws-lots.ts": imports("crypto"),
    "properties/looks-at-the-clock.ts": imports("node:perf_hooks"),
  },
  "no-test-in-production": {
    "checker/kit/uses-a-test.ts": imports("../search/bfs.test.ts"),
    "checker/kit/uses-test-support.ts": imports("../testing/random.ts"),
  },
  "no-development-package": { "cli/uses-tsx.ts": imports("tsx") },
  "packages-are-declared": { "cli/uses-a-stranger.ts": imports("undeclared") },
  "imports-resolve": { "spec/imports-nothing.ts": imports("./nowhere.ts") },
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "arrows-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the project keeps its arrows", async () => {
  expect(await violations(project)).toEqual([]);
});

test("a project that uses every allowed arrow breaks no rule", async () => {
  write("clean", clean);
  expect(await violations(join(folder, "clean"))).toEqual([]);
});

test("every rule has a reason, and can fail", async () => {
  expect(Object.keys(broken)).toEqual(rules.map((rule) => rule.name));
  for (const rule of rules) expect(rule.comment).not.toBe("");

  write("broken", clean);
  for (const files of Object.values(broken)) write("broken", files);
  const expected = Object.entries(broken).flatMap(([rule, files]) =>
    Object.keys(files).map((from) => `${from} breaks ${rule}`),
  );
  const found = await violations(join(folder, "broken"));
  expect(found.map(({ from, rule }) => `${from} breaks ${rule.name}`).sort()).toEqual(expected.sort());
});

function violations(cwd: string): Promise<Violation[]> {
  const depcruise = join(project, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs");
  const args = [depcruise, "--config", config, "--output-type", "json", "."];
  return new Promise((done, fail) => {
    execFile(process.execPath, args, { cwd, maxBuffer: 1 << 28 }, (error, stdout, stderr) => {
      if (stdout === "") fail(new Error(stderr, { cause: error }));
      else done(JSON.parse(stdout).summary.violations);
    });
  });
}

function write(name: string, files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    const file = resolve(folder, name, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

function imports(...modules: string[]): string {
  return `${modules.map((module) => `import "${module}";\n`).join("")}export const x = 0;\n`;
}

function fakePackage(name: string): Record<string, string> {
  return {
    [`node_modules/${name}/package.json`]: JSON.stringify({ name, version: "1.0.0", exports: "./index.js" }),
    [`node_modules/${name}/index.js`]: "exports.x = 0;\n",
  };
}
