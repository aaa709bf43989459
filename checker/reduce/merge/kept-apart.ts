/** Where blocks end that have taken their one free step, and why: what is kept apart there, and from whom. */
import type { Plan, Reason } from "./plan.ts";
import type { ControlPoint, StepTable } from "./steps.ts";

/** A label at which a block ends, for processes that have the same reason there. */
export interface KeptApart {
  readonly label: string;
  readonly processes: readonly string[];
  readonly by: Exclude<Reason["by"], "call">;
  readonly what: string | null;
  readonly reason: string;
}

/** Of properties and witnesses that keep steps apart, so many are named. */
const mostNamed = 3;

/** The labels at which blocks end within calls, as far as some block comes there. */
export function listKeptApart(table: StepTable, plan: Plan): KeptApart[] {
  const found = new Map<string, KeptApart & { processes: string[] }>();
  for (const { label, number, processName } of findEnds(table, plan)) {
    const reason = plan.reasons[number];
    if (reason === null || reason.by === "call") continue;
    const { by, what, text } = reason;
    const key = JSON.stringify([label, text]);
    const known = found.get(key);
    if (known === undefined) found.set(key, { label, processes: [processName], by, what, reason: text });
    else known.processes.push(processName);
  }
  return [...found.values()];
}

/** Where blocks end, when they begin where calls do and, from then on, where others end. */
function findEnds(
  { points }: StepTable,
  { comesBefore, goesOnAfter, goesOnBefore }: Plan,
): Set<ControlPoint> {
  const ends = new Set(points.flat().filter(({ isIdle }) => isIdle));
  /** Where blocks come by, with their free step still to take, and with it taken. */
  const [before, after] = [new Set<ControlPoint>(), new Set<ControlPoint>()];
  const leave = ({ process, steps }: ControlPoint, isBefore: boolean): void => {
    for (const { id, ends: ways } of steps) {
      for (const target of ways.flatMap(({ targets }) => targets)) {
        const staysBefore = isBefore && comesBefore[id]?.[target] === 1;
        const goesOn = (staysBefore ? goesOnBefore : goesOnAfter)[process][target] === 1;
        (goesOn ? (staysBefore ? before : after) : ends).add(points[process][target]);
      }
    }
  };
  for (let size = 0; size < ends.size + before.size + after.size; ) {
    size = ends.size + before.size + after.size;
    for (const point of [...ends, ...before]) leave(point, true);
    for (const point of after) leave(point, false);
  }
  return ends;
}

/** In a sentence: at how many labels blocks end and for what, and what sees steps, with the first that it sees. */
export function describeKeptApart(all: readonly KeptApart[]): string {
  if (all.length === 0) return "blocks end only where calls do";
  const counts = (["wait", "access", "property", "panic"] as const).flatMap((by) => {
    const labels = countLabels(all.filter((each) => each.by === by));
    return labels === 0 ? [] : [`${labels} ${inWords[by]}`];
  });
  const seen = groupByWhat(all);
  const named = [...seen].slice(0, mostNamed).map(([what, list]) => {
    const more = countLabels(list) - 1;
    return `${what} may see the state before "${list[0].label}"${more === 0 ? "" : ` (and ${more} more)`}`;
  });
  const others = seen.size - named.length;
  const rest = others > 0 ? [`${others} more properties or witnesses see others`] : [];
  const list = [...named, ...rest];
  return `steps are kept apart at ${countLabels(all)} labels, of which --json has the list: ${counts.join(", ")}${list.length === 0 ? "" : `; ${list.join("; ")}`}`;
}

const inWords = {
  wait: "where it may have to wait",
  access: "where others may access what it does",
  property: "where a property or a witness may see the state before it",
  panic: "where a panic may follow",
} as const;

function countLabels(list: readonly KeptApart[]): number {
  return new Set(list.map(({ label }) => label)).size;
}

/** What sees steps, with what it sees. */
function groupByWhat(all: readonly KeptApart[]): Map<string, KeptApart[]> {
  const groups = new Map<string, KeptApart[]>();
  for (const each of all) {
    if (each.by !== "property" || each.what === null) continue;
    const group = groups.get(each.what);
    if (group === undefined) groups.set(each.what, [each]);
    else group.push(each);
  }
  return groups;
}
