/**
 * How often statements use each expression: a back end gives a name to what is used more than once, and computes
 * behind a branch what only one side of it needs.
 */
import type { Expr, Stmt } from "./ir.ts";
import { ById, operandsOf } from "./operations.ts";

export class Uses {
  private readonly uses = new Map<Expr, number>();

  countAll(statements: readonly Stmt[]): void {
    for (const stmt of statements) {
      switch (stmt.do) {
        case "if":
          this.count(stmt.test);
          this.countAll(stmt.yes);
          this.countAll(stmt.no);
          break;
        case "emit":
          for (const word of stmt.words) this.count(word);
          break;
        case "deopt":
        case "report":
          this.count(stmt.when);
          break;
        case "answer":
          this.count(stmt.when);
          this.count(stmt.value);
          break;
        case "unless-reached":
          this.countAll(stmt.body);
          break;
        case "try":
          break;
      }
    }
  }

  of(expr: Expr): number {
    return this.uses.get(expr) ?? 0;
  }

  /** Is it worth a name? */
  isShared(expr: Expr): boolean {
    return this.of(expr) > 1;
  }

  /** The words of the state that are used, by bank. */
  words(): { bank: number; index: number }[] {
    return [...this.uses.keys()].flatMap((expr) =>
      expr.kind === "word" ? [{ bank: expr.bank, index: expr.index }] : [],
    );
  }

  /**
   * What computing an operand takes that nothing else needs, in operations; and what it shares with others. What
   * `isNamed` was computed before.
   */
  ownPart(operand: Expr, isNamed: (expr: Expr) => boolean): { operations: number; shared: Expr[] } {
    const inside = new Map<Expr, number>();
    const shared: Expr[] = [];
    // From the result to what it is made of: a node comes after all that use it.
    const queue = new ById();
    queue.add(operand);
    inside.set(operand, this.of(operand));
    let operations = 0;
    for (let expr = queue.take(); expr !== null; expr = queue.take()) {
      if (expr.kind === "const" || expr.kind === "word" || isNamed(expr)) continue;
      if (inside.get(expr) !== this.uses.get(expr)) {
        shared.push(expr);
        continue;
      }
      operations++;
      for (const each of operandsOf(expr)) {
        const known = inside.get(each);
        if (known === undefined) queue.add(each);
        inside.set(each, (known ?? 0) + 1);
      }
    }
    return { operations, shared };
  }

  private count(expr: Expr): void {
    const known = this.of(expr);
    this.uses.set(expr, known + 1);
    if (known > 0) return;
    for (const operand of operandsOf(expr)) this.count(operand);
  }
}
