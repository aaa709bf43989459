/**
 * The machine: all state of the hypervisor, the SMMU and its devices, declared once.
 *
 * What the abstraction leaves out of this slice, and why:
 * - The page table has one level, unless a scenario gives table pages their entries (`tableEntry`): leaf tables are
 *   always there, only the boundaries between them show (a run of entries ends at one; here every entry has a table
 *   of its own, so that a call over two pages can succeed for one).
 * - With two levels (page-tables.ts), a table is a page of the pool, and what it holds is in that page: the root's
 *   entries lead to tables of pages, or to blocks of two pages, and it is up to who reads a page at which level it
 *   is read.
 * - Domains live for ever and devices stay attached, unless a scenario gives the stream table entries
 *   (`stream`), the domains lifetimes (`lifetime`) and the pool pages (`poolPage`). Then a page table is a page
 *   of the pool; what it holds is kept with the domain (`entries`) and read through the page: a free page is
 *   zero, and a page that left the pool holds what its owner likes.
 * - Domains are of stage 2, unless a scenario has stage 1 (`stage1`) and tables of descriptors (`descriptor`), with
 *   PASIDs up to one that is beyond the table (`pasid`). Walks, and the TLB, have translations of stage 1 where a
 *   scenario says so (`asid`): these are tagged with an ASID. They are tagged with VMID 0 as well, in every version,
 *   so that an invalidation of VMID 0 concerns them too; no id here is that one.
 * - The stream table has one level, unless a scenario gives it a
 *   first one (`level1`); tables of the second level are then pages of the pool, of which the first ones may be of
 *   blocks that are not aligned to their size (`unaligned`).
 * - Guests get pages and lose them, and do nothing else, unless a scenario gives them lives (`vmTable`): then a vCPU
 *   of theirs is loaded on a CPU, where they lend pages and give them up, until they are torn down.
 * - SMMUs have power, unless a scenario has that too (`power`). They see stores at once, unless a scenario has late
 *   stores (`store`). Device `k` is behind
 *   SMMU `k` modulo their number, and so is its stream.
 */
import {
  array,
  bool,
  type FrameOf,
  type Index,
  lockState,
  oneOf,
  option,
  range,
  record,
  sort,
  type StateOf,
  union,
  type ValueOf,
  argument,
} from "../checker/index.ts";
import { guest, owner, page, pageState } from "../spec/ownership.ts";
import { permission } from "../spec/reach.ts";

export { guest, page };
export const cpu = sort("cpu", "a CPU on which the host runs, and the hypervisor when called", {
  interchangeable: true,
});
export const domain = sort("domain", "a translation context: one page table, named by its id", {
  interchangeable: true,
});
export const device = sort("device", "a device that masters the bus behind the SMMU, by its stream", {
  interchangeable: true,
});
export const iova = sort("iova", "a page of a device's address space");
export const smmu = sort("smmu", "an SMMU, with its own lock, command queue and caches");
export const slot = sort("slot", "a place in the command queue");
export const position = sort("position", "an index of the command queue with its wrap bit");
export const transaction = sort("transaction", "a walk or an access that an SMMU can have in progress", {
  interchangeable: true,
});
export const stream = sort(
  "stream",
  "a device's entry in the stream table; none where devices stay attached",
  { alignedWith: device },
);
export const lifetime = sort(
  "lifetime",
  "what comes and goes with a domain; none where domains are allocated for ever",
  { alignedWith: domain },
);
export const level1 = sort(
  "level1",
  "an entry of the stream table's first level; none where it has one level, which is always there",
);

export const descriptor = sort(
  "descriptor",
  "a context descriptor: a device's translation for one PASID; none where all domains are of stage 2",
);

export const vmTable = sort(
  "vmTable",
  "the table of guests that live, run and die; none where guests do neither",
);

export type IovaIndex = Index<"iova">;
export type DomainIndex = Index<"domain">;
export type StreamIndex = Index<"stream">;
export type SmmuIndex = Index<"smmu">;

