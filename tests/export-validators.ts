/** What the formats' own rules say of an export; for tests. */
import { createRequire } from "node:module";
import Ajv from "ajv";
import { z } from "zod";
import { shivizExpression } from "../checker/trace/export/shiviz.ts";
import type { Trace } from "../checker/trace/format.ts";
import type { PlainValue } from "../checker/trace/plain.ts";

/** Expressions, by the text of the format: numbers are bigints, and a field's name begins with no #. */
const expression: z.ZodType = z.lazy(() =>
  z.union([
    z.boolean(),
    z.string(),
    z.array(expression),
    z.strictObject({ "#bigint": z.string().regex(/^-?\d+$/) }),
    z.strictObject({ "#tup": z.array(expression) }),
    z.strictObject({ "#set": z.array(expression) }),
    z.record(z.string().regex(/^[^#]/), expression),
  ]),
);

const itfState = z.object({ "#meta": z.looseObject({ index: z.number() }) }).catchall(expression);
const itfTrace = z.strictObject({
  "#meta": z.looseObject({}),
  vars: z.array(z.string()),
  states: z.array(itfState),
});

/** An ITF trace by the rules of the format; every variable is in every state. Throws where it breaks one. */
export function parseItf(text: string): z.infer<typeof itfTrace> {
  const itf = itfTrace.parse(JSON.parse(text));
  for (const { "#meta": meta, ...state } of itf.states) {
    if (Object.keys(state).join() !== itf.vars.join())
      throw new Error(`state ${meta.index} has other variables than those declared`);
  }
  return itf;
}

/** The plain value of an ITF expression. */
export function fromItf(value: unknown): PlainValue {
  if (typeof value !== "object" || value === null) return value as PlainValue;
  if (Array.isArray(value)) return value.map((element) => fromItf(element));
  const of = value as Record<string, unknown>;
  if ("#bigint" in of) return Number(of["#bigint"]);
  if (of.tag === "None" && JSON.stringify(of.value) === '{"#tup":[]}') return null;
  return Object.fromEntries(Object.entries(of).map(([name, each]) => [name, fromItf(each)]));
}

/** What is wrong with a SARIF log by the standard's schema. */
export function createSarifValidator(): (log: object) => readonly object[] {
  const require = createRequire(import.meta.url);
  // The schema is draft 4, which Ajv 6 reads with that draft's own schema.
  const ajv = new Ajv({ schemaId: "auto", unknownFormats: "ignore" });
  ajv.addMetaSchema(require("ajv/lib/refs/json-schema-draft-04.json"));
  const validate = ajv.compile(require("@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"));
  return (log) => (validate(log) === true ? [] : (validate.errors ?? []));
}

/** How many steps a ShiViz log has. Throws where a line is not read, or a lane's clock does not go up by one. */
export function countShivizSteps(text: string): number {
  const [expressionLine, , ...lines] = text.trimEnd().split("\n");
  if (expressionLine !== shivizExpression) throw new Error("the first line is not the expression");
  const seen = new Map<string, number>();
  for (const line of lines) {
    const { host, clock } = new RegExp(shivizExpression).exec(line)?.groups ?? {};
    const own = JSON.parse(clock)[host];
    if (own !== (seen.get(host) ?? 0) + 1) throw new Error(`the clock of ${host} is ${own} in: ${line}`);
    seen.set(host, own);
  }
  return lines.length;
}

const chromeEvents = z.array(
  z.looseObject({
    ph: z.enum(["M", "X"]),
    name: z.string(),
    pid: z.int(),
    tid: z.int(),
    cat: z.string().optional(),
  }),
);

/** The steps of a Chrome trace, by name. */
export function chromeStepsOf(text: string): string[] {
  const events = chromeEvents.parse(JSON.parse(text).traceEvents);
  return events.filter(({ cat }) => cat === "step").map(({ name }) => name);
}

/** Throws where the states of an ITF trace are not those of the trace. */
export function compareItf(itf: z.infer<typeof itfTrace>, states: readonly unknown[], trace: Trace): void {
  const plain = itf.states.map((state) => {
    const { "#meta": _, "mbt::actionTaken": __, "mbt::nondetPicks": ___, ...values } = state;
    return fromItf(values);
  });
  if (JSON.stringify(plain) !== JSON.stringify(states)) throw new Error("the states differ");
  for (const [i, { action, args }] of trace.steps.entries()) {
    const { "mbt::actionTaken": taken, "mbt::nondetPicks": picks } = itf.states[i + 1];
    if (taken !== action || JSON.stringify(fromItf(picks)) !== JSON.stringify(args))
      throw new Error(`step ${i + 1} differs`);
  }
}
