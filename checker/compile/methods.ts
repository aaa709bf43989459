/**
 * Methods: of arrays, queues and sets of the state, and the built-in ones that recipes use.
 */
import { type Call, type Context } from "./context.ts";
import { elementsOf, getMember, isNone, kindOf, lengthOfQueues, setMember } from "./members.ts";
import { parseFunction } from "./parse.ts";
import { Scope } from "./scope.ts";
import { Unsupported } from "./unsupported.ts";
import {
  type Closure,
  fixed,
  type Made,
  nothing,
  type Place,
  scalar,
  someText,
  truth,
  type Value,
} from "./values.ts";

/** Not a method of arrays: what `[...list]` does with each element. */
export const pushAllInto = "push all into";

// What the methods of a sequence mean, as functions to be interpreted like those of a model. `any` because
// their text is all that is used of them.
// oxlint-disable-next-line no-explicit-any
type Any = any;
const sequenceMethods: Readonly<Record<string, (list: Any, ...args: Any[]) => unknown>> = {
  every: (list, holds) => {
    for (let i = 0; i < list.length; i++) if (!holds(list[i], i)) return false;
    return true;
  },
  some: (list, holds) => {
    for (let i = 0; i < list.length; i++) if (holds(list[i], i)) return true;
    return false;
  },
  find: (list, holds) => {
    for (let i = 0; i < list.length; i++) if (holds(list[i], i)) return list[i];
    return undefined;
  },
  findIndex: (list, holds) => {
    for (let i = 0; i < list.length; i++) if (holds(list[i], i)) return i;
    return -1;
  },
  filter: (list, holds) => {
    const found = [];
    for (let i = 0; i < list.length; i++) if (holds(list[i], i)) found.push(list[i]);
    return found;
  },
  map: (list, change) => {
    const changed = [];
    for (let i = 0; i < list.length; i++) changed.push(change(list[i], i));
    return changed;
  },
  forEach: (list, use) => {
    for (let i = 0; i < list.length; i++) use(list[i], i);
  },
  reduce: (list, combine, first) => {
    let all = first;
    for (let i = 0; i < list.length; i++) all = combine(all, list[i], i);
    return all;
  },
  [pushAllInto]: (list, into) => {
    for (let i = 0; i < list.length; i++) into.push(list[i]);
  },
  includes: (list, value) => {
    for (let i = 0; i < list.length; i++) if (list[i] === value) return true;
    return false;
  },
  indexOf: (list, value) => {
    for (let i = 0; i < list.length; i++) if (list[i] === value) return i;
    return -1;
  },
};

const closures = new Map<string, Closure>();

function sequenceMethod(name: string): Closure | null {
  if (!Object.hasOwn(sequenceMethods, name)) return null;
  let closure = closures.get(name);
  if (closure === undefined) {
    closure = { kind: "closure", node: parseFunction(sequenceMethods[name]), scope: new Scope(null) };
    closures.set(name, closure);
  }
  return closure;
}

/** Built-in methods without effect, whose result depends on receiver and arguments alone. */
const pureMethods: readonly (readonly [object, readonly string[]])[] = [
  [Map.prototype, ["get", "has"]],
  [Set.prototype, ["has"]],
  [Array.prototype, ["includes", "indexOf", "at", "slice", "concat", "join", "flat"]],
  [
    String.prototype,
    [
      "startsWith",
      "endsWith",
      "includes",
      "indexOf",
      "slice",
      "at",
      "charAt",
      "toUpperCase",
      "toLowerCase",
      "trim",
      "split",
      "substring",
      "concat",
      "replaceAll",
      "repeat",
      "padStart",
      "padEnd",
      "charCodeAt",
      "lastIndexOf",
    ],
  ],
];

/** Built-in functions without effect. */
const pureFunctions = new Set<unknown>([
  Object.keys,
  Object.values,
  Object.entries,
  Object.fromEntries,
  Object.hasOwn,
  Object.is,
  Array.isArray,
  Number.isInteger,
  Number.isFinite,
  Number.isNaN,
  Number.isSafeInteger,
  String,
  Number,
  Boolean,
  Math.min,
  Math.max,
  Math.abs,
  Math.floor,
  Math.ceil,
  Math.trunc,
  Math.round,
  Math.sign,
]);

