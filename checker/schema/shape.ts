/**
 * A schema with its sizes filled in, and every scalar described as a small code: `0 .. cardinality-1`.
 */
import { getNearestName, ModelError } from "../errors.ts";
import type { Field, FieldSpec, Scalar, Size } from "./fields.ts";

/** The sizes of a scenario: of every sort, and the value of every named constant. */
export type Bounds = Readonly<Record<string, number>>;

export type ScalarValue = boolean | number | string | null;

/**
 * How a scalar's values become codes.
 * - `number`: value `low + code` (ranges and indices)
 * - `bool`: 0 is false
 * - `table`: `values[code]`
 * - `optional`: 0 is null, else the number `low + code - 1` (an option of a range or an index)
 */
export interface ScalarShape {
  readonly kind: "scalar";
  readonly coding: "number" | "bool" | "table" | "optional";
  readonly cardinality: number;
  readonly low: number;
  /** All values, in the order of their codes. */
  readonly values: readonly ScalarValue[];
  /** The sort that numeric values index, if any. */
  readonly sort: string | null;
}

export interface RecordShape {
  readonly kind: "record";
  readonly fields: readonly (readonly [name: string, shape: Shape])[];
}
export interface ArrayShape {
  readonly kind: "array";
  readonly length: number;
  readonly sort: string | null;
  readonly of: Shape;
}
export interface QueueShape {
  readonly kind: "queue";
  readonly capacity: number;
  readonly of: Shape;
}
export interface SetShape {
  readonly kind: "set";
  readonly size: number;
  readonly sort: string;
}
export interface UnionShape {
  readonly kind: "union";
  readonly tag: ScalarShape;
  /** Every field of every variant, once. */
  readonly fields: readonly (readonly [name: string, shape: ScalarShape])[];
  /** The field names of each variant, by tag. */
  readonly variants: Readonly<Record<string, readonly string[]>>;
}

export type Shape = ScalarShape | RecordShape | ArrayShape | QueueShape | SetShape | UnionShape;

/** The largest number of values a scalar may have: its code must fit a word with the sign bit to spare. */
const maxCardinality = 2 ** 30;

/** Up to this many values are listed in a scalar's shape; larger ranges are known by their ends. */
const maxListedValues = 4096;

/** The number that a symbolic size stands for. Throws `M06` where the scenario does not give it. */
export function sizeOf(size: Size, bounds: Bounds, place: string): number {
  if (typeof size === "number") return size;
  const value = bounds[size];
  if (value === undefined) {
    const near = getNearestName(size, Object.keys(bounds));
    throw new ModelError(
      "M06",
      `${place} needs the size "${size}", which the scenario does not give`,
      near === undefined
        ? `add ${size} to the scenario's bounds`
        : `did you mean "${near}"? otherwise add ${size} to the scenario's bounds`,
    );
  }
  if (!Number.isInteger(value) || value < 0) {
    throw new ModelError("M06", `${place}: the size "${size}" is ${value}`, "give a whole number, 0 or more");
  }
  return value;
}

/** The schema with the scenario's sizes. `place` names the field in errors, e.g. `pages[].owner`. */
export function computeShape(field: Field<unknown>, bounds: Bounds, place = "state"): Shape {
  return shapeOfSpec(field.spec, bounds, place);
}

/** The shape of a field that must be a scalar. */
export function computeScalarShape(field: Field<unknown>, bounds: Bounds, place: string): ScalarShape {
  const shape = computeShape(field, bounds, place);
  if (shape.kind !== "scalar") {
    throw new ModelError(
      "M07",
      `${place} is a ${shape.kind}`,
      "use a bool, range, oneOf, index, option or argument",
    );
  }
  return shape;
}

/** The sort that the numbers among a scalar's values index, if any: as its shape says, and known without sizes. */
export function sortOf({ spec }: Field<unknown>): string | null {
  if (spec.kind === "option") return sortOf(spec.of);
  return spec.kind === "index" || spec.kind === "argument" ? spec.sort : null;
}

function shapeOfSpec(spec: FieldSpec, bounds: Bounds, place: string): Shape {
  switch (spec.kind) {
    case "bool":
      return scalar("bool", [false, true], place);
    case "enum":
      requireDistinct(spec.names, place);
      return scalar("table", spec.names, place);
    case "range": {
      const high = sizeOf(spec.high, bounds, place);
      if (!Number.isInteger(spec.low) || high < spec.low) {
        throw new ModelError(
          "M07",
          `${place} ranges from ${spec.low} to ${high}`,
          "give low <= high, both whole",
        );
      }
      return numeric(spec.low, high - spec.low + 1, null, place);
    }
    case "index":
      return numeric(0, sizeOf(spec.sort, bounds, place), spec.sort, place);
    case "option": {
      const inner = computeScalarShape(spec.of, bounds, place);
      if (inner.values.includes(null)) {
        throw new ModelError("M07", `${place} is an option of an option`, "use one option");
      }
      if (inner.coding !== "number")
        return { ...scalar("table", [null, ...inner.values], place), sort: inner.sort };
      if (inner.cardinality > maxListedValues) {
        throw new ModelError(
          "M07",
          `${place} is an option of ${inner.cardinality} values`,
          "use a smaller range",
        );
      }
      return { ...scalar("optional", [null, ...inner.values], place), low: inner.low, sort: inner.sort };
    }
    case "argument": {
      const size = sizeOf(spec.sort, bounds, place);
      requireDistinct(spec.invalid, place);
      return { ...scalar("table", [...upTo(size), ...spec.invalid], place), sort: spec.sort };
    }
    case "record": {
      const fields = Object.entries(spec.fields).map(
        ([name, of]) => [name, computeShape(of, bounds, `${place}.${name}`)] as const,
      );
      return { kind: "record", fields };
    }
    case "array": {
      const length = sizeOf(spec.length, bounds, place);
      return { kind: "array", length, sort: spec.sort, of: computeShape(spec.of, bounds, `${place}[]`) };
    }
    case "queue": {
      const capacity = sizeOf(spec.capacity, bounds, place);
      if (capacity < 1)
        throw new ModelError("M07", `${place} holds ${capacity} elements`, "give a queue room for one");
      return { kind: "queue", capacity, of: computeShape(spec.of, bounds, `${place}[]`) };
    }
    case "set":
      return { kind: "set", size: sizeOf(spec.sort, bounds, place), sort: spec.sort };
    case "union":
      return shapeOfUnion(spec.variants, bounds, place);
  }
}

