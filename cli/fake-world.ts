/** For tests: a world without a terminal, and designs of which each ends in one way. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  check,
  defineModel,
  environmentRule,
  invariant,
  type Model,
  panic,
  procedure,
  range,
  record,
  sort,
  type StateOf,
  step,
  stepProperty,
  threads,
  witness,
} from "../checker/index.ts";
import type { Design } from "../checker/model/design.ts";
import type { Io } from "./io.ts";
import { main } from "./main.ts";
import type { Registry } from "./registry.ts";

export interface FakeWorld {
  readonly io: Io;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Presses Ctrl-C. */
  readonly interrupt: () => void;
  readonly exits: number[];
}

/** A world whose current folder is new and empty. */
export function fakeWorld(
  of: { isTTY?: boolean; env?: Record<string, string>; columns?: number } = {},
): FakeWorld {
  const { isTTY = false, env = {}, columns = 100 } = of;
  const written = { stdout: "", stderr: "" };
  const listeners = new Set<() => void>();
  const exits: number[] = [];
  const stream = (name: "stdout" | "stderr") => ({
    write: (text: string) => {
      written[name] += text;
    },
    isTTY,
    columns,
  });
  return {
    io: {
      stdout: stream("stdout"),
      stderr: stream("stderr"),
      env,
      cwd: mkdtempSync(join(tmpdir(), "dmaspec-test-")),
      onInterrupt: (listener) => {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
      exit: (code) => void exits.push(code),
    },
    stdout: () => written.stdout,
    stderr: () => written.stderr,
    interrupt: () => {
      for (const listener of listeners) listener();
    },
    exits,
  };
}

/** Runs the command on the fake designs; `words` is the command line after the name of the command. */
export async function runFake(words: string, world = fakeWorld(), registry: Registry = fakeRegistry) {
  const code = await main(words.split(" "), world.io, registry);
  return { code, stdout: world.stdout(), stderr: world.stderr(), world };
}

const place = sort("place");
const counter = record({ n: range(0, "top"), steps: range(0, "top") });
type Counter = StateOf<typeof counter>;

/** Counts up by one; `bump` (a power) by two. Broken, where asked for, when the count comes to `bad`. */
function countingModel(
  name: string,
  of: { bad?: number; unreached?: boolean; beyond?: boolean },
): Model<Counter> {
  const { bad = 1000, unreached = false, beyond = false } = of;
  return defineModel({
    name,
    state: counter,
    deadlock: "none",
    powers: { bumping: { sentence: "the host may count by two" } },
    assumptions: { "counts-are-seen": "a count that is too high is seen" },
    rules: [
      environmentRule(
        "count",
        { place },
        {
          lane: "host",
          when: (s: Counter, _, { bounds }) => beyond || s.n < bounds.top,
          then: (s) => {
            s.n++;
          },
        },
      ),
      environmentRule(
        "bump",
        {},
        {
          lane: "SMMU",
          power: "bumping",
          when: (s: Counter, _, { bounds }) => s.n + 2 <= bounds.top,
          then: (s) => {
            s.n += 2;
          },
        },
      ),
    ],
    invariants: [
      invariant(
        "count-is-small",
        { place },
        {
          sentence: "The count stays below what is bad.",
          holds: (s: Counter, _, setting) => s.n < bad || !setting.assumes("counts-are-seen"),
          explain: (s) => `the count is ${s.n}, and ${bad} is bad`,
        },
      ),
      invariant(
        "nothing-else",
        {},
        { sentence: "Steps are not counted.", holds: (s: Counter) => s.steps === 0 },
      ),
    ],
    stepProperties: [
      stepProperty(
        "counts-do-not-fall",
        {},
        {
          sentence: "The count never falls.",
          holds: (before: Counter, after: Counter) => after.n >= before.n,
        },
      ),
    ],
    witnesses: [
      witness(
        "something-counted",
        {},
        { sentence: "Something was counted.", holds: (s: Counter) => s.n > 0 },
      ),
      ...(unreached
        ? [
            witness(
              "the-impossible",
              {},
              { sentence: "Steps were counted.", holds: (s: Counter) => s.steps > 0 },
            ),
          ]
        : []),
    ],
  });
}

const cpu = sort("cpu");
const shared = record({ calls: range(0, 3) });
type Shared = StateOf<typeof shared>;

function panickingModel(): Model<Shared> {
  const call = procedure("call", { args: { place } }, [
    step("count the call", (s: Shared) => {
      s.calls++;
    }),
    check(
      "the place is the first",
      (_: Shared, c: { place: number }) => c.place === 0,
      panic("an unknown place"),
    ),
    step("finish", (s: Shared) => {
      s.calls = 0;
    }),
  ]);
  return defineModel({
    name: "panicking",
    state: shared,
    deadlock: "none",
    threads: [threads<Shared, "cpu">(cpu, "cpus", [call])],
    invariants: [invariant("few-calls", {}, { sentence: "Few calls.", holds: (s: Shared) => s.calls < 2 })],
  });
}

function design(name: string, claimsToHold: boolean, build: Design["build"]): Design {
  const bounds = { place: 2, cpu: 1, top: 6 };
  const counting = {
    name: "counting",
    sentence: "Counts to a bound.",
    sizes: { tiny: { bounds }, paper: { bounds: { ...bounds, top: 9 } } },
  };
  const meaning = `The fake design ${name}.`;
  return { name, meaning, claimsToHold, defaultScenario: "counting", scenarios: [counting], build };
}

const sound = design("sound", true, () => countingModel("sound", {}));
const broken = design("broken", false, () => countingModel("broken", { bad: 5 }));

export const fakeRegistry: Registry = {
  designs: [sound, broken],
  examples: [
    design("empty", true, () => countingModel("empty", { unreached: true })),
    design("faulty", true, () => countingModel("faulty", { beyond: true })),
    design("panicking", true, panickingModel),
  ],
  weakenings: [
    {
      design: design("sound~count-too-far", false, () => countingModel("sound~count-too-far", { bad: 4 })),
      name: "sound counts too far",
      mechanism: "M01",
      attack: "The count is too high.",
      breaks: ["count-is-small"],
      survives: null,
    },
  ],
  equivalentMutants: {},
  explainedGaps: {},
};
