/** Runs a design's mutants over its scenarios, the cheapest search first, until something notices. */
import { createCompiled } from "../checker/compile/compiled.ts";
import { ModelError } from "../checker/errors.ts";
import type { Evaluator } from "../checker/evaluate/evaluator.ts";
import { createPacked } from "../checker/evaluate/packed.ts";
import { createPatched, labelsThatDiffer, takesSameSteps } from "../checker/evaluate/patched.ts";
import type { Design, Scenario } from "../checker/model/design.ts";
import { instantiate } from "../checker/model/model.ts";
import { labelsAt, type Mutant, mutantsOf } from "../checker/model/mutate.ts";
import { withProbes } from "../checker/model/probe.ts";
import { breadthFirst } from "../checker/search/breadth-first.ts";
import type { SearchResult } from "../checker/search/result.ts";
import { StateSums } from "../checker/search/sums.ts";
import { namePanic } from "./availability.ts";
import { judge } from "./judge.ts";
import { once } from "./once.ts";
import { defaultSize } from "./registry.ts";
import type { AnyInstance } from "./run.ts";
import type { MutateOutput } from "./schemas.ts";

// The state is known by names only.
// oxlint-disable-next-line no-explicit-any
export type AnyMutant = Mutant<any>;
export type Fate = MutateOutput["weakenings"][number];

export interface MutantLimits {
  /** Seconds of one search. */
  readonly maxSeconds: number;
  readonly isInterrupted: () => boolean;
}

/** Most mutants are noticed within so many states. */
const fewStates = 20_000;

/** A scenario's search of the unchanged model. */
interface Unchanged {
  readonly scenario: Scenario;
  readonly of: AnyInstance;
  /** Compiled: it evaluates, too, where a mutant does not differ. */
  readonly evaluator: Evaluator;
  readonly states: number;
  /** The mutants that could make a difference somewhere; null where the search did not end. */
  readonly concerned: ReadonlySet<AnyMutant> | null;
  /** What is reached, with the states; null where the search did not end. */
  readonly sums: StateSums | null;
}

/**
 * The mutants of a design and what the unchanged design does on its scenarios: which mutants could make a difference
 * there, and which states are reached.
 */
export class MutantTrial {
  private readonly design: Design;
  private readonly model: AnyInstance["model"];
  readonly mutants: readonly AnyMutant[];
  private unchanged: Unchanged[] | null = null;

  constructor(design: Design) {
    this.design = design;
    this.model = design.build();
    this.mutants = mutantsOf(this.model);
  }

