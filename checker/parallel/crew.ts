/**
 * The threads beside the main one: they are started when a search has something for them to do (starting one takes as
 * long as a small search), and take part in it from the phase on for which they are ready. The main thread waits for them
 * in short sleeps only, and lets the event loop run.
 */
import type { Worker } from "node:worker_threads";
import { command, control } from "./memory-map.ts";
import type { WasmEvaluator } from "./wasm-evaluator.ts";

/** Milliseconds between two looks at the threads. */
const patience = 2;

export class Crew {
  private readonly cells: Int32Array;
  private readonly threads: Worker[] = [];
  private failure: Error | null = null;

  constructor(cells: Int32Array) {
    this.cells = cells;
  }

  /** Starts the threads, if they are not started yet; none where there is only the main one. */
  async start({
    memory,
    module,
    workers,
  }: Pick<WasmEvaluator<unknown>, "memory" | "module" | "workers">): Promise<void> {
    if (workers < 2 || this.threads.length > 0) return;
    const { Worker: Thread } = await import("node:worker_threads");
    for (let n = 1; n < workers; n++) {
      const thread = new Thread(new URL("./thread.mjs", import.meta.url), { workerData: { module, memory } });
      thread.on("error", (error) => {
        this.failure = error instanceof Error ? error : new Error(String(error));
      });
      thread.unref();
      this.threads.push(thread);
    }
  }

  /** How many can take part. */
  get ready(): number {
    return Atomics.load(this.cells, control.ready >>> 2);
  }

  /** Tells the first `active` threads to do something. */
  begin(what: number, active: number): void {
    const { cells } = this;
    cells[control.command >>> 2] = what;
    cells[control.active >>> 2] = active;
    cells[control.done >>> 2] = 0;
    if (active === 0) return;
    Atomics.add(cells, control.phase >>> 2, 1);
    Atomics.notify(cells, control.phase >>> 2);
  }

  /** Waits until the first `active` threads have done it. */
  async finish(active: number): Promise<void> {
    const done = control.done >>> 2;
    for (let waits = 0; ; waits++) {
      const now = Atomics.load(this.cells, done);
      if (now >= active) return;
      Atomics.wait(this.cells, done, now, patience);
      // Errors of threads arrive as events.
      // oxlint-disable-next-line no-await-in-loop
      if (waits % 20 === 19) await new Promise((resolve) => setImmediate(resolve));
      if (this.failure !== null) throw this.failure;
    }
  }

  async end(): Promise<void> {
    this.begin(command.quit, this.threads.length);
    // Those that are not ready yet would wait for ever.
    await Promise.all(this.threads.map((thread) => thread.terminate()));
  }
}
