/**
 * What symmetry rests on, checked on given states: a renaming takes the transitions of a state to those of the
 * renamed state with renamed arguments, and what is broken, witnessed or deadlocked there to the same of renamed
 * things; and what dead locals hold makes no difference.
 */
import { ModelError } from "../../errors.ts";
import { type Evaluator, Successors } from "../../evaluate/evaluator.ts";
import { nameInstance } from "../../evaluate/reference.ts";
import { type ActionInstance, deadlockProperty, type Instance } from "../../model/model.ts";
import type { AnyArgs, Params } from "../../model/rule.ts";
import { sortOf } from "../../schema/shape.ts";
import type { Random } from "../../search/random.ts";
import { liftPath } from "../reduction.ts";
import { keyOfState } from "../state-key.ts";
import type { Canonicaliser } from "./canonical.ts";
import { type Group, groupOf, leaderOf, type Transposition } from "./group.ts";
import type { DeadLocalReset } from "./reset.ts";

/** What an evaluator says of one state. */
interface Look {
  /** The successors after dead locals are reset, one behind the other, and the action instance that each begins with. */
  readonly words: Int32Array;
  readonly instances: readonly number[];
  /** By instance and successor, as `keyOfTransition` makes one of them: the instance. */
  readonly transitions: ReadonlyMap<string, number>;
  /** What is broken or witnessed there, by number. */
  readonly findings: readonly number[];
}

/**
 * A transition by what it begins with and where it leads. Where it leads is not enough: of transitions that differ in
 * twins one is looked at, and it must be one that does what the others do.
 */
function keyOfTransition(instance: number, successor: Int32Array): string {
  return `${instance} ${keyOfState(successor)}`;
}

/** So many looks are kept: one state is compared with its images, and often they are the same ones. */
const mostLooks = 512;

/** Something that may be broken or witnessed, in words, and with which arguments; no arguments for a deadlock. */
interface Finding {
  readonly kind: "invariant" | "step property" | "deadlock" | "witness";
  readonly of: Named;
  readonly args: AnyArgs;
}

const deadlock: Finding = { kind: "deadlock", of: { name: deadlockProperty, params: {} }, args: {} };

function nameFinding({ kind, of, args }: Finding): string {
  const list = Object.entries(args).map(([name, value]) => `${name}: ${String(value)}`);
  return `the ${kind === "witness" ? kind : "property"} ${of.name}${list.length === 0 ? "" : `(${list.join(", ")})`}`;
}

function keyOfFinding({ kind, of, args }: Finding): string {
  return JSON.stringify([kind, of.name, args]);
}

/** A named thing with arguments: an action or a property. */
interface Named {
  readonly name: string;
  readonly params: Params;
}

/** A renaming of vertices as words and arguments see it. */
export interface Renaming {
  /** By vertex. */
  readonly of: Int32Array;
  /** By sort, by element. */
  readonly elements: ReadonlyMap<string, readonly number[]>;
}

/** The renaming that gives each vertex the one at its place in the list. */
export function renamingOf(group: Group, of: Int32Array): Renaming {
  const elements = new Map<string, readonly number[]>();
  for (const [sort, vertices] of group.vertexOf) {
    elements.set(
      sort,
      Array.from(vertices, (vertex, element) => (vertex < 0 ? element : group.elementOf[of[vertex]])),
    );
  }
  return { of, elements };
}

/** The renaming that exchanges two elements. */
export function exchangeOf(group: Group, { sort, a, b }: Transposition): Renaming {
  const of = Int32Array.from(group.elementOf, (_, vertex) => vertex);
  const vertices = group.vertexOf.get(sort);
  if (vertices === undefined) throw new Error(`${sort} is not in the group`);
  of[vertices[a]] = vertices[b];
  of[vertices[b]] = vertices[a];
  return renamingOf(group, of);
}

/** A renaming chosen at random. */
export function randomRenaming(group: Group, random: Random): Renaming {
  const of = Int32Array.from(group.elementOf, (_, vertex) => vertex);
  for (const { base, elements } of group.classes) {
    for (let i = elements.length - 1; i > 0; i--) {
      const k = random.below(i + 1);
      [of[base + i], of[base + k]] = [of[base + k], of[base + i]];
    }
  }
  return renamingOf(group, of);
}

/** Every renaming of the group. */
export function allRenamings(group: Group): Renaming[] {
  let all: number[][] = [[]];
  for (const { base, elements } of group.classes) {
    const orders = permutationsOf(elements.map((_, i) => base + i));
    all = all.flatMap((before) => orders.map((order) => [...before, ...order]));
  }
  return all.map((of) => renamingOf(group, Int32Array.from(of)));
}

function permutationsOf(list: readonly number[]): number[][] {
  if (list.length <= 1) return [[...list]];
  return list.flatMap((first, i) =>
    permutationsOf(list.filter((_, k) => k !== i)).map((rest) => [first, ...rest]),
  );
}

