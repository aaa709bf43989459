/** What the compiler does not take, with the construct: the instance then falls back to the packed evaluator. */
export class Unsupported extends Error {}
