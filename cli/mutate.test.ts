import { expect, test } from "vitest";
import {
  check,
  defineModel,
  leave,
  panic,
  procedure,
  range,
  record,
  repeat,
  returns,
  sort,
  type StateOf,
  step,
  threads,
} from "../checker/index.ts";
import type { Design } from "../checker/model/design.ts";
import { fakeRegistry, fakeWorld, runFake } from "./fake-world.ts";
import { MutantTrial } from "./mutants.ts";
import { mutateSchema } from "./schemas.ts";

test("mutate tells what becomes of every change", async () => {
  const { code, stdout } = await runFake("mutate --design panicking --json");
  const { weakenings } = mutateSchema.parse(JSON.parse(stdout));
  expect(weakenings.map(({ name, outcome }) => [name, outcome])).toMatchInlineSnapshot(`
    [
      [
        "call without the step "count the call"",
        "survived",
      ],
      [
        "call without the check "the place is the first"",
        "survived",
      ],
      [
        "call without the step "finish"",
        "killed",
      ],
      [
        "call with "the place is the first" before "count the call"",
        "survived",
      ],
      [
        "call with "finish" before "the place is the first"",
        "survived",
      ],
    ]
  `);
  expect(code).toBe(1);
  const parts = await Promise.all(
    ["1/2", "2/2"].map(async (share) => {
      const part = await runFake(`mutate --design panicking --share ${share} --json`);
      return mutateSchema.parse(JSON.parse(part.stdout)).weakenings;
    }),
  );
  expect(parts.flat()).toHaveLength(weakenings.length);
});

test("a survivor with a reason is answered; a reason for what is noticed is an error", async () => {
  const { stdout } = await runFake("mutate --design panicking --json");
  const { weakenings } = mutateSchema.parse(JSON.parse(stdout));
  const run = (names: readonly string[]) =>
    runFake("mutate --design panicking", fakeWorld(), {
      ...fakeRegistry,
      equivalentMutants: Object.fromEntries(names.map((name) => [`panicking: ${name}`, "It is one."])),
    });
  const survivors = weakenings.flatMap(({ name, outcome }) => (outcome === "survived" ? [name] : []));
  expect((await run(survivors)).code).toBe(0);
  const all = await run(weakenings.map(({ name }) => name));
  expect(all.code).toBe(1);
  expect(all.stdout).toContain("said to make no difference, but noticed by few-calls");
});

const state = record({ last: range(0, 2) });
type State = StateOf<typeof state>;
type Call = { place: number };

/** A check that refuses what a later one panics for. */
function guarded() {
  const call = procedure("call", { args: { place: range(0, 2) } }, [
    check("the place exists", (_: State, c: Call, { bounds }) => c.place < bounds.places, returns("0")),
    step("look", (s: State, c: Call) => {
      s.last = c.place;
    }),
    check("the place is one", (_: State, c: Call) => c.place < 2, panic("no place")),
    leave(returns("1")),
  ]);
  return defineModel({
    name: "guarded",
    state,
    deadlock: "none",
    threads: [threads<State, "cpu">(sort("cpu"), "cpus", [call])],
  });
}

test("a call that panics where it never did is noticed", async () => {
  const design: Design = {
    name: "guarded",
    meaning: "A check refuses what a later one panics for.",
    claimsToHold: true,
    defaultScenario: "all",
    scenarios: [{ name: "all", sentence: "All places.", sizes: { tiny: { bounds: { cpu: 1, places: 2 } } } }],
    build: guarded,
  };
  const trial = new MutantTrial(design);
  const mutant = trial.mutants.find(({ name }) => name.includes("one more places"));
  if (mutant === undefined) throw new Error("no bound is shifted");
  expect(await trial.try(mutant, null, { maxSeconds: 10, isInterrupted: () => false })).toMatchObject({
    outcome: "killed",
    property: "availability: call: no place",
  });
});

/** What follows a loop is part of the loop's look whether it is over: where it comes before, what comes next is. */
function looping() {
  const call = procedure("call", { args: { place: range(0, 2) } }, [
    step("look", (s: State, c: Call) => {
      s.last = c.place;
    }),
    repeat("count down", (s: State) => s.last > 0, [
      step("take one", (s: State) => {
        s.last--;
      }),
    ]),
    step("think", () => {}),
    step("end", (s: State) => {
      s.last = 0;
    }),
    leave(returns("1")),
  ]);
  return defineModel({
    name: "looping",
    state,
    deadlock: "none",
    threads: [threads<State, "cpu">(sort("cpu"), "cpus", [call])],
  });
}

test("a place that a mutant has only as part of another one is not missed", async () => {
  const design: Design = {
    name: "looping",
    meaning: "A loop, and what comes after it.",
    claimsToHold: true,
    defaultScenario: "all",
    scenarios: [{ name: "all", sentence: "All places.", sizes: { tiny: { bounds: { cpu: 1 } } } }],
    build: looping,
  };
  const trial = new MutantTrial(design);
  const mutant = trial.mutants.find(({ name }) => name.includes('"think" before "count down"'));
  if (mutant === undefined) throw new Error("nothing changes places with the loop");
  const fate = await trial.try(mutant, null, { maxSeconds: 10, isInterrupted: () => false });
  expect(fate).toMatchObject({ outcome: "survived", property: null });
});
