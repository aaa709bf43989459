/**
 * Every design on every scenario at `tiny`, and every weakening, with and without a reduction: the same property
 * instances violated, the same witnesses reached. Prints a table; exits 1 where a verdict differs.
 *
 *   npm run reductions:designs -- [--reduce locks] [--max-states 400000] [--only TEXT]
 */
import { parseArgs } from "node:util";
import { createCompiled } from "../checker/compile/compiled.ts";
import type { Evaluator } from "../checker/evaluate/evaluator.ts";
import { type Instance, instantiate, type Model, type Scope } from "../checker/index.ts";
import { applyReductions } from "../checker/reduce/index.ts";
import { type ReductionName, reductionNames } from "../checker/reduce/reduction.ts";
import { searchAll, unconfirmed, verdictOf } from "../checker/reduce/verdicts.ts";
import { watchPanics } from "../cli/availability.ts";
import { designs } from "../properties/index.ts";
import { weakenings } from "../properties/weakenings/index.ts";
import { buildWeakened } from "../properties/weakenings/weakening.ts";

// The state is known by names only.
// oxlint-disable-next-line no-explicit-any
type AnyModel = Model<any>;
// oxlint-disable-next-line no-explicit-any
type AnyInstance = Instance<any>;

interface Target {
  readonly name: string;
  readonly scope: Scope;
  readonly build: () => AnyModel;
}

const { values } = parseArgs({
  options: {
    reduce: { type: "string", default: "locks" },
    "max-states": { type: "string", default: "400000" },
    only: { type: "string", default: "" },
  },
});
const asked = values.reduce === "all" ? reductionNames : [values.reduce as ReductionName];
const maxStates = Number(values["max-states"]);

const targets: Target[] = [
  ...designs.flatMap((design) =>
    design.scenarios.map((scenario) => ({
      name: `${design.name} on ${scenario.name}`,
      scope: scenario.sizes.tiny,
      build: () => design.build(),
    })),
  ),
  ...weakenings.map((weakening) => ({
    name: `pv, but ${weakening.name} (${weakening.scenario.name})`,
    scope: weakening.scenario.sizes.tiny,
    build: () => buildWeakened(weakening),
  })),
];

/** A search, and the processor time that it took, in seconds. */
async function timed(of: AnyInstance, evaluator: Evaluator) {
  const before = process.cpuUsage();
  const result = await searchAll(of, evaluator, maxStates);
  const { user, system } = process.cpuUsage(before);
  return { result, seconds: ((user + system) / 1e6).toFixed(2) };
}

async function rowOf({ name, scope, build }: Target): Promise<{ row: string; isEqual: boolean }> {
  const of = instantiate(watchPanics(build()), scope);
  const evaluator = createCompiled(of);
  const { evaluator: outer, refused } = applyReductions(of, evaluator, asked, {
    audit: false,
    seed: 1,
    failures: [],
  });
  if (outer === evaluator) return { row: `| ${name} | refused: ${refused[0].reason} |`, isEqual: true };
  const reduced = await timed(of, outer);
  const full = await timed(of, evaluator);
  const cut = [full, reduced].find(({ result }) => result.ending !== "exhausted");
  const counts = `${countOf(full.result)} | ${countOf(reduced.result)} | ${full.seconds} | ${reduced.seconds}`;
  if (cut !== undefined) return { row: `| ${name} | ${counts} | not compared: cut off |`, isEqual: true };
  const [mine, theirs] = [verdictOf(of, reduced.result), verdictOf(of, full.result)];
  const isEqual =
    JSON.stringify(mine) === JSON.stringify(theirs) && unconfirmed(of, reduced.result).length === 0;
  const verdict = theirs.violated.length === 0 ? "holds" : `${theirs.violated.length} violated`;
  return { row: `| ${name} | ${counts} | ${isEqual ? verdict : "DIFFERS"} |`, isEqual };
}

function countOf({ states, ending }: { states: number; ending: string }): string {
  return `${ending === "exhausted" ? "" : "> "}${states.toLocaleString("en")}`;
}

console.log(`| model | states | with ${asked.join(", ")} | s | s | both say |\n|---|---|---|---|---|---|`);
let differing = 0;
for (const target of targets) {
  if (!target.name.includes(values.only)) continue;
  // One at a time: each needs the memory.
  // oxlint-disable-next-line no-await-in-loop
  const { row, isEqual } = await rowOf(target);
  console.log(row);
  if (!isEqual) differing++;
}
process.exitCode = differing > 0 ? 1 : 0;
