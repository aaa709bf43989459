/**
 * Compiled models, and what the analyses before a reduced search found, kept from one run to the next: both take longer
 * than many a search. A file is named after all that it depends on (what the program was built from, design, bounds,
 * switches), so that none is ever used for anything else, and it carries its own digest. Only what runs from built output
 * is kept.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { MemoryMap } from "../checker/parallel/memory-map.ts";
import type { WasmSource } from "../checker/parallel/wasm-evaluator.ts";
import type { Kept } from "../checker/reduce/kept.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** More files than these are not kept: the oldest go. */
const mostFiles = 400;
const digestBytes = 32;

interface Header extends Omit<WasmSource, "encode"> {
  /** How the memory is laid out for which the code was made. */
  readonly needs: string;
}

/** Where code is kept: `DMASPEC_CACHE` moves it, and `off` switches it off (null). */
export function codeFolder(env: Env = process.env): string | null {
  const { DMASPEC_CACHE: own, XDG_CACHE_HOME: caches } = env;
  if (own === "off") return null;
  if (own !== undefined && own !== "") return own;
  return join(caches === undefined || caches === "" ? join(homedir(), ".cache") : caches, "dmaspec");
}

/** Answers that are kept for this identity: those of earlier runs, and with `save` those that came since. */
export function keptAnswers(folder: string, identity: string): Kept & { save(): void } {
  const path = pathOf(folder, `answers: ${identity}`);
  const found = readCode(path)?.header as Record<string, unknown> | undefined;
  const known = new Map(Object.entries(found ?? {}));
  const before = known.size;
  return {
    get: (name) => known.get(name),
    set: (name, value) => void known.set(name, value),
    save: () => {
      if (known.size > before) writeKept(path, Object.fromEntries(known), new Uint8Array(0));
    },
  };
}

/** The code was made for a memory with another layout. */
export class OtherMemory extends Error {}

/** What was kept for this identity, or null. Making an evaluator of it may throw `OtherMemory`. */
export function readKept(folder: string, identity: string): WasmSource | null {
  const kept = readCode(pathOf(folder, identity));
  if (kept === null) return null;
  const { bytes } = kept;
  const header = kept.header as Header;
  const encode = (map: MemoryMap): Uint8Array => {
    if (JSON.stringify(map.needs) !== header.needs) throw new OtherMemory("other code is needed");
    return bytes;
  };
  return { mostSuccessors: header.mostSuccessors, servers: header.servers, encode };
}

/** A source whose code is kept as soon as it is made. */
export function keeping(folder: string, identity: string, source: WasmSource): WasmSource {
  return { ...source, encode: (map) => keepCode(pathOf(folder, identity), source, map) };
}

function pathOf(folder: string, identity: string): string {
  return join(folder, `${createHash("sha256").update(identity).digest("hex")}.code`);
}

function readCode(path: string): { header: unknown; bytes: Uint8Array } | null {
  let file: Buffer;
  try {
    file = readFileSync(path);
  } catch {
    return null;
  }
  const end = file.length - digestBytes;
  const line = file.indexOf("\n");
  if (end < 0 || line < 0) return null;
  const digest = createHash("sha256").update(file.subarray(0, end)).digest();
  if (!digest.equals(file.subarray(end))) return null;
  const header: unknown = JSON.parse(file.toString("utf8", 0, line));
  return { header, bytes: Uint8Array.from(file.subarray(line + 1, end)) };
}

/** Makes the code, and keeps it where there is room; returns it. */
function keepCode(path: string, source: WasmSource, map: MemoryMap): Uint8Array {
  const { mostSuccessors, servers } = source;
  const bytes = source.encode(map);
  const header: Header = { needs: JSON.stringify(map.needs), mostSuccessors, servers };
  writeKept(path, header, bytes);
  return bytes;
}

function writeKept(path: string, header: object, bytes: Uint8Array): void {
  const body = Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), bytes]);
  const fresh = `${path}.${process.pid}`;
  // Where nothing can be kept, nothing is: the next run does it again.
  tryTo(() => mkdirSync(join(path, ".."), { recursive: true }));
  const isKept = tryTo(() => {
    writeFileSync(fresh, Buffer.concat([body, createHash("sha256").update(body).digest()]));
    renameSync(fresh, path);
  });
  tryTo(() => (isKept ? removeOldest(join(path, "..")) : rmSync(fresh, { force: true })));
}

function tryTo(run: () => void): boolean {
  try {
    run();
    return true;
  } catch {
    return false;
  }
}

function removeOldest(folder: string): void {
  const files = readdirSync(folder).filter((name) => name.endsWith(".code"));
  if (files.length <= mostFiles) return;
  const aged = files.map((name) => ({ name, time: statSync(join(folder, name)).mtimeMs }));
  aged.sort((a, b) => a.time - b.time);
  for (const { name } of aged.slice(0, files.length - mostFiles)) rmSync(join(folder, name), { force: true });
}
