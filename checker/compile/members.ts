/**
 * Properties and elements: of the state, of objects that the recipe made, of constants.
 */
import type { Context } from "./context.ts";
import { spotOf } from "./state.ts";
import { Unsupported } from "./unsupported.ts";
import {
  fixed,
  type Made,
  nothing,
  type Place,
  scalar,
  someText,
  type Spot,
  type Static,
  type Value,
} from "./values.ts";

/** `object[key]`. */
export function getMember(context: Context, object: Value, key: Value): Value {
  switch (object.kind) {
    case "static":
      return memberOfStatic(context, object, key);
    case "scalar": {
      const { values } = object;
      if (values === null) throw new Unsupported("a property of a number");
      context.fail(context.scalars.isOneOf(object, context.env.facts, (code) => isNone(values[code])));
      if (context.env.isDead) return nothing;
      const name = context.scalarOf(key, "a property");
      return context.scalars.lift(
        [context.scalarOf(object, "a property"), name],
        context.env.facts,
        // Where there is none, the recipe has taken over.
        (of, property) => (isNone(of) ? undefined : readProperty(of, property)),
      );
    }
    case "place":
      context.fail(context.isAbsent(object));
      return context.env.isDead ? nothing : memberOfPlace(context, object, key);
    case "made":
      return memberOfMade(context, object, key);
    case "choice":
      return context.each(object, (one) => getMember(context, one, key));
    case "closure":
      throw new Unsupported("a property of a function");
    case "unknown":
      throw new Unsupported(object.reason);
  }
}

function memberOfStatic(context: Context, { value }: Static, key: Value): Value {
  if (value === null || value === undefined) {
    context.fail(context.exprs.one);
    return nothing;
  }
  if (value === someText) throw new Unsupported("a text put together from the state is looked at");
  const name = context.scalarOf(key, "a property");
  if (name.kind === "static") return fixed(readProperty(value, name.value));
  return context.scalars.lift([name], context.env.facts, (each) => readProperty(value, each));
}

/** The items of a value that is known, one after the other. */
export function itemsOf(value: unknown): Value[] {
  if (isNone(value) || typeof (value as Iterable<unknown>)[Symbol.iterator] !== "function")
    throw new Unsupported("a walk through what is no sequence");
  return Array.from(value as Iterable<unknown>, fixed);
}

export function isNone(value: unknown): boolean {
  return value === null || value === undefined;
}

function readProperty(object: unknown, key: unknown): unknown {
  return (object as Record<PropertyKey, unknown>)[key as PropertyKey];
}

/** The kind of what a place is; all its options are alike. */
export function kindOf(place: Place): Exclude<Spot["kind"], "absent" | "scalar"> | "nothing" {
  const kinds = new Set(place.options.map(({ kind }) => kind));
  kinds.delete("absent");
  const [kind] = kinds;
  if (kinds.size > 1) throw new Unsupported("records and arrays at one place");
  return kind === undefined || kind === "absent" || kind === "scalar" ? "nothing" : kind;
}

function memberOfPlace(context: Context, place: Place, key: Value): Value {
  const kind = kindOf(place);
  const name = key.kind === "static" ? key.value : null;
  switch (kind) {
    case "record":
    case "union":
      if (key.kind !== "static") throw new Unsupported("a property whose name is looked up in the state");
      return context.fieldOf(place, String(name));
    case "array":
      if (name === "length") return lengthOfArrays(context, place);
      return elementOf(context, place, key);
    case "queue": {
      const length = lengthOfQueues(context, place);
      return name === "length" ? length : elementOfQueue(context, place, length, key);
    }
    case "set":
      if (name === "size") return sizeOfSets(context, place);
      throw new Unsupported(`"${String(name)}" of a set`);
    case "nothing":
      return nothing;
  }
}

function lengthOfArrays(context: Context, { options, at }: Place): Value {
  const lengths = options.map((spot) => (spot.kind === "array" ? spot.elements.length : 0));
  const possible = context.scalars.possibleOptions(options, at, context.env.facts);
  return scalar(
    context.scalars.lookup(at, possible, (k) => lengths[k]),
    null,
  );
}

export function lengthOfQueues(context: Context, { bank, options, at }: Place): Value {
  return context.state.valueAt(
    bank,
    options.map((spot) => (spot.kind === "queue" ? spotOf(spot.length) : spot)),
    at,
  );
}

