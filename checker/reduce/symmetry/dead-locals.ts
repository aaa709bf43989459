/**
 * Dead locals: what a frame holds at a control label from which nothing reads it any more before it is written
 * again. States that differ only there behave alike, so the search may take them for one.
 *
 * It is worked out on the compiled model, as liveness over control flow: a local is live at a label where the
 * label's own step depends on it, or anybody's step, a property, a witness or the question of who waits for whom
 * does while the process is there; or where what a live local becomes depends on it. What is not compiled counts as
 * reading everything.
 */
import type { Compiled } from "../../compile/compile.ts";
import { statementsOf } from "../../compile/groups.ts";
import type { Dispatch, Expr, Stmt } from "../../compile/ir.ts";
import { controlLeaf } from "../../evaluate/packed.ts";
import type { Instance, ProcessInstance } from "../../model/model.ts";
import type { Leaf, Placed } from "../../schema/layout.ts";
import { valueOf } from "../../schema/shape.ts";
import { Demand } from "./demand.ts";
import type { Guard } from "./structure.ts";

export interface DeadLocals {
  /** By local that is dead somewhere: the labels at which it is not. */
  readonly live: ReadonlyMap<Leaf, Guard>;
  /** Why there are none in some process: one sentence each. */
  readonly notes: readonly string[];
  /** Of how many locals at how many labels: how many are dead there. */
  readonly share: readonly [dead: number, all: number];
}

/** Finds the dead locals of every process of a compiled instance. */
export function findDeadLocals<S>(
  of: Instance<S>,
  { module, fallbacks }: Pick<Compiled, "module" | "fallbacks">,
): DeadLocals {
  const live = new Map<Leaf, Guard>();
  const notes: string[] = [];
  let first = 0;
  let [dead, all] = [0, 0];
  for (const process of of.processes) {
    const dispatches = module.dispatches.slice(first, first + process.size);
    try {
      const elements = dispatches.map((dispatch, self) => new Liveness(of, module, process, self, dispatch));
      for (const { name, at } of joined(elements)) {
        all += at.length;
        dead += at.filter((isLive) => isLive === 0).length;
        if (at.every((isLive) => isLive === 1)) continue;
        for (const { control, locals } of elements) {
          const leaf = locals.get(name);
          if (leaf !== undefined) live.set(leaf, { leaf: control, allowed: at });
        }
      }
    } catch (error) {
      if (!(error instanceof Unknown)) throw error;
      const example = fallbacks.length === 0 ? "" : ` (${fallbacks[0].name}: ${fallbacks[0].reason})`;
      notes.push(`locals of ${process.process.name} are kept: ${error.message}${example}`);
    }
    first += process.size;
  }
  return { live, notes, share: [dead, all] };
}

/**
 * By local, by code of the control label. A local is dead at a label only where it is so for every element of the
 * process; and where it is not for one, it lives on the others' ways there, too.
 */
function joined<S>(elements: readonly Liveness<S>[]): { name: string; at: Uint8Array }[] {
  if (elements.length === 0) return [];
  const [first] = elements;
  const live = Array.from({ length: first.control.shape.cardinality }, () => new Set<number>());
  const flows = elements.map((element) => element.find(live));
  while (flows.some((each) => spread(live, each)));
  return [...first.locals.keys()].map((name, i) => ({
    name,
    at: Uint8Array.from(live, (locals) => (locals.has(i) ? 1 : 0)),
  }));
}

/** Backwards, until nothing more becomes live; returns whether anything did. */
function spread(live: readonly Set<number>[], flows: readonly (readonly Flow[])[]): boolean {
  let isMore = false;
  for (let changed = true; changed; ) {
    changed = false;
    flows.forEach((list, code) => {
      const before = live[code].size;
      for (const { targets, from } of list) {
        for (const target of targets) {
          for (const local of live[target]) for (const source of from[local]) live[code].add(source);
        }
      }
      if (live[code].size > before) changed = true;
    });
    if (changed) isMore = true;
  }
  return isMore;
}

