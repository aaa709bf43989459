/**
 * Confidence in a green run: recipes are taken twice to find hidden state, and on a sample of states along
 * random walks the engine that searched is compared with the reference evaluator.
 */
import { type Evaluator, Successors } from "../checker/evaluate/evaluator.ts";
import { createPacked } from "../checker/evaluate/packed.ts";
import { createReference, nameInstance } from "../checker/evaluate/reference.ts";
import { requirePureRecipes } from "../checker/evaluate/self-check.ts";
import { Random } from "../checker/search/random.ts";
import { exitCodes, ReportedError } from "./exit-codes.ts";
import type { AnyInstance } from "./run.ts";

const sampleSize = 100;
const stepsPerWalk = 25;
/** The reference evaluator is slow: a sample ends early after so many milliseconds. */
const patience = 400;

/**
 * Returns on how many states the evaluator was compared. Throws a `ModelError` for an impure recipe, and an
 * internal error where the evaluators disagree.
 */
export function crossCheck(of: AnyInstance, evaluator: Evaluator, seed: number): number {
  // On accessors: compiled code has captured values for constants, and would hide that they change.
  requirePureRecipes(of, createPacked(of), sampleSize);
  if (evaluator.name === "reference") return 0;
  const reference = createReference(of);
  const random = new Random(seed);
  const mine = new Successors(evaluator.words);
  const theirs = new Successors(evaluator.words);
  const starts = evaluator.initialStates();
  const began = performance.now();
  let state = starts[0];
  let compared = 0;
  while (compared < sampleSize && starts.length > 0 && performance.now() - began < patience) {
    if (compared % stepsPerWalk === 0 || mine.count === 0) state = starts[random.below(starts.length)];
    compare(of, reference, evaluator, state, theirs, mine);
    compared++;
    if (mine.count > 0) {
      const offset = random.below(mine.count) * evaluator.words;
      state = mine.words.slice(offset, offset + evaluator.words);
    }
  }
  return compared;
}

function compare(
  of: AnyInstance,
  reference: Evaluator,
  evaluator: Evaluator,
  state: Int32Array,
  theirs: Successors,
  mine: Successors,
): void {
  theirs.clear();
  mine.clear();
  reference.expand(state, 0, theirs);
  evaluator.expand(state, 0, mine);
  const [found, expected] = [successorsById(mine), successorsById(theirs)];
  const differing = [...new Set([...found.keys(), ...expected.keys()])].find(
    (id) => found.get(id) !== expected.get(id),
  );
  if (differing !== undefined) {
    throw disagreement(evaluator, `the step ${nameInstance(of.instances[differing])}`);
  }
  const violated = [reference, evaluator].map((each) => each.violatedInvariants(state, 0).join());
  if (violated[0] !== violated[1]) throw disagreement(evaluator, "an invariant");
  const broken = [theirs, mine].map((each) => brokenById(each).join());
  if (broken[0] !== broken[1]) throw disagreement(evaluator, "a step property");
}

/** The successors by the id of their action instance: an evaluator may try instances in any order. */
function successorsById({ count, instances, words, wordsPerState }: Successors): Map<number, string> {
  const byId = new Map<number, string>();
  for (let i = 0; i < count; i++) {
    byId.set(instances[i], words.subarray(i * wordsPerState, (i + 1) * wordsPerState).join());
  }
  return byId;
}

function brokenById({ brokenSteps, instances }: Successors): string[] {
  return brokenSteps.map(({ successor, property }) => `${instances[successor]}:${property}`).sort();
}

function disagreement(evaluator: Evaluator, about: string): ReportedError {
  return new ReportedError(
    exitCodes.internal,
    `internal error: the ${evaluator.name} engine and the reference evaluator disagree about ${about}`,
    "believe no verdict of this model; report the design, the scenario and the seed",
  );
}
