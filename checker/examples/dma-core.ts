/**
 * dma-core: the heart of DMA isolation, as small as it can be and still be worth searching: pages with an
 * owner and a count of DMA uses, one page table with a TLB and an invalidation queue, CPUs that map, unmap,
 * donate and reclaim, two locks. Written as plain rules, one transition each; the counts of its reachable
 * states are known from independent checkers, which makes it the benchmark.
 *
 * `PxVxC`: P pages, V iova slots, C cpus; a page is counted at most V times.
 */
import {
  array,
  bool,
  defineModel,
  environmentRule,
  type Field,
  invariant,
  type Model,
  oneOf,
  option,
  type Process,
  processRule,
  range,
  record,
  type RuleBody,
  type Scope,
  sort,
  type StateOf,
} from "../index.ts";

export const page = sort("page", "a physical page", { interchangeable: true });
export const iova = sort("iova", "a slot of the page table", { interchangeable: true });
export const cpu = sort("cpu", "a CPU in the hypervisor", { interchangeable: true });

/** The control labels of a CPU. */
export const dmaCoreLabels = [
  "IDLE",
  // map; M4F: refused
  "M1",
  "M2",
  "M3",
  "M4",
  "M4F",
  "M5",
  // unmap, whose tail map shares for its rollback
  "U1",
  "U2",
  "U3",
  "U4",
  "U5",
  "U6",
  "U7",
  "REL",
  // donate and reclaim
  "D1",
  "D2",
  "D3",
  "R1",
  "R2",
] as const;

/** The state, given what there is of an iova. */
export function dmaCoreState<F>(ofIova: Field<F>) {
  return record({
    pages: array(
      page,
      record({
        own: oneOf("HOST", "GUEST", "HYP").means("who owns the page"),
        ref: range(0, "iova").means("how many DMA uses the page has"),
      }),
    ),
    iovas: array(iova, ofIova),
    hostLock: option(cpu).means("who holds the host_mmu lock"),
    iommuLock: option(cpu).means("who holds the iommu lock"),
    cpus: array(cpu, record({ pc: oneOf(...dmaCoreLabels), li: iova, lp: page })),
  });
}

const state = dmaCoreState(
  record({
    pte: option(page).means("the page that the table maps here"),
    tlb: option(page).means("the page that the TLB holds for this iova"),
    queued: bool().means("an invalidation of this iova is pending"),
  }),
);

export type DmaCoreState = StateOf<typeof state>;
type State = DmaCoreState;
type Label = (typeof dmaCoreLabels)[number];
type Lock = "hostLock" | "iommuLock";

export const cpus: Process<"cpu"> = { name: "cpu", sort: "cpu", frames: "cpus", control: "pc", idle: "IDLE" };

type Frame = State["cpus"][number];
type CpuIndex = { readonly cpu: typeof cpu.value };

/** A rule of one CPU at one label, over its frame. */
function at(label: Label, then: (s: State, c: Frame) => void) {
  return processRule(cpus, cpu, label, label, {}, { then: (s: State, args) => then(s, s.cpus[args.cpu]) });
}

function acquire(label: Label, lock: Lock, next: Label) {
  const body: RuleBody<State, CpuIndex> = {
    when: (s) => s[lock] === null,
    then: (s, args) => {
      s[lock] = args.cpu;
      s.cpus[args.cpu].pc = next;
    },
    waitsFor: (s) => (s[lock] === null ? null : { kind: "lock", lock, holder: s[lock] }),
  };
  return processRule<State, "cpu", Record<never, never>>(cpus, cpu, label, label, {}, body);
}

function release(label: Label, lock: Lock, next: Label) {
  return at(label, (s, c) => {
    s[lock] = null;
    c.pc = next;
  });
}

function endCall(s: State, c: Frame, lock: Lock): void {
  s[lock] = null;
  c.li = iova.at(0);
  c.lp = page.at(0);
  c.pc = "IDLE";
}

