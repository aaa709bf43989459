import { describe, expect, test } from "vitest";
import { fakeWorld, runFake } from "./fake-world.ts";
import { main } from "./main.ts";

describe("help", () => {
  test("says what it does, how to begin, and what verdicts and exit codes mean", async () => {
    const { code, stdout } = await runFake("--help");
    expect(code).toBe(0);
    for (const word of ["EXAMPLES", "holds", "violated", "incomplete", "vacuous", "64", "70", "simulate"]) {
      expect(stdout).toContain(word);
    }
  });

  test("is what a call without arguments prints", async () => {
    const world = fakeWorld();
    expect(await main([], world.io)).toBe(0);
    expect(world.stdout()).toContain("EXAMPLES");
  });

  test("exists for every command", async () => {
    for (const command of ["start", "list", "check", "simulate", "replay", "matrix"]) {
      const { code, stdout } = await runFake(`${command} --help`);
      expect([command, code]).toEqual([command, 0]);
      expect(stdout).toContain("USAGE");
    }
  });

  test("--version", async () => {
    const { code, stdout } = await runFake("--version");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe("mistakes in the call", () => {
  const mistakes: readonly (readonly [words: string, told: string])[] = [
    ["chek", 'there is no command "chek"'],
    ["check --desgin sound", "--design"],
    ["check --design soud", 'there is no design "soud"\n  remedy: did you mean "sound"?'],
    ["check --design sound --scenario countin", 'did you mean "counting"?'],
    ["check --design sound --size tin", 'did you mean "tiny"?'],
    ["check --design sound --property nothing-els", 'did you mean "nothing-else"?'],
    ["check --design sound --power bumpin=off", 'did you mean "bumping"?'],
    ["check --design sound --assume count-are-seen=off", 'did you mean "counts-are-seen"?'],
    ["check --design sound --power bumping", "write bumping=off"],
    ["check --design sound --power bumping=on", "switches nothing off"],
    ["check --design sound --max-states many", '"many" is no whole number'],
    ["check --design sound --max-depth -1", "is no whole number"],
    ["check --design sound --memory 5X", "512M"],
    ["check --design sound --max-seconds soon", "no number of seconds"],
    ["check --design sound --engine quick", "packed"],
    ["check --design sound --reduce everything", "none"],
    ["replay", "TRACE"],
    ["list --design soud", 'did you mean "sound"?'],
    ["matrix --design soud", 'did you mean "sound"?'],
  ];

  test.each(mistakes)("%s", async (words, told) => {
    const { code, stdout, stderr } = await runFake(words);
    expect(code).toBe(64);
    expect(stdout).toBe("");
    expect(stderr).toContain(told);
    expect(stderr).toMatch(/^dmaspec: /);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});
