/**
 * Procedures that tell what they do: nodes that do what they did before, and say so to somebody. For counts of what was
 * seen (coverage.ts, probe.ts), in one search on the packed evaluator and for nothing else: such recipes are not pure,
 * and no compiler would keep what they note.
 */
import type { Model } from "./model.ts";
import { choose, type Node, type Procedure, type Site, step } from "./procedure.ts";
import { threads } from "./threads.ts";

// The frame's type is known where a procedure's body is written.
// oxlint-disable-next-line no-explicit-any
type AnyNode<S> = Node<S, any>;

/** Who is told what happens at a node. */
export interface Observer<S> {
  /** A step is taken, or a choice made. */
  taken(): void;
  /** A condition, or that of a wait, was looked at. */
  decided(holds: boolean, s: S, c: unknown, at: Site): void;
}

/** The node, told of; `inside` makes the nodes of its branches. What neither steps nor decides is left as it is. */
export function observed<S>(
  node: AnyNode<S>,
  observer: Observer<S>,
  inside: (nodes: readonly AnyNode<S>[]) => AnyNode<S>[],
): AnyNode<S> {
  const told = (holds: boolean, s: S, c: unknown, at: Site): boolean => {
    observer.decided(holds, s, c, at);
    return holds;
  };
  switch (node.kind) {
    case "step":
      return step(
        node.name,
        (s, c, at) => {
          observer.taken();
          node.effect(s, c, at);
        },
        node.origin,
      );
    case "choose":
      return choose(
        node.name,
        node.among,
        (s, c, choice, at) => {
          observer.taken();
          node.effect(s, c, choice, at);
        },
        node.origin,
      );
    case "wait":
      return { ...node, until: (s, c, at) => told(node.until(s, c, at), s, c, at) };
    case "check":
      return { ...node, holds: (s, c, at) => told(node.holds(s, c, at), s, c, at) };
    case "when":
      return {
        ...node,
        holds: (s, c, at) => told(node.holds(s, c, at), s, c, at),
        yes: inside(node.yes),
        no: inside(node.no),
      };
    case "repeat":
      return {
        ...node,
        holds: (s, c, at) => told(node.holds(s, c, at), s, c, at),
        body: inside(node.body),
      };
    default:
      return node;
  }
}

/** The model with procedures that tell what they do. Properties are left out: the search is for what is told. */
export function observedModel<S>(
  model: Model<S>,
  observe: (procedure: Procedure<S>) => Procedure<S>,
): Model<S> {
  const observing = model.threads.map((of) =>
    threads<S, string>(
      of.index,
      of.frames,
      of.procedures.map(({ procedure }) => observe(procedure)),
    ),
  );
  const without = { invariants: [], stepProperties: [], witnesses: [], deadlock: "none" } as const;
  return { ...model, ...without, threads: observing };
}
