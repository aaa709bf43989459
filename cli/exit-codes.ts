/** The verdict words, a closed set, and what a shell sees of them. */

/**
 * - `holds`: every reachable state within the printed bounds was seen, and none breaks a property
 * - `violated`: a schedule breaks a property
 * - `incomplete`: a limit ended the search first, so nothing is shown
 * - `vacuous`: nothing is broken, but a declared witness was not reached: less was tried than it seems
 */
export type Verdict = "holds" | "violated" | "incomplete" | "vacuous";

export const exitCodes = {
  holds: 0,
  violated: 1,
  incomplete: 2,
  vacuous: 3,
  /** A trace that the model does not accept. */
  rejected: 4,
  usage: 64,
  internal: 70,
  /** As a shell reports a command that an interrupt ended. */
  interruptedTwice: 130,
} as const;

/** The verdict of several: violated before incomplete before vacuous before holds. */
export function combineVerdicts(verdicts: readonly Verdict[]): Verdict {
  const precedence: readonly Verdict[] = ["violated", "incomplete", "vacuous"];
  return precedence.find((verdict) => verdicts.includes(verdict)) ?? "holds";
}

/** Something to tell the user, and the exit code that goes with it. */
export class ReportedError extends Error {
  readonly exitCode: number;
  /** What to do about it; empty where there is nothing to say. */
  readonly remedy: string;
  /** The command that runs into it again; empty for a mistake in the call. */
  reproduce = "";

  constructor(exitCode: number, what: string, remedy = "", options?: ErrorOptions) {
    super(what, options);
    this.name = "ReportedError";
    this.exitCode = exitCode;
    this.remedy = remedy;
  }
}

/** A mistake in how the command was called. */
export function usageError(what: string, remedy: string): ReportedError {
  return new ReportedError(exitCodes.usage, what, remedy);
}
