/**
 * What a state says of each process: the call that it is in, and the locks that it holds. Generic: processes
 * are known from the model, locks from the shape of the state.
 */
import type { ActionInstance, Instance } from "../model/model.ts";
import type { Shape } from "../schema/shape.ts";

/** One process in one state. */
export interface ProcessStatus {
  /** The lane of its steps, e.g. `cpu 0`. */
  readonly lane: string;
  /** Its control label, or `null` while it is idle. */
  readonly label: string | null;
  /** The locks that it holds, by their place in the state. */
  readonly locks: readonly string[];
}

/** The status of every process in a state, in the order of the model. */
export function statusOf<S>(of: Instance<S>, state: S): ProcessStatus[] {
  return of.processes.flatMap(({ process, size, tried }) =>
    Array.from({ length: size }, (_, self) => {
      // The frames' place is known by name only.
      const frames = (state as Record<string, Record<string, unknown>[]>)[process.frames];
      const label = String(frames[self][process.control]);
      const own = [...tried[self].values()].find((instances) => instances.length > 0);
      return {
        lane: own?.[0].lane ?? `${process.name} ${self}`,
        label: label === process.idle ? null : label,
        locks: locksHeld(of.shape, state, process.sort, self, ""),
      };
    }),
  );
}

/**
 * A lock is a record of nothing but its `holder` (as `lockState` declares it), or an optional index whose
 * field's name ends in "lock". Locks that are recorded in another way are not shown.
 */
function locksHeld(shape: Shape, value: unknown, sort: string, self: number, path: string): string[] {
  if (shape.kind === "array") {
    return (value as unknown[]).flatMap((element, i) =>
      locksHeld(shape.of, element, sort, self, `${path}[${i}]`),
    );
  }
  if (shape.kind !== "record") return [];
  const record = value as Record<string, unknown>;
  return shape.fields.flatMap(([name, of]) => {
    const place = path === "" ? name : `${path}.${name}`;
    const lock = shape.fields.length === 1 && name === "holder" ? path : /lock$/i.test(name) ? place : null;
    if (of.kind !== "scalar") return locksHeld(of, record[name], sort, self, place);
    return lock !== null && of.coding === "optional" && of.sort === sort && record[name] === self
      ? [lock]
      : [];
  });
}

/** The kind of process that takes this step; `undefined` for the environment. */
export function findProcess<S>(of: Instance<S>, { action }: ActionInstance<S>) {
  return of.processes.find(({ process }) => process.name === action.process)?.process;
}

/** The place of the frame of the process that takes this step, e.g. `cpus[0].`; `null` for the environment. */
export function framePlace<S>(of: Instance<S>, instance: ActionInstance<S>): string | null {
  const found = findProcess(of, instance);
  return found === undefined ? null : `${found.frames}[${instance.args[found.name]}].`;
}

/** The label at which the process that takes this step is in a state; `null` for the environment. */
export function findLabel<S>(of: Instance<S>, instance: ActionInstance<S>, state: S): string | null {
  const found = findProcess(of, instance);
  if (found === undefined) return null;
  // The frames' place is known by name only.
  const frames = (state as Record<string, Record<string, unknown>[]>)[found.frames];
  return String(frames[instance.args[found.name] as number][found.control]);
}
