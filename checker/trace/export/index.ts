/** The formats that a trace can be written in for other tools. */
import { exportChrome } from "./chrome.ts";
import { exportDot } from "./dot.ts";
import type { Exported } from "./exported.ts";
import { exportItf } from "./itf.ts";
import { exportMarkdown } from "./markdown.ts";
import { exportShiviz } from "./shiviz.ts";

export const exportFormats = ["itf", "markdown", "chrome", "shiviz", "dot"] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** The text of an accepted trace in a format. */
export function exportTrace<S>(exported: Exported<S>, format: ExportFormat): string {
  switch (format) {
    case "itf":
      return exportItf(exported);
    case "markdown":
      return exportMarkdown(exported);
    case "chrome":
      return exportChrome(exported);
    case "shiviz":
      return exportShiviz(exported);
    case "dot":
      return exportDot(exported);
  }
}
