/**
 * The text of a function as a syntax tree.
 *
 * What runs is plain JavaScript, whatever the model was written in, and `toString` gives its exact text. So
 * there is no second reading of the sources: what is compiled is what the other evaluators call.
 */
import * as acorn from "acorn";
import { Unsupported } from "./unsupported.ts";

export type FunctionNode =
  | acorn.ArrowFunctionExpression
  | acorn.FunctionExpression
  | acorn.FunctionDeclaration;

/** Functions made at one place in the text differ in what they captured only: parsed once. */
const parsed = new Map<string, FunctionNode>();

/** The syntax tree of a function. Throws `Unsupported` for what is no plain function. */
export function parseFunction(fn: Function): FunctionNode {
  const text = Function.prototype.toString.call(fn);
  let node = parsed.get(text);
  if (node === undefined) {
    node = parseText(text, fn.name);
    parsed.set(text, node);
  }
  return node;
}

function parseText(text: string, name: string): FunctionNode {
  if (text.includes("[native code]")) throw new Unsupported(`${name || "a function"} is built in`);
  const node = tryParse(`(${text})`) ?? methodOf(tryParse(`({${text}})`));
  if (node?.type !== "ArrowFunctionExpression" && node?.type !== "FunctionExpression") {
    throw new Unsupported(`${name || "a function"} is no plain function`);
  }
  if (node.async || node.generator) throw new Unsupported(`${name || "a function"} is async or a generator`);
  return node;
}

/** The one method of an object literal: how `{ holds(s) { ... } }` prints its function. */
function methodOf(node: acorn.Expression | null): acorn.Expression | null {
  const property = node?.type === "ObjectExpression" ? node.properties[0] : undefined;
  return property?.type === "Property" && property.kind === "init" ? property.value : null;
}

function tryParse(text: string): acorn.Expression | null {
  try {
    return acorn.parseExpressionAt(text, 0, { ecmaVersion: 2024 });
  } catch {
    return null;
  }
}
