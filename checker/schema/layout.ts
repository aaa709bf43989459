/**
 * Where every scalar of a state lies in its packed form, and the codec between plain and packed states.
 *
 * A packed state is a run of 32-bit words. No field straddles two words, so that a read is one load, a
 * shift and a mask. Bit 0 of word 0 is always set: an all-zero slot of the state table is a free slot.
 */
import { ModelError } from "../errors.ts";
import { codeOf, describeValues, type ScalarShape, type Shape, type UnionShape, valueOf } from "./shape.ts";

/** One scalar of the state, at its place. */
export interface Leaf {
  readonly path: string;
  readonly shape: ScalarShape;
  readonly bits: number;
  /** The code's bits, at shift 0. */
  readonly mask: number;
  word: number;
  shift: number;
}

export type Placed =
  | { readonly kind: "scalar"; readonly shape: ScalarShape; readonly leaf: Leaf }
  | { readonly kind: "record"; readonly fields: readonly (readonly [string, Placed])[] }
  | { readonly kind: "array"; readonly elements: readonly Placed[] }
  | { readonly kind: "queue"; readonly length: Leaf; readonly elements: readonly Placed[] }
  | { readonly kind: "set"; readonly members: readonly Leaf[] }
  | {
      readonly kind: "union";
      readonly shape: UnionShape;
      readonly tag: Leaf;
      readonly fields: readonly (readonly [string, Leaf])[];
    };

export interface Layout {
  readonly root: Placed;
  readonly leaves: readonly Leaf[];
  /** Words in a packed state. */
  readonly words: number;
  /** Of each word, how many bits (from bit 0 on) are in use. */
  readonly usedBits: readonly number[];
  /** Bits in use, the one that marks a used slot included. */
  readonly bits: number;
}

export const occupiedBit = 1;

/** Lays the state out: widest fields first into the first word with room, which wastes only each word's rest. */
export function computeLayout(shape: Shape): Layout {
  const leaves: Leaf[] = [];
  const root = place(shape, "", leaves);
  const room: number[] = [31];
  const widestFirst = [...leaves].sort((a, b) => b.bits - a.bits);
  for (const leaf of widestFirst) {
    let word = room.findIndex((bits) => bits >= leaf.bits);
    if (word < 0) word = room.push(32) - 1;
    leaf.word = word;
    leaf.shift = 32 - room[word];
    room[word] -= leaf.bits;
  }
  const bits = 1 + leaves.reduce((sum, leaf) => sum + leaf.bits, 0);
  return { root, leaves, words: room.length, usedBits: room.map((free) => 32 - free), bits };
}

function place(shape: Shape, path: string, leaves: Leaf[]): Placed {
  const leafOf = (of: ScalarShape, at: string): Leaf => {
    const bits = bitsOf(of.cardinality);
    const leaf: Leaf = { path: at, shape: of, bits, mask: 2 ** bits - 1, word: 0, shift: 0 };
    leaves.push(leaf);
    return leaf;
  };
  const join = (name: string): string => (path === "" ? name : `${path}.${name}`);
  switch (shape.kind) {
    case "scalar":
      return { kind: "scalar", shape, leaf: leafOf(shape, path) };
    case "record":
      return {
        kind: "record",
        fields: shape.fields.map(([name, of]) => [name, place(of, join(name), leaves)]),
      };
    case "array": {
      const elements = Array.from({ length: shape.length }, (_, i) =>
        place(shape.of, `${path}[${i}]`, leaves),
      );
      return { kind: "array", elements };
    }
    case "queue": {
      const length = leafOf(lengthShape(shape.capacity), `${path}.length`);
      const elements = Array.from({ length: shape.capacity }, (_, i) =>
        place(shape.of, `${path}[${i}]`, leaves),
      );
      return { kind: "queue", length, elements };
    }
    case "set":
      return {
        kind: "set",
        members: Array.from({ length: shape.size }, (_, i) => leafOf(memberShape, `${path}.has(${i})`)),
      };
    case "union":
      return {
        kind: "union",
        shape,
        tag: leafOf(shape.tag, join("tag")),
        fields: shape.fields.map(([name, of]) => [name, leafOf(of, join(name))]),
      };
  }
}

const memberShape: ScalarShape = {
  kind: "scalar",
  coding: "bool",
  cardinality: 2,
  low: 0,
  values: [false, true],
  sort: null,
};

function lengthShape(capacity: number): ScalarShape {
  const values = Array.from({ length: capacity + 1 }, (_, i) => i);
  return { kind: "scalar", coding: "number", cardinality: capacity + 1, low: 0, values, sort: null };
}

/** Bits that hold the codes `0 .. cardinality-1`; a scalar with one value takes none. */
function bitsOf(cardinality: number): number {
  return cardinality <= 1 ? 0 : 32 - Math.clz32(cardinality - 1);
}

/** The code that a leaf holds in a packed state. */
export function readLeaf(leaf: Leaf, words: ArrayLike<number>, offset = 0): number {
  return (words[offset + leaf.word] >>> leaf.shift) & leaf.mask;
}

