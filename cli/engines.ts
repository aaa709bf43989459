/** The evaluators that a run can choose. */
import type { CompiledEvaluator } from "../checker/compile/compiled.ts";
import type { Evaluator } from "../checker/evaluate/evaluator.ts";
import { createPacked } from "../checker/evaluate/packed.ts";
import { createReference } from "../checker/evaluate/reference.ts";
import type { Instance } from "../checker/model/model.ts";

/** `js`: recipes compiled to straight-line code; `packed`: over accessors; `reference`: slow and plain. */
export const engines = ["js", "packed", "reference"] as const;
export type EngineName = (typeof engines)[number];
export const defaultEngine: EngineName = "js";

/** Makes the evaluator. The compiler is loaded only where it is asked for. */
export async function createEvaluator<S>(instance: Instance<S>, engine: EngineName): Promise<Evaluator> {
  switch (engine) {
    case "js": {
      const { createCompiled } = await import("../checker/compile/compiled.ts");
      return createCompiled(instance);
    }
    case "packed":
      return createPacked(instance);
    case "reference":
      return createReference(instance);
  }
}

/** How many steps and properties the engine could not compile; they ran on the packed evaluator. */
export function countFallbacks(evaluator: Evaluator): number {
  return "fallbacks" in evaluator ? (evaluator as CompiledEvaluator).fallbacks.length : 0;
}
