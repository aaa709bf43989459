/**
 * Edits: a procedure derived from another by naming what differs. A design that differs from its base in a
 * few places is a few edits long, and a weakening is one.
 *
 * Every edit names the node that it is about and fails with `M12` where there is none such, or more than one:
 * an edit that no longer applies must not pass for a difference. Edits are made when the procedure is first looked into,
 * which is when a design is built: whoever checks one design does not wait for the edits of all.
 */
import { getNearestName, ModelError } from "../errors.ts";
import { bodiesOf, type Do, type Exit, mapNodes, type Node, nodesOf, type Procedure } from "./procedure.ts";
import type { Origin, Params } from "./rule.ts";

/** A change of a procedure. */
export type Edit<S> = (procedure: Procedure<S>) => Procedure<S>;

// The frame's type is known where a procedure's body is written.
// oxlint-disable-next-line no-explicit-any
type AnyNode<S> = Node<S, any>;
type Kind = AnyNode<unknown>["kind"];

const stepKinds: readonly Kind[] = [
  "step",
  "choose",
  "wait",
  "when",
  "repeat",
  "label",
  "acquire",
  "release",
  "exit",
];

/** The procedure with the edits made, one after the other. What an edit throws, looking into the procedure throws. */
export function edit<S>(procedure: Procedure<S>, ...edits: readonly Edit<S>[]): Procedure<S> {
  let made: Procedure<S> | null = null;
  const edited = (): Procedure<S> => (made ??= edits.reduce((before, change) => change(before), procedure));
  return {
    // No edit changes these.
    name: procedure.name,
    meaning: procedure.meaning,
    get origin() {
      return edited().origin;
    },
    get args() {
      return edited().args;
    },
    get locals() {
      return edited().locals;
    },
    get body() {
      return edited().body;
    },
  };
}

/** Puts other nodes in the place of a step (or of a branch, a loop, a label, with all that is inside it). */
export function replaceStep<S, C>(name: string, ...nodes: readonly Node<S, C>[]): Edit<S> {
  return replaceNode("replaceStep", stepKinds, name, () => nodes);
}

/** Leaves a step out (or a branch, a loop, a label, with all that is inside it). */
export function dropStep<S>(name: string): Edit<S> {
  return replaceNode("dropStep", stepKinds, name, () => []);
}

/** Leaves a check out: control goes on as if it held. */
export function dropCheck<S>(name: string): Edit<S> {
  return replaceNode("dropCheck", ["check"], name, () => []);
}

/** Changes what a check asks, or how control leaves where it does not hold. */
export function replaceCheck<S, C>(
  name: string,
  by: { readonly holds?: Do<S, C, boolean>; readonly otherwise?: Exit<S, C> },
): Edit<S> {
  return replaceNode<S>("replaceCheck", ["check"], name, (node) => [{ ...node, ...by }]);
}

/** Puts nodes behind a node, in the same bracket. */
export function insertAfter<S, C>(name: string, ...nodes: readonly Node<S, C>[]): Edit<S> {
  return replaceNode("insertAfter", null, name, (node) => [node, ...nodes]);
}

/** Puts nodes before a node, in the same bracket. */
export function insertBefore<S, C>(name: string, ...nodes: readonly Node<S, C>[]): Edit<S> {
  return replaceNode("insertBefore", null, name, (node) => [...nodes, node]);
}

/** Exchanges two nodes, wherever they stand; neither may be inside the other. */
export function swapSteps<S>(one: string, other: string): Edit<S> {
  return (procedure) => {
    const a = findOnly(procedure, "swapSteps", null, one);
    const b = findOnly(procedure, "swapSteps", null, other);
    if (isInside(a, b) || isInside(b, a)) {
      const what = `swapSteps("${one}", "${other}") on ${procedure.name}: one is inside the other`;
      throw new ModelError("M12", what, "name two nodes that stand apart");
    }
    return withBody(procedure, (node) => (node === a ? [b] : node === b ? [a] : null));
  };
}

/**
 * Puts the nodes of one list from `first` to `last` into a bracket or a loop, which `wrap` makes of them.
 */
export function enclosed<S, C>(
  first: string,
  last: string,
  wrap: (inside: readonly Node<S, C>[]) => Node<S, C>,
): Edit<S> {
  return (procedure) => {
    const from = findOnly(procedure, "enclosed", null, first);
    const to = findOnly(procedure, "enclosed", null, last);
    const lists = [procedure.body, ...nodesOf(procedure.body).flatMap((node) => bodiesOf(node))];
    const list = lists.find((nodes) => nodes.includes(from));
    const [begin, end] = [list?.indexOf(from) ?? -1, list?.indexOf(to) ?? -1];
    if (list === undefined || end < begin) {
      const what = `enclosed("${first}", "${last}") on ${procedure.name}: the second does not follow the first`;
      throw new ModelError("M12", what, "name two nodes of one list, in their order");
    }
    const inside = list.slice(begin, end + 1);
    const around = wrap(inside);
    return withBody(procedure, (node) => (node === from ? [around] : inside.includes(node) ? [] : null));
  };
}

