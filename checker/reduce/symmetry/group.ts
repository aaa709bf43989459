/**
 * Which elements of which sorts can be renamed: the sorts that a model declares interchangeable, each split into
 * classes of elements that nothing in the instance tells apart. The group is the product of all permutations
 * within the classes.
 */
import type { Instance, Model } from "../../model/model.ts";
import type { Field } from "../../schema/fields.ts";

/** Elements of one sort that are interchangeable: at least two. Their vertices are numbered from `base` on. */
export interface VertexClass {
  readonly sort: string;
  readonly elements: readonly number[];
  readonly base: number;
}

/** The group of renamings, and its vertices: the elements that it moves. */
export interface Group {
  readonly classes: readonly VertexClass[];
  /** The number of vertices. */
  readonly vertices: number;
  /** The number of renamings, the identity included. */
  readonly order: number;
  /** By sort, by element: its vertex, or -1 where the group does not move it. Aligned sorts have the same vertices. */
  readonly vertexOf: ReadonlyMap<string, Int32Array>;
  /** By vertex. */
  readonly elementOf: readonly number[];
}

/** Two elements of a sort, exchanged. */
export interface Transposition {
  readonly sort: string;
  readonly a: number;
  readonly b: number;
}

/** What a model declares of its sorts. */
interface DeclaredSorts {
  /** In the order of the declarations. */
  readonly interchangeable: readonly string[];
  /** By sort that is aligned with another one, that one. */
  readonly alignedWith: ReadonlyMap<string, string>;
}

const declarations = new WeakMap<object, DeclaredSorts>();

/** The sorts that the model declares interchangeable, and those aligned with others. */
export function declaredSorts<S>(model: Model<S>): DeclaredSorts {
  let found = declarations.get(model);
  if (found === undefined) declarations.set(model, (found = findDeclared(model)));
  return found;
}

function findDeclared<S>(model: Model<S>): DeclaredSorts {
  const found = new Set<string>();
  const alignedWith = new Map<string, string>();
  const visit = ({ spec }: Field<unknown>): void => {
    if ("interchangeable" in spec && spec.sort !== null) found.add(spec.sort);
    if ("alignedWith" in spec && spec.alignedWith !== undefined && spec.sort !== null)
      alignedWith.set(spec.sort, spec.alignedWith);
    switch (spec.kind) {
      case "record":
        for (const field of Object.values(spec.fields)) visit(field);
        return;
      case "union":
        for (const variant of Object.values(spec.variants))
          for (const field of Object.values(variant)) visit(field);
        return;
      case "option":
      case "array":
      case "queue":
        visit(spec.of);
        return;
      default:
        return;
    }
  };
  visit(model.state);
  for (const { frame, index } of model.threads) for (const field of [frame, index]) visit(field);
  const properties = [...model.invariants, ...model.stepProperties, ...model.witnesses];
  const inThreads = model.threads.flatMap(({ procedures }) =>
    procedures.map(({ procedure }) => procedure.args),
  );
  for (const params of [...inThreads, ...[...model.rules, ...properties].map((of) => of.params)])
    for (const field of Object.values(params)) visit(field);
  return { interchangeable: [...found], alignedWith };
}

/** The sort whose exchanges move elements of this one: itself, or the one that it is aligned with. */
export function leaderOf<S>(model: Model<S>, sort: string): string {
  return declaredSorts(model).alignedWith.get(sort) ?? sort;
}

/** Every exchange of two elements of these sorts. */
export function transpositionsOf<S>(of: Instance<S>, sorts: readonly string[]): Transposition[] {
  return sorts.flatMap((sort) => {
    const elements = Array.from({ length: of.scope.bounds[sort] ?? 0 }, (_, i) => i);
    return elements.flatMap((a) => elements.slice(a + 1).map((b) => ({ sort, a, b })));
  });
}

export function nameTransposition({ sort, a, b }: Transposition): string {
  return `${sort} ${a} and ${sort} ${b}`;
}

/**
 * The group that these exchanges generate. Those in `apart` are not in it: an exchange that would bring one in,
 * together with earlier ones, is left out.
 */
export function groupOf<S>(
  of: Instance<S>,
  exchanges: readonly Transposition[],
  apart: readonly Transposition[] = [],
): Group {
  const sorts = [...new Set(exchanges.map(({ sort }) => sort))];
  const classes: VertexClass[] = [];
  const vertexOf = new Map<string, Int32Array>();
  const elementOf: number[] = [];
  for (const sort of sorts) {
    const size = of.scope.bounds[sort];
    const classOf = Array.from({ length: size }, (_, i) => i);
    for (const { a, b } of exchanges.filter((each) => each.sort === sort)) {
      const [from, to] = [classOf[b], classOf[a]];
      const meets = apart.some((each) => {
        const met = [classOf[each.a], classOf[each.b]];
        return each.sort === sort && met.includes(from) && met.includes(to);
      });
      if (meets) continue;
      classOf.forEach((c, i) => {
        if (c === from) classOf[i] = to;
      });
    }
    const vertices = new Int32Array(size).fill(-1);
    vertexOf.set(sort, vertices);
    for (const name of new Set(classOf)) {
      const elements = classOf.flatMap((c, i) => (c === name ? [i] : []));
      if (elements.length < 2) continue;
      classes.push({ sort, elements, base: elementOf.length });
      for (const element of elements) vertices[element] = elementOf.push(element) - 1;
    }
  }
  for (const [sort, leader] of declaredSorts(of.model).alignedWith) {
    const vertices = vertexOf.get(leader);
    // Of what is not there, or of another number, nothing is exchanged; if it matters, that tells the elements apart.
    if (vertices !== undefined && of.scope.bounds[sort] === vertices.length) vertexOf.set(sort, vertices);
  }
  const order = classes.reduce((product, { elements }) => product * factorial(elements.length), 1);
  return { classes, vertices: elementOf.length, order, vertexOf, elementOf };
}

export function factorial(n: number): number {
  return n <= 1 ? 1 : n * factorial(n - 1);
}

/** The exchanges of neighbours within the classes: they generate the group. */
export function generatorsOf({ classes }: Group): Transposition[] {
  return classes.flatMap(({ sort, elements }) =>
    elements.slice(1).map((b, i) => ({ sort, a: elements[i], b })),
  );
}

/** Every exchange in the group. */
export function exchangesIn({ classes }: Group): Transposition[] {
  return classes.flatMap(({ sort, elements }) =>
    elements.flatMap((a, i) => elements.slice(i + 1).map((b) => ({ sort, a, b }))),
  );
}

/** `cpu 0, 1; page 2, 3, 4`. */
export function describeGroup({ classes }: Group): string {
  return classes.map(({ sort, elements }) => `${sort} ${elements.join(", ")}`).join("; ");
}
