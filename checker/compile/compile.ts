/**
 * Compiles an instance of a model: every action instance and every property instance that the interpreter
 * takes, and a list of what it did not take, with the reason.
 */
import { ModelError } from "../errors.ts";
import { controlLeaf } from "../evaluate/packed.ts";
import { nameInstance } from "../evaluate/reference.ts";
import type { Tree } from "../model/flatten.ts";
import type { ActionInstance, Instance, PropertyInstance } from "../model/model.ts";
import type { AnyArgs } from "../model/rule.ts";
import { programOf } from "../model/threads.ts";
import type { Leaf } from "../schema/layout.ts";
import { valueOf } from "../schema/shape.ts";
import type { ClosureReader } from "./closures.ts";
import { Environment } from "./environment.ts";
import { everything, type Footprint, type Footprints } from "./footprint.ts";
import type { Facts } from "./facts.ts";
import { groupFormulas } from "./groups.ts";
import { Interpreter } from "./interpreter.ts";
import { BeyondRange, Exprs } from "./exprs.ts";
import type { Check, Dispatch, Expr, Label, Module, Stmt } from "./ir.ts";
import { ProgramCompiler } from "./program.ts";
import { compileFormula } from "./properties.ts";
import { type ClosedCheck, compileStep, type OpenCheck, StepChecks, StepParameters } from "./steps.ts";
import { Unsupported } from "./unsupported.ts";
import { functionAt } from "./values.ts";
import { ServerSets, WaitCompiler } from "./waits.ts";

/** What was left to the packed evaluator, and why. */
export interface Fallback {
  readonly kind: "action" | "invariant" | "step" | "witness";
  readonly id: number;
  readonly name: string;
  readonly reason: string;
}

/** A way in which a compiled step ends: the state after it, and what is known where it does. */
export interface StepEnd {
  /** The words of the state after the step, over those before it. */
  readonly words: readonly Expr[];
  /** What the step reads on the way to this end, and what it changes; over-approximated. */
  readonly reads: ReadonlySet<Leaf>;
  readonly changed: readonly Leaf[];
  readonly facts: Facts;
  /** The step properties that it is checked for. */
  readonly checks: readonly Check[];
}

/** An invariant or witness as a truth value over the state's words; null where it was not compiled. */
export interface Formula {
  readonly holds: Expr;
  /** Where the packed evaluator has to look at it: mostly where the formula throws. */
  readonly deopts: readonly Expr[];
}

/** What the compiler found out about steps and formulas, for whoever reasons about them. */
export interface Insight {
  readonly exprs: Exprs;
  /** By id of the action instance: how it ends; null where it was not compiled. */
  readonly steps: readonly (readonly StepEnd[] | null)[];
  /** By id of the action instance: all that it may read, ways that end nowhere included; null as above. */
  readonly reads: readonly (ReadonlySet<Leaf> | null)[];
  /**
   * By id of the action instance: it computes with what need not be a number. Then all this is true as long as the
   * compiled code is not left there.
   */
  readonly isOdd: readonly boolean[];
  readonly invariants: readonly (Formula | null)[];
  readonly witnesses: readonly (Formula | null)[];
  /** The action names of each set of servers: see `Label.waits`. */
  readonly servers: readonly (readonly string[])[];
}

export interface Compiled {
  readonly module: Module;
  readonly insight: Insight;
  readonly fallbacks: readonly Fallback[];
  readonly footprints: Footprints;
}

/** Compiles what can be compiled. Without a reader of closures, nothing can. */
export function compile<S>(of: Instance<S>, closures: ClosureReader | null): Compiled {
  return new ModelCompiler(of, closures).compile();
}

class ModelCompiler<S> {
  private readonly of: Instance<S>;
  private readonly closures: ClosureReader | null;
  private readonly exprs = new Exprs();
  private readonly pure: ReadonlySet<unknown>;
  private readonly servers = new ServerSets();
  private readonly fallbacks: Fallback[] = [];
  private readonly footprints = new Map<number, Footprint>();
  /** Successors are emitted before it is known which step properties they need to be checked for. */
  private readonly emitted = new Map<number, Emission[]>();
  private readonly reads = new Map<number, ReadonlySet<Leaf>>();
  /** Instances that compute with what need not be a number. */
  private readonly odd = new Set<number>();
  private readonly formulasOf = { invariant: [] as (Formula | null)[], witness: [] as (Formula | null)[] };
  private readonly checks: (readonly Stmt[])[] = [];
  private readonly plainWords: Environment;
  private readonly steps = new StepChecks(this.exprs);

  constructor(of: Instance<S>, closures: ClosureReader | null) {
    this.of = of;
    this.closures = closures;
    this.pure = new Set([functionAt(of.setting, "assumes").value]);
    const indices = Array.from({ length: of.layout.words }, (_, i) => i);
    const before = indices.map((i) => this.exprs.word(0, i));
    const after = indices.map((i) => this.exprs.word(1, i));
    this.plainWords = new Environment([before, after], this.exprs.one);
  }

