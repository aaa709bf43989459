/**
 * Text for the packed evaluator: the calls of the recipes, written out.
 *
 * A recipe called in a loop over instances is one call site for all of them, which the JIT compiler cannot inline.
 * Written out, each is a call site of its own, in functions small enough that V8's budget for inlining lasts for the
 * accessors that the recipes use. A state is copied into the words that the accessors read; what a step wrote is
 * copied out and undone.
 */
import type { ActionInstance, Instance, PropertyInstance } from "../model/model.ts";
import { bodyOf } from "../model/rule.ts";
import type { Leaf } from "../schema/layout.ts";
import type { Successors } from "./evaluator.ts";

/** One process: where its control label lies, and what is tried at each label's code. */
export interface Dispatch<S> {
  readonly control: Leaf;
  readonly byCode: readonly (readonly ActionInstance<S>[])[];
  readonly idleCode: number;
  /** The place among the dispatches of element 0 of this process. */
  readonly firstOfProcess: number;
}

/** What the text refers to. */
export interface PackedHost<S> {
  readonly of: Instance<S>;
  /** The words that the accessors read, and the accessors. */
  readonly work: Int32Array;
  readonly state: S;
  readonly dispatches: readonly Dispatch<S>[];
  /** By dispatch: whether the process is in a call and has no enabled step in the state expanded last. */
  readonly isBlocked: Uint8Array;
  checkStep(instance: number, outcome: string, words: Int32Array, offset: number, out: Successors): void;
  /** What a recipe of an instance, or of an invariant, threw, as an error that names it. */
  explainStep(error: unknown, instance: number): unknown;
  explainInvariant(error: unknown, invariant: number): unknown;
}

export interface PackedCode {
  /** Appends the successors of a state, and returns whether some process is blocked. The state is then in `work`. */
  expand(words: Int32Array, offset: number, out: Successors): boolean;
  /** Of the state in `work`: the first violated invariant from a given one on, or -1. */
  firstViolated(from: number): number;
  /** Of `count` states one behind the other, how many violate no invariant before the first that does, or may. */
  countClean(words: Int32Array, offset: number, count: number): number;
}

/** So many recipes are called in one function. */
const inOneFunction = 6;

export function packedCode<S>(host: PackedHost<S>): PackedCode {
  const text = new PackedText(host).text();
  // The functions that the text refers to are the model's own.
  // oxlint-disable-next-line typescript/no-implied-eval, no-new-func
  return new Function("host", text)(host) as PackedCode;
}

class PackedText<S> {
  private readonly host: PackedHost<S>;
  private readonly words: number;
  private readonly lines: string[] = [];
  private functions = 0;

  constructor(host: PackedHost<S>) {
    this.host = host;
    this.words = host.work.length;
  }

  text(): string {
    const { dispatches, of } = this.host;
    const expand = [
      ...dispatches.map((dispatch, i) => this.dispatch(dispatch, i)),
      this.tries(of.environment).join(" "),
    ];
    const invariants = this.parts(of.invariants);
    const clean = invariants.map((part) => this.holds(part));
    const search = invariants.map((part) => this.search(part));
    return `"use strict";
const { of, work: W, state: S, isBlocked, checkStep, explainStep, explainInvariant } = host;
const { setting, instances, invariants } = of;
${this.lines.join("\n")}
function load(words, offset) { ${this.each((i) => `W[${i}] = words[offset + ${i}];`)} }
return {
  expand(words, offset, out) {
    load(words, offset);
    let isAny = false, before = 0;
    ${expand.join("\n")}
    return isAny;
  },
  firstViolated(from) {
    let found = -1;
    ${search.join("\n")}
    return -1;
  },
  countClean(words, offset, count) {
    let n = 0;
    try {
      for (; n < count; n++, offset += ${this.words}) {
        load(words, offset);
        if (!(${clean.join(" && ") || "true"})) return n;
      }
    } catch { /* The search looks at this state by itself. */ }
    return n;
  },
};`;
  }

