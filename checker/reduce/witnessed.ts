/**
 * Witnesses that walks reach. A witness says that something comes about at all, and a walk that shows it is proof: nothing
 * that is left out afterwards takes that back. So what sees it need not be kept apart, and it counts as reached whether
 * or not the reduced search comes by.
 */
import { ModelError } from "../errors.ts";
import { type Evaluator, Successors } from "../evaluate/evaluator.ts";
import type { Instance } from "../model/model.ts";
import { Random } from "../search/random.ts";
import type { SearchResult } from "../search/result.ts";

/** By id of the witness instance: how many steps away it was seen, or null. */
export type Reached = SearchResult["witnesses"];

const stepsPerWalk = 40;
/** As long as walks show something new, there are more; after so many that do not, no more. */
const patience = 300;

/** Walks, as long as there is something to be seen. */
export function walkToWitnesses<S>(of: Instance<S>, evaluator: Evaluator, seed: number): Reached {
  const walker = new Walker(of, evaluator, seed);
  try {
    for (let since = 0; since < patience && !walker.isDone; since++) if (walker.walk()) since = 0;
  } catch (error) {
    // The search comes to an error of the model too, and tells the way there.
    if (!(error instanceof ModelError)) throw error;
  }
  return walker.found;
}

/** By id of the witness instance: need it not be seen any more? One instance is enough, unless each is told. */
export function settledBy<S>(of: Instance<S>, reached: Reached): readonly boolean[] {
  const found = new Set(of.witnesses.filter(({ id }) => (reached[id] ?? null) !== null).map(familyOf));
  return of.witnesses.map((each) => found.has(familyOf(each)));
}

/** What of some witness instances one is enough: a name for all of them. */
export function familyOf<S>({
  args,
  property: { name, isEachTold },
}: Instance<S>["witnesses"][number]): string {
  return isEachTold === true ? `${name} ${JSON.stringify(args)}` : name;
}

/** The result, with what walks had reached before. */
export function withReached(result: SearchResult, reached: Reached): SearchResult {
  return { ...result, witnesses: result.witnesses.map((found, id) => found ?? reached[id] ?? null) };
}

/** A state on a walk, and its steps from an initial one. */
interface Place {
  readonly state: Int32Array;
  readonly length: number;
}

/**
 * Walks at random, and rather where it has not been: from where a step was taken for the first time, and of the steps
 * possible one that was taken less often so far.
 */
class Walker<S> {
  /** By id of the witness instance. */
  readonly found: ({ readonly length: number } | null)[];
  /** Families of witnesses of which nothing was seen. */
  private readonly missing: Set<string>;
  private readonly families: readonly string[];
  private readonly evaluator: Evaluator;
  private readonly random: Random;
  private readonly places: Place[];
  private readonly state: Int32Array;
  private readonly marks: Uint8Array;
  /** By id of the action instance. */
  private readonly taken: Float64Array;
  private readonly out: Successors;

  constructor(of: Instance<S>, evaluator: Evaluator, seed: number) {
    this.evaluator = evaluator;
    this.random = new Random(seed);
    this.places = evaluator.initialStates().map((state) => ({ state, length: 0 }));
    this.state = new Int32Array(evaluator.words);
    this.found = of.witnesses.map(() => null);
    this.families = of.witnesses.map(familyOf);
    this.missing = new Set(this.families);
    this.marks = new Uint8Array(this.found.length);
    this.taken = new Float64Array(of.instances.length);
    this.out = new Successors(evaluator.words);
  }

  get isDone(): boolean {
    return this.missing.size === 0 || this.places.length === 0;
  }

  /** One walk. Did it show something new, or take a step for the first time? */
  walk(): boolean {
    const { evaluator, out, places, random, state, taken } = this;
    const before = [this.missing.size, places.length];
    const from = places[random.below(places.length)];
    state.set(from.state);
    this.look(from.length);
    for (let n = 1; n <= stepsPerWalk && !this.isDone; n++) {
      out.clear();
      evaluator.expand(state, 0, out);
      if (out.count === 0) break;
      const chosen = this.choose();
      const at = chosen * evaluator.words;
      for (let k = 0; k < state.length; k++) state[k] = out.words[at + k];
      if (taken[out.instances[chosen]]++ === 0)
        places.push({ state: state.slice(), length: from.length + n });
      this.look(from.length + n);
    }
    return this.missing.size < before[0] || places.length > before[1];
  }

  /** Of a few successors, the one whose step was taken least often. */
  private choose(): number {
    const { out, random, taken } = this;
    let best = random.below(out.count);
    for (let n = 1; n < 3; n++) {
      const other = random.below(out.count);
      if (taken[out.instances[other]] < taken[out.instances[best]]) best = other;
    }
    return best;
  }

  private look(length: number): void {
    const { evaluator, found, marks, state } = this;
    marks.fill(0);
    evaluator.markWitnesses(state, 0, marks);
    for (let id = 0; id < marks.length; id++) {
      if (marks[id] === 0 || found[id] !== null) continue;
      found[id] = { length };
      this.missing.delete(this.families[id]);
    }
  }
}
