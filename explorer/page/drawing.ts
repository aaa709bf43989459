/**
 * What the picture of a machine shows, and where: devices and their stream table entries, page tables, what the SMMUs
 * hold, and physical memory, with an arrow for everything that leads to a page. Found by looking through the state
 * for values that name a page, so that a new table or cache shows without a change here.
 */
import { formatValue, type PlainValue } from "../../checker/trace/plain.ts";
import { concerns, isUnion, type Place, placesOf, valueIn } from "./places.ts";

type Column = 0 | 1 | 2 | 3;

export interface Line {
  readonly text: string;
  readonly path: string;
  /** The page that it leads to, and how. */
  readonly page: number | null;
  readonly kind: "entry" | "gone" | "tlb" | "walk" | "table";
  readonly isChanged: boolean;
}

export interface Box {
  readonly title: string;
  readonly detail: string;
  readonly tone: "host" | "guest" | "hypervisor" | "";
  readonly lines: readonly Line[];
  readonly isChanged: boolean;
  readonly column: Column;
  /** The number of the page that the box stands for. */
  readonly page: number | null;
}

/** Does the state look like a machine with pages? Others are shown as tables only. */
export function canDraw(state: PlainValue): boolean {
  const pages = valueIn(state, "pages");
  return Array.isArray(pages) && pages.length > 0 && typeof pages[0] === "object";
}

/** The boxes of a state, given the places that the last step changed. */
export function drawState(state: PlainValue, changed: readonly string[]): Box[] {
  const isChanged = (path: string) => changed.some((each) => concerns(each, path));
  const boxes = new Map<string, { column: Column; lines: Line[] }>();
  for (const place of placesOf(state)) {
    const found = lineOf(place, isChanged(place.path));
    if (found === null) continue;
    const { title, column, line } = found;
    const box = boxes.get(title) ?? { column, lines: [] };
    box.lines.push(line);
    boxes.set(title, box);
  }
  const others = [...boxes].map(
    ([title, { column, lines }]): Box => ({
      title,
      detail: "",
      tone: "",
      lines,
      isChanged: lines.some((line) => line.isChanged),
      column,
      page: null,
    }),
  );
  return [...others, ...pageBoxes(state, isChanged)];
}

function pageBoxes(state: PlainValue, isChanged: (path: string) => boolean): Box[] {
  const pages = (valueIn(state, "pages") ?? []) as readonly Record<string, PlainValue>[];
  return pages.map((of, n): Box => {
    const { owner = null, references, isSecret, ...rest } = of;
    const tag = isUnion(owner) ? owner.tag : "";
    const tone = tag === "host" || tag === "guest" || tag === "hypervisor" ? tag : "";
    const states = Object.entries(rest)
      .filter(([name, value]) => name.endsWith("State") && value !== "NOPAGE")
      .map(([name, value]) => `${name.replace(/State$/, "")}: ${formatValue(value)}`);
    const uses = references === undefined ? [] : [`uses for DMA: ${formatValue(references)}`];
    return {
      title: `page ${n}: ${ownerInWords(owner)}${isSecret === true ? ", secret" : ""}`,
      detail: [...states, ...uses].join(" · "),
      tone,
      lines: [],
      isChanged: isChanged(`pages[${n}]`),
      column: 3,
      page: n,
    };
  });
}

function ownerInWords(owner: PlainValue): string {
  if (isUnion(owner) && typeof owner.vm === "number") return `VM ${owner.vm}`;
  return isUnion(owner) ? owner.tag : formatValue(owner);
}

