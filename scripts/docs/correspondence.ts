/** docs/correspondence.md: our step, the kernel function, the Arm notion, the SeKVM invariant, the mechanisms. */
import { machineDesigns } from "../../model/index.ts";
import { cell, listOrigins, type Told } from "./origins.ts";

const introduction = `# Correspondence

Generated from the origins that steps, checks and rules declare (\`npm run docs\`); a test fails where this page is stale, or where a step has no origin.

Each row is one step, check (?), wait or rule, in the order of the call. The same step in designs that retell other versions has a row for each origin. A version in parentheses is the posting or tree that was read: v1 (February 2023), v2 (December 2024, with the number of the mail), android15 (android15-6.6, late), android16 (android16-6.12, late), 2025 (the rework in the Android common kernel). A row without a function is the corrected design's own. Mechanisms are those of [mechanisms.md](mechanisms.md). Taking and releasing a lock are steps of the call's function, and have no rows.
`;

function keyOf({ call, name, kind, origin }: Told): string {
  return JSON.stringify([call, name, kind, origin]);
}

function formatRow(told: Told, designs: readonly string[]): string {
  const { name, kind, origin } = told;
  const all = machineDesigns.length;
  const cells = [
    kind === "check" ? `${name}?` : name,
    origin.mirrors ?? "",
    origin.arm ?? "",
    origin.sekvm ?? "",
    (origin.mechanisms ?? []).join(" "),
    designs.length === all ? "all" : designs.join(", "),
  ];
  return `| ${cells.map((text) => cell(text)).join(" | ")} |`;
}

function formatTable(told: readonly Told[]): string[] {
  const rows = new Map<string, { told: Told; designs: string[] }>();
  for (const one of told) {
    if (Object.keys(one.origin).length === 0) continue;
    const row = rows.get(keyOf(one));
    if (row === undefined) rows.set(keyOf(one), { told: one, designs: [one.design] });
    else if (!row.designs.includes(one.design)) row.designs.push(one.design);
  }
  return [
    "| our step | kernel function (version) | Arm SMMUv3 | SeKVM | mechanisms | designs |",
    "|---|---|---|---|---|---|",
    ...[...rows.values()].map((row) => formatRow(row.told, row.designs)),
  ];
}

export function renderCorrespondence(): string {
  const told = listOrigins();
  const calls = [...new Set(told.map(({ call }) => call))].filter((call) => call !== null);
  const sections = calls.flatMap((call) => [
    `## ${call}`,
    "",
    ...formatTable(told.filter((one) => one.call === call)),
    "",
  ]);
  const rules = ["## The SMMU and the devices", "", ...formatTable(told.filter((one) => one.call === null))];
  return [introduction, ...sections, ...rules, ""].join("\n");
}
