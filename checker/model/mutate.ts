/**
 * Mutants: every small change that can be made to a model's procedures without knowing what they mean. A check or
 * a step is left out, two neighbours change places, a bracket of a lock is opened, a bound in a condition is one
 * more or one less. A property that no mutant breaks shows nothing; a mutant that breaks no property is a
 * question: is the step not needed, or does nothing ask for it?
 */
import type { Bounds } from "../schema/shape.ts";
import type { Tree } from "./flatten.ts";
import type { Model } from "./model.ts";
import { bodiesOf, mapNodes, type Node, nodesOf, type Procedure, type Site } from "./procedure.ts";
import { type Threads, threads } from "./threads.ts";

// The frame's type is known where a procedure's body is written.
// oxlint-disable-next-line no-explicit-any
export type AnyNode<S> = Node<S, any>;

export const mutations = ["drop-check", "drop-step", "swap", "unlock", "shift-bound"] as const;
export type Mutation = (typeof mutations)[number];

/** A model in which one procedure differs in one place. */
export interface Mutant<S> {
  /** In words, e.g. `unmap_pages without the step "clear the entry"`; unique among a model's mutants. */
  readonly name: string;
  readonly mutation: Mutation;
  readonly procedure: string;
  /** The nodes of the unchanged procedure that it changes: two where they change places, else one. */
  readonly touches: readonly AnyNode<S>[];
  /** The condition that stands where the touched one stood, where a bound is shifted. */
  readonly shifted: Condition<S> | null;
  /** Throws where the changed procedure is none any more, e.g. where a label can no longer be reached. */
  build(): Model<S>;
}

/** Every mutant of the model's procedures, in the order of their text. */
export function mutantsOf<S>(model: Model<S>): Mutant<S>[] {
  const named = model.threads.flatMap((of) =>
    of.procedures.flatMap(({ procedure }) =>
      changesOf(procedure).map(({ name, mutation, touches, shifted, body }): Mutant<S> => {
        const changed: Procedure<S> = { ...procedure, body };
        return {
          name: `${procedure.name} ${name}`,
          mutation,
          procedure: procedure.name,
          touches,
          shifted,
          build: () => withProcedure(model, of, changed),
        };
      }),
    ),
  );
  const seen = new Map<string, number>();
  return named.map((mutant) => {
    const times = (seen.get(mutant.name) ?? 0) + 1;
    seen.set(mutant.name, times);
    return times === 1 ? mutant : { ...mutant, name: `${mutant.name} (${times})` };
  });
}

function withProcedure<S>(model: Model<S>, of: Threads<S, string>, changed: Procedure<S>): Model<S> {
  const procedures = of.procedures.map(({ procedure }) =>
    procedure.name === changed.name ? changed : procedure,
  );
  const mutated = threads<S, string>(of.index, of.frames, procedures, of.procedures);
  return { ...model, threads: model.threads.map((each) => (each === of ? mutated : each)) };
}

type Change<S> = Pick<Mutant<S>, "name" | "mutation" | "touches" | "shifted"> & {
  readonly body: readonly AnyNode<S>[];
};

function changesOf<S>({ body }: Procedure<S>): Change<S>[] {
  return [...changesOfNodes(body), ...swapsOf(body)];
}

/** Changes of single nodes, wherever they stand. */
function changesOfNodes<S>(body: readonly AnyNode<S>[]): Change<S>[] {
  return nodesOf(body).flatMap((node): Change<S>[] => {
    const by = (mutation: Mutation, name: string, nodes: readonly AnyNode<S>[]): Change<S> => ({
      mutation,
      name,
      touches: [node],
      shifted: null,
      body: replace(body, node, nodes),
    });
    const byShifts = (of: Condition<S>): Change<S>[] =>
      shiftsOf(of).map(([told, shifted]) => ({ ...by("shift-bound", told, [shifted]), shifted }));
    switch (node.kind) {
      case "check":
        return [by("drop-check", `without the check "${node.name}"`, []), ...byShifts(node)];
      case "step":
      case "choose":
      case "wait":
        return [by("drop-step", `without the step "${node.name}"`, [])];
      case "locked":
        return [by("unlock", `without ${node.name}`, node.body)];
      case "when":
      case "repeat":
        return byShifts(node);
      default:
        return [];
    }
  });
}

/** Neighbours of one list, exchanged. What leaves the list, or is led to, stays where it is. */
function swapsOf<S>(body: readonly AnyNode<S>[]): Change<S>[] {
  const lists = [body, ...nodesOf(body).flatMap((node) => bodiesOf(node))];
  const moves = (node: AnyNode<S>): boolean => node.kind !== "exit" && node.kind !== "label";
  return lists.flatMap((list) =>
    list.slice(1).flatMap((second, i): Change<S>[] => {
      const first = list[i];
      if (!moves(first) || !moves(second)) return [];
      const name = `with "${second.name}" before "${first.name}"`;
      const swapped = mapNodes(body, (node) =>
        node === first ? [second] : node === second ? [first] : null,
      );
      return [{ mutation: "swap", name, touches: [first, second], shifted: null, body: swapped }];
    }),
  );
}

export type Condition<S> = Extract<AnyNode<S>, { readonly holds: unknown }>;

/** The condition with each bound that its text names one more, and one less. */
function shiftsOf<S>(node: Condition<S>): (readonly [string, Condition<S>])[] {
  const bounds = new Set(Array.from(node.holds.toString().matchAll(/\bbounds\.(\w+)/g), ([, name]) => name));
  return [...bounds].flatMap((bound) =>
    [1, -1].map((by): readonly [string, Condition<S>] => {
      const holds: Condition<S>["holds"] = (s, c, at) => node.holds(s, c, shift(at, bound, by));
      const told = `with ${by > 0 ? "one more" : "one less"} ${bound} in "${node.name}"`;
      return [told, { ...node, holds }];
    }),
  );
}

function shift(at: Site, bound: string, by: number): Site {
  const bounds: Bounds = { ...at.bounds, [bound]: at.bounds[bound] + by };
  return { self: at.self, bounds, assumes: (name) => at.assumes(name) };
}

function replace<S>(
  body: readonly AnyNode<S>[],
  node: AnyNode<S>,
  by: readonly AnyNode<S>[],
): readonly AnyNode<S>[] {
  return mapNodes(body, (each) => (each === node ? by : null));
}

/** The labels of the mutated procedure, in this model, at which something that the mutant touches is decided or done. */
export function labelsAt<S>(model: Model<S>, { procedure, touches }: Mutant<S>): readonly string[] {
  const touched = new Set(nodesOf(touches).flatMap((node) => namesOf(node)));
  const mentions = (tree: Tree<S>): boolean => {
    if (tree.kind === "branch") return touched.has(tree.name) || mentions(tree.yes) || mentions(tree.no);
    return tree.kind === "act" && touched.has(tree.node.name.replace(/, .*/, ""));
  };
  return model.threads
    .flatMap(({ procedures }) => procedures)
    .filter((flat) => flat.procedure.name === procedure)
    .flatMap(({ points }) => points.filter(({ tree }) => mentions(tree)).map(({ label }) => label));
}

/** What a node is called in a decision tree. */
function namesOf<S>(node: AnyNode<S>): readonly string[] {
  if (node.kind === "locked") return [`acquire ${node.name}`, `release ${node.name}`];
  return [node.name.replace(/, .*/, "")];
}
