/** A report in Markdown, for a mail or an issue: the broken sentence, the schedule in lanes, how to run it again. */
import picocolors from "picocolors";
import { formatSteps, nameClaim } from "../print.ts";
import { verbOf } from "../shown.ts";
import type { Exported } from "./exported.ts";

/** Columns of the schedule: what a mail shows without wrapping is less, what GitHub shows is more. */
const width = 100;

export function exportMarkdown<S>({ trace, of, replay }: Exported<S>): string {
  const { design, scenario, size, bounds, property, powersOff, assumptionsOff, reproduce } = trace;
  const off = [...powersOff, ...assumptionsOff];
  const verb = verbOf(property);
  const lines = [
    `# ${nameClaim(property)} ${verb} in ${design}`,
    "",
    `> ${property.sentence}`,
    "",
    ...(property.explanation === "" ? [] : [property.explanation, ""]),
    `A shortest schedule of ${replay.steps.length} steps, found on \`${scenario}\` (${size}), within ` +
      `${Object.entries(bounds)
        .map(([name, n]) => `${name} ${n}`)
        .join(", ")}${off.length === 0 ? "" : `; switched off: ${off.join(", ")}`}.`,
    "",
    "```text",
    ...formatSteps(of, replay, { width, colors: picocolors.createColors(false) }),
    "```",
    "",
    "To run it again:",
    "",
    "```sh",
    reproduce,
    "```",
    "",
  ];
  return lines.join("\n");
}
