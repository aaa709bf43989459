/**
 * Accessor classes over a packed state: what recipes see instead of plain objects.
 *
 * One class for each record type of the schema (not one object literal for each element: polymorphic
 * getters cost three to four times as much), one object for each place, all made once. A read is a load,
 * a shift and a mask; a write checks its range; nothing is allocated per step.
 *
 * The classes are generated as text because the words they read, the masks and the tables are constants.
 */
import { foreignMember, type Leaf, outOfRange, type Placed, queueOverflow } from "../schema/layout.ts";
import type { ScalarShape } from "../schema/shape.ts";

/** Accessors over `words`: reading and writing them reads and writes the packed state there. */
export function createAccessors(root: Placed, words: Int32Array): unknown {
  return new AccessorFactory(words).make(root);
}

// Generated classes have fields that are known at run time only.
// oxlint-disable-next-line no-explicit-any
type AnyClass = new (...args: any[]) => object;

class AccessorFactory {
  private readonly words: Int32Array;
  /** Classes by what they are made for: one for each record, array, ... of the schema. */
  private readonly classes = new Map<string, AnyClass>();

  constructor(words: Int32Array) {
    this.words = words;
  }

  make(placed: Placed): unknown {
    switch (placed.kind) {
      case "scalar":
        throw new Error("a scalar has no accessor of its own");
      case "record":
        return this.makeRecord(placed);
      case "array":
        return this.makeArray(placed.elements);
      case "queue":
        return this.makeQueue(placed);
      case "set":
        return this.makeSet(placed.members);
      case "union":
        return this.makeUnion(placed);
    }
  }

  private makeRecord(placed: Extract<Placed, { kind: "record" }>): object {
    const text = new ClassText("Record");
    const leaves: Leaf[] = [];
    const children: unknown[] = [];
    for (const [name, of] of placed.fields) {
      if (of.kind === "scalar") {
        text.scalar(name, leaves.push(of.leaf) - 1, of.leaf);
      } else if (of.kind === "union") {
        text.assignable(name, children.push(this.make(of)) - 1);
      } else {
        text.child(name, children.push(this.make(of)) - 1);
      }
    }
    if (placed.fields.every(([, of]) => isAssignable(of))) text.assignAll(placed.fields, leaves);
    return this.instance(text, leaves, children);
  }

  private makeArray(elements: readonly Placed[]): unknown {
    if (elements.length === 0 || !isAssignable(elements[0])) {
      // Not frozen, although its elements are not to be replaced: V8 reads frozen arrays at half the speed.
      return elements.map((element) => this.make(element));
    }
    const text = new ClassText("FixedArray");
    const { leaves, children } = this.elementsOf(elements, text, "");
    text.line(`get length() { return ${elements.length}; }`);
    return this.instance(text, leaves, children);
  }

  /** Element accessors by index: of scalars directly, of unions and records through a child. */
  private elementsOf(elements: readonly Placed[], text: ClassText, unless: string) {
    const leaves: Leaf[] = [];
    const children: unknown[] = [];
    elements.forEach((of, i) => {
      const guard = unless === "" ? "" : `if (${unless.replaceAll("$i", String(i))}) return undefined; `;
      if (of.kind === "scalar") text.scalar(i, leaves.push(of.leaf) - 1, of.leaf, guard);
      else text.assignable(i, children.push(this.make(of)) - 1, guard);
    });
    return { leaves, children };
  }

