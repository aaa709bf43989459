/**
 * The state of a model, declared once as a tree of bounded fields.
 *
 * From the declaration come the TypeScript type of the state, its packed layout, printing, export and the
 * glossary. Sizes may be symbolic (a sort, or the name of a scenario constant): a scenario gives the
 * numbers, so that a specification is written once and checked in any bounds.
 *
 * Recipes see plain values: booleans, numbers, strings, `null`, arrays, sets and objects. Where a container
 * is bounded, its type offers only what every evaluator supports.
 */

/** A number of elements: given outright, or by the name of a scenario constant. */
export type Size = number | string;

declare const brand: unique symbol;
/** An index into sort `N`. Branded: an index of one sort does not pass for an index of another. */
export type Index<N extends string> = number & { readonly [brand]: N };

/** What is declared of the sort of a field (`SortOptions`). */
export interface SortMarks {
  readonly interchangeable?: true;
  readonly alignedWith?: string;
}

/** The kinds of field whose value is one of finitely many scalars. */
export type ScalarSpec =
  | { readonly kind: "bool" }
  | { readonly kind: "range"; readonly low: number; readonly high: Size }
  | { readonly kind: "enum"; readonly names: readonly string[] }
  | ({ readonly kind: "index"; readonly sort: string } & SortMarks)
  | { readonly kind: "option"; readonly of: Scalar<unknown> }
  | { readonly kind: "argument"; readonly sort: string; readonly invalid: readonly string[] };

export type CompositeSpec =
  | { readonly kind: "record"; readonly fields: Readonly<Record<string, Field<unknown>>> }
  | ({
      readonly kind: "array";
      readonly length: Size;
      readonly sort: string | null;
      readonly of: Field<unknown>;
    } & SortMarks)
  | { readonly kind: "queue"; readonly capacity: Size; readonly of: Field<unknown> }
  | ({ readonly kind: "set"; readonly sort: string } & SortMarks)
  | {
      readonly kind: "union";
      readonly variants: Readonly<Record<string, Readonly<Record<string, Scalar<unknown>>>>>;
    };

export type FieldSpec = ScalarSpec | CompositeSpec;

/** A declared field whose values have type `T`. */
export class Field<T> {
  declare readonly value: T;
  readonly spec: FieldSpec;
  /** One sentence for the glossary. */
  readonly meaning: string;

  constructor(spec: FieldSpec, meaning = "") {
    this.spec = spec;
    this.meaning = meaning;
  }

  /** The same field with its meaning, one sentence that ends up in the glossary. */
  means(sentence: string): this {
    const Same = this.constructor as new (spec: FieldSpec, meaning: string) => this;
    return Object.assign(Object.create(Same.prototype) as this, this, { meaning: sentence });
  }
}

/** A field that holds one scalar: it may be assigned as a whole. */
export class Scalar<T> extends Field<T> {
  declare readonly scalar: true;
}

/** A tagged union: assigned as a whole, like a scalar. */
export class Union<T> extends Field<T> {
  declare readonly union: true;
}

/** What is declared of a sort. */
export interface SortOptions {
  /**
   * Do its elements differ in nothing but their names? Then no step and no property may tell one from another:
   * nothing is added to an index, indices are compared for equality only, none is singled out. Symmetry reduction
   * uses the declaration, and checks it; sorts that are not declared so it leaves alone.
   */
  readonly interchangeable?: boolean;
  /**
   * A sort whose `k`-th element belongs to the `k`-th of this one, as a device's stream table entry to the device: where
   * the elements of that sort are interchangeable, these are exchanged along with them.
   */
  readonly alignedWith?: Sort<string>;
}

/** A sort: a finite set of things of one kind (pages, CPUs, ...). As a field, it holds one of them. */
export class Sort<N extends string> extends Scalar<Index<N>> {
  readonly sort: N;
  readonly marks: SortMarks;

  constructor(name: N, meaning = "", options: SortOptions = {}) {
    const marks = marksOf(options);
    super({ kind: "index", sort: name, ...marks }, meaning);
    this.sort = name;
    this.marks = marks;
  }

  /** The `n`-th element. Use it where an index comes from arithmetic; the range is checked when it is stored. */
  at(n: number): Index<N> {
    return n as Index<N>;
  }
}

function marksOf({ interchangeable = false, alignedWith }: SortOptions): SortMarks {
  return {
    // What is aligned is exchanged along with the other sort, and not by itself.
    ...(interchangeable && alignedWith === undefined && { interchangeable }),
    ...(alignedWith !== undefined && { alignedWith: alignedWith.marks.alignedWith ?? alignedWith.sort }),
  };
}

export type ValueOf<F> = F extends Field<infer T> ? T : never;
/** The state (or record) that a declared record holds. */
export type StateOf<F> = ValueOf<F>;

type Assignable<R, K extends keyof R> = R[K] extends Scalar<unknown> | Union<unknown> ? K : never;
/** Scalars and unions of a record may be assigned; records, arrays, queues and sets are changed in place. */
export type RecordValue<R extends Readonly<Record<string, Field<unknown>>>> = {
  -readonly [K in keyof R as Assignable<R, K>]: ValueOf<R[K]>;
} & {
  readonly [K in keyof R as Exclude<K, Assignable<R, K>>]: ValueOf<R[K]>;
};