  /**
   * What becomes of a mutant. It is `killed` where a property breaks, where a witness that the scenario declares is
   * reached no more, where a call panics that never did (what `check` lists under availability), where no scenario comes
   * to another step any more that was taken before and is still there (what `dmaspec coverage` fails for), or where a
   * recipe meets what it cannot do (a value out of its range, an argument that a check was to refuse); `stillborn` where
   * it is no model; `untried` where no scenario ever comes to what it changes, or ever decides otherwise there; `same` where all is as before and the states, too, are the same, but for those in
   * which a CPU is at the changed place; `survived` where all is as before, but other states are reached;
   * `undecided` at a limit.
   */
  async try(mutant: AnyMutant, equivalent: string | null, limits: MutantLimits): Promise<Fate> {
    const fate: Fate = {
      name: mutant.name,
      mechanism: null,
      mutation: mutant.mutation,
      procedure: mutant.procedure,
      outcome: "survived",
      killed: false,
      property: null,
      scenario: null,
      length: null,
      alsoBroken: [],
      equivalent,
    };
    this.unchanged ??= await this.searchUnchanged(limits);
    if (limits.isInterrupted()) return { ...fate, outcome: "undecided" };
    const concerned = this.unchanged.filter((of) => of.concerned?.has(mutant) ?? true);
    let trials: Trial[];
    let hidden: ReadonlySet<string>;
    let kept: ReadonlySet<string>;
    try {
      const model = mutant.build();
      hidden = new Set([...labelsAt(this.model, mutant), ...labelsAt(model, mutant)]);
      // A place that the mutant has under another name, or as part of the one before, is not missed.
      kept = new Set(pointsOf(model).map(({ label }) => label));
      const differing = labelsThatDiffer(this.model, model);
      trials = concerned.map((of) => trialOf(of, model, differing));
      // What is wrong with a model is wrong in every scope.
      trials[0]?.instance();
    } catch (error) {
      if (error instanceof ModelError) return { ...fate, outcome: "stillborn" };
      throw error;
    }
    if (trials.length === 0) return { ...fate, outcome: "untried" };
    const seen = new Map<Trial, Seen>();
    const panics = new Set(this.panics());
    const labels = new Set(
      this.labelsOf((scenario) => !trials.some(({ unchanged }) => unchanged.scenario === scenario)),
    );
    for (const pass of ["few", "all"] as const) {
      for (const trial of trials) {
        if ((seen.get(trial) ?? "undecided") !== "undecided") continue;
        if (pass === "few" && trial.isClearlySame()) {
          seen.set(trial, "same");
          for (const label of trial.unchanged.sums?.labels() ?? []) labels.add(label);
          continue;
        }
        // oxlint-disable-next-line no-await-in-loop
        const notice = await look(trial, pass, { hidden, panics, labels }, limits);
        if (limits.isInterrupted()) return { ...fate, outcome: "undecided" };
        const scenario = trial.unchanged.scenario.name;
        if (typeof notice === "object") {
          const { property, length } = notice;
          const alsoBroken = notice.isProperty
            ? // oxlint-disable-next-line no-await-in-loop
              await findOthersBroken(trial, property, limits)
            : notice.alsoBroken;
          return { ...fate, property, length, alsoBroken, outcome: "killed", killed: true, scenario };
        }
        seen.set(trial, notice);
      }
    }
    const found = new Set(seen.values());
    if (!found.has("undecided")) {
      const missed = [...this.labelsOf(() => true)].find(
        (label) => kept.has(label) && !labels.has(label) && !hidden.has(label),
      );
      if (missed !== undefined) {
        const property = `coverage: no CPU comes to "${missed}" any more`;
        return { ...fate, outcome: "killed", killed: true, property };
      }
    }
    const worst = (["undecided", "survived", "same"] as const).find((one) => found.has(one));
    return { ...fate, outcome: worst ?? "survived" };
  }

  /** The labels that the unchanged design comes to in these scenarios; where calls panicked are none of them. */
  private labelsOf(isAsked: (of: Scenario) => boolean): Set<string> {
    const asked = this.unchanged?.filter(({ scenario }) => isAsked(scenario)) ?? [];
    const labels = new Set(asked.flatMap(({ sums }) => [...(sums?.labels() ?? [])]));
    for (const label of this.panics()) labels.delete(label);
    return labels;
  }

  /** The labels at which calls that panicked stay. */
  private panics(): readonly string[] {
    return this.model.threads.flatMap(({ procedures }) => procedures.flatMap((of) => of.panics));
  }

  private async searchUnchanged(limits: MutantLimits): Promise<Unchanged[]> {
    const found: Unchanged[] = [];
    for (const scenario of this.design.scenarios) {
      const { model, concerned } = withProbes(this.model, this.mutants);
      const probed = instantiate(model, { ...scopeOf(scenario), without: [] });
      const of = instantiate(this.model, scopeOf(scenario));
      const sums = new StateSums(of, { keepsStates: true });
      // oxlint-disable-next-line no-await-in-loop
      const reached = await search(probed, createPacked(probed), limits);
      const evaluator = createCompiled(of);
      // oxlint-disable-next-line no-await-in-loop
      const summed = await search(of, sums.watch(evaluator), limits);
      found.push({
        scenario,
        of,
        evaluator,
        states: summed.states,
        concerned: reached.ending === "exhausted" ? concerned : null,
        sums: summed.ending === "exhausted" ? sums : null,
      });
      if (limits.isInterrupted()) break;
    }
    return found.toSorted((a, b) => a.states - b.states);
  }
}

/** The places at which a CPU can be in a call. */
function pointsOf(model: AnyInstance["model"]) {
  return model.threads.flatMap(({ procedures }) => procedures.flatMap(({ points }) => points));
}

/** A mutant in a scenario. What it takes is made when it is first needed: mostly another scenario notices it before. */
interface Trial {
  readonly unchanged: Unchanged;
  readonly instance: () => AnyInstance;
  readonly evaluator: () => Evaluator;
  /** Do the changed steps lead to where the unchanged ones lead, from every state that is reached? */
  readonly isClearlySame: () => boolean;
}

