/**
 * Places of a state by their paths (`pages[3].owner`), at the grain at which traces tell changes: a scalar, or a
 * queue, set or union as a whole. Which of them a recipe or a formula reads is found by running it on a copy that
 * takes notes; so this works for every model, without looking into its text.
 */
import type { RecordShape, Shape } from "../schema/shape.ts";

/** What ran on the copy: its result, and the places that it read before it wrote to them, in order. */
export interface Noted<R> {
  readonly result: R;
  readonly reads: readonly string[];
}

/** Runs `run` on a copy of `state`; the state itself is not changed. */
export function noteReads<S, R>(shape: RecordShape, state: S, run: (s: S) => R): Noted<R> {
  const reads = new Set<string>();
  const written = new Set<string>();
  const copy = noteTaker(shape, state, "", {
    read: (path) => {
      if (!written.has(path)) reads.add(path);
    },
    write: (path) => void written.add(path),
  });
  const result = run(copy as S);
  return { result, reads: [...reads] };
}

interface Notes {
  read(path: string): void;
  write(path: string): void;
}

/** A copy of a value that tells which of its places are read and written. */
function noteTaker(shape: Shape, value: unknown, path: string, notes: Notes): unknown {
  if (shape.kind === "record") {
    const fields = new Map(shape.fields);
    const copy = Object.fromEntries(
      Object.entries(value as Record<string, unknown>).map(([name, inner]) => {
        const of = fields.get(name);
        return [
          name,
          of === undefined ? inner : noteTaker(of, inner, path === "" ? name : `${path}.${name}`, notes),
        ];
      }),
    );
    return watched(
      copy,
      (key) => (isLeaf(fields.get(key)) ? (path === "" ? key : `${path}.${key}`) : null),
      notes,
    );
  }
  if (shape.kind === "array") {
    const copy = (value as unknown[]).map((inner, i) => noteTaker(shape.of, inner, `${path}[${i}]`, notes));
    return watched(copy, (key) => (isLeaf(shape.of) && /^\d+$/.test(key) ? `${path}[${key}]` : null), notes);
  }
  if (shape.kind === "queue") return [...(value as unknown[])];
  if (shape.kind === "set") return new Set(value as Set<unknown>);
  return shape.kind === "union" ? { ...(value as object) } : value;
}

function isLeaf(shape: Shape | undefined): boolean {
  return shape !== undefined && shape.kind !== "record" && shape.kind !== "array";
}

function watched(copy: object, placeOf: (key: string) => string | null, notes: Notes): object {
  return new Proxy(copy, {
    get(target, key, receiver) {
      const place = typeof key === "string" ? placeOf(key) : null;
      if (place !== null) notes.read(place);
      return Reflect.get(target, key, receiver) as unknown;
    },
    set(target, key, value, receiver) {
      const place = typeof key === "string" ? placeOf(key) : null;
      if (place !== null) notes.write(place);
      return Reflect.set(target, key, value, receiver);
    },
  });
}

/** The keys that a path names, one behind the other: `pages[3].owner` is pages, 3, owner. */
export function keysOf(path: string): string[] {
  return path.split(/[.[\]]+/).filter((key) => key !== "");
}

/** The value at a place. */
export function valueAt(state: unknown, path: string): unknown {
  return keysOf(path).reduce((value, key) => (value as Record<string, unknown>)[key], state);
}

/** The state with another value at a place. */
export function withValueAt<S>(state: S, path: string, value: unknown): S {
  const put = (of: unknown, [key, ...rest]: readonly string[]): unknown => {
    if (key === undefined) return value;
    const inner = put((of as Record<string, unknown>)[key], rest);
    if (Array.isArray(of)) return of.map((element: unknown, i) => (String(i) === key ? inner : element));
    return { ...(of as object), [key]: inner };
  };
  return put(state, keysOf(path)) as S;
}

/** The shape of a place, or `null` where there is none. */
export function shapeAt(shape: Shape, path: string): Shape | null {
  return keysOf(path).reduce<Shape | null>((of, key) => {
    if (of?.kind === "array") return of.of;
    return (of?.kind === "record" ? of.fields.find(([name]) => name === key)?.[1] : undefined) ?? null;
  }, shape);
}
