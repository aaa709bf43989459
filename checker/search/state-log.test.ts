import { expect, test } from "vitest";
import { StateLog } from "./state-log.ts";

test.each([1, 2, 3, 700])("the log gives back every state of %i words and its parent", (words) => {
  const log = new StateLog(words);
  const count = words === 700 ? 9000 : 1_100_000;
  const state = new Int32Array(words);
  let wrong = 0;
  while (log.count < count) {
    const foretold = log.bytes + log.growthFor(1);
    if (!log.makeRoom(1) || log.bytes !== foretold) wrong++;
    state.fill(log.count);
    log.append(state, 0, log.count - 1);
  }
  for (let n = 0; n < log.count; n++) {
    const last = log.chunkOf(n)[log.offsetOf(n) + words - 1];
    if (last !== n || log.parentOf(n) !== n - 1) wrong++;
  }
  expect(wrong).toBe(0);
});

test("a small log is small, and one beyond 32-bit ordinals is refused", () => {
  const log = new StateLog(2);
  expect(log.makeRoom(100)).toBe(true);
  expect(log.bytes).toBeLessThan(20_000);
  expect(log.growthFor(2 ** 31)).toBe(Infinity);
});