/** The page's entry in the hypervisor's vmemmap, and where it is mapped. */
const pageRecord = record({
  owner: owner.means("who owns the page, by the annotation in the host's stage 2"),
  hostState: pageState.means("the host's state of the page (host_state in the vmemmap)"),
  hypState: oneOf("NOPAGE", "OWNED", "SHARED_BORROWED").means(
    "the hypervisor's state of the page (its stage 1)",
  ),
  guestState: oneOf("NOPAGE", "OWNED").means("the guest's state of the page (its stage 2)"),
  guestLends: range(0, "vmTable").means(
    "1: the guest lends the page to the host (SHARED_OWNED in its stage 2)",
  ),
  references: range(0, "references").means("how often the page is in use for DMA (refcount in the vmemmap)"),
  isSecret: bool().means("the page holds what a guest wrote"),
  contents: array("contents", record({ word: range(0, 2) })).means(
    "what the page holds: 0, or an owner's word; none where contents do not matter",
  ),
});

/**
 * A leaf entry. An invalidated one has lost its VALID bit and keeps its address (the quirk UNMAP_INVAL), so
 * that a later walk finds out which page was mapped.
 */
export const entry = union({
  none: {},
  valid: { page, permission },
  invalidated: { page, permission },
});
export type Entry = ValueOf<typeof entry>;

/**
 * An entry of a table page. In a root, a valid one leads to a table; in a table of pages, to a page: the two look
 * alike in memory, as in the architecture. A block is one in a root only. Invalidated ones keep their address.
 */
export const tableEntry = union({
  none: {},
  valid: { page, permission },
  invalidated: { page, permission },
  block: { page, permission },
  "invalidated block": { page, permission },
});
export type TableEntry = ValueOf<typeof tableEntry>;

/**
 * A command for the SMMU. `nothing` is a slot of zeros: no legal command. A slot that was consumed keeps what it
 * held where it may be consumed again by mistake (`commandError`); elsewhere it holds `nothing`, for what it
 * held has no further meaning.
 */
export const command = union({
  nothing: {},
  // `byAsid`: 1 where the domain's id is an ASID (NH_VA, NH_ASID), 0 where it is a VMID (S2_IPA, S12_VMALL).
  TLBI: { domain, iova, byAsid: range(0, "asid") },
  // Not only of the last level (leaf=false): also of what is remembered of tables on the way to the iova.
  "TLBI of walks": { domain, iova, byAsid: range(0, "asid") },
  SYNC: {},
  "TLBI of an id": { domain, byAsid: range(0, "asid") },
  // A legal command that concerns nothing here: a prefetch, an invalidation of an address that nobody maps.
  other: {},
  // `descriptor`: 0 for the entry and all its descriptors, else one of these, counted from 1.
  CFGI: { stream: argument(stream, "none"), descriptor: range(0, "descriptor") },
  "CFGI of all": {},
  "TLBI of all": {},
});
export type Command = ValueOf<typeof command>;

/** What the SMMU still sees of a place that a CPU stored to; the store waits in that CPU's buffer. */
const lateCommand = record({ isPending: bool(), by: cpu, seen: command });
const lateEntry = record({ isPending: bool(), by: cpu, seen: entry });

const commandQueue = record({
  slots: array(
    slot,
    record({
      command,
      fresh: array("commandError", record({ by: option(cpu) })).means(
        "who wrote the command, until the SMMU consumes it",
      ),
      late: array("store", lateCommand).means("what the SMMU sees while the store waits"),
    }),
  ).means("the queue's memory, owned by the hypervisor"),
  errors: array("commandError", record({ isRaised: bool() })).means(
    "an illegal command stopped the SMMU (GERROR.CMDQ_ERR); none where commands are not looked at",
  ),
  producer: position.means("where the hypervisor writes next (cmdq_prod, its own copy)"),
  doorbell: position.means("what the hypervisor told the SMMU (register CMDQ_PROD)"),
  consumer: position.means("where the SMMU reads next (register CMDQ_CONS)"),
});

/** A translation that the TLB holds. */
const cached = union({ none: {}, translation: { page, permission } });
/** What a translation was read from; it says which invalidations concern it. */
const size = array("block", record({ isBlock: bool().means("a block's entry, which covers two pages") }));
/** By which context descriptor it is translated. */
const context = array(
  "asid",
  record({
    descriptor: range(0, "descriptor").means(
      "the descriptor, counted from 1, by which it began: its domain is an ASID; 0: it is of stage 2",
    ),
  }),
);

