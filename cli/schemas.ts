/**
 * What the commands print with `--json`, as schemas. Published as JSON Schema in docs/schemas/, which
 * `npx vitest run cli/schemas.test.ts --update` writes anew. A field may be added without a new number; none
 * changes its meaning under the same one.
 */
import { mutations } from "../checker/model/mutate.ts";
import { engines } from "./engines.ts";
import { z } from "zod";
import { traceSchema } from "../checker/trace/format.ts";

const verdict = z.enum(["holds", "violated", "incomplete", "vacuous"]);
const bounds = z
  .record(z.string(), z.number())
  .describe("the size of every sort and the value of every constant");
const switches = z.array(z.object({ name: z.string(), on: z.boolean() }));
const count = z.int().min(0);
const instance = z
  .record(z.string(), z.union([z.boolean(), z.number(), z.string(), z.null()]))
  .nullable()
  .describe("which instance of the property is broken");
const length = count.nullable().describe("steps of the counterexample");
const cause = z
  .object({ step: count.describe("the first step that breaks any property"), name: z.string() })
  .nullable()
  .describe("where the counterexample first goes wrong: the same step is the same failure");
const trace = z.string().nullable().describe("the path of the written trace file");

const runFields = {
  design: z.string(),
  scenario: z.string(),
  size: z.string(),
  bounds,
  engine: z.object({
    name: z.enum(engines).describe("the evaluator of the recipes"),
    fallbacks: count.describe("steps and properties that it could not compile, and ran on accessors"),
    remark: z.string().nullable().describe("why it is not the engine that was asked for; null if it is"),
    version: z.string().describe("the version of dmaspec"),
    node: z.string().describe("the version of Node"),
    workers: count.describe("threads that searched"),
  }),
  reductions: z.array(z.string()).describe("the reductions of the search that were on; empty for none"),
  reductionReports: z
    .array(
      z.object({
        name: z.string(),
        used: z.boolean(),
        factor: z.number().nullable().describe("how many times fewer states there were; null if not known"),
        estimated: z.boolean().describe("is the factor an estimate?"),
        notes: z.array(z.string()).describe("what it used and left alone, or why it was not used"),
        keptApart: z
          .array(
            z.object({
              label: z.string().describe("where its processes are before the step"),
              processes: z.array(z.string()),
              by: z.enum(["wait", "access", "property", "panic"]),
              reason: z.string().describe("of the step that is taken there"),
            }),
          )
          .describe(
            "the labels at which steps are transitions of their own, and no part of a block that went on",
          ),
      }),
    )
    .describe("each reduction that was asked for"),
  represented: z
    .object({
      states: z.number().min(0),
      estimated: z.boolean().describe("is it an estimate, and not the sum of the states' orbits?"),
    })
    .nullable()
    .describe(
      "how many states of the model those found stand for, but for what dead locals save; null where no factor is known",
    ),
  assumptions: switches.describe("the named assumptions about the hardware, and whether each was on"),
  powers: switches.describe("the named powers of the host, and whether each was on"),
  modelDigest: z.string().describe("SHA-256 of the model's structure in these bounds"),
  verdict,
  ending: z.enum([
    ...([
      "exhausted",
      "violated",
      "max-states",
      "max-depth",
      "memory",
      "max-seconds",
      "interrupted",
      "walks-done",
    ] as const),
  ]),
  exhaustive: z.boolean().describe("was every reachable state within the bounds seen?"),
  omissionProbability: z
    .number()
    .min(0)
    .max(1)
    .describe(
      "a bound on the probability that states were left out for their fingerprints; 0: states are exact",
    ),
  states: count.describe("distinct states"),
  transitions: count,
  depth: count.describe("the last complete depth: every state within so many steps was found and checked"),
  seconds: z.number().min(0),
  statesPerSecond: z.number().min(0),
  bytesPerState: z
    .number()
    .min(0)
    .describe("bytes of table and frontier together at the end, for each state"),
  tableBytesPerState: z.number().min(0).describe("bytes of the table of states, for each state"),
  peakMemoryBytes: z.number().min(0),
  digest: z.string().describe("order-independent digest of the set of states seen"),
  properties: z.array(z.object({ name: z.string(), verdict, instance, length, trace, cause })),
  witnesses: z.array(z.object({ name: z.string(), reached: z.boolean() })),
  availability: z
    .array(z.object({ name: z.string(), length: count }))
    .describe("panics that can be reached, with the number of steps; no violation of isolation"),
  audit: z
    .object({
      states: count.describe("distinct states of the search without reductions"),
      exhaustive: z.boolean().describe("did it see every state? Otherwise what it saw was compared"),
      depth: count,
    })
    .nullable()
    .describe("the search without reductions found the same; null where none was asked for or used"),
  crossCheckedStates: count.describe(
    "states on which this evaluator was compared with the reference evaluator",
  ),
  start: z
    .object({
      seconds: z.number().min(0),
      cpuSeconds: z.number().min(0).describe("of all threads, in the program and in the system"),
    })
    .nullable()
    .describe(
      "what the process took until the first states were in the table; null where a limit came first",
    ),
  reproduce: z.string().describe("the command that does this run again"),
};

