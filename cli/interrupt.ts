/** Ctrl-C: the first ends a search cleanly, and its result is told as incomplete; the second ends the process. */
import { exitCodes } from "./exit-codes.ts";
import type { Io } from "./io.ts";

/** Runs something that asks `isInterrupted` often. */
export async function withInterrupts<T>(
  io: Io,
  run: (isInterrupted: () => boolean) => Promise<T>,
): Promise<T> {
  let count = 0;
  const stop = io.onInterrupt(() => {
    count++;
    if (count > 1) io.exit(exitCodes.interruptedTwice);
    else io.stderr.write("\ninterrupted: the search stops and reports what it has (again: quit at once)\n");
  });
  try {
    return await run(() => count > 0);
  } finally {
    stop();
  }
}