/**
 * What the SMMU has in progress. A descent has read the entry of a table, and not yet the table; a walk has read its
 * entry and not yet used it; an access has its translation and has not yet ended. `isStale`: an invalidation went by that concerns it; the next SYNC waits for its end.
 * An access stands for all that its translation permits: which of read and write it is changes nothing else.
 */
const inProgress = union({
  nothing: {},
  // `page`: the table.
  descent: { domain, iova, page, isStale: bool() },
  // `by`: the stream that it is for, or any where any device of the domain may have begun it.
  walk: { domain, iova, page, permission, isStale: bool(), by: argument(stream, "any") },
  access: { device, domain, iova, page, permission, isStale: bool() },
});
export type InProgress = ValueOf<typeof inProgress>;

/**
 * A stream table entry, as two words that are written and fetched one at a time: the first has V, the
 * configuration (stage 2, or none) and the VMID; the other stands for all the rest, which is the table pointer.
 * And what the SMMU holds of it: words that it has fetched, in any order. With both it has a configuration,
 * which it may keep and use, also an invalid one; `isStale`: a CFGI went by, and the next SYNC waits for its end.
 */
const contextRecord = record({
  word: option(page).means("word 0 of an entry of stage 1: null while V is 0, else the table (S1ContextPtr)"),
  cached: option(page).means("what the SMMU fetched of it, with word 0"),
});

/** What the SMMU holds of a context descriptor: words that it has fetched, as of a stream table entry. */
const descriptorCopy = record({
  hasWord: bool().means("the SMMU has fetched word 0"),
  cachedWord: option(domain).means("what it fetched: null while V was 0, else the ASID"),
  hasTable: bool().means("the SMMU has fetched the other words"),
  cachedTable: option(page).means("what it fetched: the table pointer (TTB0)"),
  isStale: bool().means("a CFGI went by since"),
});

const streamRecord = record({
  contexts: array("stage1", contextRecord).means("word 0, where it is one of stage 1"),
  descriptors: array(descriptor, descriptorCopy).means("the SMMU's copies of the stream's descriptors"),
  word: option(domain).means("word 0: null while V is 0, else the VMID"),
  table: option(page).means("the other words: the table pointer (S2TTB)"),
  hasWord: bool().means("the SMMU has fetched word 0"),
  cachedWord: option(domain).means("what it fetched"),
  hasTable: bool().means("the SMMU has fetched the other words"),
  cachedTable: option(page).means("what it fetched"),
  isStale: bool().means("a CFGI went by since"),
  lateWord: array("store", record({ isPending: bool(), by: cpu, seen: option(domain) })).means(
    "what the SMMU sees of word 0 while the store waits",
  ),
  lateTable: array("store", record({ isPending: bool(), by: cpu, seen: option(page) })).means(
    "what the SMMU sees of the other words while the store waits",
  ),
});

const cr0 = oneOf("SMMUEN", "CMDQEN", "0");

/** The power of an SMMU, where a scenario has it. */
const smmuPower = record({
  isOff: bool().means("what the hypervisor takes it to be (power_is_off)"),
  cr0: cr0.means("what was written to CR0: translate and consume commands, consume commands, nothing"),
  cr0ack: cr0.means("what it acts on (CR0ACK)"),
  isDown: bool().means("it has no power, whatever the hypervisor was told"),
  isReset: bool().means("its registers are those of a reset"),
  bypasses: bool().means("the reset value of GBPA lets accesses by"),
});

/** One SMMU. What it holds of the stream table is with the streams (`streams`). */
const smmuRecord = record({
  iommuLock: lockState(cpu).means("protects the command queue (kvm_iommu_lock)"),
  queue: commandQueue,
  tlb: array(domain, array(iova, record({ hit: cached, size }))).means("its TLB, tagged by domain (VMID)"),
  tlbOfAsids: array("asid", array(domain, array(iova, record({ hit: cached, size })))).means(
    "what its TLB holds of stage 1, tagged by domain (ASID)",
  ),
  walkCache: array(domain, array("rootEntry", record({ table: option(page) }))).means(
    "the tables that it remembers, by domain and by the range of iovas that they are for",
  ),
  transactions: array(transaction, record({ doing: inProgress, size, context })).means(
    "its walks and accesses in progress",
  ),
  power: array("power", smmuPower).means("its power; none where it is on and stays so"),
});

