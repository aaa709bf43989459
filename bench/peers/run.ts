/**
 * Runs SPIN and Rumur on dma-core, where they are installed: translate, compile, run, read the figures.
 *
 * SPIN counts the step into its initial state as a transition; it is taken out here. Both run without
 * reductions: SPIN with `-DNOREDUCE`, Rumur without symmetry (the model declares none).
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dmaCoreInMurphi } from "./murphi.ts";
import { dmaCoreInPromela } from "./promela.ts";
import { parseSize } from "./sizes.ts";

export type PeerName = "spin" | "rumur";

export interface PeerRun {
  readonly states: number;
  readonly transitions: number;
  /** Wall time of the search alone: neither translation nor compilation. */
  readonly seconds: number;
  /** Peak resident memory of the search, where `/usr/bin/time` is there to tell. */
  readonly peakBytes: number | null;
  readonly workers: number;
}

/** Is the peer, with the C compiler that it needs, on this machine? */
export function isInstalled(peer: PeerName): boolean {
  return [peer, "gcc"].every((program) => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0);
}

/** Runs a peer on an instance (`3x3x2`). Throws what the peer printed where it fails. */
export function runPeer(peer: PeerName, instance: string): PeerRun {
  const folder = mkdtempSync(join(tmpdir(), `dmaspec-${peer}-`));
  try {
    return peer === "spin" ? runSpin(folder, instance) : runRumur(folder, instance);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function runSpin(folder: string, instance: string): PeerRun {
  writeFileSync(join(folder, "model.pml"), dmaCoreInPromela(parseSize(instance)));
  run(folder, "spin", ["-o1", "-a", "model.pml"]);
  run(folder, "gcc", ["-O2", "-w", "-DSAFETY", "-DNOREDUCE", "-o", "pan", "pan.c"]);
  const { output, seconds, peakBytes } = runTimed(folder, "./pan", ["-m10000000", "-w24"]);
  if (!/errors: 0/.test(output)) throw new Error(`SPIN found an error or did not finish:\n${output}`);
  const states = numberBefore(output, "states, stored");
  const transitions = numberBefore(output, "transitions (= stored+matched)") - 1;
  return { states, transitions, seconds, peakBytes, workers: 1 };
}

function runRumur(folder: string, instance: string): PeerRun {
  writeFileSync(join(folder, "model.m"), dmaCoreInMurphi(parseSize(instance)));
  run(folder, "rumur", ["--output", "model.c", "model.m"]);
  run(folder, "gcc", ["-O3", "-w", "-mcx16", "-o", "model", "model.c", "-lpthread"]);
  const { output, seconds, peakBytes } = runTimed(folder, "./model", []);
  if (!/No error found/.test(output)) throw new Error(`Rumur found an error or did not finish:\n${output}`);
  const states = numberBefore(output, "states, ");
  const transitions = numberBefore(output, "rules fired in");
  const workers = new Set(output.match(/thread \d+:/g) ?? ["thread 0:"]).size;
  return { states, transitions, seconds, peakBytes, workers };
}

function run(folder: string, program: string, args: readonly string[]): string {
  return execFileSync(program, args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

function runTimed(folder: string, program: string, args: readonly string[]) {
  const hasTime = spawnSync("/usr/bin/time", ["-f", "%M", "true"]).status === 0;
  const [command, all] = hasTime
    ? ["/usr/bin/time", ["-f", "peak %M KiB", program, ...args]]
    : [program, [...args]];
  const began = performance.now();
  const { stdout, stderr } = spawnSync(command, all, { cwd: folder, encoding: "utf8", maxBuffer: 2 ** 28 });
  const seconds = (performance.now() - began) / 1000;
  const peak = /peak (\d+) KiB/.exec(stderr);
  return { output: stdout, seconds, peakBytes: peak === null ? null : Number(peak[1]) * 1024 };
}

/** The last number that stands before the text. */
function numberBefore(output: string, text: string): number {
  const places = output.split(text).slice(0, -1);
  const number = /(\d+)\s*$/.exec(places.at(-1) ?? "");
  if (number === null) throw new Error(`the peer's output has no number before "${text}":\n${output}`);
  return Number(number[1]);
}
