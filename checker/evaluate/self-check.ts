/**
 * Finds recipes that read something other than the state and their arguments: a sample of steps is taken
 * twice, the second time in the opposite order, and must give the same.
 *
 * Limit: a sample. What it finds is certain; that it finds nothing is no proof.
 */
import { ModelError } from "../errors.ts";
import type { Instance } from "../model/model.ts";
import { type Evaluator, Successors } from "./evaluator.ts";
import { nameInstance } from "./reference.ts";

/** Throws `M03`, naming the step or property, where a sample of up to `states` states shows a recipe impure. */
export function requirePureRecipes<S>(of: Instance<S>, evaluator: Evaluator, states = 300): void {
  const sample = collectStates(evaluator, states);
  const first = sample.map((state) => look(evaluator, state));
  for (let i = sample.length - 1; i >= 0; i--) {
    const again = look(evaluator, sample[i]);
    if (again.violated !== first[i].violated) throw impure("a property");
    const differing = [...new Set([...first[i].bySteps.keys(), ...again.bySteps.keys()])].find(
      (id) => first[i].bySteps.get(id) !== again.bySteps.get(id),
    );
    if (differing !== undefined) throw impure(nameInstance(of.instances[differing]));
  }
}

function impure(what: string): ModelError {
  return new ModelError(
    "M03",
    `${what} gave two results in one state`,
    "let recipes and formulas read the state and their arguments only: no variables outside, no clock, no random numbers",
  );
}

/** States along walks that always take the middle successor, then the last, then the first, and so on. */
function collectStates(evaluator: Evaluator, count: number): Int32Array[] {
  const { words } = evaluator;
  const sample: Int32Array[] = [];
  const out = new Successors(words);
  const starts = evaluator.initialStates();
  for (let walk = 0; sample.length < count && walk < count; walk++) {
    let state = starts[walk % starts.length];
    for (let n = 0; n < 40 && sample.length < count; n++) {
      sample.push(state);
      out.clear();
      evaluator.expand(state, 0, out);
      if (out.count === 0) break;
      const pick = (walk * 7 + n * (walk + 3)) % out.count;
      state = out.words.slice(pick * words, (pick + 1) * words);
    }
  }
  return sample;
}

function look(evaluator: Evaluator, state: Int32Array): { bySteps: Map<number, string>; violated: string } {
  const out = new Successors(evaluator.words);
  evaluator.expand(state, 0, out);
  const bySteps = new Map<number, string>();
  for (let i = 0; i < out.count; i++) {
    bySteps.set(out.instances[i], out.words.slice(i * evaluator.words, (i + 1) * evaluator.words).join());
  }
  return { bySteps, violated: evaluator.violatedInvariants(state, 0).join() };
}
