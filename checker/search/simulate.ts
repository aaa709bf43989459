/**
 * Simulation: random walks from an initial state, each step chosen uniformly among the successors. A walk is told by
 * the seed and its number: the same seed walks the same way, whoever walks.
 *
 * What it finds is real; what it does not find, it has not shown to be absent: it is never exhaustive, and its
 * paths are not shortest ones.
 */
import { type Evaluator, Successors } from "../evaluate/evaluator.ts";
import { StateDigest } from "./digest.ts";
import { Findings } from "./findings.ts";
import { Random } from "./random.ts";
import { type Ending, locateError, type Path, type SearchOptions, type SearchResult } from "./result.ts";
import { StateTable } from "./table.ts";
import { Watch } from "./watch.ts";

export interface SimulationOptions extends SearchOptions {
  readonly walks: number;
  /** Steps in a walk, at most; `maxDepth` bounds them too. */
  readonly depth: number;
  readonly seed: number;
}

/** Steps between two looks at the clock. */
const lookEvery = 32;

/**
 * Walks until all walks are done or the options end it; with `stopAtViolation`, at the first violation. Every
 * step out of a visited state is checked, and every distinct state visited; `transitions` and `taken` count the
 * steps walked. Throws what the model throws, located.
 */
export async function simulate(evaluator: Evaluator, options: SimulationOptions): Promise<SearchResult> {
  const simulation = new Simulation(evaluator, options);
  let ending = simulation.begin();
  while (ending === null) {
    ending = simulation.advance();
    if (ending === null && simulation.watch.isPauseDue) await simulation.watch.pause();
  }
  return simulation.resultOf(ending);
}

/** The distinct states that walks have visited: they are counted, and checked once. */
export interface Visited {
  readonly size: number;
  readonly bytes: number;
  readonly digest: string;
  /** Notes a state: whether it is to be checked, or why there is no room for it. */
  visit(state: Int32Array): boolean | Ending;
}

class VisitedTable implements Visited {
  private readonly table: StateTable;
  private readonly sum = new StateDigest();
  private readonly options: SearchOptions;

  constructor(evaluator: Evaluator, options: SearchOptions) {
    this.table = new StateTable(evaluator.words, { usedBits: evaluator.usedBits });
    this.options = options;
  }

  get size(): number {
    return this.table.size;
  }

  get bytes(): number {
    return this.table.bytes;
  }

  get digest(): string {
    return this.sum.toString();
  }

  visit(state: Int32Array): boolean | Ending {
    const { options, table } = this;
    if (!table.makeRoom(1, options.maxMemory)) return "memory";
    const fresh = table.insertBatch(state, 1, (options.maxStates ?? Infinity) - table.size);
    if (fresh === 0) return table.handled === 0 ? "max-states" : false;
    this.sum.add(state, 0, state.length);
    return true;
  }
}

export class Simulation {
  readonly watch: Watch;
  private readonly evaluator: Evaluator;
  private readonly options: SimulationOptions;
  private random: Random;
  private readonly visited: Visited;
  private readonly findings: Findings<Path>;
  private readonly successors: Successors;
  private readonly current: Int32Array;
  private readonly mostSteps: number;
  private initials: readonly Int32Array[] = [];
  private walksBegun = 0;
  /** The walk so far. */
  private initial = 0;
  private instances: number[] = [];
  private isWalking = false;
  private transitions = 0;
  private longest = 0;
  private readonly taken: Float64Array;

  constructor(evaluator: Evaluator, options: SimulationOptions, visited?: Visited) {
    this.evaluator = evaluator;
    this.options = options;
    this.random = new Random(options.seed);
    this.visited = visited ?? new VisitedTable(evaluator, options);
    this.findings = new Findings(evaluator, options.witnesses);
    this.successors = new Successors(evaluator.words);
    this.current = new Int32Array(evaluator.words);
    this.mostSteps = Math.min(options.depth, options.maxDepth ?? Infinity);
    this.taken = new Float64Array(options.instances);
    this.watch = new Watch(options, () => ({
      depth: this.longest,
      states: this.visited.size,
      transitions: this.transitions,
      queue: options.walks - this.walksBegun,
      memoryBytes: this.visited.bytes,
    }));
  }

