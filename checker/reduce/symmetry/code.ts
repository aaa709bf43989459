/**
 * Generated code over packed words for one group: what a state says of its vertices, a round of refinement, and
 * the state renamed.
 *
 * A colour is a hash of what a state says of a vertex, and of the colours of the vertices that stand in relation
 * to it. It never depends on the vertex's number, so equal colours may be chance, but different ones are not.
 */
import type { Leaf } from "../../schema/layout.ts";
import type { RenamingPlan } from "./renaming-plan.ts";
import type { Guard } from "./structure.ts";

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
export function generate(plan: RenamingPlan): SymmetryCode {
  return new Generator(plan).generate();
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
  private readonly plan: RenamingPlan;
  private readonly constants = new Constants();

  constructor(plan: RenamingPlan) {
    this.plan = plan;
  }

  generate(): SymmetryCode {
    const { colours, related } = this.plan;
    const load = this.loadText();
    const round = this.roundText();
    const rename = this.renameText();
    const apply = this.applyText();
    const { names, values } = this.constants;
    const text = `${load}\n${round}\n${rename}\n${apply}\nreturn { load, round, rename, apply };`;
    const make = new Function("X", ...names, text);
    const made = make(new Int32Array(related.length), ...values) as Omit<SymmetryCode, "colours">;
    return { ...made, colours };
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

  private coloursHeld(holds: Int32Array): string {
    const table = this.plan.coloursHeld(holds);
    return this.constants.add("V", table, `V${table.join(" ")}`);
  }

  private loadText(): string {
    const { group, items, related, salts } = this.plan;
    const lines = [`for (let i = 0; i < ${group.vertices}; i++) B[i] = 0;`];
    for (const item of items) {
      const { leaf, at, holds, guards, family } = item;
      const test = this.test(guards);
      const place = related.indexOf(item);
      if (place >= 0) {
        const value = holds === null ? this.read(leaf) : `${this.coloursHeld(holds)}[${this.read(leaf)}]`;
        lines.push(test === null ? `X[${place}] = ${value};` : `X[${place}] = ${test} ? ${value} : -1;`);
      } else if (holds !== null) {
        const add = `x = ${this.coloursHeld(holds)}[${this.read(leaf)}]; if (x < ${group.vertices}) B[x] = (B[x] + ${salts[family][0]}) | 0;`;
        lines.push(test === null ? add : `if (${test}) { ${add} }`);
      } else if (at.length === 1) {
        const add = `B[${at[0]}] = (B[${at[0]}] + Math.imul(${this.read(leaf)} + 1, ${salts[family][0]})) | 0;`;
        lines.push(test === null ? add : `if (${test}) { ${add} }`);
      }
    }
    return `function load(W, o, B) { let x = 0;\n${lines.join("\n")}\n}`;
  }

  private roundText(): string {
    const lines = this.plan.related.map(({ at, holds, guards, family }, i) => {
      const salts = this.plan.salts[family];
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

  private renameText(): string {
    const { plan } = this;
    const lines = new Set<string>();
    for (const { holds } of plan.moved) {
      if (holds === null) continue;
      const table = this.renamed(holds);
      const codes = plan.codesOf(holds);
      const codeOf = this.constants.add("K", codes, `K${codes.join(" ")}`);
      holds.forEach((vertex, code) => {
        if (vertex >= 0) lines.add(`${table}[${code}] = ${codeOf}[Q[${vertex}]];`);
      });
    }
    const indices = plan.tuples.map(({ strides, at, name }) => {
      const sum = at.map((vertex, k) => `(Q[${vertex}] - ${strides[k].base}) * ${strides[k].stride}`);
      return `${name} = ${sum.join(" + ")};`;
    });
    const names = plan.tuples.map(({ name }) => name);
    const declared = names.length === 0 ? "" : `let ${names.map((name) => `${name} = 0`).join(", ")};`;
    return `${declared}\nfunction rename(Q) {\n${[...lines, ...indices].join("\n")}\n}`;
  }

  private applyText(): string {
    const { kept, moved } = this.plan;
    const lines = [...kept].map((mask, k) =>
      mask === 0 ? `R[r + ${k}] = 0;` : `R[r + ${k}] = W[o + ${k}]${mask === -1 ? "" : ` & ${mask}`};`,
    );
    const homes = this.homes();
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

  /** By family: the names of where its leaves lie, by the place of their tuple of vertices. */
  private homes(): { words: string; shifts: string }[] {
    return this.plan.homes.map((home) => {
      const { words, shifts } = home ?? { words: new Int32Array(), shifts: new Int32Array() };
      return {
        words: this.constants.add("DW", words, `DW${words.join(" ")}`),
        shifts: this.constants.add("DS", shifts, `DS${shifts.join(" ")}`),
      };
    });
  }
}
