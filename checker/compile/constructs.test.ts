/**
 * Construct by construct: what recipes may be written in is compiled, and does what the packed evaluator and
 * the reference do, in random states.
 */
import { expect, test } from "vitest";
import {
  argument,
  array,
  bool,
  createPacked,
  createReference,
  defineModel,
  environmentRule,
  instantiate,
  isValid,
  oneOf,
  option,
  queue,
  range,
  record,
  setOf,
  type Setting,
  sort,
  type StateOf,
  union,
  valid,
  type ValueOf,
} from "../index.ts";
import { randomState } from "../schema/random-state.ts";
import { seeded } from "../testing/seeded.ts";
import { look } from "../testing/walk-together.ts";
import { createCompiled } from "./compiled.ts";

const thing = sort("thing");
const shape = union({ none: {}, one: { what: thing }, two: { what: thing, size: range(0, 4) } });
type Shape = ValueOf<typeof shape>;
const job = record({ who: thing, isUrgent: bool() });

const state = record({
  flag: bool(),
  n: range(0, 5),
  signed: range(-3, 3),
  who: thing,
  maybe: option(thing),
  name: oneOf("a", "b", "c"),
  other: oneOf("c", "b", "x"),
  arg: argument(thing, "bad", "worse"),
  list: array(thing, range(0, 5)),
  records: array(thing, record({ a: range(0, 4), b: option(thing), shape })),
  numbers: queue(3, range(0, 4)),
  jobs: queue(2, job),
  shapes: queue(2, shape),
  set: setOf(thing),
  shape,
  grid: array(thing, array(thing, option(thing))),
  wide: array(7, range(0, 1000)),
});
type State = StateOf<typeof state>;
type Recipe = (s: State, args: { readonly thing: typeof thing.value }, setting: Setting) => void;

const names = { a: 1, b: 2, c: 3 } as const;
const table = [3, 1, 4, 1, 5];
const favourites = new Set(["a", "c"]);
const ranks = new Map([
  ["a", 2],
  ["b", 0],
  ["c", 1],
]);
const rules = { a: (s: State) => s.flag, b: (s: State) => s.n > 2, c: () => true };

function sum(list: Iterable<number>): number {
  let total = 0;
  for (const each of list) total += each;
  return total;
}

function sizeOf(of: Shape): number {
  switch (of.tag) {
    case "none":
      return 0;
    case "one":
      return 1;
    case "two":
      return of.size;
  }
}

function firstBig(s: State): number | null {
  for (let i = 0; i < s.list.length; i++) {
    if (s.list[i] < 3) continue;
    if (i === 2 && s.flag) break;
    return i;
  }
  return null;
}