/** Tests whose truth is taken for granted. */
type Truths = ReadonlyMap<Expr, boolean>;

/** Beyond so many ways to go on, they are not told apart: dead locals may be missed. */
const mostWays = 16;

/** Something may read anything. */
class Unknown extends Error {}

/** A successor: where it leads, and what each local becomes. */
interface Flow {
  readonly targets: readonly number[];
  /** By local (its place in the list): the locals that its new value depends on. */
  readonly from: readonly (readonly number[])[];
}

class Liveness<S> {
  private readonly of: Instance<S>;
  private readonly module: Compiled["module"];
  private readonly dispatch: Dispatch;
  readonly control: Leaf;
  readonly locals: ReadonlyMap<string, Leaf>;
  private readonly leaves: readonly Leaf[];

  constructor(
    of: Instance<S>,
    module: Compiled["module"],
    process: ProcessInstance<S>,
    self: number,
    dispatch: Dispatch,
  ) {
    this.of = of;
    this.module = module;
    this.dispatch = dispatch;
    const { frames, control } = process.process;
    this.control = controlLeaf(of.layout.root, frames, self, control);
    const locals = scalarsOf(of.layout.root, frames, self).filter(
      ([, leaf]) => leaf !== this.control && leaf.bits > 0,
    );
    this.locals = new Map(locals);
    this.leaves = locals.map(([, leaf]) => leaf);
  }

  /** Adds to `live`, by code of the label, what is read there, and tells how its steps go on from there. */
  find(live: readonly Set<number>[]): Flow[][] {
    const readers = this.othersThatRead();
    return live.map((locals, code) => {
      const demand = this.at(code);
      // Of a step property's two states, the process is known to be at the label in one at a time.
      const after = this.at(code, 1);
      for (const { body, bank } of readers) this.collect(body, bank === 0 ? demand : after);
      const flows = this.own(code, demand);
      for (const i of [...this.localsIn(demand, 0), ...this.localsIn(after, 1)]) locals.add(i);
      return flows;
    });
  }

  /** What is known while the process is at a label. */
  private at(code: number, bank = 0, when: Truths = new Map()): Demand {
    const { word, mask, shift } = this.control;
    const known = new Map([[word, { mask: mask << shift, value: code << shift }]]);
    return new Demand(bank === 0 ? [known] : [undefined, known], when);
  }

  /** The parts of the model, the process's own steps apart, that read its locals at some label. */
  private othersThatRead(): { body: readonly Stmt[]; bank: number }[] {
    const { module, dispatch } = this;
    const others = module.dispatches.filter((each) => each !== dispatch).flatMap(({ labels }) => labels);
    const isAsked = this.of.model.deadlock === "waiting";
    const statements = [
      ...module.environment,
      ...statementsOf(module.invariants),
      ...module.witnesses,
      ...others.flatMap(({ body }) => body),
      ...(isAsked ? others.flatMap(({ waits }) => waits) : []),
    ].map((each) => ({ body: [each], bank: 0 }));
    const checks = module.checks.flatMap((body) => [
      { body, bank: 0 },
      { body, bank: 1 },
    ]);
    return [...statements, ...checks].filter(({ body, bank }) => {
      const demand = new Demand([]);
      this.collect(body, demand);
      return this.localsIn(demand, bank).length > 0;
    });
  }

  private localsIn({ demanded }: Demand, bank: number): number[] {
    return this.leaves.flatMap(({ word, mask, shift }, i) =>
      ((demanded[bank].get(word) ?? 0) & (mask << shift)) === 0 ? [] : [i],
    );
  }

