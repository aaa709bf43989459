/**
 * How calls end, and the domain reference that every IOMMU call takes.
 */
import { check, type Exit, isValid, type Node, panic, step } from "../../checker/index.ts";
import type { DomainIndex, Machine } from "../machine.ts";
import { domainOf } from "../tables.ts";

/** WARN_ON at EL2 is a `brk`: the CPU panics unless the assumption is switched off, then the check counts. */
export const warnIsFatal = "warn-is-fatal";

/** A WARN_ON that the condition does not hold. What follows says what happens where a WARN is not fatal. */
export function warnUnless<C>(
  condition: string,
  holds: (s: Machine, c: C, bounds: Readonly<Record<string, number>>) => boolean,
  mirrors: string,
): Node<Machine, C> {
  const exit: Exit<Machine, C> = panic(`WARN unless ${condition}`);
  return check(
    `WARN unless ${condition}`,
    (s, c, at) => !at.assumes(warnIsFatal) || holds(s, c, at.bounds),
    exit,
    { mirrors },
  );
}

interface DomainFrame {
  domain: DomainIndex | "out of range" | "unallocated";
}

/** domain_get: looks the domain up and takes a reference to it. BUG where it is not allocated. */
export function domainGet<C extends DomainFrame>(notFound: Exit<Machine, C>): Node<Machine, C>[] {
  const mirrors = "domain_get (v2)";
  return [
    check("the domain's id is in range", (_, c) => c.domain !== "out of range", notFound, {
      mirrors: "handle_to_domain (v2)",
      mechanisms: ["M41"],
    }),
    check(
      "the domain is allocated",
      (s, c) => isValid(c.domain) && s.domains[domainOf(c.domain)].references > 0,
      panic("BUG on a domain without references"),
      {
        mirrors,
        mechanisms: ["M34"],
      },
    ),
    check(
      "the domain's references do not overflow",
      (s, c, at) => s.domains[domainOf(c.domain)].references < at.bounds.domainReferences,
      panic("BUG on an overflow of a domain's references"),
      { mirrors },
    ),
    step(
      "take a reference to the domain",
      (s, c) => {
        if (!isValid(c.domain)) s.wildAccess = "domains";
        s.domains[domainOf(c.domain)].references++;
      },
      { mirrors, mechanisms: ["M34", "M69"] },
    ),
  ];
}

/**
 * domain_put: gives the call's reference back. Only free_domain may bring the count to 0. (In the source, a put
 * that finds 0 goes on with -1; here it is the BUG as well.)
 */
export function domainPut<C extends DomainFrame>(): Node<Machine, C>[] {
  const mirrors = "domain_put (v2)";
  return [
    check(
      "another reference to the domain remains",
      (s, c) => s.domains[domainOf(c.domain)].references > 1,
      panic("BUG on the last reference to a domain"),
      { mirrors },
    ),
    step(
      "put the reference to the domain",
      (s, c) => {
        s.domains[domainOf(c.domain)].references--;
      },
      { mirrors },
    ),
  ];
}
