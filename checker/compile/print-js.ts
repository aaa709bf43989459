/**
 * Statements as JavaScript text.
 *
 * An expression that is used more than once gets a name where it is first needed, in the block where that is.
 * Blocks are few: what a condition guards gets one only where it costs more than the jump.
 */
import { type Expr, isBool, type Stmt } from "./ir.ts";
import { Uses } from "./uses.ts";

/** How statements that leave the pure world are printed; what the module around them provides. */
export interface Printing {
  emit(stmt: Extract<Stmt, { do: "emit" }>, words: readonly string[]): string;
  tryInstance(instance: number): string;
  report(what: number): string;
  /** The expression that tells whether a witness is reached already. */
  isReached(what: number): string;
  readonly deopt: string;
  /** The words of a bank, as names. */
  word(bank: number, index: number): string;
}

/** An operand whose text costs more than this is not computed unless it is needed. */
const heavy = 24;

interface Text {
  readonly text: string;
  /** Whether the text is a truth value of JavaScript: otherwise a number. */
  readonly isTruth: boolean;
}

export class Printer {
  private readonly printing: Printing;
  private readonly uses = new Uses();
  private readonly names = new Map<Expr, Text>();
  private lines: string[] = [];
  private count = 0;
  /** The names given in the innermost block. */
  private recent: Expr[] = [];

  constructor(printing: Printing) {
    this.printing = printing;
  }

  /** The text of a list of statements. */
  print(statements: readonly Stmt[]): string {
    this.uses.countAll(statements);
    this.lines = [];
    this.block(statements);
    return this.lines.join("\n");
  }

  /** The words of the state that the printed statements use, by bank. */
  usedWords(): { bank: number; index: number }[] {
    return this.uses.words();
  }

  /** Statements in a block of their own: names given there end there. */
  private block(statements: readonly Stmt[]): void {
    this.scoped(() => {
      for (const stmt of statements) this.statement(stmt);
    });
  }

  private scoped(run: () => void): void {
    const outer = this.recent;
    this.recent = [];
    run();
    for (const expr of this.recent) this.names.delete(expr);
    this.recent = outer;
  }

  private giveName(expr: Expr, name: Text): Text {
    this.names.set(expr, name);
    this.recent.push(expr);
    return name;
  }

  private statement(stmt: Stmt): void {
    const { printing } = this;
    switch (stmt.do) {
      case "if":
        if (stmt.yes.length === 0) {
          this.lines.push(`if (${this.negation(stmt.test)}) {`);
          this.block(stmt.no);
        } else {
          this.lines.push(`if (${this.truth(stmt.test)}) {`);
          this.block(stmt.yes);
          if (stmt.no.length > 0) {
            this.lines.push("} else {");
            this.block(stmt.no);
          }
        }
        this.lines.push("}");
        return;
      case "emit":
        this.lines.push(
          printing.emit(
            stmt,
            stmt.words.map((word) => this.number(word)),
          ),
        );
        return;
      case "deopt":
        this.guarded(stmt.when, printing.deopt);
        return;
      case "report":
        this.guarded(stmt.when, printing.report(stmt.what));
        return;
      case "answer":
        this.lines.push(`if (${this.truth(stmt.when)}) {`);
        this.scoped(() => this.lines.push(`return ${this.number(stmt.value)};`));
        this.lines.push("}");
        return;
      case "unless-reached":
        this.lines.push(`if (!(${printing.isReached(stmt.what)})) {`);
        this.block(stmt.body);
        this.lines.push("}");
        return;
      case "try":
        this.lines.push(printing.tryInstance(stmt.instance));
    }
  }

  private guarded(when: Expr, text: string): void {
    this.lines.push(when.kind === "const" && when.value === 1 ? text : `if (${this.truth(when)}) ${text}`);
  }

  // Expressions

  private number(expr: Expr): string {
    const { text, isTruth } = this.textOf(expr);
    return isTruth ? `(${text} | 0)` : text;
  }

  /** A truth value as the number 0 or 1. */
  private bit(expr: Expr): string {
    return isBool(expr) ? this.number(expr) : `((${this.truth(expr)}) | 0)`;
  }

  /** A number as text that may be repeated. */
  private repeatable(expr: Expr): string {
    const text = this.number(expr);
    if (isLeaf(expr) || this.names.has(expr)) return text;
    return this.named(expr, text).text;
  }

  private named(expr: Expr, text: string): Text {
    const name = `t${this.count++}`;
    this.lines.push(`const ${name} = ${text};`);
    return this.giveName(expr, { text: name, isTruth: false });
  }

  private truth(expr: Expr): string {
    const field = this.fieldTest(expr);
    if (field !== null) return `${field} !== 0`;
    const { text, isTruth } = this.textOf(expr);
    return isTruth ? text : `${text} !== 0`;
  }

  private negation(expr: Expr): string {
    if (expr.kind === "binary" && !this.names.has(expr) && !this.uses.isShared(expr)) {
      if (expr.op === "eq" && expr.b.kind === "const" && expr.b.value === 0 && isBool(expr.a))
        return this.truth(expr.a);
      if (expr.op === "eq") return this.comparison(expr.a, "!==", expr.b);
      if (expr.op === "lt") return `${this.number(expr.a)} >= ${this.number(expr.b)}`;
    }
    const field = this.fieldTest(expr);
    if (field !== null) return `${field} === 0`;
    const { text, isTruth } = this.textOf(expr);
    return isTruth ? `!(${text})` : `${text} === 0`;
  }

  /** A field of a word, where it is: tested or compared without shifting. */
  private fieldTest(expr: Expr): string | null {
    const field = this.plainField(expr);
    return field === null ? null : `(${this.number(field.word)} & ${field.mask << field.shift})`;
  }

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

