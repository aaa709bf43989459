/**
 * A compiled model as WebAssembly functions, for a module that has a search around them.
 *
 * A successor is a record of the batch that is being filled: its words, and the id of the action instance. Where
 * the records lie, and what becomes of what the functions report, is the search's (`Around`).
 */
import type { DeadlockRule } from "../model/model.ts";
import { Body } from "../wasm/body.ts";
import type { Func, ModuleEncoder } from "../wasm/encoder.ts";
import { i32, op, type ValueType } from "../wasm/opcodes.ts";
import type { Field, FormulaGroup, Label, Module, Stmt } from "./ir.ts";
import { countOperations } from "./operations.ts";
import { NotInWasm, WasmPrinter, type WasmPrinting } from "./print-wasm.ts";

/** What the search provides; each method appends instructions to a function that has the state's address in `src`. */
export interface Around {
  /** Bytes from one successor to the next. */
  readonly recordBytes: number;
  /** Where in a record its instance is. */
  readonly instanceOffset: number;
  violated(body: Body, invariant: number, src: number): void;
  /** The step of the record at `to` broke a property. */
  broken(body: Body, property: number, instance: number, src: number): void;
  /** Leaves on the stack whether a witness was reached. */
  isReached(body: Body, witness: number): void;
  reached(body: Body, witness: number): void;
  /** Bytes in which it is kept for which states invariants held: zero at first, and each thread's own. */
  readonly memoBytes: number;
  /** Leaves their address on the stack. */
  memo(body: Body): void;
  /** With a set of servers and an instance on the stack: leaves whether the instance is one of the set. */
  isServer(body: Body): void;
}

export interface ModelFunctions {
  /** (state, records) -> the end of the records written, or 0: the packed evaluator has to take over. */
  readonly expand: Func;
  /** (state last expanded, its records, their end) -> may the state be a deadlock? */
  readonly mayBeDeadlock: Func;
  /** (state) -> 0, or -1: the packed evaluator has to take over. */
  readonly invariants: Func;
  readonly witnesses: Func;
  /** As `expand`, of a part of the model: in the order of `parts`. */
  readonly parts: readonly Func[];
  /** (dispatch, state) -> see `Label.waits`. */
  readonly waitsOn: Func;
}

/** Operations up to which all steps are one function: then nothing is loaded twice. */
const mostInline = 4000;
/** Operations in one function otherwise: optimising takes more than in proportion. */
const mostOperations = 2500;
/** Labels with more than this are functions of their own. */
const smallLabel = 200;
/** Odd numbers whose products with the words of a key are mixed in their upper bits. */
const multipliers = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f, 0x165667b1];
/** States of up to so many words are loaded at once. */
const fewWords = 4;

/**
 * Throws `NotInWasm` for what has to call back into JavaScript. `parts`: modules whose dispatches are among the model's,
 * with fewer labels, of which only the steps are wanted.
 */
export function emitModel(
  encoder: ModuleEncoder,
  module: Module,
  deadlock: DeadlockRule,
  around: Around,
  parts: readonly Module[] = [],
): ModelFunctions {
  return new ModelEmitter(encoder, module, around).emit(deadlock, parts);
}

class ModelEmitter {
  private readonly encoder: ModuleEncoder;
  private readonly module: Module;
  private readonly around: Around;
  /** Of the state last expanded: the dispatches whose process is blocked, as a bit set (modulo 32). */
  private readonly blocked: number;
  private checks: readonly Func[] = [];
  /** The functions made of statements that are too long to be written where they are used. */
  private readonly written = new Map<readonly Stmt[], readonly Func[]>();

  constructor(encoder: ModuleEncoder, module: Module, around: Around) {
    this.encoder = encoder;
    this.module = module;
    this.around = around;
    this.blocked = encoder.global(i32);
  }

  emit(deadlock: DeadlockRule, parts: readonly Module[]): ModelFunctions {
    const { around, module } = this;
    this.checks = module.checks.map((body) => this.check(body));
    const waitsOn = this.waitsOn();
    return {
      expand: this.expand(module),
      parts: parts.map((part) => this.expand(part)),
      waitsOn,
      mayBeDeadlock: this.mayBeDeadlock(deadlock, waitsOn),
      invariants: this.invariants(module.invariants),
      witnesses: this.formulas(module.witnesses, (body, id) => around.reached(body, id)),
    };
  }

