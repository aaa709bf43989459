/**
 * A log for ShiViz, which draws lanes by vector clocks. A step happens after those before it in its lane, and
 * after those of other lanes that last changed a place that it changes. Read it with the expression in its first
 * line.
 */
import { describeStep } from "../print.ts";
import type { Exported } from "./exported.ts";

/** The regular expression with which ShiViz reads the log. */
export const shivizExpression = String.raw`^(?<host>\S+) (?<clock>\{.*?\}) (?<event>.*)$`;

export function exportShiviz<S>({ of, replay }: Exported<S>): string {
  const clocks = new Map<string, Map<string, number>>();
  const changedBy = new Map<string, Map<string, number>>();
  const lines = replay.steps.map((step) => {
    const host = step.instance.lane.replaceAll(/\s+/g, "-");
    const clock = new Map(clocks.get(host));
    for (const { path } of step.changes)
      for (const [other, n] of changedBy.get(path) ?? [])
        clock.set(other, Math.max(n, clock.get(other) ?? 0));
    clock.set(host, (clocks.get(host)?.get(host) ?? 0) + 1);
    clocks.set(host, clock);
    for (const { path } of step.changes) changedBy.set(path, clock);
    return `${host} ${JSON.stringify(Object.fromEntries(clock))} ${describeStep(of, step)}`;
  });
  return [shivizExpression, "", ...lines, ""].join("\n");
}
