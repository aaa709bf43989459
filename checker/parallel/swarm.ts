/**
 * A simulation by several threads: the walks of simulate.ts, a round of them at a time.
 *
 * A walk is told by the seed and its number, so that it does not matter who walks. Walks on which there is something
 * to tell are walked again by the main thread, in the order of their numbers; a round is finished before what was
 * found in it has a consequence. So the result is the same for any number of threads.
 */
import { Random } from "../search/random.ts";
import type { Ending, SearchResult } from "../search/result.ts";
import { Simulation, type SimulationOptions, type Visited } from "../search/simulate.ts";
import { batchRecords, command, control, walksAtOnce } from "./memory-map.ts";
import { type AnyWasm, Shared } from "./shared.ts";

/** Steps in a round, at most, so that it is short. */
const stepsAtOnce = 1 << 17;

/** Whether threads can do walks of so many steps: what they visit must fit into a batch. */
export function canSwarm(depth: number): boolean {
  return depth <= batchRecords;
}

/** Walks until all walks are done or the options end it. `canSwarm(options.depth)` must hold. */
export async function swarm(evaluator: AnyWasm, options: SimulationOptions): Promise<SearchResult> {
  const shared = new Shared(evaluator, options);
  evaluator.beginSearch();
  try {
    await shared.crew.start(evaluator);
    return await new Swarm(shared, options).run();
  } finally {
    await shared.crew.end();
    evaluator.endSearch();
  }
}

/** The states that the threads have visited; those of a walk that is walked again are all looked at. */
class SharedVisited implements Visited {
  private readonly shared: Shared;
  private readonly most: number;

  constructor(shared: Shared, most: number) {
    this.shared = shared;
    this.most = most;
  }

  get size(): number {
    return this.shared.states;
  }

  get bytes(): number {
    return this.shared.tableBytes;
  }

  get digest(): string {
    return this.shared.digest;
  }

  visit(state: Int32Array): boolean | Ending {
    const { evaluator } = this.shared;
    const { cells, map, run } = evaluator;
    const at = map.thread(0) + map.batch;
    cells.set(state, at >>> 2);
    cells[(at + map.instanceOffset) >>> 2] = 0;
    const room = this.size < this.most ? 1 : 0;
    const isFull = run.count(at + map.recordBytes, room) !== 0;
    // Who walks here counts the steps.
    this.shared.setOwn(0, "transitions", this.shared.getOwn(0, "transitions") - 1);
    cells[(map.thread(0) + map.taken) >>> 2]--;
    if (isFull) return room === 0 ? "max-states" : "memory";
    return true;
  }
}

class Swarm {
  private readonly shared: Shared;
  private readonly options: SimulationOptions;
  private readonly simulation: Simulation;
  private readonly most: number;
  private readonly steps: number;
  private initials: readonly Int32Array[] = [];

  constructor(shared: Shared, options: SimulationOptions) {
    this.shared = shared;
    this.options = options;
    this.most = options.maxStates ?? Infinity;
    this.steps = Math.min(options.depth, options.maxDepth ?? Infinity);
    this.simulation = new Simulation(shared.evaluator, options, new SharedVisited(shared, this.most));
  }

  async run(): Promise<SearchResult> {
    const ending = await this.walkAll();
    const { shared } = this;
    const result = this.simulation.resultOf(ending);
    const taken = Float64Array.from(result.taken);
    shared.drainTaken(taken);
    return { ...result, transitions: result.transitions + shared.sumOf("transitions"), taken };
  }

  private async walkAll(): Promise<Ending> {
    const { options, shared, simulation, steps } = this;
    if (!shared.begin()) return "memory";
    shared.set(control.mostSteps, steps);
    this.initials = shared.evaluator.initialStates();
    let ending = simulation.begin();
    if (this.initials.length === 0) return "walks-done";
    const round = Math.max(1, Math.min(walksAtOnce, Math.floor(stepsAtOnce / Math.max(1, steps))));
    for (let first = 0; ending === null && first < options.walks; first += round) {
      const count = Math.min(round, options.walks - first);
      // oxlint-disable-next-line no-await-in-loop
      if (!(await shared.makeRoom(count * steps))) return "memory";
      // oxlint-disable-next-line no-await-in-loop
      const again = await this.walkRound(first, count);
      ending = this.walkAgain(again) ?? simulation.watch.look();
      // oxlint-disable-next-line no-await-in-loop
      if (ending === null && simulation.watch.isPauseDue) await simulation.watch.pause();
    }
    return ending ?? "walks-done";
  }

  /** Does a round, and returns the numbers of the walks that are to be walked again. */
  private async walkRound(first: number, count: number): Promise<number[]> {
    const { shared, steps } = this;
    const numbers = Array.from({ length: count }, (_, i) => first + i);
    // Near the limit of states, one walks after the other.
    if (shared.states + count * steps > this.most) return numbers;
    const { cells, map, run } = shared.evaluator;
    for (const [i, number] of numbers.entries()) {
      const random = new Random(this.options.seed, number);
      const initial = this.initials[random.below(this.initials.length)];
      const at = (map.walks + i * map.walkBytes) >>> 2;
      cells.set(random.s, at);
      cells.set(initial, at + 4);
    }
    shared.set(control.nextBlock, 0);
    shared.set(control.layerBlocks, count);
    shared.others = Math.min(shared.crew.ready, shared.evaluator.workers - 1);
    shared.crew.begin(command.walk, shared.others);
    run.walks();
    await shared.crew.finish(shared.others);
    const isMarked = (i: number): boolean => shared.get(map.walks + i * map.walkBytes + map.walkMark) !== 0;
    return numbers.filter((_, i) => isMarked(i));
  }

  private walkAgain(numbers: readonly number[]): Ending | null {
    const { shared, simulation } = this;
    for (const number of numbers) {
      const ending = simulation.walk(number);
      if (ending !== null) return ending;
    }
    if (numbers.length === 0) return null;
    const { bytes, map } = shared.evaluator;
    simulation.reached.forEach((isReached, id) => {
      if (isReached) bytes[map.knownWitnesses + id] = 1;
    });
    shared.shareWitnesses();
    return null;
  }
}
