/**
 * The reference evaluator: every recipe runs on plain frozen objects through immer, whose patches are the
 * step's diff. Slow and obviously right; the oracle of the others, and what replays every trace.
 */
import { enableMapSet, enablePatches, type Patch, produceWithPatches } from "immer";
import { ModelError } from "../errors.ts";
import type { ActionInstance, Instance } from "../model/model.ts";
import { decode, encode } from "../schema/layout.ts";
import { findDeadlock } from "./deadlock.ts";
import { asModelError, type Deadlock, type Evaluator, type Successors } from "./evaluator.ts";

enableMapSet();
enablePatches();

/** A step that was taken: the state after it, what it changed, and its outcome in words. */
export interface ReferenceStep<S> {
  readonly state: S;
  readonly packed: Int32Array;
  readonly patches: readonly Patch[];
  readonly outcome: string;
}

export interface Reference<S> extends Evaluator {
  /** The initial states by name. */
  namedInitialStates(): { readonly name: string; readonly state: S }[];
  /** Takes a step, or returns null where it is not enabled. Throws a `ModelError` naming the action. */
  step(state: S, instance: ActionInstance<S>): ReferenceStep<S> | null;
  pack(state: S): Int32Array;
  unpack(words: ArrayLike<number>, offset?: number): S;
}

export function createReference<S>(of: Instance<S>): Reference<S> {
  return new ReferenceEvaluator(of);
}

class ReferenceEvaluator<S> implements Reference<S> {
  readonly name = "reference";
  readonly words: number;
  readonly usedBits: readonly number[];
  private readonly of: Instance<S>;

  constructor(of: Instance<S>) {
    this.of = of;
    this.words = of.layout.words;
    this.usedBits = of.layout.usedBits;
  }

  namedInitialStates(): { name: string; state: S }[] {
    const { model, blank, setting } = this.of;
    const recipes = Object.entries(model.initial);
    if (recipes.length === 0) return [{ name: "initial", state: this.checked(blank) }];
    return recipes.map(([name, recipe]) => {
      const place = `the initial state "${name}"`;
      return guarded(
        () => place,
        () => {
          const [state] = produceWithPatches(blank, (draft) => recipe(draft as S, setting));
          return { name, state: this.checked(state) };
        },
      );
    });
  }

  step(state: S, instance: ActionInstance<S>): ReferenceStep<S> | null {
    // Most instances are elsewhere in their calls, and a draft of the state costs more than a look at it.
    if (!instance.isAtLabel(state)) return null;
    return guarded(
      () => nameInstance(instance),
      () => {
        let outcome: string | null = null;
        const [next, patches] = produceWithPatches(state, (draft) => {
          outcome = instance.fireAtLabel(draft as S);
        });
        if (outcome !== null) return { state: next, packed: this.pack(next), patches, outcome };
        if (patches.length === 0) return null;
        const path = patches[0].path.join(".");
        throw new ModelError(
          "M09",
          `writes ${path} although it is not enabled`,
          "write nothing before the guard has passed",
        );
      },
    );
  }

  /** The state, after making sure that the schema can hold it. */
  private checked(state: S): S {
    encode(this.of.layout, state);
    return state;
  }

  pack(state: S): Int32Array {
    return encode(this.of.layout, state);
  }

  unpack(words: ArrayLike<number>, offset = 0): S {
    return deepFreeze(decode(this.of.layout, words, offset) as S);
  }

  initialStates(): Int32Array[] {
    return this.namedInitialStates().map(({ state }) => this.pack(state));
  }

  expand(words: Int32Array, offset: number, out: Successors): boolean {
    const before = this.unpack(words, offset);
    for (const instance of this.of.instances) {
      const taken = this.step(before, instance);
      if (taken === null) continue;
      const at = out.nextOffset();
      out.words.set(taken.packed, at);
      out.instances[out.count] = instance.id;
      for (const { id, property, args } of this.of.stepProperties) {
        const step = { action: instance.action.name, args: instance.args, outcome: taken.outcome };
        const holds = guarded(
          () => property.name,
          () => property.holds(before, taken.state, step, args, this.of.setting),
        );
        if (!holds) out.brokenSteps.push({ successor: out.count, property: id });
      }
      out.count++;
    }
    return true;
  }

  violatedInvariants(words: Int32Array, offset: number): readonly number[] {
    const state = this.unpack(words, offset);
    const { invariants, setting } = this.of;
    return invariants
      .filter(({ property, args }) =>
        guarded(
          () => property.name,
          () => !property.holds(state, args, setting),
        ),
      )
      .map(({ id }) => id);
  }

  markWitnesses(words: Int32Array, offset: number, reached: Uint8Array): void {
    const state = this.unpack(words, offset);
    for (const { id, property, args } of this.of.witnesses) {
      if (
        reached[id] === 0 &&
        guarded(
          () => property.name,
          () => property.holds(state, args, this.of.setting),
        )
      )
        reached[id] = 1;
    }
  }

  deadlockIn(words: Int32Array, offset: number): Deadlock | null {
    const state = this.unpack(words, offset);
    return findDeadlock(this.of, state, (instance) => this.step(state, instance) !== null);
  }
}

/** An action with its arguments, as errors and traces name it: `map_pages(cpu: 0, iova: 1)`. */
export function nameInstance<S>({ action, args }: ActionInstance<S>): string {
  const list = Object.entries(args).map(([name, value]) => `${name}: ${String(value)}`);
  return list.length === 0 ? action.name : `${action.name}(${list.join(", ")})`;
}

function guarded<T>(place: () => string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw asModelError(error, place());
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
