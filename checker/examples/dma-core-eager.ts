/**
 * dma-core with an eager TLB: of what the TLB may hold at a time it is taken to hold all.
 *
 * The TLB of dma-core reads an entry whenever it likes. So, as to an iova, it may hold any page that the entry has led
 * to since the last invalidation, or nothing: which one, nobody decides. Here these pages are kept as a set instead,
 * and no step fills the TLB: a page joins when the entry is written, and an invalidation leaves what the entry leads to
 * then. That is the same claim, because nothing is ever kept from happening by what the TLB holds, and holding more
 * breaks a property where holding less does.
 *
 * It is an edit of dma-core: the rules that write entries or the TLB, and the property that reads the TLB, are
 * replaced. A test shows on small sizes, and on models that are broken, that both reach the same.
 */
import {
  type Action,
  bool,
  defineModel,
  environmentRule,
  type Invariant,
  invariant,
  type Model,
  option,
  processRule,
  record,
  setOf,
  type StateOf,
} from "../index.ts";
import { cpu, cpus, type DmaCoreState, dmaCore, dmaCoreState, iova, page } from "./dma-core.ts";

const state = dmaCoreState(
  record({
    pte: option(page).means("the page that the table maps here"),
    cached: setOf(page).means("the pages that the TLB may hold for this iova"),
    queued: bool().means("an invalidation of this iova is pending"),
  }),
);

type State = StateOf<typeof state>;

const rules: readonly Action<State>[] = [
  processRule(
    cpus,
    cpu,
    "M5",
    "M5",
    {},
    {
      then: (s: State, { cpu: self }) => {
        const c = s.cpus[self];
        if (s.iovas[c.li].pte === null) {
          s.iovas[c.li].pte = c.lp;
          s.iovas[c.li].cached.add(c.lp);
          c.pc = "REL";
        } else {
          c.pc = "U5";
        }
      },
    },
  ),
  environmentRule(
    "TLBI",
    { iova },
    {
      lane: "SMMU",
      when: (s: State, { iova: i }) => s.iovas[i].queued,
      then: (s, { iova: i }, { bounds }) => {
        const { cached, pte } = s.iovas[i];
        for (let p = 0; p < bounds.page; p++) if (p !== pte) cached.delete(page.at(p));
        s.iovas[i].queued = false;
      },
    },
  ),
];

const invariants: readonly Invariant<State>[] = [
  invariant(
    "cached-pages-are-the-hosts",
    { iova },
    {
      sentence: "A page that the TLB may hold belongs to the host.",
      holds: (s: State, { iova: i }, { bounds }) => {
        for (let p = 0; p < bounds.page; p++)
          if (s.iovas[i].cached.has(page.at(p)) && s.pages[p].own !== "HOST") return false;
        return true;
      },
    },
  ),
];

/** Dma-core, or a model made of it, with an eager TLB. */
export function dmaCoreEager(of: Model<DmaCoreState> = dmaCore()): Model<State> {
  const replaced = ["DMA", ...[...rules, ...invariants].map(({ name }) => name)];
  const isKept = ({ name }: { readonly name: string }): boolean => !replaced.includes(name);
  // What is kept does not look at the TLB.
  const kept = {
    rules: of.rules.filter(isKept) as unknown as Action<State>[],
    invariants: of.invariants.filter(isKept) as unknown as Invariant<State>[],
  };
  return defineModel({
    name: "dma-core-eager-tlb",
    meaning: "dma-core, whose TLB is taken to hold all that it may.",
    state,
    processes: [cpus],
    rules: [...kept.rules, ...rules],
    invariants: [...kept.invariants, ...invariants],
  });
}
