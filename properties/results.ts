/**
 * Refinement, at the return of a call: what it returns is true of what it performed.
 *
 * A step of the machine is an atom of the policy or nothing that the policy sees (`steps-are-atoms`). Here a call's
 * frame counts the atoms that its steps performed, as a history that no step of the machine reads; when the call
 * returns, `spec/atoms.ts` says whether the result is what it should be. The counts exist where a scenario has the
 * bound `history`, and go as high as its bound `performed`; elsewhere they take no bit and no time.
 */
import {
  addLocals,
  type Do,
  edit,
  endOf,
  mapNodes,
  type Model,
  type Procedure,
  range,
  sort,
  type StepProperty,
  stepProperty,
  type TakenStep,
  threads,
} from "../checker/index.ts";
import type { Machine, Seen } from "../model/machine.ts";
import { leafPageOf } from "../model/page-tables.ts";
import { type CallResult, meanings, type Performed } from "../spec/atoms.ts";
import { isExclusivelyHosts } from "../spec/ownership.ts";

/** One where a scenario has these counts, and none where it has not. */
const history = sort("history", "what calls are counted to have performed");
const high = "performed";

/** What a call's frame counts: pages, by what its steps did to them. */
const counts = {
  pagesReserved: range(0, high).means("uses that the call counted, for all pages"),
  pagesMapped: range(0, high).means("entries that the call made lead to pages"),
  unpagesMapped: range(0, high).means("entries that the call made lead nowhere"),
  pagesReleased: range(0, high).means("uses that the call gave back"),
  pagesMoved: range(0, high).means("pages that the call moved to another owner, lent or took back"),
} as const;

type Counting = { -readonly [K in keyof typeof counts]: number };

function sumUses(s: Machine): number {
  let sum = 0;
  for (let p = 0; p < s.pages.length; p++) sum += s.pages[p].references;
  return sum;
}

function sumMappings(s: Machine): number {
  let sum = 0;
  for (let d = 0; d < s.domains.length; d++) {
    for (let i = 0; i < s.domains[d].entries.length; i++) if (leafPageOf(s, d, i) >= 0) sum++;
  }
  return sum;
}

/** Pages that are not the host's alone, and loans of guests. */
function sumAway(s: Machine): number {
  let sum = 0;
  for (let p = 0; p < s.pages.length; p++) {
    if (!isExclusivelyHosts(s.pages[p])) sum++;
    sum += s.pages[p].guestLends;
  }
  return sum;
}

function raise(count: number, by: number, most: number): number {
  return by <= 0 ? count : Math.min(most, count + by);
}

type AnyDo = Do<Machine, Counting, void>;

/** The effect, and the counts of what it did. */
function counting(effect: AnyDo): AnyDo {
  return (s, c, site) => {
    const most = site.bounds.performed;
    const uses = most === 0 ? 0 : sumUses(s);
    const mappings = most === 0 ? 0 : sumMappings(s);
    const away = most === 0 ? 0 : sumAway(s);
    effect(s, c, site);
    if (most === 0) return;
    const usesNow = sumUses(s);
    const mappingsNow = sumMappings(s);
    const awayNow = sumAway(s);
    c.pagesReserved = raise(c.pagesReserved, usesNow - uses, most);
    c.pagesReleased = raise(c.pagesReleased, uses - usesNow, most);
    c.pagesMapped = raise(c.pagesMapped, mappingsNow - mappings, most);
    c.unpagesMapped = raise(c.unpagesMapped, mappings - mappingsNow, most);
    c.pagesMoved = raise(c.pagesMoved, awayNow > away ? awayNow - away : away - awayNow, most);
  };
}

function countIn(call: Procedure<Machine>): Procedure<Machine> {
  const body = mapNodes<Machine>(call.body, (node) => {
    if (node.kind === "step") return [{ ...node, effect: counting(node.effect) }];
    return null;
  });
  return edit({ ...call, body }, addLocals(counts));
}

/** The model with calls that count the atoms which they perform. */
export function withHistory(model: Model<Machine>): Model<Machine> {
  return {
    ...model,
    threads: model.threads.map((of) =>
      threads(
        of.index,
        of.frames,
        of.procedures.map(({ procedure: call }) => countIn(call)),
      ),
    ),
  };
}

/** What the outcome of a returning step says, or null where the call did not return. */
function resultOf({ outcome }: TakenStep): CallResult | null {
  const [, returned] = /(?:^|; )returns (\S+)/.exec(outcome) ?? [];
  if (returned === undefined) return /(?:^|; )refuses/.test(outcome) ? "refused" : null;
  if (/^\d+$/.test(returned)) return Number(returned);
  return returned === "ok" ? "ok" : "refused";
}

function performedBy(before: Seen, after: Seen, cpu: number): Performed {
  const c = before.cpus[cpu] as unknown as Counting;
  const uses = sumUses(after) - sumUses(before);
  const mappings = sumMappings(after) - sumMappings(before);
  return {
    reserved: c.pagesReserved + Math.max(0, uses),
    released: c.pagesReleased + Math.max(0, -uses),
    mapped: c.pagesMapped + Math.max(0, mappings),
    unmapped: c.unpagesMapped + Math.max(0, -mappings),
    moved: c.pagesMoved + Math.abs(sumAway(after) - sumAway(before)),
  };
}

/** The call that the step returns from, and what it says, or null. */
function findReturn(step: TakenStep): { call: string; cpu: number; result: CallResult } | null {
  // Most steps end nothing: they are the quick ones to tell.
  if (step.outcome === "") return null;
  const { cpu } = step.args;
  const [call] = step.action.split(":");
  const result = resultOf(step);
  return typeof cpu === "number" && call in meanings && result !== null ? { call, cpu, result } : null;
}

export const resultSteps: readonly StepProperty<Seen>[] = [
  stepProperty(
    "results-are-true",
    { history },
    {
      sentence: "What a call returns is true of the atoms that it performed.",
      holds: (before: Seen, after: Seen, taken) => {
        const returned = findReturn(taken);
        if (returned === null) return true;
        const { call, cpu, result } = returned;
        return meanings[call].relates(performedBy(before, after, cpu), result);
      },
      explain: (before, after, taken) => {
        const returned = findReturn(taken);
        if (returned === null) return `"${taken.action}" returned nothing`;
        const did = Object.entries(performedBy(before, after, returned.cpu));
        const told = did.filter(([, n]) => n > 0).map(([what, n]) => `${n} ${what}`);
        const list = told.length === 0 ? "nothing" : told.join(", ");
        return `${returned.call} says "${endOf(taken.outcome)}", having performed: ${list}. It is to mean: ${meanings[returned.call].result}`;
      },
    },
  ),
];
