/**
 * The canonical form of a state under a group of renamings: one state of its orbit, the same for all of them.
 *
 * Vertices are coloured by what the state says of them, and colours refined until they tell no more apart. Where
 * all differ, their order is the renaming. Where some are alike, mostly nothing distinguishes them and any order
 * gives the same state; that is tried. Otherwise each of them in turn is made different from the others, and what
 * follows is refined again: of all renamings that come of it, the least state counts. Renamings found on the way
 * that change nothing spare branches that can bring nothing new.
 *
 * No step depends on how vertices are numbered, so that the result is a function of the orbit. The number of
 * renamings that lead to the least state is that of the renamings that leave the state alone, which gives the
 * size of the orbit.
 */
import type { Layout } from "../../schema/layout.ts";
import { generate, type SymmetryCode } from "./code.ts";
import { factorial, type Group } from "./group.ts";
import type { Structure } from "./structure.ts";
import { CanonicalMemo } from "./memo.ts";
import { RenamingPlan } from "./renaming-plan.ts";
import { Twins } from "./twins.ts";

/** What came of a branch: the least state, and in how many ways it was reached. */
interface Least {
  readonly words: Int32Array;
  readonly ways: number;
}

/** A branch given up because a renaming takes it to one that was done: the level at which that is so. */
class Spared {
  readonly level: number;
  constructor(level: number) {
    this.level = level;
  }
}

export class Canonicaliser {
  private readonly group: Group;
  readonly plan: RenamingPlan;
  private readonly code: SymmetryCode;
  readonly twins: Twins;
  private readonly memo: CanonicalMemo;
  private readonly words: number;
  /** By vertex: what the state says of it alone. */
  private readonly alone: Int32Array;
  private readonly colours: Int32Array;
  private readonly next: Int32Array;
  /** Vertices, class by class, by colour. */
  private readonly order: Int32Array;
  private readonly renaming: Int32Array;
  private readonly result: Int32Array;

  // Of the state that is being searched
  private source: Int32Array = new Int32Array(0);
  private offset = 0;
  /** Renamings that leave the state alone. */
  private automorphisms: Int32Array[] = [];
  /** The vertices that were singled out, and by level those tried before. */
  private path: number[] = [];
  private tried: number[][] = [];
  private leaves: { words: Int32Array; renaming: Int32Array }[] = [];

  constructor(layout: Layout, group: Group, structure: Structure) {
    this.group = group;
    this.plan = new RenamingPlan(layout, group, structure);
    this.code = generate(this.plan);
    this.twins = new Twins(group, structure, layout.words);
    this.memo = new CanonicalMemo(layout.words);
    this.words = layout.words;
    const { colours } = this.code;
    this.alone = new Int32Array(colours);
    this.colours = new Int32Array(colours);
    this.next = new Int32Array(colours);
    for (let i = group.vertices; i < colours; i++) this.colours[i] = mix(i - group.vertices + 0x51ed);
    this.order = new Int32Array(group.vertices);
    this.renaming = new Int32Array(group.vertices);
    this.result = new Int32Array(this.words);
  }

  /** Puts the canonical form in the place of the state at `W[o..]`; returns the size of the state's orbit. */
  canonise(W: Int32Array, o: number): number {
    const { memo, result } = this;
    let orbit = memo.find(W, o);
    if (orbit > 0) return orbit;
    orbit = this.findCanonical(W, o);
    memo.keep(W, o, result, 0, orbit);
    memo.keep(result, 0, result, 0, orbit);
    for (let i = 0; i < this.words; i++) W[o + i] = result[i];
    return orbit;
  }

