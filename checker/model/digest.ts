/**
 * The digest of a model in its bounds: what a run and a trace carry, so that both can say whether they
 * speak of the same model.
 *
 * It covers the structure: every field with its values, every action with its parameters and the instances
 * that exist, processes, initial states, properties, powers, assumptions and bounds, all by name. It does
 * not look inside the recipes (their text differs between the sources and what is compiled from them); a
 * changed recipe shows in the digest of the reachable states.
 */
import type { Action } from "./rule.ts";
import type { Instance, Model } from "./model.ts";
import { computeScalarShape, isUninhabited } from "../schema/shape.ts";
import { computeSha256 } from "./sha256.ts";

/**
 * The digest, 64 hexadecimal digits. Where the instance was made of an edited copy (properties left out or
 * added for one run), `declared` is the model whose properties count.
 */
export function computeModelDigest<S>(of: Instance<S>, declared: Model<S> = of.model): string {
  const { bounds } = of.scope;
  const shapesOf = (params: Action<S>["params"], place: string) =>
    Object.entries(params).map(([name, field]) => [
      name,
      isUninhabited(field, bounds) ? null : computeScalarShape(field, bounds, `${place}(${name})`),
    ]);
  const describeProperty = ({ name, params }: { name: string; params: Action<S>["params"] }) => [
    name,
    shapesOf(params, name),
  ];
  const structure = {
    name: declared.name,
    bounds: Object.entries(bounds).sort(([a], [b]) => (a < b ? -1 : 1)),
    state: of.shape,
    actions: of.actions.map((action) => [
      action.name,
      shapesOf(action.params, action.name),
      action.process ?? null,
      action.at ?? null,
      action.power ?? null,
    ]),
    instances: of.instances.map(({ action, args }) => [action.name, args]),
    processes: [...declared.threads, ...declared.processes].map(({ name, sort, frames, control, idle }) => [
      name,
      sort,
      frames,
      control,
      idle,
    ]),
    initial: Object.keys(declared.initial),
    invariants: declared.invariants.map(describeProperty),
    stepProperties: declared.stepProperties.map(describeProperty),
    witnesses: declared.witnesses.map(describeProperty),
    deadlock: declared.deadlock,
    powers: Object.keys(declared.powers),
    assumptions: Object.keys(declared.assumptions),
  };
  return computeSha256(JSON.stringify(structure));
}
