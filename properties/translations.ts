/**
 * What the SMMU may know: translations in its TLB, in walks and in accesses in progress.
 */
import { match } from "ts-pattern";
import {
  endOf,
  idleLabel,
  type Invariant,
  invariant,
  type StepProperty,
  stepProperty,
  type Witness,
  witness,
} from "../checker/index.ts";
import {
  cpu,
  domain,
  type DomainIndex,
  type InProgress,
  iova,
  type IovaIndex,
  type Seen,
  slot,
  smmu,
  transaction,
} from "../model/machine.ts";
import { leafPageOf } from "../model/page-tables.ts";
import { isTranslating } from "../model/smmu/power.ts";
import { isOfAsid } from "../model/smmu/transactions.ts";
import { isJustified, ofSmmu } from "./pages.ts";

function describeInProgress(doing: InProgress): string {
  return match(doing)
    .with({ tag: "nothing" }, () => "nothing")
    .with({ tag: "descent" }, (of) => `a walk for iova ${of.iova} of domain ${of.domain} to table ${of.page}`)
    .with(
      { tag: "walk" },
      (walk) => `a walk for iova ${walk.iova} of domain ${walk.domain} to page ${walk.page}`,
    )
    .with({ tag: "access" }, (of) => `an access of device ${of.device} to iova ${of.iova}, page ${of.page},`)
    .exhaustive();
}

type Hit = Seen["smmus"][number]["tlb"][number][number]["hit"];

/** What the TLB holds of the iova of the domain, whose id is an ASID. */
function hitOfAsid(s: Seen, n: number, d: DomainIndex, i: number): Hit {
  const { tlbOfAsids } = s.smmus[n];
  return tlbOfAsids.length > 0 ? tlbOfAsids[0][d][i].hit : { tag: "none" };
}

/** What the TLB of an SMMU that translates holds of the iova and nothing accounts for, in words; else null. */
function findUnjustified(s: Seen, n: number, d: DomainIndex, i: IovaIndex): string | null {
  if (!isTranslating(s, n)) return null;
  const { hit } = s.smmus[n].tlb[d][i];
  if (hit.tag !== "none" && !isJustified(s, d, i, hit.page))
    return `iova ${i} of domain ${d} to page ${hit.page}`;
  const ofAsid = hitOfAsid(s, n, d, i);
  if (ofAsid.tag !== "none" && !isJustified(s, d, i, ofAsid.page))
    return `iova ${i} of ASID ${d} to page ${ofAsid.page}`;
  return null;
}

export const translations: readonly Invariant<Seen>[] = [
  invariant(
    "cached-translations-are-justified",
    { smmu, domain, iova },
    {
      sentence:
        "Every translation in the TLB of an SMMU that translates is that of a live entry, or of an unmap in flight whose page is still counted.",
      sekvm: "spt_cons",
      holds: (s: Seen, { smmu: n, domain: d, iova: i }) => findUnjustified(s, n, d, i) === null,
      explain: (s, { smmu: n, domain: d, iova: i }) =>
        `the TLB${ofSmmu(s, n)} leads ${findUnjustified(s, n, d, i)}, which no entry and no unmap in flight accounts for`,
      premise: (s, { smmu: n, domain: d, iova: i }) =>
        s.smmus[n].tlb[d][i].hit.tag !== "none" || hitOfAsid(s, n, d, i).tag !== "none",
    },
  ),
  invariant(
    "walks-and-accesses-are-justified",
    { smmu, transaction },
    {
      sentence:
        "Every walk and access in progress is that of a live entry, or of an unmap in flight whose page is still counted.",
      sekvm: "spt_cons",
      holds: (s: Seen, { smmu: n, transaction: k }) => {
        const { doing } = s.smmus[n].transactions[k];
        if (doing.tag === "nothing" || doing.tag === "descent") return true;
        return isJustified(s, doing.domain, doing.iova, doing.page);
      },
      explain: (s, { smmu: n, transaction: k }) => {
        const what = describeInProgress(s.smmus[n].transactions[k].doing);
        return `${what} is in progress${ofSmmu(s, n).replace(" of", " in")}, which no entry and no unmap in flight accounts for`;
      },
      premise: (s, { smmu: n, transaction: k }) => s.smmus[n].transactions[k].doing.tag !== "nothing",
    },
  ),
];