/** Packs a plain state. Throws `M01` for a value out of range and `M02` for what the schema does not know. */
export function encode(layout: Layout, state: unknown, into = new Int32Array(layout.words)): Int32Array {
  into.fill(0);
  into[0] = occupiedBit;
  encodeInto(layout.root, state, into, "state");
  return into;
}

function putCode(leaf: Leaf, code: number, into: Int32Array): void {
  into[leaf.word] |= code << leaf.shift;
}

function putValue(leaf: Leaf, value: unknown, into: Int32Array): void {
  const code = codeOf(leaf.shape, value);
  if (code < 0) throw outOfRange(leaf.path, value, leaf.shape);
  putCode(leaf, code, into);
}

/** The error for a value that its field cannot hold. */
export function outOfRange(path: string, value: unknown, shape: ScalarShape): ModelError {
  return new ModelError(
    "M01",
    `${path} was given ${JSON.stringify(value) ?? String(value)}, and holds ${describeValues(shape)}`,
    "widen the field in the schema, or guard the step that writes it",
  );
}

/** The error for a write to something that the schema does not declare. */
export function outsideSchema(path: string): ModelError {
  return new ModelError(
    "M02",
    `${path} is not declared in the schema`,
    "declare the field, or write to one that is",
  );
}

/** The error for more elements than a queue holds (or fewer or more than an array has). */
export function queueOverflow(path: string, given: number, capacity: number): ModelError {
  return new ModelError(
    "M01",
    `${path} was given ${given} elements, and holds ${capacity}`,
    "give the queue more room in the schema, or guard the step that pushes",
  );
}

/** The error for a member that is no element of a set's sort. */
export function foreignMember(path: string, member: unknown): ModelError {
  return new ModelError(
    "M01",
    `${path} was given ${String(member)}, no element of its sort`,
    "add an element of the sort",
  );
}

function encodeInto(placed: Placed, value: unknown, into: Int32Array, path: string): void {
  switch (placed.kind) {
    case "scalar":
      putValue(placed.leaf, value, into);
      return;
    case "record": {
      const names = placed.fields.map(([name]) => name);
      const given = requireKeys(value, names, path);
      for (const [name, of] of placed.fields) encodeInto(of, given[name], into, `${path}.${name}`);
      return;
    }
    case "array": {
      const list = requireList(value, path, placed.elements.length, placed.elements.length);
      placed.elements.forEach((of, i) => encodeInto(of, list[i], into, `${path}[${i}]`));
      return;
    }
    case "queue": {
      const list = requireList(value, path, 0, placed.elements.length);
      putCode(placed.length, list.length, into);
      list.forEach((element, i) => encodeInto(placed.elements[i], element, into, `${path}[${i}]`));
      return;
    }
    case "set": {
      if (!(value instanceof Set)) throw outsideSchema(path);
      for (const member of value) {
        const leaf = placed.members[member as number];
        if (leaf === undefined) throw foreignMember(path, member);
        putCode(leaf, 1, into);
      }
      return;
    }
    case "union": {
      const tag = (value as { tag?: unknown } | null)?.tag;
      putValue(placed.tag, tag, into);
      const names = placed.shape.variants[tag as string];
      const given = requireKeys(value, ["tag", ...names], path);
      for (const [name, leaf] of placed.fields) if (names.includes(name)) putValue(leaf, given[name], into);
      return;
    }
  }
}

function requireKeys(value: unknown, names: readonly string[], path: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null) throw outsideSchema(path);
  for (const key of Object.keys(value)) if (!names.includes(key)) throw outsideSchema(`${path}.${key}`);
  return value as Record<string, unknown>;
}

function requireList(value: unknown, path: string, least: number, most: number): readonly unknown[] {
  if (!Array.isArray(value)) throw outsideSchema(path);
  if (value.length < least || value.length > most) throw queueOverflow(path, value.length, most);
  return value as unknown[];
}

/** Unpacks a packed state into plain values. */
export function decode(layout: Layout, words: ArrayLike<number>, offset = 0): unknown {
  return decodeFrom(layout.root, words, offset);
}

function decodeFrom(placed: Placed, words: ArrayLike<number>, offset: number): unknown {
  const valueAt = (leaf: Leaf): unknown => valueOf(leaf.shape, readLeaf(leaf, words, offset));
  switch (placed.kind) {
    case "scalar":
      return valueAt(placed.leaf);
    case "record":
      return Object.fromEntries(placed.fields.map(([name, of]) => [name, decodeFrom(of, words, offset)]));
    case "array":
      return placed.elements.map((of) => decodeFrom(of, words, offset));
    case "queue":
      return placed.elements
        .slice(0, readLeaf(placed.length, words, offset))
        .map((of) => decodeFrom(of, words, offset));
    case "set":
      return new Set(placed.members.flatMap((leaf, i) => (readLeaf(leaf, words, offset) === 1 ? [i] : [])));
    case "union": {
      const tag = valueAt(placed.tag) as string;
      const fields = placed.fields.filter(([name]) => placed.shape.variants[tag].includes(name));
      return { tag, ...Object.fromEntries(fields.map(([name, leaf]) => [name, valueAt(leaf)])) };
    }
  }
}
