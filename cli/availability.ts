/**
 * Reachable panics. A call that panicked stays at a label that begins with PANIC, its locks held; that is a
 * loss of availability and no violation of isolation, so it is watched for by witnesses that decide nothing.
 */
import type { Model } from "../checker/model/model.ts";
import type { Process } from "../checker/model/rule.ts";
import { witness } from "../checker/model/property.ts";
import { oneOf } from "../checker/schema/fields.ts";

const panicPrefix = "PANIC";

/** The name of the added witness family; no model may use it for its own. */
export const panicWitness = "a call panicked";

/** The model with a witness for every label at which a process that panicked stays. */
// The state is known by names only.
// oxlint-disable-next-line no-explicit-any
export function watchPanics(model: Model<any>): Model<any> {
  const ofThreads = model.threads.flatMap(({ procedures }) => procedures.flatMap(({ panics }) => panics));
  const labels = [
    ...new Set([...ofThreads, ...model.processes.flatMap((process) => panicLabels(model, process))]),
  ];
  const all = [...model.threads, ...model.processes];
  if (labels.length === 0) return model;
  const added = witness(
    panicWitness,
    { label: oneOf(...labels) },
    {
      isEachTold: true,
      sentence: "A call panicked and will never go on; its locks stay held.",
      // oxlint-disable-next-line no-explicit-any
      holds: (s: any, { label }) => {
        for (const { frames, control } of all) {
          const own = s[frames];
          for (let self = 0; self < own.length; self++) if (own[self][control] === label) return true;
        }
        return false;
      },
    },
  );
  return { ...model, witnesses: [...model.witnesses, added] };
}

/** The labels of a process whose frames the state declares. */
// oxlint-disable-next-line no-explicit-any
function panicLabels(model: Model<any>, { frames, control }: Process<string>): readonly string[] {
  const state = model.state.spec;
  const field = state.kind === "record" ? state.fields[frames]?.spec : undefined;
  const frame = field?.kind === "array" ? field.of.spec : undefined;
  const label = frame?.kind === "record" ? frame.fields[control]?.spec : undefined;
  return label?.kind === "enum" ? label.names.filter((name) => name.startsWith(panicPrefix)) : [];
}

/** The panic in words, without the mark of its label. */
export function namePanic(label: string): string {
  return label.startsWith(`${panicPrefix} in `) ? label.slice(panicPrefix.length + 4) : label;
}
