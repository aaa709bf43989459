/**
 * Every design on every scenario, and every weakening, with and without reductions: the same properties
 * violated, the same witnesses reached. Prints a table; exits 1 where a verdict differs.
 *
 *   npm run reductions:designs -- [--reduce all] [--size tiny] [--max-states 400000] [--only TEXT] [--rows FILE]
 *     [--bounds NAME=N,NAME=N] [--beyond N] [--max-seconds N] [--engine wasm|js] [--write]
 *
 * `--write` puts the table of the designs into docs/reductions.md, in place of the one of this size. With `--rows`, each
 * row is added to the file as soon as it is there, and one that the same program put there is not computed again: all of
 * it takes hours. `--bounds` puts other sizes in place of the scenario's. With `--beyond`, what has more states than
 * `--max-states` without reductions is searched with them, up to so many, all the same: how far they reach. After
 * `--max-seconds` no row is begun: what is in the file is shown, and what was not come to is named.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { createCompiled } from "../checker/compile/compiled.ts";
import { NotInWasm } from "../checker/compile/print-wasm.ts";
import type { Evaluator } from "../checker/evaluate/evaluator.ts";
import { type Instance, instantiate, type Model, ModelError, type Scope } from "../checker/index.ts";
import { applyReductions } from "../checker/reduce/index.ts";
import { ReductionFailure, type ReductionName, reductionNames } from "../checker/reduce/reduction.ts";
import { SymmetryEvaluator } from "../checker/reduce/symmetry/quotient.ts";
import {
  searchAll,
  searchAllInWasm,
  unconfirmed,
  verdictByFamilies,
  violatedUpTo,
} from "../checker/reduce/verdicts.ts";
import { withReached } from "../checker/reduce/witnessed.ts";
import type { SearchResult } from "../checker/search/result.ts";
import { watchPanics } from "../cli/availability.ts";
import { computeProgramDigest } from "../cli/program-digest.ts";
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
  readonly scope: Scope | undefined;
  readonly isWeakened: boolean;
  readonly build: () => AnyModel;
}

const { values } = parseArgs({
  options: {
    reduce: { type: "string", default: "all" },
    size: { type: "string", default: "tiny" },
    "max-states": { type: "string", default: "400000" },
    only: { type: "string", default: "" },
    rows: { type: "string" },
    "max-seconds": { type: "string" },
    bounds: { type: "string", default: "" },
    beyond: { type: "string" },
    engine: { type: "string", default: "wasm" },
    write: { type: "boolean", default: false },
  },
});
const asked = values.reduce === "all" ? reductionNames : [values.reduce as ReductionName];
const maxStates = Number(values["max-states"]);
const deadline = performance.now() + 1000 * Number(values["max-seconds"] ?? Infinity);
const beyond = values.beyond === undefined ? null : Number(values.beyond);
const otherBounds = Object.fromEntries(
  values.bounds
    .split(",")
    .filter((each) => each !== "")
    .map((each) => [each.split("=")[0], Number(each.split("=")[1])]),
);
const document = "docs/reductions.md";
const program = computeProgramDigest();

const targets: Target[] = [
  ...designs.flatMap((design) =>
    design.scenarios.map((scenario) => ({
      name: `${design.name} on ${scenario.name}`,
      scope: (scenario.sizes as Readonly<Record<string, Scope | undefined>>)[values.size],
      isWeakened: false,
      build: () => design.build(),
    })),
  ),
  ...weakenings.map((weakening) => ({
    name: `pv, but ${weakening.name} (${weakening.scenario.name})`,
    scope: values.size === "tiny" ? weakening.scenario.sizes.tiny : undefined,
    isWeakened: true,
    build: () => buildWeakened(weakening),
  })),
];

/** A search on two threads, or in JavaScript where that is asked for or not all of the model is compiled. */
async function searchOnThreads(of: AnyInstance, evaluator: Evaluator, most: number): Promise<SearchResult> {
  if (values.engine === "js") return searchAll(of, evaluator, most);
  try {
    return await searchAllInWasm(of, evaluator, { workers: 2, maxStates: most });
  } catch (error) {
    if (!(error instanceof NotInWasm)) throw error;
    return searchAll(of, evaluator, most);
  }
}

