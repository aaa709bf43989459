/**
 * What symmetry rests on, checked on given states: a renaming takes the successors of a state to those of the
 * renamed state, and what is broken, witnessed or deadlocked there to the same of renamed things; and what dead
 * locals hold makes no difference.
 */
import { ModelError } from "../../errors.ts";
import { type Evaluator, Successors } from "../../evaluate/evaluator.ts";
import { nameInstance } from "../../evaluate/reference.ts";
import { type ActionInstance, deadlockProperty, type Instance } from "../../model/model.ts";
import type { AnyArgs, Params } from "../../model/rule.ts";
import { type Bounds, computeScalarShape } from "../../schema/shape.ts";
import type { Random } from "../../search/random.ts";
import { liftPath } from "../reduction.ts";
import { keyOfState } from "../state-key.ts";
import type { Canonicaliser } from "./canonical.ts";
import { type Group, groupOf, type Transposition } from "./group.ts";
import type { DeadLocalReset } from "./reset.ts";

/** What an evaluator says of one state. */
interface Look {
  /** The successors after dead locals are reset, one behind the other; and by the key of each the instance that leads there. */
  readonly words: Int32Array;
  readonly instances: readonly number[];
  readonly successors: ReadonlyMap<string, number>;
  readonly findings: readonly Finding[];
}

/** So many looks are kept: one state is compared with its images, and often they are the same ones. */
const mostLooks = 512;

/** Something broken or witnessed, in words, and with which arguments; no arguments for a deadlock. */
interface Finding {
  readonly kind: "property" | "witness";
  readonly of: Named;
  readonly args: AnyArgs;
}

const deadlock: Finding = { kind: "property", of: { name: deadlockProperty, params: {} }, args: {} };

function nameFinding({ kind, of, args }: Finding): string {
  const list = Object.entries(args).map(([name, value]) => `${name}: ${String(value)}`);
  return `the ${kind} ${of.name}${list.length === 0 ? "" : `(${list.join(", ")})`}`;
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
export function renameArgs(of: Named, args: AnyArgs, renaming: Renaming, bounds: Bounds): AnyArgs {
  return Object.fromEntries(
    Object.entries(args).map(([name, value]) => {
      const field = of.params[name];
      const sort = field === undefined ? null : computeScalarShape(field, bounds, name).sort;
      const elements = sort === null ? undefined : renaming.elements.get(sort);
      return [name, elements !== undefined && typeof value === "number" ? elements[value] : value];
    }),
  );
}

/** The scenario's actions, by which exchanges leave them as they are. */
export class Allowed<S> {
  private readonly of: Instance<S>;
  private readonly names: ReadonlySet<string>;
  /** By sort: the actions with arguments of it. */
  private readonly bySort = new Map<string, ActionInstance<S>[]>();

  constructor(of: Instance<S>) {
    this.of = of;
    this.names = new Set(of.instances.map((each) => nameInstance(each)));
    const sortsOf = new Map<Named, ReadonlySet<string>>();
    for (const instance of of.instances) {
      const { action } = instance;
      let sorts = sortsOf.get(action);
      if (sorts === undefined) {
        const named = Object.entries(action.params).flatMap(
          ([name, field]) => computeScalarShape(field, of.scope.bounds, name).sort ?? [],
        );
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
      const { action, args } = instance;
      if (!Object.values(args).some((value) => value === exchange.a || value === exchange.b)) continue;
      const renamed = { ...instance, args: renameArgs(action, args, renaming, of.scope.bounds) };
      const name = nameInstance(renamed as ActionInstance<S>);
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

  constructor(of: Instance<S>, evaluator: Evaluator, locals: DeadLocalReset) {
    this.of = of;
    this.evaluator = evaluator;
    this.locals = locals;
    this.out = new Successors(evaluator.words);
    this.reached = new Uint8Array(of.witnesses.length);
    this.renamed = new Int32Array(evaluator.words);
  }

  /** What tells a state from itself with other values in its dead locals: a sentence, or null. */
  findUse(state: Int32Array, random: Random): string | null {
    const other = state.slice();
    const changed = this.locals.scramble(other, random);
    if (changed.length === 0) return null;
    const [expected, found] = [this.look(state), this.look(other)];
    if (expected === null || found === null)
      return expected === found ? null : "a step throws in one state only";
    const what = this.difference(
      expected,
      found,
      (from, to) => to.set(from),
      (finding) => finding,
    );
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
    return this.difference(expected, found, rename, (finding) => this.renameFinding(finding, renaming));
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
      const findingOf = (
        kind: Finding["kind"],
        { property, args }: { property: Named; args: AnyArgs },
      ): Finding => ({
        kind,
        of: property,
        args,
      });
      const findings = [
        ...evaluator.violatedInvariants(state, 0).map((id) => findingOf("property", of.invariants[id])),
        ...of.witnesses.filter(({ id }) => reached[id] !== 0).map((each) => findingOf("witness", each)),
        ...out.brokenSteps.map(({ property }) => findingOf("property", of.stepProperties[property])),
        ...(mayBeStuck && evaluator.deadlockIn(state, 0) !== null ? [deadlock] : []),
      ];
      const successors = new Map<string, number>();
      for (let i = 0; i < out.count; i++) {
        this.locals.reset(out.words, i * words);
        successors.set(keyOfState(out.words.subarray(i * words, (i + 1) * words)), out.instances[i]);
      }
      const instances = [...out.instances.subarray(0, out.count)];
      return { words: out.words.slice(0, out.count * words), instances, successors, findings };
    } catch (error) {
      if (error instanceof ModelError) return null;
      throw error;
    }
  }

  /** The first thing that the one state shows and the other, renamed, does not. */
  private difference(
    expected: Look,
    found: Look,
    rename: (from: Int32Array, to: Int32Array) => void,
    renameFinding: (finding: Finding) => Finding,
  ): string | null {
    const [mine, theirs] = [
      expected.findings.map((each) => nameFinding(renameFinding(each))),
      found.findings.map(nameFinding),
    ];
    const finding =
      mine.find((each) => !theirs.includes(each)) ?? theirs.find((each) => !mine.includes(each));
    if (finding !== undefined) return finding;
    const images = new Set<string>();
    const { words } = this.evaluator;
    for (const [i, id] of expected.instances.entries()) {
      rename(expected.words.subarray(i * words, (i + 1) * words), this.renamed);
      const image = keyOfState(this.renamed);
      images.add(image);
      if (!found.successors.has(image)) return `the step ${this.nameStep(id)}`;
    }
    for (const [key, id] of found.successors) if (!images.has(key)) return `the step ${this.nameStep(id)}`;
    return null;
  }

  /** A transition of an evaluator that is reduced already may be several steps, and is named after the first. */
  private nameStep(id: number): string {
    const { instances } = liftPath(this.evaluator, { initial: 0, instances: [id] });
    return nameInstance(this.of.instances[instances[0]]);
  }

  private renameFinding({ kind, of, args }: Finding, renaming: Renaming): Finding {
    return { kind, of, args: renameArgs(of, args, renaming, this.of.scope.bounds) };
  }
}
