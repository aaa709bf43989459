/**
 * A report in Markdown, for a mail or an issue: the broken sentence, what happens, the schedule in lanes with what
 * matters marked, the nearest schedule that does not fail, how to run it again.
 */
import picocolors from "picocolors";
import { formatBounds } from "../plain.ts";
import { countOf, formatLegend, formatSteps, nameClaim } from "../print.ts";
import { verbOf } from "../shown.ts";
import { countRoles, tellSafe } from "../why/print.ts";
import { findNearestSafe } from "../why/safe.ts";
import { tellStory } from "../why/story.ts";
import type { Exported } from "./exported.ts";

/** Columns of the schedule: what a mail shows without wrapping is less, what GitHub shows is more. */
const width = 100;

export function exportMarkdown<S>({ trace, of, replay, shown, reasons }: Exported<S>): string {
  const { design, scenario, size, bounds, powersOff, assumptionsOff, reproduce } = trace;
  const off = [...powersOff, ...assumptionsOff];
  const safe = tellSafe(of, replay, shown, reasons, findNearestSafe(of, replay, shown, reasons));
  const options = { width, colors: picocolors.createColors(false) };
  const essential = replay.steps.filter((_, i) => reasons[i].role === "essential");
  const legend = formatLegend(of, essential, options);
  const lines = [
    `# ${nameClaim(shown)} ${verbOf(shown)} in ${design}`,
    "",
    `> ${shown.sentence}`,
    "",
    ...(shown.explanation === "" ? [] : [shown.explanation, ""]),
    ...section("What happens", tellStory(of, replay, shown, reasons).join("\n")),
    "## The schedule",
    "",
    `${countOf(replay.steps.length, "step")}, on \`${scenario}\` (${size}), within ` +
      `${formatBounds(bounds)}${off.length === 0 ? "" : `; switched off: ${off.join(", ")}`}. ` +
      `Of its steps ${countRoles(reasons)}: \`*\` marks what is essential, \`-\` what is not needed. ` +
      "At the right edge is the function that a step mirrors, where it changes.",
    "",
    "```text",
    ...formatSteps(of, replay, options, reasons),
    "```",
    "",
    ...legend.slice(1).map((line) => line.trim()),
    ...(legend.length === 0 ? [] : [""]),
    ...(safe === null ? [] : section("The nearest schedule that does not fail", safe)),
    "To run it again:",
    "",
    "```sh",
    reproduce,
    "```",
    "",
  ];
  return lines.join("\n");
}

function section(title: string, text: string): string[] {
  return [`## ${title}`, "", text, ""];
}
