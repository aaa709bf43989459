/** A search with the reductions asked for; done again with fewer where one turns out not to apply. */
import type { Evaluator } from "../checker/evaluate/evaluator.ts";
import {
  ReductionFailure,
  type ReductionName,
  reductionNames,
  type ReductionReport,
} from "../checker/reduce/reduction.ts";
import type { SearchResult } from "../checker/search/result.ts";
import type { ReduceChoice } from "./flags.ts";
import type { AnyInstance } from "./run.ts";

/** What became of the reductions of a run. */
export interface Reductions {
  /** What each that was on did. */
  readonly used: readonly ReductionReport[];
  readonly refused: readonly { readonly name: ReductionName; readonly reason: string }[];
}

export interface ReducedSearch {
  readonly result: SearchResult;
  readonly reductions: Reductions;
}

const noReductions: Reductions = { used: [], refused: [] };

/** The reductions that a choice stands for. */
function reductionsOf(choice: ReduceChoice): readonly ReductionName[] {
  if (choice === "none") return [];
  return choice === "all" ? reductionNames : [choice];
}

/** Searches with the reductions asked for, as far as they apply. */
export async function searchReduced(
  of: AnyInstance,
  evaluator: Evaluator,
  { reduce, seed, audit }: { reduce: ReduceChoice; seed: number; audit: boolean },
  search: (evaluator: Evaluator) => Promise<SearchResult>,
): Promise<ReducedSearch> {
  const asked = reductionsOf(reduce);
  if (asked.length === 0) return { result: await search(evaluator), reductions: noReductions };
  const { applyReductions } = await import("../checker/reduce/index.ts");
  const failures: ReductionFailure[] = [];
  for (;;) {
    const reduced = applyReductions(of, evaluator, asked, { audit, seed, failures });
    try {
      // oxlint-disable-next-line no-await-in-loop
      const result = await search(reduced.evaluator);
      const used = reduced.applied.map((each) => each.describe(result));
      const late = failures.map(({ reduction, reason }) => ({ name: reduction, reason }));
      return { result, reductions: { used, refused: [...reduced.refused, ...late] } };
    } catch (error) {
      if (!(error instanceof ReductionFailure)) throw error;
      failures.push(error);
    }
  }
}
