/** Numbers and lists as people read them. */
import { wrap } from "../checker/trace/columns.ts";

export { formatBounds } from "../checker/trace/plain.ts";
export { formatCount } from "../checker/trace/print.ts";

/** A large number, with two digits: `1.9 x 10^9`. */
export function formatPower(n: number): string {
  const power = Math.floor(Math.log10(n));
  const digits = (n / 10 ** power).toFixed(1);
  return digits === "10.0" ? `1.0 x 10^${power + 1}` : `${digits} x 10^${power}`;
}

/** A rate, with three digits: `1.23 M`, `456 k`, `12`. */
export function formatRate(n: number): string {
  if (n >= 999_500) return `${(n / 1e6).toPrecision(3)} M`;
  if (n >= 1000) return `${(n / 1e3).toFixed(0)} k`;
  return n.toFixed(0);
}

/** `512 MB`, `1.5 GB` (powers of 1024). */
export function formatBytes(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 10 ? value.toFixed(0) : value.toFixed(1)} ${units[power]}`;
}

/** `0.42 s`, `12 s`, `3 min 20 s`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(2)} s`;
  if (seconds < 100) return `${seconds.toFixed(0)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** Rows whose last cell is a text that is broken to fit into `width`, and painted line by line. */
export function formatTextTable(
  rows: readonly { readonly cells: readonly string[]; readonly text: string }[],
  width: number,
  paint: (line: string) => string,
  indent = "  ",
): string[] {
  const columns = Math.max(0, ...rows.map(({ cells }) => cells.length));
  const widths = Array.from({ length: columns }, (_, i) =>
    Math.max(0, ...rows.map(({ cells }) => visibleLength(cells[i] ?? ""))),
  );
  const room = width - indent.length - widths.reduce((sum, each) => sum + each + 2, 0);
  return formatTable(
    rows.flatMap(({ cells, text }) => {
      // Where there is no room beside the cells, the text goes below them.
      if (text !== "" && room < narrowestText)
        return [cells, ...wrap(text, width, 6).map((line) => [paint(line)])];
      const [first, ...more] = wrap(text, room);
      return [[...cells, paint(first)], ...more.map((line) => [...cells.map(() => ""), paint(line)])];
    }),
    indent,
  );
}

const narrowestText = 24;

/** A table whose columns are as wide as their widest cell; colours take no room. */
export function formatTable(rows: readonly (readonly string[])[], indent = "  "): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, i) =>
    Math.max(0, ...rows.map((row) => visibleLength(row[i] ?? ""))),
  );
  return rows.map((row) =>
    (indent + row.map((cell, i) => cell + " ".repeat(widths[i] - visibleLength(cell))).join("  ")).trimEnd(),
  );
}

const escape = String.fromCharCode(27);

/** Characters that show: colour sequences take no room. */
export function visibleLength(text: string): number {
  return text
    .split(escape)
    .reduce((sum, part, i) => sum + (i === 0 ? part.length : part.replace(/^\[\d+m/, "").length), 0);
}

/** A word as a shell reads it back. */
export function quoteForShell(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
