/**
 * The host's powers, by name: what of the adversary a run can take away, to see what it needs. Each is told by the
 * steps that are a use of it. That the host calls at all, in any order and with valid arguments, is no power apart.
 */
import type { AnyArgs, Bounds, Power } from "../checker/index.ts";
import { blockPages } from "./page-tables.ts";

/** No well-behaved host passes these. */
const invalid: ReadonlySet<unknown> = new Set([
  "out of range",
  "one past the end",
  "unallocated",
  "unaligned",
  "wrapping",
  "not memory",
  "nothing",
  "unknown bits",
]);

/** Are the arguments such that a call refuses, or should, whatever the state is? */
function areInvalid(args: AnyArgs, bounds: Bounds): boolean {
  if (args.count === 0 || Object.values(args).some((value) => invalid.has(value))) return true;
  // A block is aligned to its size, in both spaces; a substream lies in the table.
  if (args.pgsize > 0 && (args.iova % blockPages > 0 || args.page % blockPages > 0)) return true;
  return bounds.descriptor > 0 && args.pasid >= bounds.descriptor;
}

/** The calls that a guest makes. */
const guestCalls: readonly string[] = ["guest_share_host", "guest_unshare_host", "guest_relinquish_to_host"];
/** Rules of memory that the hypervisor did not write: the host's, which holds what it likes. */
const forged = "that the hypervisor did not write";

/** The rule by which an SMMU loses its power (smmu/power.ts), while the hypervisor takes it to be on. */
export const losesPowerUntold = "power: take away";
/** The rules about power name this one themselves. */
export const powerSupply = "power-supply";

export const hostPowers: Readonly<Record<string, Power>> = {
  "several-cpus": {
    sentence: "The host calls from several CPUs at once. Without it one CPU makes the calls of all of them.",
    several: "cpu",
  },
  "invalid-arguments": {
    sentence:
      "The host passes arguments that no call has a use for: out of range, unaligned, wrapping, empty, no memory.",
    isUsedBy: (_, args, bounds) => "cpu" in args && areInvalid(args, bounds),
  },
  dma: {
    sentence: "The host's devices access memory, through what the SMMU reads and keeps for them.",
    isUsedBy: (action) => action.startsWith("access: begin"),
  },
  "forged-tables": {
    sentence:
      "The host writes to memory of its own while an SMMU takes it for a table, an entry or a descriptor.",
    isUsedBy: (action) => action.includes(forged),
  },
  "guest-collusion": {
    sentence: "A guest does the host's bidding: it lends pages, takes them back and gives them up.",
    isUsedBy: (action) => guestCalls.includes(action),
  },
  [powerSupply]: {
    sentence: "The host takes the power from an SMMU and gives it back.",
  },
  "power-lies": {
    sentence: "The host takes the power from an SMMU that it told the hypervisor to be on.",
    isUsedBy: (action) => action === losesPowerUntold,
  },
  "id-reuse": {
    sentence: "The host frees domains, whose ids, and tables, come again.",
    isUsedBy: (action) => action === "free_domain",
  },
};
