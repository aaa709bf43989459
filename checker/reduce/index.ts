/** The reductions that a run can ask for, and how they are put around an evaluator. */
import type { Evaluator } from "../evaluate/evaluator.ts";
import type { Instance } from "../model/model.ts";
import {
  isReduced,
  type ReduceOptions,
  type Reduced,
  type Reduction,
  type ReductionName,
  reductionNames,
} from "./reduction.ts";
import { symmetry } from "./symmetry/symmetry.ts";

const reductions: Partial<Record<ReductionName, Reduction>> = { symmetry };

/** An evaluator with reductions around it. */
export interface WithReductions {
  readonly evaluator: Evaluator;
  /** The reductions that are on, the innermost first. */
  readonly applied: readonly Reduced[];
  /** Those that were asked for and do not apply, with the reason. */
  readonly refused: readonly { readonly name: ReductionName; readonly reason: string }[];
}

/** Puts the reductions asked for around the evaluator, as far as they apply. */
export function applyReductions<S>(
  of: Instance<S>,
  evaluator: Evaluator,
  asked: readonly ReductionName[],
  options: ReduceOptions,
): WithReductions {
  const applied: Reduced[] = [];
  const refused: { name: ReductionName; reason: string }[] = [];
  let outermost = evaluator;
  for (const name of reductionNames) {
    if (!asked.includes(name)) continue;
    const made = reductions[name]?.apply(of, outermost, options) ?? { refused: "it is not written yet" };
    if ("refused" in made) {
      refused.push({ name, reason: made.refused });
      continue;
    }
    if (!isReduced(made)) throw new Error(`${name} gave no reduced evaluator`);
    applied.push(made);
    outermost = made;
  }
  return { evaluator: outermost, applied, refused };
}