  // Successors

  private expand({ dispatches, environment }: Module): Func {
    const all = [environment, ...dispatches.flatMap(({ labels }) => labels.map(({ body }) => body))];
    const isInline = all.reduce((sum, body) => sum + countOperations(body), 0) <= mostInline;
    return this.define([i32, i32], [i32], (body) => {
      const tries = this.triesIn(body, isInline);
      body.i32(0).setGlobal(this.blocked);
      dispatches.forEach(({ control, labels }, number) => {
        if (isInline) {
          this.dispatch(body, control, labels, number, tries);
          return;
        }
        const own = this.define([i32, i32], [i32], (inner) => {
          this.dispatch(inner, control, labels, number, this.triesIn(inner, false));
          inner.get(1);
        });
        this.callPart(body, own);
      });
      tries(environment);
      body.get(1);
    });
  }

  /** Appends what statements try to a function; in functions of their own where they are long. */
  private triesIn(body: Body, isInline: boolean): (statements: readonly Stmt[]) => void {
    const word = this.wordsIn(body, isInline);
    const write = (into: Body, statements: readonly Stmt[], wordOf: WasmPrinting["word"]): void =>
      new WasmPrinter(into, this.expanding(into, wordOf)).print(statements);
    return (statements) => {
      if (isInline || countOperations(statements) <= smallLabel) {
        write(body, statements, word);
        return;
      }
      let functions = this.written.get(statements);
      if (functions === undefined) {
        functions = split(statements).map((part) =>
          this.define([i32, i32], [i32], (inner) => {
            write(inner, part, this.wordsIn(inner, false));
            inner.get(1);
          }),
        );
        this.written.set(statements, functions);
      }
      for (const own of functions) this.callPart(body, own);
    };
  }

  /** Calls a function that writes records, and leaves when it gives up. */
  private callPart(body: Body, fn: Func): void {
    body.get(0).get(1).call(fn).tee(1).op(op.eqz);
    body.if(() => body.i32(0).return());
  }

  private dispatch(
    body: Body,
    control: Field,
    labels: readonly Label[],
    number: number,
    tries: (statements: readonly Stmt[]) => void,
  ): void {
    const before = body.local();
    const block = (): void => {
      body
        .getGlobal(this.blocked)
        .i32(1 << (number & 31))
        .op(op.or)
        .setGlobal(this.blocked);
    };
    body
      .get(0)
      .load(4 * control.word)
      .i32(control.shift)
      .op(op.shr)
      .i32(control.mask)
      .op(op.and);
    body.switch(labels.length, (code) => {
      const { body: tried, isBlocking } = labels[code];
      if (tried.length === 0) return isBlocking ? block : null;
      return () => {
        if (isBlocking) body.get(1).set(before);
        tries(tried);
        if (isBlocking) body.get(1).get(before).op(op.eq).if(block);
      };
    });
  }

  private expanding(body: Body, word: WasmPrinting["word"]): WasmPrinting {
    const { around, module } = this;
    return {
      ...this.plain(body),
      word,
      deopt: () => body.i32(0).return(),
      emit: ({ instance, checks }, push) => {
        for (let i = 0; i < module.words; i++) {
          body.get(1);
          push(i);
          body.store(4 * i);
        }
        body.get(1).i32(instance).store(around.instanceOffset);
        for (const { property, fn } of checks) {
          if (fn < 0) throw new NotInWasm("a step property that is not compiled");
          const is = body.local();
          body.get(0).get(1).call(this.checks[fn]).tee(is);
          body.if(() => {
            body.get(is).i32(0).op(op.lt);
            body.if(() => body.i32(0).return());
            around.broken(body, property, instance, 0);
          });
        }
        body.get(1).i32(around.recordBytes).op(op.add).set(1);
      },
    };
  }

  // Deadlock