  /** Finds the canonical form of the state at `W[o..]`, for `result`; returns the size of the state's orbit. */
  private findCanonical(W: Int32Array, o: number): number {
    const { code, group, result } = this;
    this.source = W;
    this.offset = o;
    code.load(W, o, this.alone);
    for (const [kind, { base, elements }] of group.classes.entries()) {
      for (let v = base; v < base + elements.length; v++) {
        this.colours[v] = mix((this.alone[v] + Math.imul(kind + 1, 0x3c6ef372)) | 0);
        this.order[v] = v;
      }
    }
    const cells = this.refine();
    let ways = 1;
    if (cells < group.vertices && !this.areTiesTwins()) {
      const least = this.search();
      ({ ways } = least);
      result.set(least.words);
    } else {
      if (cells < group.vertices) ways = this.waysThroughTies();
      if (this.isOrderIdentity()) for (let i = 0; i < this.words; i++) result[i] = W[o + i];
      else this.renameByOrder(result);
    }
    return group.order / ways;
  }

  /** Writes the state at `W[o..]`, renamed, to `R[r..]`: vertex `v` becomes vertex `renaming[v]`. */
  rename(renaming: Int32Array, W: Int32Array, o: number, R: Int32Array, r: number): void {
    this.code.rename(renaming);
    this.code.apply(W, o, R, r);
  }

  // Refinement

  /** Refines the colours until no more are told apart, and orders the vertices by them; returns how many differ. */
  private refine(): number {
    const { code, colours, next, group } = this;
    let cells = this.sortByColour();
    while (cells < group.vertices) {
      for (let v = 0; v < group.vertices; v++) next[v] = Math.imul(colours[v], 0x2c1b3c6d);
      code.round(colours, next);
      for (let v = 0; v < group.vertices; v++) colours[v] = mix(next[v]);
      const now = this.sortByColour();
      if (now <= cells) break;
      cells = now;
    }
    return cells;
  }

  private sortByColour(): number {
    const { order, colours } = this;
    let cells = 0;
    for (const { base, elements } of this.group.classes) {
      const end = base + elements.length;
      for (let i = base + 1; i < end; i++) {
        const vertex = order[i];
        const colour = colours[vertex];
        let k = i - 1;
        for (; k >= base && colours[order[k]] > colour; k--) order[k + 1] = order[k];
        order[k + 1] = vertex;
      }
      cells++;
      for (let i = base + 1; i < end; i++) if (colours[order[i]] !== colours[order[i - 1]]) cells++;
    }
    return cells;
  }

  private isOrderIdentity(): boolean {
    const { order } = this;
    for (let i = 0; i < order.length; i++) if (order[i] !== i) return false;
    return true;
  }

  private renameByOrder(into: Int32Array): void {
    const { order, renaming } = this;
    for (let i = 0; i < order.length; i++) renaming[order[i]] = i;
    this.rename(renaming, this.source, this.offset, into, 0);
  }

  // Ties

  /** Does the exchange of any two vertices of one colour leave the state alone? */
  private areTiesTwins(): boolean {
    const { order, colours, twins, source, offset } = this;
    for (const { base, elements } of this.group.classes) {
      for (let i = base + 1; i < base + elements.length; i++) {
        const [before, here] = [order[i - 1], order[i]];
        if (colours[here] === colours[before] && !twins.areTwins(before, here, source, offset)) return false;
      }
    }
    // In the order of their numbers, the renaming is more often none at all.
    this.forEachCell((start, end) => sortByNumber(order, start, end));
    return true;
  }

  private waysThroughTies(): number {
    let ways = 1;
    this.forEachCell((start, end) => (ways *= factorial(end - start)));
    return ways;
  }

  /** The runs of vertices of one colour, of two or more, as places in `order`. */
  private forEachCell(use: (start: number, end: number) => unknown): void {
    const { order, colours } = this;
    for (const { base, elements } of this.group.classes) {
      const stop = base + elements.length;
      for (let start = base; start < stop; ) {
        let end = start + 1;
        while (end < stop && colours[order[end]] === colours[order[start]]) end++;
        if (end - start > 1) use(start, end);
        start = end;
      }
    }
  }

  // Search