/** An entry of the stream table's first level. */
const level1Record = record({
  table: option(page).means("the page with the second level; null while there is none (l2ptr)"),
  unaligned: range(0, "unaligned").means(
    "1 where the table is not aligned to its size: the SMMU drops the low bits of its address",
  ),
});

/** What comes and goes with a domain. Where nothing of it is modelled, domains are allocated for ever. */
const lifetimeRecord = record({
  stage1: range(0, "stage1").means("1 where the domain is of stage 1: its id is an ASID"),
  hasObject: bool().means("the driver's object is allocated (priv)"),
  smmu: option(smmu).means("the SMMU that the domain is bound to (priv.smmu)"),
  root: option(page).means("the page with the page table, of the IOMMU pool (priv.pgtable)"),
  listed: array(smmu, range(0, "domainReferences")).means(
    "attachments that the domain's list of SMMUs counts for each (domain_iommu_node.ref); where there is no list, 0",
  ),
  list: array("list", record({ lock: lockState(cpu) })).means(
    "the list's lock (list_lock), where domains have lists of SMMUs",
  ),
});

/** A page that is, or was, the IOMMU pool's: outside, free, or in use as a table; what it holds as such. */
const poolPage = record({
  use: oneOf("outside", "free", "table"),
  descriptors: array(
    descriptor,
    record({
      word: option(domain).means("word 0: null while V is 0, else the ASID"),
      table: option(page).means("the other words: the table pointer (TTB0)"),
    }),
  ).means("the page as a table of context descriptors"),
  entries: array("tableEntry", record({ pte: tableEntry })).means(
    "what the page holds; while it is not the hypervisor's, it holds what its owner likes",
  ),
  lateZeroing: array("store", record({ isPending: bool(), by: cpu })).means(
    "the SMMU may still see what the page held before it was zeroed",
  ),
});

/** A guest as vm_table_lock protects it. */
const vmLife = record({
  isDying: bool().means("the guest is being torn down (is_dying)"),
  loadedOn: option(cpu).means("the CPU on which its vCPU is loaded, which holds a reference to it"),
});

export const memory = record({
  pages: array(page, pageRecord).means("physical memory"),
  domains: array(
    domain,
    record({
      references: range(0, "domainReferences").means(
        "1 while allocated, 1 for each device attached, 1 for each call in flight",
      ),
      pgtLock: lockState(cpu).means("protects the page table (pgt_lock)"),
      entries: array(
        iova,
        record({
          pte: entry,
          late: array("store", lateEntry).means("what the SMMU sees while the store waits"),
        }),
      ).means("the page table's leaf entries"),
    }),
  ).means("the domains, allocated before the first step"),
  devices: array(
    device,
    record({ domain: domain.means("the domain that its stream table entry names") }),
  ).means("the devices, attached before the first step; their streams speak for the host"),
  guests: array(
    guest,
    record({
      lock: lockState(cpu).means("protects the stage 2 (pgtable_lock)"),
      life: array(vmTable, vmLife).means("where it runs; none where guests do not"),
    }),
  ),
  hostMmuLock: lockState(cpu).means("protects the host's stage 2, the pages' states and their counts"),
  pkvmPgdLock: lockState(cpu).means("protects the hypervisor's stage 1"),
  smmus: array(smmu, smmuRecord).means("the SMMUs; each device is behind one of them"),
  wildAccess: oneOf(
    "none",
    "vmemmap",
    "page table",
    "command queue",
    "domains",
    "an uninitialised pointer",
    "a freed domain",
    "stream table",
    "a page that is no table",
    "context descriptors",
    "SMMUs",
  ).means("what EL2 accessed last that it must not: memory outside this table, or by such a pointer"),
  domainLock: lockState(cpu).means("protects the allocation of domains (kvm_iommu_domain_lock)"),
  lifetimes: array(lifetime, lifetimeRecord).means("the domains' lifetimes; none where they live for ever"),
  level1: array(level1, level1Record).means("the first level of the stream table"),
  streams: array(stream, streamRecord).means("the stream table, and the SMMU's copy of it"),
  read: array("contents", record({ word: range(0, 2) })).means("what a device read last, and told the host"),
  pool: array("poolPage", poolPage).means("the IOMMU pool: the first pages of memory"),
  vmTable: array(
    vmTable,
    record({ lock: lockState(cpu).means("protects the guests' lives (vm_table_lock)") }),
  ),
});

