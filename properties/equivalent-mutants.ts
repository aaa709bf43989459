/**
 * Mutants that make no difference, each with the reason why: by the design and the mutant's name, as
 * `dmaspec mutate` prints it. What is here and is noticed all the same is an error, which a run tells.
 *
 * What is not here and survives is a question that is open, not one that is answered.
 */
function because(reason: string, ...mutants: readonly string[]): readonly (readonly [string, string])[] {
  return mutants.map((name) => [`pv: ${name}`, reason] as const);
}

export const equivalentMutants: Readonly<Record<string, string>> = Object.fromEntries([
  ...because(
    "A SYNC follows, for which the queue has room, and its doorbell tells the SMMU of all commands before it, this one among them.",
    'hvc_pd without the step "ring the doorbell for TLBI of all"',
  ),
  ...because(
    "The uses are given back after the last SYNC, which waits for all commands before it, those of the gather before among them.",
    'unmap_pages without the step "advance the producer past SYNC for the gather before"',
    'unmap_pages without the step "wait until the queue is empty for the gather before"',
    'unmap_pages without the check "the SYNC is complete for the gather before"',
  ),
  ...because(
    "A call over no pages counts no use, changes no entry, has nothing to invalidate, and returns 0 as the check would.",
    'map_pages without the check "the range is not empty"',
    'unmap_pages without the check "the range is not empty"',
  ),
  ...because(
    "The descriptor is invalid by then, in memory and in what the SMMU holds; and attach_dev waits for a SYNC of its own before it makes it valid again.",
    'detach_dev without the step "advance the producer past SYNC for the other words of the descriptor"',
    'detach_dev with "the SYNC is complete for the other words of the descriptor" before "wait until the queue is empty for the other words of the descriptor"',
  ),
  ...because(
    "An SMMU that does not translate yet blocks its devices, and nothing relies on that it does.",
    'hvc_pd without the step "wait until CR0 is acknowledged: translate"',
  ),
  ...because(
    "A call that gives up keeps iommu.lock for ever, so nobody reads what it takes the SMMU to be.",
    'hvc_pd with "take the SMMU to be off" before "CR0 is acknowledged: disable"',
  ),
  ...because(
    "Where the check lets a command by that overwrites another one, the queue comes to an empty slot, its SYNC does not complete, and the call stops (M55).",
    'hvc_pd with one less position in "there is room for SYNC"',
  ),
  ...because(
    "Where stores are visible at once there is nothing to wait for, and so a barrier more waits for nothing.",
    'map_pages with one more store in "wmb"',
    'attach_dev with one more store in "wmb"',
  ),
  ...because(
    "Where the SMMU snoops, a store becomes visible by itself, and nothing relies on that it is not yet: a cleaning makes it visible at once.",
    'map_pages with one more nonCoherent in "does the SMMU not snoop caches?"',
    'unmap_pages with one more nonCoherent in "does the SMMU not snoop caches?"',
  ),
  ...because(
    "The batch is the call's own, and nothing reads it after the last one was copied into the queue.",
    'unmap_pages without the step "empty the last batch"',
  ),
  ...because(
    "Where the pool had no page, what is stored is null, which is there already.",
    'attach_dev with "store the page table\'s address" before "the pool had a page"',
  ),
  ...because(
    "Where nothing but the allocation refers to a domain, no entry names it (attachments-are-counted), and the look at the entry refuses.",
    'detach_dev without the check "more than the allocation refers to the domain"',
  ),
]);
