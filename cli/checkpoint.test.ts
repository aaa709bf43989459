/**
 * Runs that are killed and go on, and checkpoints that are refused. `npm run kills` kills many more.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { exampleDesigns } from "../checker/examples/index.ts";
import { fakeRegistry, fakeWorld, runFake } from "./fake-world.ts";
import { main } from "./main.ts";
import type { Registry } from "./registry.ts";
import { checkSchema } from "./schemas.ts";

const launcher = resolve(import.meta.dirname, "../bin/dmaspec.mjs");
/** How often each engine's run is killed. */
const kills = Number(process.env.KILLS ?? 1);
const examples: Registry = { ...fakeRegistry, designs: [], examples: exampleDesigns };

/** What a run that was interrupted has in common with one that was not. */
function essenceOf(text: string) {
  const run = checkSchema.parse(JSON.parse(text));
  const { verdict, ending, exhaustive, states, transitions, depth, digest, properties, witnesses } = run;
  const lengths = properties.map(({ name, verdict: each, length }) => [name, each, length]);
  return { verdict, ending, exhaustive, states, transitions, depth, digest, lengths, witnesses };
}

async function runExample(words: string) {
  const world = fakeWorld();
  await main(words.split(" "), world.io, examples);
  return essenceOf(world.stdout());
}

interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly wasKilled: boolean;
}

/** Runs the command in a process of its own, and kills it some time after it has begun to write checkpoints. */
async function runAndKill(args: readonly string[], folder: string, killAfter: number | null): Promise<Ended> {
  const child = spawn(process.execPath, [launcher, ...args], { cwd: folder });
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  const closed = new Promise<NodeJS.Signals | null>((done) => child.on("close", (_, signal) => done(signal)));
  if (killAfter !== null) void killLater(child, join(folder, "kept/checkpoint.new"), killAfter);
  const signal = await closed;
  return { stdout: stdout(), stderr: stderr(), wasKilled: signal === "SIGKILL" };
}

/** From the moment on in which the process is seen to write. */
async function killLater(child: ChildProcess, written: string, after: number): Promise<void> {
  while (child.exitCode === null && !existsSync(written)) await pause(1);
  await pause(after);
  child.kill("SIGKILL");
}

const pause = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));

function collect(stream: NodeJS.ReadableStream | null): () => string {
  let text = "";
  stream?.on("data", (some: Buffer) => {
    text += some.toString("utf8");
  });
  return () => text;
}

