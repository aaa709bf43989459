/**
 * Checkpoints in a folder: one file, which is replaced in one step (written beside it, brought to the disk, renamed), so
 * that whatever ends the process, there is a whole one.
 *
 * The file: a line with the format and the length of what follows, as JSON: what was run, of which model, by which
 * version, the search's facts, the lengths of the parts. Then the parts' words, as this machine has them in memory, and
 * the SHA-256 of all of it.
 */
import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Checkpoints, Part, SavedSearch } from "../checker/search/checkpoint.ts";
import { usageError } from "./exit-codes.ts";

/** What a run says of itself in its checkpoints. */
export interface CheckpointRun {
  readonly version: string;
  /** What the program is made of. */
  readonly programDigest: string;
  readonly modelDigest: string;
  /** The engine that searches. */
  readonly engine: string;
  /** Bytes that the search began with: the form of its table depends on it. */
  readonly memory: number;
  /** The options of `check`. */
  readonly flags: unknown;
}

interface Header extends CheckpointRun {
  readonly facts: unknown;
  readonly parts: readonly { readonly name: string; readonly words: number }[];
}

const format = "dmaspec/checkpoint@1";
const fileName = "checkpoint";
const digestBytes = 32;
const mostAtOnce = 1 << 26;
/** Of its time, a search spends no more than this part on checkpoints. */
const mostOfTime = 1 / 20;

/** Writes a run's checkpoints into a folder. */
export class FolderCheckpoints implements Checkpoints {
  readonly from: SavedSearch | null;
  private readonly folder: string;
  private readonly run: CheckpointRun;
  private readonly every: number;
  private readonly warn: (text: string) => void;
  private nextAt: number;

  /** `every`: milliseconds between two, at least. `warn` is told when there is no room for one. */
  constructor(
    folder: string,
    run: CheckpointRun,
    options: {
      readonly every: number;
      readonly warn: (text: string) => void;
      readonly from: SavedSearch | null;
    },
  ) {
    this.folder = folder;
    this.run = run;
    this.every = options.every;
    this.warn = options.warn;
    this.from = options.from;
    this.nextAt = performance.now() + this.every;
    mkdirSync(folder, { recursive: true });
  }

  isDue(): boolean {
    return performance.now() >= this.nextAt;
  }

  write(facts: object, parts: readonly Part[]): void {
    const began = performance.now();
    const path = pathIn(this.folder);
    const fresh = `${path}.new`;
    try {
      writeWhole(
        fresh,
        { ...this.run, facts, parts: parts.map(({ name, words }) => ({ name, words })) },
        parts,
      );
      renameSync(fresh, path);
      syncFolder(this.folder);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ENOSPC" && code !== "EDQUOT") throw error;
      rmSync(fresh, { force: true });
      this.warn("no room on the disk for a checkpoint: the one before, if there is one, stays\n");
    }
    const now = performance.now();
    this.nextAt = now + Math.max(this.every, (now - began) / mostOfTime);
  }

  /** Whether there is one to go on from. */
  get hasOne(): boolean {
    return hasCheckpoint(this.folder);
  }

  /** Takes the checkpoint away: the run has its result. */
  dispose(): void {
    for (const path of [pathIn(this.folder), `${pathIn(this.folder)}.new`]) rmSync(path, { force: true });
  }
}

export function hasCheckpoint(folder: string): boolean {
  return existsSync(pathIn(folder));
}

export interface OpenedCheckpoint {
  readonly run: CheckpointRun;
  readonly search: SavedSearch;
}

