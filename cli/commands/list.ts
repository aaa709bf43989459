/** `dmaspec list`: the designs, their scenarios, and what is asked of them. */
import { buildCommand } from "@stricli/core";
import { deadlockProperty } from "../../checker/model/model.ts";
import type { Design } from "../../checker/model/design.ts";
import { wrap } from "../../checker/trace/columns.ts";
import { describeDeadlockRule } from "../../checker/trace/replay.ts";
import type { Context } from "../context.ts";
import { jsonFlag } from "../flags.ts";
import { colorsFor } from "../io.ts";
import { requireKnown } from "../registry.ts";
import type { ReportOptions } from "../report.ts";
import type { ListOutput } from "../schemas.ts";
import { formatBounds, formatTextTable } from "../text.ts";

interface ListFlags {
  readonly design?: string;
  readonly json?: boolean;
}

type ListedDesign = ListOutput["designs"][number];

export const listCommand = buildCommand<ListFlags, [], Context>({
  parameters: {
    flags: {
      design: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "NAME",
        brief: "Only this design",
      },
      json: jsonFlag(),
    },
  },
  docs: { brief: "List designs, scenarios, sizes, properties, powers and assumptions" },
  func(flags) {
    const { designs, examples } = this.registry;
    const all = [...designs, ...examples];
    if (flags.design !== undefined) {
      requireKnown(
        "design",
        flags.design,
        all.map(({ name }) => name),
      );
    }
    const listed = all
      .filter(({ name }) => flags.design === undefined || name === flags.design)
      .map((design) => describeDesign(design, examples.includes(design)));
    const { stdout } = this.io;
    if (flags.json === true) {
      const output: ListOutput = { schema: "dmaspec/list@1", designs: listed };
      stdout.write(`${JSON.stringify(output, null, 2)}\n`);
      return;
    }
    const options = { width: stdout.columns, colors: colorsFor(this.io, stdout) };
    stdout.write(`${formatList(listed, options).join("\n")}\n`);
  },
});

function describeDesign(design: Design, isExample: boolean): ListedDesign {
  const model = design.build();
  const properties: ListedDesign["properties"] = [...model.invariants, ...model.stepProperties].map(
    ({ name, kind, sentence, sekvm }) => ({ name, kind, sentence, sekvm: sekvm ?? null }),
  );
  if (model.deadlock !== "none") {
    const sentence = describeDeadlockRule(model.deadlock);
    properties.push({ name: deadlockProperty, kind: "deadlock", sentence, sekvm: null });
  }
  const sentences = (of: Readonly<Record<string, string>>) =>
    Object.entries(of).map(([name, sentence]) => ({ name, sentence }));
  return {
    name: design.name,
    meaning: design.meaning,
    example: isExample,
    claimsToHold: design.claimsToHold,
    defaultScenario: design.defaultScenario,
    scenarios: design.scenarios.map(({ name, sentence, sizes }) => ({
      name,
      sentence,
      sizes: Object.entries(sizes).map(([size, { bounds }]) => ({ name: size, bounds: { ...bounds } })),
    })),
    properties,
    witnesses: model.witnesses.map(({ name, sentence }) => ({ name, sentence })),
    powers: Object.entries(model.powers).map(([name, { sentence }]) => ({ name, sentence })),
    assumptions: sentences(model.assumptions),
  };
}

/** Designs one after the other; what is asked of several alike is printed once, after the first of them. */
function formatList(designs: readonly ListedDesign[], options: ReportOptions): string[] {
  const { colors } = options;
  const told = new Map<string, string>();
  return designs.flatMap((design, i) => {
    const asked = formatAsked(design, options);
    const key = asked.join("\n");
    const same = told.get(key);
    if (same === undefined) told.set(key, design.name);
    const claim = design.claimsToHold ? "claims to hold" : "claims nothing";
    return [
      ...(i === 0 ? [] : [""]),
      `${colors.bold(design.name)}  ${design.meaning}`,
      colors.dim(`  ${claim}${design.example ? "; an example of the kit" : ""}`),
      ...formatScenarios(design, options),
      ...(same === undefined || asked.length === 0
        ? asked
        : [`  properties, powers and assumptions as of ${same}`]),
    ];
  });
}

function formatScenarios(
  { scenarios, defaultScenario }: ListedDesign,
  { width, colors }: ReportOptions,
): string[] {
  return scenarios.flatMap(({ name, sentence, sizes }) => [
    `  scenario ${colors.bold(name)}${name === defaultScenario ? colors.dim(" (default)") : ""}`,
    ...wrap(sentence, width, 4),
    ...sizes.flatMap((size) => wrap(`--size ${size.name}: ${formatBounds(size.bounds)}`, width, 4, 6)),
  ]);
}

function formatAsked(
  { properties, witnesses, powers, assumptions }: ListedDesign,
  { width, colors }: ReportOptions,
): string[] {
  const section = (title: string, rows: readonly { readonly name: string; readonly sentence: string }[]) =>
    rows.length === 0
      ? []
      : [
          `  ${title}`,
          ...formatTextTable(
            rows.map(({ name, sentence }) => ({ cells: [name], text: sentence })),
            width,
            colors.dim,
            "    ",
          ),
        ];
  return [
    ...section("properties", properties),
    ...section("witnesses (a run that does not reach them is vacuous)", witnesses),
    ...section("powers of the host (--power NAME=off)", powers),
    ...section("assumptions about the hardware (--assume NAME=off)", assumptions),
  ];
}
