/**
 * Twins: two elements whose exchange leaves a state as it is. Everything that the state says of the one it says of the
 * other, and only what the exchange moves need be looked at.
 *
 * What a transition does with one twin another does with the other, and both lead to states of one orbit: so of the
 * transitions that differ only in twins, one is enough.
 */
import { nameInstance } from "../../evaluate/reference.ts";
import type { ActionInstance } from "../../model/model.ts";
import { sortOf } from "../../schema/shape.ts";
import type { Leaf } from "../../schema/layout.ts";
import type { LeftOut } from "../reduction.ts";
import type { Group } from "./group.ts";
import type { Guard, Item, Structure } from "./structure.ts";

/** Of so many ways to be twins the repetitions are kept. */
const mostKnown = 512;

/** What has to be so for an exchange to leave a state alone: what lies here, exchanged, is what lies there. */
interface Demand {
  readonly here: Leaf;
  readonly there: Leaf;
  readonly guards: readonly Guard[];
  readonly guardsThere: readonly Guard[];
  /** By code, what the exchange makes of it; null for a leaf that holds neither of the two. */
  readonly exchanged: Int32Array | null;
}

export class Twins {
  private readonly group: Group;
  private readonly items: readonly Item[];
  private readonly byPlace: ReadonlyMap<string, Item>;
  /** By pair of vertices, as far as they were asked about. */
  private readonly demands: (readonly Demand[] | undefined)[];
  /** The state whose twins were found last: they are asked for more than once. */
  private readonly last: Int32Array;
  private readonly least: Int32Array;
  private hasLast = false;

  constructor(group: Group, { items }: Structure, words: number) {
    this.last = new Int32Array(words);
    this.least = new Int32Array(group.vertices);
    this.group = group;
    this.items = items;
    this.byPlace = new Map(items.map((item) => [placeOf(item.family, item.at), item]));
    this.demands = Array.from({ length: group.vertices * group.vertices });
  }

  /** Does the exchange of two vertices of one class leave the state at `W[o..]` as it is? */
  areTwins(a: number, b: number, W: Int32Array, o: number): boolean {
    const pair = a * this.group.vertices + b;
    const demands = (this.demands[pair] ??= this.demandsOf(a, b));
    for (const { here, there, guards, guardsThere, exchanged } of demands) {
      const isThere = areMet(guards, W, o);
      if (isThere !== areMet(guardsThere, W, o)) return false;
      const [mine, theirs] = [codeAt(here, W, o), codeAt(there, W, o)];
      // What means nothing is 0, whatever it is called.
      const wanted = exchanged === null || !isThere ? mine : exchanged[mine];
      if (wanted !== theirs || (!isThere && mine !== 0)) return false;
    }
    return true;
  }

  /**
   * By vertex, the least of its twins in the state, itself among them: of twins it is the same. Valid until the next call.
   */
  leastIn(W: Int32Array, o: number): Int32Array {
    const { last, least } = this;
    let isLast = this.hasLast;
    for (let k = 0; k < last.length; k++) {
      if (last[k] === W[o + k]) continue;
      last[k] = W[o + k];
      isLast = false;
    }
    if (!isLast) this.findLeast(W, o, least);
    this.hasLast = true;
    return least;
  }

  private findLeast(W: Int32Array, o: number, least: Int32Array): void {
    for (const { base, elements } of this.group.classes) {
      const end = base + elements.length;
      for (let v = base; v < end; v++) {
        least[v] = v;
        for (let u = base; u < v; u++) {
          if (least[u] !== u || !this.areTwins(u, v, W, o)) continue;
          least[v] = u;
          break;
        }
      }
    }
  }

  private demandsOf(a: number, b: number): readonly Demand[] {
    const exchange = (vertex: number): number => (vertex === a ? b : vertex === b ? a : vertex);
    const demands: Demand[] = [];
    for (const item of this.items) {
      const at = item.at.map(exchange);
      const exchanged = item.holds === null ? null : exchangedCodes(item.holds, a, b);
      const isMoved = at.some((vertex, k) => vertex !== item.at[k]);
      if (!isMoved && exchanged === null) continue;
      const there = this.byPlace.get(placeOf(item.family, at));
      if (there === undefined) throw new Error(`nothing lies where ${item.leaf.path} would be moved`);
      demands.push({
        here: item.leaf,
        there: there.leaf,
        guards: item.guards,
        guardsThere: there.guards,
        exchanged,
      });
    }
    return demands;
  }
}

function placeOf(family: number, at: readonly number[]): string {
  return `${family} ${at.join()}`;
}

/** By code, the code of what the exchange makes of it; null where the leaf can hold neither. */
function exchangedCodes(holds: Int32Array, a: number, b: number): Int32Array | null {
  const [codeOfA, codeOfB] = [holds.indexOf(a), holds.indexOf(b)];
  if (codeOfA < 0 && codeOfB < 0) return null;
  return holds.map((vertex, code) => (vertex === a ? codeOfB : vertex === b ? codeOfA : code));
}

function codeAt({ word, shift, mask }: Leaf, W: Int32Array, o: number): number {
  return (W[o + word] >>> shift) & mask;
}

function areMet(guards: readonly Guard[], W: Int32Array, o: number): boolean {
  for (const { leaf, allowed } of guards) if (allowed[codeAt(leaf, W, o)] === 0) return false;
  return true;
}

/** An argument that names a vertex. */
interface Name {
  readonly argument: string;
  readonly vertex: number;
}

