/** Lock-aware merging: steps of one process that nobody can come between or see become one transition. */
import type { CompiledEvaluator } from "../../compile/compiled.ts";
import type { Evaluator } from "../../evaluate/evaluator.ts";
import type { Instance } from "../../model/model.ts";
import { keptFor, type Reduced, type Reduction, type Refusal } from "../reduction.ts";
import { analyse, type Prior } from "./analysis.ts";
import { MergedEvaluator } from "./merged.ts";
import { UnknownSteps } from "./steps.ts";

/** Of so many steps within blocks, one is tried in both orders with what others may do. */
const checkEvery = 512;

export const locks: Reduction = {
  name: "locks",
  apply(of, evaluator, options) {
    const { failures, audit, seed, reached } = options;
    const failure = failures.find(({ reduction }) => reduction === "locks");
    if (failure !== undefined) return { refused: failure.reason };
    const checks = { checkEvery: audit ? 1 : checkEvery, seed };
    return mergeBlocks(of, evaluator, checks, { reached, kept: keptFor(options) });
  },
};

/** The evaluator with blocks for transitions; or why that cannot be. */
export function mergeBlocks<S>(
  of: Instance<S>,
  evaluator: Evaluator,
  checks = { checkEvery, seed: 1 },
  prior: Prior = {},
): Reduced | Refusal {
  if (!isCompiled(evaluator))
    return {
      refused: `the ${evaluator.name} engine does not know what steps read and write; use --engine js`,
    };
  if (of.processes.length === 0)
    return { refused: "the model has no processes, whose steps could be merged" };
  try {
    const analysis = analyse(of, evaluator, prior);
    const { goesOnAfter, goesOnBefore } = analysis.plan;
    if (![...goesOnAfter, ...goesOnBefore].some((process) => process.includes(1)))
      return { refused: "no step of a process commutes with all that others may do meanwhile" };
    return new MergedEvaluator(of, evaluator, analysis, checks);
  } catch (error) {
    if (error instanceof UnknownSteps) return { refused: error.message };
    throw error;
  }
}

/** Does the evaluator know what its steps read and write? */
export function isCompiled(evaluator: Evaluator): evaluator is CompiledEvaluator {
  return "insight" in evaluator;
}