export const checkSchema = z.object({ schema: z.literal("dmaspec/check@1"), ...runFields });

export const simulateSchema = z.object({
  schema: z.literal("dmaspec/simulate@1"),
  seed: count,
  walks: count,
  stepsPerWalk: count,
  ...runFields,
});

export const matrixSchema = z.object({
  schema: z.literal("dmaspec/matrix@1"),
  cells: z.array(
    z.object({
      design: z.string(),
      scenario: z.string(),
      size: z.string(),
      property: z.string(),
      verdict,
      length,
      trace,
    }),
  ),
  reproduce: z.string(),
});

export const teethSchema = z.object({
  schema: z.literal("dmaspec/teeth@1"),
  weakenings: z.array(
    z.object({
      name: z.string().describe("what the weakened design does, in words"),
      mechanism: z.string().describe("the mechanism that it lacks"),
      attack: z.string(),
      design: z.string().describe("its name as a design, for check and replay"),
      killed: z.boolean().describe("is a property broken?"),
      property: z.string().nullable().describe("the property that breaks first"),
      expected: z.array(z.string()).describe("the properties that are to break"),
      scenario: z.string(),
      size: z.string(),
      length,
      trace,
      powers: z.array(z.string()).describe("the powers that the host had"),
      verdict,
      survives: z.string().nullable().describe("why nothing breaks, where that is known"),
    }),
  ),
  reproduce: z.string(),
});

export const mutateSchema = z.object({
  schema: z.literal("dmaspec/mutate@1"),
  design: z.string(),
  weakenings: z.array(
    z.object({
      name: z.string().describe("the hypercall, and what is changed in it"),
      mechanism: z.null().describe("mutants know no mechanism"),
      mutation: z.enum(mutations),
      procedure: z.string(),
      outcome: z
        .enum(["killed", "same", "survived", "undecided", "stillborn", "untried"])
        .describe(
          "same: nothing notices, and but for the changed place the same states are reached; undecided: a limit; stillborn: no model any more; untried: no scenario comes to what is changed, or ever decides otherwise there",
        ),
      killed: z.boolean(),
      property: z.string().nullable().describe("the property that breaks, or what else noticed"),
      scenario: z.string().nullable(),
      length,
      alsoBroken: z
        .array(z.string())
        .nullable()
        .default(null)
        .describe(
          "the other properties that break in this scenario; null where none was found and the search did not end",
        ),
      equivalent: z.string().nullable().describe("why it makes no difference, where that is known"),
    }),
  ),
  reproduce: z.string(),
});

export const coverageSchema = z.object({
  schema: z.literal("dmaspec/coverage@1"),
  design: z.string(),
  scenarios: z.array(
    z.object({ name: z.string(), size: z.string(), exhaustive: z.boolean(), states: count }),
  ),
  nodes: z.array(
    z.object({
      procedure: z.string(),
      kind: z.enum(["step", "choose", "wait", "check", "when", "repeat", "exit"]),
      name: z.string(),
      yes: count.describe("how often it was taken, or held"),
      no: count.describe("how often it did not hold"),
      byScenario: z
        .array(z.object({ yes: count, no: count }))
        .describe("the same, in the order of the scenarios"),
      gaps: z.array(z.string()).describe("what was never seen of it"),
      reason: z.string().nullable().describe("why not, where that is known"),
    }),
  ),
  reproduce: z.string(),
});

