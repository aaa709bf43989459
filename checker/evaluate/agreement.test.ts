/**
 * The evaluators run the same recipes and must agree: on successors, on outcomes, on violated invariants,
 * and on errors. Random models here; the real ones in tests of their own.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dmaCore, dmaCoreScope } from "../examples/dma-core.ts";
import { peterson, petersonScope } from "../examples/peterson.ts";
import { philosophers, philosophersScope } from "../examples/philosophers.ts";
import { twoPhaseCommit, twoPhaseCommitScope } from "../examples/two-phase-commit.ts";
import {
  createPacked,
  createReference,
  type Evaluator,
  type Instance,
  instantiate,
  ModelError,
} from "../index.ts";
import { randomModel } from "../testing/random-model.ts";
import { Successors } from "./evaluator.ts";

interface Seen {
  readonly error: string | null;
  /** Successors by instance: `instance: words`, sorted. */
  readonly successors: readonly string[];
  readonly violated: readonly number[];
  readonly deadlocked: boolean;
  readonly packed: readonly Int32Array[];
}

/** Everything that an evaluator says of one state. */
function look(evaluator: Evaluator, state: Int32Array): Seen {
  const out = new Successors(evaluator.words);
  let error: string | null = null;
  let mayBeDeadlock = false;
  try {
    mayBeDeadlock = evaluator.expand(state, 0, out);
  } catch (thrown) {
    if (!(thrown instanceof ModelError)) throw thrown;
    error = thrown.code;
  }
  const packed = Array.from({ length: out.count }, (_, i) =>
    out.words.slice(i * evaluator.words, (i + 1) * evaluator.words),
  );
  return {
    error,
    successors: packed.map((words, i) => `${out.instances[i]}: ${words.join()}`).sort(),
    violated: evaluator.violatedInvariants(state, 0),
    deadlocked: error === null && mayBeDeadlock && evaluator.deadlockIn(state, 0) !== null,
    packed,
  };
}

/** Walks at random, driving both evaluators; `choose` picks a successor. */
function walkTogether<S>(of: Instance<S>, steps: number, choose: (count: number) => number): number {
  const reference = createReference(of);
  const packed = createPacked(of);
  const [start] = reference.initialStates();
  expect(packed.initialStates()).toEqual(reference.initialStates());
  let state = start;
  let errors = 0;
  for (let n = 0; n < steps; n++) {
    const expected = look(reference, state);
    const actual = look(packed, state);
    expect({ ...actual, packed: [] }).toEqual({ ...expected, packed: [] });
    expect(reference.pack(reference.unpack(state))).toEqual(state);
    if (expected.error !== null) errors++;
    if (expected.packed.length === 0) break;
    state = expected.packed[choose(expected.packed.length)];
  }
  return errors;
}

describe("the packed evaluator agrees with the reference", () => {
  test("on random models", () => {
    fc.assert(
      fc.property(randomModel(false), fc.infiniteStream(fc.nat()), ({ model, scope }, picks) => {
        walkTogether(instantiate(model, scope), 25, (count) => picks.next().value % count);
      }),
      { numRuns: 400 },
    );
  });

  test("on random models that go wrong, error by error", () => {
    let errors = 0;
    fc.assert(
      fc.property(randomModel(true), fc.infiniteStream(fc.nat()), ({ model, scope }, picks) => {
        errors += walkTogether(instantiate(model, scope), 10, (count) => picks.next().value % count);
      }),
      { numRuns: 300 },
    );
    expect(errors).toBeGreaterThan(50);
  });

  const examples: [string, Instance<never>][] = [
    ["dma-core", instantiate(dmaCore(), dmaCoreScope("3x3x2"))],
    ["two-phase commit", instantiate(twoPhaseCommit(), twoPhaseCommitScope(4))],
    ["philosophers", instantiate(philosophers(false), philosophersScope(4))],
    ["peterson", instantiate(peterson(), petersonScope)],
  ] as unknown as [string, Instance<never>][];
  test.each(examples)("on walks of %s", (_, of) => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat()), (picks) => {
        walkTogether(of, 150, (count) => picks.next().value % count);
      }),
      { numRuns: 10 },
    );
  });
});
