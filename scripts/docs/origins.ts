/**
 * Every origin that the designs declare: of the steps, waits, choices, checks, branches and loops of their
 * calls, and of the rules of the SMMU and the devices.
 */
import { bodiesOf, type Node } from "../../checker/model/procedure.ts";
import type { Origin } from "../../checker/model/rule.ts";
import { machineDesigns } from "../../model/index.ts";

/** One node or rule of one design. */
export interface Told {
  readonly design: string;
  /** The call that the node belongs to; `null` for a rule. */
  readonly call: string | null;
  readonly name: string;
  readonly kind: Node<unknown, unknown>["kind"] | "rule";
  readonly origin: Origin;
}

function nodesIn(nodes: readonly Node<unknown, unknown>[]): Node<unknown, unknown>[] {
  return nodes.flatMap((node) => [node, ...bodiesOf(node).flatMap((body) => nodesIn(body))]);
}

function toldBy(design: (typeof machineDesigns)[number]): Told[] {
  const model = design.build();
  const calls = model.threads.flatMap(({ procedures }) => procedures.map(({ procedure }) => procedure));
  const ofCalls = calls.flatMap((call) =>
    nodesIn(call.body as readonly Node<unknown, unknown>[]).flatMap((node): Told[] =>
      "origin" in node
        ? [{ design: design.name, call: call.name, name: node.name, kind: node.kind, origin: node.origin }]
        : [],
    ),
  );
  const ofRules = model.rules.map(
    ({ name, origin }): Told => ({ design: design.name, call: null, name, kind: "rule", origin }),
  );
  return [...ofCalls, ...ofRules];
}

export function listOrigins(): Told[] {
  return machineDesigns.flatMap((design) => toldBy(design));
}

/** What does something or asks something must say where it comes from; a branch or a loop may. */
export function isDangling({ kind, origin }: Told): boolean {
  if (kind === "when" || kind === "repeat") return false;
  return Object.values(origin).every((told) => told === undefined || told.length === 0);
}

/** Text for a cell of a table. */
export function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
