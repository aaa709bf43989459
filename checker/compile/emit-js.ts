/**
 * A compiled model as JavaScript: one function for each control label (or several, where there is much to
 * try), and one that dispatches on the labels.
 *
 * V8 optimises functions up to a certain size only, so bodies are split; each part loads the words of the
 * state anew, which costs less than passing them.
 */
import { statementsOf } from "./groups.ts";
import type { Dispatch, Label, Module, Stmt } from "./ir.ts";
import { countOperations } from "./operations.ts";
import { Printer, type Printing } from "./print-js.ts";

/** What generated code calls. */
export interface Host {
  /** Tries an instance by its recipe: appends the successor, if any, and returns the number of successors. */
  tryInstance(instance: number, words: Int32Array, offset: number, count: number): number;
  /** Notes that a step broke a property. */
  broken(successor: number, property: number): void;
  /** Checks a step by the property's recipe. */
  checkStep(property: number, instance: number, words: Int32Array, offset: number, successor: number): void;
  tryInvariant(id: number, words: Int32Array, offset: number): void;
  tryWitness(id: number, words: Int32Array, offset: number, reached: Uint8Array): void;
  violated(id: number): void;
}

/** The functions of a compiled model. Where the packed evaluator has to take over, they return -1. */
export interface Code {
  /**
   * Expands up to `count` states that lie one behind the other: appends successors from number `n` on, and writes into
   * `ends`, from `first` on, where each state's end. Returns the number of states expanded: it stops after one in which
   * a process may be blocked for good or that has no successor, after one with which there are `enough`, and, `hasFailed`, before
   * one that the packed evaluator has to expand.
   */
  expand(
    words: Int32Array,
    offset: number,
    count: number,
    n: number,
    into: Int32Array,
    instances: Int32Array,
    enough: number,
    ends: Int32Array,
    first: number,
  ): number;
  hasFailed(): boolean;
  /** Of the state last expanded: the dispatches whose process is blocked, as a bit set (modulo 32). */
  blocked(): number;
  /** On whom a blocked process waits: see `Label.waits`. */
  waitsOn(dispatch: number, words: Int32Array, offset: number): number;
  /** Tells the host of the violated invariants; returns how many. */
  invariants(words: Int32Array, offset: number): number;
  /** Of `count` states one behind the other, how many violate no invariant before the first that does, or may. */
  countClean(words: Int32Array, offset: number, count: number): number;
  witnesses(words: Int32Array, offset: number, reached: Uint8Array): number;
}

/** Operations up to which `expand` is one function: then nothing is loaded twice. */
const mostInline = 4000;
/** Operations in one function otherwise. */
const mostOperations = 2500;

export interface Emitted {
  readonly code: Code;
  /** The text that was compiled, for its size and for a look at it. */
  readonly text: string;
}

export function emitJavaScript(module: Module, host: Host): Emitted {
  const text = new ModuleText(module).text();
  const make = new Function("host", text) as (host: Host) => Code;
  return { code: make(host), text };
}

class ModuleText {
  private readonly module: Module;
  private readonly functions: string[] = [];
  /** Whether all that `expand` does is small enough to be written in that one function. */
  private readonly isInline: boolean;

  constructor(module: Module) {
    this.module = module;
    const labels = module.dispatches.flatMap((dispatch) => dispatch.labels);
    const operations = [module.environment, ...labels.map(({ body }) => body)].map(countOperations);
    this.isInline = operations.reduce((sum, count) => sum + count, 0) <= mostInline;
  }

