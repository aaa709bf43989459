import picocolors from "picocolors";
import { describe, expect, test } from "vitest";
import { dmaCore, dmaCoreScope } from "../examples/dma-core.ts";
import {
  check,
  defineModel,
  instantiate,
  lockState,
  locked,
  procedure,
  range,
  record,
  refuse,
  sort,
  type StateOf,
  step,
  threads,
  when,
} from "../index.ts";
import { nameInstance } from "../evaluate/reference.ts";
import { layOutRows, wrap } from "./columns.ts";
import type { Shown } from "./format.ts";
import { formatCounterexample, formatSteps } from "./print.ts";
import { replayPath } from "./replay.ts";

const colors = picocolors.createColors(false);
const instance = instantiate(dmaCore(), dmaCoreScope("2x2x2"));

/** The ids of these steps. */
function pathOf(...names: readonly string[]) {
  const known = instance.instances.map((each) => nameInstance(each));
  const instances = names.map((name) => known.indexOf(name));
  expect(instances).not.toContain(-1);
  return { initial: 0, instances };
}

const replay = replayPath(
  instance,
  pathOf(
    "MAP(cpu: 0, iova: 0, page: 1)",
    "M1(cpu: 0)",
    "DONATE(cpu: 1, page: 1)",
    "D1(cpu: 1)",
    "D2(cpu: 1)",
    "D3(cpu: 1)",
    "M2(cpu: 0)",
    "M3(cpu: 0)",
  ),
);
const shown: Shown = {
  kind: "invariant",
  name: "uses-are-counted",
  args: { page: 1 },
  sentence: "A page's count is right.",
  explanation: "page 1 has 0\nand 1 is due",
};
const print = (width: number) => formatCounterexample(instance, replay, shown, { width, colors }).join("\n");

describe("a counterexample", () => {
  test("in columns: marks beside the text show who is in a call and who holds a lock", () => {
    expect(print(100)).toMatchInlineSnapshot(`
      "✗ uses-are-counted(page: 1) is broken after 8 steps
        “A page's count is right.”
        page 1 has 0
        and 1 is due

            cpu 0               cpu 1
         1  MAP(cpu: 0, iova: 0, page: 1)
              cpus[0].lp: 0 → 1
         2  M1(cpu: 0)
              iommuLock: none → 0
              (paused before "M2", holding iommuLock)
            ┃                   ·
         3  ┃                   DONATE(cpu: 1, page: 1)
            ┃                     cpus[1].lp: 0 → 1
         4  ┃                   D1(cpu: 1)
            ┃                     hostLock: none → 1
         5  ┃                   D2(cpu: 1)
            ┃                     pages[1].own: HOST → GUEST
         6  ┃                   D3(cpu: 1)
            ┃                     hostLock: 1 → none
            ┃                   ·
         7  M2(cpu: 0)
              hostLock: none → 0
         8  M3(cpu: 0)

        at the end: cpu 0 is before "M4F", holding hostLock, iommuLock

        words: iova: a slot of the page table; page: a physical page; lp: a physical page; iommuLock: who
          holds the iommu lock; hostLock: who holds the host_mmu lock; own: who owns the page."
    `);
  });

  test("in a narrow terminal: the lane's name before the text, and nothing wider than the terminal", () => {
    const text = print(56);
    expect(text).toContain("   1  cpu 0  MAP(cpu: 0, iova: 0, page: 1)");
    expect(text).toContain("   3  cpu 1  DONATE(cpu: 1, page: 1)");
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(56);
  });
});

describe("what a step did", () => {
  const cpu = sort("cpu");
  const state = record({ lock: lockState(cpu), n: range(0, 3) });
  type State = StateOf<typeof state>;
  const lock = { name: "n.lock", of: (s: State) => s.lock };
  const add = procedure<State, Record<never, never>>(
    "add",
    { args: {}, origin: { mirrors: "call_add (v1)" } },
    [
      locked(lock, [
        check("there is room", (s) => s.n < 2, refuse("full"), { mirrors: "has_room (v1)" }),
        when(
          "is it the first?",
          (s) => s.n === 0,
          [step("begin", (s) => void s.n++, { mirrors: "begin (v1)" })],
          [step("go on", (s) => void s.n++, { mirrors: "go_on (v1)" })],
        ),
      ]),
    ],
  );
  const adder = instantiate(
    defineModel<State>({ name: "adder", state, threads: [threads<State, "cpu">(cpu, "cpus", [add])] }),
    { bounds: { cpu: 1 } },
  );
  const idOf = (action: string): number => adder.instances.findIndex((each) => each.action.name === action);
  const call = ["add", "add: acquire n.lock", "add: is it the first?", "add: release n.lock"].map(idOf);
  const last = call.slice(0, 3);
  const told = formatSteps(adder, replayPath(adder, { initial: 0, instances: [...call, ...call, ...last] }), {
    width: 80,
    colors,
  });

  test("has its own name, not that of the branch that led there, and the function that it mirrors", () => {
    expect(told).toContainEqual(expect.stringMatching(/^ {3}3 {2}add: begin {20,}begin \(v1\)$/));
    expect(told).toContainEqual(expect.stringMatching(/^ {3}7 {2}add: go on {20,}go_on \(v1\)$/));
    expect(told.filter((line) => line.includes("is it the first?"))).toEqual([]);
    // The same function again is not told again.
    expect(told.filter((line) => line.includes("call_add (v1)"))).toHaveLength(3);
    for (const line of told) expect(line.length).toBeLessThanOrEqual(80);
  });

  test("names the check that failed, where it only leaves", () => {
    expect(told.join("\n")).toMatch(
      /11 {2}add: release n.lock, refusing full = the check "there is room" fails;\s+refuses: full/,
    );
  });
});

test("rows are broken at spaces, under their own column", () => {
  const marks = new Map([["a", "holds a lock" as const]]);
  const rows = [{ n: 1, lane: "b", text: "word ".repeat(20).trim(), marks, indent: 2 }];
  const lines = layOutRows(["a", "b"], rows, 70, colors);
  expect(lines).toHaveLength(4);
  expect(lines[1]).toMatch(/^ {3}1 {2}┃ +word/);
  expect(lines[2]).toMatch(/^ {6}┃ +word/);
});

test("a word that is too long for a line has it for itself", () => {
  expect(wrap("a verylongword b", 6)).toEqual(["a", "verylongword", "b"]);
  expect(wrap("one\ntwo", 20, 1, 2)).toEqual([" one", "  two"]);
});
