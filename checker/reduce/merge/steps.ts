/**
 * The steps of a model as the reductions see them: at which label of which process, what they may read and
 * write, and how they end.
 */
import type { CompiledEvaluator } from "../../compile/compiled.ts";
import type { StepEnd } from "../../compile/compile.ts";
import type { Expr } from "../../compile/ir.ts";
import { valuesIn } from "../../compile/facts.ts";
import { controlLeaf } from "../../evaluate/packed.ts";
import type { ActionInstance, Instance } from "../../model/model.ts";
import type { Leaf } from "../../schema/layout.ts";
import { valueOf } from "../../schema/shape.ts";
import { LeafNumbers, type LeafSet } from "./leaf-set.ts";

/** One way in which a step ends. */
export interface End extends Omit<StepEnd, "reads"> {
  readonly reads: LeafSet;
  readonly writes: LeafSet;
  /** What it is asked of a step that ends so, whether it breaks a step property. */
  readonly questions: readonly Question[];
  /** The codes of the labels where the process may be then; empty for a step of the environment. */
  readonly targets: readonly number[];
}

/** A truth value over the state, whose answer must not depend on what is left out. */
export interface Question {
  /** The property's name. */
  readonly name: string;
  readonly reads: LeafSet;
  /** Where there is something to report; null where that is not known as an expression. */
  readonly shows: Expr | null;
  /** Where the packed evaluator has to look at it. */
  readonly deopts: readonly Expr[];
}

export interface Step {
  /** The id of its action instance. */
  readonly id: number;
  readonly action: string;
  /** It can be that its process is at its label and the step has to wait. */
  readonly mayWait: boolean;
  /** All that it may read to find out whether it can be taken, and how. */
  readonly reads: LeafSet;
  readonly ends: readonly End[];
}

/** A label of one process: where it can be between two transitions. */
export interface ControlPoint {
  /** Its place in the list of all. */
  readonly number: number;
  /** Which process: as the compiled module counts its dispatches. */
  readonly process: number;
  readonly processName: string;
  readonly code: number;
  readonly label: string;
  readonly isIdle: boolean;
  readonly steps: readonly Step[];
}

export interface StepTable {
  readonly numbers: LeafNumbers;
  readonly controls: readonly Leaf[];
  /** By process, by code of the label. */
  readonly points: readonly (readonly ControlPoint[])[];
  readonly environment: readonly Step[];
}

/** Why the steps cannot be looked at: one is not compiled, so that nobody knows what it reads. */
export class UnknownSteps extends Error {}

/** All steps of an instance. Throws `UnknownSteps`. */
export function stepsOf<S>(of: Instance<S>, evaluator: CompiledEvaluator): StepTable {
  const numbers = new LeafNumbers(of.layout);
  const { insight } = evaluator;
  const stepOf = (instance: ActionInstance<S>, control: Leaf | null): Step => {
    const ends = insight.steps[instance.id];
    if (ends === null) {
      const why = evaluator.fallbacks.find(({ kind, id }) => kind === "action" && id === instance.id)?.reason;
      throw new UnknownSteps(
        `what "${instance.action.name}" reads is not known: it is not compiled (${why})`,
      );
    }
    const targetsOf = (end: StepEnd): readonly number[] => {
      if (control === null) return [];
      const { word, shift, mask, shape } = control;
      const label = insight.exprs.extract(end.words[word], shift, mask, shape.cardinality - 1);
      return valuesIn(end.facts.rangeOf(label));
    };
    return {
      id: instance.id,
      action: instance.action.name,
      mayWait: instance.blocked !== null,
      reads: numbers.setOf(insight.reads[instance.id] ?? numbers.leaves),
      ends: ends.map((end) => ({
        ...end,
        reads: numbers.setOf(end.reads),
        writes: numbers.setOf(end.changed),
        questions: [],
        targets: targetsOf(end),
      })),
    };
  };
  const controls: Leaf[] = [];
  let count = 0;
  const points = of.processes.flatMap(({ process, tried }) =>
    tried.map((at, self) => {
      const control = controlLeaf(of.layout.root, process.frames, self, process.control);
      const number = controls.push(control) - 1;
      return Array.from({ length: control.shape.cardinality }, (_, code): ControlPoint => {
        const label = String(valueOf(control.shape, code));
        return {
          number: count++,
          process: number,
          processName: `${process.name} ${self}`,
          code,
          label,
          isIdle: label === process.idle,
          steps: (at.get(label) ?? []).map((instance) => stepOf(instance, control)),
        };
      });
    }),
  );
  return { numbers, controls, points, environment: of.environment.map((each) => stepOf(each, null)) };
}
