/** `dmaspec export TRACE --to FORMAT`: a trace for other tools, on standard output. */
import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { buildCommand } from "@stricli/core";
import { exportFormats, type ExportFormat, exportTrace } from "../../checker/trace/export/index.ts";
import { sliceBack } from "../../checker/trace/why/slice.ts";
import type { Context } from "../context.ts";
import { packageRoot } from "../package-root.ts";
import { acceptTrace } from "../read-trace.ts";
import { createLocator } from "../sources.ts";
import { quoteForShell } from "../text.ts";
import { readVersion } from "../version.ts";

interface ExportFlags {
  readonly to: ExportFormat;
}

/** What a test in the folder imports `replayCase` from: the source where there is one. */
function caseModuleFrom(cwd: string): string {
  const root = packageRoot();
  const source = join(root, "cli/replay-case.ts");
  const file = existsSync(source) ? source : join(root, "dist/cli/replay-case.js");
  const path = relative(cwd, file).replaceAll("\\", "/");
  return path.startsWith(".") ? path : `./${path}`;
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
      "  mermaid   a sequence diagram, within GitHub's limits",
      "  chrome    trace events: open in https://ui.perfetto.dev",
      "  shiviz    a log with vector clocks; the first line is the expression to read it with",
      "  sarif     a code flow through the lines of the specification, for code scanning",
      "  dot       the schedule as a graph for Graphviz",
      "  vitest    a test that takes the steps again; write it into the folder of the command",
      "  hvc       a script in C for a test proxy: the hypercalls of each CPU, and where each is paused",
      "",
      "Exit codes: 0 written, 4 the model does not accept the trace.",
    ].join("\n"),
  },
  async func(flags, file) {
    const reproduce = `npx dmaspec export ${quoteForShell(file)} --to ${flags.to}`;
    const { opened, replayed } = await acceptTrace(this, file, reproduce);
    const { instance } = opened.run;
    const exported = {
      trace: opened.trace,
      of: instance,
      ...replayed,
      reasons: sliceBack(instance, replayed.replay, replayed.shown),
      version: readVersion(),
      locate: createLocator(opened.trace.design),
      caseModule: caseModuleFrom(this.io.cwd),
    };
    this.io.stdout.write(exportTrace(exported, flags.to));
  },
});
