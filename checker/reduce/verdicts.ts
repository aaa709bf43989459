/** What a reduction must not change: for tests, and to compare designs. */
import { confirmClaim, replayPath } from "../trace/replay.ts";
import type { Evaluator } from "../evaluate/evaluator.ts";
import { deadlockProperty, type Instance } from "../model/model.ts";
import type { AnyArgs, Params } from "../model/rule.ts";
import { sortOf } from "../schema/shape.ts";
import { familyOf } from "./witnessed.ts";
import { breadthFirst } from "../search/breadth-first.ts";
import type { WasmOptions } from "../parallel/wasm-evaluator.ts";
import type { SearchOptions, SearchResult, Violation } from "../search/result.ts";
import { searchReducedInWasm } from "./wasm/reduced-wasm.ts";

/** Explores past violations. */
export function searchAll<S>(
  of: Instance<S>,
  evaluator: Evaluator,
  maxStates?: number,
  maxDepth?: number,
): Promise<SearchResult> {
  return breadthFirst(evaluator, {
    instances: of.instances.length,
    witnesses: of.witnesses.length,
    stopAtViolation: false,
    ...(maxStates === undefined ? {} : { maxStates }),
    ...(maxDepth === undefined ? {} : { maxDepth }),
  });
}

/** The same in WebAssembly, of a compiled evaluator or reductions of one. */
export function searchAllInWasm<S>(
  of: Instance<S>,
  evaluator: Evaluator,
  { maxDepth, maxStates, ...threads }: WasmOptions & Pick<SearchOptions, "maxDepth" | "maxStates"> = {},
): Promise<SearchResult> {
  return searchReducedInWasm(
    of,
    evaluator,
    {
      instances: of.instances.length,
      witnesses: of.witnesses.length,
      stopAtViolation: false,
      ...(maxStates === undefined ? {} : { maxStates }),
      ...(maxDepth === undefined ? {} : { maxDepth }),
    },
    threads,
  );
}

interface Violated {
  readonly name: string;
  readonly params: Params;
  readonly args: AnyArgs;
}

function instanceOf<S>(of: Instance<S>, { kind, property }: Violation): Violated {
  if (kind === "deadlock") return { name: deadlockProperty, params: {}, args: {} };
  const { property: found, args } = (kind === "step" ? of.stepProperties : of.invariants)[property];
  return { name: found.name, params: found.params, args };
}

/** What a search says of a model, lengths apart: the violated property instances and the witness instances reached. */
export function verdictOf<S>(of: Instance<S>, { violations, witnesses }: SearchResult) {
  const violated = violations.map((violation) => {
    const { name, args } = instanceOf(of, violation);
    return `${name} ${JSON.stringify(args)}`;
  });
  const reached = of.witnesses.filter(({ id }) => witnesses[id] !== null);
  return {
    violated: violated.sort(),
    reached: reached.map(({ property, args }) => `${property.name} ${JSON.stringify(args)}`),
  };
}

/**
 * The violated property instances, each once, with the elements of these sorts left out: of instances that differ in
 * interchangeable elements only, a search with symmetry tells one.
 */
export function violatedUpTo<S>(
  of: Instance<S>,
  { violations }: SearchResult,
  sorts: ReadonlySet<string>,
): string[] {
  const keys = violations.map((violation) => {
    const { name, params, args } = instanceOf(of, violation);
    const told = Object.entries(args).filter(([arg]) => !sorts.has(sortOf(params[arg]) ?? ""));
    return `${name} ${JSON.stringify(Object.fromEntries(told))}`;
  });
  return [...new Set(keys)].sort();
}

/** The same of a search that need not see a witness again which walks reached: of each family, whether it was reached. */
export function verdictByFamilies<S>(of: Instance<S>, result: SearchResult) {
  const reached = of.witnesses.filter(({ id }) => result.witnesses[id] !== null);
  return { ...verdictOf(of, result), reached: [...new Set(reached.map(familyOf))] };
}

/** The violations whose schedule the reference evaluator does not confirm, by name. */
export function unconfirmed<S>(of: Instance<S>, { violations }: SearchResult): string[] {
  return violations
    .filter((violation) => {
      const { name, args } = instanceOf(of, violation);
      return confirmClaim(of, replayPath(of, violation.path), { kind: violation.kind, name, args }) === null;
    })
    .map((violation) => instanceOf(of, violation).name);
}
