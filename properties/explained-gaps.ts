/**
 * What no scenario of a design does, each with the reason why: by the design, the call and the node, as
 * `dmaspec coverage` prints them. What is here and is seen all the same is an error, which a run tells.
 */
export const explainedGaps: Readonly<Record<string, string>> = {
  "pv: map_pages: the iova is aligned to the granule":
    "The core refuses unaligned addresses before the driver looks: the source has both checks, and so has pv.",
  "pv: map_pages: the iova is within the input address size":
    "The whole range was looked at before the first entry; io-pgtable looks again at each.",
  "pv: unmap_pages: the iova is within the input address size":
    "The whole range was looked at before the first entry; io-pgtable looks again at each.",
  "pv: host_unshare_hyp: the page is not pinned":
    "Nothing that pins pages is modelled: the count of a shared page stays 0.",
  "pv: guest_share_host: the host has nothing of the page":
    "The guest's state and the host's change together, under both locks: the first check has refused already.",
  "pv: guest_unshare_host: the host borrows the page":
    "The guest's state and the host's change together, under both locks: the first check has refused already.",
  "pv: start_teardown_vm: no vCPU is loaded":
    "The same question is asked by a WARN before it, which is fatal; the refusal is for a machine on which it is not.",
  "pv: host_reclaim_page: did the guest have the page for itself?":
    "Where guests have no lives of their own they lend nothing; what they lent is reclaimed by reclaim_dying_guest_page.",
  "pv: free_domain: zero the page table":
    "Each entry was cleared when its page was recorded, and what was unmapped before was cleared then. The loop is the source's: it zeroes whatever is there.",
  "pv: free_domain: zero an entry of the page table": "Nothing is left to be zeroed: see the loop around it.",
  "pv: host_unshare_hyp: the hypervisor borrows the page":
    "The host's state and the hypervisor's change together, under both locks: the first check has refused already.",
};