/** A search, and the processor time that it took, in seconds. */
async function timed(of: AnyInstance, evaluator: Evaluator, most = maxStates) {
  const before = process.cpuUsage();
  const result = await searchOnThreads(of, evaluator, most);
  const { user, system } = process.cpuUsage(before);
  return { result, seconds: ((user + system) / 1e6).toFixed(2) };
}

interface Row {
  readonly text: string;
  readonly is: "compared" | "cut off" | "refused" | "different";
  /** Of the states found without reductions: as long as that is the model's, the row is. */
  readonly digest: string;
}

/** What a search found, or the error of the model's that it came to. */
async function orError<T>(search: Promise<T>): Promise<T | ModelError> {
  try {
    return await search;
  } catch (error) {
    if (error instanceof ModelError) return error;
    throw error;
  }
}

async function rowOf(name: string, scope: Scope, build: () => AnyModel): Promise<Row> {
  const of = instantiate(watchPanics(build()), { ...scope, bounds: { ...scope.bounds, ...otherBounds } });
  const evaluator = createCompiled(of);
  const full = await orError(timed(of, evaluator));
  if (full instanceof ModelError) {
    const met = await orError(searchReducedly(of, evaluator, []));
    const isEqual = met instanceof ModelError && met.code === full.code;
    const text = `| ${name} | an error: ${full.code} | ${met instanceof ModelError ? met.code : "none"} | | | ${isEqual ? "an error of the model" : "DIFFERS"} |`;
    return { text, is: isEqual ? "compared" : "different", digest: full.code };
  }
  const { digest, ending } = full.result;
  // A search that does not end without has nothing to be compared with.
  if (ending !== "exhausted" && beyond !== null) {
    const far = await searchReducedly(of, evaluator, [], beyond);
    if ("refused" in far) return { text: `| ${name} | refused: ${far.refused} |`, is: "refused", digest };
    const { violated } = verdictByFamilies(of, far.result);
    const found = violated.length === 0 ? "nothing violated" : `${violated.length} violated`;
    const text = `| ${name} | ${countOf(full.result)} | ${countOf(far.result)} | ${full.seconds} | ${far.seconds} | ${found} |`;
    return { text, is: "cut off", digest };
  }
  if (ending !== "exhausted")
    return { text: `| ${name} | ${countOf(full.result)} | not compared |`, is: "cut off", digest };
  const reduced = await searchReducedly(of, evaluator, []);
  if ("refused" in reduced)
    return { text: `| ${name} | refused: ${reduced.refused} |`, is: "refused", digest };
  const [mine, theirs] = [verdictByFamilies(of, reduced.result), verdictByFamilies(of, full.result)];
  const isEqual =
    reduced.result.ending === "exhausted" &&
    JSON.stringify(violatedUpTo(of, reduced.result, reduced.sorts)) ===
      JSON.stringify(violatedUpTo(of, full.result, reduced.sorts)) &&
    JSON.stringify(mine.reached) === JSON.stringify(theirs.reached) &&
    unconfirmed(of, reduced.result).length === 0 &&
    isNoneShorter(reduced.result, full.result);
  const verdict = theirs.violated.length === 0 ? "holds" : `${theirs.violated.length} violated`;
  const counts = `${countOf(full.result)} | ${countOf(reduced.result)} | ${full.seconds} | ${reduced.seconds}`;
  return {
    text: `| ${name} | ${counts} | ${isEqual ? verdict : "DIFFERS"} |`,
    is: isEqual ? "compared" : "different",
    digest,
  };
}

/** A search with reductions; again without what it finds on the way not to apply, as `check` does. */
async function searchReducedly(
  of: AnyInstance,
  evaluator: Evaluator,
  failures: ReductionFailure[],
  most = maxStates,
) {
  const options = { audit: false, seed: 1, failures };
  const { evaluator: outer, applied, reached, refused } = applyReductions(of, evaluator, asked, options);
  if (outer === evaluator) return { refused: refused[0].reason };
  try {
    const found = await timed(of, outer, most);
    const symmetric = applied.find((each) => each instanceof SymmetryEvaluator);
    const sorts = symmetric?.sorts ?? new Set<string>();
    return { ...found, result: withReached(found.result, reached), sorts };
  } catch (error) {
    if (!(error instanceof ReductionFailure) || failures.some(({ subject }) => subject === error.subject))
      throw error;
    console.error(`${of.model.name}: ${error.message}`);
    return searchReducedly(of, evaluator, [...failures, error], most);
  }
}

