/**
 * Generated code over packed words for one group: what a state says of its vertices, a round of refinement, and
 * the state renamed.
 *
 * A colour is a hash of what a state says of a vertex, and of the colours of the vertices that stand in relation
 * to it. It never depends on the vertex's number, so equal colours may be chance, but different ones are not.
 */
import type { Layout, Leaf } from "../../schema/layout.ts";
import { Random } from "../../search/random.ts";
import type { Group } from "./group.ts";
import type { Guard, Item, Structure } from "./structure.ts";

export interface SymmetryCode {
  /** Reads a state: what it says of each vertex alone goes to `B`, what of several to a list of its own. */
  load(W: Int32Array, o: number, B: Int32Array): void;
  /** Adds to `N`, for each vertex, what the colours `C` of the others say of it in the state last loaded. */
  round(C: Int32Array, N: Int32Array): void;
  /** Makes ready for renaming: vertex `v` becomes vertex `Q[v]`. */
  rename(Q: Int32Array): void;
  /** Writes to `R[r..]` the state at `W[o..]`, renamed. */
  apply(W: Int32Array, o: number, R: Int32Array, r: number): void;
  /** The length that colours need: beyond the vertices there are colours for what is no vertex. */
  readonly colours: number;
}

/** Generates the code. */
export function generate(layout: Layout, group: Group, { items, families }: Structure): SymmetryCode {
  return new Generator(layout, group, items, families).generate();
}

/** Names of constants that the generated functions close over, and their values. */
class Constants {
  readonly names: string[] = [];
  readonly values: unknown[] = [];
  private readonly known = new Map<unknown, string>();

  add(prefix: string, value: unknown, key: unknown = value): string {
    let name = this.known.get(key);
    if (name === undefined) {
      name = `${prefix}${this.names.length}`;
      this.known.set(key, name);
      this.names.push(name);
      this.values.push(value);
    }
    return name;
  }
}

class Generator {
  private readonly layout: Layout;
  private readonly group: Group;
  private readonly items: readonly Item[];
  private readonly constants = new Constants();
  private readonly random = new Random(20_240_607);
  /** By family, by place in an item: a random number. */
  private readonly salts: readonly (readonly number[])[];
  private colours: number;

  constructor(layout: Layout, group: Group, items: readonly Item[], families: number) {
    this.layout = layout;
    this.group = group;
    this.items = items;
    this.colours = group.vertices;
    const mostPlaces = 2 * (2 + Math.max(0, ...items.map(({ at }) => at.length)));
    this.salts = Array.from({ length: families }, () =>
      Array.from({ length: mostPlaces }, () => this.random.next() | 1 | 0),
    );
  }

  generate(): SymmetryCode {
    const { moved, related } = this.sortOut();
    const load = this.loadText(related);
    const round = this.roundText(related);
    const rename = this.renameText(moved);
    const apply = this.applyText(moved);
    const { names, values } = this.constants;
    const text = `${load}\n${round}\n${rename}\n${apply}\nreturn { load, round, rename, apply };`;
    const make = new Function("X", ...names, text);
    const made = make(new Int32Array(related.length), ...values) as Omit<SymmetryCode, "colours">;
    return { ...made, colours: this.colours };
  }

  /** The items that a renaming moves or changes, and those that relate several vertices. */
  private sortOut(): { moved: Item[]; related: Item[] } {
    const moved = this.items.filter(({ at, holds }) => at.length > 0 || holds !== null);
    const related = moved.filter(({ at, holds }) => at.length + (holds === null ? 0 : 1) > 1);
    return { moved, related };
  }

  private read({ word, shift, mask }: Leaf): string {
    return shift === 0 ? `(W[o + ${word}] & ${mask})` : `((W[o + ${word}] >>> ${shift}) & ${mask})`;
  }