/** Takes every bracket of a lock away; what was inside stays, unprotected. */
export function unlocked<S>(lock: string): Edit<S> {
  return (procedure) => {
    const brackets = nodesOf(procedure.body).filter((node) => node.kind === "locked" && node.name === lock);
    if (brackets.length === 0) throw missing(procedure, "unlocked", ["locked"], lock);
    const strip = (nodes: readonly AnyNode<S>[]): AnyNode<S>[] =>
      mapNodes(nodes, (node) => (node.kind === "locked" && node.name === lock ? strip(node.body) : null));
    return { ...procedure, body: strip(procedure.body) };
  };
}

/** Adds locals, for steps that the design brings along. Throws `M04` where the procedure has another of that name. */
export function addLocals<S>(locals: Params): Edit<S> {
  return (procedure) => {
    const own = { ...procedure.args, ...procedure.locals };
    for (const [name, field] of Object.entries(locals)) {
      if (name in own && JSON.stringify(own[name].spec) !== JSON.stringify(field.spec)) {
        throw new ModelError(
          "M04",
          `${procedure.name} has another local "${name}"`,
          "rename the one that is added",
        );
      }
    }
    return { ...procedure, locals: { ...procedure.locals, ...locals } };
  };
}

/** Adds arguments, for a version of the call that has more. Throws `M04` where the procedure has another of that name. */
export function addArgs<S>(args: Params): Edit<S> {
  return (procedure) => {
    for (const name of Object.keys(args)) {
      if (!(name in procedure.args) && !(name in procedure.locals)) continue;
      const remedy = "rename the one that is added";
      throw new ModelError("M04", `${procedure.name} has another argument or local "${name}"`, remedy);
    }
    return { ...procedure, args: { ...procedure.args, ...args } };
  };
}

/** Leaves locals out that no step uses any more. */
export function dropLocals<S>(...names: readonly string[]): Edit<S> {
  return (procedure) => {
    for (const name of names) {
      if (name in procedure.locals) continue;
      throw doesNotApply(procedure, "dropLocals", `local "${name}"`, name, Object.keys(procedure.locals));
    }
    const kept = Object.entries(procedure.locals).filter(([name]) => !names.includes(name));
    return { ...procedure, locals: Object.fromEntries(kept) };
  };
}

/** Says where the edited procedure comes from. */
export function mirrors<S>(functionAndVersion: string): Edit<S> {
  return (procedure) => ({ ...procedure, origin: { ...procedure.origin, mirrors: functionAndVersion } });
}

/** Retells where the procedure and its nodes come from: an edit of another version's text has its own names. */
export function retold<S>(tell: (functionAndVersion: string) => string): Edit<S> {
  const retell = (origin: Origin): Origin =>
    origin.mirrors === undefined ? origin : { ...origin, mirrors: tell(origin.mirrors) };
  const inside = (nodes: readonly AnyNode<S>[]): AnyNode<S>[] =>
    mapNodes(nodes, (node) => {
      if (!("origin" in node)) return null;
      const named = { ...node, origin: retell(node.origin) };
      if (named.kind === "when") return [{ ...named, yes: inside(named.yes), no: inside(named.no) }];
      return [named.kind === "repeat" ? { ...named, body: inside(named.body) } : named];
    });
  return (procedure) => ({
    ...procedure,
    origin: retell(procedure.origin),
    body: inside(procedure.body),
  });
}

function replaceNode<S>(
  by: string,
  kinds: readonly Kind[] | null,
  name: string,
  make: (node: AnyNode<S>) => readonly AnyNode<S>[],
): Edit<S> {
  return (procedure) => {
    const found = findOnly(procedure, by, kinds, name);
    return withBody(procedure, (node) => (node === found ? make(node) : null));
  };
}

function withBody<S>(
  procedure: Procedure<S>,
  change: (node: AnyNode<S>) => readonly AnyNode<S>[] | null,
): Procedure<S> {
  return { ...procedure, body: mapNodes(procedure.body, change) };
}

function isInside<S>(inner: AnyNode<S>, outer: AnyNode<S>): boolean {
  return nodesOf([outer]).includes(inner);
}

function findOnly<S>(
  procedure: Procedure<S>,
  by: string,
  kinds: readonly Kind[] | null,
  name: string,
): AnyNode<S> {
  const found = nodesOf(procedure.body).filter(
    (node) => node.name === name && (kinds === null || kinds.includes(node.kind)),
  );
  if (found.length === 1) return found[0];
  if (found.length === 0) throw missing(procedure, by, kinds, name);
  const what = `${by}("${name}") on ${procedure.name}: ${found.length} nodes have that name`;
  throw new ModelError("M12", what, "give each its own name, or edit something that is there once");
}

function missing<S>(
  procedure: Procedure<S>,
  by: string,
  kinds: readonly Kind[] | null,
  name: string,
): ModelError {
  const known = nodesOf(procedure.body)
    .filter((node) => kinds === null || kinds.includes(node.kind))
    .map((node) => node.name);
  const what =
    kinds === null ? "node" : kinds.length > 1 ? "step" : kinds[0] === "locked" ? "bracket of" : kinds[0];
  return doesNotApply(procedure, by, `${what} "${name}"`, name, known);
}

function doesNotApply<S>(
  procedure: Procedure<S>,
  by: string,
  what: string,
  name: string,
  known: readonly string[],
): ModelError {
  const near = getNearestName(name, known);
  return new ModelError(
    "M12",
    `${by}("${name}") on ${procedure.name}: there is no ${what}`,
    near === undefined ? `the names are: ${known.join("; ")}` : `did you mean "${near}"?`,
  );
}