  /** Checks all initial states. */
  begin(): Ending | null {
    this.initials = this.evaluator.initialStates();
    for (const [place, words] of this.initials.entries()) {
      this.initial = place;
      this.current.set(words);
      const full = this.visit();
      if (full !== null) return full;
      this.checkDeadlock();
    }
    this.options.onFirstStates?.();
    return this.isToStop ? "violated" : this.watch.look();
  }

  /** Walks some steps. */
  advance(): Ending | null {
    for (let n = 0; n < lookEvery; n++) {
      if (!this.isWalking && !this.beginWalk()) return "walks-done";
      const ending = this.step();
      if (ending !== null) return ending;
    }
    return this.watch.look();
  }

  /** Does the walk of this number, from its beginning to its end. */
  walk(number: number): Ending | null {
    this.walksBegun = number;
    if (!this.beginWalk()) return "walks-done";
    while (this.isWalking) {
      const ending = this.step();
      if (ending !== null) return ending;
    }
    return null;
  }

  /** By id: whether a witness was reached. */
  get reached(): boolean[] {
    return this.findings.witnesses().map((path) => path !== null);
  }

  resultOf(ending: Ending): SearchResult {
    return {
      ending,
      states: this.visited.size,
      transitions: this.transitions,
      depth: 0,
      seconds: this.watch.seconds,
      digest: this.visited.digest,
      violations: this.findings.violations(this.findings.violatingPlaces),
      witnesses: this.findings.witnesses().map((path) => path && { length: path.instances.length }),
      taken: this.taken,
      tableBytes: this.visited.bytes,
      totalBytes: this.visited.bytes,
      peakMemoryBytes: this.watch.measureMemory(),
    };
  }

  private get isToStop(): boolean {
    return this.options.stopAtViolation && this.findings.hasViolation;
  }

  private beginWalk(): boolean {
    if (this.walksBegun === this.options.walks || this.initials.length === 0) return false;
    this.random = new Random(this.options.seed, this.walksBegun++);
    this.initial = this.random.below(this.initials.length);
    this.instances = [];
    this.current.set(this.initials[this.initial]);
    this.isWalking = true;
    return true;
  }

  /** One step of the walk, or its end. */
  private step(): Ending | null {
    if (this.instances.length >= this.mostSteps) {
      this.isWalking = false;
      return null;
    }
    const { successors } = this;
    if (this.expand()) this.checkDeadlock();
    for (const { successor, property } of successors.brokenSteps) {
      this.findings.noteBrokenStep(property, () => this.path(successors.instances[successor]));
    }
    if (this.isToStop) return "violated";
    if (successors.count === 0) {
      this.isWalking = false;
      return null;
    }
    const chosen = this.random.below(successors.count);
    const offset = chosen * this.evaluator.words;
    for (let k = 0; k < this.evaluator.words; k++) this.current[k] = successors.words[offset + k];
    this.instances.push(successors.instances[chosen]);
    this.longest = Math.max(this.longest, this.instances.length);
    this.transitions++;
    this.taken[successors.instances[chosen]]++;
    return this.visit() ?? (this.isToStop ? "violated" : null);
  }

  /** Checks the current state if it is a new one. */
  private visit(): Ending | null {
    const { current } = this;
    const isNew = this.visited.visit(current);
    if (typeof isNew === "string") return isNew;
    if (!isNew) return null;
    try {
      this.findings.check(current, 0, 1, () => this.path());
    } catch (error) {
      throw this.locate(error);
    }
    return null;
  }

  private expand(): boolean {
    this.successors.clear();
    try {
      return this.evaluator.expand(this.current, 0, this.successors);
    } catch (error) {
      throw this.locate(error);
    }
  }

  private checkDeadlock(): void {
    try {
      this.findings.checkDeadlock(this.current, 0, () => this.path());
    } catch (error) {
      throw this.locate(error);
    }
  }

  /** The walk so far, and perhaps one more step. */
  private path(...more: number[]): Path {
    return { initial: this.initial, instances: [...this.instances, ...more] };
  }

  private locate(error: unknown): unknown {
    return locateError(error, () => this.path());
  }
}
