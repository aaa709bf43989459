/**
 * An evaluator for a model that differs from another one in a few control points: the other one's evaluator, compiled
 * and warm, does all but the steps of processes that are at one of these points, which are tried on packed states.
 * So a mutant costs no compilation. And where these steps lead from every state that the other model reaches to the
 * same states, no search is needed at all.
 */
import { ModelError } from "../errors.ts";
import type { FlatProcedure, Tree } from "../model/flatten.ts";
import type { Instance, Model } from "../model/model.ts";
import { type Leaf, readLeaf } from "../schema/layout.ts";
import { valueOf } from "../schema/shape.ts";
import { type Deadlock, type Evaluator, Successors } from "./evaluator.ts";
import { controlLeaf, createPacked } from "./packed.ts";
import { nameInstance } from "./reference.ts";

/** A model in bounds, and what evaluates it. */
export interface Evaluated<S> {
  readonly of: Instance<S>;
  readonly evaluator: Evaluator;
}

/**
 * The labels at which two models, whose threads run procedures of the same names, may do something else; null where
 * they differ elsewhere too: calls that begin in another place.
 */
export function labelsThatDiffer<S>(one: Model<S>, other: Model<S>): ReadonlySet<string> | null {
  const [mine, theirs] = [one, other].map(({ threads }) => threads.flatMap(({ procedures }) => procedures));
  if (mine.length !== theirs.length) return null;
  const differing = new Set<string>();
  for (const [i, a] of mine.entries()) {
    const b = theirs[i];
    if (a === b) continue;
    if (a.procedure.name !== b.procedure.name || !isSameRecord(a.entry, b.entry)) return null;
    for (const label of labelsThatDifferIn(a, b)) differing.add(label);
  }
  return differing;
}

function labelsThatDifferIn<S>(a: FlatProcedure<S>, b: FlatProcedure<S>): string[] {
  const [mine, theirs] = [a, b].map(({ points }) => new Map(points.map(({ label, tree }) => [label, tree])));
  return [...new Set([...mine.keys(), ...theirs.keys()])].filter((label) => {
    const [one, other] = [mine.get(label), theirs.get(label)];
    return one === undefined || other === undefined || !isSameTree(one, other);
  });
}

/** Do the trees call the same functions in the same order, and lead to the same places? */
function isSameTree<S>(a: Tree<S>, b: Tree<S>): boolean {
  if (a === b) return true;
  if (a.kind === "branch") {
    if (b.kind !== "branch" || a.name !== b.name || a.holds !== b.holds) return false;
    return isSameTree(a.yes, b.yes) && isSameTree(a.no, b.no);
  }
  if (a.kind === "leave")
    return b.kind === "leave" && a.because === b.because && isSameRecord(a.next, b.next);
  return b.kind === "act" && isSameRecord(a.node, b.node) && isSameRecord(a.next, b.next);
}

/** Are the records' fields the same values? */
function isSameRecord(a: object, b: object): boolean {
  const [mine, theirs] = [Object.entries(a), new Map(Object.entries(b))];
  return mine.length === theirs.size && mine.every(([key, value]) => theirs.get(key) === value);
}

/**
 * The evaluator of `changed`, which does what `base` does but at the `differing` labels; null where their states are
 * laid out in other ways.
 */
export function createPatched<S>(
  base: Evaluated<S>,
  changed: Instance<S>,
  differing: ReadonlySet<string>,
): Evaluator | null {
  if (!isLaidOutAlike(base.of, changed)) return null;
  return new PatchedEvaluator(base, changed, differing);
}

/** Do the same bits mean the same in both, but for labels that only the second one has? */
function isLaidOutAlike<S>({ layout: a }: Instance<S>, { layout: b }: Instance<S>): boolean {
  return (
    a.words === b.words &&
    a.leaves.length === b.leaves.length &&
    a.leaves.every((mine, i) => {
      const theirs = b.leaves[i];
      if (mine.path !== theirs.path) return false;
      if (mine.word !== theirs.word || mine.shift !== theirs.shift || mine.bits !== theirs.bits) return false;
      if (mine.shape === theirs.shape) return true;
      const { cardinality } = mine.shape;
      if (cardinality > theirs.shape.cardinality) return false;
      return Array.from({ length: cardinality }, (_, code) => code).every(
        (code) => valueOf(mine.shape, code) === valueOf(theirs.shape, code),
      );
    })
  );
}

