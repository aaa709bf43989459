/**
 * The clock of a search: time limit, interruption, progress reports, and pauses in which the event loop runs.
 */
import type { Ending, Progress, SearchOptions } from "./result.ts";

const pauseEvery = 50;
const reportEvery = 1000;

export class Watch {
  private readonly options: SearchOptions;
  private readonly describe: () => Omit<Progress, "seconds">;
  private readonly started = performance.now();
  private now = this.started;
  private paused = this.started;
  private reported = this.started;
  private peak = 0;
  /** Seconds that the search took before it was continued here. */
  secondsBefore = 0;

  constructor(options: SearchOptions, describe: () => Omit<Progress, "seconds">) {
    this.options = options;
    this.describe = describe;
  }

  get seconds(): number {
    return this.secondsBefore + (performance.now() - this.started) / 1000;
  }

  /** Looks at the clock and the options: why the search is to end now, or null. */
  look(): Ending | null {
    this.now = performance.now();
    if (this.options.isInterrupted?.() === true) return "interrupted";
    if (this.now - this.started >= (this.options.maxSeconds ?? Infinity) * 1000) return "max-seconds";
    return null;
  }

  /** Whether it was time, when last looked at the clock, to let the event loop run. */
  get isPauseDue(): boolean {
    return this.now - this.paused >= pauseEvery;
  }

  async pause(): Promise<void> {
    this.measureMemory();
    const { onProgress } = this.options;
    if (onProgress !== undefined && this.now - this.reported >= reportEvery) {
      this.reported = this.now;
      onProgress({ ...this.describe(), seconds: this.seconds });
    }
    await eventLoopTurn();
    this.paused = performance.now();
  }

  /** The memory of the process now, or of the search where there is no process; returns the most seen so far. */
  measureMemory(): number {
    const bytes = typeof process === "object" ? process.memoryUsage.rss() : this.describe().memoryBytes;
    this.peak = Math.max(this.peak, bytes);
    return this.peak;
  }
}

/** Lets timers, signals and messages be served. In a browser's worker there is no `setImmediate`. */
export function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === "function") setImmediate(resolve);
    else setTimeout(resolve, 0);
  });
}
