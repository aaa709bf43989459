import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { philosophers, philosophersScope } from "../../examples/philosophers.ts";
import { createReference } from "../../evaluate/reference.ts";
import {
  array,
  bool,
  check,
  defineModel,
  environmentRule,
  explore,
  type Instance,
  instantiate,
  invariant,
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
} from "../../index.ts";
import { statusOf } from "../lanes.ts";
import { toPlain } from "../plain.ts";
import { confirmClaim, replayPath } from "../replay.ts";
import { explainAction } from "./guards.ts";
import { findRoads } from "./roads.ts";
import { findNearestSafe } from "./safe.ts";
import { noteReads, valueAt, withValueAt } from "../places.ts";
import { tellStory } from "./story.ts";
import { segmentsOf, showsAtEnd, sliceBack } from "./slice.ts";

const cpu = sort("cpu");
const state = record({
  lock: lockState(cpu),
  isOpen: bool(),
  hits: range(0, 3),
  ticks: range(0, 9),
  shelf: array(3, record({ n: range(0, 3) })),
});
type State = StateOf<typeof state>;
const lock = { name: "the lock", of: (s: State) => s.lock };

const open = procedure<State, Record<never, never>>("open", { args: {} }, [
  locked(lock, [
    step("open it", (s) => {
      s.isOpen = true;
    }),
  ]),
]);
const hit = procedure<State, Record<never, never>>("hit", { args: {} }, [
  locked(lock, [
    check("it is open", (s) => s.isOpen, refuse("closed")),
    step("hit", (s) => {
      s.hits = 1;
    }),
  ]),
]);

/** A door that must not be hit: opened by one call, hit by another; the ticks of a clock mean nothing. */
const of: Instance<State> = instantiate(
  defineModel<State>({
    name: "door",
    state,
    threads: [threads<State, "cpu">(cpu, "cpus", [open, hit])],
    rules: [
      environmentRule(
        "tick",
        {},
        {
          lane: "clock",
          when: (s: State) => s.ticks < 9,
          then: (s) => {
            s.ticks++;
          },
        },
      ),
    ],
    invariants: [
      invariant("not-hit", {}, { sentence: "Nobody hits it.", holds: (s: State) => s.hits === 0 }),
    ],
  }),
  { bounds: { cpu: 2 } },
);

const idOf = (name: string, self?: number): number =>
  of.instances.find(({ action, args }) => action.name === name && (self === undefined || args.cpu === self))
    ?.id ?? -1;

/** Replays the steps named, each with its CPU. */
function replayOf(...steps: [name: string, self?: number][]) {
  return replayPath(of, { initial: 0, instances: steps.map(([name, self]) => idOf(name, self)) });
}

const schedule = () =>
  replayOf(
    ["tick"],
    ["open", 0],
    ["hit", 1],
    ["open: acquire the lock", 0],
    ["open: open it", 0],
    ["tick"],
    ["open: release the lock", 0],
    ["hit: acquire the lock", 1],
    ["hit: hit", 1],
  );
const claim = {
  kind: "invariant",
  name: "not-hit",
  args: {},
  sentence: "Nobody hits it.",
  explanation: "",
} as const;

