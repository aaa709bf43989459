/** What the reduction knows of a model: its steps, its locks, what commutes, and where blocks go on. */
import type { CompiledEvaluator } from "../../compile/compiled.ts";
import type { Instance } from "../../model/model.ts";
import { withQuestions } from "./checks.ts";
import { type Kept, recall } from "../kept.ts";
import { type Reached, settledBy } from "../witnessed.ts";
import { findKnown, refine } from "./known.ts";
import { findLocks, type LockSets } from "./locks.ts";
import { computeHazards, type Hazards } from "./movers.ts";
import { type Plan, planBlocks, planForm } from "./plan.ts";
import { type StepTable, stepsOf } from "./steps.ts";
import { Visibility } from "./visibility.ts";

export interface Analysis {
  readonly table: StepTable;
  readonly locks: LockSets;
  readonly hazards: readonly (Hazards | null)[];
  readonly visibility: Visibility;
  readonly plan: Plan;
  /** By id: witnesses that need not be seen any more. */
  readonly settled: readonly boolean[];
}

/** What is known before a model is analysed. */
export interface Prior {
  /** Witnesses that are known to be reached; absent: none is. */
  readonly reached?: Reached | undefined;
  /** Answers of earlier runs. */
  readonly kept?: Kept | undefined;
}

/** Throws `UnknownSteps` where a step is not compiled. A test may `spoil` what it finds. */
export function analyse<S>(
  of: Instance<S>,
  evaluator: CompiledEvaluator,
  { reached = [], kept }: Prior = {},
  spoil: (hazards: Analysis["hazards"]) => Analysis["hazards"] = (hazards) => hazards,
): Analysis {
  const { insight, footprints, module } = evaluator;
  const initial = evaluator.initialStates();
  const steps = stepsOf(of, evaluator);
  const locks = findLocks(steps, insight.exprs, initial);
  const known = findKnown(steps, locks, insight.exprs, initial);
  const table = withQuestions(of, refine(steps, known, insight.exprs), known, evaluator);
  const hazards = spoil(computeHazards(table, locks));
  const names = {
    invariants: of.invariants.map(({ property }) => property.name),
    witnesses: of.witnesses.map(({ property }) => property.name),
  };
  const settled = settledBy(of, reached);
  const visibility = new Visibility(names, insight, footprints, table, locks, known, settled);
  const plan = recall(kept, "plan", planForm, () =>
    planBlocks(table, locks, hazards, visibility, module, insight.servers, of.instances.length),
  );
  return { table, locks, hazards, visibility, plan, settled };
}
