/**
 * From a procedure to labelled control points.
 *
 * A point is where a process can be found between two transitions. Its decision tree runs the checks and
 * conditions that come next, down to the one step that they lead to; so one point is one transition, and a
 * check is atomic with its step.
 */
import { ModelError } from "../errors.ts";
import { bodiesOf, type Do, type Exit, type Lock, type Node, type Procedure } from "./procedure.ts";

/** Where control is after a transition. */
export type Target<S> =
  | { readonly kind: "point"; readonly label: string }
  // oxlint-disable-next-line no-explicit-any
  | { readonly kind: "return"; readonly result: string | Do<S, any, string | number> }
  | { readonly kind: "refuse"; readonly reason: string }
  | { readonly kind: "panic"; readonly label: string; readonly reason: string };

// oxlint-disable-next-line no-explicit-any
type AnyNode<S> = Node<S, any>;
// oxlint-disable-next-line no-explicit-any
type AnyDo<S, R> = Do<S, any, R>;
// oxlint-disable-next-line no-explicit-any
type AnyLock<S> = Lock<S, any>;

export type Tree<S> =
  | {
      readonly kind: "branch";
      readonly name: string;
      readonly holds: AnyDo<S, boolean>;
      readonly yes: Tree<S>;
      readonly no: Tree<S>;
    }
  | { readonly kind: "act"; readonly node: Act<S>; readonly next: Target<S> }
  | { readonly kind: "leave"; readonly because: string; readonly next: Target<S> };

/** The nodes that are transitions. */
export type Act<S> =
  | Extract<AnyNode<S>, { kind: "step" | "choose" | "wait" }>
  | { readonly kind: "acquire" | "release"; readonly name: string; readonly lock: AnyLock<S> };

export interface Point<S> {
  readonly label: string;
  readonly tree: Tree<S>;
}

export interface FlatProcedure<S> {
  readonly procedure: Procedure<S>;
  readonly entry: Target<S>;
  readonly points: readonly Point<S>[];
  /** The labels at which a process that panicked stays. */
  readonly panics: readonly string[];
}

/** A place in the text of a procedure. */
interface Position<S> {
  readonly nodes: readonly AnyNode<S>[];
  readonly index: number;
  readonly then: Position<S> | null;
  /** The locks of the brackets around this place, outermost first. */
  readonly locks: readonly AnyLock<S>[];
}

const returnOk = { kind: "return", result: "ok" } as const;

/** Lays out a procedure's control flow. Throws `M04`, `M05` and `M10`, naming the procedure and the node. */
export function flatten<S>(procedure: Procedure<S>): FlatProcedure<S> {
  return new Flattening(procedure).run();
}

class Flattening<S> {
  private readonly procedure: Procedure<S>;
  private readonly points = new Map<unknown, { label: string; tree: Tree<S> | null }>();
  private readonly labels = new Set<string>();
  private readonly places = new Map<string, Position<S>>();
  private readonly releases = new Map<AnyNode<S>, AnyNode<S>>();
  private readonly visited = new Set<AnyNode<S>>();
  private readonly panics = new Set<string>();
  private readonly exits = new Map<unknown, number>();

  constructor(procedure: Procedure<S>) {
    this.procedure = procedure;
  }

  run(): FlatProcedure<S> {
    const start: Position<S> = { nodes: this.procedure.body, index: 0, then: null, locks: [] };
    this.requireDistinctNames();
    this.findLabels(start);
    const entry = this.targetOf(start);
    this.requireReached(this.procedure.body);
    const points = [...this.points.values()].map(({ label, tree }) => ({ label, tree: tree as Tree<S> }));
    return { procedure: this.procedure, entry, points, panics: [...this.panics] };
  }

  private fail(what: string, remedy: string, code: "M04" | "M05" | "M08" | "M10" = "M10"): ModelError {
    return new ModelError(code, `procedure ${this.procedure.name}: ${what}`, remedy);
  }

  private requireDistinctNames(): void {
    const names = new Set<string>();
    const visit = (nodes: readonly AnyNode<S>[]): void => {
      for (const node of nodes) {
        const named =
          node.kind === "step" || node.kind === "choose" || node.kind === "wait" || node.kind === "label";
        if ((named || node.kind === "check") && names.has(node.name)) {
          throw this.fail(`two nodes are named "${node.name}"`, "give each its own name", "M04");
        }
        names.add(node.name);
        for (const body of bodiesOf(node)) visit(body);
      }
    };
    visit(this.procedure.body);
  }

  /** Finds the place of every label, so that a jump may lead forward. */
  private findLabels(start: Position<S>): void {
    start.nodes.forEach((node, index) => {
      const here = { ...start, index };
      if (node.kind === "label") this.places.set(node.name, here);
      for (const inner of this.insidesOf(node, here)) this.findLabels(inner);
    });
  }

