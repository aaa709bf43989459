/** What a search has no room for in memory, on the disk: a folder of its own, which is gone when the process is. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Spill } from "../checker/search/spill.ts";

export class DiskSpill implements Spill {
  private readonly parent: string;
  private folder: string | null = null;
  private readonly atExit = (): void => this.dispose();

  /** Makes its folder in `parent` when it is first needed. */
  constructor(parent: string = tmpdir()) {
    this.parent = parent;
  }

  write(name: string, words: Int32Array): boolean {
    const path = this.pathOf(name);
    try {
      writeFileSync(path, bytesOf(words), { flag: "wx" });
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ENOSPC" && code !== "EDQUOT") throw error;
      rmSync(path, { force: true });
      return false;
    }
  }

  read(name: string, into: Int32Array): void {
    bytesOf(into).set(readFileSync(this.pathOf(name)));
  }

  forget(name: string): void {
    rmSync(this.pathOf(name));
  }

  dispose(): void {
    process.off("exit", this.atExit);
    if (this.folder !== null && existsSync(this.folder)) rmSync(this.folder, { recursive: true });
    this.folder = null;
  }

  private pathOf(name: string): string {
    if (this.folder === null) {
      this.folder = mkdtempSync(join(this.parent, "dmaspec-spill-"));
      process.on("exit", this.atExit);
    }
    return join(this.folder, name);
  }
}

function bytesOf(words: Int32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}