describe("the causal slice", () => {
  test("what made the end so is essential, what leads there is context, the rest is noise", () => {
    const reasons = sliceBack(of, schedule(), claim);
    expect(reasons.map(({ role }) => role)).toEqual([
      "noise",
      "context",
      "context",
      "context",
      "essential",
      "noise",
      "context",
      "context",
      "essential",
    ]);
    expect(reasons[4].needs).toEqual([{ place: "isOpen", by: 9 }]);
    expect(reasons[8].needs).toEqual([{ place: "hits", by: null }]);
  });

  test("a deadlock is made of the locks that are held", async () => {
    const table = instantiate(philosophers(false), philosophersScope(3));
    const { violations } = await explore(table);
    const deadlock = violations.find(({ kind }) => kind === "deadlock");
    if (deadlock === undefined) throw new Error("there is no deadlock");
    const replay = replayPath(table, deadlock.path);
    const shown = confirmClaim(table, replay, { kind: "deadlock", name: "no-deadlock", args: {} });
    if (shown === null) throw new Error("not confirmed");
    const essential = sliceBack(table, replay, shown).filter(({ role }) => role === "essential");
    expect(essential.map(({ n }) => replay.steps[n - 1].instance.action.name)).toEqual(
      Array.from({ length: 3 }, () => "dine: acquire left fork"),
    );
  });

  test("law: without the noise the schedule shows the same, and calls are noise as a whole", () => {
    const reference = createReference(of);
    let shownOnes = 0;
    fc.assert(
      fc.property(fc.array(fc.nat(), { minLength: 10, maxLength: 60 }), (choices) => {
        const instances: number[] = [];
        let now = reference.namedInitialStates()[0].state;
        for (const choice of choices) {
          if (now.hits > 0) break;
          const enabled = of.instances.filter((instance) => reference.step(now, instance) !== null);
          const chosen = enabled[choice % enabled.length];
          now = reference.step(now, chosen)?.state ?? now;
          instances.push(chosen.id);
        }
        const replay = replayPath(of, { initial: 0, instances });
        if (confirmClaim(of, replay, claim) === null) return;
        shownOnes++;
        const reasons = sliceBack(of, replay, claim);
        const noise = new Set(reasons.filter(({ role }) => role === "noise").map(({ n }) => n));
        const kept = replay.steps.filter(({ n }) => !noise.has(n)).map(({ instance }) => instance);
        expect(showsAtEnd(of, replay, kept, claim)).toBe(true);
        expect(reasons.filter(({ role }) => role === "essential").length).toBeGreaterThanOrEqual(2);
        expect(replay.steps.every(({ n, instance }) => instance.lane !== "clock" || noise.has(n))).toBe(true);
        for (const segment of segmentsOf(of, replay))
          if (segment.some((n) => noise.has(n))) expect(segment.every((n) => noise.has(n))).toBe(true);
      }),
      { numRuns: 200 },
    );
    expect(shownOnes).toBeGreaterThan(20);
  });
});

describe("schedules beside a failing one", () => {
  test("the roads not taken are the other enabled steps, and none of them hits", () => {
    const roads = findRoads(of, schedule(), claim);
    expect(roads.map(({ instance }) => instance.action.name).sort()).toEqual(["hit", "open", "tick"]);
    expect(roads.some(({ shows }) => shows)).toBe(false);
  });

  test("the nearest safe schedule has two essential steps in the other order, and its calls end", () => {
    // Both calls have been made; the door is opened just before it is hit.
    const replay = schedule();
    const { safe } = findNearestSafe(of, replay, claim, sliceBack(of, replay, claim));
    expect(safe).toMatchObject({ moved: 9, place: "before", other: 5, breaks: [] });
    if (safe === null) return;
    expect(confirmClaim(of, safe.replay, claim)).toBeNull();
    expect(statusOf(of, safe.replay.final).map(({ label }) => label)).toEqual([null, null]);
    expect(safe.otherEnds.map(({ call, ends }) => [call.lane, call.action.name, ends])).toEqual([
      ["cpu 1", "hit", "refuses: closed"],
    ]);
  });

  test("a swap that only puts the failure off is none", () => {
    // Whoever is first, a hit follows: every order of these two comes to it.
    const replay = replayOf(
      ["open", 0],
      ["open: acquire the lock", 0],
      ["open: open it", 0],
      ["open: release the lock", 0],
      ["open", 0],
      ["open: acquire the lock", 0],
      ["hit", 1],
      ["open: open it", 0],
      ["open: release the lock", 0],
      ["hit: acquire the lock", 1],
      ["hit: hit", 1],
    );
    const reasons = sliceBack(of, replay, claim);
    const { safe } = findNearestSafe(of, replay, claim, reasons);
    // The only way out is to hit before the door is opened at all.
    expect(safe?.otherEnds.at(0)?.ends ?? "none").toBe("refuses: closed");
    expect(safe?.other).toBe(3);
  });

  test("where all that is essential is one lane's, there is none, and none was tried", () => {
    const alone = replayOf(
      ["open", 0],
      ["open: acquire the lock", 0],
      ["open: open it", 0],
      ["open: release the lock", 0],
      ["hit", 0],
      ["hit: acquire the lock", 0],
      ["hit: hit", 0],
    );
    expect(findNearestSafe(of, alone, claim, sliceBack(of, alone, claim))).toEqual({ tried: 0, safe: null });
  });
});