/** Which transitions of a state are repetitions: others differ from them only in which of some twins they name. */
export class Repetitions<S> {
  private readonly instances: readonly ActionInstance<S>[];
  private readonly group: Group;
  private readonly twins: Twins;
  /** By id of the action instance: what its arguments name. */
  private readonly names: readonly (readonly Name[])[];
  /** What arguments name, as vertices: each list once; and by id of the action instance, which of them it is. */
  private readonly lists: readonly (readonly number[])[];
  private readonly listOf: Int32Array;
  /** By name of the action instance: its id; made when it is needed. */
  private ids: ReadonlyMap<string, number> | null = null;
  /** By who is whose twin: few ways, for as many states. */
  private readonly known = new Map<string, RepetitionsOf | null>();

  constructor(instances: readonly ActionInstance<S>[], group: Group, twins: Twins) {
    this.instances = instances;
    this.group = group;
    this.twins = twins;
    this.names = instances.map(({ action, args }) =>
      Object.entries(args).flatMap(([argument, value]) => {
        const field = action.params[argument];
        const sort = field === undefined ? null : sortOf(field);
        const vertex = sort === null || typeof value !== "number" ? -1 : group.vertexOf.get(sort)?.[value];
        return vertex === undefined || vertex < 0 ? [] : [{ argument, vertex }];
      }),
    );
    const lists = this.names.map((names) => names.map(({ vertex }) => vertex));
    const known = new Map(lists.map((list) => [list.join(), list]));
    const places = new Map([...known.keys()].map((key, n) => [key, n]));
    this.lists = [...known.values()];
    this.listOf = Int32Array.from(lists, (list) => places.get(list.join()) ?? -1);
  }

  /** The repetitions at the state at `W[o..]`; null where there are none. */
  at(W: Int32Array, o: number): RepetitionsOf | null {
    const least = this.twins.leastIn(W, o);
    const key = least.join();
    let known = this.known.get(key);
    if (known === undefined) {
      if (this.known.size >= mostKnown) this.known.clear();
      this.known.set(key, (known = this.among(least.slice())));
    }
    return known;
  }

  private among(least: Int32Array): RepetitionsOf | null {
    const twinsOf = new Map<number, number[]>();
    for (const [vertex, first] of least.entries()) {
      const list = twinsOf.get(first);
      if (list === undefined) twinsOf.set(first, [vertex]);
      else list.push(vertex);
    }
    if (twinsOf.size === least.length) return null;
    const firstNamed = (list: readonly number[]): number[] => nameFirst(list, least, twinsOf);
    const isRepeated = this.lists.map((list) => firstNamed(list).some((vertex, i) => vertex !== list[i]));
    return new RepetitionsOf(
      Uint8Array.from(this.listOf, (n) => (isRepeated[n] ? 1 : 0)),
      (id) => this.withNames(id, firstNamed(this.lists[this.listOf[id]])),
      (id) => nameInstance(this.instances[id]),
    );
  }

  /** The instance that names these vertices instead; -1 where there is none. */
  private withNames(id: number, vertices: readonly number[]): number {
    const instance = this.instances[id];
    const named = this.names[id].map(({ argument }, i) => [argument, this.group.elementOf[vertices[i]]]);
    const args = { ...instance.args, ...Object.fromEntries(named) };
    this.ids ??= new Map(this.instances.map((each, other) => [nameInstance(each), other]));
    return this.ids.get(nameInstance({ ...instance, args })) ?? -1;
  }
}

/**
 * Of all lists of vertices that differ from this one in twins only, the one that names the first, and then the next,
 * of each.
 */
function nameFirst(
  list: readonly number[],
  least: Int32Array,
  twinsOf: ReadonlyMap<number, readonly number[]>,
): number[] {
  const distinct = [...new Set(list)];
  return list.map((vertex) => {
    const twins = twinsOf.get(least[vertex]) ?? [];
    return twins[distinct.filter((each) => least[each] === least[vertex]).indexOf(vertex)];
  });
}

/** The repetitions among some twins. */
export class RepetitionsOf implements LeftOut {
  readonly marks: Uint8Array;
  /** By id of the action instance: the one that is as good, -1 for none; as far as it was needed. */
  private readonly firsts: (number | undefined)[] = [];
  private readonly firstOf: (id: number) => number;
  private readonly nameOf: (id: number) => string;
  /** By id of the action instance: the number of the look that found it possible. */
  private readonly possible: Float64Array;
  private looks = 0;
  /** Of the state looked at last: a sentence where a step is left out that is possible, and the other one is not. */
  breach: string | null = null;

  constructor(marks: Uint8Array, firstOf: (id: number) => number, nameOf: (id: number) => string) {
    this.marks = marks;
    this.firstOf = firstOf;
    this.nameOf = nameOf;
    this.possible = new Float64Array(marks.length);
  }

  look(steps: Int32Array, from: number, to: number): void {
    const { firsts, marks, possible } = this;
    const look = ++this.looks;
    this.breach = null;
    for (let i = from; i < to; i++) possible[steps[i]] = look;
    for (let i = from; i < to; i++) {
      const id = steps[i];
      if (marks[id] === 0) continue;
      const first = (firsts[id] ??= this.firstOf(id));
      if (first >= 0 && possible[first] === look) continue;
      const other = first < 0 ? "no such step of the others" : this.nameOf(first);
      this.breach = `${this.nameOf(id)} is possible and ${other} is not: this`;
    }
  }
}