function shapeOfUnion(
  variants: Readonly<Record<string, Readonly<Record<string, Field<unknown>>>>>,
  bounds: Bounds,
  place: string,
): UnionShape {
  const fields = new Map<string, ScalarShape>();
  for (const [tag, variant] of Object.entries(variants)) {
    for (const [name, of] of Object.entries(variant)) {
      const shape = computeScalarShape(of, bounds, `${place}.${tag}.${name}`);
      const known = fields.get(name);
      if (known !== undefined && JSON.stringify(known) !== JSON.stringify(shape)) {
        throw new ModelError(
          "M07",
          `${place}: the variants declare "${name}" with different values`,
          "give the field one declaration, or two names",
        );
      }
      fields.set(name, shape);
    }
  }
  if (fields.has("tag"))
    throw new ModelError("M07", `${place} has a field "tag"`, "rename it: the tag is the variant");
  return {
    kind: "union",
    tag: scalar("table", Object.keys(variants), place),
    fields: [...fields],
    variants: Object.fromEntries(Object.entries(variants).map(([tag, of]) => [tag, Object.keys(of)])),
  };
}

function scalar(coding: ScalarShape["coding"], values: readonly ScalarValue[], place: string): ScalarShape {
  requireCardinality(values.length, place);
  return { kind: "scalar", coding, cardinality: values.length, low: 0, values, sort: null };
}

function numeric(low: number, cardinality: number, sort: string | null, place: string): ScalarShape {
  requireCardinality(cardinality, place);
  const values = cardinality <= maxListedValues ? upTo(cardinality).map((n) => n + low) : [];
  return { kind: "scalar", coding: "number", cardinality, low, values, sort };
}

function requireCardinality(cardinality: number, place: string): void {
  if (cardinality < 1 || cardinality > maxCardinality) {
    throw new ModelError(
      "M07",
      `${place} has ${cardinality} values`,
      `give it from 1 to ${maxCardinality} values`,
    );
  }
}

function requireDistinct(names: readonly string[], place: string): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new ModelError("M04", `${place} names "${twice}" twice`, "give each value one name");
}

function upTo(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}

/** The code of a value, or -1 where the value is not one of the scalar's. */
export function codeOf(shape: ScalarShape, value: unknown): number {
  if (shape.coding === "number") {
    if (typeof value !== "number" || !Number.isInteger(value)) return -1;
    const code = value - shape.low;
    return code >= 0 && code < shape.cardinality ? code : -1;
  }
  return shape.values.indexOf(value as ScalarValue);
}

/** The value of a code. */
export function valueOf(shape: ScalarShape, code: number): ScalarValue {
  return shape.coding === "number" ? shape.low + code : shape.values[code];
}

/** The values of a scalar in words, for errors: `0 .. 3`, or the names. */
export function describeValues(shape: ScalarShape): string {
  if (shape.coding === "number") return `${shape.low} .. ${shape.low + shape.cardinality - 1}`;
  return shape.values.map(String).join(", ");
}

/** The initial value of a field: the first of every scalar; queues and sets are empty. */
export function initialValueOf(shape: Shape): unknown {
  switch (shape.kind) {
    case "scalar":
      return valueOf(shape, 0);
    case "record":
      return Object.fromEntries(shape.fields.map(([name, of]) => [name, initialValueOf(of)]));
    case "array":
      return Array.from({ length: shape.length }, () => initialValueOf(shape.of));
    case "queue":
      return [];
    case "set":
      return new Set();
    case "union": {
      const tag = shape.tag.values[0] as string;
      const fields = shape.fields.filter(([name]) => shape.variants[tag].includes(name));
      return { tag, ...Object.fromEntries(fields.map(([name, of]) => [name, initialValueOf(of)])) };
    }
  }
}

/** Is it an index of a sort without elements? Then there is no such value, and nothing that takes one. */
export function isUninhabited({ spec }: Scalar<unknown>, bounds: Bounds): boolean {
  return spec.kind === "index" && bounds[spec.sort] === 0;
}
