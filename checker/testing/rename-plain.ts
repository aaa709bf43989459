/** For tests: a plain state with the elements of sorts renamed, by its shape. */
import type { Shape } from "../schema/shape.ts";

/** `renaming`: by sort, by element, what it becomes. */
export function renamePlain(
  shape: Shape,
  value: unknown,
  renaming: ReadonlyMap<string, readonly number[]>,
): unknown {
  const elementOf = (sort: string | null, old: number): number =>
    (sort === null ? undefined : renaming.get(sort))?.[old] ?? old;
  switch (shape.kind) {
    case "scalar":
      return typeof value === "number" ? elementOf(shape.sort, value) : value;
    case "record": {
      const given = value as Record<string, unknown>;
      return Object.fromEntries(
        shape.fields.map(([name, of]) => [name, renamePlain(of, given[name], renaming)]),
      );
    }
    case "array": {
      const list: unknown[] = [];
      (value as unknown[]).forEach((each, i) => {
        list[elementOf(shape.sort, i)] = renamePlain(shape.of, each, renaming);
      });
      return list;
    }
    case "queue":
      return (value as unknown[]).map((each) => renamePlain(shape.of, each, renaming));
    case "set":
      return new Set([...(value as Set<number>)].map((member) => elementOf(shape.sort, member)));
    case "union": {
      const given = value as Record<string, unknown>;
      const fields = shape.fields.filter(([name]) => name in given);
      return {
        tag: given.tag,
        ...Object.fromEntries(fields.map(([name, of]) => [name, renamePlain(of, given[name], renaming)])),
      };
    }
  }
}