  compile(): Compiled {
    const { of } = this;
    this.closures?.prepare(functionsOf(of));
    const dispatches = this.dispatches();
    const environment = of.environment.flatMap((instance) => this.action(instance, this.plainWords));
    const invariants = this.formulas("invariant", of.invariants);
    const witnesses = this.formulas("witness", of.witnesses);
    const steps = this.stepProperties();
    const mostOf = (perLabel: readonly (readonly unknown[])[]): number =>
      Math.max(0, ...perLabel.map((some) => some.length));
    const perElement = of.processes.flatMap(({ tried }) => tried.map((at) => mostOf([...at.values()])));
    return {
      module: {
        words: of.layout.words,
        dispatches,
        environment,
        invariants: groupFormulas(
          of.layout,
          invariants.bodies.map((body, id) => ({ body, footprint: invariants.footprints[id] })),
        ),
        witnesses: witnesses.bodies.flat(),
        checks: this.checks,
        mostSuccessors: of.environment.length + perElement.reduce((sum, count) => sum + count, 0),
      },
      insight: {
        exprs: this.exprs,
        steps: of.instances.map(({ id }) => this.emitted.get(id) ?? null),
        reads: of.instances.map(({ id }) => this.reads.get(id) ?? null),
        isOdd: of.instances.map(({ id }) => this.odd.has(id)),
        invariants: this.formulasOf.invariant,
        witnesses: this.formulasOf.witness,
        servers: this.servers.sets,
      },
      fallbacks: this.fallbacks,
      footprints: {
        actions: of.instances.map(({ id }) => this.footprints.get(id) ?? everything(of.layout)),
        invariants: invariants.footprints,
        witnesses: witnesses.footprints,
        stepProperties: steps,
      },
    };
  }

  /** Interprets something from an environment; where it is not supported, `otherwise`. */
  private attempt<T>(
    what: Omit<Fallback, "reason">,
    start: Environment,
    run: (interpreter: Interpreter) => T,
    otherwise: () => T,
  ): T {
    try {
      if (this.closures === null) throw new Unsupported("there is no inspector to read closures with");
      return run(new Interpreter(this.exprs, start.clone(), this.closures, this.pure));
    } catch (error) {
      if (error instanceof ModelError) throw error.at(`${what.kind} "${what.name}"`);
      if (!(error instanceof Unsupported) && !(error instanceof BeyondRange)) throw error;
      this.fallbacks.push({ ...what, reason: error.message });
      return otherwise();
    }
  }

  private footprintOf(run: Interpreter, more: readonly Leaf[] = []): Footprint {
    if (run.isOdd) return everything(this.of.layout);
    return { reads: new Set([...run.reads, ...more]), writes: run.writes };
  }

  // Actions

  private action(instance: ActionInstance<S>, start: Environment, control: readonly Leaf[] = []): Stmt[] {
    const what = { kind: "action", id: instance.id, name: nameInstance(instance) } as const;
    return this.attempt(
      what,
      start,
      (run) => {
        const emitted: Emission[] = [];
        const body = new ProgramCompiler(this.of, run, instance, (changed, words) => {
          const checks: Check[] = [];
          const reads = new Set([...run.reads, ...control]);
          const facts = run.env.facts.clone();
          emitted.push({ changed, checks, words, reads, facts, replaced: new Map() });
          return checks;
        }).compile();
        if (run.isOdd) this.odd.add(instance.id);
        this.emitted.set(instance.id, emitted);
        this.reads.set(instance.id, new Set([...run.reads, ...control]));
        this.footprints.set(instance.id, this.footprintOf(run, control));
        return body;
      },
      () => [{ do: "try", instance: instance.id }],
    );
  }

  private dispatches(): Dispatch[] {
    let first = 0;
    return this.of.processes.flatMap(({ process, tried, size }) => {
      const firstOfProcess = first;
      first += size;
      return tried.map((at, self): Dispatch => {
        const leaf = controlLeaf(this.of.layout.root, process.frames, self, process.control);
        const labels = Array.from({ length: leaf.shape.cardinality }, (_, code): Label => {
          const instances = at.get(String(valueOf(leaf.shape, code))) ?? [];
          const start = this.atLabel(leaf, code);
          const isBlocking = valueOf(leaf.shape, code) !== process.idle && instances.length > 0;
          const waits =
            isBlocking && instances.length === 1 ? this.waits(instances[0], start, firstOfProcess) : null;
          return {
            body: instances.flatMap((instance) => this.action(instance, start, [leaf])),
            isBlocking,
            waits: waits ?? [],
            areWaitsKnown: waits !== null || instances.every(({ blocked }) => blocked === null),
          };
        });
        return { control: leaf, labels };
      });
    });
  }

  /** The state of a process that is known to be at a label. */
  private atLabel(leaf: Leaf, code: number): Environment {
    const env = this.plainWords.clone();
    const { word, shift, mask, shape } = leaf;
    const label = this.exprs.extract(env.words[0][word], shift, mask, shape.cardinality - 1);
    env.facts.assume(this.exprs.eq(label, this.exprs.const(code)), true);
    return env;
  }