  private each(text: (i: number) => string): string {
    return Array.from({ length: this.words }, (_, i) => text(i)).join(" ");
  }

  private parts<T>(all: readonly T[]): T[][] {
    const count = Math.ceil(all.length / inOneFunction);
    return Array.from({ length: count }, (_, i) => all.slice(i * inOneFunction, (i + 1) * inOneFunction));
  }

  private function(parameters: string, body: string): string {
    const name = `part${this.functions++}`;
    this.lines.push(`function ${name}(${parameters}) { ${body} }`);
    return name;
  }

  private dispatch({ control, byCode, idleCode }: Dispatch<S>, number: number): string {
    const cases = byCode.map((instances, code) => {
      if (instances.length === 0) return "";
      const tries = this.tries(instances).join(" ");
      if (code === idleCode) return `case ${code}: ${tries} break;`;
      return `case ${code}: before = out.count; ${tries}
        if (out.count === before) { isBlocked[${number}] = 1; isAny = true; } break;`;
    });
    return `isBlocked[${number}] = 0;
    switch ((W[${control.word}] >>> ${control.shift}) & ${control.mask}) { ${cases.join("\n")} }`;
  }

  /** Calls of functions that try the instances. */
  private tries(instances: readonly ActionInstance<S>[]): string[] {
    return this.parts(instances).map((part) => {
      const body = part.map((instance) => this.tryOne(instance)).join("\n");
      const name = this.function(
        "words, offset, out",
        `let at = 0; try { ${body} } catch (error) { throw explainStep(error, at); }`,
      );
      return `${name}(words, offset, out);`;
    });
  }

  private tryOne({ id, action }: ActionInstance<S>): string {
    const rule = bodyOf(action);
    const checked = this.host.of.stepProperties.length > 0;
    const emit = (outcome: string): string => `{
      const to = out.nextOffset(), into = out.words;
      ${this.each((i) => `into[to + ${i}] = W[${i}];`)}
      out.instances[out.count] = ${id};
      ${checked ? `checkStep(${id}, ${outcome}, words, offset, out);` : ""}
      out.count++;
      ${this.each((i) => `W[${i}] = words[offset + ${i}];`)} }`;
    if (rule === undefined) {
      this.lines.push(`const f${id} = instances[${id}].fireAtLabel;`);
      return `{ at = ${id}; const outcome = f${id}(S); if (outcome !== null) ${emit("outcome")} }`;
    }
    const guard = rule.when === undefined ? "" : `if (w${id}(S, a${id}, setting))`;
    this.lines.push(
      `const { when: w${id}, then: t${id} } = instances[${id}].action.rule, a${id} = instances[${id}].args;`,
    );
    return `at = ${id}; ${guard} { t${id}(S, a${id}, setting); ${emit('""')} }`;
  }

  /** An expression that tells whether all these invariants hold. */
  private holds(part: readonly PropertyInstance<{ name: string }>[]): string {
    for (const { id } of part)
      this.lines.push(`const h${id} = invariants[${id}].property.holds, b${id} = invariants[${id}].args;`);
    const all = part.map(({ id }) => `h${id}(S, b${id}, setting)`);
    return `${this.function("", `return ${all.join(" && ")};`)}()`;
  }

  private search(part: readonly PropertyInstance<{ name: string }>[]): string {
    const [first] = part;
    const cases = part.map(({ id }) => `case ${id}: at = ${id}; if (!h${id}(S, b${id}, setting)) return at;`);
    const name = this.function(
      "from",
      `let at = from; try { switch (from) { ${cases.join("\n")} } }
       catch (error) { throw explainInvariant(error, at); } return -1;`,
    );
    const last = first.id + part.length - 1;
    return `if (from <= ${last}) { found = ${name}(from < ${first.id} ? ${first.id} : from); if (found >= 0) return found; }`;
  }
}
