/** The progress of a search on stderr: one line rewritten every second on a terminal, else a line every ten. */
import type { Progress } from "../checker/search/result.ts";
import type { Io } from "./io.ts";
import { formatBytes, formatCount, formatRate, formatSeconds } from "./text.ts";

const secondsBetweenLines = 10;
const clearLine = "\r\u001b[K";

export class ProgressLine {
  private readonly io: Io;
  /** What is searched, where several searches follow one another. */
  private readonly title: string;
  private last: Progress | null = null;
  private lastLine = 0;

  constructor(io: Io, title = "") {
    this.io = io;
    this.title = title === "" ? "" : `${title}: `;
  }

  /** Reports progress; called about once a second. */
  readonly report = (now: Progress): void => {
    const text = this.title + describeProgress(now, this.last);
    const { stderr } = this.io;
    this.last = now;
    if (stderr.isTTY) {
      stderr.write(clearLine + text.slice(0, Math.max(20, stderr.columns - 1)));
    } else if (now.seconds - this.lastLine >= secondsBetweenLines) {
      this.lastLine = now.seconds;
      stderr.write(`${text}\n`);
    }
  };

  /** Takes the line away. */
  clear(): void {
    if (this.last !== null && this.io.stderr.isTTY) this.io.stderr.write(clearLine);
  }
}

/** `depth 12 · 1,234,567 states · 1.20 M/s · queue 34,567 growing · 98 MB · 12 s`. */
export function describeProgress(now: Progress, before: Progress | null): string {
  const states = now.states - (before?.states ?? 0);
  const seconds = now.seconds - (before?.seconds ?? 0);
  const rate = seconds > 0 ? states / seconds : 0;
  return [
    `depth ${now.depth}`,
    `${formatCount(now.states)} states`,
    `${formatRate(rate)}/s`,
    `queue ${formatCount(now.queue)}${before === null ? "" : ` ${describeTrend(now.queue, before.queue)}`}`,
    formatBytes(now.memoryBytes),
    formatSeconds(now.seconds),
  ].join(" · ");
}

function describeTrend(now: number, before: number): string {
  if (now > before * 1.01) return "growing";
  return now < before * 0.99 ? "shrinking" : "steady";
}