  /** Answers on whom the instance's process waits; null where that is not known. */
  private waits(instance: ActionInstance<S>, start: Environment, first: number): Stmt[] | null {
    if (instance.blocked === null) return [];
    if (this.closures === null) return null;
    try {
      const run = new Interpreter(this.exprs, start.clone(), this.closures, this.pure);
      return new WaitCompiler(this.of, run, this.servers, instance, first).compile();
    } catch (error) {
      // Without an answer, such a state is looked at closely whenever it comes up.
      if (error instanceof Unsupported || error instanceof BeyondRange) return null;
      throw error;
    }
  }

  // Properties

  private formulas(
    kind: "invariant" | "witness",
    properties: readonly PropertyInstance<{ readonly name: string; readonly holds: Function }>[],
  ): { bodies: Stmt[][]; footprints: Footprint[] } {
    const footprints: Footprint[] = [];
    const bodies = properties.map(({ id, property, args }) =>
      this.attempt<Stmt[]>(
        { kind, id, name: nameProperty(property, args) },
        this.plainWords,
        (run) => {
          const { test, before } = compileFormula(this.of, run, property.holds, args);
          footprints[id] = this.footprintOf(run);
          this.formulasOf[kind][id] = formulaOf(test, before);
          const when = kind === "invariant" ? this.exprs.not(test) : test;
          const statements: Stmt[] =
            when === this.exprs.zero ? before : [...before, { do: "report", when, what: id }];
          return kind === "witness" ? [{ do: "unless-reached", what: id, body: statements }] : statements;
        },
        () => {
          footprints[id] = everything(this.of.layout);
          this.formulasOf[kind][id] = null;
          return [{ do: "try", instance: id }];
        },
      ),
    );
    return { bodies, footprints };
  }

  /** Decides for every action instance which step properties its successors are checked for. */
  private stepProperties(): Footprint[] {
    const parameters = new StepParameters(this.of, this.exprs);
    return this.of.stepProperties.map((property) => {
      const open = this.attempt<OpenCheck | null>(
        { kind: "step", id: property.id, name: nameProperty(property.property, property.args) },
        this.plainWords,
        (run) => compileStep(this.of, run, property, parameters),
        () => null,
      );
      this.addChecks(property.id, open, parameters);
      return { reads: open?.reads ?? everything(this.of.layout).reads, writes: new Set() };
    });
  }

  private addChecks(property: number, open: OpenCheck | null, parameters: StepParameters<S>): void {
    const closed = new Map<string, ClosedCheck & { fn: number | null }>();
    for (const instance of this.of.instances) {
      // An instance that is not compiled is checked where it is tried.
      const emitted = this.emitted.get(instance.id) ?? [];
      if (open === null) {
        for (const { checks } of emitted) checks.push({ property, fn: -1 });
        continue;
      }
      const values = parameters.valuesFor(instance);
      const key = open.asked.map((i) => values[i].id).join(" ");
      let check = closed.get(key);
      if (check === undefined) {
        check = { ...this.steps.close(open, values, this.plainWords), fn: null };
        closed.set(key, check);
      }
      if (check.body.length === 0) continue;
      for (const { changed, checks, words, replaced } of emitted) {
        if (check.isKeptByStutter && !changed.some((leaf) => open.reads.has(leaf))) continue;
        if (this.steps.isKept(check, words, replaced)) continue;
        check.fn ??= this.checks.push(check.body) - 1;
        checks.push({ property, fn: check.fn });
      }
    }
  }
}

function formulaOf(holds: Expr, before: readonly Stmt[]): Formula | null {
  const deopts = before.flatMap((stmt) => (stmt.do === "deopt" ? [stmt.when] : []));
  return deopts.length === before.length ? { holds, deopts } : null;
}

/** The functions that a model is made of, as far as they are at hand. */
function functionsOf<S>(of: Instance<S>): Function[] {
  const inTree = (tree: Tree<S>): (Function | undefined)[] => {
    switch (tree.kind) {
      case "branch":
        return [tree.holds, ...inTree(tree.yes), ...inTree(tree.no)];
      case "leave":
        return [];
      case "act": {
        const { node } = tree;
        if ("lock" in node) return [node.lock.of];
        return [node.kind === "wait" ? node.until : node.effect];
      }
    }
  };
  const inActions = of.actions.flatMap((action) => {
    const program = programOf(action);
    if (program?.kind === "point") return inTree(program.point.tree);
    return [action.rule?.when, action.rule?.then, action.rule?.waitsFor];
  });
  const properties = [...of.invariants, ...of.witnesses, ...of.stepProperties];
  const all = [...inActions, ...properties.map(({ property }): Function => property.holds)];
  return all.filter((fn) => fn !== undefined);
}

/** A successor: what it changes, and the step properties that it is checked for. */
interface Emission extends StepEnd {
  readonly checks: Check[];
  /** Expressions over the state after this step, as expressions over the state before it. */
  readonly replaced: Map<Expr, Expr>;
}

function nameProperty({ name }: { readonly name: string }, args: AnyArgs): string {
  const list = Object.entries(args).map(([key, value]) => `${key}: ${String(value)}`);
  return list.length === 0 ? name : `${name}(${list.join(", ")})`;
}