  private comparison(a: Expr, operator: "===" | "!==", b: Expr): string {
    const field = b.kind === "const" ? this.plainField(a) : null;
    if (field !== null && b.kind === "const") {
      return `(${this.number(field.word)} & ${field.mask << field.shift}) ${operator} ${b.value << field.shift}`;
    }
    return `${this.number(a)} ${operator} ${this.number(b)}`;
  }

  private textOf(expr: Expr): Text {
    const known = this.names.get(expr);
    if (known !== undefined) return known;
    if (expr.kind === "const") return { text: String(expr.value), isTruth: false };
    if (expr.kind === "word") return { text: this.printing.word(expr.bank, expr.index), isTruth: false };
    const guarded = this.lazily(expr);
    if (guarded !== null) return guarded;
    const made = this.make(expr);
    if (!this.uses.isShared(expr)) return { text: `(${made.text})`, isTruth: made.isTruth };
    return this.named(expr, made.isTruth ? `(${made.text}) | 0` : made.text);
  }

  /** A conditional expression with an operand that is better not computed in vain: as statements. */
  private lazily(expr: Expr): Text | null {
    const isChoice = expr.kind === "select";
    const isLogical =
      expr.kind === "binary" && (expr.op === "and" || expr.op === "or") && isBool(expr.a) && isBool(expr.b);
    if (!isChoice && !isLogical) return null;
    const parts = (isChoice ? [expr.yes, expr.no] : [expr.b]).map((operand) =>
      this.uses.ownPart(operand, (known) => this.names.has(known)),
    );
    if (parts.every(({ operations }) => operations <= heavy)) return null;
    // What others need too is computed before the branch, once.
    for (const { shared } of parts) for (const each of shared.reverse()) this.textOf(each);
    const name = `t${this.count++}`;
    if (isChoice) {
      this.lines.push(`let ${name}; if (${this.truth(expr.test)}) {`);
      this.assign(name, expr.yes);
      this.lines.push("} else {");
      this.assign(name, expr.no);
    } else {
      this.lines.push(
        `let ${name} = ${this.number(expr.a)}; if (${name} ${expr.op === "and" ? "!==" : "==="} 0) {`,
      );
      this.assign(name, expr.b);
    }
    this.lines.push("}");
    return this.giveName(expr, { text: name, isTruth: false });
  }

  private assign(name: string, value: Expr): void {
    this.scoped(() => this.lines.push(`${name} = ${this.number(value)};`));
  }

  private make(expr: Expr): Text {
    switch (expr.kind) {
      case "select":
        return { text: this.choice(expr), isTruth: false };
      case "insert": {
        const shift = this.number(expr.shift);
        const cleared = `${this.number(expr.word)} & ~(${expr.mask} << ${shift})`;
        return { text: `${cleared} | (${this.number(expr.value)} << ${shift})`, isTruth: false };
      }
      case "binary":
        return this.binary(expr);
      default:
        throw new Error(`nothing to compute for a ${expr.kind}`);
    }
  }

  private binary(expr: Extract<Expr, { kind: "binary" }>): Text {
    const { op, a, b } = expr;
    switch (op) {
      case "eq":
        if (b.kind === "const" && b.value === 0 && isBool(a))
          return { text: this.negation(a), isTruth: true };
        return { text: this.comparison(a, "===", b), isTruth: true };
      case "lt":
        return { text: `${this.number(a)} < ${this.number(b)}`, isTruth: true };
      case "and":
      case "or":
        return { text: `${this.number(a)} ${op === "and" ? "&" : "|"} ${this.number(b)}`, isTruth: false };
      case "shl":
        return { text: `${this.number(a)} << ${this.number(b)}`, isTruth: false };
      case "shr":
        return { text: `${this.number(a)} >>> ${this.number(b)}`, isTruth: false };
      case "add":
        return { text: `${this.number(a)} + ${this.number(b)} | 0`, isTruth: false };
      case "sub":
        return { text: `${this.number(a)} - ${this.number(b)} | 0`, isTruth: false };
      case "mul":
        return { text: `${this.number(a)} * ${this.number(b)} | 0`, isTruth: false };
      case "rem":
        return { text: `${this.number(a)} % ${this.number(b)} | 0`, isTruth: false };
    }
  }

  /** One of two numbers, without a branch: which one can mostly not be foretold. */
  private choice({ test, yes, no }: Extract<Expr, { kind: "select" }>): string {
    const bit = this.bit(test);
    if (isZero(no)) return `${this.number(yes)} & ${isBool(yes) ? bit : `(0 - ${bit})`}`;
    if (isZero(yes)) return `${this.number(no)} & (${bit} ${isBool(no) ? "^" : "-"} 1)`;
    if (yes.kind === "const" && no.kind === "const")
      return `${no.value} ^ (${yes.value ^ no.value} & (0 - ${bit}))`;
    if ((isLeaf(yes) || this.names.has(yes)) && !isLeaf(no) && !this.names.has(no)) {
      const kept = this.number(yes);
      return `${kept} ^ ((${kept} ^ ${this.number(no)}) & (${bit} - 1))`;
    }
    const kept = this.repeatable(no);
    return `${kept} ^ ((${kept} ^ ${this.number(yes)}) & (0 - ${bit}))`;
  }
}

/** Is the text of this expression a constant or a word of the state? */
function isLeaf(expr: Expr): boolean {
  return expr.kind === "const" || expr.kind === "word";
}

function isZero(expr: Expr): boolean {
  return expr.kind === "const" && expr.value === 0;
}
