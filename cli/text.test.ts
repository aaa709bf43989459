import { expect, test } from "vitest";
import { describeProgress, ProgressLine } from "./progress.ts";
import { fakeWorld } from "./fake-world.ts";
import { parseMemory } from "./flags.ts";
import {
  formatBytes,
  formatCount,
  formatRate,
  formatSeconds,
  formatTable,
  quoteForShell,
  visibleLength,
} from "./text.ts";

test("numbers", () => {
  expect([0, 12, 999, 1000, 12_345, 999_999, 1_234_567.6, -1000].map(formatCount)).toEqual(
    [0, 12, 999, 1000, 12_345, 999_999, 1_234_568, -1000].map((n) => n.toLocaleString("en-US")),
  );
  expect([0, 999, 1000, 456_789, 999_499, 1_234_567].map(formatRate)).toEqual([
    "0",
    "999",
    "1 k",
    "457 k",
    "999 k",
    "1.23 M",
  ]);
  expect([0, 512, 1536, 512 * 2 ** 20, 3 * 2 ** 29].map(formatBytes)).toEqual([
    "0 bytes",
    "512 bytes",
    "1.5 kB",
    "512 MB",
    "1.5 GB",
  ]);
  expect([0.421, 12.4, 119.7].map(formatSeconds)).toEqual(["0.42 s", "12 s", "2 min 0 s"]);
});

test("sizes of memory", () => {
  expect(["512M", "2G", "2GiB", "1.5k", "100"].map(parseMemory)).toEqual([
    2 ** 29,
    2 ** 31,
    2 ** 31,
    1536,
    100,
  ]);
});

test("columns line up whatever the colours", () => {
  const red = "\u001b[31mred\u001b[39m";
  expect(visibleLength(red)).toBe(3);
  expect(
    formatTable([
      [red, "x"],
      ["green", "y"],
    ]),
  ).toEqual([`  ${red}    x`, "  green  y"]);
});

test("words for a shell", () => {
  expect(["pv", "a=off", "two words", "it's"].map(quoteForShell)).toEqual([
    "pv",
    "a=off",
    "'two words'",
    "'it'\\''s'",
  ]);
});

const before = { depth: 3, states: 1000, transitions: 5000, seconds: 1, queue: 100, memoryBytes: 2 ** 20 };
const now = { depth: 4, states: 3000, transitions: 9000, seconds: 2, queue: 200, memoryBytes: 2 ** 21 };

test("progress: depth, states, rate, queue and its trend, memory, time", () => {
  expect(describeProgress(now, before)).toBe(
    "depth 4 · 3,000 states · 2 k/s · queue 200 growing · 2.0 MB · 2.00 s",
  );
  expect(describeProgress(before, now)).toContain("queue 100 shrinking");
});

test("progress is rewritten in place on a terminal, and a line every ten seconds elsewhere", () => {
  const terminal = fakeWorld({ isTTY: true });
  const line = new ProgressLine(terminal.io);
  line.report(before);
  line.report(now);
  line.clear();
  expect(terminal.stderr()).not.toContain("\n");
  expect(terminal.stderr().split("\r")).toHaveLength(4);

  const file = fakeWorld();
  const lines = new ProgressLine(file.io);
  for (let seconds = 1; seconds <= 25; seconds++) lines.report({ ...now, seconds });
  lines.clear();
  expect(file.stderr().trimEnd().split("\n")).toHaveLength(2);
});
