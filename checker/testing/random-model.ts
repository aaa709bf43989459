/**
 * Random models for tests: a random schema, and rules whose recipes are random programs over it. Every
 * container and every scalar coding of the kit occurs; values that do not fit occur too, on request, since
 * evaluators must agree on errors as well.
 */
import fc from "fast-check";
import {
  argument,
  array,
  bool,
  defineModel,
  environmentRule,
  type Field,
  invariant,
  type Model,
  oneOf,
  option,
  queue,
  range,
  record,
  type Scalar,
  type Scope,
  setOf,
  sort,
  union,
} from "../index.ts";
import { computeShape, type ScalarShape, type ScalarValue, type Shape } from "../schema/shape.ts";

const thing = sort("thing");
const bounds = { thing: 2 };

// Recipes of a random model reach into a state whose type nobody wrote down.
// oxlint-disable-next-line no-explicit-any
type Draft = any;
type Path = readonly (string | number)[];

/** What a random program does to a state; a guard that fails disables the rule. */
type Operation =
  | { readonly do: "guard"; readonly at: Path; readonly value: ScalarValue }
  | { readonly do: "set"; readonly at: Path; readonly value: ScalarValue }
  | { readonly do: "copy"; readonly from: Path; readonly to: Path }
  | { readonly do: "push"; readonly at: Path; readonly value: unknown }
  | { readonly do: "shift"; readonly at: Path; readonly to: Path | null }
  | { readonly do: "add" | "delete"; readonly at: Path; readonly member: number }
  | { readonly do: "assign"; readonly at: Path; readonly value: unknown };

const scalarField: fc.Arbitrary<Scalar<unknown>> = fc.oneof(
  fc.constant(bool() as Scalar<unknown>),
  fc
    .tuple(fc.integer({ min: -2, max: 3 }), fc.integer({ min: 0, max: 4 }))
    .map(([low, more]) => range(low, low + more)),
  fc.constant(oneOf("a", "b", "c")),
  fc.constant(thing),
  fc.constant(option(thing)),
  fc.constant(option(range(2, 4))),
  fc.constant(option(oneOf("x", "y"))),
  fc.constant(argument(thing, "out of range")),
);

const unionField = fc.constant(union({ NONE: {}, ONE: { what: thing }, TWO: { what: thing, flag: bool() } }));

const anyField: fc.Arbitrary<Field<unknown>> = fc.oneof(
  { weight: 3, arbitrary: scalarField },
  { weight: 1, arbitrary: unionField },
  { weight: 1, arbitrary: scalarField.map((of) => array(thing, of)) },
  { weight: 1, arbitrary: scalarField.chain((a) => scalarField.map((b) => array(thing, record({ a, b })))) },
  { weight: 1, arbitrary: unionField.map((of) => array(2, of)) },
  { weight: 1, arbitrary: fc.oneof(scalarField, unionField).map((of) => queue(2, of)) },
  { weight: 1, arbitrary: scalarField.map((a) => queue(2, record({ a, b: bool() }))) },
  { weight: 1, arbitrary: fc.constant(setOf(thing)) },
);

interface Places {
  readonly scalars: { readonly path: Path; readonly shape: ScalarShape }[];
  readonly queues: { readonly path: Path; readonly of: Shape }[];
  readonly sets: Path[];
  readonly unions: Path[];
}

/** Everything in a state that a program can name. */
function placesOf(shape: Shape, path: Path, found: Places): Places {
  switch (shape.kind) {
    case "scalar":
      found.scalars.push({ path, shape });
      break;
    case "record":
      for (const [name, of] of shape.fields) placesOf(of, [...path, name], found);
      break;
    case "array":
      for (let i = 0; i < shape.length; i++) placesOf(shape.of, [...path, i], found);
      break;
    case "queue":
      found.queues.push({ path, of: shape.of });
      break;
    case "set":
      found.sets.push(path);
      break;
    case "union":
      found.unions.push(path);
      break;
  }
  return found;
}

const unionValue = fc.constantFrom<unknown>(
  { tag: "NONE" },
  { tag: "ONE", what: 1 },
  { tag: "TWO", what: 0, flag: true },
  { tag: "TWO", what: 1, flag: false },
);

function valueFor(shape: Shape): fc.Arbitrary<unknown> {
  if (shape.kind === "scalar") return fc.constantFrom(...shape.values);
  if (shape.kind === "union") return unionValue;
  if (shape.kind === "record") {
    return fc.record(Object.fromEntries(shape.fields.map(([name, of]) => [name, valueFor(of)])));
  }
  throw new Error(`no values for a ${shape.kind}`);
}