describe("the story", () => {
  const tell = (replay: ReturnType<typeof replayOf>) =>
    tellStory(of, replay, claim, sliceBack(of, replay, claim));

  test("who calls what and is paused where, what others do meanwhile, and what comes of it", () => {
    expect(tell(schedule())).toEqual([
      'cpu 0 goes on in open, which it called in step 2, does "open it" (step 5; isOpen: false → true), and returns ok.',
      'Then cpu 1 goes on in hit, which it called in step 3, does "hit" (step 9; hits: 0 → 1).',
      "So not-hit is broken: Nobody hits it.",
    ]);
  });

  test("a call that is paused is told so, with the locks that it holds", () => {
    const replay = replayOf(
      ["open", 0],
      ["open: acquire the lock", 0],
      ["open: open it", 0],
      ["tick"],
      ["hit", 1],
      ["open: release the lock", 0],
      ["hit: acquire the lock", 1],
      ["hit: hit", 1],
    );
    expect(tell(replay)[0]).toBe(
      'cpu 0 calls open, does "open it" (step 3; isOpen: false → true), and is paused there, holding the lock.',
    );
  });
});

describe("why not", () => {
  const after = (...steps: [name: string, self?: number][]) => replayOf(...steps).final;
  const explain = (s: State, name: string, self?: number) =>
    explainAction(of, s, of.instances[idOf(name, self)]);

  test("the process is elsewhere", () => {
    expect(explain(after(), "open: open it", 0).because).toContain("cpu 0 is in no call");
    expect(explain(after(["open", 0]), "open", 0).because).toContain('before "open: acquire the lock"');
  });

  test("a lock is held, by whom, and what would free it", () => {
    const held = after(["open", 0], ["open: acquire the lock", 0], ["hit", 1]);
    const refusal = explain(held, "hit: acquire the lock", 1);
    expect(refusal.because).toBe('it waits for the lock, held by cpu 0, which is before "open: open it"');
    expect(refusal.remedies).toEqual([{ place: "lock.holder", is: 0, needs: [null] }]);
  });

  test("a guard does not hold, with its values and those that would make it hold", () => {
    const late = withValueAt(after(), "ticks", 9);
    const refusal = explain(late, "tick");
    expect(refusal).toMatchObject({ enabled: false, because: "its guard does not hold: ticks is 9" });
    expect(refusal.remedies).toEqual([{ place: "ticks", is: 9, needs: [0, 1, 2, 3, 4, 5, 6, 7, 8] }]);
  });

  test("a call can be made and refuses: which check, with which value", () => {
    const refusal = explain(after(), "hit", 0);
    expect(refusal.enabled).toBe(true);
    expect(refusal.because).toContain("refusing closed");
    expect(refusal.guards).toEqual([
      { name: "it is open", holds: false, reads: [{ place: "isOpen", value: false }] },
    ]);
  });
});

describe("places", () => {
  test("what is read is noted, what was written before is not", () => {
    const { reads } = noteReads(of.shape, replayOf().final, (s) => {
      s.hits = 2;
      return s.hits + s.shelf[1].n + (s.lock.holder === null ? 1 : 0);
    });
    expect(reads).toEqual(["shelf[1].n", "lock.holder"]);
  });

  test("law: what is put at a place is there, and nowhere else", () => {
    const before = replayOf().final;
    fc.assert(
      fc.property(
        fc.constantFrom("ticks", "isOpen", "shelf[0].n", "shelf[2].n"),
        fc.nat(3),
        (place, value) => {
          const now = withValueAt(before, place, value);
          expect(valueAt(now, place)).toBe(value);
          expect(toPlain(withValueAt(now, place, valueAt(before, place)))).toEqual(toPlain(before));
        },
      ),
    );
  });
});
