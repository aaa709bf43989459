/** The engine in a worker of the page: one request, one reply. */
import type { Answers, Envelope, Reply, Request } from "./protocol.ts";
import { runUntil } from "./run-until.ts";
import { findSafe, listCatalogue, listChoices, listNames, makeTimeline } from "./session.ts";

/** The part of a worker's global scope that is used here. */
interface WorkerScope {
  addEventListener(kind: "message", listener: (event: { readonly data: Envelope }) => void): void;
  postMessage(reply: Reply): void;
}

const scope = globalThis as unknown as WorkerScope;

scope.addEventListener("message", ({ data: { n, request } }) => {
  // The worker's own page is the only one that hears it.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  scope.postMessage(replyTo(n, request));
});

function replyTo(n: number, request: Request): Reply {
  try {
    return { n, answer: answer(request) };
  } catch (error) {
    return { n, error: error instanceof Error ? error.message : String(error) };
  }
}

function answer(request: Request): Answers[keyof Answers] {
  switch (request.op) {
    case "catalogue":
      return listCatalogue();
    case "names":
      return listNames(request.target);
    case "timeline":
      return makeTimeline(request.route, request.claim);
    case "choices":
      return listChoices(request.route);
    case "safe":
      return findSafe(request.route, request.claim);
    case "run":
      return runUntil(request.route, request.until);
  }
}
