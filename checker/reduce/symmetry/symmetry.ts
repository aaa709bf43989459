/**
 * Symmetry: states that differ only in the names of interchangeable things are one state, and so are states that
 * differ only in what dead locals hold.
 *
 * That a sort is interchangeable is declared, and not believed: the exchanges of its elements are checked against
 * the scenario's actions and on states of random walks before the search, and on a share of the states that it
 * expands. An exchange that fails is left out, with the reason; the classes of elements that remain are used.
 * Initial states need not be symmetric: each stands for its orbit, and a path from it is one of the model.
 */
import { compileInstance, type CompiledEvaluator } from "../../compile/compiled.ts";
import { type Evaluator, Successors } from "../../evaluate/evaluator.ts";
import type { Instance } from "../../model/model.ts";
import type { Leaf } from "../../schema/layout.ts";
import { randomState } from "../../schema/random-state.ts";
import { Random } from "../../search/random.ts";
import { recall } from "../kept.ts";
import { isReduced, keptFor, type ReduceOptions, type Reduced, type Reduction } from "../reduction.ts";
import { Allowed, CommutationCheck, exchangeOf } from "./commutes.ts";
import { type DeadLocals, findDeadLocals } from "./dead-locals.ts";
import {
  declaredSorts,
  exchangesIn,
  generatorsOf,
  nameTransposition,
  type Transposition,
  transpositionsOf,
} from "./group.ts";
import { SymmetryEvaluator } from "./quotient.ts";
import { type Breach, deadLocals, describeBreaches, type Tools, toolsFor } from "./tools.ts";

/** States that may not be reachable, on which exchanges are tried that random walks showed nothing of. */
const randomStates = 300;
/** States of random walks on which every exchange is tried before the search. */
const sampleSize = 60;
const stepsPerWalk = 40;

export const symmetry: Reduction = {
  name: "symmetry",
  apply: (of, evaluator, options) => {
    const preparation = new Preparation(of, evaluator, options);
    return preparation.apply();
  },
};

/** What is found before the search. */
interface Found {
  readonly dead: DeadLocals;
  /** Those that are used, and what keeps the others from it. */
  readonly exchanges: readonly Transposition[];
  readonly breaches: readonly Breach[];
  readonly suspicion: string | null;
}

/** It as JSON, and again. Leaves are told by their paths. */
function formOf<S>(leaves: Instance<S>["layout"]["leaves"]) {
  const byPath = new Map(leaves.map((leaf) => [leaf.path, leaf]));
  const leafAt = (path: string): Leaf => {
    const leaf = byPath.get(path);
    if (leaf === undefined) throw new Error(`what was kept of dead locals names ${path}, which is nowhere`);
    return leaf;
  };
  return {
    pack: ({ dead, exchanges, breaches, suspicion }: Found) => ({
      dead: {
        ...dead,
        live: [...dead.live].map(([{ path }, { leaf, allowed }]) => ({
          path,
          control: leaf.path,
          allowed: [...allowed],
        })),
      },
      exchanges,
      breaches,
      suspicion,
    }),
    unpack: ({ dead, ...rest }: KeptFound): Found => ({
      ...rest,
      dead: {
        ...dead,
        live: new Map(
          dead.live.map(({ path, control, allowed }) => [
            leafAt(path),
            { leaf: leafAt(control), allowed: Uint8Array.from(allowed) },
          ]),
        ),
      },
    }),
  };
}

interface KeptFound extends Omit<Found, "dead"> {
  readonly dead: Omit<DeadLocals, "live"> & {
    readonly live: readonly {
      readonly path: string;
      readonly control: string;
      readonly allowed: readonly number[];
    }[];
  };
}

class Preparation<S> {
  private readonly of: Instance<S>;
  private readonly evaluator: Evaluator;
  private readonly options: ReduceOptions;

  constructor(of: Instance<S>, evaluator: Evaluator, options: ReduceOptions) {
    this.of = of;
    this.evaluator = evaluator;
    this.options = options;
  }

  apply(): Reduced | { refused: string } {
    const { evaluator, of, options } = this;
    let tools: Tools<S> | null = null;
    const { dead, exchanges, breaches, suspicion } = recall(
      keptFor(options),
      "symmetry",
      formOf<S>(of.layout.leaves),
      () => {
        const found = this.find();
        ({ tools } = found);
        return found;
      },
    );
    const apart = breaches.map(({ exchange }) => exchange);
    tools ??= toolsFor(of, evaluator, exchanges, apart, dead);
    // A search is to be as one without what was found out before.
    if (isReduced(evaluator)) evaluator.forget?.();
    tools.check.forget();
    if (tools.group.order === 1 && dead.live.size === 0) {
      const why =
        breaches.length > 0
          ? describeBreaches(breaches).join("; ")
          : "no sort of two elements or more is declared interchangeable";
      return { refused: [why, ...dead.notes].join("; ") };
    }
    return new SymmetryEvaluator(of, evaluator, options, { tools, dead, breaches, suspicion });
  }

