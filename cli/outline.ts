/** The text of a model's procedures, as an outline: what is done in which order, under which locks. */
import type { Model } from "../checker/model/model.ts";
import type { Covered } from "../checker/model/coverage.ts";
import { gapsOf } from "../checker/model/coverage.ts";
import type { Exit, Node } from "../checker/model/procedure.ts";
import { formatCount, formatTable } from "./text.ts";

// The state and the frame are known by names only.
// oxlint-disable-next-line no-explicit-any
type AnyNode = Node<any, any>;

/** One line for each node, indented, with how often it was taken. `covered` is in the order of the text. */
// oxlint-disable-next-line no-explicit-any
export function formatOutline(model: Model<any>, covered: readonly Covered[]): string[] {
  const rest = [...covered];
  const procedures = model.threads.flatMap((of) => of.procedures.map(({ procedure }) => procedure));
  return procedures.flatMap(({ name, meaning, body }) => {
    const rows = body.flatMap((node) => rowsOf(node, 1, rest));
    return ["", `${name}: ${meaning}`, ...formatTable(rows, "")];
  });
}

function rowsOf(node: AnyNode, depth: number, rest: Covered[]): string[][] {
  const line = (text: string, marks = ""): string[] => [marks, "  ".repeat(depth) + text];
  const inside = (nodes: readonly AnyNode[]): string[][] =>
    nodes.flatMap((each) => rowsOf(each, depth + 1, rest));
  switch (node.kind) {
    case "step":
    case "choose":
      return [line(node.name, markOf(rest))];
    case "wait":
      return [line(`wait: ${node.name}`, markOf(rest))];
    case "check":
      return [line(`check: ${node.name}, or ${describeExit(node.otherwise)}`, markOf(rest))];
    case "when": {
      const mark = markOf(rest);
      const yes = inside(node.yes);
      const no = inside(node.no);
      return [line(`when: ${node.name}`, mark), ...yes, ...(no.length > 0 ? [line("otherwise"), ...no] : [])];
    }
    case "repeat": {
      const mark = markOf(rest);
      return [line(`repeat: ${node.name}`, mark), ...inside(node.body)];
    }
    case "locked":
      return [line(`with ${node.name} held`), ...inside(node.body)];
    case "label":
      return [line(`${node.name}:`), ...inside(node.body)];
    case "acquire":
    case "release":
      return [line(node.name)];
    case "exit":
      return [line(describeExit(node.exit), node.exit.kind === "return" ? markOf(rest) : "")];
  }
}

/** What was seen of the next node: `12`, or `12/3` where it is a condition; `!` before what has a gap. */
function markOf(rest: Covered[]): string {
  const covered = rest.shift();
  if (covered === undefined) return "";
  const isCondition = ["check", "when", "repeat"].includes(covered.kind);
  const counts = isCondition
    ? `${formatCount(covered.yes)}/${formatCount(covered.no)}`
    : formatCount(covered.yes);
  return `${gapsOf(covered).length > 0 ? "! " : "  "}${counts}`;
}

// oxlint-disable-next-line no-explicit-any
function describeExit(exit: Exit<any, any>): string {
  switch (exit.kind) {
    case "refuse":
      return `refuse: ${exit.reason}`;
    case "panic":
      return `panic: ${exit.reason}`;
    case "jump":
      return `go to ${exit.label}`;
    case "return":
      return typeof exit.result === "string" ? `return ${exit.result}` : "return what was done";
  }
}
