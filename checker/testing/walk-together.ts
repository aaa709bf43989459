/**
 * Drives evaluators side by side: they run the same recipes and must agree in everything that they say of a
 * state.
 */
import { expect } from "vitest";
import { createCompiled } from "../compile/compiled.ts";
import { type Evaluator, Successors } from "../evaluate/evaluator.ts";
import { createPacked, createReference, type Instance, ModelError } from "../index.ts";

interface Seen {
  readonly error: string | null;
  /** Successors by instance: `instance: words`, sorted. */
  readonly successors: readonly string[];
  /** Broken step properties: `instance: property`, sorted. */
  readonly broken: readonly string[];
  readonly violated: readonly number[] | string;
  readonly witnessed: string;
  readonly deadlocked: boolean;
}

/** Everything that an evaluator says of one state, and the successors. */
export function look<S>(
  of: Instance<S>,
  evaluator: Evaluator,
  state: Int32Array,
): { seen: Seen; packed: Int32Array[] } {
  const out = new Successors(evaluator.words);
  const reached = new Uint8Array(of.witnesses.length);
  let mayBeDeadlock = false;
  const error = errorOf(() => {
    mayBeDeadlock = evaluator.expand(state, 0, out);
  });
  let violated: readonly number[] = [];
  const violatedError = errorOf(() => {
    violated = evaluator.violatedInvariants(state, 0);
  });
  const witnessError = errorOf(() => evaluator.markWitnesses(state, 0, reached));
  const packed = Array.from({ length: out.count }, (_, i) =>
    out.words.slice(i * evaluator.words, (i + 1) * evaluator.words),
  );
  const seen = {
    error,
    successors: packed.map((words, i) => `${out.instances[i]}: ${words.join()}`).sort(),
    broken: out.brokenSteps
      .map(({ successor, property }) => `${out.instances[successor]}: ${property}`)
      .sort(),
    violated: violatedError ?? violated,
    witnessed: witnessError ?? reached.join(),
    deadlocked: error === null && mayBeDeadlock && evaluator.deadlockIn(state, 0) !== null,
  };
  return { seen, packed };
}

function errorOf(run: () => void): string | null {
  try {
    run();
    return null;
  } catch (thrown) {
    if (!(thrown instanceof ModelError)) throw thrown;
    return thrown.code;
  }
}

/**
 * Walks at random, driving the evaluators and the reference; `choose` picks a successor. Returns the number of
 * states in which the model went wrong.
 */
export function walkTogether<S>(
  of: Instance<S>,
  steps: number,
  choose: (count: number) => number,
  evaluators: readonly Evaluator[] = [createPacked(of), createCompiled(of)],
): number {
  const reference = createReference(of);
  const [start] = reference.initialStates();
  for (const evaluator of evaluators) expect(evaluator.initialStates()).toEqual(reference.initialStates());
  let state = start;
  let errors = 0;
  for (let n = 0; n < steps; n++) {
    const expected = look(of, reference, state);
    for (const evaluator of evaluators) expect(look(of, evaluator, state).seen).toEqual(expected.seen);
    expect(reference.pack(reference.unpack(state))).toEqual(state);
    if (expected.seen.error !== null) errors++;
    if (expected.packed.length === 0) break;
    state = expected.packed[choose(expected.packed.length)];
  }
  return errors;
}
