/** Shortest schedules to every way in which a call can end, and to every witness: one search for all of them. */
import { type Evaluator, Successors } from "../checker/evaluate/evaluator.ts";
import { createPacked } from "../checker/evaluate/packed.ts";
import type { ActionInstance } from "../checker/model/model.ts";
import { breadthFirst } from "../checker/search/breadth-first.ts";
import type { SearchOptions, SearchResult } from "../checker/search/result.ts";
import { confirmClaim, outcomeNameOf, replayPath } from "../checker/trace/replay.ts";
import { panicWitness } from "./availability.ts";
import type { Counterexample } from "./counterexample.ts";
import type { AnyInstance } from "./run.ts";

/** An example: what it shows, and its schedule as the reference evaluator takes it. */
export interface Examples {
  readonly found: readonly Counterexample[];
  /** Witnesses of which no instance was reached. */
  readonly missing: readonly string[];
  readonly result: SearchResult;
}

/**
 * Searches with an evaluator that reports the first step of each outcome as a broken step property, and the first
 * state of each witness as a broken invariant: so the search finds shortest ways to them, and how to get there.
 */
export async function findExamples(
  of: AnyInstance,
  options: Omit<SearchOptions, "instances" | "witnesses" | "stopAtViolation">,
): Promise<Examples> {
  const outcomes: string[] = [];
  const evaluator = new ExampleEvaluator(of, outcomes);
  const result = await breadthFirst(evaluator, {
    ...options,
    stopAtViolation: false,
    instances: of.instances.length,
    witnesses: 0,
  });
  const reached = new Set<string>();
  const found = result.violations.flatMap(({ kind, property, path }): Counterexample[] => {
    const replay = replayPath(of, path);
    const claim =
      kind === "step"
        ? { kind: "outcome" as const, name: outcomes[property], args: {} }
        : {
            kind: "witness" as const,
            name: of.witnesses[property].property.name,
            args: of.witnesses[property].args,
          };
    // Of a family of witnesses, the first is example enough.
    if (reached.has(`${claim.kind} ${claim.name}`)) return [];
    reached.add(`${claim.kind} ${claim.name}`);
    const shown = confirmClaim(of, replay, claim);
    if (shown === null) throw new Error(`the reference evaluator does not confirm ${claim.name}`);
    return [{ replay, shown }];
  });
  const names = [...new Set(of.witnesses.map(({ property }) => property.name))].filter(
    (n) => n !== panicWitness,
  );
  return { found, missing: names.filter((name) => !reached.has(`witness ${name}`)), result };
}

class ExampleEvaluator implements Evaluator {
  readonly name = "packed";
  readonly words: number;
  readonly usedBits: readonly number[];
  private readonly inner: Evaluator;
  private readonly outcomes: string[];
  private readonly known = new Map<string, number>();
  /** Outcomes seen first in the state that is being expanded: the action, and their number. */
  private fresh: { instance: number; outcome: number }[] = [];
  private readonly witnessed: Uint8Array;
  private readonly isPanic: readonly boolean[];

  constructor(of: AnyInstance, outcomes: string[]) {
    this.outcomes = outcomes;
    const watched = new Map(of.instances.map((instance) => [instance, this.watch(instance)]));
    const watch = (instance: ActionInstance<unknown>) => watched.get(instance) as ActionInstance<unknown>;
    this.inner = createPacked({
      ...of,
      instances: of.instances.map(watch),
      environment: of.environment.map(watch),
      processes: of.processes.map((process) => ({
        ...process,
        tried: process.tried.map(
          (labels) => new Map([...labels].map(([label, instances]) => [label, instances.map(watch)])),
        ),
      })),
    });
    this.words = this.inner.words;
    this.usedBits = of.layout.usedBits;
    this.witnessed = new Uint8Array(of.witnesses.length);
    this.isPanic = of.witnesses.map(({ property }) => property.name === panicWitness);
  }

  /** The action, which notes how a call ends by it for the first time. */
  private watch(instance: ActionInstance<unknown>): ActionInstance<unknown> {
    const fireAtLabel = (s: unknown): string | null => {
      const outcome = instance.fireAtLabel(s);
      const name = outcome === null || outcome === "" ? null : outcomeNameOf(instance, outcome);
      if (name !== null && !this.known.has(name)) {
        this.known.set(name, this.outcomes.length);
        this.fresh.push({ instance: instance.id, outcome: this.outcomes.length });
        this.outcomes.push(name);
      }
      return outcome;
    };
    return { ...instance, fireAtLabel };
  }

  initialStates(): Int32Array[] {
    return this.inner.initialStates();
  }

  expand(words: Int32Array, offset: number, out: Successors): boolean {
    const first = out.count;
    this.inner.expand(words, offset, out);
    for (const { instance, outcome } of this.fresh) {
      const successor = out.instances.subarray(first, out.count).indexOf(instance);
      if (successor >= 0) out.brokenSteps.push({ successor: first + successor, property: outcome });
    }
    this.fresh = [];
    return false;
  }

  violatedInvariants(words: Int32Array, offset: number): readonly number[] {
    const before = this.witnessed.slice();
    this.inner.markWitnesses(words, offset, this.witnessed);
    return [...this.witnessed.keys()].filter((id) => this.witnessed[id] !== before[id] && !this.isPanic[id]);
  }

  markWitnesses(): void {
    // They are told as invariants.
  }

  deadlockIn(): null {
    return null;
  }
}