/** The elements (members of sets included) of an option, as spots. */
export function elementsOf(spot: Spot): readonly Spot[] {
  if (spot.kind === "array" || spot.kind === "queue") return spot.elements;
  return spot.kind === "set" ? spot.members.map(spotOf) : [];
}

function elementOf(context: Context, place: Place, key: Value): Value {
  const { options, at } = context.state.index(
    place.options,
    place.at,
    elementsOf,
    context.scalarOf(key, "an index"),
  );
  return context.state.valueAt(place.bank, options, at);
}

function elementOfQueue(context: Context, place: Place, length: Value, key: Value): Value {
  const { exprs } = context;
  const index = context.scalarOf(key, "an index");
  if (index.kind === "static" && !Number.isInteger(index.value))
    throw new Unsupported(`"${String(index.value)}" of a queue`);
  const isThere = exprs.lt(context.numberOf(index, "an index"), context.numberOf(length, "a length"));
  return context.branch(
    isThere,
    () => elementOf(context, place, index),
    () => nothing,
  );
}

function sizeOfSets(context: Context, place: Place): Value {
  const { exprs } = context;
  const most = Math.max(...place.options.map((spot) => elementsOf(spot).length));
  let size = exprs.zero;
  for (let i = 0; i < most; i++) size = exprs.add(size, context.test(elementOf(context, place, fixed(i))));
  return scalar(size, null);
}

function memberOfMade(context: Context, object: Made, key: Value): Value {
  const contents = context.contents(object);
  if (context.env.isDead) return nothing;
  const name = context.scalarOf(key, "a property");
  if (contents.kind === "record") {
    if (name.kind !== "static") throw new Unsupported("a property whose name is looked up in the state");
    return contents.fields.get(String(name.value)) ?? nothing;
  }
  if (name.kind === "static" && name.value === "length") return contents.length;
  if (name.kind === "static" && !Number.isInteger(name.value))
    throw new Unsupported(`"${String(name.value)}" of an array`);
  const { exprs } = context;
  const index = context.numberOf(name, "an index");
  const length = context.numberOf(contents.length, "a length");
  let result: Value = nothing;
  contents.items.forEach((item, i) => {
    const isThis = exprs.and(exprs.eq(index, exprs.const(i)), exprs.lt(exprs.const(i), length));
    const rest = result;
    result = context.branch(
      isThis,
      () => item,
      () => rest,
    );
  });
  return result;
}

/** `object[key] = value`. */
export function setMember(context: Context, object: Value, key: Value, value: Value): void {
  switch (object.kind) {
    case "place":
      setMemberOfPlace(context, object, key, value);
      return;
    case "made": {
      const contents = context.contents(object);
      if (contents.kind !== "record" || key.kind !== "static")
        throw new Unsupported("a write to an element of an array of its own");
      const fields = new Map(contents.fields).set(String(key.value), value);
      context.change(object, { ...contents, fields });
      return;
    }
    case "static":
      if (object.value === null || object.value === undefined) context.fail(context.exprs.one);
      else throw new Unsupported("a write to an object from outside");
      return;
    case "choice":
      context.each(object, (one) => {
        setMember(context, one, key, value);
        return nothing;
      });
      return;
    case "unknown":
      throw new Unsupported(object.reason);
    default:
      throw new Unsupported(`a write to a ${object.kind}`);
  }
}

function setMemberOfPlace(context: Context, place: Place, key: Value, value: Value): void {
  const { state, exprs } = context;
  context.fail(context.isAbsent(place));
  if (context.env.isDead) return;
  const kind = kindOf(place);
  if (kind === "array") {
    const to = state.index(place.options, place.at, elementsOf, context.scalarOf(key, "an index"));
    state.write({ bank: place.bank, ...to }, value);
    return;
  }
  if (kind !== "record" && kind !== "union") throw new Unsupported(`a write to an element of a ${kind}`);
  if (key.kind !== "static") throw new Unsupported("a property whose name is looked up in the state");
  const name = String(key.value);
  // The tag changes with the whole.
  if (kind === "union" && name === "tag") {
    context.fail(exprs.one);
    return;
  }
  const options = place.options.map((spot) => {
    if (spot.kind === "record") return spot.fields.find(([known]) => known === name)?.[1] ?? missing;
    const field = spot.kind === "union" ? spot.fields.find(([known]) => known === name)?.[1] : undefined;
    return field === undefined ? missing : spotOf(field);
  });
  state.write({ bank: place.bank, options, at: place.at }, value);
}

const missing: Spot = { kind: "absent", value: undefined };
