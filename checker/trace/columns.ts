/**
 * Text in lanes: every actor has a column, and a row's text starts in the column of its actor and runs to
 * the right as far as it needs. Where the terminal is too narrow for the columns, the lane's name stands
 * before the text instead.
 */
import type { Colors } from "picocolors/types.js";

/** How a lane looks beside another one's text. */
export type LaneMark = "away" | "in a call" | "holds a lock";

export interface Row {
  /** Printed in the margin; `null` for a row that continues. */
  readonly n: number | null;
  /** A sign before the number. */
  readonly sign?: string;
  /** The lane of the text; `null` for a row of marks only. */
  readonly lane: string | null;
  readonly text: string;
  /** Applied to each line of the text. */
  readonly paint?: (line: string) => string;
  readonly marks: ReadonlyMap<string, LaneMark>;
  /** Columns by which lines after the first are indented, and the first where `n` is null. */
  readonly indent?: number;
  /** Stands at the right edge, beside the text or below it. */
  readonly aside?: string;
}

const margin = 6;
const narrowestText = 44;
const widestColumn = 20;

/** Lays rows out in lanes, as wide as `width` columns. */
export function layOutRows(
  lanes: readonly string[],
  rows: readonly Row[],
  width: number,
  colors: Colors,
): string[] {
  const longest = Math.max(0, ...lanes.map((lane) => lane.length));
  const gaps = Math.max(1, lanes.length - 1);
  const column = Math.min(widestColumn, Math.floor((width - margin - narrowestText) / gaps));
  const fits = column >= Math.max(6, longest + 2);
  const table = fits ? new Columns(lanes, column, colors) : new Labels(longest + 2, colors);
  return [...table.heading(), ...rows.flatMap((row) => table.row(row, width))];
}

function glyphOf(mark: LaneMark | undefined, colors: Colors): string {
  if (mark === "holds a lock") return colors.yellow("┃");
  return mark === "in a call" ? "│" : colors.dim("·");
}

class Columns {
  private readonly lanes: readonly string[];
  private readonly column: number;
  private readonly colors: Colors;

  constructor(lanes: readonly string[], column: number, colors: Colors) {
    this.lanes = lanes;
    this.column = column;
    this.colors = colors;
  }

  heading(): string[] {
    const names = this.lanes.map((lane) => lane.padEnd(this.column)).join("");
    return [this.colors.bold(" ".repeat(margin) + names.trimEnd())];
  }

  row(row: Row, width: number): string[] {
    const { n, lane, marks } = row;
    const place = lane === null ? this.lanes.length : this.lanes.indexOf(lane);
    const before = this.lanes
      .slice(0, place)
      .map((name) => glyphOf(marks.get(name), this.colors) + " ".repeat(this.column - 1))
      .join("");
    if (lane === null) return [" ".repeat(margin) + before.trimEnd()];
    return linesOf(row, width - margin - place * this.column, this.colors).map((line, i) => {
      const number = (i === 0 && n !== null ? `${row.sign ?? ""}${n}` : "").padStart(margin - 2);
      return `${number}  ${before}${line}`;
    });
  }
}

class Labels {
  private readonly column: number;
  private readonly colors: Colors;

  constructor(column: number, colors: Colors) {
    this.column = column;
    this.colors = colors;
  }

  heading(): string[] {
    return [];
  }

  row(row: Row, width: number): string[] {
    const { n, lane } = row;
    if (lane === null) return [];
    return linesOf(row, width - margin - this.column, this.colors).map((line, i) => {
      const number = (i === 0 && n !== null ? `${row.sign ?? ""}${n}` : "").padStart(margin - 2);
      const label =
        i === 0 && n !== null ? this.colors.bold(lane.padEnd(this.column)) : " ".repeat(this.column);
      return `${number}  ${label}${line}`;
    });
  }
}

/** The lines of a row's text, as wide as `room`, with what stands aside. */
function linesOf(
  { n, text, paint = (line) => line, indent = 0, aside = "" }: Row,
  room: number,
  colors: Colors,
): string[] {
  const lines = wrap(text, room, n === null ? indent : 0, indent);
  const painted = lines.map((line) => paint(line));
  if (aside === "") return painted;
  const gap = room - lines[lines.length - 1].length - aside.length;
  if (gap >= 2) return [...painted.slice(0, -1), painted.at(-1) + " ".repeat(gap) + colors.dim(aside)];
  const below = wrap(aside, room, Math.max(indent, room - aside.length), indent);
  return [...painted, ...below.map((line) => colors.dim(line))];
}

/** Breaks a text at spaces into lines of at most `width`, a longer word excepted. */
export function wrap(text: string, width: number, first = 0, rest = first): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    let line = " ".repeat(lines.length === 0 ? first : rest);
    let isEmpty = true;
    for (const word of paragraph.split(" ")) {
      if (!isEmpty && line.length + 1 + word.length > width) {
        lines.push(line);
        line = " ".repeat(rest);
        isEmpty = true;
      }
      line += isEmpty ? word : ` ${word}`;
      isEmpty = false;
    }
    lines.push(line);
  }
  return lines;
}
