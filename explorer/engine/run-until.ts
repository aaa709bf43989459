/** Runs on from a state, breadth first on packed states, until something holds. */
import { Successors } from "../../checker/evaluate/evaluator.ts";
import { createPacked } from "../../checker/evaluate/packed.ts";
import { deadlockProperty } from "../../checker/model/model.ts";
import { formatValue, toPlain } from "../../checker/trace/plain.ts";
import { attempt } from "../../checker/trace/why/slice.ts";
import { valueAt } from "../../checker/trace/places.ts";
import type { Route, RunResult, Until } from "./protocol.ts";
import { walk } from "./session.ts";

/** A page is no place for long searches: `dmaspec check` is. */
const limits = { states: 200_000, milliseconds: 20_000 } as const;

/** A shortest way on from the end of the route to a state in which `until` holds. */
export function runUntil(route: Route, until: Until): RunResult {
  const { of, reference, replay } = walk(route);
  const packed = createPacked(of);
  const { words } = packed;
  const wanted = wantedIds(of, until);
  const out = new Successors(words);
  const states: Int32Array[] = [reference.pack(replay.final)];
  const from: { parent: number; id: number }[] = [{ parent: -1, id: -1 }];
  const seen = new Set([states[0].join()]);
  const began = Date.now();

  /** Does the step to this state, or the state, show what is wanted? */
  const shows = (state: Int32Array, brokenSteps: readonly number[]): boolean => {
    if (until.kind === "place") {
      const value = attempt(() => valueAt(reference.unpack(state), until.place), undefined);
      return value !== undefined && formatValue(toPlain(value)) === until.is;
    }
    if (until.kind === "witness") {
      const reached = new Uint8Array(of.witnesses.length);
      packed.markWitnesses(state, 0, reached);
      return wanted.witnesses.some((id) => reached[id] === 1);
    }
    if (brokenSteps.some((id) => wanted.steps.includes(id))) return true;
    if (packed.violatedInvariants(state, 0).some((id) => wanted.invariants.includes(id))) return true;
    return wanted.deadlock && packed.deadlockIn(state, 0) !== null;
  };

  for (let next = 0; next < states.length; next++) {
    if (states.length > limits.states || Date.now() - began > limits.milliseconds)
      return { path: null, states: states.length, exhausted: false };
    out.clear();
    packed.expand(states[next], 0, out);
    for (let i = 0; i < out.count; i++) {
      const state = out.words.slice(i * words, (i + 1) * words);
      const broken = out.brokenSteps
        .filter(({ successor }) => successor === i)
        .map(({ property }) => property);
      const key = state.join();
      const isNew = !seen.has(key);
      if (!isNew && broken.length === 0) continue;
      const isFound = shows(state, broken);
      if (!isNew && !isFound) continue;
      seen.add(key);
      states.push(state);
      from.push({ parent: next, id: out.instances[i] });
      if (isFound) return { path: pathTo(from, states.length - 1), states: states.length, exhausted: false };
    }
  }
  return { path: null, states: states.length, exhausted: true };
}

function pathTo(from: readonly { parent: number; id: number }[], last: number): number[] {
  const path: number[] = [];
  for (let at = last; from[at].parent >= 0; at = from[at].parent) path.unshift(from[at].id);
  return path;
}

function wantedIds(of: ReturnType<typeof walk>["of"], until: Until) {
  const name = until.kind === "place" ? "" : until.name;
  const idsOf = (family: readonly { readonly id: number; readonly property: { readonly name: string } }[]) =>
    family.filter(({ property }) => property.name === name).map(({ id }) => id);
  return {
    invariants: idsOf(of.invariants),
    steps: idsOf(of.stepProperties),
    witnesses: idsOf(of.witnesses),
    deadlock: name === deadlockProperty,
  };
}
