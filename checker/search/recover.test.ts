/** The second search, which finds the paths. */
import { expect, test } from "vitest";
import { ModelError } from "../errors.ts";
import type { Evaluator } from "../evaluate/evaluator.ts";
import { recoverPaths } from "./recover.ts";

/** States are numbers, odd as all states are; a transition is named by where it leads. A state may throw after some of its transitions. */
function evaluatorOf(graph: Readonly<Record<number, readonly number[]>>, throwing: number): Evaluator {
  return {
    name: "packed",
    words: 1,
    initialStates: () => [Int32Array.of(1)],
    expand: (words, offset, out) => {
      for (const next of graph[words[offset]] ?? []) {
        const to = out.nextOffset();
        out.words[to] = next;
        out.instances[out.count++] = next;
      }
      if (words[offset] === throwing) throw new ModelError("M11", "a step throws", "mend it");
      return false;
    },
    violatedInvariants: () => [],
    markWitnesses: () => {},
    deadlockIn: () => null,
  };
}

test("states that come before one in which the model throws, and what it gave before that is no state", async () => {
  const graph = { 1: [3, 5], 3: [7, 9], 5: [11] };
  const places = [4, 2].map((ordinal) => ({ ordinal, depth: 0 }));
  const paths = await recoverPaths(evaluatorOf(graph, 5), places);
  expect(paths.map(({ instances }) => instances)).toEqual([[3, 9], [5]]);
  await expect(recoverPaths(evaluatorOf(graph, 5), [{ ordinal: 5, depth: 2 }])).rejects.toThrow(
    "a step throws",
  );
});