/** `differing`: the labels at which the mutant differs; null where it is not only there. */
function trialOf(
  unchanged: Unchanged,
  model: AnyInstance["model"],
  differing: ReadonlySet<string> | null,
): Trial {
  const instance = once(() => instantiate(model, scopeOf(unchanged.scenario)));
  const evaluator = once(() => {
    const patched = differing === null ? null : createPatched(unchanged, instance(), differing);
    return patched ?? createCompiled(instance());
  });
  const isClearlySame = (): boolean =>
    differing !== null &&
    unchanged.sums !== null &&
    takesSameSteps(unchanged, instance(), differing, unchanged.sums.states());
  return { unchanged, instance, evaluator, isClearlySame };
}

function scopeOf({ sizes }: Scenario) {
  return sizes[defaultSize] ?? Object.values(sizes)[0];
}

function search(of: AnyInstance, evaluator: Evaluator, limits: MutantLimits): Promise<SearchResult> {
  return breadthFirst(evaluator, {
    instances: of.instances.length,
    witnesses: of.witnesses.length,
    stopAtViolation: false,
    ...limits,
  });
}

/** What is no property is noticed when the search has ended, but for an error of the model: then nobody knows what else breaks. */
type Notice = Pick<Fate, "property" | "length"> &
  ({ readonly isProperty: true } | { readonly isProperty: false; readonly alsoBroken: [] | null });

function noticeNoProperty(property: string, alsoBroken: [] | null = []): Notice {
  return { property, length: null, isProperty: false, alsoBroken };
}

type Seen = "undecided" | "survived" | "same";

interface Labels {
  /** Where the mutant differs. */
  readonly hidden: ReadonlySet<string>;
  readonly panics: ReadonlySet<string>;
  /** What is come to; added to. */
  readonly labels: Set<string>;
}

async function look(
  trial: Trial,
  pass: "few" | "all",
  { hidden, panics, labels }: Labels,
  { maxSeconds, isInterrupted }: MutantLimits,
): Promise<Notice | Seen> {
  const { sums } = trial.unchanged;
  const of = trial.instance();
  const mine = new StateSums(of);
  let result: SearchResult;
  try {
    result = await breadthFirst(mine.watch(trial.evaluator()), {
      instances: of.instances.length,
      witnesses: of.witnesses.length,
      stopAtViolation: true,
      ...(pass === "few" ? { maxStates: fewStates } : { maxSeconds }),
      isInterrupted,
    });
  } catch (error) {
    if (error instanceof ModelError) return noticeNoProperty(`a fault of the model: ${error.what}`, null);
    throw error;
  }
  for (const label of mine.labels()) labels.add(label);
  const { verdict, properties, witnesses } = judge(of, result);
  if (verdict === "holds") {
    if (sums === null) return "survived";
    const panicked = newIn(mine, sums).find((label) => panics.has(label));
    if (panicked !== undefined) return noticeNoProperty(`availability: ${namePanic(panicked)}`);
    return sums.agreesWith(mine, hidden) ? "same" : "survived";
  }
  const violated = properties.flatMap(({ name, violation }) =>
    violation === null
      ? []
      : [{ property: name, length: violation.path.instances.length, isProperty: true as const }],
  );
  if (violated.length > 0) return violated.toSorted((a, b) => a.length - b.length)[0];
  if (verdict !== "vacuous") return "undecided";
  const missed = witnesses.find(({ reached }) => !reached);
  return noticeNoProperty(`the witness "${missed?.name ?? ""}" is reached no more`);
}

/**
 * The other properties that break in the scenario, within a few states more than it has unchanged; null where none was
 * found and the search did not come to its end, or to an error of the model, so that nobody knows.
 */
async function findOthersBroken(
  { unchanged, instance, evaluator }: Trial,
  noticed: string | null,
  { maxSeconds, isInterrupted }: MutantLimits,
): Promise<string[] | null> {
  const of = instance();
  try {
    const result = await breadthFirst(evaluator(), {
      instances: of.instances.length,
      witnesses: of.witnesses.length,
      stopAtViolation: false,
      maxStates: unchanged.states + fewStates,
      maxSeconds,
      isInterrupted,
    });
    const others = judge(of, result).properties.flatMap(({ name, violation }) =>
      violation === null || name === noticed ? [] : [name],
    );
    return others.length === 0 && result.ending !== "exhausted" ? null : others;
  } catch (error) {
    if (error instanceof ModelError) return null;
    throw error;
  }
}

/** The labels that one search comes to and the other one does not. */
function newIn(mine: StateSums, others: StateSums): string[] {
  const known = new Set(others.labels());
  return [...mine.labels()].filter((label) => !known.has(label));
}