  private mayBeDeadlock(rule: DeadlockRule, waitsOn: Func): Func {
    const { blocked } = this;
    return this.define([i32, i32, i32], [i32], (body) => {
      if (rule === "none") body.i32(0);
      else if (rule === "stuck") body.get(1).get(2).op(op.eq);
      else {
        body
          .getGlobal(blocked)
          .op(op.eqz)
          .if(() => body.i32(0).return());
        const canGoOn = this.canClearlyGoOn(waitsOn);
        this.module.dispatches.forEach((_, i) => {
          body
            .getGlobal(blocked)
            .i32(1 << (i & 31))
            .op(op.and);
          body.if(() => {
            body.i32(i).get(0).get(1).get(2).call(canGoOn).op(op.eqz);
            body.if(() => body.i32(1).return());
          });
        });
        body.i32(0);
      }
    });
  }

  /** (dispatch, state, records, end) -> does the chain of waiting end at one that can step, or at a wait just served? */
  private canClearlyGoOn(waitsOn: Func): Func {
    const { around, blocked, module } = this;
    return this.define([i32, i32, i32, i32], [i32], (body) => {
      const [on, hops, at] = [body.local(), body.local(), body.local()];
      body.loop((again) => {
        body.get(0).get(1).call(waitsOn).set(on);
        body
          .get(on)
          .i32(-1)
          .op(op.eq)
          .if(() => body.i32(0).return());
        body.get(on).i32(-1).op(op.lt);
        body.if(() => {
          body.get(2).set(at);
          body.loop((next) => {
            body
              .get(at)
              .get(3)
              .op(op.eq)
              .if(() => body.i32(0).return());
            body.i32(-2).get(on).op(op.sub).get(at).load(around.instanceOffset);
            around.isServer(body);
            body.if(() => body.i32(1).return());
            body.get(at).i32(around.recordBytes).op(op.add).set(at).br(next);
          });
        });
        body.getGlobal(blocked).i32(1).get(on).op(op.shl).op(op.and).op(op.eqz);
        body.if(() => body.i32(1).return());
        body.get(on).set(0);
        body.get(hops).i32(1).op(op.add).tee(hops).i32(module.dispatches.length).op(op.ltU).brIf(again);
      });
      body.i32(0);
    });
  }

  /** (dispatch, state) -> see `Label.waits`. */
  private waitsOn(): Func {
    const { dispatches } = this.module;
    const answers = dispatches.map(({ control, labels }) =>
      this.define([i32], [i32], (body) => {
        body
          .get(0)
          .load(4 * control.word)
          .i32(control.shift)
          .op(op.shr)
          .i32(control.mask)
          .op(op.and);
        body.switch(labels.length, (code) => {
          const { waits } = labels[code];
          if (waits.length === 0) return null;
          return () => {
            const printing = { ...this.plain(body), word: this.wordsIn(body, false) };
            new WasmPrinter(body, printing).print(waits);
          };
        });
        body.i32(-1);
      }),
    );
    return this.define([i32, i32], [i32], (body) => {
      body.get(0).switch(dispatches.length, (i) => () => body.get(1).call(answers[i]).return());
      body.i32(-1);
    });
  }

  // Properties

  /** (state before, record after) -> 1: broken, -1: the packed evaluator has to take over. */
  private check(statements: readonly Stmt[]): Func {
    return this.define([i32, i32], [i32], (body) => {
      const word = (bank: number, index: number): void => {
        body.get(bank).load(4 * index);
      };
      new WasmPrinter(body, { ...this.plain(body), word }).print(statements);
      body.i32(0);
    });
  }

  /** Looks at each group of invariants; where it is remembered that all of a group hold, at nothing more of it. */
  private invariants(groups: readonly FormulaGroup[]): Func {
    const { around } = this;
    const isBroken = this.encoder.global(i32);
    const remembered = groups.filter(({ reads }) => reads !== null).length;
    const bytesForEach = Math.floor(around.memoBytes / Math.max(1, remembered));
    let first = 0;
    const all = groups.map(({ body: statements, reads }) => {
      const look = this.formulas(statements, (body, id) => {
        around.violated(body, id, 0);
        body.i32(1).setGlobal(isBroken);
      });
      if (reads === null) return look;
      const memo = this.remember(look, reads, isBroken, first, bytesForEach);
      first += bytesForEach;
      return memo;
    });
    return this.define([i32], [i32], (body) => {
      for (const group of all) {
        body.get(0).call(group);
        body.if(() => body.i32(-1).return());
      }
      body.i32(0);
    });
  }

