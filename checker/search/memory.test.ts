import { describe, expect, test } from "vitest";
import { type Grid, GridEvaluator } from "../testing/grid-evaluator.ts";
import { MemorySpill } from "../testing/memory-spill.ts";
import { breadthFirst } from "./breadth-first.ts";
import type { SearchOptions, SearchResult } from "./result.ts";

function explore(grid: Grid, options: Partial<SearchOptions> = {}): Promise<SearchResult> {
  const evaluator = new GridEvaluator(grid);
  return breadthFirst(evaluator, { stopAtViolation: true, ...evaluator.counts, ...options });
}

/** What must not depend on the memory that there is. */
const essence = ({
  ending,
  states,
  transitions,
  depth,
  digest,
  violations,
  witnesses,
  taken,
}: SearchResult) => ({
  ending,
  states,
  transitions,
  depth,
  digest,
  violations,
  witnesses,
  taken: [...taken],
});

// 43,758 wide states within ten steps, most of them in the last two layers: a frontier of fifteen chunks.
const wide: Grid = {
  sides: Array.from({ length: 8 }, () => 40),
  words: 40,
  witnessedBy: [([a, b]) => a === 3 && b === 4],
};
const tenSteps = { maxDepth: 10 };
const last = ([first]: readonly number[]): boolean => first === 10;
/** Room for the table, and for a few chunks of the frontier. */
const maxMemory = 11_000_000;

describe("a search with little memory", () => {
  test("spills its frontier, and finds the same", async () => {
    const much = await explore(wide, tenSteps);
    expect(much).toMatchObject({ ending: "max-depth", states: 43_758 });
    const spill = new MemorySpill();
    const little = await explore(wide, { ...tenSteps, maxMemory, spill });
    expect(essence(little)).toEqual(essence(much));
    expect(spill.most).toBeGreaterThan(2);
    expect(spill.size).toBe(0);
    expect(little.totalBytes).toBeLessThanOrEqual(maxMemory);
    expect((await explore(wide, { ...tenSteps, maxMemory })).ending).toBe("memory");
  });

  test("ends at its limit, not dead, when the table has no room", async () => {
    const spill = new MemorySpill();
    const result = await explore(wide, { ...tenSteps, maxMemory: 4_000_000, spill });
    expect(result.ending).toBe("memory");
    expect(result.states).toBeGreaterThan(3000);
    expect(result.totalBytes).toBeLessThan(4_000_000);
    expect(spill.size).toBe(0);
  });

  test("finds the path to a violation within the memory that the search had", async () => {
    const grid = { ...wide, violatedBy: [last] };
    const much = await explore(grid, tenSteps);
    const spill = new MemorySpill();
    const little = await explore(grid, { ...tenSteps, maxMemory, spill });
    expect(essence(little)).toEqual(essence(much));
    expect(little.violations[0].path.instances).toHaveLength(10);
    expect(spill.size).toBe(0);
  });
});

describe("a search that notes from where states were found", () => {
  const grid = { sides: [9, 9, 9, 9], violatedBy: [(counters: readonly number[]) => counters[0] === 5] };

  test("finds the same paths, and searches once", async () => {
    const evaluator = new GridEvaluator(grid);
    const options = { stopAtViolation: false, ...evaluator.counts };
    const twice = await breadthFirst(evaluator, options);
    const { expanded } = evaluator;
    const once = await breadthFirst(evaluator, { ...options, keepOrigins: true });
    expect(essence(once)).toEqual(essence(twice));
    expect(evaluator.expanded - expanded).toBe(twice.states + once.violations[0].path.instances.length);
  });

  test("spills what it notes", async () => {
    const spill = new MemorySpill();
    const much = await explore({ ...wide, violatedBy: [last] }, { ...tenSteps, keepOrigins: true });
    const little = await explore(
      { ...wide, violatedBy: [last] },
      { ...tenSteps, keepOrigins: true, spill, maxMemory: maxMemory + 1_100_000 },
    );
    expect(essence(little)).toEqual(essence(much));
    expect(spill.most).toBeGreaterThan(2);
    expect(spill.size).toBe(0);
  });
});

describe("a search that keeps fingerprints", () => {
  const grid = { ...wide, violatedBy: [last] };

  test("finds the same in less memory, and says how likely it is that something is missing", async () => {
    const exact = await explore(grid, tenSteps);
    const found = await explore(grid, { ...tenSteps, fingerprints: true });
    expect(essence(found)).toEqual(essence(exact));
    expect(exact.omissionProbability).toBe(0);
    expect(found.omissionProbability).toBeCloseTo(43_758 ** 2 / 2 ** 65, 15);
    expect(found.tableBytes).toBeLessThan(exact.tableBytes / 10);
  });
});
