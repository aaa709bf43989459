import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { compileInstance, createCompiled } from "../checker/compile/compiled.ts";
import { dmaCore, dmaCoreScope } from "../checker/examples/dma-core.ts";
import { type Instance, instantiate } from "../checker/index.ts";
import { searchReduced } from "../checker/reduce/index.ts";
import { reductionNames } from "../checker/reduce/reduction.ts";
import { searchAll } from "../checker/reduce/verdicts.ts";
import { searchInWasm } from "../checker/parallel/search.ts";
import { sourceOf } from "../checker/parallel/create-wasm.ts";
import { WasmEvaluator } from "../checker/parallel/wasm-evaluator.ts";
import { codeFolder, keeping, keptAnswers, OtherMemory, readKept } from "./code-cache.ts";

const of = instantiate(dmaCore(), dmaCoreScope("2x2x2")) as Instance<unknown>;
const space = 2 ** 26;
let folder = "";
let compiled = 0;

beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), "dmaspec-test-")), "code");
  compiled = 0;
});
afterEach(() => rmSync(join(folder, ".."), { recursive: true }));

function evaluatorFor(identity: string, options: { workers: number; space: number }) {
  const kept = readKept(folder, identity);
  try {
    if (kept !== null) return new WasmEvaluator(of, kept, options);
  } catch (error) {
    if (!(error instanceof OtherMemory)) throw error;
  }
  compiled++;
  return new WasmEvaluator(of, keeping(folder, identity, sourceOf(of, compileInstance(of))), options);
}

/** Searches with code that is kept, and says how many states there are. */
async function search(identity: string, workers = 1): Promise<number> {
  const evaluator = evaluatorFor(identity, { workers, space });
  const options = { instances: of.instances.length, witnesses: of.witnesses.length, stopAtViolation: false };
  return (await searchInWasm(evaluator, options)).states;
}

test("what was compiled once is used again, and finds the same", async () => {
  expect(await search("one")).toBe(50_924);
  expect([compiled, readdirSync(folder).length]).toEqual([1, 1]);
  expect(await search("one")).toBe(50_924);
  expect(compiled).toBe(1);
});

test("another identity, or another memory, is compiled anew", async () => {
  await search("one");
  await search("two");
  expect(compiled).toBe(2);
  expect(await search("two", 2)).toBe(50_924);
  expect(compiled).toBe(3);
});

test("a file that is not whole is not used", async () => {
  await search("one");
  const path = join(folder, readdirSync(folder)[0]);
  const whole = readFileSync(path);
  for (const wrong of [
    whole.subarray(0, 40),
    whole.subarray(0, -1),
    Buffer.from(whole).fill(1, 400, 401),
    Buffer.alloc(0),
  ]) {
    writeFileSync(path, wrong);
    // oxlint-disable-next-line no-await-in-loop
    expect(await search("one")).toBe(50_924);
  }
  expect(compiled).toBe(5);
});

test("where nothing can be written, everything works", async () => {
  writeFileSync(folder, "no folder");
  expect(await search("one")).toBe(50_924);
  expect(await search("one")).toBe(50_924);
  expect(compiled).toBe(2);
});

test("it is kept with the user's caches, or where DMASPEC_CACHE says", () => {
  expect(codeFolder({ XDG_CACHE_HOME: "/caches" })).toBe(join("/caches", "dmaspec"));
  expect(codeFolder({ DMASPEC_CACHE: "/here", XDG_CACHE_HOME: "/caches" })).toBe("/here");
  expect(codeFolder({ DMASPEC_CACHE: "off" })).toBe(null);
});

test("a search with reductions is the same with what an earlier one found before it", async () => {
  const small = instantiate(dmaCore(), dmaCoreScope("2x2x2"));
  const evaluator = createCompiled(small);
  const run = async () => {
    const kept = keptAnswers(folder, "one");
    const asked: string[] = [];
    const noting = {
      ...kept,
      set: (name: string, value: unknown) => (asked.push(name), kept.set(name, value)),
    };
    const options = { seed: 1, audit: false, kept: noting };
    const { result, used } = await searchReduced(small, evaluator, reductionNames, options, (each) =>
      searchAll(small, each),
    );
    kept.save();
    const { states, transitions, digest, violations } = result;
    return { found: { states, transitions, digest, violations, used }, asked };
  };
  const first = await run();
  expect(first.found.states).toBe(97);
  expect(first.asked).toEqual(["witnesses", "plan", "symmetry", "keys"]);
  const second = await run();
  expect(second.found).toEqual(first.found);
  expect(second.asked).toEqual(["keys"]);
  // What is damaged is found again.
  const path = join(folder, readdirSync(folder)[0]);
  writeFileSync(path, Buffer.from(readFileSync(path)).fill(1, 40, 41));
  expect(await run()).toEqual(first);
});
