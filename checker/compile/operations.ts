/**
 * Walking over expressions and statements: operands, sizes, orders.
 */
import type { Expr, Stmt } from "./ir.ts";

/** What an expression is computed from; what its text needs twice, twice. */
export function operandsOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case "binary":
      return [expr.a, expr.b];
    case "select":
      return [expr.test, expr.yes, expr.no];
    case "insert":
      // The shift occurs twice in the text.
      return [expr.word, expr.value, expr.shift, expr.shift];
    default:
      return [];
  }
}

/** A queue of expressions, the latest made first. */
export class ById {
  private readonly heap: Expr[] = [];

  add(expr: Expr): void {
    const { heap } = this;
    let at = heap.length;
    for (; at > 0; at = (at - 1) >> 1) {
      const parent = heap[(at - 1) >> 1];
      if (parent.id >= expr.id) break;
      heap[at] = parent;
    }
    heap[at] = expr;
  }

  take(): Expr | null {
    const { heap } = this;
    const [top] = heap;
    const last = heap.pop();
    if (last === undefined) return null;
    let at = 0;
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && heap[child + 1].id > heap[child].id) child++;
      if (heap[child].id <= last.id) break;
      heap[at] = heap[child];
      at = child;
    }
    if (heap.length > 0) heap[at] = last;
    return top;
  }
}

/** How many operations statements take, each expression counted once. */
export function countOperations(statements: readonly Stmt[]): number {
  const seen = new Set<Expr>();
  const size = (expr: Expr): number => {
    if (seen.has(expr)) return 0;
    seen.add(expr);
    return operandsOf(expr).reduce((sum, operand) => sum + size(operand), 1);
  };
  const ofList = (list: readonly Stmt[]): number => list.reduce((sum, stmt) => sum + ofOne(stmt), 0);
  const ofOne = (stmt: Stmt): number => {
    switch (stmt.do) {
      case "if":
        return 1 + size(stmt.test) + ofList(stmt.yes) + ofList(stmt.no);
      case "emit":
        return stmt.words.reduce((sum, word) => sum + 1 + size(word), 3 + 5 * stmt.checks.length);
      case "deopt":
      case "report":
        return 2 + size(stmt.when);
      case "answer":
        return 2 + size(stmt.when) + size(stmt.value);
      case "unless-reached":
        return 2 + ofList(stmt.body);
      case "try":
        return 4;
    }
  };
  return ofList(statements);
}
