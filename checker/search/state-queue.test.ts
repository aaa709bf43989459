import { describe, expect, test } from "vitest";
import { MemorySpill } from "../testing/memory-spill.ts";
import { StateQueue } from "./state-queue.ts";

/** Appends and takes states by turns, as many as `takes` says for each one appended. */
function run(queue: StateQueue, count: number, takes: number, each: () => void): void {
  const state = new Int32Array(queue.words);
  let next = 0;
  for (let i = 0; i < count; i++) {
    expect(queue.makeRoom(1)).toBe(true);
    state.fill(i);
    queue.append(state, 0);
    if (i % 1000 === 999) each();
    const upTo = i === count - 1 ? count : Math.floor(i * takes);
    for (; next < upTo; next++) {
      if (queue.chunkOf(next)[queue.offsetOf(next) + queue.words - 1] !== next)
        throw new Error(`lost ${next}`);
    }
    queue.forgetBefore(next);
  }
}

describe("the queue of states", () => {
  test.each([1, 2, 3, 40])("gives %i words back in the order given, and uses memory again", (words) => {
    const queue = new StateQueue(words);
    run(queue, 300_000 / words, 0.9, () => {});
    expect(queue.bytes).toBeLessThan(300_000 * 4);
    expect(queue.growthFor(2 ** 31)).toBe(Infinity);
  });

  test("puts what is far from both ends elsewhere, and brings it back", () => {
    const spill = new MemorySpill();
    const queue = new StateQueue(8, spill);
    let largest = 0;
    run(queue, 400_000, 0.2, () => {
      if (queue.bytes > 3_000_000) expect(queue.free(queue.bytes - 3_000_000)).toBe(true);
      largest = Math.max(largest, queue.bytes);
    });
    expect(spill.most).toBeGreaterThan(10);
    expect(largest).toBeLessThan(3_600_000);
    expect(spill.size).toBe(0);
  });

  test("keeps in memory what the spill has no room for", () => {
    const queue = new StateQueue(40, new MemorySpill(3));
    let largest = 0;
    run(queue, 30_000, 0.2, () => {
      queue.free(Infinity);
      largest = Math.max(largest, queue.bytes);
    });
    expect(largest).toBeGreaterThan(2_000_000);
  });

  test("says that nothing can be freed when it has nowhere to go", () => {
    const queue = new StateQueue(8);
    queue.makeRoom(100_000);
    expect(queue.free(1)).toBe(false);
  });
});
