/**
 * counts-at-their-limit: calls that count one more than a count can hold: the references of a domain, the uses of a page.
 *
 * What exists, and why not more: `arguments` with valid arguments only, one page of the host's, one iova, and counts that
 * hold two: so a domain that is allocated and attached has no room for another call, and a page that is mapped twice
 * none for a third use.
 */
import type { Scenario, Scope } from "../../checker/index.ts";
import { everyArgument } from "./arguments.ts";

const { tiny: base } = everyArgument.sizes;

const tiny: Scope = {
  ...base,
  bounds: { ...base.bounds, malformed: 0, references: 1, domainReferences: 2 },
  allows: (action, args, bounds) =>
    (base.allows?.(action, args, bounds) ?? true) && !Object.values(args).some((value) => isInvalid(value)),
  without: [...(base.without ?? []), "a page is mapped twice"],
};

function isInvalid(value: unknown): boolean {
  return typeof value === "string" && value !== "read and write";
}

export const countsAtTheirLimit: Scenario = {
  name: "counts-at-their-limit",
  sentence:
    "One CPU maps, unmaps, attaches, detaches and looks up while counts have room for two: shows counts that overflow; cannot show races, nor what the SMMU does with what it reads",
  sizes: { tiny },
};
