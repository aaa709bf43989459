/**
 * Shortest lengths: a counterexample found with a reduction that does not keep them need not be a shortest one. So
 * the search is done again without that reduction, no deeper than the longest of the lengths found.
 */
import type { SearchResult, Violation } from "../search/result.ts";

export interface ShortestLengths {
  readonly result: SearchResult;
  /** What was done, in a sentence; null where nothing was violated. */
  readonly note: string | null;
  /** Are all lengths known to be the shortest? */
  readonly isShortest: boolean;
}

/** The reduced result, with shorter counterexamples where the search to that depth finds them. */
export async function findShortest(
  reduced: SearchResult,
  searchTo: (maxDepth: number) => Promise<SearchResult>,
): Promise<ShortestLengths> {
  if (reduced.violations.length === 0) return { result: reduced, note: null, isShortest: true };
  const bound = Math.max(...reduced.violations.map(lengthOf));
  const again = await searchTo(bound);
  const violations = [...reduced.violations];
  for (const found of again.violations) {
    const at = violations.findIndex((each) => isSameProperty(each, found));
    if (at < 0) violations.push(found);
    else if (lengthOf(found) <= lengthOf(violations[at])) violations[at] = found;
  }
  // A violation of that length or less would have been found.
  const isKnown = (each: Violation): boolean =>
    again.violations.some((found) => isSameProperty(found, each)) || again.depth >= lengthOf(each);
  const open = violations.filter((each) => !isKnown(each));
  const effort = `searched again without it to depth ${again.depth}, ${again.states} states`;
  const note =
    open.length === 0
      ? `the lengths of counterexamples are the shortest: ${effort}`
      : `of ${open.length} counterexamples it is not known whether there are shorter ones than shown: ${effort}`;
  return { result: { ...reduced, violations }, note, isShortest: open.length === 0 };
}

function lengthOf({ path }: Violation): number {
  return path.instances.length;
}

function isSameProperty(a: Violation, b: Violation): boolean {
  return a.kind === b.kind && a.property === b.property;
}