  private test(guards: readonly Guard[]): string | null {
    const tests = guards
      .filter(({ allowed }) => allowed.some((is) => is === 0))
      .map(({ leaf, allowed }) => {
        if (allowed.length <= 31) {
          const set = allowed.reduce((bits, is, code) => (is === 1 ? bits | (1 << code) : bits), 0);
          return `((${set} >>> ${this.read(leaf)}) & 1)`;
        }
        return `${this.constants.add("A", allowed, allowed.join(""))}[${this.read(leaf)}]`;
      });
    return tests.length === 0 ? null : tests.join(" & ");
  }

  /** By code: the vertex, or a number beyond the vertices for what is none. */
  private coloursHeld({ holds }: Item & { holds: Int32Array }): string {
    let others = this.group.vertices;
    const table = Int32Array.from(holds, (vertex) => (vertex >= 0 ? vertex : others++));
    this.colours = Math.max(this.colours, others);
    return this.constants.add("V", table, `V${table.join(" ")}`);
  }

  private loadText(related: readonly Item[]): string {
    const lines = [`for (let i = 0; i < ${this.group.vertices}; i++) B[i] = 0;`];
    for (const item of this.items) {
      const { leaf, at, holds, guards, family } = item;
      const test = this.test(guards);
      const place = related.indexOf(item);
      if (place >= 0) {
        const value =
          holds === null ? this.read(leaf) : `${this.coloursHeld({ ...item, holds })}[${this.read(leaf)}]`;
        lines.push(test === null ? `X[${place}] = ${value};` : `X[${place}] = ${test} ? ${value} : -1;`);
      } else if (holds !== null) {
        const add = `x = ${this.coloursHeld({ ...item, holds })}[${this.read(leaf)}]; if (x < ${this.group.vertices}) B[x] = (B[x] + ${this.salts[family][0]}) | 0;`;
        lines.push(test === null ? add : `if (${test}) { ${add} }`);
      } else if (at.length === 1) {
        const add = `B[${at[0]}] = (B[${at[0]}] + Math.imul(${this.read(leaf)} + 1, ${this.salts[family][0]})) | 0;`;
        lines.push(test === null ? add : `if (${test}) { ${add} }`);
      }
    }
    return `function load(W, o, B) { let x = 0;\n${lines.join("\n")}\n}`;
  }

  private roundText(related: readonly Item[]): string {
    const lines = related.map(({ at, holds, guards, family }, i) => {
      const salts = this.salts[family];
      const { length } = at;
      const parts = at.map(
        (vertex, k) => `Math.imul(C[${vertex}] ^ ${salts[2 * k + 2]}, ${salts[2 * k + 3]})`,
      );
      parts.push(
        holds === null ? `Math.imul(x + 1, ${salts[1]})` : `Math.imul(C[x] ^ ${salts[0]}, ${salts[1]})`,
      );
      const spread = [
        ...at.map((vertex, k) => `N[${vertex}] = (N[${vertex}] + Math.imul(h, ${salts[2 * k + 2]})) | 0;`),
        ...(holds === null ? [] : [`N[x] = (N[x] + Math.imul(h, ${salts[2 * length + 2]})) | 0;`]),
      ];
      const body = `h = mix((${parts.join(" + ")}) | 0); ${spread.join(" ")}`;
      return `x = X[${i}]; ${this.test(guards) === null ? body : `if (x >= 0) { ${body} }`}`;
    });
    return `function mix(h) { h = Math.imul(h ^ (h >>> 16), 0x21f0aaad); h = Math.imul(h ^ (h >>> 15), 0x735a2d97); return h ^ (h >>> 15); }
      function round(C, N) { let x = 0, h = 0;\n${lines.join("\n")}\n}`;
  }

  /** By code, what a code becomes: filled in for every renaming. */
  private renamed(holds: Int32Array): string {
    return this.constants.add(
      "T",
      Int32Array.from(holds, (_, code) => code),
      `T${holds.join(" ")}`,
    );
  }

