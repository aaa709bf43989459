/** What several scenarios say of the calls that they allow. */

export type Args = Readonly<Record<string, unknown>>;

/**
 * Is it a step of one of the calls that its CPU makes (`calls`, by CPU); and where it begins one, is that for one page,
 * to be read and written, and are its arguments valid?
 */
export function isPlainCall(calls: readonly (readonly string[])[], action: string, args: Args): boolean {
  const [call] = action.split(":");
  if (typeof args.cpu !== "number" || !calls[args.cpu].includes(call)) return false;
  if ("prot" in args && args.prot !== "read and write") return false;
  if ("count" in args && args.count !== 1) return false;
  return [args.domain, args.stream, args.iova, args.page].every((value) => typeof value !== "string");
}