  private search(): Least {
    this.automorphisms = [];
    this.path = [];
    this.tried = [];
    this.leaves = [];
    const found = this.branch();
    if (found instanceof Spared) throw new Error("the whole search was spared");
    return found;
  }

  /** The least state below a node whose colours are refined; or the level from which the node is spared. */
  private branch(): Least | Spared {
    const { colours, group, path } = this;
    if (this.sortByColour() === group.vertices || this.areTiesTwins()) return this.leaf();
    const level = path.length;
    let cell: number[] = [];
    this.forEachCell((start, end) => {
      if (cell.length === 0) cell = [...this.order.subarray(start, end)];
    });
    const before = colours.slice(0, group.vertices);
    const results = new Map<number, Least>();
    const tried: number[] = [];
    this.tried[level] = tried;
    for (const vertex of cell) {
      const same = this.equivalent(vertex, tried, level);
      if (same >= 0) {
        results.set(vertex, results.get(same) as Least);
        continue;
      }
      colours.set(before);
      colours[vertex] = mix((colours[vertex] + 0x6a09e667) | 0);
      path[level] = vertex;
      this.sortByColour();
      this.refine();
      const found = this.branch();
      path.length = level;
      this.tried.length = level + 1;
      if (found instanceof Spared) {
        if (found.level < level) return found;
        const twin = this.equivalent(vertex, tried, level);
        results.set(vertex, results.get(twin) as Least);
      } else {
        results.set(vertex, found);
        tried.push(vertex);
      }
    }
    return leastOf([...results.values()]);
  }

  /** A vertex tried before at this level to which a known renaming takes this one, leaving the path alone; or -1. */
  private equivalent(vertex: number, tried: readonly number[], level: number): number {
    if (tried.length === 0) return -1;
    const fixing = this.automorphisms.filter((each) => this.path.slice(0, level).every((v) => each[v] === v));
    const orbit = new Set([vertex]);
    for (const v of orbit) for (const each of fixing) orbit.add(each[v]);
    return tried.find((v) => orbit.has(v)) ?? -1;
  }

  /** The state in the order found, here where all vertices differ or are twins. */
  private leaf(): Least | Spared {
    const ways = this.waysThroughTies();
    const words = new Int32Array(this.words);
    this.renameByOrder(words);
    const renaming = this.renaming.slice();
    const same = this.leaves.find((each) => compare(each.words, words) === 0);
    if (same === undefined) {
      this.leaves.push({ words, renaming });
      return { words, ways };
    }
    // Both renamings lead to one state: first the one and then the other backwards leaves the state alone.
    const back = new Int32Array(renaming.length);
    same.renaming.forEach((to, v) => (back[to] = v));
    this.automorphisms.push(renaming.map((to) => back[to]));
    const level = this.path.findIndex((vertex, i) => this.equivalent(vertex, this.tried[i], i) >= 0);
    return level < 0 ? { words, ways } : new Spared(level);
  }
}

/** Sorts some of the places, mostly few and in order already. */
function sortByNumber(order: Int32Array, start: number, end: number): void {
  for (let i = start + 1; i < end; i++) {
    const vertex = order[i];
    let k = i - 1;
    for (; k >= start && order[k] > vertex; k--) order[k + 1] = order[k];
    order[k + 1] = vertex;
  }
}

function leastOf(results: readonly Least[]): Least {
  let [least] = results;
  let ways = 0;
  for (const each of results) {
    const order = compare(each.words, least.words);
    if (order < 0) [least, ways] = [each, each.ways];
    else if (order === 0) ({ ways } = { ways: ways + each.ways });
  }
  return { words: least.words, ways };
}

function compare(a: Int32Array, b: Int32Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i] < b[i] ? -1 : 1;
  return 0;
}

/** A number mixed: of what colours are made. */
export function mix(h: number): number {
  let x = Math.imul(h ^ (h >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return x ^ (x >>> 15);
}
