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
  /** The lane of the text; `null` for a row of marks only. */
  readonly lane: string | null;
  readonly text: string;
  /** Applied to each line of the text. */
  readonly paint?: (line: string) => string;
  readonly marks: ReadonlyMap<string, LaneMark>;
  /** Columns by which lines after the first are indented, and the first where `n` is null. */
  readonly indent?: number;
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

  row({ n, lane, text, paint = (line) => line, marks, indent = 0 }: Row, width: number): string[] {
    const place = lane === null ? this.lanes.length : this.lanes.indexOf(lane);
    const before = this.lanes
      .slice(0, place)
      .map((name) => glyphOf(marks.get(name), this.colors) + " ".repeat(this.column - 1))
      .join("");
    if (lane === null) return [" ".repeat(margin) + before.trimEnd()];
    const room = width - margin - place * this.column;
    return wrap(text, room, n === null ? indent : 0, indent).map((line, i) => {
      const number = i === 0 && n !== null ? String(n).padStart(margin - 2) : " ".repeat(margin - 2);
      return `${number}  ${before}${paint(line)}`;
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

  row({ n, lane, text, paint = (line) => line, indent = 0 }: Row, width: number): string[] {
    if (lane === null) return [];
    const room = width - margin - this.column;
    return wrap(text, room, n === null ? indent : 0, indent).map((line, i) => {
      const number = i === 0 && n !== null ? String(n).padStart(margin - 2) : " ".repeat(margin - 2);
      const label =
        i === 0 && n !== null ? this.colors.bold(lane.padEnd(this.column)) : " ".repeat(this.column);
      return `${number}  ${label}${paint(line)}`;
    });
  }
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
