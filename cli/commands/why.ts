/** `dmaspec why TRACE`: which steps of a counterexample matter, and why; and what would have been safe. */
import { buildCommand } from "@stricli/core";
import { statusOf } from "../../checker/trace/lanes.ts";
import { formatWhy, type Why } from "../../checker/trace/why/print.ts";
import { tellStory } from "../../checker/trace/why/story.ts";
import { findRoads } from "../../checker/trace/why/roads.ts";
import { findNearestSafe } from "../../checker/trace/why/safe.ts";
import { sliceBack } from "../../checker/trace/why/slice.ts";
import type { Context } from "../context.ts";
import type { Counterexample } from "../counterexample.ts";
import { listEnabled, nameIn } from "../find-action.ts";
import { jsonFlag } from "../flags.ts";
import { colorsFor } from "../io.ts";
import { acceptTrace, type OpenedTrace } from "../read-trace.ts";
import type { AnyInstance } from "../run.ts";
import type { WhyOutput } from "../schemas.ts";
import { quoteForShell } from "../text.ts";

interface WhyFlags {
  readonly json?: boolean;
}

export const whyCommand = buildCommand<WhyFlags, [string], Context>({
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [{ parse: String, placeholder: "TRACE", brief: "A trace file, as `check` writes it" }],
    },
    flags: { json: jsonFlag() },
  },
  docs: {
    brief: "Explain a counterexample: which steps matter, and what would have been safe",
    fullDescription: [
      "Goes back from the violation: a step is essential when, but for what it changed, the violation or another",
      "essential step would have come out otherwise (each change is undone by itself and the rest run again on the",
      "reference evaluator). A step that is not needed at all is one without which the schedule fails the same.",
      "Also: who is where and holds which lock, what could have been done instead of the last step, and the",
      "nearest schedule that does not fail, with one step moved.",
      "",
      "Exit codes: 0 explained, 4 the model does not accept the trace.",
    ].join("\n"),
  },
  async func(flags, file) {
    const { io } = this;
    const reproduce = `npx dmaspec why ${quoteForShell(file)}`;
    const { opened, replayed } = await acceptTrace(this, file, reproduce);
    const { instance } = opened.run;
    const { replay, shown } = replayed;
    const reasons = sliceBack(instance, replay, shown);
    const roads = findRoads(instance, replay, shown);
    const story = tellStory(instance, replay, shown, reasons);
    const why = { story, reasons, roads, nearest: findNearestSafe(instance, replay, shown, reasons) };
    if (flags.json === true) {
      io.stdout.write(`${JSON.stringify(describeWhy(file, opened, replayed, why), null, 2)}\n`);
      return;
    }
    const options = { width: io.stdout.columns, colors: colorsFor(io, io.stdout) };
    const lines = formatWhy(instance, replay, shown, why, options);
    const example = exampleOf(instance, replay.final);
    const more = `npx dmaspec why-not ${quoteForShell(`${file}:${replay.steps.length}`)} ${quoteForShell(example)}`;
    io.stdout.write(
      `${[...lines, "", options.colors.dim(`why an action cannot be taken: ${more}`)].join("\n")}\n`,
    );
  },
});

/** An action for the hint: a step of somebody's call that has to wait there, or one that can be taken. */
function exampleOf(of: AnyInstance, state: unknown): string {
  const waiting = of.instances.find(
    (instance) => instance.isAtLabel(state) && (instance.blocked?.(state) ?? null) !== null,
  );
  const [enabled] = listEnabled(of, state);
  const example = waiting ?? enabled;
  return example === undefined ? "ACTION" : nameIn(of, state, example);
}

function describeWhy(
  file: string,
  { trace, run }: OpenedTrace,
  { replay, shown }: Counterexample,
  { reasons, roads, nearest: { safe } }: Why<unknown>,
): WhyOutput {
  const { instance } = run;
  const busyIn = (state: unknown) =>
    statusOf(instance, state)
      .filter(({ label, locks }) => label !== null || locks.length > 0)
      .map(({ lane, label, locks }) => ({ lane, before: label, locks: [...locks] }));
  return {
    schema: "dmaspec/why@1",
    trace: file,
    design: trace.design,
    scenario: trace.scenario,
    size: trace.size,
    property: shown.name,
    instance: shown.args,
    sentence: shown.sentence,
    explanation: shown.explanation,
    length: replay.steps.length,
    steps: replay.steps.map(({ n, instance: { lane, action, args }, outcome, after }, i) => ({
      n,
      lane,
      action: action.name,
      args,
      outcome,
      role: reasons[i].role,
      needs: reasons[i].needs.map((need) => ({ ...need })),
      busy: busyIn(after),
    })),
    roads: roads.map(({ instance: { lane, action, args }, outcome, shows }) => ({
      lane,
      action: action.name,
      args,
      outcome,
      shows,
    })),
    nearestSafe:
      safe === null
        ? null
        : {
            moved: safe.moved,
            place: safe.place,
            other: safe.other,
            impossible: [...safe.impossible],
            steps: safe.replay.steps.map(({ instance: { lane, action, args }, outcome }) => ({
              lane,
              action: action.name,
              args,
              outcome,
            })),
          },
  };
}
