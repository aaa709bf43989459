/**
 * Twins: two elements whose exchange leaves a state as it is. Everything that the state says of the one it says of the
 * other, and only what the exchange moves need be looked at.
 *
 * What a transition does with one twin another does with the other, and both lead to states of one orbit: so of the
 * transitions that differ only in twins, one is enough.
 */
import type { AnyArgs, Params } from "../../model/rule.ts";
import { sortOf } from "../../schema/shape.ts";
import type { Leaf } from "../../schema/layout.ts";
import type { Group } from "./group.ts";
import type { Guard, Item, Structure } from "./structure.ts";

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

/** Which transitions of a state are repetitions: others differ from them only in which of some twins they name. */
export class Repetitions {
  private readonly twins: Twins;
  /** What arguments name, as vertices: each list once; and by id of the action instance, which of them it is. */
  private readonly named: readonly (readonly number[])[];
  private readonly nameOf: Int32Array;
  /** By list: is it a repetition? */
  private readonly isRepeated: Uint8Array;
  /** By vertex: of how many of its twins it is the successor. */
  private readonly rank: Int32Array;
  /** By least twin: how many of them were named so far. */
  private readonly used: Int32Array;
  private readonly marks: Uint8Array;

  constructor(
    instances: readonly { readonly action: { readonly params: Params }; readonly args: AnyArgs }[],
    group: Group,
    twins: Twins,
  ) {
    this.twins = twins;
    const lists = instances.map(({ action, args }) =>
      Object.entries(args).flatMap(([name, value]) => {
        const field = action.params[name];
        const sort = field === undefined ? null : sortOf(field);
        const vertex = sort === null || typeof value !== "number" ? -1 : group.vertexOf.get(sort)?.[value];
        return vertex === undefined || vertex < 0 ? [] : [vertex];
      }),
    );
    const known = new Map(lists.map((list) => [list.join(), list]));
    this.named = [...known.values()];
    const places = new Map([...known.keys()].map((key, n) => [key, n]));
    this.nameOf = Int32Array.from(lists, (list) => places.get(list.join()) ?? -1);
    this.isRepeated = new Uint8Array(this.named.length);
    this.rank = new Int32Array(group.vertices);
    this.used = new Int32Array(group.vertices);
    this.marks = new Uint8Array(instances.length);
  }

  /**
   * By id of the action instance, 1 for repetitions at the state at `W[o..]`; null where there are none. Of all that
   * differ in twins only, the one is kept that names the first, and then the next, of each. Valid until the next call.
   */
  at(W: Int32Array, o: number): Uint8Array | null {
    const { isRepeated, marks, nameOf, named, rank, twins, used } = this;
    const least = twins.leastIn(W, o);
    used.fill(0);
    let areThere = false;
    for (let v = 0; v < least.length; v++) {
      rank[v] = used[least[v]]++;
      if (rank[v] > 0) areThere = true;
    }
    if (!areThere) return null;
    for (let n = 0; n < named.length; n++) isRepeated[n] = this.isRepetition(named[n], least) ? 1 : 0;
    for (let id = 0; id < nameOf.length; id++) marks[id] = isRepeated[nameOf[id]];
    return marks;
  }

  private isRepetition(vertices: readonly number[], least: Int32Array): boolean {
    const { rank, used } = this;
    for (const v of vertices) used[least[v]] = 0;
    for (const v of vertices) {
      if (rank[v] > used[least[v]]) return true;
      if (rank[v] === used[least[v]]) used[least[v]]++;
    }
    return false;
  }
}
