/** Walks that look for witnesses: what they show is so, and what is not so they do not show. */
import { expect, test } from "vitest";
import { createCompiled } from "../compile/compiled.ts";
import {
  defineModel,
  type Instance,
  instantiate,
  procedure,
  range,
  record,
  sort,
  type StateOf,
  step,
  threads,
  witness,
} from "../index.ts";
import { searchReduced } from "./index.ts";
import { searchAll } from "./verdicts.ts";
import { settledBy, walkToWitnesses, withReached } from "./witnessed.ts";

const cpu = sort("cpu");
const state = record({ x: range(0, 40) });
type State = StateOf<typeof state>;

/** Each call goes up by one or falls back to nothing, so that few walks come far. */
const up = procedure<State, Record<never, never>>("up", { args: {}, locals: {} }, [
  step("up", (s) => void (s.x = s.x === 40 ? 0 : s.x + 1)),
]);
const down = procedure<State, Record<never, never>>("down", { args: {}, locals: {} }, [
  step("down", (s) => void (s.x = 0)),
]);
const shows = (name: string, at: (n: number) => number, isEachTold?: true) =>
  witness<State, { n: ReturnType<typeof range> }>(
    name,
    { n: range(0, 1) },
    { sentence: `${name}.`, holds: (s, { n }) => s.x === at(n), ...(isEachTold && { isEachTold }) },
  );
const model = defineModel<State>({
  name: "stairs",
  state,
  threads: [threads(cpu, "cpus", [up, down])],
  witnesses: [
    shows("low", (n) => 1 + n),
    shows("low or never", (n) => (n === 0 ? 3 : 99)),
    shows("each of low and never", (n) => (n === 0 ? 3 : 99), true),
    shows("never", () => 99),
  ],
});
const of = instantiate(model, { bounds: { cpu: 2 } }) as unknown as Instance<never>;
const evaluator = createCompiled(of);

test("one instance is enough, unless each is told; what never comes about is not settled", async () => {
  const reached = walkToWitnesses(of, evaluator, 1);
  const full = await searchAll(of, evaluator);
  // No witness is shown that is none, nor earlier than it can be.
  for (const [id, found] of reached.entries())
    if (found !== null) expect(found.length).toBeGreaterThanOrEqual(full.witnesses[id]?.length ?? Infinity);
  expect(settledBy(of, reached)).toEqual([true, true, true, true, true, false, false, false]);
});

test("a search with reductions tells what walks had reached, and nothing more", async () => {
  const asked = { audit: false, seed: 1 };
  const { result, used } = await searchReduced(of, evaluator, ["locks", "order"], asked, (each, maxDepth) =>
    searchAll(of, each, undefined, maxDepth),
  );
  const isReached = result.witnesses.map((found) => found !== null);
  expect([0, 2, 4].map((id) => isReached[id])).toEqual([true, true, true]);
  expect([3, 5, 6, 7].map((id) => isReached[id])).toEqual([false, false, false, false]);
  expect(used[0].notes.join()).toContain("of 8 witnesses were reached by walks");
  const bare = { ...result, witnesses: result.witnesses.map(() => null) };
  expect(withReached(bare, [{ length: 1 }]).witnesses.slice(0, 2)).toEqual([{ length: 1 }, null]);
});
