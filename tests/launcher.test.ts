// The launcher runs what the sources say: dist/ only while nothing is newer than it.

import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const project = resolve(import.meta.dirname, "..");
const before = new Date(Date.now() - 60_000);
const built = new Date(Date.now() - 30_000);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "launcher-"));
  for (const file of ["bin/dmaspec.mjs", "scripts/bundle.mjs", "scripts/freshness.mjs", "tsconfig.json"]) {
    cpSync(join(project, file), join(folder, file));
  }
  symlinkSync(join(project, "node_modules"), join(folder, "node_modules"));
  write("package.json", '{ "type": "module" }');
  write("cli/main.ts", command("source"));
  write("model/designs/pv.ts", "export {};\n");
  write(
    "dist/bundle.cjs",
    `() => ({ "cli/main.js": [[], () => ({ main: (argv) => (console.log(["dist", ...argv].join(" ")), 3) })] })`,
  );
  write("dist/.built", "", built);
  for (const path of ["tsconfig.json", "scripts/bundle.mjs", "cli", "model", "model/designs"])
    touch(path, before);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("what is run", () => {
  test("dist/ when it is as new as the sources", async () => {
    expect(await dmaspec("check", "--json")).toEqual({ code: 3, stdout: "dist check --json\n", stderr: "" });
  });

  test("the sources when one was edited, anywhere", async () => {
    touch("model/designs/pv.ts", new Date());
    expect((await dmaspec()).stdout).toBe("source\n");
  });

  test("the sources when one was removed", async () => {
    rmSync(join(folder, "model/designs/pv.ts"));
    expect((await dmaspec()).stdout).toBe("source\n");
  });

  test("the sources when nothing was built", async () => {
    rmSync(join(folder, "dist"), { recursive: true });
    expect((await dmaspec()).stdout).toBe("source\n");
  });

  test("dist/ when only a test was edited", async () => {
    write("model/designs/pv.test.ts", "export {};\n", before);
    touch("model/designs", before);
    touch("model/designs/pv.test.ts", new Date());
    expect((await dmaspec()).stdout).toBe("dist\n");
  });
});

describe("failures", () => {
  test("missing dependencies are said in one sentence", async () => {
    rmSync(join(folder, "node_modules"));
    rmSync(join(folder, "dist"), { recursive: true });
    const stderr = "dmaspec: the dependencies are not installed: run npm ci first.\n";
    expect(await dmaspec()).toEqual({ code: 70, stdout: "", stderr });
  });

  test("an internal error shows no stack trace", async () => {
    write("cli/main.ts", 'export const main = () => { throw new Error("lost"); };\n', new Date());
    const stderr = "dmaspec: internal error: lost\nSet DMASPEC_DEBUG=1 to see where.\n";
    expect(await dmaspec()).toEqual({ code: 70, stdout: "", stderr });
  });
});

function command(which: string): string {
  return `export async function main(argv: string[]): Promise<number> {
  console.log(["${which}", ...argv].join(" "));
  return 3;
}
`;
}

function write(path: string, text: string, time = before): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
  touch(path, time);
}

function touch(path: string, time: Date): void {
  utimesSync(join(folder, path), time, time);
}

function dmaspec(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((done) => {
    const { DMASPEC_DEBUG: _, ...env } = process.env;
    execFile(
      process.execPath,
      [join(folder, "bin/dmaspec.mjs"), ...args],
      { env },
      (error, stdout, stderr) => {
        done({ code: Number(error?.code ?? 0), stdout, stderr });
      },
    );
  });
}
