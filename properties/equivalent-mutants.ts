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
    "The uses are given back after the last SYNC, which waits for all commands before it, those of the gather before among them.",
    'unmap_pages without the step "advance the producer past SYNC for the gather before"',
    'unmap_pages without the step "wait until the queue is empty for the gather before"',
    'unmap_pages without the check "the SYNC is complete for the gather before"',
  ),
  ...because(
    "A full batch goes into the queue one step earlier, with the same commands; the last one may then be empty.",
    'unmap_pages with "add a TLBI to the batch" before "the batch is full"',
  ),
  ...because(
    "The host's state and the hypervisor's change together, under both locks: one of the checks that follow refuses what this one would, and nothing was changed before.",
    'host_unshare_hyp without the check "the host shares the page"',
    'host_unshare_hyp with "the page is not pinned" before "the host shares the page"',
  ),
  ...because(
    "Both steps are under the guest's lock, and a guest whose pages are reclaimed runs no more, so that it writes nothing in between.",
    'host_reclaim_page with "did the guest have the page for itself?" before "unmap the page from the guest"',
    'reclaim_dying_guest_page with "did the guest have the page for itself?" before "unmap the page from the guest"',
  ),
  ...because(
    "Where there is no page, the question that follows, whether it is aligned, refuses with the same result, and nothing is given back.",
    'attach_dev without the check "the pool had a page for the second level"',
    'attach_dev with "is the page aligned to the table\'s size?" before "the pool had a page for the second level"',
  ),
  ...because(
    "What leads from an entry of stage 1 to its descriptors is part of word 0: what the SMMU keeps of the other words leads nowhere, and the SYNC for word 0 waits for all commands before it.",
    'attach_dev without the step "advance the producer past CFGI for the other words of stage 1"',
    'attach_dev without the step "advance the producer past SYNC for the other words of stage 1"',
    'attach_dev without the step "wait until the queue is empty for the other words of stage 1"',
    'attach_dev with "write word 0 of an entry of stage 1" before "is the SMMU off? for the other words of stage 1"',
  ),
  ...because(
    "A call over no pages counts no use, changes no entry, has nothing to invalidate, and returns 0 as the check would.",
    'map_pages without the check "the range is not empty"',
    'unmap_pages without the check "the range is not empty"',
  ),
  ...because(
    "The descriptor is invalid by then, in memory and in what the SMMU holds; and attach_dev waits for a SYNC of its own before it makes it valid again.",
    'detach_dev without the step "clear the other words of the descriptor"',
    'detach_dev with "is the SMMU off? for the other words of the descriptor" before "clear the other words of the descriptor"',
    'detach_dev without the step "advance the producer past CFGI for the other words of the descriptor"',
    'detach_dev without the step "advance the producer past SYNC for the other words of the descriptor"',
    'detach_dev without the step "wait until the queue is empty for the other words of the descriptor"',
    'detach_dev with "the SYNC is complete for the other words of the descriptor" before "wait until the queue is empty for the other words of the descriptor"',
  ),
  ...because(
    "While V is clear the other words lead nowhere, and attach_dev writes them anew, with a CFGI and a SYNC of their own, before it sets V.",
    'detach_dev without the step "clear the other words of the entry"',
    'detach_dev with "is the SMMU off? for the other words" before "clear the other words of the entry"',
  ),
  ...because(
    "The step changes nothing: it reads the domain's object, so that a version that has freed it by then is noticed. In pv the attachment's reference keeps it.",
    'detach_dev without the step "look at the domain\'s type"',
    'detach_dev with "is it a substream?" before "look at the domain\'s type"',
  ),
  ...because(
    "Where a wait may give up, it may do so at once, and the check after it decides alone; where it may not, the check lets all by, and the wait decides alone.",
    'attach_dev with "the SYNC is complete for word 0 of the descriptor" before "wait until the queue is empty for word 0 of the descriptor"',
    'attach_dev with "the SYNC is complete for word 0 of stage 1" before "wait until the queue is empty for word 0 of stage 1"',
    'attach_dev with "the SYNC is complete for word 0" before "wait until the queue is empty for word 0"',
    'hvc_pd with "CR0 is acknowledged: translate" before "wait until CR0 is acknowledged: translate"',
    'unmap_pages with "there is room for the last batch" before "wait for room for the last batch"',
    'unmap_pages with "there is room for the full batch" before "wait for room for the full batch"',
  ),
  ...because(
    "An SMMU that does not translate yet blocks its devices, and nothing relies on that it does.",
    'hvc_pd without the step "wait until CR0 is acknowledged: translate"',
    'hvc_pd without the check "CR0 is acknowledged: translate"',
  ),
  ...because(
    "An SMMU that was disabled completes the SYNC that follows only when it has acknowledged that it consumes commands; of one that was not, nothing is stale, and it may go on translating.",
    'hvc_pd without the step "wait until CR0 is acknowledged: consume commands"',
    'hvc_pd without the check "CR0 is acknowledged: consume commands"',
  ),
  ...because(
    "The queue is empty: whoever had iommu.lock before waited until it was, or keeps the lock; so did the call itself, by its SYNC before.",
    'hvc_pd without the step "wait for room for CFGI of all"',
    'attach_dev without the step "wait for room for CFGI for the other words"',
    'attach_dev without the step "wait for room for CFGI for word 0"',
    'attach_dev without the step "wait for room for CFGI for the other words of stage 1"',
    'attach_dev without the step "wait for room for CFGI for word 0 of stage 1"',
    'attach_dev without the step "wait for room for CFGI for the other words of the descriptor"',
    'attach_dev without the step "wait for room for CFGI for word 0 of the descriptor"',
    'detach_dev without the step "wait for room for CFGI for word 0 of the descriptor"',
    'detach_dev without the step "wait for room for CFGI for the other words of the descriptor"',
    'detach_dev without the step "wait for room for CFGI for word 0"',
    'detach_dev without the step "wait for room for CFGI for the other words"',
    'free_domain without the step "wait for room for TLBI of the id"',
    'unmap_pages without the step "wait for room for TLBI for the gather before"',
  ),
  ...because(
    "Nobody reaches the domain until kvm_iommu_domain_lock is released, and the use of a page is given back on its own, whichever comes first.",
    'free_domain with "clear the domain" before "give back the recorded uses"',
  ),
  ...because(
    "A call that gives up keeps iommu.lock for ever, so nobody reads what it takes the SMMU to be.",
    'hvc_pd with "take the SMMU to be off" before "CR0 is acknowledged: disable"',
    'hvc_pd with "take the SMMU to be on" before "the SYNC is complete"',
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
    "What leads from the entry to the descriptors is part of word 0, and the SMMU has forgotten that by the SYNC for word 0: what it holds of the other words leads nowhere.",
    'detach_dev with "did the entry lead to descriptors?" before "is the SMMU off? for the other words"',
  ),
  ...because(
    "Nothing is left to be zeroed: unmap_pages cleared what it unmapped, and what was live was cleared when it was recorded.",
    'free_domain with "give the page table back to the pool" before "zero the page table"',
  ),
  ...because(
    "Both checks look at the call's own iova only, refuse with the same result, and nothing was done before either.",
    'unmap_pages with "the whole range is within the input address size" before "the iova range does not wrap"',
  ),
  ...because(
    "The walk finds no entry for an iova beyond the table and answers 0, as the check would; it changes nothing.",
    'iova_to_phys without the check "the iova is within the input address size"',
  ),
  ...because(
    "Where nothing but the allocation refers to a domain, no entry names it (attachments-are-counted), and the look at the entry refuses.",
    'detach_dev without the check "more than the allocation refers to the domain"',
  ),
  ...because(
    "An entry of stage 1 is not read for what it says of stage 2, and attach_dev writes that anew, with a CFGI and a SYNC, before an entry leads to a domain of stage 2.",
    'attach_dev with "write the other words of the entry" before "is the domain of stage 1?"',
  ),
  ...because(
    "The call stores nothing between the two: the barrier waits for the same stores.",
    'attach_dev with "wmb" before "is the page aligned to the table\'s size?"',
  ),
  ...because(
    "What the hypervisor takes an SMMU to be is read under iommu.lock only, which the call keeps until both are done.",
    'hvc_pd with "CR0: translate" before "take the SMMU to be on"',
  ),
]);
