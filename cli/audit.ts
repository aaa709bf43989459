/**
 * An audit of the reductions: the search again without them, and what both say compared.
 *
 * The whole search may be out of reach. It then ends at a limit, and what it has seen up to its last complete depth
 * is compared; every expanded state of the reduced search was checked all the same, each reduction in its own way.
 */
import type { ReducedSearch } from "../checker/reduce/index.ts";
import type { SearchResult } from "../checker/search/result.ts";
import { exitCodes, ReportedError } from "./exit-codes.ts";
import { judge } from "./judge.ts";
import type { AnyInstance } from "./run.ts";

/** States of the whole search, where nobody sets a limit. */
export const defaultAuditStates = 5_000_000;

export interface Audit {
  /** Distinct states of the search without reductions. */
  readonly states: number;
  /** Did it see everything? Otherwise the comparison ends at this depth. */
  readonly exhaustive: boolean;
  readonly depth: number;
}

/** Compares both searches. Throws an internal error where they disagree. */
function compare(of: AnyInstance, reduced: ReducedSearch, full: SearchResult): void {
  const { result, keepsLengths } = reduced;
  const isAll = result.ending === "exhausted" && full.ending === "exhausted";
  const didBothStop = result.ending === "violated" && full.ending === "violated";
  const [mine, theirs] = [judge(of, result), judge(of, full)];
  for (const [i, { name, violation }] of mine.properties.entries()) {
    const a = violation?.path.instances.length ?? null;
    const b = theirs.properties[i].violation?.path.instances.length ?? null;
    const isMissed = b !== null && a === null && result.ending === "exhausted";
    const isInvented = a !== null && b === null && full.ending === "exhausted";
    const isDue = (a ?? Infinity) <= full.depth || (b ?? Infinity) <= Math.min(result.depth, full.depth);
    const isOfOtherLength = keepsLengths && a !== b && (isAll || didBothStop || isDue);
    if (isMissed || isInvented || isOfOtherLength)
      throw unsound(`${name} is ${describeLength(a)} with reductions, and ${describeLength(b)} without`);
  }
  for (const [i, { name, reached }] of mine.witnesses.entries()) {
    if (isAll && reached !== theirs.witnesses[i].reached)
      throw unsound(`the witness ${name} is ${reached ? "reached" : "not reached"} with reductions only`);
  }
}

function describeLength(length: number | null): string {
  return length === null ? "not broken" : `broken in ${length} steps`;
}

function unsound(what: string): ReportedError {
  return new ReportedError(
    exitCodes.internal,
    `internal error: the reductions are unsound: ${what}`,
    "believe the run without reductions (--reduce none); report the design and the scenario",
  );
}

/** Searches without the reductions that were used, and compares. Null where none was. */
export async function auditReductions(
  of: AnyInstance,
  reduced: ReducedSearch,
  search: () => Promise<SearchResult>,
): Promise<Audit | null> {
  if (reduced.used.length === 0) return null;
  const full = await search();
  compare(of, reduced, full);
  return { states: full.states, exhaustive: full.ending === "exhausted", depth: full.depth };
}
