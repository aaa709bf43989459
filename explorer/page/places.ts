/** Places of a plain state: lists of them for tables and filters, and what the pictures are drawn from. */
import type { PlainValue } from "../../checker/trace/plain.ts";

export interface Place {
  readonly path: string;
  readonly value: PlainValue;
}

/** Is it a record or list, whose parts are places of their own? A union, a set and a list of scalars are told whole. */
function isInner(value: PlainValue): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value))
    return value.some(
      (element: PlainValue) => typeof element === "object" && element !== null && !isUnion(element),
    );
  return !isUnion(value) && !("#set" in value);
}

/** A value with a tag. */
export function isUnion(
  value: PlainValue,
): value is { readonly tag: string; readonly [name: string]: PlainValue } {
  return typeof value === "object" && value !== null && "tag" in value && typeof value.tag === "string";
}

/** Every place of a state, in order. */
export function placesOf(value: PlainValue, path = ""): Place[] {
  if (!isInner(value)) return path === "" ? [] : [{ path, value }];
  if (Array.isArray(value))
    return value.flatMap((element: PlainValue, i) => placesOf(element, `${path}[${i}]`));
  return Object.entries(value as Record<string, PlainValue>).flatMap(([name, inner]) =>
    placesOf(inner, path === "" ? name : `${path}.${name}`),
  );
}

/** The value of a place by its path; `undefined` where there is none. */
export function valueIn(state: PlainValue, path: string): PlainValue | undefined {
  return path
    .split(/[.[\]]+/)
    .filter((key) => key !== "")
    .reduce<PlainValue | undefined>(
      (value, key) =>
        typeof value === "object" && value !== null ? (value as Record<string, PlainValue>)[key] : undefined,
      state,
    );
}

/** Does a change at `changed` concern the place, or something inside it? */
export function concerns(changed: string, place: string): boolean {
  return changed === place || changed.startsWith(`${place}.`) || changed.startsWith(`${place}[`);
}
