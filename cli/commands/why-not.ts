/** `dmaspec why-not TRACE[:N] ACTION`: what keeps an action from being taken in a state of a trace. */
import { buildCommand } from "@stricli/core";
import { wrap } from "../../checker/trace/columns.ts";
import { formatValue } from "../../checker/trace/plain.ts";
import { countOf, describeNamed } from "../../checker/trace/print.ts";
import { explainAction, type Refusal } from "../../checker/trace/why/guards.ts";
import type { Context } from "../context.ts";
import { usageError } from "../exit-codes.ts";
import { findAction, nameIn } from "../find-action.ts";
import { jsonFlag } from "../flags.ts";
import { colorsFor } from "../io.ts";
import { acceptTrace } from "../read-trace.ts";
import type { WhyNotOutput } from "../schemas.ts";
import { quoteForShell } from "../text.ts";

interface WhyNotFlags {
  readonly json?: boolean;
}

export const whyNotCommand = buildCommand<WhyNotFlags, [string, string], Context>({
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [
        {
          parse: String,
          placeholder: "TRACE[:N]",
          brief: "A trace file, and after how many of its steps [default: all]",
        },
        {
          parse: String,
          placeholder: "ACTION",
          brief: "An action with its arguments: 'map_pages(cpu: 0, page: 1)'",
        },
      ],
    },
    flags: { json: jsonFlag() },
  },
  docs: {
    brief: "Explain why an action cannot be taken in a state of a trace",
    fullDescription: [
      "Says where the action's process is, which lock it waits for and who holds it, or which guard does not hold,",
      "with the values that the guard reads and the single values that would make it hold. For a call that can be",
      "made: how it ends if nobody comes between, and which of its checks refuses. Arguments that make no",
      "difference to which action is meant may be left out. A step is named as schedules print it, with its process:",
      "",
      "  npx dmaspec why-not trace.json:12 'unmap_pages: acquire pgt_lock (cpu: 1)'",
      "",
      "Exit codes: 0 explained (also where the action can be taken), 4 the model does not accept the trace.",
    ].join("\n"),
  },
  async func(flags, place, text) {
    const { io } = this;
    const [, file, number] = /^(.*?)(?::(\d+))?$/s.exec(place) ?? ["", place];
    const reproduce = `npx dmaspec why-not ${quoteForShell(place)} ${quoteForShell(text)}`;
    const { opened, replayed } = await acceptTrace(this, file, reproduce);
    const { steps, initial } = replayed.replay;
    const n = number === undefined ? steps.length : Number(number);
    if (n > steps.length)
      throw usageError(
        `${file} has no step ${n}`,
        `it has ${countOf(steps.length, "step")}; 0 is before the first`,
      );
    const { instance: of } = opened.run;
    const state = n === 0 ? initial : steps[n - 1].after;
    const { instance, name } = findAction(of, state, text);
    const refusal = explainAction(of, state, instance);
    if (flags.json === true) {
      const output: WhyNotOutput = {
        schema: "dmaspec/why-not@1",
        trace: file,
        step: n,
        lane: instance.lane,
        action: instance.action.name,
        args: instance.args,
        enabled: refusal.enabled,
        because: refusal.because,
        guards: refusal.guards.map(({ name: guard, holds, reads }) => ({
          name: guard,
          holds,
          reads: [...reads],
        })),
        remedies: refusal.remedies.map(({ place: at, is, needs }) => ({ place: at, is, needs: [...needs] })),
      };
      io.stdout.write(`${JSON.stringify(output, null, 2)}\n`);
      return;
    }
    const colors = colorsFor(io, io.stdout);
    const where = n === 0 ? "before the first step" : `after step ${n}`;
    const word = refusal.enabled ? "can be taken" : "cannot be taken";
    const asked = refusal.enabled ? nameIn(of, state, instance) : describeNamed(name, instance.args);
    const lines = [
      ...wrap(`${colors.bold(asked)} ${word} ${where}: ${refusal.because}`, io.stdout.columns, 0, 2),
      ...formatRefusal(refusal, io.stdout.columns),
    ];
    io.stdout.write(`${lines.join("\n")}\n`);
  },
});

function formatRefusal({ guards, remedies }: Refusal, width: number): string[] {
  return [
    ...guards.flatMap(({ name, holds, reads }) => {
      const values = reads.map(({ place, value }) => `${place}: ${formatValue(value)}`).join(", ");
      return wrap(`${holds ? "✓" : "✗"} ${name}${values === "" ? "" : `  [${values}]`}`, width, 2, 6);
    }),
    ...remedies.flatMap(({ place, is, needs }) =>
      wrap(
        `It could be taken if ${place} were ${needs.map((value) => formatValue(value)).join(" or ")} instead of ${formatValue(is)}.`,
        width,
        2,
        4,
      ),
    ),
  ];
}
