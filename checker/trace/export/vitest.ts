/**
 * A test for vitest that takes the schedule's steps again and expects what they changed, and what they show at the
 * end. Write it where the command was run: it imports from there.
 */
import { formatChange } from "../plain.ts";
import { nameClaim } from "../print.ts";
import { describeEndOf, type Exported } from "./exported.ts";

export function exportVitest<S>(exported: Exported<S>): string {
  const { trace, replay, shown, caseModule } = exported;
  const { design, scenario, size, powersOff, assumptionsOff, reproduce } = trace;
  const { kind, name, args } = shown;
  const of = { design, scenario, size, powersOff, assumptionsOff, initial: replay.initialName };
  const title = `${design} on ${scenario} (${size}): ${nameClaim(shown)} ${describeEndOf(exported)}`;
  const steps = replay.steps.flatMap(({ n, instance, outcome, changes }) => [
    `    // ${n}. ${instance.lane}`,
    `    [${JSON.stringify(instance.action.name)}, ${JSON.stringify(instance.args)}, ${JSON.stringify(outcome)}, [`,
    ...changes.map((change) => `      ${JSON.stringify(formatChange(change))},`),
    "    ]],",
  ]);
  return [
    `// ${shown.sentence}`,
    "// Written by `dmaspec export --to vitest`; found by",
    `//   ${reproduce}`,
    "// When the design is mended, this test fails: then expect the schedule to be refused, or throw the test away.",
    'import { expect, test } from "vitest";',
    `import { replayCase } from ${JSON.stringify(caseModule)};`,
    "",
    `test(${JSON.stringify(title)}, () => {`,
    `  const of = ${JSON.stringify(of)};`,
    `  const claim = ${JSON.stringify({ kind, name, args })} as const;`,
    "  const steps: [string, Record<string, string | number | boolean | null>, string, string[]][] = [",
    ...steps,
    "  ];",
    "  const replayed = replayCase(of, claim, steps);",
    "  expect(replayed.steps).toEqual(steps.map(([, , outcome, changes]) => ({ outcome, changes })));",
    `  expect(replayed.explanation).toBe(${JSON.stringify(shown.explanation)});`,
    "});",
    "",
  ].join("\n");
}
