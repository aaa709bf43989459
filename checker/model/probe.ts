/**
 * Where a mutant can make a difference at all: at a state in which the unchanged model comes to what the mutant
 * changes, and for a condition to a case that it decides otherwise. Where one exhaustive search of the unchanged
 * model never does, the mutant's states are the same, and no search of the mutant is needed.
 *
 * Noted by recipes that note and then do what they did; so a probed model is for one search on the packed evaluator
 * and for nothing else (as in coverage.ts).
 */
import type { Model } from "./model.ts";
import type { AnyNode, Condition, Mutant } from "./mutate.ts";
import { choose, mapNodes, type Procedure, type Site, step } from "./procedure.ts";
import { threads } from "./threads.ts";

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
  const probed = model.threads.map((of) => {
    const procedures = of.procedures.map(
      ({ procedure }): Procedure<S> => ({ ...procedure, body: probe(procedure.body, [], probes, concerned) }),
    );
    return threads<S, string>(of.index, of.frames, procedures);
  });
  const without = { invariants: [], stepProperties: [], witnesses: [], deadlock: "none" } as const;
  return { model: { ...model, ...without, threads: probed }, concerned };
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
    const into = (body: readonly AnyNode<S>[], inside: readonly Mutant<S>[]) =>
      probe(body, inside, probes, concerned);
    const noteAll = (): void => {
      for (const mutant of mine) concerned.add(mutant);
    };
    /** Notes whom it concerns that the condition came out so. */
    const decide = (holds: boolean, s: S, c: unknown, at: Site): boolean => {
      for (const mutant of mine) {
        if (concerned.has(mutant)) continue;
        const { mutation, shifted, touches } = mutant;
        const isHere = touches.includes(node);
        if (isHere && mutation === "drop-check" && holds) continue;
        if (isHere && shifted !== null && isAsBefore(shifted, holds, s, c, at)) continue;
        concerned.add(mutant);
      }
      return holds;
    };
    switch (node.kind) {
      case "step":
        return [
          step(
            node.name,
            (s, c, at) => {
              noteAll();
              node.effect(s, c, at);
            },
            node.origin,
          ),
        ];
      case "choose":
        return [
          choose(
            node.name,
            node.among,
            (s, c, choice, at) => {
              noteAll();
              node.effect(s, c, choice, at);
            },
            node.origin,
          ),
        ];
      case "wait":
        return [{ ...node, until: (s, c, at) => decide(node.until(s, c, at), s, c, at) }];
      case "check":
        return [{ ...node, holds: (s, c, at) => decide(node.holds(s, c, at), s, c, at) }];
      case "when":
        return [
          {
            ...node,
            holds: (s, c, at) => decide(node.holds(s, c, at), s, c, at),
            yes: into(node.yes, []),
            no: into(node.no, []),
          },
        ];
      case "repeat":
        return [
          {
            ...node,
            holds: (s, c, at) => decide(node.holds(s, c, at), s, c, at),
            body: into(node.body, []),
          },
        ];
      case "locked":
      case "label":
        return [{ ...node, body: into(node.body, mine) }];
      default:
        return null;
    }
  });
}

/** Does the shifted condition come out as the one that it stands for? */
function isAsBefore<S>(shifted: Condition<S>, holds: boolean, s: S, c: unknown, at: Site): boolean {
  try {
    return shifted.holds(s, c, at) === holds;
  } catch {
    return false;
  }
}