  private renameText(moved: readonly Item[]): string {
    const lines = new Set<string>();
    for (const { holds } of moved) {
      if (holds === null) continue;
      const table = this.renamed(holds);
      const codes = new Int32Array(this.group.vertices).fill(-1);
      holds.forEach((vertex, code) => {
        if (vertex >= 0) codes[vertex] = code;
      });
      const codeOf = this.constants.add("K", codes, `K${codes.join(" ")}`);
      holds.forEach((vertex, code) => {
        if (vertex >= 0) lines.add(`${table}[${code}] = ${codeOf}[Q[${vertex}]];`);
      });
    }
    const indices = this.families(moved).map(({ strides, at, name }) => {
      const sum = at.map((vertex, k) => `(Q[${vertex}] - ${strides[k].base}) * ${strides[k].stride}`);
      return `${name} = ${sum.join(" + ")};`;
    });
    const names = this.families(moved).map(({ name }) => name);
    const declared = names.length === 0 ? "" : `let ${names.map((name) => `${name} = 0`).join(", ")};`;
    return `${declared}\nfunction rename(Q) {\n${[...lines, ...indices].join("\n")}\n}`;
  }

  /** By tuple of vertices at which items lie: the variable that says where the tuple goes. */
  private families(moved: readonly Item[]) {
    const tuples = new Map<
      string,
      { at: readonly number[]; name: string; strides: ReturnType<Generator["strides"]> }
    >();
    for (const { at } of moved) {
      const key = at.join("_");
      if (at.length > 0 && !tuples.has(key))
        tuples.set(key, { at, name: `I${key}`, strides: this.strides(at) });
    }
    return [...tuples.values()];
  }

  /** The place of a tuple of vertices among the tuples of the same classes. */
  private strides(at: readonly number[]): { base: number; stride: number; size: number }[] {
    const classes = at.map((vertex) => this.classOf(vertex));
    let stride = 1;
    return classes.map(({ base, elements }) => {
      const own = { base, stride, size: elements.length };
      stride *= elements.length;
      return own;
    });
  }

  private classOf(vertex: number) {
    const found = this.group.classes.find(
      ({ base, elements }) => vertex >= base && vertex < base + elements.length,
    );
    if (found === undefined) throw new Error(`no class of vertex ${vertex}`);
    return found;
  }

  private applyText(moved: readonly Item[]): string {
    const kept = new Int32Array(this.layout.words).fill(-1);
    for (const { leaf } of moved) kept[leaf.word] &= ~(leaf.mask << leaf.shift);
    const lines = [...kept].map((mask, k) =>
      mask === 0 ? `R[r + ${k}] = 0;` : `R[r + ${k}] = W[o + ${k}]${mask === -1 ? "" : ` & ${mask}`};`,
    );
    const homes = this.homes(moved);
    for (const { leaf, at, holds, guards, family } of moved) {
      const value = holds === null ? this.read(leaf) : `${this.renamed(holds)}[${this.read(leaf)}]`;
      let put: string;
      if (at.length === 0) {
        put = `R[r + ${leaf.word}] |= ${value} << ${leaf.shift};`;
      } else {
        const { words, shifts } = homes[family];
        const index = `I${at.join("_")}`;
        put = `R[r + ${words}[${index}]] |= ${value} << ${shifts}[${index}];`;
      }
      const test = this.test(guards);
      lines.push(test === null ? put : `if (${test}) { ${put} }`);
    }
    return `function apply(W, o, R, r) {\n${lines.join("\n")}\n}`;
  }

  /** By family: where its leaves lie, by the place of their tuple of vertices. */
  private homes(moved: readonly Item[]): { words: string; shifts: string }[] {
    const leaves: Leaf[][] = [];
    for (const { leaf, at, family } of moved) {
      if (at.length === 0) continue;
      const strides = this.strides(at);
      const index = at.reduce((sum, vertex, k) => sum + (vertex - strides[k].base) * strides[k].stride, 0);
      (leaves[family] ??= [])[index] = leaf;
    }
    const homes: { words: string; shifts: string }[] = [];
    leaves.forEach((list, family) => {
      const words = Int32Array.from(list, ({ word }) => word);
      const shifts = Int32Array.from(list, ({ shift }) => shift);
      homes[family] = {
        words: this.constants.add("DW", words, `DW${words.join(" ")}`),
        shifts: this.constants.add("DS", shifts, `DS${shifts.join(" ")}`),
      };
    });
    return homes;
  }
}