/** What can be asked of any bounded sequence. */
export interface BoundedSequence<T> extends Iterable<T> {
  readonly length: number;
  every(holds: (value: T, index: number) => boolean): boolean;
  some(holds: (value: T, index: number) => boolean): boolean;
  find(holds: (value: T, index: number) => boolean): T | undefined;
  findIndex(holds: (value: T, index: number) => boolean): number;
  filter(holds: (value: T, index: number) => boolean): T[];
  map<U>(change: (value: T, index: number) => U): U[];
  forEach(use: (value: T, index: number) => void): void;
}

/** A fixed array of scalars or unions: elements may be assigned. */
export interface ScalarArray<T> extends BoundedSequence<T> {
  [index: number]: T;
}

/** A fixed array of records (or containers): elements are changed in place. */
export interface RecordArray<T> extends BoundedSequence<T> {
  readonly [index: number]: T;
}

/** A bounded queue: `push` beyond the capacity is an error of the model. */
export interface BoundedQueue<T> extends BoundedSequence<T> {
  readonly [index: number]: T;
  push(value: T): number;
  /** Takes the first element; the value is good until the next `shift` of any queue of this shape. */
  shift(): T | undefined;
}

/** A set of elements of a sort. */
export interface BoundedSet<T> extends Iterable<T> {
  readonly size: number;
  has(value: T): boolean;
  add(value: T): unknown;
  delete(value: T): boolean;
}

/** Declares a sort. Its size is given by the scenario. */
export function sort<const N extends string>(name: N, meaning = "", options: SortOptions = {}): Sort<N> {
  return new Sort(name, meaning, options);
}

/** `true` or `false`; initially `false`. */
export function bool(): Scalar<boolean> {
  return new Scalar({ kind: "bool" });
}

/** An integer from `low` to `high`, both included; initially `low`. `high` may name a scenario constant. */
export function range(low: number, high: Size): Scalar<number> {
  return new Scalar({ kind: "range", low, high });
}

/** One of the given names; initially the first. */
export function oneOf<const N extends string>(...names: readonly N[]): Scalar<N> {
  return new Scalar({ kind: "enum", names });
}

/** A value of `field`, or `null`; initially `null`. */
export function option<T>(field: Scalar<T>): Scalar<T | null> {
  return new Scalar({ kind: "option", of: field });
}

/**
 * What a malicious caller may pass where an index is expected: a valid index, or one of the named invalid
 * values ("out of range", "unaligned", ...). Ask with `isValid`; initially the first index.
 */
export function argument<N extends string, const I extends string>(
  of: Sort<N>,
  ...invalid: readonly I[]
): Scalar<Index<N> | I> {
  return new Scalar({ kind: "argument", sort: of.sort, invalid });
}

/** Is this argument an index (and not one of the named invalid values)? */
export function isValid<N extends string>(value: Index<N> | string): value is Index<N> {
  return typeof value === "number";
}

/** A record of named fields. */
export function record<const R extends Readonly<Record<string, Field<unknown>>>>(
  fields: R,
): Field<RecordValue<R>> {
  return new Field({ kind: "record", fields });
}

/** A fixed array, one element for each element of a sort (or of a given length). */
export function array<T>(over: Sort<string> | Size, of: Scalar<T> | Union<T>): Field<ScalarArray<T>>;
export function array<T>(over: Sort<string> | Size, of: Field<T>): Field<RecordArray<T>>;
export function array(over: Sort<string> | Size, of: Field<unknown>): Field<unknown> {
  const isSort = over instanceof Sort;
  return new Field({
    kind: "array",
    length: isSort ? over.sort : over,
    sort: isSort ? over.sort : null,
    ...(isSort && over.marks),
    of,
  });
}

/** A first-in first-out queue of at most `capacity` elements; initially empty. */
export function queue<T>(capacity: Size, of: Field<T>): Field<BoundedQueue<T>> {
  return new Field({ kind: "queue", capacity, of });
}

/** A subset of a sort; initially empty. */
export function setOf<N extends string>(of: Sort<N>): Field<BoundedSet<Index<N>>> {
  return new Field({ kind: "set", sort: of.sort, ...of.marks });
}

type VariantValue<V> = {
  [Tag in keyof V & string]: { readonly tag: Tag } & {
    readonly [K in keyof V[Tag]]: ValueOf<V[Tag][K]>;
  };
}[keyof V & string];

/**
 * A tagged union of records of scalars, e.g. `union({ SYNC: {}, TLBI: { iova } })`; initially the first
 * variant with its fields' initial values. Assigned as a whole: `slot.command = { tag: "TLBI", iova }`.
 * A field that several variants share has one sort.
 */
export function union<const V extends Readonly<Record<string, Readonly<Record<string, Scalar<unknown>>>>>>(
  variants: V,
): Union<VariantValue<V>> {
  return new Union({ kind: "union", variants });
}
