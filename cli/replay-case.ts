/** What a test that `dmaspec export --to vitest` wrote calls: its steps on today's model. */
import type { Trace } from "../checker/trace/format.ts";
import { formatChange } from "../checker/trace/plain.ts";
import { confirmClaim, replayTrace } from "../checker/trace/replay.ts";
import { traceSchemaName } from "../checker/trace/version.ts";
import { loadDesigns } from "./designs.ts";
import { prepareRun } from "./run.ts";

/** What a schedule is taken on. */
interface CaseTarget {
  readonly design: string;
  readonly scenario: string;
  readonly size: string;
  readonly powersOff: readonly string[];
  readonly assumptionsOff: readonly string[];
  /** The name of the initial state. */
  readonly initial: string;
}

type Claim = Pick<Trace["property"], "kind" | "name" | "args">;

interface ReplayedCase {
  readonly steps: readonly { readonly outcome: string; readonly changes: readonly string[] }[];
  /** The violation in words, or `null` where the claim does not show at the end. */
  readonly explanation: string | null;
}

/** Takes the steps, by name and arguments. Throws where the model does not take one of them, saying why. */
export function replayCase(
  { initial, powersOff, assumptionsOff, ...target }: CaseTarget,
  claim: Claim,
  steps: readonly (readonly [action: string, args: Trace["steps"][number]["args"], ...rest: unknown[]])[],
): ReplayedCase {
  const { instance } = prepareRun(loadDesigns(), { ...target, power: powersOff, assume: assumptionsOff });
  const trace: Trace = {
    schema: traceSchemaName,
    ...target,
    bounds: { ...instance.scope.bounds },
    powersOff: [...powersOff],
    assumptionsOff: [...assumptionsOff],
    engine: "reference",
    reductions: [],
    modelDigest: "",
    property: { ...claim, sentence: "", explanation: "" },
    initial: { name: initial },
    steps: steps.map(([action, args], i) => ({ n: i + 1, action, args })),
    reproduce: "",
  };
  const replay = replayTrace(instance, trace);
  return {
    steps: replay.steps.map(({ outcome, changes }) => ({
      outcome,
      changes: changes.map((change) => formatChange(change)),
    })),
    explanation: confirmClaim(instance, replay, claim)?.explanation ?? null,
  };
}
