/** The schedule as a graph for Graphviz: a column for each lane, the steps in order, the last one marked. */
import { formatChange } from "../plain.ts";
import { describeStep, nameClaim, visibleChanges } from "../print.ts";
import { type Exported, lanesOf } from "./exported.ts";

function quote(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}

export function exportDot<S>(exported: Exported<S>): string {
  const { trace, of, replay } = exported;
  const groups = new Map(lanesOf(exported).map((lane, i) => [lane, `lane${i}`]));
  const nodes = replay.steps.map((step) => {
    const changes = visibleChanges(of, step).map((change) => formatChange(change));
    const label = [`${step.n}. ${step.instance.lane}`, describeStep(of, step), ...changes].join("\n");
    const last = step.n === replay.steps.length ? ", color=red, penwidth=2" : "";
    return `  s${step.n} [group=${groups.get(step.instance.lane)}, label=${quote(label)}${last}];`;
  });
  const edges = replay.steps.slice(1).map(({ n }) => `  s${n - 1} -> s${n};`);
  return [
    "digraph schedule {",
    `  label=${quote(`${trace.design} on ${trace.scenario}: ${nameClaim(trace.property)}`)};`,
    "  node [shape=box, fontname=monospace];",
    ...nodes,
    ...edges,
    "}",
    "",
  ].join("\n");
}