  /** Demands what statements of others depend on. The process's locals pass through their successors. */
  private collect(body: readonly Stmt[], demand: Demand): void {
    this.walk(body, demand, (words) => {
      for (const leaf of this.changeable(words)) {
        const found = newValueOf(words[leaf.word], leaf);
        const isOwn = this.leaves.includes(leaf) || leaf === this.control;
        if (leaf === this.control && found.values.length > 0)
          throw new Unknown("a step of another process changes where it is");
        if (!isOwn || found.values.length > 0) demandValue(demand, found);
      }
    });
  }

  /** The leaves in the words that a step changes. */
  private changeable(words: readonly Expr[]): Leaf[] {
    const isSame = words.map((word, k) => word.kind === "word" && word.bank === 0 && word.index === k);
    return this.of.layout.leaves.filter(({ word, bits }) => bits > 0 && !isSame[word]);
  }

  /** Demands what the process's own step at a label depends on, and tells where it leads. */
  private own(code: number, demand: Demand): Flow[] {
    const { body, waits, areWaitsKnown, isBlocking } = this.dispatch.labels[code];
    const flows: Flow[] = [];
    if (this.of.model.deadlock === "waiting" && isBlocking) {
      const label = String(valueOf(this.control.shape, code));
      if (!areWaitsKnown) throw new Unknown(`it is not known what decides whom it waits for at "${label}"`);
      this.walk(waits, demand, () => {});
    }
    this.walk(body, demand, (words) => {
      for (const leaf of this.changeable(words)) {
        if (!this.leaves.includes(leaf)) demandValue(demand, newValueOf(words[leaf.word], leaf));
      }
      for (const when of waysOn(words[this.control.word])) {
        const targets = codesOf(words[this.control.word], this.control, code, when) ?? [
          ...this.dispatch.labels.keys(),
        ];
        const from = this.leaves.map((leaf, i) => this.sources(words[leaf.word], leaf, i, code, when));
        flows.push({ targets, from });
      }
    });
    return flows;
  }

  /** The locals that a local's new value depends on. */
  private sources(word: Expr, leaf: Leaf, i: number, code: number, when: Truths): number[] {
    const found = newValueOf(word, leaf, when);
    if (found.values.length === 0) return [i];
    const demand = this.at(code, 0, when);
    demandValue(demand, found);
    return found.isKept ? [i, ...this.localsIn(demand, 0)] : this.localsIn(demand, 0);
  }

  private walk(body: readonly Stmt[], demand: Demand, emit: (words: readonly Expr[]) => void): void {
    for (const each of body) {
      switch (each.do) {
        case "if": {
          const decided = demand.decide(each.test);
          if (decided === null) demand.demand(each.test);
          if (decided !== false) this.walk(each.yes, demand, emit);
          if (decided !== true) this.walk(each.no, demand, emit);
          break;
        }
        case "emit":
          if (each.checks.some(({ fn }) => fn < 0)) throw new Unknown("a step property is not compiled");
          emit(each.words);
          break;
        case "deopt":
          demand.demand(each.when);
          break;
        case "try":
          throw new Unknown("a recipe is not compiled");
        case "report":
          demand.demand(each.when);
          break;
        case "unless-reached":
          this.walk(each.body, demand, emit);
          break;
        case "answer":
          demand.demand(each.when);
          demand.demand(each.value);
          break;
      }
    }
  }
}

/** Demands what decides a leaf's new value, and the value. What the leaf held before is not demanded. */
function demandValue(demand: Demand, { values, tests, isKept }: NewValue): void {
  if (values.length + Number(isKept) > 1) for (const test of tests) demand.demand(test);
  for (const { expr, bits } of values) demand.demand(expr, bits);
}

/** The scalars that are fields of a frame. */
function scalarsOf(root: Placed, frames: string, self: number): [string, Leaf][] {
  const list = root.kind === "record" ? root.fields.find(([name]) => name === frames)?.[1] : undefined;
  const frame = list?.kind === "array" ? list.elements[self] : undefined;
  if (frame?.kind !== "record") return [];
  return frame.fields.flatMap(([name, of]): [string, Leaf][] =>
    of.kind === "scalar" ? [[name, of.leaf]] : [],
  );
}

