/**
 * Trace events of Chrome, for Perfetto and about:tracing: one process, a thread for each lane, 10 microseconds for
 * each step; a call lasts from its first step to the one at which its lane is idle again.
 */
import { statusOf } from "../lanes.ts";
import { formatChange } from "../plain.ts";
import { describeStep, nameClaim } from "../print.ts";
import { type Exported, lanesOf } from "./exported.ts";

const stepTime = 10;

export function exportChrome<S>(exported: Exported<S>): string {
  const { trace, of, replay } = exported;
  const tidOf = new Map(lanesOf(exported).map((lane, i) => [lane, i + 1]));
  const names = [...tidOf].map(([lane, tid]) => ({
    ph: "M",
    name: "thread_name",
    pid: 1,
    tid,
    args: { name: lane },
  }));
  const steps = replay.steps.map((step) => ({
    ph: "X",
    cat: "step",
    name: step.instance.action.name,
    pid: 1,
    tid: tidOf.get(step.instance.lane),
    ts: step.n * stepTime,
    dur: stepTime - 1,
    args: {
      step: step.n,
      told: describeStep(of, step),
      changes: step.changes.map((change) => formatChange(change)),
    },
  }));
  const open = new Map<string, { name: string; from: number }>();
  const calls = replay.steps.flatMap((step) => {
    const { lane, action } = step.instance;
    const label = statusOf(of, step.after).find((status) => status.lane === lane)?.label;
    const call = open.get(lane);
    if (label !== undefined && label !== null) {
      if (call === undefined) open.set(lane, { name: action.name, from: step.n });
      return [];
    }
    open.delete(lane);
    return call === undefined ? [] : [callEvent(lane, call, step.n)];
  });
  const unfinished = [...open].map(([lane, call]) => callEvent(lane, call, replay.steps.length));
  function callEvent(lane: string, { name, from }: { name: string; from: number }, to: number) {
    const [ts, dur] = [from * stepTime, (to - from + 1) * stepTime - 1];
    return { ph: "X", cat: "call", name, pid: 1, tid: tidOf.get(lane), ts, dur, args: {} };
  }
  const { design, scenario, size, property, reproduce } = trace;
  const file = {
    traceEvents: [...names, ...calls, ...unfinished, ...steps],
    displayTimeUnit: "ns",
    otherData: { design, scenario, size, property: nameClaim(property), reproduce },
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}