export const translationSteps: readonly StepProperty<Seen>[] = [
  stepProperty(
    "unmapped-means-unreachable",
    { cpu },
    {
      sentence:
        "When unmap_pages returns n, no SMMU that translates knows an old translation for these n iovas.",
      sekvm: "smmu_iso",
      holds: (before: Seen, after: Seen, step, { cpu: k }) => {
        if (step.args.cpu !== k || after.cpus[k].pc !== idleLabel) return true;
        const { domain: d, iova: first, gathered } = before.cpus[k];
        if (typeof d !== "number" || typeof first !== "number" || gathered === undefined) return true;
        for (let n = 0; n < after.smmus.length; n++) {
          for (let i = first; i < first + gathered && i < after.smmus[n].tlb[d].length; i++) {
            if (findUnjustified(after, n, d, iova.at(i)) !== null) return false;
          }
        }
        return true;
      },
      explain: (before, _, step) =>
        `unmap_pages ${endOf(step.outcome)} for iova ${before.cpus[step.args.cpu].iova}, and the TLB still holds an old translation`,
    },
  ),
];

export const asidWitnesses: readonly Witness<Seen>[] = [
  witness(
    "a translation is tagged with an ASID",
    { smmu, domain, iova },
    {
      sentence: "The TLB holds a translation of stage 1, of a live entry, and no call is in flight.",
      holds: (s: Seen, { smmu: n, domain: d, iova: i }) => {
        const hit = hitOfAsid(s, n, d, i);
        if (hit.tag === "none" || leafPageOf(s, d, i) !== hit.page) return false;
        return s.cpus.every(({ pc }) => pc === idleLabel);
      },
    },
  ),
  witness(
    "the TLB of an ASID outlives its entry",
    { smmu, domain, iova },
    {
      sentence: "The TLB holds a translation of stage 1 whose entry is gone.",
      holds: (s: Seen, { smmu: n, domain: d, iova: i }) =>
        hitOfAsid(s, n, d, i).tag !== "none" && leafPageOf(s, d, i) < 0,
    },
  ),
  witness(
    "a SYNC waits for an access of a PASID",
    { smmu, transaction },
    {
      sentence:
        "A SYNC is next, and an access of stage 1 that used an invalidated translation has not ended.",
      holds: (s: Seen, { smmu: n, transaction: k }) =>
        isOfAsid(s.smmus[n].transactions[k]) && doesSyncWaitFor(s, n, k),
    },
  ),
];

/** Is a SYNC next, and what is in progress an access that it waits for? */
function doesSyncWaitFor(s: Seen, n: number, k: number): boolean {
  const { doing } = s.smmus[n].transactions[k];
  const { slots, consumer, doorbell } = s.smmus[n].queue;
  const isSync = consumer !== doorbell && slots[consumer % slots.length].command.tag === "SYNC";
  return isSync && doing.tag === "access" && doing.isStale;
}

export const translationWitnesses: readonly Witness<Seen>[] = [
  witness(
    "the TLB outlives its entry",
    { smmu, domain, iova },
    {
      sentence: "The TLB holds a translation whose entry is gone.",
      holds: (s: Seen, { smmu: n, domain: d, iova: i }) =>
        s.smmus[n].tlb[d][i].hit.tag === "translation" && leafPageOf(s, d, i) < 0,
    },
  ),
  witness(
    "a walk outlives its entry",
    { smmu, transaction },
    {
      sentence: "A walk holds what it read from an entry that is gone since.",
      holds: (s: Seen, { smmu: n, transaction: k }) => {
        const { doing } = s.smmus[n].transactions[k];
        return doing.tag === "walk" && leafPageOf(s, doing.domain, doing.iova) < 0;
      },
    },
  ),
  witness(
    "a SYNC waits for an access",
    { smmu, transaction },
    {
      sentence: "A SYNC is next, and an access that used an invalidated translation has not ended.",
      holds: (s: Seen, { smmu: n, transaction: k }) => doesSyncWaitFor(s, n, k),
    },
  ),
  witness(
    "the queue is full",
    { smmu },
    {
      sentence: "The command queue has no room left: producer and consumer differ by the wrap bit.",
      holds: (s: Seen, { smmu: n }) => {
        const { slots, consumer, doorbell } = s.smmus[n].queue;
        return doorbell !== consumer && doorbell % slots.length === consumer % slots.length;
      },
    },
  ),
  witness(
    "the queue wraps",
    { smmu, slot },
    {
      sentence: "A command waits in the first slot while the wrap bit is set.",
      holds: (s: Seen, { smmu: n, slot: at }) => {
        const { slots, consumer } = s.smmus[n].queue;
        return at === 0 && slots[0].command.tag !== "nothing" && consumer >= slots.length;
      },
    },
  ),
];
