/**
 * Properties and witnesses by theme, for the scenarios that have no place for a theme.
 */

/** What is about a stream table of two levels. */
export const withoutLevels: readonly string[] = [
  "tables-of-streams-are-where-the-SMMU-looks",
  "second-levels-stay",
  "a second level is there",
  "a second level finds no page",
];

/** What is about translations of domains of stage 1. */
export const withoutAsids: readonly string[] = [
  "a translation is tagged with an ASID",
  "the TLB of an ASID outlives its entry",
  "a SYNC waits for an access of a PASID",
];

/** What is about domains of stage 1. */
export const withoutStage1: readonly string[] = [
  ...withoutAsids,
  "descriptors-in-reach-are-hypervisors",
  "descriptors-are-whole",
  "detached-substreams-are-blocked",
  "a substream is attached",
  "a copy outlives its descriptor",
];

/** What is about power. */
export const withoutPower: readonly string[] = [
  "off-means-blocked",
  "an SMMU is off and has power",
  "an SMMU is on and has no power",
  "the TLB of an SMMU that is off is stale",
  "an unmap leaves its invalidation out",
];

/** What is about streams, ids and tables that come and go. */
export const withoutLifetimes: readonly string[] = [
  ...withoutStage1,
  ...withoutLevels,
  ...withoutPower,
  "tables-in-reach-are-hypervisors",
  "configurations-are-whole",
  "no-stream-names-a-free-domain",
  "attachments-are-counted",
  "attached-means-configured",
  "detached-means-blocked",
  "entries-of-streams-change-under-iommu.lock",
  "tables-outlive-what-is-cached",
  "attach-binds-what-is-built",
  "pages-of-the-pool-are-hypervisors",
  "no-table-is-leaked",
  "an-id-is-clean-when-it-is-given",
  "freed-means-unreachable",
  "domains-come-and-go-under-kvm_iommu_domain_lock",
  "a device is attached",
  "the SMMU keeps an invalid entry",
  "a copy outlives its entry",
  "a SYNC waits for a configuration",
  "a page of the pool is the host's again",
  "a free waits for the SMMU",
  "a free is refused",
  "the TLB outlives an attachment",
  "a lookup finds a page",
  "lookups-hold-pgt_lock",
  "a free gives a use back",
  "invalidations-reach-every-smmu",
  "a domain is refused to a second SMMU",
  "a domain translates behind two SMMUs",
];

/** What is about several SMMUs, and about power. */
export const withoutOtherSmmus: readonly string[] = [
  "a domain is refused to a second SMMU",
  "a domain translates behind two SMMUs",
  ...withoutPower,
];

/** What is about detaching and freeing. */
export const withoutEnds: readonly string[] = [
  "detached-means-blocked",
  "freed-means-unreachable",
  "an-id-is-clean-when-it-is-given",
  "a copy outlives its entry",
  "a free gives a use back",
  "a free waits for the SMMU",
  "a free is refused",
  "the TLB outlives an attachment",
];

/** What is about pages that are mapped, given away, and cached as translations. */
export const withoutMapping: readonly string[] = [
  "a lookup finds a page",
  "lookups-hold-pgt_lock",
  "a free gives a use back",
  "only-owned-pages-are-mapped",
  "guest-secrets-stay",
  "uses-are-counted",
  "no-use-is-leaked",
  "cached-translations-are-justified",
  "walks-and-accesses-are-justified",
  "no-page-moves-while-used",
  "unmapped-means-unreachable",
  "entries-change-under-pgt_lock",
  "the hypervisor owns a page",
  "a guest owns a page",
  "a page is shared",
  "a page is mapped twice",
  "a used page stays",
  "map succeeds in part",
  "the TLB outlives its entry",
  "a walk outlives its entry",
  "a SYNC waits for an access",
  "the queue is full",
  "the TLB outlives an attachment",
];

/** What is about changes of ownership that one page and a table that stays cannot show. */
export const withoutReuse: readonly string[] = [
  ...withoutStage1,
  ...withoutLevels,
  "guest-secrets-stay",
  "the hypervisor owns a page",
  "a page is shared",
  "a page is mapped twice",
  "map succeeds in part",
  "the queue is full",
  "a page of the pool is the host's again",
];

/** What takes a second CPU, or what the SMMU reads and keeps. */
export const withoutRaces: readonly string[] = [
  ...withoutStage1,
  ...withoutLevels,
  "cached-translations-are-justified",
  "walks-and-accesses-are-justified",
  "tables-outlive-what-is-cached",
  "configurations-are-whole",
  "unmapped-means-unreachable",
  "detached-means-blocked",
  "freed-means-unreachable",
  "an-id-is-clean-when-it-is-given",
  "map succeeds in part",
  "the TLB outlives its entry",
  "a walk outlives its entry",
  "a SYNC waits for an access",
  "a device is attached",
  "the SMMU keeps an invalid entry",
  "a copy outlives its entry",
  "a SYNC waits for a configuration",
  "the TLB outlives an attachment",
];

/** What the SMMU reads and keeps of translations. */
export const withoutCaches: readonly string[] = [
  "cached-translations-are-justified",
  "walks-and-accesses-are-justified",
  "unmapped-means-unreachable",
  "the TLB outlives its entry",
  "a walk outlives its entry",
  "a SYNC waits for an access",
];

/** What is about pages that the hypervisor gets or borrows, and about mapping over what is mapped. */
export const withoutTransfers: readonly string[] = [
  "the hypervisor owns a page",
  "a page is shared",
  "a page is mapped twice",
  "map succeeds in part",
  "guest-secrets-stay",
];

/** What is about calls that map, and that issue batches or give up waiting. */
export const withoutWaits: readonly string[] = [
  "no-use-ends-before-its-invalidation",
  "mapped-means-visible",
  "a store to a page table is late",
  "a full batch is issued",
  "a SYNC is late",
];

/** What is about commands that fail or go astray, and about stores that the SMMU sees late. */
export const withoutCommands: readonly string[] = [
  "commands-are-legal",
  "commands-are-consumed-as-written",
  "a store to the stream table is late",
  "the zeroing of a page is late",
  ...withoutWaits,
];

/** What is about blocks. */
export const withoutBlocks: readonly string[] = [
  "a block is mapped",
  "a block is split",
  "a translation of a block is in the TLB",
];

/** What is about tables of two levels, and blocks in them. */
export const withoutTables: readonly string[] = [
  ...withoutBlocks,
  "linked-tables-are-hypervisors",
  "remembered-tables-are-hypervisors",
  "walks-stay-in-tables",
  "free-pages-are-zero",
  "unlinked-means-forgotten",
  "a table is linked",
  "the SMMU remembers a table that was taken out",
  "a SYNC waits for a walk to a table",
  "the pool has no page for a table",
];