/** `receiver.name(...args)`. */
export function callMethod(
  context: Context,
  call: Call,
  receiver: Value,
  name: string,
  args: readonly Value[],
): Value {
  if (receiver.kind === "choice") {
    return context.each(receiver, (one) => callMethod(context, call, one, name, args));
  }
  if (receiver.kind === "place") {
    context.fail(context.isAbsent(receiver));
    if (context.env.isDead) return nothing;
    switch (kindOf(receiver)) {
      case "queue":
        if (name === "push") return push(context, receiver, args);
        if (name === "shift") return shift(context, receiver);
        break;
      case "set":
        return callSetMethod(context, receiver, name, args);
      case "array":
        break;
      default:
        throw new Unsupported(`the method ${name} of a record`);
    }
  }
  if (receiver.kind === "made" && name === "push") return pushToList(context, receiver, args);
  const isSequence =
    receiver.kind === "place" || (receiver.kind === "made" && context.contents(receiver).kind === "list");
  const isArray = receiver.kind === "static" && Array.isArray(receiver.value);
  const isToRun = isArray && args.some(({ kind }) => kind !== "static" && kind !== "scalar");
  const hasFunction = isArray && typeof (args[0]?.kind === "static" ? args[0].value : null) === "function";
  if (isSequence || isToRun || hasFunction || (isArray && name === pushAllInto)) {
    const method = sequenceMethod(name);
    if (method === null) throw new Unsupported(`the method ${name} of an array`);
    return call(method, [receiver, ...args]);
  }
  if (receiver.kind === "static" || receiver.kind === "scalar") {
    const built = callBuiltIn(context, receiver, name, args);
    if (built !== null) return built;
  }
  return call(getMember(context, receiver, fixed(name)), args);
}

function callBuiltIn(context: Context, receiver: Value, name: string, args: readonly Value[]): Value | null {
  if (receiver.kind !== "static" && receiver.kind !== "scalar") return null;
  const samples = receiver.kind === "static" ? [receiver.value] : (receiver.values ?? [0]);
  const isPure = samples.every((sample) => {
    if (sample === null || sample === undefined) return true;
    const method = (sample as Record<string, unknown>)[name];
    return pureMethods.some(
      ([type, names]) => names.includes(name) && method === (type as Record<string, unknown>)[name],
    );
  });
  if (!isPure || samples.every((sample) => sample === null || sample === undefined)) return null;
  const all = [receiver, ...args].map((each) => context.scalarOf(each, `the method ${name}`));
  if (receiver.kind === "scalar") {
    const { values } = receiver;
    const isAbsent = (code: number): boolean => values !== null && isNone(values[code]);
    context.fail(context.scalars.isOneOf(receiver, context.env.facts, isAbsent));
    if (context.env.isDead) return nothing;
  }
  return context.scalars.lift(all, context.env.facts, (self, ...rest) =>
    isNone(self) ? undefined : (self as Record<string, (...given: unknown[]) => unknown>)[name](...rest),
  );
}

/** A call of a built-in function, or null where it is none of those known here. */
export function callFunctionOfPlatform(context: Context, fn: Function, args: readonly Value[]): Value | null {
  if (fn === Object.assign) return assignAll(context, args);
  if (fn === Object.freeze) return args[0] ?? nothing;
  if (!pureFunctions.has(fn)) return null;
  const { exprs } = context;
  const isOpen = args.some(({ kind }) => kind === "scalar");
  const isText = args.some((each) => each.kind === "static" && each.value === someText);
  if (fn === String && (isOpen || isText)) return fixed(someText);
  if (fn === Array.isArray && args[0]?.kind === "made")
    return fixed(context.contents(args[0]).kind === "list");
  if (isOpen && (fn === Math.min || fn === Math.max)) {
    const numbers = args.map((each) => context.numberOf(each, "Math"));
    const pick = numbers.reduce((a, b) => {
      const isFirst = fn === Math.min ? exprs.lt(a, b) : exprs.lt(b, a);
      return exprs.select(isFirst, a, b);
    });
    return scalar(pick, null);
  }
  if (isOpen && [Math.floor, Math.ceil, Math.trunc, Math.round].includes(fn as typeof Math.floor)) {
    return scalar(context.numberOf(args[0], "Math"), null);
  }
  const all = args.map((each) => context.scalarOf(each, fn.name));
  return context.scalars.lift(all, context.env.facts, (...given) =>
    (fn as (...some: unknown[]) => unknown)(...given),
  );
}

/** `Object.assign(target, ...sources)`: one field after the other. */
function assignAll(context: Context, [target, ...sources]: readonly Value[]): Value {
  if (target === undefined) throw new Unsupported("Object.assign of nothing");
  for (const source of sources) {
    if (source.kind === "place") throw new Unsupported("Object.assign from a record of the state");
    for (const [name, value] of context.contentsOf(source)) setMember(context, target, fixed(name), value);
  }
  return target;
}

// Queues