/** What is known of a label: the models do the same there, or they differ, or it is one that the base does not have. */
const alike = 0;
const differs = 1;
const isNew = 2;

/** Where a process's label lies, and what is known of each by its code. */
interface Watched {
  readonly control: Leaf;
  readonly known: Uint8Array;
}

/** What is known of every process's labels. */
function watchLabels<S>(
  base: Instance<S>,
  changed: Instance<S>,
  differing: ReadonlySet<string>,
): readonly Watched[] {
  return changed.processes.flatMap(({ process, tried }) =>
    tried.map((_, self) => {
      const control = controlLeaf(changed.layout.root, process.frames, self, process.control);
      const { cardinality } = controlLeaf(base.layout.root, process.frames, self, process.control).shape;
      const known = Uint8Array.from({ length: control.shape.cardinality }, (__, code) => {
        if (code >= cardinality) return isNew;
        return differing.has(String(valueOf(control.shape, code))) ? differs : alike;
      });
      return { control, known };
    }),
  );
}

/** How many processes are at labels of which more is known than that they are alike. */
function countDiffering(watched: readonly Watched[], words: Int32Array, offset: number): number {
  return watched.filter(({ control, known }) => known[readLeaf(control, words, offset)] !== alike).length;
}

/** The most that is known of any process's label in the state. */
function look(watched: readonly Watched[], words: Int32Array, offset: number): number {
  let most = alike;
  for (const { control, known } of watched) {
    const what = known[readLeaf(control, words, offset)];
    if (what > most) most = what;
  }
  return most;
}

/** Expands by the steps of processes at these labels only. Of deadlocks and properties of states it knows nothing. */
function createAt<S>(of: Instance<S>, labels: ReadonlySet<string>): Evaluator {
  const processes = of.processes.map((each) => ({
    ...each,
    tried: each.tried.map((at) => new Map([...at].filter(([label]) => labels.has(label)))),
  }));
  const model = { ...of.model, deadlock: "none" as const };
  return createPacked({ ...of, model, processes, environment: [], invariants: [], witnesses: [] });
}

/**
 * Do processes at the differing labels take steps to the same states in both models, from each of these states of the
 * first one, and break no property by them? Where these are all that the first one reaches, the second one reaches
 * the same. False where that is not known.
 */
export function takesSameSteps<S>(
  { of }: Evaluated<S>,
  changed: Instance<S>,
  differing: ReadonlySet<string>,
  states: readonly Int32Array[],
): boolean {
  if (!isLaidOutAlike(of, changed)) return false;
  const { words: size } = of.layout;
  const watched = watchLabels(of, changed, differing);
  const [before, after] = [createAt(of, differing), createAt(changed, differing)];
  let whole: Evaluator | null = null;
  const [mine, theirs] = [new Successors(size), new Successors(size)];
  try {
    return states.every((chunk) => {
      for (let offset = 0; offset < chunk.length; offset += size) {
        if (look(watched, chunk, offset) === alike) continue;
        mine.clear();
        theirs.clear();
        before.expand(chunk, offset, mine);
        after.expand(chunk, offset, theirs);
        if (!hasSameStates(mine, theirs) || theirs.brokenSteps.length > 0) return false;
        // Who is blocked may wait for something else.
        const mayBeBlocked = theirs.count === 0 || countDiffering(watched, chunk, offset) > 1;
        if (mayBeBlocked && (whole ??= createPacked(changed)).deadlockIn(chunk, offset) !== null)
          return false;
      }
      return true;
    });
  } catch (error) {
    if (error instanceof ModelError) return false;
    throw error;
  }
}