const rules = [
  processRule(
    cpus,
    cpu,
    "MAP",
    "IDLE",
    { iova, page },
    {
      then: (s: State, { cpu: self, iova: i, page: p }) => {
        const c = s.cpus[self];
        c.li = i;
        c.lp = p;
        c.pc = "M1";
      },
    },
  ),
  processRule(
    cpus,
    cpu,
    "UNMAP",
    "IDLE",
    { iova },
    {
      then: (s: State, { cpu: self, iova: i }) => {
        s.cpus[self].li = i;
        s.cpus[self].pc = "U1";
      },
    },
  ),
  processRule(
    cpus,
    cpu,
    "DONATE",
    "IDLE",
    { page },
    {
      then: (s: State, { cpu: self, page: p }) => {
        s.cpus[self].lp = p;
        s.cpus[self].pc = "D1";
      },
    },
  ),
  processRule(
    cpus,
    cpu,
    "RECLAIM",
    "IDLE",
    { page },
    {
      then: (s: State, { cpu: self, page: p }) => {
        s.cpus[self].lp = p;
        s.cpus[self].pc = "R1";
      },
    },
  ),
  // map: count the use under the host lock, then write the entry; roll back through the tail of unmap
  acquire("M1", "iommuLock", "M2"),
  acquire("M2", "hostLock", "M3"),
  processRule(
    cpus,
    cpu,
    "M3",
    "M3",
    {},
    {
      then: (s: State, { cpu: self }, { bounds }) => {
        const c = s.cpus[self];
        const target = s.pages[c.lp];
        if (target.own === "HOST" && target.ref < bounds.iova) {
          target.ref++;
          c.pc = "M4";
        } else {
          c.pc = "M4F";
        }
      },
    },
  ),
  release("M4", "hostLock", "M5"),
  release("M4F", "hostLock", "REL"),
  at("M5", (s, c) => {
    if (s.iovas[c.li].pte === null) {
      s.iovas[c.li].pte = c.lp;
      c.pc = "REL";
    } else {
      c.pc = "U5";
    }
  }),
  // unmap: clear the entry, invalidate and wait, drop the use
  acquire("U1", "iommuLock", "U2"),
  at("U2", (s, c) => {
    const { pte } = s.iovas[c.li];
    if (pte === null) {
      c.pc = "REL";
    } else {
      c.lp = pte;
      s.iovas[c.li].pte = null;
      c.pc = "U3";
    }
  }),
  at("U3", (s, c) => {
    s.iovas[c.li].queued = true;
    c.pc = "U4";
  }),
  processRule(
    cpus,
    cpu,
    "U4",
    "U4",
    {},
    {
      when: (s: State, { cpu: self }) => !s.iovas[s.cpus[self].li].queued,
      then: (s, { cpu: self }) => {
        s.cpus[self].pc = "U5";
      },
      waitsFor: () => ({ kind: "wait", wait: "the invalidation", servedBy: ["TLBI"] }),
    },
  ),
  acquire("U5", "hostLock", "U6"),
  at("U6", (s, c) => {
    s.pages[c.lp].ref--;
    c.pc = "U7";
  }),
  release("U7", "hostLock", "REL"),
  at("REL", (s, c) => endCall(s, c, "iommuLock")),
  // donate and reclaim, under the host lock
  acquire("D1", "hostLock", "D2"),
  at("D2", (s, c) => {
    const target = s.pages[c.lp];
    if (target.own === "HOST" && target.ref === 0) target.own = "GUEST";
    c.pc = "D3";
  }),
  at("D3", (s, c) => endCall(s, c, "hostLock")),
  acquire("R1", "hostLock", "R2"),
  at("R2", (s, c) => {
    const target = s.pages[c.lp];
    if (target.own === "GUEST") target.own = "HOST";
    c.pc = "D3";
  }),
  // the SMMU
  environmentRule(
    "DMA",
    { iova },
    {
      lane: "device",
      when: (s: State, { iova: i }) => s.iovas[i].pte !== null && s.iovas[i].tlb === null,
      then: (s, { iova: i }) => {
        s.iovas[i].tlb = s.iovas[i].pte;
      },
    },
  ),
  environmentRule(
    "TLBI",
    { iova },
    {
      lane: "SMMU",
      when: (s: State, { iova: i }) => s.iovas[i].queued,
      then: (s, { iova: i }) => {
        s.iovas[i].tlb = null;
        s.iovas[i].queued = false;
      },
    },
  ),
];

/** The labels at which a CPU holds a use of the page in its frame that no entry shows. */
const holdsUse = new Set<Label>(["M4", "M5", "U3", "U4", "U5", "U6"]);

const invariants = [
  invariant(
    "mapped-pages-are-the-hosts",
    { iova },
    {
      sentence: "A page that the table maps belongs to the host.",
      holds: (s: State, { iova: i }) => {
        const { pte } = s.iovas[i];
        return pte === null || s.pages[pte].own === "HOST";
      },
    },
  ),
  invariant(
    "cached-pages-are-the-hosts",
    { iova },
    {
      sentence: "A page that the TLB holds belongs to the host.",
      holds: (s: State, { iova: i }) => {
        const { tlb } = s.iovas[i];
        return tlb === null || s.pages[tlb].own === "HOST";
      },
    },
  ),
  invariant(
    "uses-are-counted",
    { page },
    {
      sentence: "A page's count is the number of its entries and of the calls that hold a use of it.",
      holds: (s: State, { page: p }, { bounds }) => {
        let uses = 0;
        for (let i = 0; i < bounds.iova; i++) if (s.iovas[i].pte === p) uses++;
        for (let c = 0; c < bounds.cpu; c++) if (s.cpus[c].lp === p && holdsUse.has(s.cpus[c].pc)) uses++;
        return s.pages[p].ref === uses;
      },
    },
  ),
];

/** The benchmark model. */
export function dmaCore(): Model<State> {
  return defineModel({
    name: "dma-core",
    meaning: "One page table, one TLB, two locks: the benchmark of the engine.",
    state,
    processes: [cpus],
    rules,
    invariants,
  });
}

/** `4x3x2`: four pages, three iovas, two CPUs. */
export function dmaCoreScope(instance: string): Scope {
  const [pages, iovas, cpusCount] = instance.split("x").map(Number);
  return { bounds: { page: pages, iova: iovas, cpu: cpusCount } };
}
