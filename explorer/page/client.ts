/** The page's side of the engine: requests with numbers, replies to them, one worker. */
import type { Answers, Envelope, Reply, Request } from "../engine/protocol.ts";

export class Client {
  private readonly worker: Worker;
  private readonly open = new Map<
    number,
    { resolve: (answer: never) => void; reject: (error: Error) => void }
  >();
  private last = 0;

  /** `source`: the worker's script, so that a page from disk has one too. */
  constructor(source: string) {
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    this.worker = new Worker(url);
    this.worker.addEventListener("message", ({ data }: MessageEvent<Reply>) => {
      const waiting = this.open.get(data.n);
      this.open.delete(data.n);
      if ("error" in data) waiting?.reject(new Error(data.error));
      else waiting?.resolve(data.answer as never);
    });
    this.worker.addEventListener("error", ({ message }) => {
      for (const { reject } of this.open.values()) reject(new Error(`the engine failed: ${message}`));
      this.open.clear();
    });
  }

  ask<R extends Request>(request: R): Promise<Answers[R["op"]]> {
    const n = ++this.last;
    const envelope: Envelope = { n, request };
    // A worker has no origin.
    // oxlint-disable-next-line unicorn/require-post-message-target-origin
    this.worker.postMessage(envelope);
    return new Promise((resolve, reject) => {
      this.open.set(n, { resolve, reject });
    });
  }
}
