/**
 * How many states stand behind the states that merging keeps: an estimate, by a sample of them.
 *
 * Behind a state stand those that are reached from it by steps that end within blocks, of any processes, one or
 * several of them inside at once. That counts twice what two states lead to, and does not count what is only reached
 * when others step while a process is inside and has taken its free step. So it is an estimate.
 */
import { type Evaluator, Successors } from "../../evaluate/evaluator.ts";
import { type Leaf, readLeaf } from "../../schema/layout.ts";
import type { Plan } from "./plan.ts";

/** Where a process is: in no block, in one before its free step, or behind that. */
const [outside, before, after] = [0, 1, 2];
/** States behind one state, at most: then it is not looked at further. */
const mostBehind = 2000;

/** How many times fewer states there are for merging, by these states of the merged search. */
export function estimateFactor(
  inner: Evaluator,
  plan: Plan,
  controls: readonly Leaf[],
  sample: readonly Int32Array[],
): number | null {
  if (sample.length === 0) return null;
  const out = new Successors(inner.words);
  const countBehind = (state: Int32Array): number => {
    const start = { state, inside: controls.map(() => outside) };
    const seen = new Map([[state.join(), start]]);
    for (const at of seen.values()) {
      out.clear();
      inner.expand(at.state, 0, out);
      for (let i = 0; i < out.count && seen.size < mostBehind; i++) {
        const process = plan.processOf[out.instances[i]];
        if (process < 0) continue;
        const code = readLeaf(controls[process], out.words, i * inner.words);
        const isBefore = at.inside[process] !== after && plan.comesBefore[out.instances[i]]?.[code] === 1;
        if ((isBefore ? plan.goesOnBefore : plan.goesOnAfter)[process][code] === 0) continue;
        const next = out.words.slice(i * inner.words, (i + 1) * inner.words);
        const key = next.join();
        if (!seen.has(key))
          seen.set(key, { state: next, inside: at.inside.with(process, isBefore ? before : after) });
      }
    }
    return seen.size;
  };
  return sample.reduce((sum, state) => sum + countBehind(state), 0) / sample.length;
}
