/**
 * Single steps on packed states: one action instance at a time, with its outcome in words. For analyses that choose
 * the steps themselves; a search wants all successors at once, and asks an evaluator.
 */
import type { ActionInstance, Instance } from "../model/model.ts";
import { createAccessors } from "./accessors.ts";
import { asModelError } from "./evaluator.ts";
import { nameInstance } from "./reference.ts";

export interface PackedStep {
  readonly words: Int32Array;
  /** The outcome in words; empty for most steps inside a call. */
  readonly outcome: string;
}

export class Stepper<S> {
  private readonly work: Int32Array;
  private readonly state: S;

  constructor(of: Instance<S>) {
    this.work = new Int32Array(new ArrayBuffer(4 * of.layout.words));
    this.state = createAccessors(of.layout.root, this.work) as S;
  }

  /** Takes the step from a state, or returns null where it is not enabled. Throws a `ModelError` naming the action. */
  step(words: Int32Array, instance: ActionInstance<S>): PackedStep | null {
    this.work.set(words);
    try {
      const outcome = instance.fire(this.state);
      return outcome === null ? null : { words: this.work.slice(), outcome };
    } catch (error) {
      throw asModelError(error, nameInstance(instance));
    }
  }
}