/** Opens a folder's checkpoint. Throws a usage error if there is none, or it is not whole. */
export function openCheckpoint(folder: string): OpenedCheckpoint {
  const path = pathIn(folder);
  if (!existsSync(path)) {
    throw usageError(
      `there is no checkpoint in ${folder}`,
      "name a folder that `dmaspec check --checkpoint` wrote to",
    );
  }
  const file = openSync(path, "r");
  const { header, start } = readHeader(file, path);
  let at = start;
  const parts = new Map<string, { next: number; readonly words: number }>();
  for (const { name, words } of header.parts) {
    parts.set(name, { next: at, words });
    at += 4 * words;
  }
  requireWhole(file, path, at);
  const partOf = (name: string) => {
    const part = parts.get(name);
    if (part === undefined) throw torn(path, `it has no part "${name}"`);
    return part;
  };
  const search: SavedSearch = {
    facts: header.facts,
    wordsOf: (name) => partOf(name).words,
    read: (name, into) => {
      const part = partOf(name);
      readAt(file, bytesOf(into), part.next, path);
      part.next += into.byteLength;
    },
  };
  return { run: header, search };
}

function pathIn(folder: string): string {
  return join(folder, fileName);
}

function writeWhole(path: string, header: Header, parts: readonly Part[]): void {
  const file = openSync(path, "w");
  const hash = createHash("sha256");
  const write = (bytes: Uint8Array): void => {
    for (let at = 0; at < bytes.length; ) {
      // A copy, which is small: memory that threads share is nothing that the file system takes.
      const some = bytes.slice(at, at + mostAtOnce);
      hash.update(some);
      for (let done = 0; done < some.length; ) done += writeSync(file, some, done);
      at += some.length;
    }
  };
  try {
    const text = new TextEncoder().encode(JSON.stringify(header));
    write(new TextEncoder().encode(`${format} ${text.length}\n`));
    write(text);
    for (const { pieces } of parts) for (const piece of pieces) write(bytesOf(piece));
    writeSync(file, hash.digest());
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** So that the new name, too, is on the disk. Not every system can do that with a folder. */
function syncFolder(folder: string): void {
  try {
    const opened = openSync(folder, "r");
    fsyncSync(opened);
    closeSync(opened);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!["EISDIR", "EPERM", "EACCES", "EINVAL"].includes(code ?? "")) throw error;
  }
}

function readHeader(file: number, path: string): { header: Header; start: number } {
  const first = Buffer.alloc(100);
  readSync(file, first, 0, first.length, 0);
  const [, name, length] = /^(dmaspec\/checkpoint@\d+) (\d+)\n/.exec(first.toString("latin1")) ?? [];
  if (name === undefined) throw torn(path, "it does not begin as a checkpoint does");
  if (name !== format) {
    throw usageError(
      `${path} has the format ${name}, and this version of dmaspec reads ${format}`,
      "go on with the version that wrote it",
    );
  }
  const text = Buffer.alloc(Number(length));
  const start = `${name} ${length}\n`.length;
  readAt(file, text, start, path);
  try {
    return { header: JSON.parse(text.toString("utf8")) as Header, start: start + text.length };
  } catch {
    throw torn(path, "what it says of itself is no JSON");
  }
}

function requireWhole(file: number, path: string, end: number): void {
  const { size } = fstatSync(file);
  if (size !== end + digestBytes) throw torn(path, `it has ${size} bytes, and says ${end + digestBytes}`);
  const hash = createHash("sha256");
  const some = Buffer.alloc(Math.min(end, mostAtOnce));
  for (let at = 0; at < end; at += some.length) {
    const piece = some.subarray(0, Math.min(some.length, end - at));
    readAt(file, piece, at, path);
    hash.update(piece);
  }
  const digest = Buffer.alloc(digestBytes);
  readAt(file, digest, end, path);
  if (!digest.equals(hash.digest())) throw torn(path, "its contents do not have the digest that it says");
}

/** Fills `into` from a place in the file on. */
function readAt(file: number, into: Uint8Array, from: number, path: string): void {
  const some = new Uint8Array(Math.min(into.length, mostAtOnce));
  for (let done = 0; done < into.length; ) {
    const count = readSync(file, some, 0, Math.min(some.length, into.length - done), from + done);
    if (count === 0) throw torn(path, "it ends too early");
    into.set(some.subarray(0, count), done);
    done += count;
  }
}

function torn(path: string, why: string): Error {
  return usageError(`${path} is no whole checkpoint: ${why}`, "begin the run anew");
}

function bytesOf(words: Int32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}
