/** What both the preparation and the search with symmetry are made with. */
import type { Evaluator } from "../../evaluate/evaluator.ts";
import type { Instance } from "../../model/model.ts";
import { Canonicaliser } from "./canonical.ts";
import { CommutationCheck } from "./commutes.ts";
import type { DeadLocals } from "./dead-locals.ts";
import { type Group, groupOf, nameTransposition, type Transposition } from "./group.ts";
import { DeadLocalReset } from "./reset.ts";
import { structureOf } from "./structure.ts";

/** What a failure is of that is none of an exchange. */
export const deadLocals = "dead locals";

/** An exchange that is not used, and why. */
export interface Breach {
  readonly exchange: Transposition;
  readonly reason: string;
}

/** Made once for a group: code that is generated anew is slow again at first. */
export interface Tools<S> {
  readonly group: Group;
  readonly canonicaliser: Canonicaliser;
  readonly locals: DeadLocalReset;
  readonly check: CommutationCheck<S>;
}

export function toolsFor<S>(
  of: Instance<S>,
  evaluator: Evaluator,
  exchanges: readonly Transposition[],
  apart: readonly Transposition[],
  { live }: DeadLocals,
): Tools<S> {
  const group = groupOf(of, exchanges, apart);
  const canonicaliser = new Canonicaliser(of.layout, group, structureOf(of, group, live));
  const locals = new DeadLocalReset(live);
  return { group, canonicaliser, locals, check: new CommutationCheck(of, evaluator, locals) };
}

/** One sentence for each sort with exchanges that are not used. */
export function describeBreaches(breaches: readonly Breach[]): string[] {
  return [...new Set(breaches.map(({ exchange }) => exchange.sort))].map((sort) => {
    const own = breaches.filter(({ exchange }) => exchange.sort === sort);
    const [{ exchange, reason }] = own;
    const more = own.length === 1 ? "" : ` (and ${own.length - 1} more)`;
    return `${nameTransposition(exchange)}${more} are not interchangeable: ${reason}`;
  });
}