  private insidesOf(node: AnyNode<S>, here: Position<S>): Position<S>[] {
    const after = { ...here, index: here.index + 1 };
    switch (node.kind) {
      case "when":
        return [node.yes, node.no].map((nodes) => ({ nodes, index: 0, then: after, locks: here.locks }));
      case "repeat":
        return [{ nodes: node.body, index: 0, then: here, locks: here.locks }];
      case "label":
        return [{ nodes: node.body, index: 0, then: after, locks: here.locks }];
      case "locked": {
        const nodes = [...node.body, this.releaseOf(node)];
        return [{ nodes, index: 0, then: after, locks: [...here.locks, node.lock] }];
      }
      default:
        return [];
    }
  }

  /** The release at the end of a bracket: one node, however often the bracket is laid out. */
  private releaseOf(node: Extract<AnyNode<S>, { kind: "locked" }>): AnyNode<S> {
    const known = this.releases.get(node);
    if (known !== undefined) return known;
    const made: AnyNode<S> = { kind: "release", name: `release ${node.lock.name}`, lock: node.lock };
    this.releases.set(node, made);
    return made;
  }

  /** The decision tree of what comes at a place. `loops` guards against a loop that takes no step. */
  private treeAt(at: Position<S>, loops: ReadonlySet<AnyNode<S>>): Tree<S> {
    const here = this.skipEnds(at);
    if (here === null) return { kind: "leave", because: "the end", next: returnOk };
    const node = here.nodes[here.index];
    const after = { ...here, index: here.index + 1 };
    this.visited.add(node);
    switch (node.kind) {
      case "step":
      case "choose":
      case "wait":
        return { kind: "act", node, next: this.targetOf(after) };
      case "acquire":
      case "release":
        return this.ifThereIs(node.lock, { kind: "act", node, next: this.targetOf(after) }, () =>
          this.treeAt(after, loops),
        );
      case "locked": {
        const acquire = { kind: "acquire" as const, name: `acquire ${node.lock.name}`, lock: node.lock };
        const [inside] = this.insidesOf(node, here);
        const act = { kind: "act" as const, node: acquire, next: this.targetOf(inside) };
        return this.ifThereIs(node.lock, act, () => this.treeAt(inside, loops));
      }
      case "check":
        return {
          kind: "branch",
          name: node.name,
          holds: node.holds,
          yes: this.treeAt(after, loops),
          no: this.exitTree(node.otherwise, here, `not: ${node.name}`, loops),
        };
      case "when": {
        const [yes, no] = this.insidesOf(node, here);
        return {
          kind: "branch",
          name: node.name,
          holds: node.holds,
          yes: this.treeAt(yes, loops),
          no: this.treeAt(no, loops),
        };
      }
      case "repeat": {
        if (loops.has(node)) {
          throw this.fail(
            `the loop "${node.name}" can go round without a step`,
            "put a step into every round",
          );
        }
        const [body] = this.insidesOf(node, here);
        return {
          kind: "branch",
          name: node.name,
          holds: node.holds,
          yes: this.treeAt(body, new Set([...loops, node])),
          no: this.treeAt(after, loops),
        };
      }
      case "label":
        return this.treeAt(this.insidesOf(node, here)[0], loops);
      case "exit":
        return this.exitTree(node.exit, here, node.name, loops);
    }
  }

  /** The lock is taken or given back where there is such a lock, and passed over where there is none. */
  private ifThereIs({ name, exists }: AnyLock<S>, yes: Tree<S>, no: () => Tree<S>): Tree<S> {
    if (exists === undefined) return yes;
    return { kind: "branch", name: `is there a ${name}?`, holds: exists, yes, no: no() };
  }

  /** Ways out that differ (two `returns` with different results, say) have release chains of their own. */
  private idOf(key: unknown): string {
    if (typeof key === "string") return key;
    if (!this.exits.has(key)) this.exits.set(key, this.exits.size);
    return `exit ${this.exits.get(key)}`;
  }

  private skipEnds(at: Position<S>): Position<S> | null {
    let here: Position<S> | null = at;
    while (here !== null && here.index >= here.nodes.length) here = here.then;
    return here;
  }