/** The line of a place in its box; `null` for what the picture leaves out. */
function lineOf(
  { path, value }: Place,
  isChanged: boolean,
): { readonly title: string; readonly column: Column; readonly line: Line } | null {
  const put = (title: string, column: Column, text: string, kind: Line["kind"], page = pageOf(value)) => ({
    title,
    column,
    line: { text, path, page, kind, isChanged },
  });
  const indices = [...path.matchAll(/\[(\d+)\]/g)].map(([, n]) => Number(n));
  const smmu = /^smmus\[(\d+)\]/.exec(path)?.[1];
  const of = smmu === undefined ? "SMMU" : `SMMU ${smmu}`;
  const last = indices.at(-1) ?? 0;
  if (/^devices\[\d+\]\./.test(path))
    return put(`device ${indices[0]}`, 0, `${nameOf(path)}: ${formatValue(value)}`, "table", null);
  if (/^streams\[\d+\]\./.test(path) && !/\.late|isPending/.test(path)) {
    const isPointer = /[tT]able$/.test(path) && typeof value === "number";
    return put(
      `stream ${indices[0]}`,
      0,
      `${nameOf(path)}: ${formatValue(value)}`,
      "table",
      isPointer ? value : null,
    );
  }
  if (/^domains\[\d+\]\.references$/.test(path))
    return put(`domain ${indices[0]}`, 1, `references: ${formatValue(value)}`, "table", null);
  if (/^lifetimes\[\d+\]\.root$/.test(path) && typeof value === "number")
    return put(`domain ${indices[0]}`, 1, `table in page ${value}`, "table", value);
  if (!isUnion(value)) return null;
  const text = inShort(value);
  const late = /\.late\[/.test(path);
  if (late) return null;
  if (path.startsWith("domains[")) {
    const kind = value.tag === "valid" ? "entry" : "gone";
    return put(`domain ${indices[0]}`, 1, `iova ${indices.slice(1).join(".")}: ${text}`, kind);
  }
  if (/tlb/i.test(path)) {
    const key = indices.slice(smmu === undefined ? 0 : 1);
    return put(`${of}: TLB`, 2, `domain ${key[0]}, iova ${key.slice(1).join(".")}: ${text}`, "tlb");
  }
  if (path.endsWith(".command"))
    return put(`${of}: command queue`, 2, `slot ${last}: ${text}`, "table", null);
  if (/transactions/.test(path)) return put(`${of}: in progress`, 2, text, "walk");
  return pageOf(value) === null || path.startsWith("pages")
    ? null
    : put(`${of}: ${path.replace(/\[.*/, "")}`, 2, `${path}: ${text}`, "walk");
}

function nameOf(path: string): string {
  const name = path.split(".").at(-1) ?? path;
  return name.replaceAll(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`);
}

function pageOf(value: PlainValue): number | null {
  return isUnion(value) && typeof value.page === "number" ? value.page : null;
}

const nothing = new Set(["none", "nothing"]);

/** A union in a few words: `page 1, read and write`; `–` for nothing. */
function inShort(value: { readonly tag: string; readonly [name: string]: PlainValue }): string {
  const { tag, page, permission, ...rest } = value;
  if (nothing.has(tag)) return "–";
  const words = [
    ...(tag === "valid" || tag === "translation" ? [] : [tag]),
    ...Object.entries(rest)
      .filter(([name, each]) => each !== false && name !== "by")
      .map(([name, each]) =>
        each === true ? nameOf(name).replace(/^is /, "") : `${name} ${formatValue(each)}`,
      ),
    ...(page === undefined ? [] : [`→ page ${formatValue(page)}`]),
    ...(permission === undefined ? [] : [formatValue(permission).replace("read and write", "rw")]),
  ];
  return words.join(" ");
}

/** A track beside the lanes: a lock, a queue, a cache; whether it is held or not empty in a state. */
export interface Track {
  readonly name: string;
  readonly kind: "lock" | "busy";
  isOn(state: PlainValue): boolean;
}

/** The tracks that are ever on in these states. */
export function tracksOf(states: readonly PlainValue[]): Track[] {
  const [first] = states;
  if (first === undefined) return [];
  const locks = placesOf(first)
    .filter(({ path }) => /(\.holder|Lock|(^|[._\]])lock)$/.test(path))
    .map(
      ({ path }): Track => ({
        name: shortNameOf(path.replace(/\.holder$/, "")),
        kind: "lock",
        isOn: (state) => {
          const holder = valueIn(state, path);
          return holder !== null && holder !== undefined;
        },
      }),
    );
  const queue: Track = {
    name: "queue",
    kind: "busy",
    isOn: (state) =>
      placesOf(state).some(
        ({ path, value }) =>
          path.endsWith(".producer") && valueIn(state, path.replace(/producer$/, "consumer")) !== value,
      ),
  };
  const tlb: Track = {
    name: "TLB",
    kind: "busy",
    isOn: (state) =>
      placesOf(state).some(
        ({ path, value }) => /tlb/i.test(path) && isUnion(value) && !nothing.has(value.tag),
      ),
  };
  return [...locks, queue, tlb].filter((track) => states.some((state) => track.isOn(state)));
}

/** `domains[0].pgtLock` is pgtLock 0, `guests[0].lock` guest lock 0. */
function shortNameOf(path: string): string {
  const parts = path.split(".");
  const last = parts.at(-1) ?? path;
  const [, parent, index] = /^(\w+?)s?\[(\d+)\]$/.exec(parts.at(-2) ?? "") ?? [];
  if (parent === undefined) return last;
  return last === "lock" ? `${parent} lock ${index}` : `${last} ${index}`;
}
