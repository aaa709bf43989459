import { expect, test } from "vitest";
import { replayViolation } from "./counterexample.ts";
import { exitCodes, ReportedError } from "./exit-codes.ts";
import { fakeRegistry } from "./fake-world.ts";
import { prepareRun } from "./run.ts";

const { instance } = prepareRun(fakeRegistry, { design: "broken" });

/** What comes of a violation that no search would report. */
function errorFor(instances: readonly number[]): ReportedError {
  try {
    replayViolation(instance, { kind: "invariant", property: 0, path: { initial: 0, instances } }, "packed");
  } catch (error) {
    if (error instanceof ReportedError) return error;
    throw error;
  }
  throw new Error("the violation was confirmed");
}

test("a violation that the reference evaluator does not confirm is an internal error", () => {
  const error = errorFor([0]);
  expect(error.exitCode).toBe(exitCodes.internal);
  expect(error.message).toContain("the property holds at the end of the schedule");
});

test("so is a schedule that it cannot follow", () => {
  const error = errorFor(Array.from({ length: 7 }, () => 0));
  expect(error.exitCode).toBe(exitCodes.internal);
  expect(error.message).toContain("step 7: count(place: 0) is not enabled");
});