  private makeQueue(placed: Extract<Placed, { kind: "queue" }>): object {
    const { length, elements } = placed;
    const text = new ClassText("Queue");
    const { leaves, children } = this.elementsOf(elements, text, "$i >= this.length");
    const at = leaves.push(length) - 1;
    text.scalarReader("length", at, length);
    text.line(`$setLength(v) { ${text.store(at, length, "v")} }`);
    // Unguarded element access, for moving elements and clearing the one that is vacated. An element is a
    // leaf or a child; both are numbered in the order of the elements.
    elements.forEach((of, i) => {
      if (of.kind === "scalar") {
        text.line(`$get${i}() { return ${text.load(i, of.leaf)}; }`);
        text.line(`$set${i}(v) { ${text.storeValue(i, of.leaf, "v")} }`);
        text.line(`$clear${i}() { ${text.store(i, of.leaf, "0")} }`);
      } else {
        text.line(`$get${i}() { return this.$c${i}; }`);
        text.line(`$set${i}(v) { this.$c${i}.$assign(v); }`);
        text.line(`$clear${i}() { this.$c${i}.$clear(); }`);
      }
    });
    const full = text.constant({ capacity: elements.length, path: length.path.replace(/\.length$/, "") });
    text.line(`push(v) { const n = this.length; switch (n) {
      ${elements.map((_, i) => `case ${i}: this.$set${i}(v); break;`).join("\n")}
      default: throw $overflow(${full}); }
      this.$setLength(n + 1); return n + 1; }`);
    const first = elements[0];
    const take =
      first.kind === "scalar"
        ? "const first = this.$get0();"
        : "const first = this.$get0().$copyTo(this.$shifted);";
    text.line(`shift() { const n = this.length; if (n === 0) return undefined; ${take}
      ${elements.map((_, i) => (i === 0 ? "" : `if (n > ${i}) this.$set${i - 1}(this.$get${i}());`)).join("\n")}
      switch (n) { ${elements.map((_, i) => `case ${i + 1}: this.$clear${i}(); break;`).join(" ")} }
      this.$setLength(n - 1); return first; }`);
    text.field("$shifted", "{}");
    return this.instance(text, leaves, children);
  }

  private makeSet(members: readonly Leaf[]): object {
    const text = new ClassText("IndexSet");
    const path = text.constant(members[0]?.path.replace(/\.has\(0\)$/, "") ?? "an empty set");
    const read = members.map((leaf, i) => text.load(i, leaf));
    const cases = (body: (i: number) => string): string =>
      `switch (v) { ${members.map((_, i) => `case ${i}: ${body(i)}`).join(" ")} }`;
    text.line(`has(v) { ${cases((i) => `return ${read[i]};`)} return false; }`);
    text.line(
      `add(v) { ${cases((i) => `${text.store(i, members[i], "1")} return this;`)} throw $foreign(${path}, v); }`,
    );
    text.line(
      `delete(v) { ${cases((i) => `{ const had = ${read[i]}; ${text.store(i, members[i], "0")} return had; }`)} return false; }`,
    );
    text.line(`get size() { return ${read.map((of) => `(${of} ? 1 : 0)`).join(" + ") || "0"}; }`);
    text.line(
      `*[Symbol.iterator]() { ${members.map((_, i) => `if (this.has(${i})) yield ${i};`).join(" ")} }`,
    );
    return this.instance(text, members, []);
  }

  private makeUnion(placed: Extract<Placed, { kind: "union" }>): object {
    const text = new ClassText("Union");
    const leaves: Leaf[] = [placed.tag, ...placed.fields.map(([, leaf]) => leaf)];
    text.scalarReader("tag", 0, placed.tag);
    placed.fields.forEach(([name, leaf], i) => text.scalar(name, i + 1, leaf));
    const { variants } = placed.shape;
    const setFields = (tag: string): string =>
      placed.fields
        .map(([name, leaf], i) =>
          variants[tag].includes(name)
            ? text.storeValue(i + 1, leaf, `v[${JSON.stringify(name)}]`)
            : text.store(i + 1, leaf, "0"),
        )
        .join(" ");
    const copyFields = (tag: string): string =>
      variants[tag].map((name) => `to[${JSON.stringify(name)}] = this[${JSON.stringify(name)}];`).join(" ");
    const tags = Object.keys(variants);
    text.line(`$assign(v) { switch (v.tag) {
      ${tags.map((tag, code) => `case ${JSON.stringify(tag)}: ${text.store(0, placed.tag, String(code))} ${setFields(tag)} break;`).join("\n")}
      default: ${text.storeValue(0, placed.tag, "v.tag")} } }`);
    text.line(`$copyTo(to) { to.tag = this.tag; switch (to.tag) {
      ${tags.map((tag) => `case ${JSON.stringify(tag)}: ${copyFields(tag)} break;`).join("\n")} } return to; }`);
    text.line(`$clear() { ${leaves.map((leaf, i) => text.store(i, leaf, "0")).join(" ")} }`);
    return this.instance(text, leaves, []);
  }

