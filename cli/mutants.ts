/** Runs a design's mutants over its scenarios, the cheapest search first, until something notices. */
import { createCompiled } from "../checker/compile/compiled.ts";
import { ModelError } from "../checker/errors.ts";
import type { Evaluator } from "../checker/evaluate/evaluator.ts";
import { createPacked } from "../checker/evaluate/packed.ts";
import type { Design, Scenario } from "../checker/model/design.ts";
import { instantiate } from "../checker/model/model.ts";
import type { Mutant } from "../checker/model/mutate.ts";
import { breadthFirst } from "../checker/search/breadth-first.ts";
import type { SearchResult } from "../checker/search/result.ts";
import { judge } from "./judge.ts";
import { defaultSize } from "./registry.ts";
import type { AnyInstance } from "./run.ts";
import type { MutateOutput } from "./schemas.ts";

// The state is known by names only.
// oxlint-disable-next-line no-explicit-any
export type AnyMutant = Mutant<any>;
export type Fate = MutateOutput["weakenings"][number];

export interface MutantLimits {
  /** Seconds of one search. */
  readonly maxSeconds: number;
  readonly isInterrupted: () => boolean;
}

/** Most mutants are noticed within so many states: no compiler is needed for these. */
const fewStates = 20_000;

/**
 * What becomes of a mutant. It is `killed` where a property breaks, where a witness that the scenario declares is
 * reached no more, or where a recipe meets what it cannot do (a value out of its range, an argument that a check
 * was to refuse); `stillborn` where it is no model; `survived` where all is as before; `undecided` at a limit.
 */
export async function tryMutant(
  design: Design,
  mutant: AnyMutant,
  equivalent: string | null,
  limits: MutantLimits,
): Promise<Fate> {
  const fate: Fate = {
    name: mutant.name,
    mechanism: null,
    mutation: mutant.mutation,
    procedure: mutant.procedure,
    outcome: "survived",
    killed: false,
    property: null,
    scenario: null,
    length: null,
    equivalent,
  };
  let instances: (readonly [Scenario, AnyInstance])[];
  try {
    const model = mutant.build();
    instances = design.scenarios.map((scenario) => [
      scenario,
      instantiate(model, scenario.sizes[defaultSize] ?? Object.values(scenario.sizes)[0]),
    ]);
  } catch (error) {
    if (error instanceof ModelError) return { ...fate, outcome: "stillborn" };
    throw error;
  }
  const concerned = instances.filter(([, of]) => calls(of, mutant.procedure));
  if (concerned.length === 0) return { ...fate, outcome: "untried" };
  let isDecided = true;
  for (const pass of ["few", "all"] as const) {
    for (const [scenario, of] of concerned) {
      const notice = await look(of, pass, limits);
      if (limits.isInterrupted()) return { ...fate, outcome: "undecided" };
      if (notice === "undecided") isDecided = isDecided && pass === "few";
      else if (notice !== null)
        return { ...fate, ...notice, outcome: "killed", killed: true, scenario: scenario.name };
    }
  }
  return { ...fate, outcome: isDecided ? "survived" : "undecided" };
}

/** Does the scenario have the procedure's call? */
function calls(of: AnyInstance, procedure: string): boolean {
  return of.instances.some(({ action }) => action.name === procedure);
}

type Notice = Pick<Fate, "property" | "length">;

async function look(
  of: AnyInstance,
  pass: "few" | "all",
  { maxSeconds, isInterrupted }: MutantLimits,
): Promise<Notice | "undecided" | null> {
  const evaluator: Evaluator = pass === "few" ? createPacked(of) : createCompiled(of);
  let result: SearchResult;
  try {
    result = await breadthFirst(evaluator, {
      instances: of.instances.length,
      witnesses: of.witnesses.length,
      stopAtViolation: true,
      ...(pass === "few" ? { maxStates: fewStates } : { maxSeconds }),
      isInterrupted,
    });
  } catch (error) {
    if (error instanceof ModelError) return { property: `a fault of the model: ${error.what}`, length: null };
    throw error;
  }
  const { verdict, properties, witnesses } = judge(of, result);
  if (verdict === "holds") return null;
  const violated = properties.flatMap(({ name, violation }) =>
    violation === null ? [] : [{ property: name, length: violation.path.instances.length }],
  );
  if (violated.length > 0) return violated.toSorted((a, b) => a.length - b.length)[0];
  if (verdict !== "vacuous") return "undecided";
  const missed = witnesses.find(({ reached }) => !reached);
  return { property: `the witness "${missed?.name ?? ""}" is reached no more`, length: null };
}
