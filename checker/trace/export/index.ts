/** The formats that a trace can be written in for other tools. */
import { exportChrome } from "./chrome.ts";
import { exportDot } from "./dot.ts";
import type { Exported } from "./exported.ts";
import { exportHvc } from "./hvc.ts";
import { exportItf } from "./itf.ts";
import { exportMarkdown } from "./markdown.ts";
import { exportMermaid } from "./mermaid.ts";
import { exportSarif } from "./sarif.ts";
import { exportShiviz } from "./shiviz.ts";
import { exportVitest } from "./vitest.ts";

const exporters = {
  itf: exportItf,
  mermaid: exportMermaid,
  markdown: exportMarkdown,
  chrome: exportChrome,
  shiviz: exportShiviz,
  sarif: exportSarif,
  dot: exportDot,
  vitest: exportVitest,
  hvc: exportHvc,
} as const;

export type ExportFormat = keyof typeof exporters;
export const exportFormats = Object.keys(exporters) as ExportFormat[];

/** The text of an accepted trace in a format. */
export function exportTrace<S>(exported: Exported<S>, format: ExportFormat): string {
  return exporters[format](exported);
}