  private instance(text: ClassText, leaves: readonly Leaf[], children: readonly unknown[]): object {
    const key = text.key();
    let Class = this.classes.get(key);
    if (Class === undefined) {
      Class = text.compile(this.words);
      this.classes.set(key, Class);
    }
    return new Class(leaves, children);
  }
}

function isAssignable(placed: Placed): boolean {
  return placed.kind === "scalar" || placed.kind === "union";
}

/** Up to this many values are told apart by comparison, which beats a lookup by hash. */
const fewValues = 32;

/** The text of one accessor class, and the constants that it refers to. */
class ClassText {
  private readonly name: string;
  private readonly lines: string[] = [];
  private readonly inConstructor: string[] = [];
  private readonly constants: unknown[] = [];
  private readonly used = new Set<number>();

  constructor(name: string) {
    this.name = name;
  }

  line(text: string): void {
    this.lines.push(text);
  }

  field(name: string, value: string): void {
    this.inConstructor.push(`this.${name} = ${value};`);
  }

  constant(value: unknown): string {
    return `K${this.constants.push(value) - 1}`;
  }

  private place(k: number): void {
    if (this.used.has(k)) return;
    this.used.add(k);
    this.inConstructor.push(`this.$w${k} = leaves[${k}].word; this.$s${k} = leaves[${k}].shift;`);
  }

  /** An expression for the value of leaf `k`. */
  load(k: number, leaf: Leaf): string {
    const { shape } = leaf;
    this.place(k);
    const code = `((W[this.$w${k}] >>> this.$s${k}) & ${leaf.mask})`;
    switch (shape.coding) {
      case "number":
        return shape.low === 0 ? code : `(${code} + ${shape.low})`;
      case "bool":
        return `(${code} !== 0)`;
      case "table":
      case "optional":
        return `${this.constant(shape.values)}[${code}]`;
    }
  }

  /** Statements that store a code into leaf `k`. */
  store(k: number, leaf: Leaf, code: string): string {
    this.place(k);
    return `W[this.$w${k}] = (W[this.$w${k}] & ~(${leaf.mask} << this.$s${k})) | ((${code}) << this.$s${k});`;
  }

  /** Statements that store the value `v` into leaf `k`, and throw where `v` is not one of its values. */
  storeValue(k: number, leaf: Leaf, v: string): string {
    const { shape } = leaf;
    const { low, cardinality, values } = shape;
    const bad = this.constant({ path: leaf.path.replaceAll(/\[\d+\]/g, "[]"), shape });
    const otherwise = `else $wrong($v, ${bad});`;
    const number = (first: number, shift: number): string =>
      // Compared with `===` because null and booleans, which are no numbers here, coerce to some.
      `{ const $n = ($v - ${low} + ${shift}) | 0;
         if ($n >= ${first} && $n < ${cardinality} && $n - ${shift} + ${low} === $v) $c = $n; ${otherwise} }`;
    const encode = (): string => {
      switch (shape.coding) {
        case "number":
          return number(0, 0);
        case "bool":
          return `if ($v === true) $c = 1; else if ($v !== false) $wrong($v, ${bad});`;
        case "optional":
          return `if ($v !== null) ${number(1, 1)}`;
        case "table": {
          if (values.length > fewValues) {
            const codes = this.constant(new Map(values.map((value, code) => [value, code])));
            return `$c = ${codes}.get($v); if ($c === undefined) $wrong($v, ${bad});`;
          }
          const tests = values.map((value, code) => `if ($v === ${JSON.stringify(value)}) $c = ${code};`);
          return `${tests.join(" else ")} ${otherwise}`;
        }
      }
    };
    return `{ const $v = ${v}; let $c = 0; ${encode()} ${this.store(k, leaf, "$c")} }`;
  }