const recipes: Readonly<Record<string, Recipe>> = {
  "if and else": (s) => {
    if (s.flag) s.n = 1;
    else if (s.n > 3) s.n = 2;
    else s.name = "b";
  },
  "early return": (s) => {
    if (s.n === 0) return;
    s.n--;
    if (s.flag) return;
    s.name = "a";
  },
  "a value out of range": (s) => {
    s.n++;
  },
  "a value out of range on one path": (s) => {
    s.signed = s.flag ? s.signed + s.n : -s.signed;
  },
  "logical operators": (s) => {
    s.flag = (s.flag && s.n > 2) || !(s.name === "a" || s.signed < 0);
  },
  "nullish values": (s, { thing: t }) => {
    s.who = s.maybe ?? t;
    s.maybe = s.maybe === null ? s.who : null;
  },
  "comparisons of unlike codings": (s) => {
    s.flag = s.maybe === s.who || (s.name as string) === s.other || s.arg === s.maybe;
  },
  "numbers of all kinds": (s) => {
    s.n = Math.max(0, Math.min(5, ((s.n * 3 + s.signed) % 4) - -1));
  },
  "truth of numbers and names": (s) => {
    s.flag = Boolean(s.n) && s.n ? true : !s.signed;
  },
  "assignment operators": (s) => {
    s.n += s.flag ? 1 : 0;
    s.signed -= 1;
    s.maybe ??= s.who;
  },
  "an index from the state": (s) => {
    s.list[s.who] = s.n;
    s.n = s.list[s.who];
  },
  "an index that may be none": (s) => {
    if (s.maybe !== null) s.list[s.maybe] = 0;
    s.flag = s.maybe !== null && s.records[s.maybe].a > 2;
  },
  "an index out of range": (s) => {
    s.list[thing.at(s.n)] = 1;
  },
  "an element that is not there": (s) => {
    s.flag = s.list[s.n] === undefined;
  },
  "two indices": (s, { thing: t }) => {
    s.grid[s.who][t] = s.grid[t][s.who];
    s.grid[t][s.who] = null;
  },
  "an index over several words": (s) => {
    s.wide[s.n] += 1;
    s.wide[(s.n + 1) % 7] = s.wide[s.n];
  },
  "a write and a read at one index": (s) => {
    s.wide[s.n] = 7;
    s.wide[s.who] = s.wide[s.n] + s.wide[3];
  },
  "records by reference": (s, { thing: t }) => {
    const target = s.flag ? s.records[t] : s.records[s.who];
    target.a = s.n % 5;
    target.b = s.who;
  },
  "Object.assign": (s, { thing: t }) => {
    Object.assign(s.records[t], { a: 3, b: null, shape: { tag: "one", what: s.who } });
  },
  "unions made anew": (s) => {
    s.shape = s.flag ? { tag: "two", what: s.who, size: s.n % 5 } : { tag: "none" };
  },
  "unions copied": (s, { thing: t }) => {
    s.shape = s.records[t].shape;
    s.records[s.who].shape = s.shape;
  },
  "unions taken apart": (s) => {
    const { shape: of } = s;
    if (of.tag === "none") return;
    const { what } = of;
    s.who = what;
    if (of.tag === "two") s.n = of.size;
  },
  "a switch with a shared case": (s) => {
    switch (s.name) {
      case "a":
      case "b":
        s.n = 0;
        break;
      default:
        s.n = 5;
    }
  },
  "a switch that falls through": (s) => {
    let n = 0;
    switch (s.other) {
      // @ts-expect-error -- falling through is what is tested
      case "x":
        n += 1;
      case "b":
        n += 2;
        break;
      case "c":
        n = 4;
    }
    s.n = n;
  },
  "functions with a switch": (s, { thing: t }) => {
    s.n = sizeOf(s.shape) + (s.flag ? 1 : 0);
    s.flag = sizeOf(s.records[t].shape) > 1;
  },
  "loops with break and continue": (s) => {
    const found = firstBig(s);
    s.n = found ?? 5;
  },
  "a loop whose bound is in the state": (s) => {
    let n = 0;
    for (let i = s.who as number; i < s.n; i++) n += i === 2 ? 2 : 1;
    s.n = Math.min(n, 5);
  },
  while: (s) => {
    let n = s.n;
    while (n > 1) n -= 2;
    s.n = n;
  },
  "labelled loops": (s) => {
    let n = 0;
    outer: for (let i = 0; i < 3; i++) {
      for (let k = 0; k < 3; k++) {
        if (s.grid[i][k] === null) continue outer;
        if (s.grid[i][k] === s.who) break outer;
        n++;
      }
    }
    s.n = Math.min(5, n);
  },
  "every, some and find": (s) => {
    s.flag = s.list.every((each) => each < 4) || s.records.some(({ a }, i) => a > i);
    const found = s.records.find((each) => each.b === s.who);
    if (found !== undefined) found.a = 0;
  },
  "findIndex, filter and map": (s) => {
    const at = s.list.findIndex((each) => each === s.n);
    s.signed = at;
    const small = s.list.filter((each) => each < 3).map((each) => each + 1);
    s.n = small.length > 0 ? small[0] : 5;
    s.flag = small.includes(2);
  },
  "forEach and reduce": (s) => {
    let n = 0;
    s.list.forEach((each, i) => {
      if (each > i) n++;
    });
    s.n = n;
  },
  "for of": (s) => {
    s.n = sum(s.list) % 6;
    for (const each of s.records) if (each.b === null) each.a = 4;
  },
  "for of a set": (s) => {
    let n = 0;
    for (const each of s.set) n += each + 1;
    s.n = Math.min(n, 5);
  },
  sets: (s, { thing: t }) => {
    if (s.set.has(s.who)) s.set.delete(s.who);
    else s.set.add(t);
    s.n = s.set.size;
  },
  "a foreign member": (s) => {
    s.set.add(thing.at(s.n));
  },
  "delete tells what was there": (s) => {
    s.flag = s.set.delete(s.who);
  },
  "a queue of numbers": (s) => {
    if (s.numbers.length < 3) s.numbers.push(s.n % 5);
    else s.n = s.numbers.shift() ?? 0;
  },
  "a queue that overflows": (s) => {
    s.numbers.push(1);
  },
  "the elements of a queue": (s) => {
    s.flag = s.numbers.length > 1 && s.numbers[1] === s.numbers[0];
    s.n = s.numbers.some((each) => each === 4) ? 0 : s.numbers.length;
  },
  "a queue of records": (s, { thing: t }) => {
    const next = s.jobs.shift();
    if (next === undefined) {
      s.jobs.push({ who: t, isUrgent: s.flag });
      return;
    }
    s.who = next.who;
    s.flag = next.isUrgent;
  },
  "a queue of unions": (s) => {
    if (s.shapes.length === 2) {
      const first = s.shapes.shift();
      if (first?.tag === "two") s.n = first.size;
      s.shape = first ?? { tag: "none" };
    } else {
      s.shapes.push(s.flag ? { tag: "one", what: s.who } : s.shape);
    }
  },
  "arguments that are invalid": (s) => {
    if (!isValid(s.arg)) s.flag = s.arg === "bad";
    else s.who = valid(s.arg);
  },
  "arguments that turn out to be invalid": (s) => {
    s.list[valid(s.arg)] = 0;
  },
  "captured tables": (s) => {
    s.n = names[s.name];
    s.list[0] = table[s.who];
    s.flag = favourites.has(s.name) && s.name.startsWith("a");
    s.signed = ranks.get(s.name) ?? 0;
  },
  "captured functions by name": (s) => {
    s.flag = rules[s.name](s);
  },
  "functions that the recipe makes": (s, { thing: t }) => {
    const is = (n: number) => (each: number) => each === n;
    const pick = s.flag ? is(1) : is(2);
    s.n = pick(s.list[t]) ? 1 : 0;
  },
  "objects and arrays that the recipe makes": (s, { thing: t }) => {
    const seen = { count: 0, last: null as null | number };
    const big: number[] = [];
    for (let i = 0; i < s.list.length; i++) {
      if (s.list[i] > 2) {
        seen.count++;
        seen.last = i;
        big.push(s.list[i]);
      }
    }
    s.n = seen.count;
    s.maybe = seen.last === null ? null : thing.at(seen.last);
    const [first = 0, second] = big;
    s.list[t] = second === undefined ? first : [first, second, ...big].length;
  },
  "an object or nothing": (s) => {
    const found = s.flag ? { at: s.who, by: s.n } : null;
    s.n = found?.by ?? 0;
    if (found !== null) s.maybe = found.at;
  },
  "a name or a list": (s) => {
    const found = s.flag ? "none" : s.list.filter((each) => each === 1);
    s.n = found === "none" ? 5 : found.length;
  },
  "default parameters": (s) => {
    const add = (a: number, b = 2): number => a + b;
    s.n = s.flag ? add(s.n % 2) : add(1, s.n % 3);
  },
  "typeof and in": (s) => {
    s.flag = typeof s.arg === "number" && s.name in names;
  },
  "an index that may be nothing, in a list of lists": (s) => {
    const at = s.maybe ?? thing.at(0);
    const inner = s.grid[at];
    const isFound = inner[s.who] !== null;
    if (isFound) inner[thing.at((s.n + 1) % 3)] = s.who;
    s.flag = inner[thing.at(s.n % 3)] === null;
  },
  "bounds and assumptions": (s, _, setting) => {
    s.n = setting.bounds.thing;
    if (setting.assumes("it works")) s.flag = true;
  },
  throwing: (s) => {
    if (s.n === 4) throw new Error(`${s.n} is too much`);
    s.n++;
  },
  "a property of nothing": (s) => {
    const found = s.records.find(({ a }) => a === 1) as State["records"][number];
    found.a = 2;
  },
};

test.each(Object.entries(recipes))("%s", (_, then) => {
  const model = defineModel<State>({
    name: "one construct",
    state,
    rules: [environmentRule("step", { thing }, { then })],
    deadlock: "none",
    assumptions: { "it works": "It does." },
  });
  const of = instantiate(model, { bounds: { thing: 3 } });
  const compiled = createCompiled(of);
  expect(compiled.fallbacks).toEqual([]);
  const [packed, reference] = [createPacked(of), createReference(of)];
  const below = seeded(4711);
  for (let n = 0; n < 150; n++) {
    const words = randomState(of, below);
    const { seen } = look(of, packed, words);
    // Where a place does not exist, the two number the error differently.
    const error = seen.error === null ? null : expect.any(String);
    expect(look(of, reference, words).seen).toEqual({ ...seen, error });
    expect(look(of, compiled, words).seen).toEqual(seen);
  }
});
