/**
 * The state as a structure over the elements that can be renamed: which leaves lie at which elements, and which
 * hold one. Leaves that differ only in the elements at which they lie are a family.
 */
import type { Instance } from "../../model/model.ts";
import type { Leaf, Placed } from "../../schema/layout.ts";
import { type ScalarShape, type Shape, valueOf } from "../../schema/shape.ts";
import type { Group } from "./group.ts";

/** A leaf is there only while another one holds one of these codes. */
export interface Guard {
  readonly leaf: Leaf;
  /** By code. */
  readonly allowed: Uint8Array;
}

/** A leaf, where it lies, and what it holds. */
export interface Item {
  readonly leaf: Leaf;
  readonly family: number;
  /** The vertices at which it lies, outermost first. */
  readonly at: readonly number[];
  /** The codes of a leaf that holds elements of a sort with vertices: by code the vertex, or -1. */
  readonly holds: Int32Array | null;
  readonly guards: readonly Guard[];
}

export interface Structure {
  readonly items: readonly Item[];
  readonly families: number;
}

/** By leaf: it means something only while the control label holds one of the codes. */
export type LiveWhile = ReadonlyMap<Leaf, Guard>;

/** The structure of an instance's states. What a dead local holds is no part of it. */
export function structureOf<S>(of: Instance<S>, group: Group, live: LiveWhile): Structure {
  const items: Item[] = [];
  const families = new Map<string, number>();

  const add = (leaf: Leaf, path: string, at: readonly number[], guards: readonly Guard[]): void => {
    let family = families.get(path);
    if (family === undefined) families.set(path, (family = families.size));
    const alive = live.get(leaf);
    const all = alive === undefined ? guards : [...guards, alive];
    items.push({ leaf, family, at, holds: verticesHeld(leaf.shape, group), guards: all });
  };

  const visit = (
    shape: Shape,
    placed: Placed,
    path: string,
    at: readonly number[],
    guards: readonly Guard[],
  ): void => {
    const element = (sort: string | null, i: number): { path: string; at: readonly number[] } => {
      const vertex = sort === null ? -1 : (group.vertexOf.get(sort)?.[i] ?? -1);
      if (vertex < 0) return { path: `${path}[${i}]`, at };
      const kind = group.classes.findIndex(({ base, elements }) => vertex < base + elements.length);
      return { path: `${path}[class ${kind}]`, at: [...at, vertex] };
    };
    switch (placed.kind) {
      case "scalar":
        add(placed.leaf, path, at, guards);
        return;
      case "record": {
        const fields = (shape as Extract<Shape, { kind: "record" }>).fields;
        placed.fields.forEach(([name, field], i) =>
          visit(fields[i][1], field, `${path}.${name}`, at, guards),
        );
        return;
      }
      case "array": {
        const { sort, of: inside } = shape as Extract<Shape, { kind: "array" }>;
        placed.elements.forEach((each, i) => {
          const inner = element(sort, i);
          visit(inside, each, inner.path, inner.at, guards);
        });
        return;
      }
      case "queue": {
        const { of: inside } = shape as Extract<Shape, { kind: "queue" }>;
        add(placed.length, `${path}.length`, at, guards);
        placed.elements.forEach((each, i) => {
          const isIn = allowedWhere(placed.length.shape, (length) => Number(length) > i);
          visit(inside, each, `${path}[${i}]`, at, [...guards, { leaf: placed.length, allowed: isIn }]);
        });
        return;
      }
      case "set": {
        const { sort } = shape as Extract<Shape, { kind: "set" }>;
        placed.members.forEach((leaf, i) => {
          const inner = element(sort, i);
          add(leaf, inner.path, inner.at, guards);
        });
        return;
      }
      case "union":
        add(placed.tag, `${path}.tag`, at, guards);
        for (const [name, leaf] of placed.fields) {
          const { variants } = placed.shape;
          const has = allowedWhere(placed.tag.shape, (tag) => variants[String(tag)].includes(name));
          add(leaf, `${path}.${name}`, at, [...guards, { leaf: placed.tag, allowed: has }]);
        }
        return;
    }
  };

  visit(of.shape, of.layout.root, "", [], []);
  return { items: items.filter(({ leaf }) => leaf.bits > 0), families: families.size };
}

function allowedWhere(shape: ScalarShape, isAllowed: (value: unknown) => boolean): Uint8Array {
  return Uint8Array.from({ length: shape.cardinality }, (_, code) =>
    isAllowed(valueOf(shape, code)) ? 1 : 0,
  );
}

/** By code of a scalar the vertex that it names; null for one that names none. */
function verticesHeld(shape: ScalarShape, group: Group): Int32Array | null {
  const vertices = shape.sort === null ? undefined : group.vertexOf.get(shape.sort);
  if (vertices === undefined || vertices.every((vertex) => vertex < 0)) return null;
  return Int32Array.from({ length: shape.cardinality }, (_, code) => {
    const value = valueOf(shape, code);
    return typeof value === "number" ? vertices[value] : -1;
  });
}
