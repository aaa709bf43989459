/**
 * Statements as WebAssembly instructions.
 *
 * As the JavaScript printer does it: an expression that is used more than once gets a local where it is first
 * needed, in the block where that is. Truth values are computed without branches; behind a branch goes only what
 * costs more than the jump.
 */
import type { Body } from "../wasm/body.ts";
import { op } from "../wasm/opcodes.ts";
import { type Expr, isBool, type Stmt } from "./ir.ts";
import { Uses } from "./uses.ts";

/** What the function around the statements provides; each method appends instructions. */
export interface WasmPrinting {
  /** A successor; `push` leaves its i-th word on the stack. */
  emit(stmt: Extract<Stmt, { do: "emit" }>, push: (i: number) => void): void;
  report(what: number): void;
  /** Leaves on the stack whether a witness is reached already. */
  isReached(what: number): void;
  /** The state is left to the packed evaluator: leaves the function. */
  deopt(): void;
  /** Leaves the function with the number on the stack. */
  answer(): void;
  /** Leaves a word of the state on the stack. */
  word(bank: number, index: number): void;
}

/** An operand that costs more than this, in operations, is not computed unless it is needed. */
const heavy = 16;

const codes = {
  add: op.add,
  sub: op.sub,
  mul: op.mul,
  rem: op.rem,
  and: op.and,
  or: op.or,
  shl: op.shl,
  shr: op.shr,
  eq: op.eq,
  lt: op.lt,
} as const;

/** A statement that WebAssembly code does not have: the run is left to another engine. */
export class NotInWasm extends Error {}

export class WasmPrinter {
  private readonly body: Body;
  private readonly printing: WasmPrinting;
  private readonly uses = new Uses();
  private readonly names = new Map<Expr, number>();
  private readonly isNamed = (expr: Expr): boolean => this.names.has(expr);
  /** The names given in the innermost block. */
  private recent: Expr[] = [];

  constructor(body: Body, printing: WasmPrinting) {
    this.body = body;
    this.printing = printing;
  }

  print(statements: readonly Stmt[]): void {
    this.uses.countAll(statements);
    this.block(statements);
  }

  private block(statements: readonly Stmt[]): void {
    this.scoped(() => {
      for (const stmt of statements) this.statement(stmt);
    });
  }

  private scoped(run: () => void): void {
    const outer = this.recent;
    this.recent = [];
    run();
    for (const expr of this.recent) {
      this.body.giveBack(this.names.get(expr) as number);
      this.names.delete(expr);
    }
    this.recent = outer;
  }

  private statement(stmt: Stmt): void {
    const { body, printing } = this;
    switch (stmt.do) {
      case "if":
        if (stmt.yes.length === 0) {
          this.truth(stmt.test);
          body.op(op.eqz).if(() => this.block(stmt.no));
        } else {
          this.truth(stmt.test);
          body.if(() => this.block(stmt.yes), stmt.no.length === 0 ? undefined : () => this.block(stmt.no));
        }
        return;
      case "emit":
        printing.emit(stmt, (i) => this.push(stmt.words[i]));
        return;
      case "deopt":
        this.guarded(stmt.when, () => printing.deopt());
        return;
      case "report":
        this.guarded(stmt.when, () => printing.report(stmt.what));
        return;
      case "answer":
        this.guarded(stmt.when, () => {
          this.push(stmt.value);
          printing.answer();
        });
        return;
      case "unless-reached":
        printing.isReached(stmt.what);
        body.op(op.eqz).if(() => this.block(stmt.body));
        return;
      case "try":
        throw new NotInWasm("a recipe that is not compiled");
    }
  }

  private guarded(when: Expr, run: () => void): void {
    if (when.kind === "const" && when.value !== 0) {
      run();
      return;
    }
    this.truth(when);
    this.body.if(() => this.scoped(run));
  }

  // Expressions

  /** Leaves something on the stack that is not 0 where the expression is not 0. */
  private truth(expr: Expr): void {
    const field = this.plainField(expr);
    if (field === null) this.push(expr);
    else this.pushMasked(field);
  }