/** What a leaf holds after a step: what it held before, or a value; which of them, the tests decide. */
interface NewValue {
  isKept: boolean;
  /** Expressions, and which of their bits the leaf gets. */
  readonly values: { readonly expr: Expr; readonly bits: number }[];
  readonly tests: Expr[];
}

/** Follows how a word is put together down to what a leaf in it gets. */
function newValueOf(word: Expr, { word: index, mask, shift }: Leaf, when: Truths = new Map()): NewValue {
  const field = mask << shift;
  const found: NewValue = { isKept: false, values: [], tests: [] };
  const seen = new Set<Expr>();
  const visit = (expr: Expr): void => {
    if (seen.has(expr)) return;
    seen.add(expr);
    switch (expr.kind) {
      case "word":
        if (expr.bank === 0 && expr.index === index) found.isKept = true;
        else found.values.push({ expr, bits: field });
        return;
      case "select": {
        const decided = when.get(expr.test);
        if (decided === undefined) found.tests.push(expr.test);
        if (decided !== false) visit(expr.yes);
        if (decided !== true) visit(expr.no);
        return;
      }
      case "insert":
        if ((expr.touched & field) === 0) visit(expr.word);
        else found.values.push({ expr, bits: field });
        return;
      case "binary": {
        const { op, a, b } = expr;
        if (op === "or") {
          // A value is put into a field that was cleared before, and fits, also where its bounds do not show it.
          const ofB = b.low < 0 && b.kind !== "const" ? b.bits & ~a.bits : b.bits;
          if ((ofB & field) === 0) return visit(a);
          if ((a.bits & field) === 0) return visit(b);
        } else if (op === "and" && b.kind === "const") {
          if ((b.value & field) === field) return visit(a);
        }
        found.values.push({ expr, bits: field });
        return;
      }
      case "const":
        found.values.push({ expr, bits: field });
    }
  };
  visit(word);
  return found;
}

/** Where a step can lead to several labels: what decides between them, each way it can go. */
function waysOn(word: Expr): Truths[] {
  let ways: Map<Expr, boolean>[] = [new Map()];
  const visit = (expr: Expr): void => {
    if (expr.kind === "binary" && (expr.op === "and" || expr.op === "shl")) return visit(expr.a);
    if (expr.kind === "binary" && expr.op === "or") {
      visit(expr.a);
      return visit(expr.b);
    }
    if (expr.kind === "insert") return visit(expr.word);
    if (expr.kind !== "select" || ways.length >= mostWays) return;
    if (!ways[0].has(expr.test))
      ways = ways.flatMap((way) => [true, false].map((truth) => new Map([...way, [expr.test, truth]])));
    visit(expr.yes);
    visit(expr.no);
  };
  visit(word);
  return ways;
}

/** The codes that a leaf may hold in a word after a step from code `own`; null for any. */
function codesOf(word: Expr, leaf: Leaf, own: number, when: Truths): number[] | null {
  const { isKept, values } = newValueOf(word, leaf, when);
  const codes = new Set(isKept ? [own] : []);
  const visit = (expr: Expr, shift: number): boolean => {
    if (expr.kind === "const") {
      codes.add((shift >= 0 ? expr.value >>> shift : expr.value << -shift) & leaf.mask);
      return true;
    }
    if (expr.kind === "select") return visit(expr.yes, shift) && visit(expr.no, shift);
    if (expr.kind !== "binary") return false;
    if ((expr.bits & (leaf.mask << leaf.shift)) === 0 && shift === leaf.shift) {
      codes.add(0);
      return true;
    }
    return expr.op === "shl" && expr.b.kind === "const" && visit(expr.a, shift - expr.b.value);
  };
  return values.every(({ expr }) => visit(expr, leaf.shift)) ? [...codes] : null;
}