describe("a run that is killed at any moment", () => {
  test.each(["dma-core --scenario 3x2x2 --engine js", "dma-core --scenario 3x2x2 --engine wasm --workers 2"])(
    "ends as if it were not: %s",
    async (what) => {
      const words = `check --design ${what} --json`;
      const expected = await runExample(words);
      expect(expected.states).toBe(347_016);
      const folder = mkdtempSync(join(tmpdir(), "dmaspec-test-"));
      try {
        let killed = 0;
        for (let attempt = 1; ; attempt++) {
          const isBegun = existsSync(join(folder, "kept/checkpoint"));
          const args = isBegun
            ? ["resume", "kept", "--json"]
            : [...words.split(" "), "--checkpoint", "kept", "--checkpoint-seconds", "0"];
          const killAfter = killed < kills ? Math.random() * 300 : null;
          // oxlint-disable-next-line no-await-in-loop
          const ended = await runAndKill(args, folder, killAfter);
          expect(ended.wasKilled || ended.stdout !== "", ended.stderr).toBe(true);
          if (ended.wasKilled) killed++;
          else {
            expect(essenceOf(ended.stdout)).toEqual(expected);
            expect(existsSync(join(folder, "kept/checkpoint"))).toBe(false);
            if (killed >= kills || attempt > 3 * kills) break;
          }
        }
        expect(killed).toBeGreaterThanOrEqual(Math.ceil(kills / 2));
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );
});

describe("a limit", () => {
  test("is not the end: the run goes on, and takes its checkpoint away with the verdict", async () => {
    const expected = await runExample("check --design dma-core --scenario 2x2x2 --json");
    const world = fakeWorld();
    const check = "check --design dma-core --scenario 2x2x2 --engine js --max-states 9000 --checkpoint kept";
    expect(await main(check.split(" "), world.io, examples)).toBe(2);
    expect(world.stderr()).toContain("to go on: npx dmaspec resume kept");
    const further = fakeWorld();
    const io = { ...further.io, cwd: world.io.cwd };
    expect(await main(["resume", "kept", "--max-states", "90000", "--json"], io, examples)).toBe(0);
    expect(essenceOf(further.stdout())).toEqual(expected);
    expect(existsSync(join(world.io.cwd, "kept/checkpoint"))).toBe(false);
  });

  test("is kept unless it is given anew; what was violated before is told after", async () => {
    const { world } = await runFake("check --design broken --all --max-states 6 --checkpoint kept");
    const again = await runFake("resume kept --json", freshIn(world.io.cwd));
    expect(essenceOf(again.stdout)).toMatchObject({ ending: "max-states", states: 6 });
    const { code, stdout } = await runFake("resume kept --max-states 100 --json", freshIn(world.io.cwd));
    expect(code).toBe(1);
    const whole = await runFake("check --design broken --all --json");
    expect(essenceOf(stdout)).toEqual(essenceOf(whole.stdout));
  });
});

describe("a checkpoint is refused", () => {
  const begin = async () => (await runFake("check --design sound --max-states 3 --checkpoint kept")).world;

  test("where there is none, and where there is another run's", async () => {
    const none = await runFake("resume kept");
    expect([none.code, none.stderr]).toEqual([64, expect.stringContaining("there is no checkpoint in")]);
    const { io } = await begin();
    const other = await runFake("check --design sound --checkpoint kept", freshIn(io.cwd));
    expect([other.code, other.stderr]).toEqual([
      64,
      expect.stringContaining("the checkpoint of another run"),
    ]);
    const reduced = await runFake("check --design sound --checkpoint other --reduce all");
    expect([reduced.code, reduced.stderr]).toEqual([64, expect.stringContaining("cannot be kept")]);
  });

  test("where the model, the version or the sources are others", async () => {
    const { io } = await begin();
    const file = join(io.cwd, "kept/checkpoint");
    const changed = fakeRegistry.designs.map((design) => ({
      ...design,
      scenarios: design.scenarios.map((scenario) => ({
        ...scenario,
        sizes: { ...scenario.sizes, tiny: { bounds: { ...scenario.sizes.tiny.bounds, top: 7 } } },
      })),
    }));
    const grown = await runFake("resume kept", freshIn(io.cwd), { ...fakeRegistry, designs: changed });
    expect([grown.code, grown.stderr]).toEqual([64, expect.stringContaining("is of another model")]);
    const whole = readFileSync(file);
    for (const [key, told] of [
      ["version", "was written by version"],
      ["programDigest", "other sources"],
    ]) {
      rewriteHeader(file, whole, key);
      // oxlint-disable-next-line no-await-in-loop
      const { code, stderr } = await runFake("resume kept", freshIn(io.cwd));
      expect([code, stderr]).toEqual([64, expect.stringContaining(told)]);
    }
    writeFileSync(file, Buffer.concat([Buffer.from("dmaspec/checkpoint@2"), whole.subarray(20)]));
    const { code, stderr } = await runFake("resume kept", freshIn(io.cwd));
    expect([code, stderr]).toEqual([64, expect.stringContaining("has the format dmaspec/checkpoint@2")]);
  });

  test("where it is torn, wherever", async () => {
    const { io } = await begin();
    const file = join(io.cwd, "kept/checkpoint");
    const whole = readFileSync(file);
    const refused = async () => {
      const { code, stderr } = await runFake("resume kept", freshIn(io.cwd));
      expect([code, stderr]).toEqual([64, expect.stringContaining("is no whole checkpoint")]);
    };
    for (const length of [0, 10, 100, whole.length >> 1, whole.length - 1]) {
      writeFileSync(file, whole);
      truncateSync(file, length);
      // oxlint-disable-next-line no-await-in-loop
      await refused();
    }
    for (const at of [300, whole.length >> 1, whole.length - 40, whole.length - 1]) {
      const wrong = Buffer.from(whole);
      wrong[at] ^= 1;
      writeFileSync(file, wrong);
      // oxlint-disable-next-line no-await-in-loop
      await refused();
    }
  });
});

function freshIn(cwd: string) {
  const world = fakeWorld();
  return { ...world, io: { ...world.io, cwd } };
}

/** Writes the checkpoint as another program would have: whole, with another value in its header. */
function rewriteHeader(file: string, whole: Buffer, key: string): void {
  const line = whole.indexOf("\n");
  const [format, length] = whole.toString("latin1", 0, line).split(" ");
  const end = line + 1 + Number(length);
  const header = JSON.parse(whole.toString("utf8", line + 1, end));
  const text = JSON.stringify({ ...header, [key]: "other" });
  const body = Buffer.concat([
    Buffer.from(`${format} ${Buffer.byteLength(text)}\n${text}`),
    whole.subarray(end, whole.length - 32),
  ]);
  writeFileSync(file, Buffer.concat([body, createHash("sha256").update(body).digest()]));
}
