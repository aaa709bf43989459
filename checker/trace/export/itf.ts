/**
 * ITF, the Informal Trace Format of Apalache (ADR-015), which its viewers and Quint read: every state in full.
 *
 * Integers are `{"#bigint": "3"}`, sets `{"#set": [...]}`. What is null here is the variant `None` of no value. Two
 * variables are not the model's: `mbt::actionTaken` and `mbt::nondetPicks`, by the names that drivers of tests
 * use; before the first step they are "init" and no picks.
 */
import { type PlainValue, toPlain } from "../plain.ts";
import { describeStep, nameClaim } from "../print.ts";
import { isViolation } from "../shown.ts";
import type { Exported } from "./exported.ts";

type Itf = boolean | string | readonly Itf[] | { readonly [name: string]: Itf };

const none: Itf = { tag: "None", value: { "#tup": [] } };

/** A plain value as an ITF expression. */
export function toItf(value: PlainValue): Itf {
  if (value === null) return none;
  if (typeof value === "number") return { "#bigint": String(value) };
  if (typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((element: PlainValue) => toItf(element));
  return Object.fromEntries(Object.entries(value).map(([name, of]) => [name, toItf(of)]));
}

/** The trace as an ITF file. */
export function exportItf<S>({ trace, of, replay, shown, reasons, version }: Exported<S>): string {
  const stateOf = (state: S, index: number, action: string, picks: PlainValue, told: string) => ({
    "#meta": { index, ...(told === "" ? {} : { step: told, role: reasons[index - 1].role }) },
    ...(toItf(toPlain(state)) as Record<string, Itf>),
    "mbt::actionTaken": action,
    "mbt::nondetPicks": toItf(picks),
  });
  const states = [
    stateOf(replay.initial, 0, "init", {}, ""),
    ...replay.steps.map((step) =>
      stateOf(
        step.after,
        step.n,
        step.instance.action.name,
        toPlain(step.instance.args),
        describeStep(of, step),
      ),
    ),
  ];
  const vars = Object.keys(states[0]).filter((name) => name !== "#meta");
  const { design, scenario, size, bounds, engine, reductions, seed = null, modelDigest, reproduce } = trace;
  const { powersOff, assumptionsOff } = trace;
  const file = {
    "#meta": {
      format: "ITF",
      "format-description": "https://apalache-mc.org/docs/adr/015adr-trace.html",
      description: `${design} on ${scenario} (${size}): ${nameClaim(shown)}: ${shown.explanation}`,
      source: design,
      dmaspec: {
        property: shown.name,
        sentence: shown.sentence,
        // Which instance of the family is broken, and how.
        conjunct: { kind: shown.kind, args: shown.args, explanation: shown.explanation },
        verdict: isViolation(shown) ? "violated" : "reached",
        seed,
        config: { design, scenario, size, bounds, powersOff, assumptionsOff },
        engine: { name: engine, reductions, version },
        digest: modelDigest,
        reproduce,
      },
    },
    vars,
    states,
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}