  /** Control leaves a place by an exit: first the locks that the exit leaves behind, innermost first. */
  private exitTree(
    exit: Exit<S, unknown>,
    from: Position<S>,
    because: string,
    loops: ReadonlySet<AnyNode<S>>,
  ): Tree<S> {
    switch (exit.kind) {
      case "panic": {
        const label = `PANIC in ${this.procedure.name}: ${exit.reason}`;
        this.panics.add(label);
        return { kind: "leave", because, next: { kind: "panic", label, reason: exit.reason } };
      }
      case "refuse":
        return this.releaseThen(from.locks, `refusing ${exit.reason}`, because, {
          kind: "refuse",
          reason: exit.reason,
        });
      case "return":
        return this.releaseThen(
          from.locks,
          "returning",
          because,
          { kind: "return", result: exit.result },
          exit,
        );
      case "jump": {
        const place = this.places.get(exit.label);
        if (place === undefined) {
          const known = [...this.places.keys()].join(", ") || "none";
          throw this.fail(
            `a jump leads to "${exit.label}", which is no label here`,
            `the labels are: ${known}`,
            "M08",
          );
        }
        const extra = from.locks.slice(place.locks.length);
        if (extra.length === 0) return this.treeAt(place, loops);
        const here = this.targetOf(place);
        return this.releaseThen(extra, `to ${exit.label}`, because, here, undefined, () =>
          this.treeAt(place, loops),
        );
      }
    }
  }

  private releaseThen(
    locks: readonly AnyLock<S>[],
    purpose: string,
    because: string,
    last: Target<S>,
    key: unknown = purpose,
    withoutLocks: () => Tree<S> = () => ({ kind: "leave", because, next: last }),
  ): Tree<S> {
    if (locks.length === 0) return withoutLocks();
    const optional = locks.find(({ exists }) => exists !== undefined);
    if (optional !== undefined) {
      const { name, of } = optional;
      const there = locks.map((lock) => (lock === optional ? { name, of } : lock));
      const others = locks.filter((lock) => lock !== optional);
      return this.ifThereIs(
        optional,
        this.releaseThen(there, purpose, because, last, key, withoutLocks),
        () => this.releaseThen(others, purpose, because, last, key, withoutLocks),
      );
    }
    const lock = locks[locks.length - 1];
    const rest = locks.slice(0, -1);
    const release = { kind: "release" as const, name: `release ${lock.name}, ${purpose}`, lock };
    const next = rest.length === 0 ? last : this.chainTarget(rest, purpose, because, last, key);
    // The failed check is atomic with the release that follows it.
    return { kind: "act", node: release, next };
  }

  private chainTarget(
    locks: readonly AnyLock<S>[],
    purpose: string,
    because: string,
    last: Target<S>,
    key: unknown,
  ): Target<S> {
    const id = `${this.idOf(key)} ${locks.map((lock) => lock.name).join(" ")}`;
    return this.pointFor(id, `release ${locks[locks.length - 1].name}, ${purpose}`, () =>
      this.releaseThen(locks, purpose, because, last, key),
    );
  }

  /** Where a process is once it has come to a place: at a point, or out of the call. */
  private targetOf(at: Position<S>): Target<S> {
    const here = this.skipEnds(at);
    if (here === null) return returnOk;
    const node = here.nodes[here.index];
    if (node.kind === "label") {
      this.visited.add(node);
      return this.targetOf(this.insidesOf(node, here)[0]);
    }
    if (node.kind === "exit" && here.locks.length === 0 && node.exit.kind !== "jump") {
      const tree = this.treeAt(here, new Set());
      if (tree.kind === "leave") return tree.next;
    }
    return this.pointFor(node, this.nameOf(here), () => this.treeAt(here, new Set()));
  }

  /** A point is called after the step that its checks lead to, or after the branch or exit met before. */
  private nameOf(at: Position<S>): string {
    const first = at.nodes[at.index];
    let here: Position<S> | null = at;
    while (here !== null) {
      const node: AnyNode<S> = here.nodes[here.index];
      if (node.kind === "locked") return `acquire ${node.lock.name}`;
      if (node.kind === "exit") return first.name;
      if (node.kind !== "check") return node.name;
      here = this.skipEnds({ ...here, index: here.index + 1 });
    }
    return first.name;
  }

  private pointFor(key: unknown, name: string, build: () => Tree<S>): Target<S> {
    const known = this.points.get(key);
    if (known !== undefined) return { kind: "point", label: known.label };
    let label = `${this.procedure.name}: ${name}`;
    for (let n = 2; this.labels.has(label); n++) label = `${this.procedure.name}: ${name} #${n}`;
    this.labels.add(label);
    const point: { label: string; tree: Tree<S> | null } = { label, tree: null };
    this.points.set(key, point);
    point.tree = build();
    return { kind: "point", label };
  }

  private requireReached(nodes: readonly AnyNode<S>[]): void {
    for (const node of nodes) {
      if (!this.visited.has(node)) {
        const remedy = "remove it, or lead control there";
        throw this.fail(`"${node.name}" (a ${node.kind}) is unreachable`, remedy, "M05");
      }
      for (const body of bodiesOf(node)) this.requireReached(body);
    }
  }
}
