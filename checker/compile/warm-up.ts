/**
 * Shows V8 the rare paths of generated code before it optimises it.
 *
 * V8 compiles a function for what it has seen it do, and throws the compiled code away when it comes to a path that it
 * has not seen. A breadth-first search comes to its rare paths one at a time, deep down, and each of them sends the
 * function that expands states back to the interpreter until it is compiled anew: on dma-core five times, a tenth of a
 * second each and more. Random walks come to nearly all of them at once. (Random states do too, and to paths that no
 * search takes: code for those made the rest slower.)
 */
import { Random } from "../search/random.ts";
import type { Code } from "./emit-js.ts";
import type { Module } from "./ir.ts";

/** Steps in all, and steps after which a walk begins anew. */
const steps = 6000;
const longestWalk = 150;

/** Runs `code` along random walks from the initial states, and keeps nothing of what it finds. */
export function warmUp(
  code: Code,
  { dispatches, mostSuccessors, words }: Module,
  initial: readonly Int32Array[],
): void {
  const into = new Int32Array(mostSuccessors * words);
  const instances = new Int32Array(mostSuccessors);
  const end = new Int32Array(1);
  const state = new Int32Array(words);
  const random = new Random(1);
  for (let step = 0, left = 0; step < steps; step++, left--) {
    if (left === 0) {
      state.set(initial[random.below(initial.length)]);
      left = longestWalk;
    }
    const isCompiled = code.expand(state, 0, 1, 0, into, instances, mostSuccessors, end, 0) > 0;
    const [count] = end;
    for (let dispatch = 0; dispatch < dispatches.length; dispatch++) code.waitsOn(dispatch, state, 0);
    if (!isCompiled || count === 0) left = 1;
    else {
      const chosen = random.below(count) * words;
      state.set(into.subarray(chosen, chosen + words));
    }
  }
}