function hasSameStates(a: Successors, b: Successors): boolean {
  if (a.count !== b.count) return false;
  for (let i = 0; i < a.count * a.wordsPerState; i++) if (a.words[i] !== b.words[i]) return false;
  return true;
}

class PatchedEvaluator<S> implements Evaluator {
  readonly name = "packed";
  readonly words: number;
  readonly usedBits?: readonly number[];
  private readonly base: Evaluator;
  private readonly packed: Evaluator;
  /** The steps of processes at differing labels. */
  private readonly patch: Evaluator;
  private readonly watched: readonly Watched[];
  /** Does the base know every label? Otherwise its properties cannot be asked about states with others. */
  private readonly isAnyNew: boolean;
  /** By id of an action instance of the base: its id here. */
  private readonly ids: Int32Array;
  /** The instances of the base at differing labels. */
  private readonly replaced: ReadonlySet<number>;

  constructor({ of, evaluator }: Evaluated<S>, changed: Instance<S>, differing: ReadonlySet<string>) {
    this.base = evaluator;
    this.words = evaluator.words;
    if (evaluator.usedBits) this.usedBits = evaluator.usedBits;
    this.packed = createPacked(changed);
    this.patch = createAt(changed, differing);
    this.watched = watchLabels(of, changed, differing);
    this.isAnyNew = this.watched.some(({ known }) => known.includes(isNew));
    const idOf = new Map(changed.instances.map((each) => [nameInstance(each), each.id]));
    this.ids = Int32Array.from(of.instances, (each) => idOf.get(nameInstance(each)) ?? -1);
    const replaced = of.instances.filter(({ action }) => differing.has(action.at ?? ""));
    this.replaced = new Set(replaced.map(({ id }) => id));
  }

  private hasNew(words: Int32Array, offset: number): boolean {
    return this.isAnyNew && look(this.watched, words, offset) === isNew;
  }

  initialStates(): Int32Array[] {
    return this.packed.initialStates();
  }

  expand(words: Int32Array, offset: number, out: Successors): boolean {
    const known = look(this.watched, words, offset);
    if (known === isNew) return this.packed.expand(words, offset, out);
    const first = out.count;
    let mayBeStuck: boolean;
    try {
      mayBeStuck = this.base.expand(words, offset, out);
      if (known === differs) out.keepFrom(first, (instance) => !this.replaced.has(instance));
      this.rename(out, first);
      if (known === differs) {
        this.patch.expand(words, offset, out);
        mayBeStuck = true;
      }
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      // What the base cannot do at a differing label may be right here; and if not, this names what is wrong.
      out.takeBack(first);
      return this.packed.expand(words, offset, out);
    }
    return mayBeStuck;
  }

  expandRun(
    words: Int32Array,
    offset: number,
    count: number,
    out: Successors,
    enough: number,
    ends: Int32Array,
    first: number,
  ): number {
    let same = 0;
    while (same < count && look(this.watched, words, offset + same * this.words) === alike) same++;
    if (same === 0) return 0;
    const before = out.count;
    const done = this.base.expandRun?.(words, offset, same, out, enough, ends, first) ?? 0;
    this.rename(out, before);
    return done;
  }

  private rename({ instances, count }: Successors, first: number): void {
    for (let i = first; i < count; i++) instances[i] = this.ids[instances[i]];
  }

  violatedInvariants(words: Int32Array, offset: number): readonly number[] {
    const by = this.hasNew(words, offset) ? this.packed : this.base;
    return by.violatedInvariants(words, offset);
  }

  countClean(words: Int32Array, offset: number, count: number): number {
    let known = this.isAnyNew ? 0 : count;
    while (known < count && !this.hasNew(words, offset + known * this.words)) known++;
    return known === 0 ? 0 : (this.base.countClean?.(words, offset, known) ?? 0);
  }

  markWitnesses(words: Int32Array, offset: number, reached: Uint8Array): void {
    const by = this.hasNew(words, offset) ? this.packed : this.base;
    by.markWitnesses(words, offset, reached);
  }

  deadlockIn(words: Int32Array, offset: number): Deadlock | null {
    return this.packed.deadlockIn(words, offset);
  }
}
