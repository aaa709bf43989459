/**
 * States as plain JSON, the differences between two states, and values as people read them.
 */
import type { Shape } from "../schema/shape.ts";

/** A state or value as JSON. A set is `{"#set": [...]}` with its members in ascending order. */
export type PlainValue =
  | boolean
  | number
  | string
  | null
  | readonly PlainValue[]
  | { readonly [name: string]: PlainValue };

/** One place that a step changed. Queues, sets and tagged unions are compared, and told, as a whole. */
export interface Change {
  /** Where, e.g. `pages[3].owner`. */
  readonly path: string;
  readonly from: PlainValue;
  readonly to: PlainValue;
}

/** A value of a state as JSON. */
export function toPlain(value: unknown): PlainValue {
  if (value instanceof Set)
    return { "#set": [...value].map((member) => toPlain(member)).sort(compareScalars) };
  if (Array.isArray(value)) return value.map((element) => toPlain(element));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, of]) => [name, toPlain(of)]));
  }
  return value as PlainValue;
}

function compareScalars(a: PlainValue, b: PlainValue): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}

/** Are two plain values the same? The order of a record's fields does not matter. */
export function isSame(a: PlainValue, b: PlainValue): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const left = Object.entries(a);
  if (left.length !== Object.keys(b).length) return false;
  const right = b as Readonly<Record<string, PlainValue>>;
  return left.every(([name, value]) => Object.hasOwn(right, name) && isSame(value, right[name]));
}

/** What differs between two states of a shape, in the order of the schema. */
export function diffStates(shape: Shape, before: unknown, after: unknown, path = ""): Change[] {
  if (before === after) return [];
  switch (shape.kind) {
    case "record": {
      const [from, to] = [before, after] as Record<string, unknown>[];
      return shape.fields.flatMap(([name, of]) =>
        diffStates(of, from[name], to[name], path === "" ? name : `${path}.${name}`),
      );
    }
    case "array": {
      const [from, to] = [before, after] as unknown[][];
      return from.flatMap((element, i) => diffStates(shape.of, element, to[i], `${path}[${i}]`));
    }
    default: {
      const [from, to] = [toPlain(before), toPlain(after)];
      return isSame(from, to) ? [] : [{ path, from, to }];
    }
  }
}

/** A value as people read it: `HOST`, `3`, `none`, `{0, 2}`, `TLBI(iova: 1)`, `[SYNC]`. */
export function formatValue(value: PlainValue): string {
  if (value === null) return "none";
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return `[${value.map((element: PlainValue) => formatValue(element)).join(", ")}]`;
  const fields = Object.entries(value as Readonly<Record<string, PlainValue>>);
  if (fields.length === 1 && fields[0][0] === "#set")
    return formatValue(fields[0][1]).replace(/^\[(.*)\]$/, "{$1}");
  const tag = fields.find(([name]) => name === "tag")?.[1];
  const rest = fields.filter(([name]) => name !== "tag" || typeof tag !== "string");
  const list = rest.map(([name, of]) => `${name}: ${formatValue(of)}`).join(", ");
  if (typeof tag !== "string") return `{${list}}`;
  return list === "" ? tag : `${tag}(${list})`;
}

/** A change as people read it: `pages[3].owner: HOST → GUEST`; what joins or leaves a list is told as such. */
export function formatChange({ path, from, to }: Change): string {
  const added = findAdded(from, to);
  if (added !== null) return `${path}: + ${added.map((value) => formatValue(value)).join(", ")}`;
  const removed = findAdded(to, from, true);
  if (removed !== null) return `${path}: - ${removed.map((value) => formatValue(value)).join(", ")}`;
  return `${path}: ${formatValue(from)} → ${formatValue(to)}`;
}

/** What `to` has beyond `from`, where both are sets, or queues that grew at the end (or, `atStart`, the start). */
function findAdded(from: PlainValue, to: PlainValue, atStart = false): readonly PlainValue[] | null {
  const [fromSet, toSet] = [membersOf(from), membersOf(to)];
  if (fromSet !== null && toSet !== null) {
    const added = toSet.filter((member) => !fromSet.includes(member));
    return added.length > 0 && fromSet.every((member) => toSet.includes(member)) ? added : null;
  }
  if (!Array.isArray(from) || !Array.isArray(to) || to.length <= from.length) return null;
  const extra = to.length - from.length;
  const kept = atStart ? to.slice(extra) : to.slice(0, from.length);
  if (!isSame(kept as PlainValue, from as PlainValue)) return null;
  return (atStart ? to.slice(0, extra) : to.slice(from.length)) as PlainValue[];
}

function membersOf(value: PlainValue): readonly PlainValue[] | null {
  if (typeof value !== "object" || value === null || !("#set" in value)) return null;
  return value["#set"] as readonly PlainValue[];
}

/** `pages 3, cpus 2`, without what there is none of; `none` for an empty record. */
export function formatBounds(bounds: Readonly<Record<string, number>>): string {
  const list = Object.entries(bounds)
    .filter(([, size]) => size !== 0)
    .map(([name, size]) => `${name} ${size}`);
  return list.length === 0 ? "none" : list.join(", ");
}
