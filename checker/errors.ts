/**
 * Everything that can be wrong with a model, numbered, each with the remedy in its text.
 *
 * A `ModelError` is the modeller's mistake and is shown as a sentence, never as a stack trace; anything
 * else that is thrown is ours.
 */
export const modelErrors = {
  M01: "a value outside its field's range",
  M02: "a write outside the schema",
  M03: "a step reads something other than the state and its arguments",
  M04: "a duplicate name",
  M05: "an unreachable label",
  M06: "a size that the scenario does not give",
  M07: "a field that cannot be represented",
  M08: "an unknown name",
  M09: "a step threw",
  M10: "a procedure whose control flow cannot be laid out",
  M11: "a lock used against its rules",
  M12: "an edit that does not apply",
  M13: "records compared by identity",
} as const;

export type ModelErrorCode = keyof typeof modelErrors;

export class ModelError extends Error {
  readonly code: ModelErrorCode;
  /** What is wrong and where, without the code and the remedy. */
  readonly what: string;
  /** What to do about it. */
  readonly remedy: string;

  constructor(code: ModelErrorCode, what: string, remedy: string) {
    super(`[${code}] ${what}\n  remedy: ${remedy}`);
    this.name = "ModelError";
    this.code = code;
    this.what = what;
    this.remedy = remedy;
  }

  /** The same error, told with the place in which it came up. */
  at(place: string): ModelError {
    return new ModelError(this.code, `${place}: ${this.what}`, this.remedy);
  }
}

/** The name among `known` nearest to `name` (edit distance at most 3, or a common prefix), for "did you mean". */
export function getNearestName(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = 4;
  for (const candidate of known) {
    const distance = candidate.startsWith(name) ? 1 : computeEditDistance(name, candidate);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function computeEditDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(previous[j] + 1, current[j - 1] + 1, substitution));
    }
    previous = current;
  }
  return previous[b.length];
}
