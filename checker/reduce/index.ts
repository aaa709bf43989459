/** The reductions that a run can ask for, and how they are put around an evaluator. */
import type { Evaluator } from "../evaluate/evaluator.ts";
import type { Instance } from "../model/model.ts";
import type { SearchResult } from "../search/result.ts";
import { asItIs, recall } from "./kept.ts";
import { isCompiled, locks } from "./merge/merge.ts";
import { order } from "./order/order.ts";
import {
  keptFor,
  type ReduceOptions,
  type Reduced,
  type Reduction,
  ReductionFailure,
  type ReductionName,
  reductionNames,
  type ReductionReport,
} from "./reduction.ts";
import { findShortest } from "./shortest.ts";
import { symmetry } from "./symmetry/symmetry.ts";
import { type Reached, walkToWitnesses, withReached } from "./witnessed.ts";

const reductions: Record<ReductionName, Reduction> = { locks, symmetry, order };

/** An evaluator with reductions around it. */
export interface WithReductions {
  readonly evaluator: Evaluator;
  /** The reductions that are on, the innermost first. */
  readonly applied: readonly Reduced[];
  /** Those that were asked for and do not apply, with the reason. */
  readonly refused: readonly Refused[];
  /** What is known to be reached, whether or not a search with the evaluator comes by: to be put into what it finds. */
  readonly reached: Reached;
}

/** A reduction that does not apply, with the reason. */
export interface Refused {
  readonly name: ReductionName;
  readonly reason: string;
}

/** Puts the reductions asked for around the evaluator, as far as they apply. */
export function applyReductions<S>(
  of: Instance<S>,
  evaluator: Evaluator,
  asked: readonly ReductionName[],
  options: ReduceOptions,
): WithReductions {
  const applied: Reduced[] = [];
  const refused: Refused[] = [];
  const reached = options.reached ?? findReached(of, evaluator, asked, options);
  let outermost = evaluator;
  for (const name of reductionNames) {
    if (!asked.includes(name)) continue;
    const made = reductions[name].apply(of, outermost, { ...options, reached });
    if ("refused" in made) {
      refused.push({ name, reason: made.refused });
      continue;
    }
    applied.push(made);
    outermost = made;
  }
  return { evaluator: outermost, applied, refused, reached };
}

/** Looked for where it is of use: with symmetry alone, lengths are kept, and nothing is left out for what sees it. */
function findReached<S>(
  of: Instance<S>,
  evaluator: Evaluator,
  asked: readonly ReductionName[],
  options: ReduceOptions,
): Reached {
  if (!asked.some((name) => name !== "symmetry") || !isCompiled(evaluator))
    return of.witnesses.map(() => null);
  return recall(keptFor(options), "witnesses", asItIs<Reached>(), () =>
    walkToWitnesses(of, evaluator, options.seed),
  );
}

/** What a search with reductions found, and what became of them. */
export interface ReducedSearch extends Reductions {
  readonly result: SearchResult;
}

export interface Reductions {
  /** Is a shortest way in the reduced search as long as one in the model? */
  readonly keepsLengths: boolean;
  /** What each that was on did. */
  readonly used: readonly ReductionReport[];
  readonly refused: readonly Refused[];
}

/**
 * Searches with the reductions asked for; again with fewer where one turns out on the way not to apply, and again
 * without those that do not keep lengths, up to the lengths that they found. `search` is told how deep, if not to the end.
 */
export async function searchReduced<S>(
  of: Instance<S>,
  evaluator: Evaluator,
  asked: readonly ReductionName[],
  options: Omit<ReduceOptions, "failures">,
  search: (evaluator: Evaluator, maxDepth?: number) => Promise<SearchResult>,
): Promise<ReducedSearch> {
  const failures: ReductionFailure[] = [];
  const reached = findReached(of, evaluator, asked, { ...options, failures });
  for (;;) {
    try {
      // What one rests on may be found wrong while the next one is prepared.
      const {
        evaluator: reduced,
        applied,
        refused,
      } = applyReductions(of, evaluator, asked, { ...options, failures, reached });
      // oxlint-disable-next-line no-await-in-loop
      const found = withReached(await search(reduced), reached);
      const sample = applied.findLast((each) => each.sample !== undefined)?.sample?.states;
      const used = applied.map((each) => each.describe(found, sample));
      const keeping = applied.filter((each) => each.keepsLengths).map((each) => each.reduction);
      if (keeping.length === applied.length) return { result: found, keepsLengths: true, used, refused };
      const plain = applyReductions(of, evaluator, keeping, { ...options, failures, reached }).evaluator;
      // oxlint-disable-next-line no-await-in-loop
      const { result, note, isShortest } = await findShortest(found, (maxDepth) => search(plain, maxDepth));
      const at = applied.findIndex((each) => !each.keepsLengths);
      return { result, keepsLengths: isShortest, used: withNote(used, at, note), refused };
    } catch (error) {
      if (!(error instanceof ReductionFailure)) throw error;
      const again = failures.find(({ subject }) => subject === error.subject);
      if (again !== undefined)
        throw new Error(`${again.message}, although it was left out`, { cause: error });
      failures.push(error);
    }
  }
}

/** The reports, one of them with a note more. */
function withNote(reports: readonly ReductionReport[], at: number, note: string | null): ReductionReport[] {
  return reports.map((report, i) =>
    i === at && note !== null ? { ...report, notes: [...report.notes, note] } : report,
  );
}