function push(context: Context, place: Place, args: readonly Value[]): Value {
  const { exprs, state } = context;
  if (args.length !== 1) throw new Unsupported("a push of several values");
  const length = context.numberOf(lengthOfQueues(context, place), "a length");
  const capacity = Math.max(...place.options.map((spot) => elementsOf(spot).length));
  context.fail(exprs.not(exprs.lt(length, exprs.const(capacity))));
  if (context.env.isDead) return nothing;
  const last = state.index(
    place.options,
    place.at,
    elementsOf,
    context.scalarOf(scalar(length, null), "a length"),
  );
  state.writeElement({ bank: place.bank, ...last }, args[0]);
  if (context.env.isDead) return nothing;
  const longer = exprs.add(length, exprs.one);
  writeLength(context, place, scalar(longer, null));
  return scalar(longer, null);
}

function writeLength(context: Context, { bank, options, at }: Place, length: Value): void {
  const lengths = options.map((spot) =>
    spot.kind === "queue" ? { kind: "scalar" as const, shape: spot.length.shape, leaf: spot.length } : spot,
  );
  context.state.write({ bank, options: lengths, at }, length);
}

function shift(context: Context, place: Place): Value {
  const { exprs, env } = context;
  const length = context.numberOf(lengthOfQueues(context, place), "a length");
  const decided = env.facts.decide(exprs.lt(exprs.zero, length));
  if (decided === false) return nothing;
  return context.branch(
    exprs.lt(exprs.zero, length),
    () => {
      const first = snapshot(context, elementPlace(context, place, 0));
      // Elements beyond the length are all zero: moving all of them moves those that are there.
      moveDown(context, place);
      writeLength(context, place, scalar(exprs.add(length, exprs.const(-1)), null));
      return first;
    },
    () => nothing,
  );
}

function elementPlace(context: Context, place: Place, i: number) {
  const { options, at } = context.state.index(place.options, place.at, elementsOf, fixed(i));
  return { bank: place.bank, options, at };
}

/** The element's value as it is now: the queue will change. */
function snapshot(context: Context, { bank, options, at }: Pick<Place, "bank" | "options" | "at">): Value {
  const value = context.state.valueAt(bank, options, at);
  return value.kind === "place" ? copyOf(context, value) : value;
}

function copyOf(context: Context, place: Place): Made {
  const fields = [...context.contentsOf(place)].map(
    ([name, value]) => [name, value.kind === "place" ? copyOf(context, value) : value] as const,
  );
  return context.makeRecord(new Map(fields));
}

function moveDown(context: Context, place: Place): void {
  const capacity = Math.max(...place.options.map((spot) => elementsOf(spot).length));
  for (let i = 0; i < capacity; i++) {
    const to = elementPlace(context, place, i);
    if (i + 1 < capacity) context.state.copySpots(elementPlace(context, place, i + 1), to);
    else context.state.copySpots(null, to);
  }
}

// Sets

function callSetMethod(context: Context, place: Place, name: string, args: readonly Value[]): Value {
  const { exprs, state } = context;
  const member = context.scalarOf(args[0] ?? nothing, "a member");
  const spots = state.index(place.options, place.at, elementsOf, member);
  const value = (): Value => state.valueAt(place.bank, spots.options, spots.at);
  const isThere = (): Value => {
    const had = value();
    return had.kind === "scalar" || had.kind === "static" ? truth(context.test(had)) : fixed(false);
  };
  const possible = context.scalars.possibleOptions(spots.options, spots.at, context.env.facts);
  const foreign = possible.filter((k) => spots.options[k].kind === "absent");
  switch (name) {
    case "has":
      return isThere();
    case "add":
      // A member that is no element of the sort is an error of the model: the write says so.
      state.write({ bank: place.bank, ...spots }, fixed(true));
      return place;
    case "delete": {
      const had = isThere();
      context.branch(
        exprs.not(context.scalars.member(spots.at, foreign, possible)),
        () => {
          state.write({ bank: place.bank, ...spots }, fixed(false));
          return nothing;
        },
        () => nothing,
      );
      return had;
    }
    default:
      throw new Unsupported(`the method ${name} of a set`);
  }
}

// Arrays that the recipe made

function pushToList(context: Context, list: Made, args: readonly Value[]): Value {
  const { exprs } = context;
  const contents = context.contents(list);
  if (contents.kind !== "list") throw new Unsupported("the method push of an object");
  let { items, length } = contents;
  for (const value of args) {
    const count = context.numberOf(length, "a length");
    const { low, high } = context.env.facts.rangeOf(count);
    const next = [...items];
    for (let i = low; i <= high; i++) {
      const { env } = context;
      next[i] = context.joiner.values(
        exprs.eq(count, exprs.const(i)),
        value,
        env,
        next[i] ?? value,
        env,
        env,
      );
    }
    items = next;
    length = scalar(exprs.add(count, exprs.one), null);
  }
  context.change(list, { ...contents, items, length });
  return length;
}