/** The state as the steps of the machines see it. */
export type Machine = StateOf<typeof memory>;
export type Smmu = Machine["smmus"][number];
export type Queue = Smmu["queue"];

/**
 * What the host passes in registers. Handlers copy them once (M69): they cannot change during the call. An
 * invalid argument stands for all values that fail the same check.
 */
export const registers = {
  domain: argument(domain, "out of range", "unallocated"),
  iova: argument(iova, "unaligned", "wrapping", "out of range"),
  page: argument(page, "unaligned", "wrapping", "not memory"),
  count: range(0, "count"),
  pgsize: range(0, "block").means("0: pages, 1: blocks of two pages"),
  prot: oneOf("read and write", "read", "write", "nothing", "unknown bits"),
  vm: guest,
  stream: argument(stream, "one past the end", "out of range"),
  pasid: range(0, "pasid"),
  stage1: range(0, "stage1"),
  boundTo: smmu.means("alloc_domain of 2025: the SMMU that the domain is for"),
} as const;

/** A page, where calls unmap more than two; elsewhere it takes no bit. */
const recordedPage = range(0, "recordedPage");

/** What calls keep on their stacks. Calls that share a local share its name. */
export const stack = {
  isAllowed: bool().means("what the call found when it looked at the pages' states"),
  used: range(0, "count").means("map: pages counted as used, from the first on"),
  mapped: range(0, "count").means("map: entries written, from the first on"),
  gathered: range(0, "count").means("unmap: entries invalidated, from the first on (the gather)"),
  issued: range(0, "count").means("unmap: entries for which a TLBI was issued, or is in the batch"),
  batched: range(0, "batch").means("unmap: commands in the batch"),
  copied: range(0, "batch").means("unmap: commands of the batch that were copied into the queue"),
  recorded0: option(page).means("unmap: the page of the first entry, until its use is given back"),
  recorded1: option(page).means("unmap: the page of the second entry, until its use is given back"),
  recorded2: recordedPage.means("unmap: the same of the third entry, counted from 1; 0: none"),
  recorded3: recordedPage.means("unmap: the same of the fourth entry"),
  recorded4: recordedPage.means("unmap: the same of the fifth entry"),
  recorded5: recordedPage.means("unmap: the same of the sixth entry"),
  gap: range(0, "gap").means("unmap: pages behind the gather whose table was taken out"),
  walked: range(0, "count").means("unmap: entries that the second walk has passed"),
  found: option(page).means("the page that the call found: in an entry (unmap), in the pool (attach)"),
  looked: range(0, "iova").means("free: entries that the call has looked at"),
  flushed: range(0, "tableEntry").means(
    "map: pages whose walks are invalidated, of the table that it takes out",
  ),
  table: range(0, "tablePage").means("the table that the call works on, its page counted from 1; 0: none"),
  isBlock: range(0, "block").means("1: what the call found in the root is a block"),
  isUnlinked: range(0, "block").means(
    "unmap: 1: the second walk saw the table's entry without its VALID bit",
  ),
  visited: range(0, "list").means(
    "the SMMU of the domain's list that the call has come to, where there are several",
  ),
  smmu: option(smmu).means("unmap: the SMMU that the call read from the domain, where there are several"),
  isReleased: bool().means("unmap: the use of the found page was given back, the entry is not yet zeroed"),
} as const;

type AllOf = FrameOf<typeof registers, typeof stack>;

/** What a property sees of a CPU: designs differ in which locals their calls have. */
export type Cpu = { readonly pc: string } & {
  readonly [K in keyof AllOf]?: AllOf[K];
};

/** The state as the properties see it: with the CPUs. */
export type Seen = Machine & { readonly cpus: readonly Cpu[] };
