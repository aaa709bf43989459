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
import { type Instance, instantiate } from "../index.ts";
import { randomModel } from "../testing/random-model.ts";
import { walkTogether } from "../testing/walk-together.ts";

describe("the packed and the compiled evaluator agree with the reference", () => {
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
