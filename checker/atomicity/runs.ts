/**
 * All runs of a few calls from one state: each process makes its call once, and the environment does no more than
 * serve what calls wait for. Two calls that run alone and one after the other, and two that overlap, are both this.
 */
import { Stepper } from "../evaluate/stepper.ts";
import { actsOf } from "../model/threads.ts";
import type { ActionInstance, Instance, ProcessInstance } from "../model/model.ts";

/** A call that a process is to make: `self` is the process's place in its sort. */
export interface Call<S> {
  readonly self: number;
  readonly instance: ActionInstance<S>;
}

/** Where a run ended: nothing of it can go on. */
export interface Final<S> {
  readonly words: Int32Array;
  /** What each call ended with, in the order of the calls: its outcome, or where it is stuck. */
  readonly outcomes: readonly string[];
  /** The steps of a shortest run that ends so. */
  readonly path: () => ActionInstance<S>[];
}

interface Node<S> {
  readonly words: Int32Array;
  /** Of each call: not begun (null), inside (""), or its outcome. */
  readonly said: readonly (string | null)[];
  readonly from: Node<S> | null;
  readonly by: ActionInstance<S> | null;
}

/** Runs of calls of the first kind of process of an instance. */
export class Runs<S> {
  readonly of: Instance<S>;
  readonly calls: readonly (readonly Call<S>[])[];
  private readonly stepper: Stepper<S>;
  private readonly process: ProcessInstance<S>;
  private readonly servers: readonly ActionInstance<S>[];
  private readonly labelOf: (words: Int32Array, self: number) => string;

  /** `labelOf` reads a process's control label from a packed state. */
  constructor(of: Instance<S>, labelOf: (words: Int32Array, self: number) => string) {
    this.of = of;
    this.stepper = new Stepper(of);
    this.labelOf = labelOf;
    [this.process] = of.processes;
    const { idle } = this.process.process;
    this.calls = this.process.tried.map((at, self) =>
      (at.get(idle) ?? []).map((instance) => ({ self, instance })),
    );
    this.servers = serversOf(of);
  }

  /** Every way in which runs of these calls, by different processes, can end, each once. */
  endings(start: Int32Array, calls: readonly Call<S>[]): Final<S>[] {
    const first: Node<S> = { words: start, said: calls.map(() => null), from: null, by: null };
    const seen = new Set<string>([keyOf(first)]);
    const finals: Final<S>[] = [];
    const queue: Node<S>[] = [first];
    for (const node of queue) {
      const next = this.successors(node, calls);
      if (next.length === 0) finals.push(this.finalOf(node, calls));
      for (const one of next) {
        const key = keyOf(one);
        if (seen.has(key)) continue;
        seen.add(key);
        queue.push(one);
      }
    }
    return finals;
  }

  private successors(node: Node<S>, calls: readonly Call<S>[]): Node<S>[] {
    const { idle } = this.process.process;
    const next: Node<S>[] = [];
    const take = (instance: ActionInstance<S>, k: number | null): void => {
      const taken = this.stepper.step(node.words, instance);
      if (taken === null) return;
      const isOver = k !== null && this.isOver(taken.words, calls[k].self, idle);
      const said =
        k === null
          ? node.said
          : node.said.map((old, i) => (i !== k ? old : isOver ? taken.outcome || "ends" : ""));
      next.push({ words: taken.words, said, from: node, by: instance });
    };
    calls.forEach(({ self, instance }, k) => {
      const said = node.said[k];
      if (said === null) take(instance, k);
      else if (said === "")
        for (const step of this.process.tried[self].get(this.labelOf(node.words, self)) ?? []) take(step, k);
    });
    for (const server of this.servers) take(server, null);
    return next;
  }

  /** Has the process returned, or panicked? */
  private isOver(words: Int32Array, self: number, idle: string): boolean {
    const label = this.labelOf(words, self);
    return label === idle || (this.process.tried[self].get(label) ?? []).length === 0;
  }

  private finalOf(node: Node<S>, calls: readonly Call<S>[]): Final<S> {
    const outcomes = node.said.map((said, k) =>
      said === "" ? `stuck at "${this.labelOf(node.words, calls[k].self)}"` : (said ?? "not begun"),
    );
    const path = (): ActionInstance<S>[] => {
      const steps: ActionInstance<S>[] = [];
      for (let at: Node<S> | null = node; at?.by != null; at = at.from) steps.push(at.by);
      return steps.reverse();
    };
    return { words: node.words, outcomes, path };
  }
}

function keyOf<S>({ words, said }: Node<S>): string {
  return `${words.join()}|${said.map((one) => one ?? "-").join("|")}`;
}

/** The steps of the environment that some wait names as its servers. */
function serversOf<S>(of: Instance<S>): ActionInstance<S>[] {
  const points = of.model.threads.flatMap(({ procedures }) => procedures.flatMap((flat) => flat.points));
  const acts = points.flatMap(({ tree }) => actsOf(tree));
  const names = new Set(acts.flatMap((act) => (act.kind === "wait" ? act.servedBy : [])));
  return of.environment.filter(({ action }) => names.has(action.name));
}
