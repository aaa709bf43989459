/**
 * Mutants that make no difference, each with the reason why: by the design and the mutant's name, as
 * `dmaspec mutate` prints it. What is here and is noticed all the same is an error, which a run tells.
 */
export const equivalentMutants: Readonly<Record<string, string>> = {};
