/**
 * The tests that compare evaluators can tell a miscompilation: one is planted, of each kind, and they see it.
 */
import { expect, test } from "vitest";
import { dmaCore, dmaCoreScope } from "../examples/dma-core.ts";
import { instantiate, type Model, stepProperty } from "../index.ts";
import { walkTogether } from "../testing/walk-together.ts";
import { compileInstance, runCompiled } from "./compiled.ts";
import { Exprs } from "./exprs.ts";
import type { Module, Stmt } from "./ir.ts";

type State = ReturnType<typeof dmaCore> extends Model<infer S> ? S : never;

const of = instantiate(
  {
    ...dmaCore(),
    stepProperties: [
      stepProperty(
        "nothing is donated",
        {},
        {
          sentence: "The host keeps its pages.",
          holds: (before: State, after: State) =>
            before.pages.every(({ own }, i) => own !== "HOST" || after.pages[i].own === "HOST"),
        },
      ),
    ],
  },
  dmaCoreScope("2x2x2"),
);
const compiled = compileInstance(of);

function walk(module: Module): void {
  const evaluator = runCompiled(of, { ...compiled, module });
  let state = 12345;
  const choose = (count: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >>> 8) % count;
  };
  for (let n = 0; n < 4; n++) walkTogether(of, 150, choose, [evaluator]);
}

/** The module with a change in every statement that `change` has something for. */
function changed(change: (stmt: Stmt) => Stmt | null): Module {
  let changes = 0;
  const inList = (list: readonly Stmt[]): Stmt[] => list.flatMap(inOne);
  const inOne = (stmt: Stmt): Stmt[] => {
    const other = change(stmt);
    if (other !== null) {
      changes++;
      return [other];
    }
    return stmt.do === "if" ? [{ ...stmt, yes: inList(stmt.yes), no: inList(stmt.no) }] : [stmt];
  };
  const { module } = compiled;
  const made = {
    ...module,
    dispatches: module.dispatches.map((dispatch) => ({
      ...dispatch,
      labels: dispatch.labels.map((label) => ({ ...label, body: inList(label.body) })),
    })),
    environment: inList(module.environment),
    invariants: module.invariants.map((group) => ({ ...group, body: inList(group.body) })),
    checks: module.checks.map(inList),
  };
  expect(changes).toBeGreaterThan(0);
  return made;
}

test("the compiled module as it is passes", () => {
  walk(compiled.module);
});

const exprs = new Exprs();
const mutants: Readonly<Record<string, (stmt: Stmt) => Stmt | null>> = {
  "a guard that always holds": (stmt) => (stmt.do === "if" ? { ...stmt, test: exprs.one } : null),
  "a successor that is left out": (stmt) =>
    stmt.do === "emit" && stmt.instance % 7 === 3 ? { do: "deopt", when: exprs.zero } : null,
  "a word that is not written": (stmt) =>
    stmt.do === "emit" && stmt.instance % 5 === 2
      ? { ...stmt, words: [exprs.word(0, 0), ...stmt.words.slice(1)] }
      : null,
  "a successor by another instance": (stmt) =>
    stmt.do === "emit" && stmt.instance === 1 ? { ...stmt, instance: 2 } : null,
  "an invariant that is never violated, and one that always is": (stmt) =>
    stmt.do === "report" ? { ...stmt, when: stmt.what === 0 ? exprs.one : exprs.zero } : null,
  "a step property that always holds": (stmt) =>
    stmt.do === "answer" ? { ...stmt, when: exprs.zero } : null,
};

test.each(Object.entries(mutants))("%s is found", (_, change) => {
  const mutant = changed(change);
  expect(() => walk(mutant)).toThrow();
});