export const ledgerSchema = z.object({
  schema: z.literal("dmaspec/ledger@1"),
  design: z.string(),
  scenarios: z.array(
    z.object({
      name: z.string(),
      modelDigest: z.string(),
      verdict,
      exhaustive: z.boolean(),
      states: count,
      bounds,
      witnesses: z.array(z.string()).describe("the witnesses reached"),
      saturation: z
        .array(
          z.object({
            bound: z.string(),
            from: count,
            fresh: z.array(z.string()).describe("steps that are taken with one more, and not without"),
            exhaustive: z.boolean(),
            states: count,
            refused: z.string().nullable().describe("why there cannot be one more"),
          }),
        )
        .describe("what is new when there is one more of something"),
    }),
  ),
  assumptions: z.array(
    z.object({
      name: z.string(),
      sentence: z.string(),
      carries: z
        .array(z.object({ property: z.string(), scenario: z.string() }))
        .describe("what breaks when it is switched off, and where first"),
    }),
  ),
  properties: z.array(
    z.object({
      name: z.string(),
      sentence: z.string(),
      verdict,
      scenarios: z.array(z.string()),
      brokenBy: z.array(z.object({ design: z.string(), scenario: z.string(), length: count })),
      weakenings: z.array(
        z.object({
          name: z.string(),
          mechanism: z.string(),
          alone: z.boolean().describe("does no other property notice it?"),
        }),
      ),
      impliedBy: z
        .array(z.string())
        .describe(
          "properties that together notice every weakening that this one notices; empty if it alone does",
        ),
      restsOn: z.array(z.string()).describe("the assumptions without which it breaks"),
    }),
  ),
  mutants: z
    .array(
      z.object({
        by: z.string().describe("the property, or what else noticed"),
        first: count.describe("mutants that it was the first to notice"),
        alone: z.array(z.string()).describe("those in whose whole scenario nothing else breaks"),
      }),
    )
    .nullable()
    .describe("what noticed the mutants of `dmaspec mutate --json`, where its output was given"),
  reproduce: z.string(),
});

export const listSchema = z.object({
  schema: z.literal("dmaspec/list@1"),
  designs: z.array(
    z.object({
      name: z.string(),
      meaning: z.string(),
      example: z.boolean().describe("a small model that pins the engine"),
      claimsToHold: z.boolean(),
      defaultScenario: z.string(),
      scenarios: z.array(
        z.object({
          name: z.string(),
          sentence: z.string(),
          sizes: z.array(z.object({ name: z.string(), bounds })),
        }),
      ),
      properties: z.array(
        z.object({
          name: z.string(),
          kind: z.enum(["invariant", "step", "deadlock"]),
          sentence: z.string(),
          sekvm: z.string().nullable().describe("the SeKVM invariant of the same meaning"),
        }),
      ),
      witnesses: z.array(z.object({ name: z.string(), sentence: z.string() })),
      powers: z.array(z.object({ name: z.string(), sentence: z.string() })),
      assumptions: z.array(z.object({ name: z.string(), sentence: z.string() })),
    }),
  ),
});

export const replaySchema = z.object({
  schema: z.literal("dmaspec/replay@1"),
  trace: z.string().describe("the file"),
  accepted: z.boolean().describe("does the model take every step, and is the property broken at the end?"),
  reason: z.string().nullable().describe("why it is not accepted"),
  step: count.nullable().describe("the step that the model does not take; 0 for the initial state"),
  design: z.string(),
  scenario: z.string(),
  size: z.string(),
  property: z.string(),
  instance,
  length: count,
  sameModel: z.boolean().describe("is the model's structure the one that the trace was written for?"),
});

const actionArgs = z.record(z.string(), z.union([z.boolean(), z.number(), z.string(), z.null()]));
const stepFields = { lane: z.string(), action: z.string(), args: actionArgs, outcome: z.string() };
const busy = z
  .array(
    z.object({
      lane: z.string(),
      before: z.string().nullable().describe("the step before which it is; null: in no call"),
      locks: z.array(z.string()).describe("the places of the locks that it holds"),
    }),
  )
  .describe("the processes that are in a call or hold a lock, after the step");