/** The arguments with elements renamed. */
export function renameArgs(of: Named, args: AnyArgs, renaming: Renaming): AnyArgs {
  return Object.fromEntries(
    Object.entries(args).map(([name, value]) => {
      const field = of.params[name];
      const sort = field === undefined ? null : sortOf(field);
      const elements = sort === null ? undefined : renaming.elements.get(sort);
      return [name, elements !== undefined && typeof value === "number" ? elements[value] : value];
    }),
  );
}

/** The name of the action instance with renamed arguments. */
function nameRenamed<S>(instance: ActionInstance<S>, renaming: Renaming): string {
  const args = renameArgs(instance.action, instance.args, renaming);
  return nameInstance({ ...instance, args });
}

/** The scenario's actions, by which exchanges leave them as they are. */
export class Allowed<S> {
  private readonly of: Instance<S>;
  private readonly names: ReadonlySet<string>;
  /** By sort: the actions with arguments of it, or of one that is aligned with it. */
  private readonly bySort = new Map<string, ActionInstance<S>[]>();

  constructor(of: Instance<S>) {
    this.of = of;
    this.names = new Set(of.instances.map((each) => nameInstance(each)));
    const sortsOf = new Map<Named, ReadonlySet<string>>();
    for (const instance of of.instances) {
      const { action } = instance;
      let sorts = sortsOf.get(action);
      if (sorts === undefined) {
        const named = Object.values(action.params).flatMap((field) => {
          const sort = sortOf(field);
          return sort === null ? [] : [leaderOf(of.model, sort)];
        });
        sortsOf.set(action, (sorts = new Set(named)));
      }
      for (const sort of sorts) {
        const list = this.bySort.get(sort);
        if (list === undefined) this.bySort.set(sort, [instance]);
        else list.push(instance);
      }
    }
  }

  /** The first action that exists with some arguments and not with the renamed ones: a sentence, or null. */
  findMissing(exchange: Transposition): string | null {
    const { of, names } = this;
    const renaming = exchangeOf(groupOf(of, [exchange]), exchange);
    for (const instance of this.bySort.get(exchange.sort) ?? []) {
      const { args } = instance;
      if (!Object.values(args).some((value) => value === exchange.a || value === exchange.b)) continue;
      const name = nameRenamed(instance, renaming);
      if (!names.has(name)) return `the scenario allows ${nameInstance(instance)} and not ${name}`;
    }
    return null;
  }
}

export class CommutationCheck<S> {
  private readonly of: Instance<S>;
  private readonly evaluator: Evaluator;
  private readonly locals: DeadLocalReset;
  private readonly out: Successors;
  private readonly reached: Uint8Array;
  private readonly renamed: Int32Array;
  private readonly looks = new Map<string, Look | null>();
  /** All that may be found, by number: invariants, witnesses, step properties and the deadlock, one behind the other. */
  private readonly findings: readonly Finding[];
  private readonly numbers: ReadonlyMap<string, number>;
  /** By renaming, by number: the number of the same of renamed things, -1 for none; what nobody asked about is not there. */
  private readonly images = new WeakMap<Renaming, (number | undefined)[]>();
  /** By id of a transition: the action instance that it begins with; as far as it was asked for. */
  private readonly firstSteps: (number | undefined)[] = [];
  /** By name of the action instance: its id. */
  private readonly ids: ReadonlyMap<string, number>;
  /** By renaming, by id of the action instance: the id of the renamed one, -1 for none; as far as it was asked for. */
  private readonly imagesOfInstances = new WeakMap<Renaming, (number | undefined)[]>();

  constructor(of: Instance<S>, evaluator: Evaluator, locals: DeadLocalReset) {
    this.of = of;
    this.evaluator = evaluator;
    this.locals = locals;
    this.out = new Successors(evaluator.words);
    this.reached = new Uint8Array(of.witnesses.length);
    this.renamed = new Int32Array(evaluator.words);
    const findingOf = (
      kind: Finding["kind"],
      { property, args }: { property: Named; args: AnyArgs },
    ): Finding => ({ kind, of: property, args });
    this.findings = [
      ...of.invariants.map((each) => findingOf("invariant", each)),
      ...of.witnesses.map((each) => findingOf("witness", each)),
      ...of.stepProperties.map((each) => findingOf("step property", each)),
      deadlock,
    ];
    this.numbers = new Map(this.findings.map((finding, number) => [keyOfFinding(finding), number]));
    this.ids = new Map(of.instances.map((each, id) => [nameInstance(each), id]));
  }

  /** Forgets what it looked at: of an evaluator that has forgotten its transitions' names. */
  forget(): void {
    this.looks.clear();
    this.firstSteps.length = 0;
  }

  /** What tells a state from itself with other values in its dead locals: a sentence, or null. */
  findUse(state: Int32Array, random: Random): string | null {
    const other = state.slice();
    const changed = this.locals.scramble(other, random);
    if (changed.length === 0) return null;
    const [expected, found] = [this.look(state), this.look(other)];
    if (expected === null || found === null)
      return expected === found ? null : "a step throws in one state only";
    const what = this.difference(expected, found, (from, to) => to.set(from), null);
    return what === null
      ? null
      : `${what} depends on what ${changed.join(", ")} holds where it was taken for dead`;
  }

