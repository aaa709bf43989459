/** The reductions that a run asks for. */
import type { Evaluator } from "../checker/evaluate/evaluator.ts";
import type { ReducedSearch } from "../checker/reduce/index.ts";
import { type ReductionName, reductionNames } from "../checker/reduce/reduction.ts";
import type { SearchResult } from "../checker/search/result.ts";
import { codeFolder, keptAnswers } from "./code-cache.ts";
import type { ReduceChoice } from "./flags.ts";
import type { AnyInstance } from "./run.ts";

/** Does the choice ask for reductions, whatever memory there is? */
export function isReducing(choice: ReduceChoice): boolean {
  return choice !== "none" && choice !== "auto";
}

/** The reductions that a choice stands for. */
function reductionsOf(choice: ReduceChoice): readonly ReductionName[] {
  if (choice === "none" || choice === "auto") return [];
  return choice === "all" ? reductionNames : [choice];
}

interface Asked {
  readonly reduce: ReduceChoice;
  readonly seed: number;
  readonly audit: boolean;
  /** All that the analyses depend on, as a text: then what they find is kept for the next run. */
  readonly identity: string | null;
}

/** Searches with the reductions asked for, as far as they apply. They are loaded only where some are. */
export async function searchAsAsked(
  of: AnyInstance,
  evaluator: Evaluator,
  { reduce, identity, ...options }: Asked,
  search: (evaluator: Evaluator, maxDepth?: number) => Promise<SearchResult>,
): Promise<ReducedSearch> {
  if (!isReducing(reduce))
    return { result: await search(evaluator), keepsLengths: true, used: [], refused: [] };
  const { searchReduced } = await import("../checker/reduce/index.ts");
  const folder = codeFolder();
  const kept =
    folder === null || identity === null
      ? undefined
      : keptAnswers(folder, JSON.stringify([identity, reduce, options.seed]));
  const found = await searchReduced(of, evaluator, reductionsOf(reduce), { ...options, kept }, search);
  kept?.save();
  return found;
}