function operation(places: Places, withErrors: boolean): fc.Arbitrary<Operation> {
  const scalarPlace = fc.constantFrom(...places.scalars);
  const set = scalarPlace.chain(({ path, shape }) =>
    (withErrors
      ? fc.oneof(
          { weight: 9, arbitrary: fc.constantFrom(...shape.values) },
          fc.constant<ScalarValue>("wrong"),
        )
      : fc.constantFrom(...shape.values)
    ).map((value): Operation => ({ do: "set", at: path, value })),
  );
  const options: fc.Arbitrary<Operation>[] = [set];
  if (withErrors) {
    options.push(
      fc
        .tuple(scalarPlace, scalarPlace)
        .map(([from, to]): Operation => ({ do: "copy", from: from.path, to: to.path })),
    );
  }
  if (places.queues.length > 0) {
    const place = fc.constantFrom(...places.queues);
    options.push(
      place.chain(({ path, of }) =>
        valueFor(of).map((value): Operation => ({ do: "push", at: path, value })),
      ),
    );
    const to = withErrors ? fc.option(scalarPlace.map(({ path }) => path)) : fc.constant(null);
    options.push(
      fc.tuple(place, to).map(([{ path }, into]): Operation => ({ do: "shift", at: path, to: into })),
    );
  }
  if (places.sets.length > 0) {
    const member = fc.integer({ min: 0, max: bounds.thing - 1 });
    const kind = fc.constantFrom<"add" | "delete">("add", "delete");
    const place = fc.constantFrom(...places.sets);
    options.push(
      fc.tuple(kind, place, member).map(([what, at, of]): Operation => ({ do: what, at, member: of })),
    );
  }
  if (places.unions.length > 0) {
    const place = fc.constantFrom(...places.unions);
    options.push(fc.tuple(place, unionValue).map(([at, value]): Operation => ({ do: "assign", at, value })));
  }
  return fc.oneof(...options);
}

const valueAt = (draft: Draft, path: Path): Draft => path.reduce((at: Draft, key) => at[key], draft);
const assignAt = (draft: Draft, path: Path, value: unknown): void => {
  valueAt(draft, path.slice(0, -1))[path[path.length - 1]] = value;
};

/** Runs one operation. A queue is pushed to only while it has room: overflow is tested by itself. */
function run(draft: Draft, what: Operation): void {
  switch (what.do) {
    case "guard":
      return;
    case "set":
    case "assign":
      assignAt(draft, what.at, what.value);
      return;
    case "copy":
      assignAt(draft, what.to, valueAt(draft, what.from));
      return;
    case "push": {
      const list = valueAt(draft, what.at);
      if (list.length < 2) list.push(what.value);
      return;
    }
    case "shift": {
      const taken = valueAt(draft, what.at).shift();
      if (what.to !== null && typeof taken !== "object" && taken !== undefined)
        assignAt(draft, what.to, taken);
      return;
    }
    case "add":
      valueAt(draft, what.at).add(what.member);
      return;
    case "delete":
      valueAt(draft, what.at).delete(what.member);
      return;
  }
}

export interface RandomModel {
  readonly model: Model<Draft>;
  readonly scope: Scope;
}

/** Models with 2 to 5 fields and 2 to 6 rules; `withErrors`: some steps give fields what they cannot hold. */
export function randomModel(withErrors: boolean): fc.Arbitrary<RandomModel> {
  const fields = fc.array(anyField, { minLength: 1, maxLength: 4 });
  return fields.chain((list) => {
    const named = { count: range(0, 2), ...Object.fromEntries(list.map((of, i) => [`f${i}`, of])) };
    const state = record(named);
    const places = placesOf(computeShape(state, bounds), [], {
      scalars: [],
      queues: [],
      sets: [],
      unions: [],
    });
    const guard = fc
      .constantFrom(...places.scalars)
      .chain(({ path, shape }) =>
        fc.constantFrom(...shape.values).map((value): Operation => ({ do: "guard", at: path, value })),
      );
    const body = fc.uniqueArray(operation(places, withErrors), {
      minLength: 1,
      maxLength: 3,
      // A wrong value that the same step overwrites is an error to the packed evaluator, which checks each
      // write, and none to the reference, which checks the step's result: no place is written twice.
      selector: (each) => String("to" in each && each.to !== null ? each.to : "at" in each ? each.at : ""),
    });
    const program = fc.tuple(fc.option(guard), body);
    return fc.tuple(fc.array(program, { minLength: 2, maxLength: 6 }), guard).map(([programs, forbidden]) => {
      const rules = programs.map(([condition, operations], i) =>
        environmentRule(
          `rule ${i}`,
          {},
          {
            when: (s: Draft) => condition?.do !== "guard" || valueAt(s, condition.at) === condition.value,
            then: (s) => {
              for (const each of operations) run(s, each);
            },
          },
        ),
      );
      const model = defineModel<Draft>({
        name: "random",
        state,
        rules,
        deadlock: "stuck",
        invariants: [
          invariant(
            "forbidden",
            {},
            {
              sentence: "A given scalar never has a given value.",
              holds: (s: Draft) => forbidden.do !== "guard" || valueAt(s, forbidden.at) !== forbidden.value,
            },
          ),
        ],
      });
      return { model, scope: { bounds } };
    });
  });
}
