/**
 * Coverage of procedures: how often each step was taken, and each check and condition went either way. Counted by
 * procedures that tell what they do (observe.ts).
 */
import type { Model } from "./model.ts";
import { observed, observedModel } from "./observe.ts";
import { type Do, type Exit, mapNodes, type Node, nodesOf, type Procedure, returns } from "./procedure.ts";

// The frame's type is known where a procedure's body is written.
// oxlint-disable-next-line no-explicit-any
type AnyNode<S> = Node<S, any>;

/** What happened at one node of a procedure. */
export interface Covered {
  readonly procedure: string;
  /** A bracket, a label and a lock are not counted: what is inside them is. */
  readonly kind: "step" | "choose" | "wait" | "check" | "when" | "repeat" | "exit";
  readonly name: string;
  /** Does a check that does not hold panic? Such an assertion need not be seen to fail. */
  readonly isAssertion: boolean;
  /** How often a step was taken, a condition held. */
  yes: number;
  /** How often a condition did not hold; 0 for what is no condition. */
  no: number;
}

/** A model that counts, and what it counts: in the order of the procedures' text. */
export interface CoveredModel<S> {
  readonly model: Model<S>;
  readonly covered: readonly Covered[];
}

/** The model with procedures that count what they do, to be searched as observe.ts says. */
export function withCoverage<S>(model: Model<S>): CoveredModel<S> {
  const covered: Covered[] = [];
  return { model: observedModel(model, (procedure) => countIn(procedure, covered)), covered };
}

function countIn<S>(procedure: Procedure<S>, covered: Covered[]): Procedure<S> {
  const counts = new Map<AnyNode<S>, Covered>();
  for (const node of nodesOf(procedure.body)) {
    if (node.kind === "locked" || node.kind === "label") continue;
    if (node.kind === "acquire" || node.kind === "release") continue;
    // Other ways out than a return are counted by the check or condition that leads to them.
    if (node.kind === "exit" && node.exit.kind !== "return") continue;
    const isAssertion = node.kind === "check" && node.otherwise.kind === "panic";
    const count = { procedure: procedure.name, kind: node.kind, name: node.name, isAssertion, yes: 0, no: 0 };
    counts.set(node, count);
    covered.push(count);
  }
  const inside = (nodes: readonly AnyNode<S>[]): AnyNode<S>[] =>
    mapNodes(nodes, (node) => {
      const count = counts.get(node);
      return count === undefined ? null : [counted(node, count, inside)];
    });
  return { ...procedure, body: inside(procedure.body) };
}

function counted<S>(
  node: AnyNode<S>,
  count: Covered,
  inside: (nodes: readonly AnyNode<S>[]) => AnyNode<S>[],
): AnyNode<S> {
  if (node.kind === "exit" && node.exit.kind === "return")
    return { ...node, exit: counting(node.exit.result, count) };
  const observer = {
    taken: (): void => {
      count.yes++;
    },
    decided: (holds: boolean): void => {
      if (holds) count.yes++;
      else count.no++;
    },
  };
  return observed(node, observer, inside);
}

// oxlint-disable-next-line no-explicit-any
function counting<S>(result: string | Do<S, any, string | number>, count: Covered): Exit<S, any> {
  return returns((s, c, at) => {
    count.yes++;
    return typeof result === "string" ? result : result(s, c, at);
  });
}

/** What of a node was never seen: a step not taken, a condition that never held, or always did. */
export function gapsOf({ kind, isAssertion, yes, no }: Covered): readonly string[] {
  switch (kind) {
    case "step":
    case "choose":
    case "wait":
    case "exit":
      return yes === 0 ? ["never taken"] : [];
    case "check":
      return [...(yes === 0 ? ["never passes"] : []), ...(no === 0 && !isAssertion ? ["never refuses"] : [])];
    case "when":
    case "repeat":
      return [...(yes === 0 ? ["never holds"] : []), ...(no === 0 ? ["never fails"] : [])];
  }
}

/** Was the node come to at all? */
export function isReached({ yes, no }: Covered): boolean {
  return yes + no > 0;
}

/** The last node before this one in the procedure's text that control came to; null where there is none. */
export function lastReachedBefore(covered: readonly Covered[], node: Covered): Covered | null {
  const own = covered.filter(({ procedure }) => procedure === node.procedure);
  return own.slice(0, own.indexOf(node)).findLast((each) => isReached(each) && each.kind !== "exit") ?? null;
}