  /**
   * `look`, unless the bits that it reads are those of a state for which it found nothing: those are kept as they are,
   * in a table of `bytes` bytes in which a newer one takes an older one's place.
   */
  private remember(
    look: Func,
    reads: readonly number[],
    isBroken: number,
    first: number,
    bytes: number,
  ): Func {
    const { around } = this;
    const read = reads.flatMap((bits, index) => (index === 0 || bits !== 0 ? [{ bits, index }] : []));
    const entryBytes = 4 * read.length;
    const entryBits = Math.floor(Math.log2(bytes / entryBytes));
    return this.define([i32], [i32], (body) => {
      const keys = read.map(() => body.local());
      const at = body.local();
      read.forEach(({ bits, index }, i) => {
        // Bit 0 of word 0 is set in every state: an entry of zeros is no state's.
        const mask = index === 0 ? bits | 1 : bits;
        body
          .get(0)
          .load(4 * index)
          .i32(mask)
          .op(op.and)
          .set(keys[i]);
      });
      keys.forEach((key, i) => {
        body
          .get(key)
          .i32(multipliers[i % multipliers.length] + 2 * i)
          .op(op.mul);
        if (i > 0) body.op(op.add);
      });
      body
        .i32(32 - entryBits)
        .op(op.shr)
        .i32(entryBytes)
        .op(op.mul);
      around.memo(body);
      body.op(op.add).set(at);
      keys.forEach((key, i) => {
        body
          .get(at)
          .load(first + 4 * i)
          .get(key)
          .op(op.xor);
        if (i > 0) body.op(op.or);
      });
      body.op(op.eqz).if(() => body.i32(0).return());
      body.i32(0).setGlobal(isBroken);
      body.get(0).call(look);
      body.if(() => body.i32(-1).return());
      // What is violated is to be told of each state.
      body.getGlobal(isBroken).if(() => body.i32(0).return());
      keys.forEach((key, i) =>
        body
          .get(at)
          .get(key)
          .store(first + 4 * i),
      );
      body.i32(0);
    });
  }

  /** Statements that report: violated invariants, or witnesses that are reached. */
  private formulas(statements: readonly Stmt[], report: (body: Body, what: number) => void): Func {
    const parts = split(statements).map((part) =>
      this.define([i32], [i32], (body) => {
        const word = this.wordsIn(body, true);
        const printing = { ...this.plain(body), word, report: (what: number) => report(body, what) };
        new WasmPrinter(body, printing).print(part);
        body.i32(0);
      }),
    );
    return this.define([i32], [i32], (body) => {
      for (const part of parts) {
        body.get(0).call(part);
        body.if(() => body.i32(-1).return());
      }
      body.i32(0);
    });
  }

  // Functions

  private define(params: ValueType[], results: ValueType[], write: (body: Body) => void): Func {
    const fn = this.encoder.declare(params, results);
    const body = new Body(params.length);
    write(body);
    this.encoder.define(fn, body);
    return fn;
  }

  /** How a function with the state's address in local 0 gets at its words. */
  private wordsIn(body: Body, isEager: boolean): WasmPrinting["word"] {
    const { words } = this.module;
    if (!isEager || words > fewWords) {
      return (_, index) => {
        body.get(0).load(4 * index);
      };
    }
    const locals = Array.from({ length: words }, (_, i) => {
      const local = body.local();
      body
        .get(0)
        .load(4 * i)
        .set(local);
      return local;
    });
    return (_, index) => {
      body.get(locals[index]);
    };
  }

  private plain(body: Body): Omit<WasmPrinting, "word"> {
    const { around } = this;
    return {
      emit: () => fail("a successor outside expand"),
      deopt: () => body.i32(-1).return(),
      answer: () => body.return(),
      report: () => fail("a report outside a property"),
      isReached: (what) => around.isReached(body, what),
    };
  }
}

/** Statements in parts that are optimised in good time. */
function split(statements: readonly Stmt[]): Stmt[][] {
  const parts: Stmt[][] = [];
  let room = 0;
  for (const stmt of statements) {
    const cost = countOperations([stmt]);
    if (cost > room) {
      parts.push([]);
      room = mostOperations;
    }
    parts[parts.length - 1].push(stmt);
    room -= cost;
  }
  return parts;
}

function fail(what: string): never {
  throw new Error(what);
}
