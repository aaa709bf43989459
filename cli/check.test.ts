import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { invariant } from "../checker/index.ts";
import { fakeRegistry, fakeWorld, runFake } from "./fake-world.ts";
import { checkSchema } from "./schemas.ts";

type AnyModel = ReturnType<(typeof fakeRegistry.designs)[number]["build"]>;

async function checkJson(words: string) {
  const { code, stdout, stderr, world } = await runFake(`check ${words} --json`);
  expect(stderr).toBe("");
  const output = checkSchema.parse(JSON.parse(stdout));
  // Nothing is printed that the schema does not know.
  expect(output).toEqual(JSON.parse(stdout));
  return { code, output, world };
}

describe("verdicts and exit codes", () => {
  test("holds: every state was seen, and no property is broken", async () => {
    const { code, output } = await checkJson("--design sound");
    expect(code).toBe(0);
    expect(output).toMatchObject({
      verdict: "holds",
      exhaustive: true,
      states: 7,
      ending: "exhausted",
      depth: 3,
    });
    expect(output.properties.map(({ verdict }) => verdict)).toEqual(["holds", "holds", "holds"]);
    expect(output.witnesses).toEqual([{ name: "something-counted", reached: true }]);
    expect(output.start?.cpuSeconds).toBeGreaterThan(0);
    expect(output.reproduce).toBe("npx dmaspec check --design sound --scenario counting --size tiny");
  });

  test("violated: the shortest schedule, in a trace file; what is not decided is incomplete", async () => {
    const { code, output, world } = await checkJson("--design broken");
    expect(code).toBe(1);
    expect(output).toMatchObject({ verdict: "violated", exhaustive: false, ending: "violated" });
    const file = "traces/broken-counting-tiny-count-is-small.json";
    expect(output.properties).toEqual([
      {
        name: "count-is-small",
        verdict: "violated",
        instance: { place: 0 },
        length: 3,
        trace: file,
        cause: { step: 3, name: "bump" },
      },
      { name: "nothing-else", verdict: "incomplete", instance: null, length: null, trace: null, cause: null },
      {
        name: "counts-do-not-fall",
        verdict: "incomplete",
        instance: null,
        length: null,
        trace: null,
        cause: null,
      },
    ]);
    const trace = JSON.parse(readFileSync(join(world.io.cwd, file), "utf8"));
    expect(trace.steps).toHaveLength(3);
    expect(trace.reproduce).toContain("--property count-is-small");
  });

  test("--all decides every property", async () => {
    const { code, output } = await checkJson("--design broken --all");
    expect(code).toBe(1);
    expect(output).toMatchObject({ verdict: "violated", exhaustive: true, states: 7 });
    expect(output.properties.map(({ verdict }) => verdict)).toEqual(["violated", "holds", "holds"]);
    expect(output.reproduce).toContain("--all");
  });

  test("--all tells together what goes wrong at the same step", async () => {
    const [, broken] = fakeRegistry.designs;
    const six = invariant("never-six", {}, { sentence: "Never 6.", holds: (s: { n: number }) => s.n !== 6 });
    const also = (model: AnyModel): AnyModel => ({ ...model, invariants: [...model.invariants, six] });
    const registry = { ...fakeRegistry, designs: [{ ...broken, build: () => also(broken.build()) }] };
    const { stdout } = await runFake("check --design broken --all", fakeWorld(), registry);
    expect(stdout).toMatch(/by the same cause as above: "bump", .*\n {4}never-six +3 steps +traces\//);
    expect(stdout).toContain("2 of 4 properties can be broken, from 1 cause.");
    const json = await runFake("check --design broken --all --json", fakeWorld(), registry);
    const causes = checkSchema.parse(JSON.parse(json.stdout)).properties.map(({ cause }) => cause);
    expect(causes).toEqual([{ step: 3, name: "bump" }, null, { step: 3, name: "bump" }, null]);
  });

  test("--all shows the gravest in full, however long: properties are declared in the order of their weight", async () => {
    const [, broken] = fakeRegistry.designs;
    const far = invariant("never-six", {}, { sentence: "Never 6.", holds: (s: { n: number }) => s.n !== 6 });
    const first = (model: AnyModel): AnyModel => ({ ...model, invariants: [far, ...model.invariants] });
    const registry = { ...fakeRegistry, designs: [{ ...broken, build: () => first(broken.build()) }] };
    const { stdout } = await runFake("check --design broken --all", fakeWorld(), registry);
    expect(stdout.match(/✗ .*/)?.[0]).toMatch(/^✗ never-six is broken after \d steps/);
    expect(stdout).toMatch(/1 other property can be broken\.[^]* {4}count-is-small\(place: 0\)/);
  });

  test("what holds is counted beside a violation, named without one, and listed with --verdicts", async () => {
    const brief = await runFake("check --design broken --all");
    expect(brief.stdout).toMatch(/violated {2}count-is-small .*\n {2}holds {2}2 properties\n/);
    expect(brief.stdout).not.toContain("counts-do-not-fall");
    const green = await runFake("check --design sound");
    expect(green.stdout).toContain("holds  3 properties: count-is-small, nothing-else, counts-do-not-fall");
    const full = await runFake("check --design broken --all --verdicts");
    expect(full.stdout).toMatch(/violated {2}count-is-small .*\n {2}holds {5}nothing-else /);
    expect(full.stdout).toContain("witness: something-counted");
    const vacuous = await runFake("check --design empty");
    expect(vacuous.stdout).toContain("not reached  witness: the-impossible");
  });

  test("incomplete: a limit is never green", async () => {
    for (const limit of ["--max-states 3", "--max-depth 1", "--max-seconds 0", "--memory 1k --reduce none"]) {
      const { code, output } = await checkJson(`--design sound ${limit}`);
      expect(code, limit).toBe(2);
      expect(output, limit).toMatchObject({ verdict: "incomplete", exhaustive: false });
      expect(new Set(output.properties.map(({ verdict }) => verdict))).toEqual(new Set(["incomplete"]));
    }
  });

  test("incomplete: with fingerprints, however much was seen, and the probability is told", async () => {
    const { code, output } = await checkJson("--design sound --fingerprints");
    expect(code).toBe(2);
    expect(output).toMatchObject({
      verdict: "incomplete",
      exhaustive: false,
      ending: "exhausted",
      states: 7,
    });
    expect(output.omissionProbability).toBeCloseTo(49 / 2 ** 65, 25);
    expect(output.reproduce).toContain("--fingerprints");
    const { stdout } = await runFake("check --design sound --fingerprints");
    expect(stdout).toContain("incomplete: no violation was found, and every state found was checked");
    expect(stdout).toContain("at most 1.3e-18");
    expect((await checkJson("--design sound")).output.omissionProbability).toBe(0);
  });

  test("a violation outranks a limit", async () => {
    const { code, output } = await checkJson("--design broken --max-depth 3");
    expect([code, output.verdict]).toEqual([1, "violated"]);
  });

  test("vacuous: a declared witness was not reached", async () => {
    const { code, output } = await checkJson("--design empty");
    expect(code).toBe(3);
    expect(output).toMatchObject({ verdict: "vacuous", exhaustive: true });
    expect(output.witnesses).toContainEqual({ name: "the-impossible", reached: false });
  });

  test("a reachable panic is told under availability, and violates nothing", async () => {
    const { code, output } = await checkJson("--design panicking");
    expect([code, output.verdict]).toEqual([0, "holds"]);
    expect(output.availability).toEqual([{ name: "call: an unknown place", length: 3 }]);
    expect(output.witnesses).toEqual([]);
  });
});

describe("options", () => {
  test("--property leaves the others out", async () => {
    const { code, output } = await checkJson("--design broken --property nothing-else");
    expect(code).toBe(0);
    expect(output.properties.map(({ name }) => name)).toEqual(["nothing-else"]);
    expect(output.reproduce).toContain("--property nothing-else");
  });

  test("--engine reference sees the same", async () => {
    const packed = await checkJson("--design sound");
    const reference = await checkJson("--design sound --engine reference");
    expect(reference.output.engine.name).toBe("reference");
    expect(reference.output.digest).toBe(packed.output.digest);
    expect(reference.output.modelDigest).toBe(packed.output.modelDigest);
  });

  test("--power and --assume switch off, and are told", async () => {
    const { output } = await checkJson("--design broken --power bumping=off");
    expect(output.powers).toEqual([{ name: "bumping", on: false }]);
    expect(output.properties[0].length).toBe(5);
    // The trace of the run with everything on is another file.
    expect(output.properties[0].trace).toBe(
      "traces/broken-counting-tiny-without-bumping-count-is-small.json",
    );
    expect(output.reproduce).toContain("--power bumping=off");
    const unseen = await checkJson("--design broken --assume counts-are-seen=off");
    expect(unseen.code).toBe(0);
    expect(unseen.output.assumptions).toEqual([{ name: "counts-are-seen", on: false }]);
  });

  test("--size and --trace", async () => {
    const { output, world } = await checkJson("--design broken --size paper --trace sub/here.json");
    expect(output.bounds.top).toBe(9);
    expect(output.properties[0].trace).toBe("sub/here.json");
    expect(existsSync(join(world.io.cwd, "sub/here.json"))).toBe(true);
  });
});

describe("text", () => {
  test("a counterexample: sentence, culprits, steps in lanes, verdict, and a command as the last line", async () => {
    const { code, stdout } = await runFake("check --design broken");
    expect(code).toBe(1);
    expect(stdout).toContain("✗ count-is-small(place: 0) is broken after 3 steps");
    expect(stdout).toContain("“The count stays below what is bad.”");
    expect(stdout).toContain("the count is 5, and 5 is bad");
    expect(stdout).toMatch(/ {2}\*1 {2}count\(place: 0\)/);
    expect(stdout).toContain("n: 0 → 1");
    expect(stdout).toMatch(/what happens\n {2}host does "count\(place: 0\)" \(step 1; n: 0 → 1\)\./);
    expect(stdout).toContain("  incomplete  2 properties\n");
    expect(stdout).toMatch(/violated: 1 of 3 properties can be broken/);
    expect(stdout.trimEnd().split("\n").at(-1)).toBe(
      "reproduce: npx dmaspec check --design broken --scenario counting --size tiny",
    );
    expect(stdout).not.toContain("\u001b");
  });

  test("colour on a terminal, unless NO_COLOR is set", async () => {
    const onTerminal = await runFake("check --design sound", fakeWorld({ isTTY: true }));
    expect(onTerminal.stdout).toContain("\u001b[32mholds");
    const plain = await runFake("check --design sound", fakeWorld({ isTTY: true, env: { NO_COLOR: "1" } }));
    expect(plain.stdout).not.toContain("\u001b");
  });

  test("no green word where a limit was hit", async () => {
    const { stdout } = await runFake("check --design sound --max-depth 2", fakeWorld({ isTTY: true }));
    expect(stdout).not.toContain("\u001b[32m");
    expect(stdout).toContain("No violation was found within 2 steps");
  });
});

describe("faulty models", () => {
  test("are told with the field, the remedy and the steps that lead there, and without a stack trace", async () => {
    const { code, stderr } = await runFake("check --design faulty");
    expect(code).toBe(70);
    expect(stderr).toContain("[M01]");
    expect(stderr).toContain("remedy: widen the field in the schema");
    expect(stderr).toContain("the steps that lead there:");
    expect(stderr).toContain("n: 4 → 6");
    expect(stderr.trimEnd().split("\n").at(-1)).toBe(
      "reproduce: npx dmaspec check --design faulty --scenario counting --size tiny",
    );
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test("show a stack trace where asked for", async () => {
    const { stderr } = await runFake("check --design faulty", fakeWorld({ env: { DMASPEC_DEBUG: "1" } }));
    expect(stderr).toMatch(/^\s+at /m);
  });
});
