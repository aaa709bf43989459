/**
 * How much work a search does, counted and not timed: that dma-core takes no more than it did. What is pinned are
 * upper bounds; whoever gets below lowers them.
 */
import { expect, test } from "vitest";
import { createCompiled } from "../compile/compiled.ts";
import { statementsOf } from "../compile/groups.ts";
import { countOperations } from "../compile/operations.ts";
import { type Evaluator, Successors } from "../evaluate/evaluator.ts";
import { createPacked } from "../evaluate/packed.ts";
import { dmaCore, dmaCoreScope } from "../examples/dma-core.ts";
import { instantiate } from "../model/model.ts";
import { StateQueue } from "./state-queue.ts";
import { StateTable } from "./table.ts";

const instance = instantiate(dmaCore(), dmaCoreScope("3x2x2"));

/** A search of all states as breadthFirst does it, without clock and findings, that counts what it does. */
function countWork(evaluator: Evaluator) {
  const batchSize = 4096;
  const batch = new Successors(evaluator.words, 2 * batchSize);
  const table = new StateTable(evaluator.words, { usedBits: evaluator.usedBits });
  const queue = new StateQueue(evaluator.words);
  const ends = new Int32Array(batchSize);
  const work = { states: 0, transitions: 0, runs: 0, singles: 0, checks: 0 };
  const takeIn = (states: Int32Array, count: number): void => {
    expect(table.makeRoom(count) && queue.makeRoom(count)).toBe(true);
    const fresh = table.insertBatch(states, count);
    queue.appendListed(states, table.found, fresh);
  };
  for (const state of evaluator.initialStates()) takeIn(state, 1);
  for (let next = 0; next < queue.count; ) {
    batch.clear();
    while (next < queue.count && batch.count < batchSize) {
      const [words, offset] = [queue.chunkOf(next), queue.offsetOf(next)];
      const count = Math.min(queue.count - next, queue.runFrom(next), 512);
      next += evaluator.expandRun?.(words, offset, count, batch, batchSize, ends, 0) ?? 0;
      work.runs++;
      if (next >= queue.count || batch.count >= batchSize) continue;
      evaluator.expand(queue.chunkOf(next), queue.offsetOf(next), batch);
      work.singles++;
      next++;
    }
    work.transitions += batch.count;
    const checked = queue.count;
    takeIn(batch.words, batch.count);
    for (let from = checked; from < queue.count; ) {
      const count = Math.min(queue.count - from, queue.runFrom(from));
      from += evaluator.countClean?.(queue.chunkOf(from), queue.offsetOf(from), count) ?? 0;
      work.checks++;
    }
    queue.forgetBefore(next);
  }
  work.states = queue.count;
  return { ...work, ...table.work, bytesPerState: (table.bytes + queue.bytes) / queue.count };
}

/** So much, for so many states and transitions. */
const bounds = {
  runs: 830,
  singles: 560,
  checks: 280,
  compared: 465_000,
  moved: 397_000,
  bytesPerState: 9.6,
};

test.each([
  ["js", createCompiled(instance)],
  ["packed", createPacked(instance)],
])("the engine %s does no more work on dma-core than it did", (_, evaluator) => {
  const { states, transitions, ...work } = countWork(evaluator);
  expect({ states, transitions }).toEqual({ states: 347_016, transitions: 1_040_728 });
  for (const [what, most] of Object.entries(bounds))
    expect(work[what as keyof typeof bounds], what).toBeLessThanOrEqual(most);
});

test("the compiled code of dma-core is no larger than it was", () => {
  const { module } = createCompiled(instance);
  const labels = module.dispatches.flatMap((dispatch) => dispatch.labels.map(({ body }) => body));
  const expand = [module.environment, ...labels].reduce((sum, body) => sum + countOperations(body), 0);
  expect(expand).toBeLessThanOrEqual(1134);
  expect(countOperations(statementsOf(module.invariants))).toBeLessThanOrEqual(123);
});