  scalarReader(name: string | number, k: number, leaf: Leaf, guard = ""): void {
    this.line(`get ${JSON.stringify(name)}() { ${guard}return ${this.load(k, leaf)}; }`);
  }

  scalar(name: string | number, k: number, leaf: Leaf, guard = ""): void {
    this.scalarReader(name, k, leaf, guard);
    this.line(`set ${JSON.stringify(name)}(v) { ${this.storeValue(k, leaf, "v")} }`);
  }

  /** A child that is changed in place. */
  child(name: string, k: number): void {
    this.inConstructor.push(`this[${JSON.stringify(name)}] = children[${k}];`);
  }

  /** A child that may also be assigned as a whole. */
  assignable(name: string | number, k: number, guard = ""): void {
    this.inConstructor.push(`this.$c${k} = children[${k}];`);
    this.line(`get ${JSON.stringify(name)}() { ${guard}return this.$c${k}; }`);
    this.line(`set ${JSON.stringify(name)}(v) { this.$c${k}.$assign(v); }`);
  }

  /** For flat records, which may be elements of a queue: assignment as a whole, copying out, clearing. */
  assignAll(fields: readonly (readonly [string, Placed])[], leaves: readonly Leaf[]): void {
    const keys = fields.map(([name]) => JSON.stringify(name));
    this.line(`$assign(v) { ${keys.map((key) => `this[${key}] = v[${key}];`).join(" ")} }`);
    const copies = fields.map(([name, of]) => {
      const key = JSON.stringify(name);
      return of.kind === "union" ? `to[${key}] = this[${key}].$copyTo({});` : `to[${key}] = this[${key}];`;
    });
    this.line(`$copyTo(to) { ${copies.join(" ")} return to; }`);
    const clears = fields.map(([name, of]) =>
      of.kind === "scalar"
        ? this.store(leaves.indexOf(of.leaf), of.leaf, "0")
        : `this[${JSON.stringify(name)}].$clear();`,
    );
    this.line(`$clear() { ${clears.join(" ")} }`);
  }

  /** Two places share a class where text and constants are the same but for the paths in error messages. */
  key(): string {
    const constants = this.constants.map((value) => (value instanceof Map ? [...value] : value));
    const withoutPaths = (key: string, value: unknown): unknown => (key === "path" ? undefined : value);
    return `${this.text()}\n${JSON.stringify(constants, withoutPaths)}`;
  }

  private text(): string {
    const constants = this.constants.map((_, i) => `const K${i} = K[${i}];`).join(" ");
    return `${constants} return class ${this.name} { constructor(leaves, children) { ${this.inConstructor.join("\n")}  Object.freeze(this); }
      ${this.lines.join("\n")} }`;
  }

  compile(words: Int32Array): AnyClass {
    // As constants of the enclosing function, not as its parameters, they are known to the JIT compiler.
    const names = Object.keys(helpers);
    const known = `const W = words; const { ${names.join(", ")} } = helpers;`;
    const make = new Function("words", "K", "helpers", `${known} ${this.text()}`);
    const Class = make(words, this.constants, helpers) as AnyClass;
    if (this.name === "FixedArray" || this.name === "Queue") {
      for (const method of sequenceMethods) {
        Object.defineProperty(Class.prototype, method, { value: Array.prototype[method as "every"] });
      }
    }
    return Class;
  }
}

/** Generic methods of arrays that work on anything with a length and indices. */
const sequenceMethods = [
  "every",
  "some",
  "find",
  "findIndex",
  "filter",
  "map",
  "forEach",
  Symbol.iterator,
] as const;

interface Bad {
  readonly path: string;
  readonly shape: ScalarShape;
}

// What generated code calls.
// oxlint-disable-next-line no-explicit-any
const helpers: Record<string, any> = {
  $wrong(value: unknown, { path, shape }: Bad): never {
    throw outOfRange(path, value, shape);
  },
  $overflow: ({ path, capacity }: { path: string; capacity: number }) =>
    queueOverflow(path, capacity + 1, capacity),
  $foreign: foreignMember,
};
