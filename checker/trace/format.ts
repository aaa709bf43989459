/**
 * The trace file, `dmaspec/trace@1`: one schedule, everything needed to run it again, and what it shows.
 * docs/trace-format.md describes it for people who write other tools; docs/schemas/ has its JSON Schema.
 *
 * A reader needs only the names of the actions and their arguments: `lane`, `outcome` and `changes` are
 * written for people, and compared when present. Steps are never identified by a hash or a number of a
 * state, so a trace outlives changes to the packed layout.
 */
import { z } from "zod";
import type { PlainValue } from "./plain.ts";
import { traceSchemaName } from "./version.ts";

const plainValueSchema: z.ZodType<PlainValue> = z.lazy(() =>
  z.union([
    z.boolean(),
    z.number(),
    z.string(),
    z.null(),
    z.array(plainValueSchema),
    z.record(z.string(), plainValueSchema),
  ]),
);

const argumentsSchema = z.record(z.string(), z.union([z.boolean(), z.number(), z.string(), z.null()]));

const changeSchema = z.strictObject({
  path: z.string().describe("the place, e.g. pages[3].owner"),
  from: plainValueSchema,
  to: plainValueSchema,
});

const stepSchema = z.strictObject({
  n: z.int().min(1).describe("the number of the step, from 1"),
  lane: z.string().optional().describe("who acts: cpu 0, SMMU, device 1"),
  action: z.string().min(1).describe("the name of the action"),
  args: argumentsSchema.describe("every argument of the action, by name"),
  outcome: z.string().optional().describe("what came of it, in words; empty where there is nothing to say"),
  changes: z.array(changeSchema).optional().describe("what the step changed in the state"),
});

const shownSchema = z.strictObject({
  kind: z
    .enum(["invariant", "step", "deadlock", "witness", "outcome"])
    .describe(
      "what the schedule shows at its end: a state that breaks an invariant, a last step that breaks a step property, a deadlock, a state that a witness asks for, or a last step by which a call ends as the name says",
    ),
  name: z.string().min(1).describe("the property's name"),
  args: argumentsSchema.describe("the instance of the property"),
  sentence: z.string().describe("the property in words"),
  explanation: z.string().describe("the violation in words, with its values"),
});

export const traceSchema = z.strictObject({
  schema: z.literal(traceSchemaName),
  design: z.string().min(1),
  scenario: z.string().min(1),
  size: z.string().min(1),
  bounds: z.record(z.string(), z.number()).describe("the size of every sort and the value of every constant"),
  powersOff: z.array(z.string()).describe("the host's powers that were switched off"),
  assumptionsOff: z.array(z.string()).describe("the hardware assumptions that were switched off"),
  engine: z.string().describe("the evaluator that found the schedule"),
  reductions: z.array(z.string()).describe("the reductions that were on; empty for none"),
  seed: z.int().min(0).optional().describe("the seed of every random choice of the run"),
  modelDigest: z.string().describe("the digest of the model's structure in these bounds"),
  property: shownSchema,
  initial: z.strictObject({
    name: z.string().describe("the name of the initial state"),
    state: plainValueSchema.optional().describe("the whole initial state"),
  }),
  steps: z.array(stepSchema),
  reproduce: z.string().describe("the command that finds the schedule again"),
});

export type Trace = z.infer<typeof traceSchema>;
export type TraceStep = z.infer<typeof stepSchema>;
/** What a trace shows at its end. */
export type Shown = z.infer<typeof shownSchema>;
export type TraceArguments = z.infer<typeof argumentsSchema>;

/** A file that is no trace: what is wrong, where in the file, and what to do about it. */
export class TraceFileError extends Error {
  readonly remedy: string;

  constructor(what: string, remedy: string) {
    super(what);
    this.name = "TraceFileError";
    this.remedy = remedy;
  }
}

/** Reads a trace. `file` names it in errors. Throws `TraceFileError`. */
export function parseTrace(text: string, file: string): Trace {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new TraceFileError(`${file} is not JSON (${why})`, "give a file that `dmaspec check` wrote");
  }
  requireVersion(json, file);
  const parsed = traceSchema.safeParse(json);
  if (parsed.success) return requireNumbering(parsed.data, file);
  const [issue] = parsed.error.issues;
  const place = formatPlace(issue.path);
  throw new TraceFileError(
    `${file}: ${place === "" ? "the trace" : place}: ${lowerFirst(issue.message)}`,
    "mend that place (docs/trace-format.md describes every field), or write the trace again with `dmaspec check`",
  );
}

function requireVersion(json: unknown, file: string): void {
  const schema = typeof json === "object" && json !== null && "schema" in json ? json.schema : undefined;
  if (schema === traceSchemaName) return;
  if (typeof schema === "string" && schema.startsWith("dmaspec/trace@")) {
    throw new TraceFileError(
      `${file}: schema: is "${schema}", and this version reads "${traceSchemaName}"`,
      "write the trace again with this version's `dmaspec check`",
    );
  }
  const found = typeof schema === "string" ? `"${schema}"` : "missing";
  throw new TraceFileError(
    `${file}: schema: is ${found}, and a trace says "${traceSchemaName}"`,
    "give a file that `dmaspec check` wrote under traces/, or with --trace",
  );
}

function requireNumbering(trace: Trace, file: string): Trace {
  const wrong = trace.steps.findIndex(({ n }, i) => n !== i + 1);
  if (wrong < 0) return trace;
  throw new TraceFileError(
    `${file}: steps[${wrong}].n: is ${trace.steps[wrong].n}, and the step is number ${wrong + 1}`,
    "number the steps from 1 without a gap",
  );
}

function formatPlace(path: readonly PropertyKey[]): string {
  return path.reduce<string>((place, key) => {
    if (typeof key === "number") return `${place}[${key}]`;
    return place === "" ? String(key) : `${place}.${String(key)}`;
  }, "");
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