  /** What tells a state from the renamed state: a sentence, or null. */
  findBreach(state: Int32Array, canonicaliser: Canonicaliser, renaming: Renaming): string | null {
    const image = new Int32Array(state.length);
    canonicaliser.rename(renaming.of, state, 0, image, 0);
    this.locals.reset(image, 0);
    const [expected, found] = [this.look(state), this.look(image)];
    // An error of the model is found as such by the search.
    if (expected === null || found === null)
      return expected === found ? null : "a step throws in one state only";
    const rename = (from: Int32Array, to: Int32Array): void => {
      canonicaliser.rename(renaming.of, from, 0, to, 0);
      this.locals.reset(to, 0);
    };
    return this.difference(expected, found, rename, renaming);
  }

  private look(state: Int32Array): Look | null {
    const key = keyOfState(state);
    let look = this.looks.get(key);
    if (look === undefined) {
      if (this.looks.size >= mostLooks) this.looks.clear();
      this.looks.set(key, (look = this.lookAt(state)));
    }
    return look;
  }

  private lookAt(state: Int32Array): Look | null {
    const { out, evaluator, of, reached } = this;
    const { words } = evaluator;
    out.clear();
    try {
      const mayBeStuck = evaluator.expand(state, 0, out);
      reached.fill(0);
      evaluator.markWitnesses(state, 0, reached);
      const findings = [...evaluator.violatedInvariants(state, 0)];
      const [firstWitness, firstStep] = [of.invariants.length, of.invariants.length + of.witnesses.length];
      for (let id = 0; id < reached.length; id++) if (reached[id] !== 0) findings.push(firstWitness + id);
      for (const { property } of out.brokenSteps) findings.push(firstStep + property);
      if (mayBeStuck && evaluator.deadlockIn(state, 0) !== null) findings.push(this.findings.length - 1);
      const instances = Array.from(out.instances.subarray(0, out.count), (id) => this.firstStepOf(id));
      const transitions = new Map<string, number>();
      for (const [i, instance] of instances.entries()) {
        this.locals.reset(out.words, i * words);
        const successor = out.words.subarray(i * words, (i + 1) * words);
        transitions.set(keyOfTransition(instance, successor), instance);
      }
      return { words: out.words.slice(0, out.count * words), instances, transitions, findings };
    } catch (error) {
      if (error instanceof ModelError) return null;
      throw error;
    }
  }

  /** The first thing that the one state, renamed, shows and the other does not, or the other way round. */
  private difference(
    expected: Look,
    found: Look,
    rename: (from: Int32Array, to: Int32Array) => void,
    renaming: Renaming | null,
  ): string | null {
    const finding = this.findDifference(expected.findings, found.findings, renaming);
    if (finding !== null) return finding;
    const images = new Set<string>();
    const { words } = this.evaluator;
    for (const [i, id] of expected.instances.entries()) {
      rename(expected.words.subarray(i * words, (i + 1) * words), this.renamed);
      const image = keyOfTransition(this.imageOfInstance(id, renaming), this.renamed);
      images.add(image);
      if (!found.transitions.has(image)) return `the step ${this.nameStep(id)}`;
    }
    for (const [key, id] of found.transitions) if (!images.has(key)) return `the step ${this.nameStep(id)}`;
    return null;
  }

  /** A transition of an evaluator that is reduced already may be several steps. */
  private firstStepOf(id: number): number {
    return (this.firstSteps[id] ??= liftPath(this.evaluator, { initial: 0, instances: [id] }).instances[0]);
  }

  private nameStep(id: number): string {
    return nameInstance(this.of.instances[id]);
  }

  private imageOfInstance(id: number, renaming: Renaming | null): number {
    if (renaming === null) return id;
    let images = this.imagesOfInstances.get(renaming);
    if (images === undefined) this.imagesOfInstances.set(renaming, (images = []));
    return (images[id] ??= this.ids.get(nameRenamed(this.of.instances[id], renaming)) ?? -1);
  }

  /** What is found here and, renamed, not there, or the other way round: in words, or null. */
  private findDifference(
    here: readonly number[],
    there: readonly number[],
    renaming: Renaming | null,
  ): string | null {
    const images = here.map((number) => this.imageOf(number, renaming));
    const missing = here.find((_, i) => !there.includes(images[i]));
    if (missing !== undefined) return nameFinding(this.renameFinding(missing, renaming));
    const added = there.find((number) => !images.includes(number));
    return added === undefined ? null : nameFinding(this.findings[added]);
  }

  private imageOf(number: number, renaming: Renaming | null): number {
    if (renaming === null) return number;
    let images = this.images.get(renaming);
    if (images === undefined) this.images.set(renaming, (images = []));
    return (images[number] ??= this.numbers.get(keyOfFinding(this.renameFinding(number, renaming))) ?? -1);
  }

  private renameFinding(number: number, renaming: Renaming | null): Finding {
    const { kind, of, args } = this.findings[number];
    return { kind, of, args: renaming === null ? args : renameArgs(of, args, renaming) };
  }
}
