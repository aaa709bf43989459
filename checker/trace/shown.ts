/** What a trace can show at its end. */
import type { Shown } from "./format.ts";

/** Is it something that must not be? A witness and an outcome are shown so that a reader can see them. */
export function isViolation({ kind }: Pick<Shown, "kind">): boolean {
  return kind !== "witness" && kind !== "outcome";
}

/** `is broken`, `is reached`. */
export function verbOf(shown: Pick<Shown, "kind">): string {
  return isViolation(shown) ? "is broken" : "is reached";
}