/**
 * Is no counterexample of the reduced search shorter than the whole search's? Then the search without reductions that
 * `check` does to the longest of them finds the shortest of each.
 */
function isNoneShorter(reduced: SearchResult, full: SearchResult): boolean {
  return reduced.violations.every(({ kind, property, path }) => {
    const theirs = full.violations.find((each) => each.kind === kind && each.property === property);
    return theirs !== undefined && path.instances.length >= theirs.path.instances.length;
  });
}

/** The row, from the file of rows if this program has put it there; null where there is no time for it. */
async function keptRowOf(target: Target, scope: Scope): Promise<Row | null> {
  const isLate = performance.now() > deadline;
  if (values.rows === undefined) return isLate ? null : rowOf(target.name, scope, target.build);
  const how = [values.engine, values.size, values.bounds, values.reduce, maxStates, beyond ?? ""].filter(
    (each) => each !== "",
  );
  const key = [program, ...how, target.name].join(" ");
  const kept = existsSync(values.rows) ? readFileSync(values.rows, "utf8").split("\n") : [];
  const line = kept.find((each) => each.startsWith(`${JSON.stringify(key)}\t`));
  if (line !== undefined) return JSON.parse(line.slice(line.indexOf("\t") + 1)) as Row;
  if (isLate) return null;
  const row = await rowOf(target.name, scope, target.build);
  appendFileSync(values.rows, `${JSON.stringify(key)}\t${JSON.stringify(row)}\n`);
  return row;
}

function countOf({ states, ending }: { states: number; ending: string }): string {
  return `${ending === "exhausted" ? "" : "> "}${states.toLocaleString("en")}`;
}

/** Puts lines into the document between the marks of this size. */
function write(lines: readonly string[]): void {
  const [begin, end] = [`<!-- reductions:designs ${values.size} -->`, "<!-- end -->"];
  const [before, rest] = readFileSync(document, "utf8").split(`${begin}\n`);
  if (rest === undefined) throw new Error(`${document} has no "${begin}"`);
  const after = rest.slice(rest.indexOf(end));
  writeFileSync(document, [before, begin, "\n", ...lines.map((line) => `${line}\n`), after].join(""));
}

const heading = [
  `| model, ${values.size} | states | with ${asked.join(", ")} | s | s with | both say |`,
  "|---|---|---|---|---|---|",
];
console.log(heading.join("\n"));
const rows: (Row & Target)[] = [];
const missing: string[] = [];
for (const target of targets) {
  const { name, scope } = target;
  if (scope === undefined || !name.includes(values.only)) continue;
  // One at a time: each needs the memory.
  // oxlint-disable-next-line no-await-in-loop
  const row = await keptRowOf(target, scope);
  if (row === null) {
    missing.push(name);
    continue;
  }
  console.log(row.text);
  rows.push({ ...row, ...target });
}
const how = (is: Row["is"], isWeakened: boolean) =>
  rows.filter((row) => row.is === is && row.isWeakened === isWeakened);
const sentence = [
  `Of ${rows.length} models, ${rows.filter(({ is }) => is === "compared").length} were compared, ${how("compared", true).length} of them weakenings of pv.`,
  `More than ${maxStates.toLocaleString("en")} states without reductions, and so not compared: ${[...how("cut off", false), ...how("cut off", true)].map(({ name }) => name).join("; ") || "none"}.`,
  ...(missing.length === 0 ? [] : [`Not come to: ${missing.join("; ")}.`]),
];
console.log(`\n${sentence.join("\n")}`);
if (values.write) write([...heading, ...how("compared", false).map(({ text }) => text), "", ...sentence]);
process.exitCode = rows.some(({ is }) => is === "different") ? 1 : 0;
