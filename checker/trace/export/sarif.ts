/**
 * SARIF 2.1.0, as code scanning shows it: the property is the rule, the violation a result at the last step's line
 * of the specification, and the schedule a code flow with a thread for each lane. A step's importance is its role
 * in the causal slice.
 */
import { computeSha256 } from "../../model/sha256.ts";
import { statusOf } from "../lanes.ts";
import { formatChange, formatValue } from "../plain.ts";
import { describeStep, nameClaim, visibleChanges } from "../print.ts";
import type { ReplayedStep } from "../replay.ts";
import { isViolation } from "../shown.ts";
import type { Role } from "../why/slice.ts";
import { describeEndOf, type Exported, lanesOf } from "./exported.ts";

const importanceOf = {
  essential: "essential",
  context: "important",
  noise: "unimportant",
} as const satisfies Record<Role, string>;

export function exportSarif<S>(exported: Exported<S>): string {
  const { trace, shown, replay, version } = exported;
  const last = replay.steps.at(-1);
  const sentence = `${nameClaim(shown)} ${describeEndOf(exported)}`;
  const { design, scenario, size, bounds, modelDigest, reproduce } = trace;
  const log = {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "dmaspec",
            semanticVersion: version,
            rules: [{ id: shown.name, shortDescription: { text: shown.sentence } }],
          },
        },
        originalUriBaseIds: {
          SRCROOT: { description: { text: "the root of the project with the specification" } },
        },
        columnKind: "utf16CodeUnits",
        results: [
          {
            ruleId: shown.name,
            ruleIndex: 0,
            level: isViolation(shown) ? "error" : "note",
            kind: isViolation(shown) ? "fail" : "informational",
            message: { text: [sentence, shown.explanation].filter((text) => text !== "").join(": ") },
            ...(last === undefined ? {} : { locations: [locationOf(exported, last)] }),
            codeFlows: [
              {
                message: { text: `${design} on ${scenario} (${size})` },
                threadFlows: lanesOf(exported).map((lane) => ({
                  id: lane,
                  locations: replay.steps
                    .filter(({ instance }) => instance.lane === lane)
                    .map((step) => flowLocationOf(exported, step)),
                })),
              },
            ],
            partialFingerprints: {
              "dmaspec/v1": computeSha256(JSON.stringify([design, scenario, shown.name, shown.args])),
            },
            properties: { design, scenario, size, bounds, modelDigest, reproduce },
          },
        ],
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

function locationOf<S>({ of, locate }: Exported<S>, step: ReplayedStep<S>, text = describeStep(of, step)) {
  const found = locate(step);
  return {
    ...(found === null
      ? {}
      : {
          physicalLocation: {
            artifactLocation: { uri: found.file, uriBaseId: "SRCROOT" },
            region: { startLine: found.line },
          },
        }),
    logicalLocations: [{ name: step.instance.action.name, kind: "function" }],
    message: { text },
  };
}

function flowLocationOf<S>(exported: Exported<S>, step: ReplayedStep<S>) {
  const { of, reasons } = exported;
  const status = statusOf(of, step.before).find(({ lane }) => lane === step.instance.lane);
  const changes = visibleChanges(of, step);
  return {
    location: locationOf(
      exported,
      step,
      [describeStep(of, step), ...changes.map((change) => formatChange(change))].join("\n"),
    ),
    executionOrder: step.n,
    importance: importanceOf[reasons[step.n - 1].role],
    // A call is one level, what runs under a lock one more for each lock.
    nestingLevel: status === undefined || status.label === null ? 0 : 1 + status.locks.length,
    state: Object.fromEntries(changes.map(({ path, to }) => [path, { text: formatValue(to) }])),
  };
}