export const whySchema = z.object({
  schema: z.literal("dmaspec/why@1"),
  trace: z.string().describe("the file"),
  design: z.string(),
  scenario: z.string(),
  size: z.string(),
  property: z.string(),
  instance,
  sentence: z.string(),
  explanation: z.string().describe("the violation in words, with its values"),
  length: count,
  steps: z.array(
    z.object({
      n: count,
      ...stepFields,
      role: z
        .enum(["essential", "context", "noise"])
        .describe(
          "essential: but for what it changed, the end or an essential step would have come out otherwise; context: it only leads there; noise: the schedule shows the same without it",
        ),
      needs: z
        .array(z.object({ place: z.string(), by: count.nullable() }))
        .describe("what it changed that another step depends on, and which; null: the end itself"),
      busy,
    }),
  ),
  roads: z
    .array(z.object({ ...stepFields, shows: z.boolean().describe("does it show the same?") }))
    .describe("what could have been done instead of the last step"),
  nearestSafe: z
    .object({
      moved: count,
      place: z.enum(["before", "after"]),
      other: count,
      impossible: z.array(count).describe("steps that can no longer be taken then"),
      steps: z.array(z.object(stepFields)),
    })
    .nullable()
    .describe("the schedule with step `moved` before or after step `other`, which does not fail"),
});

const measured = z.object({
  length: count,
  switches: count.describe("how often one lane's steps are followed by another's"),
  uses: z.record(z.string(), count).describe("how many elements of each sort its actions name"),
});

export const minimiseSchema = z.object({
  schema: z.literal("dmaspec/minimise@1"),
  trace: z.string().describe("the file"),
  out: z.string().describe("the file of the simplest schedule"),
  property: z.string(),
  instance,
  before: measured,
  after: measured.describe("the simplest of the shortest schedules"),
  weakest: measured.describe("a schedule of the weakest host, which may be longer"),
  removals: z.array(
    z.object({
      kind: z.enum(["power", "element", "call", "event", "bound"]),
      name: z.string(),
      outcome: z
        .enum(["unused", "spared", "needed", "undecided"])
        .describe(
          "unused: the schedule does not use it; spared: another schedule does without; needed: nothing breaks the property without it and what was taken away before; undecided: a limit ended the search",
        ),
      length: length.describe("steps of the schedule without it"),
      states: count.nullable().describe("states searched without it"),
    }),
  ),
});

export const examplesSchema = z.object({
  schema: z.literal("dmaspec/examples@1"),
  design: z.string(),
  scenario: z.string(),
  size: z.string(),
  states: count,
  exhaustive: z.boolean().describe("was every reachable state tried?"),
  examples: z.array(
    z.object({
      kind: z.enum(["outcome", "witness"]),
      name: z.string().describe("how a call ends (`unmap_pages: returns 1`), or the witness"),
      args: actionArgs,
      length: count,
      trace: z.string().describe("the path of the written trace file"),
    }),
  ),
  missing: z.array(z.string()).describe("witnesses that were not reached"),
  reproduce: z.string(),
});

const plainValue = z.unknown().describe("a value as in a trace");

export const whyNotSchema = z.object({
  schema: z.literal("dmaspec/why-not@1"),
  trace: z.string().describe("the file"),
  step: count.describe("the state is that after this step; 0: the initial one"),
  lane: z.string(),
  action: z.string(),
  args: actionArgs,
  enabled: z.boolean(),
  because: z.string(),
  guards: z.array(
    z.object({
      name: z.string(),
      holds: z.boolean(),
      reads: z.array(z.object({ place: z.string(), value: plainValue })),
    }),
  ),
  remedies: z
    .array(z.object({ place: z.string(), is: plainValue, needs: z.array(plainValue) }))
    .describe("single places that would make it enabled, and the values that would"),
});

const perState = z.number().nullable().describe("bytes; null where the engine does not tell");

export const benchSchema = z.object({
  schema: z.literal("dmaspec/bench@1"),
  runs: count.describe("runs of each engine; the row is the one with the median time"),
  rows: z.array(
    z.object({
      engine: z.enum([...engines, "spin", "rumur"]),
      instance: z.string().describe("of dma-core"),
      workers: count,
      states: count.describe("distinct states, a tool's artefacts taken out"),
      transitions: count,
      seconds: z.number(),
      statesPerSecond: count,
      tableBytesPerState: perState,
      peakBytesPerState: perState.describe("of the whole process"),
    }),
  ),
});

const laneAndAction = z.object({ lane: z.string(), action: z.string().describe("with its arguments") });

