/**
 * A sequence diagram for Mermaid, which GitHub draws in issues and READMEs: a participant for each lane, calls from
 * the host to it, the violation in a red box. GitHub refuses a diagram of more than 50,000 characters or 500
 * arrows, so a long schedule is cut, from what matters least on, and a note says what is left out.
 */
import { statusOf } from "../lanes.ts";
import { formatChange } from "../plain.ts";
import { countOf, describeStep, nameClaim, visibleChanges } from "../print.ts";
import type { ReplayedStep } from "../replay.ts";
import { tellFunctions } from "../taken.ts";
import { describeEndOf, type Exported, lanesOf } from "./exported.ts";

/** What GitHub takes at most. */
export const mermaidLimits = { characters: 50_000, arrows: 500 } as const;

/** What a cut leaves out. */
interface Cut {
  /** What the steps change, and the functions that they mirror. */
  readonly details: boolean;
  readonly keeps: (role: string) => boolean;
  /** Only so many of the last steps that are kept; all of them: Infinity. */
  readonly last: number;
}

const everything: Cut = { details: true, keeps: () => true, last: Infinity };
const cuts: readonly Cut[] = [
  everything,
  { ...everything, keeps: (role) => role !== "noise" },
  { ...everything, keeps: (role) => role !== "noise", details: false },
  { ...everything, keeps: (role) => role === "essential" },
  { details: false, keeps: (role) => role === "essential", last: Infinity },
  { details: false, keeps: (role) => role === "essential", last: 200 },
  { details: false, keeps: (role) => role === "essential", last: 50 },
];

export function exportMermaid<S>(exported: Exported<S>): string {
  const drawn = cuts.map((cut) => draw(exported, cut)).find(({ text, arrows }) => fits(text, arrows));
  return (drawn ?? draw(exported, { details: false, keeps: () => false, last: 0 })).text;
}

function fits(text: string, arrows: number): boolean {
  return text.length <= mermaidLimits.characters && arrows <= mermaidLimits.arrows;
}

function draw<S>(exported: Exported<S>, cut: Cut): { text: string; arrows: number } {
  const { of, replay, reasons, shown } = exported;
  const lanes = lanesOf(exported);
  const idOf = (lane: string) => `L${lanes.indexOf(lane)}`;
  const important = replay.steps.filter((_, i) => cut.keeps(reasons[i].role));
  const kept = important.slice(Math.max(0, important.length - cut.last));
  const processLanes = new Set(statusOf(of, replay.initial).map(({ lane }) => lane));
  const functions = tellFunctions(of, kept);
  const arrows = kept.map((step, i) =>
    arrowOf(step, idOf, processLanes, textOf(exported, step, functions[i], cut)),
  );
  const span = lanes.length === 1 ? idOf(lanes[0]) : `${idOf(lanes[0])},${idOf(lanes[lanes.length - 1])}`;
  const note = lanes.length === 0 ? "H" : span;
  const end = `${nameClaim(shown)} ${describeEndOf(exported)}\n${shown.explanation}`.trim();
  const text = [
    `%% ${exported.trace.reproduce.replaceAll("\n", " ")}`,
    "sequenceDiagram",
    "  participant H as host",
    ...lanes.map((lane) => `  participant ${idOf(lane)} as ${escapeText(lane)}`),
    ...describeCut(replay.steps.length, kept.length, cut).map(
      (line) => `  Note over ${note}: ${escapeText(line)}`,
    ),
    ...arrows,
    "  rect rgba(220, 38, 38, 0.15)",
    `    Note over ${note}: ${escapeText(end)}`,
    "  end",
    "",
  ].join("\n");
  return { text, arrows: arrows.length };
}

function textOf<S>({ of }: Exported<S>, step: ReplayedStep<S>, mirrors: string | null, cut: Cut): string {
  const changes = visibleChanges(of, step).map((change) => formatChange(change));
  const details = [...(mirrors === null ? [] : [`in ${mirrors}`]), ...changes];
  return [`${step.n}. ${describeStep(of, step)}`, ...(cut.details ? details : [])].join("\n");
}

/** A call comes from the host, its end goes back there; any other step is an arrow of a lane to itself. */
function arrowOf<S>(
  { instance, outcome }: ReplayedStep<S>,
  idOf: (lane: string) => string,
  processLanes: ReadonlySet<string>,
  text: string,
): string {
  const id = idOf(instance.lane);
  const isProcess = processLanes.has(instance.lane);
  if (isProcess && /(^|; )(returns|refuses)\b/.test(outcome)) return `  ${id}-->>H: ${escapeText(text)}`;
  const isCall = isProcess && !instance.action.name.includes(":");
  return `  ${isCall ? "H" : id}->>${id}: ${escapeText(text)}`;
}

function describeCut(all: number, kept: number, cut: Cut): string[] {
  const left = [
    ...(kept < all ? [`${countOf(all - kept, "step")} of ${all}`] : []),
    ...(cut.details ? [] : ["what the steps change and the functions that they mirror"]),
  ];
  return left.length === 0 ? [] : [`Cut to fit: without ${left.join(" and ")}`];
}

/** `;` ends a statement and `#` begins an entity; a line break is `<br/>`. */
function escapeText(text: string): string {
  const entities: Readonly<Record<string, string>> = { ";": "#59;", "#": "#35;", "<": "#lt;", ">": "#gt;" };
  return text.replaceAll(/[;#<>]/g, (sign) => entities[sign]).replaceAll("\n", "<br/>");
}