  private find(): Found & { readonly tools: Tools<S> } {
    const { of, options } = this;
    const declared = declaredSorts(of.model).interchangeable;
    const dead = this.deadLocals();
    const breaches: Breach[] = [];
    let exchanges = transpositionsOf(of, declared);
    const leaveOut = (exchange: Transposition, reason: string): void => {
      breaches.push({ exchange, reason });
      exchanges = exchanges.filter((each) => nameTransposition(each) !== nameTransposition(exchange));
    };
    const allowed = new Allowed(of);
    for (const exchange of exchanges) {
      const name = nameTransposition(exchange);
      const known = options.failures.find(({ subject }) => subject === name || subject === exchange.sort);
      const reason = known?.reason ?? allowed.findMissing(exchange);
      if (reason !== null) leaveOut(exchange, reason);
    }
    const makeTools = (): Tools<S> => {
      const apart = breaches.map(({ exchange }) => exchange);
      return toolsFor(of, this.evaluator, exchanges, apart, dead);
    };
    const tools = this.tryOut(makeTools, leaveOut);
    return { dead, exchanges, breaches, suspicion: this.findSuspicion(tools), tools };
  }

  /**
   * Tries exchanges on states of random walks, until all that generate the group have been tried on each: what they
   * leave as it is, every renaming that they make up does. Returns the tools for what remains.
   */
  private tryOut(
    makeTools: () => Tools<S>,
    leaveOut: (exchange: Transposition, reason: string) => void,
  ): Tools<S> {
    let states: readonly Int32Array[] | null = null;
    const tried = new Set<string>();
    for (let tools = makeTools(); ; ) {
      const { group, canonicaliser, check } = tools;
      const exchange = generatorsOf(group).find((each) => !tried.has(nameTransposition(each)));
      if (exchange === undefined) return tools;
      states ??= this.sample();
      tried.add(nameTransposition(exchange));
      const renaming = exchangeOf(group, exchange);
      const breach = findFirst(states, (state) => check.findBreach(state, canonicaliser, renaming));
      if (breach === null) continue;
      leaveOut(exchange, `${breach} tells ${nameTransposition(exchange)} apart`);
      tools = makeTools();
    }
  }

  /**
   * What tells elements apart in some states, reachable or not: then every state that is expanded is checked with
   * every exchange. What shows only where several things come together does so sooner in states that are made up.
   */
  private findSuspicion({ group, canonicaliser, locals }: Tools<S>): string | null {
    const { of } = this;
    if (group.order === 1) return null;
    const check = new CommutationCheck(of, modelIn(this.evaluator), locals);
    const random = new Random(this.options.seed);
    const candidates = exchangesIn(group);
    const renamings = candidates.map((exchange) => exchangeOf(group, exchange));
    for (let n = 0; n < randomStates; n++) {
      const state = randomState(of, (count) => random.below(count));
      locals.reset(state, 0);
      const at = random.below(candidates.length);
      let breach: string | null = null;
      try {
        breach = check.findBreach(state, canonicaliser, renamings[at]);
      } catch {
        // A recipe may fail in any way on what it never meets; that says nothing.
      }
      if (breach !== null) return `${breach} tells ${nameTransposition(candidates[at])} apart`;
    }
    return null;
  }

  private deadLocals(): DeadLocals {
    const failure = this.options.failures.find(({ subject }) => subject === deadLocals);
    if (failure !== undefined)
      return { live: new Map(), notes: [`locals are kept: ${failure.reason}`], share: [0, 0] };
    // Without processes there are no locals, and nothing to compile.
    if (this.of.processes.length === 0) return { live: new Map(), notes: [], share: [0, 0] };
    return findDeadLocals(this.of, compiledOf(this.of, this.evaluator));
  }

  /** States of random walks. */
  private sample(): Int32Array[] {
    const { evaluator } = this;
    const random = new Random(this.options.seed);
    const starts = evaluator.initialStates();
    const out = new Successors(evaluator.words);
    const states: Int32Array[] = [];
    while (starts.length > 0 && states.length < sampleSize) {
      let state = starts[random.below(starts.length)];
      for (let n = 0; n < stepsPerWalk && states.length < sampleSize; n++) {
        if (random.below(4) === 0 || n === 0) states.push(state);
        out.clear();
        try {
          evaluator.expand(state, 0, out);
        } catch {
          // The search comes to the same error, and tells it.
          break;
        }
        if (out.count === 0) break;
        const at = random.below(out.count) * evaluator.words;
        state = out.words.slice(at, at + evaluator.words);
      }
    }
    return states;
  }
}

/** The evaluator of the model's own steps. */
function modelIn(evaluator: Evaluator): Evaluator {
  return isReduced(evaluator) ? modelIn(evaluator.inner) : evaluator;
}

/** The first answer that is not null. */
function findFirst<T, R>(list: readonly T[], ask: (item: T) => R | null): R | null {
  for (const item of list) {
    const answer = ask(item);
    if (answer !== null) return answer;
  }
  return null;
}

/** The compiled form of what the evaluator evaluates. */
function compiledOf<S>(
  of: Instance<S>,
  evaluator: Evaluator,
): Pick<CompiledEvaluator, "module" | "fallbacks"> {
  if (isReduced(evaluator)) return compiledOf(of, evaluator.inner);
  return "module" in evaluator ? (evaluator as CompiledEvaluator) : compileInstance(of);
}
