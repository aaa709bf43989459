/**
 * Where a mutant can make a difference at all: at a state in which the unchanged model comes to what the mutant
 * changes, and for a condition to a case that it decides otherwise. Where one exhaustive search of the unchanged
 * model never does, the mutant's states are the same, and no search of the mutant is needed.
 *
 * Noted by procedures that tell what they do, to be searched as observe.ts says.
 */
import type { Model } from "./model.ts";
import type { AnyNode, Condition, Mutant } from "./mutate.ts";
import { observed, observedModel } from "./observe.ts";
import { type Lock, mapNodes, type Procedure, type Site } from "./procedure.ts";

export interface ProbedModel<S> {
  readonly model: Model<S>;
  /** The mutants for which a difference was met, once the model was searched. */
  readonly concerned: ReadonlySet<Mutant<S>>;
}

/** The model with procedures that note which of its mutants could have gone another way. Properties are left out. */
export function withProbes<S>(model: Model<S>, mutants: readonly Mutant<S>[]): ProbedModel<S> {
  const probes = new Map<AnyNode<S>, Mutant<S>[]>();
  for (const mutant of mutants) {
    for (const node of mutant.touches) probes.set(node, [...(probes.get(node) ?? []), mutant]);
  }
  const concerned = new Set<Mutant<S>>();
  const observe = (procedure: Procedure<S>): Procedure<S> => ({
    ...procedure,
    body: probe(procedure.body, [], probes, concerned),
  });
  return { model: observedModel(model, observe), concerned };
}

/** `around`: the mutants of the brackets and labels that these nodes are in, which are come to with what is inside. */
function probe<S>(
  nodes: readonly AnyNode<S>[],
  around: readonly Mutant<S>[],
  probes: ReadonlyMap<AnyNode<S>, readonly Mutant<S>[]>,
  concerned: Set<Mutant<S>>,
): AnyNode<S>[] {
  return mapNodes(nodes, (node) => {
    const mine = [...around, ...(probes.get(node) ?? [])];
    const noteAll = (): void => {
      for (const mutant of mine) concerned.add(mutant);
    };
    const inside = (body: readonly AnyNode<S>[], outer: readonly Mutant<S>[]) =>
      probe(body, outer, probes, concerned);
    if (node.kind === "label") return [{ ...node, body: inside(node.body, mine) }];
    if (node.kind === "locked")
      return [{ ...node, lock: noting(node.lock, noteAll), body: inside(node.body, mine) }];
    if (node.kind === "acquire" || node.kind === "release")
      return [{ ...node, lock: noting(node.lock, noteAll) }];
    const observer = {
      taken: noteAll,
      /** Notes whom it concerns that the condition came out so. */
      decided: (holds: boolean, s: S, c: unknown, at: Site): void => {
        for (const mutant of mine) {
          if (concerned.has(mutant)) continue;
          const { mutation, shifted, touches } = mutant;
          const isHere = touches.includes(node);
          if (isHere && mutation === "drop-check" && holds) continue;
          if (isHere && shifted !== null && isAsBefore(shifted, holds, s, c, at)) continue;
          concerned.add(mutant);
        }
      },
    };
    return [observed(node, observer, (body) => inside(body, []))];
  });
}

/** The lock, told of whenever it is looked at: also where it is waited for, and nothing behind it is come to. */
function noting<S, C>(lock: Lock<S, C>, note: () => void): Lock<S, C> {
  return {
    ...lock,
    of: (s, c, at) => {
      note();
      return lock.of(s, c, at);
    },
  };
}

/** Does the shifted condition come out as the one that it stands for? */
function isAsBefore<S>(shifted: Condition<S>, holds: boolean, s: S, c: unknown, at: Site): boolean {
  try {
    return shifted.holds(s, c, at) === holds;
  } catch {
    return false;
  }
}
