/** `dmaspec export TRACE --to FORMAT`: a trace for other tools, on standard output. */
import { buildCommand } from "@stricli/core";
import { exportFormats, type ExportFormat, exportTrace } from "../../checker/trace/export/index.ts";
import { ReplayMismatch } from "../../checker/trace/replay.ts";
import type { Context } from "../context.ts";
import { openTrace, rejectionOf, tryReplay } from "../read-trace.ts";
import { quoteForShell } from "../text.ts";

interface ExportFlags {
  readonly to: ExportFormat;
}

export const exportCommand = buildCommand<ExportFlags, [string], Context>({
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [{ parse: String, placeholder: "TRACE", brief: "A trace file, as `check` writes it" }],
    },
    flags: { to: { kind: "enum", values: exportFormats, brief: "The format" } },
  },
  docs: {
    brief: "Write a trace for another tool, on standard output",
    customUsage: [`TRACE --to ${exportFormats.join("|")}`],
    fullDescription: [
      "The trace is replayed on the reference evaluator first; what the model does not accept is not exported.",
      "",
      "  itf       every state in full, as Apalache, Quint and their viewers read it",
      "  markdown  a report for a mail or an issue",
      "  chrome    trace events: open in https://ui.perfetto.dev",
      "  shiviz    a log with vector clocks; the first line is the expression to read it with",
      "  dot       the schedule as a graph for Graphviz",
      "",
      "Exit codes: 0 written, 4 the model does not accept the trace.",
    ].join("\n"),
  },
  async func(flags, file) {
    const reproduce = `npx dmaspec export ${quoteForShell(file)} --to ${flags.to}`;
    const opened = await openTrace(this, file, reproduce);
    const replayed = tryReplay(opened);
    if (replayed instanceof ReplayMismatch) throw rejectionOf(file, opened, replayed, reproduce);
    const exported = { trace: opened.trace, of: opened.run.instance, replay: replayed.replay };
    this.io.stdout.write(exportTrace(exported, flags.to));
  },
});