  text(): string {
    const { module } = this;
    const checks = module.checks.map((body, i) => this.check(`check${i}`, body));
    const dispatches = module.dispatches.map((dispatch, i) => this.dispatch(dispatch, i));
    const environment = this.tries("environment", module.environment);
    const all = `${dispatches.join("\n")}\n${environment}`;
    const waits = module.dispatches.map((dispatch, i) => this.waits(dispatch, i));
    const invariants = this.formulas("invariant", statementsOf(module.invariants), "");
    const witnesses = this.formulas("witness", module.witnesses, ", reached");
    return `"use strict";
let blocked = 0, failed = false, found = 0;
${checks.join("\n")}
${this.functions.join("\n")}
${this.isInline ? "" : `function expandOne(words, offset, n, W, I) {\n${all}\nreturn n;\n}`}
function expand(words, offset, count, n, W, I, enough, ends, first) {
failed = false;
${this.isInline ? `let to = n * ${module.words};` : ""}
for (let k = 0; k < count; k++, offset += ${module.words}) {
blocked = 0;
const before = n;
${
  this.isInline
    ? `${loadsOf(module.words)}\n${all}`
    : `n = expandOne(words, offset, n, W, I); if (n < 0) { failed = true; return k; }`
}
ends[first + k] = n;
if (n === before || n >= enough || (blocked !== 0 && !goesOn(words, offset))) return k + 1;
}
return count;
}
function waitsOn(dispatch, words, offset) {
switch (dispatch) {
${waits.join("\n")}
}
return -1;
}
function goesOn(words, offset) {
${this.goesOn()}
}
function invariants(words, offset) {
found = 0;
${invariants}
return found;
}
function countClean(words, offset, count) {
for (let n = 0; n < count; n++, offset += ${module.words}) if (invariants(words, offset) !== 0) return n;
return count;
}
function witnesses(words, offset, reached) {
${witnesses}
return 0;
}
return { expand, hasFailed: () => failed, blocked: () => blocked, waitsOn, invariants, countClean, witnesses };`;
  }

  /** Statements in parts that V8 will optimise. */
  private split(statements: readonly Stmt[]): Stmt[][] {
    const parts: Stmt[][] = [];
    let room = 0;
    for (const stmt of statements) {
      const cost = countOperations([stmt]);
      if (cost > room) {
        parts.push([]);
        room = mostOperations;
      }
      parts[parts.length - 1].push(stmt);
      room -= cost;
    }
    return parts;
  }

  // Successors

  /** Text that tries what the statements try, in functions of their own unless `expand` has room. */
  private tries(name: string, statements: readonly Stmt[]): string {
    if (this.isInline) return this.block(statements);
    return this.split(statements)
      .map((part, number) => this.functionFor(`${name}_${number}`, this.block(part)))
      .join("\n");
  }

  private block(statements: readonly Stmt[]): string {
    return `{\n${this.print(statements, this.expanding).text}\n}`;
  }

  /** Makes a function of text that appends successors, and returns its call. */
  private functionFor(name: string, text: string): string {
    const { words } = this.module;
    this.functions.push(
      `function ${name}(words, offset, n, W, I) {\nlet to = n * ${words}; ${loadsOf(words)}\n${text}\nreturn n;\n}`,
    );
    return `n = ${name}(words, offset, n, W, I); if (n < 0) return -1;`;
  }

  private dispatch({ control, labels }: Dispatch, number: number): string {
    const code = `(words[offset + ${control.word}] >>> ${control.shift}) & ${control.mask}`;
    if (this.isInline)
      return `switch (${code}) {\n${nonEmpty(labels.map((label, i) => this.caseOf(label, i, number)))}\n}`;
    // Labels in groups of a size that V8 optimises.
    const groups: { last: number; cases: string[] }[] = [];
    let room = 0;
    labels.forEach((label, i) => {
      const cost = countOperations(label.body);
      if (groups.length === 0 || cost > room) {
        groups.push({ last: i, cases: [] });
        room = mostOperations;
      }
      const group = groups[groups.length - 1];
      group.last = i;
      room -= cost;
      const huge = cost > mostOperations ? this.tries(`at_${number}_${i}`, label.body) : null;
      group.cases.push(this.caseOf(label, i, number, huge));
    });
    const name = `code${number}`;
    const calls = groups.map(({ last, cases }, i) => {
      const text = `switch (${code}) {\n${nonEmpty(cases)}\n}`;
      const call = this.functionFor(`process${number}_${i}`, text);
      return i === groups.length - 1 ? `{ ${call} }` : `if (${name} <= ${last}) { ${call} } else`;
    });
    return `const ${name} = ${code};\n${calls.join("\n")}`;
  }

  private caseOf(
    { body, isBlocking }: Label,
    code: number,
    number: number,
    text: string | null = null,
  ): string {
    const block = `blocked |= ${1 << (number & 31)};`;
    if (body.length === 0) return isBlocking ? `case ${code}: ${block} break;` : "";
    const tried = text ?? this.block(body);
    if (!isBlocking) return `case ${code}: ${tried} break;`;
    return `case ${code}: { const none = n; ${tried} if (n === none) ${block} break; }`;
  }