export const atomicitySchema = z.object({
  schema: z.literal("dmaspec/atomicity@1"),
  design: z.string(),
  scenario: z.string(),
  size: z.string(),
  starts: count.describe("states at rest from which pairs of calls were tried"),
  exhaustive: z.boolean().describe("were these all states at rest, and all pairs tried?"),
  pairs: z.array(
    z.object({
      first: z.string(),
      second: z.string(),
      tried: count.describe("pairs of calls with their arguments, from each state"),
      anomaly: z
        .object({
          before: z.array(laneAndAction).describe("from the initial state to the state at rest"),
          steps: z.array(laneAndAction).describe("the overlapping calls"),
          interruptions: z.array(count).describe("places in `steps` from which on another process acts"),
          outcomes: z.array(z.string()),
          nearestOrder: z.enum(["first before second", "second before first"]),
          nearestOutcomes: z.array(z.string()),
          differences: z.array(z.object({ path: z.string(), overlapping: z.string(), serial: z.string() })),
        })
        .nullable()
        .describe("an overlap that ends as no order does; null: there was none"),
    }),
  ),
  reproduce: z.string(),
});

export const noninterferenceSchema = z.object({
  schema: z.literal("dmaspec/noninterference@1"),
  design: z.string(),
  scenario: z.string(),
  size: z.string(),
  sentence: z.string().describe("what is secret, and from whom"),
  verdict: z.enum(["holds", "violated", "incomplete", "vacuous"]),
  pairs: count.describe("pairs of states of two runs with the same steps"),
  different: count.describe("pairs whose states differ in what is hidden"),
  difference: z.string().nullable().describe("what tells the runs apart"),
  steps: z.array(
    z.object({
      lane: z.string(),
      action: z.string().describe("in the one run"),
      other: z.string().describe("in the other run: the same, but for a secret"),
    }),
  ),
  reproduce: z.string(),
});

/** What is published, by the name of its file in docs/schemas/. */
export const publishedSchemas: Readonly<Record<string, z.ZodType>> = {
  "atomicity@1.json": atomicitySchema,
  "bench@1.json": benchSchema,
  "check@1.json": checkSchema,
  "coverage@1.json": coverageSchema,
  "examples@1.json": examplesSchema,
  "ledger@1.json": ledgerSchema,
  "list@1.json": listSchema,
  "matrix@1.json": matrixSchema,
  "minimise@1.json": minimiseSchema,
  "mutate@1.json": mutateSchema,
  "noninterference@1.json": noninterferenceSchema,
  "replay@1.json": replaySchema,
  "simulate@1.json": simulateSchema,
  "teeth@1.json": teethSchema,
  "trace@1.json": traceSchema,
  "why@1.json": whySchema,
  "why-not@1.json": whyNotSchema,
};

export type AtomicityOutput = z.infer<typeof atomicitySchema>;
export type BenchOutput = z.infer<typeof benchSchema>;
export type CheckOutput = z.infer<typeof checkSchema>;
export type RunOutput = Omit<CheckOutput, "schema">;
export type SimulateOutput = z.infer<typeof simulateSchema>;
export type MatrixOutput = z.infer<typeof matrixSchema>;
export type MutateOutput = z.infer<typeof mutateSchema>;
export type CoverageOutput = z.infer<typeof coverageSchema>;
export type LedgerOutput = z.infer<typeof ledgerSchema>;
export type TeethOutput = z.infer<typeof teethSchema>;
export type ExamplesOutput = z.infer<typeof examplesSchema>;
export type MinimiseOutput = z.infer<typeof minimiseSchema>;
export type WhyOutput = z.infer<typeof whySchema>;
export type WhyNotOutput = z.infer<typeof whyNotSchema>;
export type NoninterferenceOutput = z.infer<typeof noninterferenceSchema>;
export type ListOutput = z.infer<typeof listSchema>;
export type ReplayOutput = z.infer<typeof replaySchema>;

/** The text of a published JSON Schema. Readers allow fields that they do not know. */
export function formatJsonSchema(name: string): string {
  const schema = z.toJSONSchema(publishedSchemas[name], { io: "input" });
  const title = `dmaspec/${name.replace(/\.json$/, "")}`;
  return `${JSON.stringify({ title, ...schema }, null, 2)}\n`;
}