  /** Leaves the expression's value on the stack. */
  private push(expr: Expr): void {
    const { body, names, printing, uses } = this;
    const known = names.get(expr);
    if (known !== undefined) {
      body.get(known);
      return;
    }
    if (expr.kind === "const") {
      body.i32(expr.value);
      return;
    }
    if (expr.kind === "word") printing.word(expr.bank, expr.index);
    else if (!this.pushLazily(expr)) this.compute(expr);
    if (!uses.isShared(expr)) return;
    const local = body.borrow();
    body.tee(local);
    names.set(expr, local);
    this.recent.push(expr);
  }

  /** Computes what has a name later, and leaves nothing on the stack. */
  private prepare(expr: Expr): void {
    if (expr.kind === "const" || this.names.has(expr)) return;
    this.push(expr);
    this.body.op(op.drop);
  }

  /** A conditional expression with an operand that is better not computed in vain: with a branch. */
  private pushLazily(expr: Expr): boolean {
    const isChoice = expr.kind === "select";
    const isLogical =
      expr.kind === "binary" && (expr.op === "and" || expr.op === "or") && isBool(expr.a) && isBool(expr.b);
    if (!isChoice && !isLogical) return false;
    const parts = (isChoice ? [expr.yes, expr.no] : [expr.b]).map((operand) =>
      this.uses.ownPart(operand, this.isNamed),
    );
    if (parts.every(({ operations }) => operations <= heavy)) return false;
    // What others need too is computed before the branch, once.
    for (const { shared } of parts) for (const each of shared.reverse()) this.prepare(each);
    const side = (of: Expr) => () => this.scoped(() => this.push(of));
    if (isChoice) {
      this.truth(expr.test);
      this.body.choose(side(expr.yes), side(expr.no));
    } else {
      this.push(expr.a);
      if (expr.op === "and") this.body.choose(side(expr.b), () => this.body.i32(0));
      else this.body.choose(() => this.body.i32(1), side(expr.b));
    }
    return true;
  }

  private compute(expr: Expr): void {
    const { body } = this;
    switch (expr.kind) {
      case "select":
        this.push(expr.yes);
        this.push(expr.no);
        this.truth(expr.test);
        body.op(op.select);
        return;
      case "insert":
        this.push(expr.word);
        body.i32(expr.mask);
        this.push(expr.shift);
        body.op(op.shl).i32(-1).op(op.xor).op(op.and);
        this.push(expr.value);
        this.push(expr.shift);
        body.op(op.shl).op(op.or);
        return;
      case "binary":
        this.binary(expr);
        return;
      default:
        throw new Error(`nothing to compute for a ${expr.kind}`);
    }
  }

  private binary(expr: Extract<Expr, { kind: "binary" }>): void {
    const { body } = this;
    const { op: operator, a, b } = expr;
    if (operator === "eq" && b.kind === "const") {
      const field = this.plainField(a);
      if (field !== null) this.pushMasked(field);
      else this.push(a);
      const value = field === null ? b.value : b.value << field.shift;
      if (value === 0) body.op(op.eqz);
      else body.i32(value).op(op.eq);
      return;
    }
    if (operator === "rem" && b.low <= 0 && b.high >= 0) {
      // Where the other side of a branch is taken, the divisor may be 0, and must not trap.
      this.push(a);
      this.push(b);
      body.i32(1);
      this.push(b);
      body.op(op.select).op(op.rem);
      return;
    }
    this.push(a);
    this.push(b);
    body.op(codes[operator]);
  }

  /** A field of a word that nothing else needs: it is tested where it lies, without shifting. */
  private plainField(expr: Expr): { word: Expr; shift: number; mask: number } | null {
    if (expr.kind !== "binary" || expr.op !== "and" || expr.b.kind !== "const") return null;
    if (this.names.has(expr) || this.uses.isShared(expr)) return null;
    const { a } = expr;
    const mask = expr.b.value;
    if (a.kind === "word") return { word: a, shift: 0, mask };
    const isShifted = a.kind === "binary" && a.op === "shr" && a.b.kind === "const";
    if (!isShifted || this.names.has(a) || this.uses.isShared(a)) return null;
    return { word: a.a, shift: (a.b as { value: number }).value, mask };
  }

  private pushMasked({ word, shift, mask }: { word: Expr; shift: number; mask: number }): void {
    this.push(word);
    this.body.i32(mask << shift).op(op.and);
  }
}