  private waits({ control, labels }: Dispatch, number: number): string {
    const cases = labels.map(({ waits }, code) => {
      if (waits.length === 0) return "";
      const name = `waits_${number}_${code}`;
      const body = this.body(waits, { ...this.plain, deopt: "return -1;" });
      this.functions.push(`function ${name}(words, offset) {\n${body}\nreturn -1;\n}`);
      return `case ${code}: return ${name}(words, offset);`;
    });
    const code = `(words[offset + ${control.word}] >>> ${control.shift}) & ${control.mask}`;
    return `case ${number}: switch (${code}) {\n${nonEmpty(cases)}\n} break;`;
  }

  /** Does every blocked process wait for a lock, at whatever remove, of one that is not? Most do. */
  private goesOn(): string {
    const { length } = this.module.dispatches;
    // More than the set tells apart are left to the caller.
    if (length > 32) return "return false;";
    return `for (let rest = blocked; rest !== 0; rest &= rest - 1) {
let i = 31 - Math.clz32(rest & -rest);
for (let hops = 0; ; hops++) {
const on = hops === ${length} ? -1 : waitsOn(i, words, offset);
if (on < 0) return false;
if (((blocked >>> on) & 1) === 0) break;
i = on;
}
}
return true;`;
  }

  // Properties

  private check(name: string, statements: readonly Stmt[]): string {
    const body = this.body(statements, { ...this.plain, deopt: "return -1;" });
    return `function ${name}(words, offset, W, to) {\n${body}\nreturn 0;\n}`;
  }

  private formulas(name: string, statements: readonly Stmt[], more: string): string {
    const calls = this.split(statements).map((part, i) => {
      const body = this.body(part, {
        ...this.plain,
        deopt: "return -1;",
        report: (id) => (name === "witness" ? `reached[${id}] = 1;` : `{ host.violated(${id}); found++; }`),
        tryInstance: (id) =>
          name === "witness"
            ? `host.tryWitness(${id}, words, offset, reached);`
            : `host.tryInvariant(${id}, words, offset);`,
        isReached: (id) => `reached[${id}] !== 0`,
      });
      this.functions.push(`function ${name}_${i}(words, offset${more}) {\n${body}\nreturn 0;\n}`);
      return `if (${name}_${i}(words, offset${more}) < 0) return -1;`;
    });
    return calls.join("\n");
  }

  // Functions

  private readonly plain: Printing = {
    emit: () => fail("a successor outside expand"),
    tryInstance: () => fail("a recipe outside expand"),
    report: () => fail("a report outside a property"),
    isReached: () => fail("a witness outside the witnesses"),
    deopt: "",
    word: (bank, index) => `${bank === 0 ? "a" : "b"}${index}`,
  };

  /** How statements are printed that append successors. */
  private get expanding(): Printing {
    const count = this.module.words;
    const giveUp = this.isInline ? "{ failed = true; return k; }" : "return -1;";
    return {
      ...this.plain,
      deopt: giveUp,
      tryInstance: (instance) =>
        `n = host.tryInstance(${instance}, words, offset, n); if (n < 0) ${giveUp} to = n * ${count};`,
      emit: ({ instance, checks }, words) => {
        const stores = words.map((word, i) => `W[to${i === 0 ? "" : ` + ${i}`}] = ${word};`);
        const checking = checks.map(({ property, fn }) =>
          fn < 0
            ? `host.checkStep(${property}, ${instance}, words, offset, n);`
            : `{ const is = check${fn}(words, offset, W, to); if (is !== 0) { if (is < 0) ${giveUp} host.broken(n, ${property}); } }`,
        );
        return `${stores.join(" ")} I[n] = ${instance}; ${checking.join(" ")} n++; to += ${count};`;
      },
    };
  }

  /** The text of statements, after the loads of the words that they use. */
  private body(statements: readonly Stmt[], printing: Printing): string {
    const { text, used } = this.print(statements, printing);
    const loads = used.map(({ bank, index }) => {
      const from = bank === 0 ? "words[offset" : "W[to";
      return `const ${printing.word(bank, index)} = ${from} + ${index}];`;
    });
    return `${loads.join(" ")}\n${text}`;
  }

  private print(statements: readonly Stmt[], printing: Printing) {
    const printer = new Printer(printing);
    return { text: printer.print(statements), used: printer.usedWords() };
  }
}

function loadsOf(words: number): string {
  return Array.from({ length: words }, (_, i) => `const a${i} = words[offset + ${i}];`).join(" ");
}

function nonEmpty(lines: readonly string[]): string {
  return lines.filter((line) => line !== "").join("\n");
}

function fail(what: string): never {
  throw new Error(what);
}
