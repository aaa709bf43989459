/**
 * What the analyses before a search found, kept for the next run. Each is a function of the program, the model in its
 * bounds, the reductions asked for and the seed: whoever keeps answers, keeps them under all of these.
 */
export interface Kept {
  /** What was kept under this name: as it was given, through JSON; `undefined` where nothing was. */
  get(name: string): unknown;
  set(name: string, value: unknown): void;
}

/** How an answer becomes JSON, and an answer again. */
interface Form<T, J> {
  readonly pack: (answer: T) => J;
  readonly unpack: (kept: J) => T;
}

/** The answer that was kept, or the one that is found now, which is kept. */
export function recall<T, J>(
  kept: Kept | undefined,
  name: string,
  { pack, unpack }: Form<T, J>,
  find: () => T,
): T {
  const known = kept?.get(name);
  // Whoever kept it saw to it that it is what was packed.
  if (known !== undefined) return unpack(known as J);
  const answer = find();
  kept?.set(name, pack(answer));
  return answer;
}

/** Of what is JSON as it is. */
export function asItIs<T>(): Form<T, T> {
  return { pack: (answer) => answer, unpack: (kept) => kept };
}
