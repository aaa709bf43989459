/**
 * Blocks of steps, as WebAssembly functions: what merged.ts does with a plan, without the numbers of blocks. A block's
 * record names its first step.
 */
import type { ModelFunctions } from "../../compile/emit-wasm.ts";
import type { Func } from "../../wasm/encoder.ts";
import { i32, op } from "../../wasm/opcodes.ts";
import type { Analysis } from "../merge/analysis.ts";
import { claimsOf } from "../merge/claims.ts";
import { longest } from "../merge/merged.ts";
import type { Room } from "./room.ts";
import { CodeWriter, copyWords, locals, read, type Site } from "./writer.ts";

/** States of one process that are to be gone on from; with more, the state is handed over. */
const mostPending = 4096;
/** What is kept of a pending state beside its words: the block's first step, and its length with two marks. */
const extraWords = 2;
const isBeforeMark = 1;
const startsCallMark = 2;
const lengthShift = 2;

export interface BlockFunctions {
  /** (record): gives the ends of the blocks that begin with this step. */
  readonly finish: Func;
}

interface Parts {
  readonly model: ModelFunctions;
  readonly recordBytes: number;
  readonly instanceOffset: number;
  /** (state, first step): takes in a successor. */
  readonly give: Func;
  /** Not 0: the state that is being expanded is handed over. */
  readonly handedOver: number;
  /** Does a model have deadlocks that are no waiting? */
  readonly isStuckSought: boolean;
}

export class BlockCode {
  readonly analysis: Analysis;
  readonly words: number;
  /** The most codes that a process has. */
  readonly codes: number;
  /** Places of tables. */
  readonly tables: {
    /** By process and code, packed: may a block go on before its free step (1), after it (2); is a lock waited for (4)? */
    readonly goesOn: number;
    /** By instance: the process, whether it begins a call, where its row of `comesBefore` is (-1: it has none). */
    readonly processOf: number;
    readonly beginsCall: number;
    readonly rowOf: number;
    /** By row, by code. */
    readonly comesBefore: number;
  };
  /** Places of each thread: pending states, and the records of a step. */
  readonly stack: number;
  readonly next: number;

  /** `mostSuccessors`: of the model's own. */
  constructor(analysis: Analysis, words: number, mostSuccessors: number, shared: Room, own: Room) {
    this.analysis = analysis;
    this.words = words;
    const { plan, table } = analysis;
    this.codes = Math.max(1, ...table.points.map((process) => process.length));
    const goesOn = new Int32Array(table.points.length * this.codes);
    table.points.forEach((process, p) =>
      process.forEach((_, code) => {
        goesOn[p * this.codes + code] =
          plan.goesOnBefore[p][code] | (plan.goesOnAfter[p][code] << 1) | (plan.takesLock[p][code] << 2);
      }),
    );
    const rows: number[][] = [];
    const known = new Map<string, number>();
    const rowOf = plan.comesBefore.map((before) => {
      if (before === null || !before.includes(1)) return -1;
      const key = before.join("");
      let row = known.get(key);
      if (row === undefined) {
        row = rows.length;
        known.set(key, row);
        rows.push([...before, ...Array<number>(this.codes - before.length).fill(0)]);
      }
      return row;
    });
    this.tables = {
      goesOn: shared.constant(goesOn),
      processOf: shared.constant(plan.processOf),
      beginsCall: shared.constant(Int32Array.from(plan.beginsCall)),
      rowOf: shared.constant(Int32Array.from(rowOf)),
      comesBefore: shared.table(Int32Array.from(rows.flat())),
    };
    this.stack = own.words((mostPending + 1) * (words + extraWords));
    this.next = own.words((mostSuccessors + 1) * (words + extraWords));
  }

  emit(site: Site, parts: Parts): BlockFunctions {
    return new BlockEmitter(site, parts, this).emit();
  }
}

class BlockEmitter extends CodeWriter {
  private readonly parts: Parts;
  private readonly code: BlockCode;
  private readonly entryBytes: number;
  /** Where the next pending state goes. */
  private readonly top: number;

  constructor(site: Site, parts: Parts, code: BlockCode) {
    super(site);
    this.parts = parts;
    this.code = code;
    this.entryBytes = 4 * (code.words + extraWords);
    this.top = site.encoder.global(i32);
  }

  emit(): BlockFunctions {
    const codeOf = this.codeOf();
    const stepOf = this.stepOf();
    const comesBefore = this.comesBefore();
    const push = this.push();
    return { finish: this.finish({ codeOf, comesBefore, push, stepOf }) };
  }

  /** (process, state) -> the code of the process's label. */
  private codeOf(): Func {
    const { controls } = this.code.analysis.table;
    return this.define(2, 1, (body) => {
      body.get(0).switch(controls.length, (process) => () => {
        read(body, controls[process], 1);
        body.return();
      });
      body.op(op.unreachable);
    });
  }

  /** (process, state, to) -> the end of the records of the process's steps, or 0. */
  private stepOf(): Func {
    const { model } = this.parts;
    return this.define(3, 1, (body) => {
      body.get(0).switch(model.parts.length, (process) => () => {
        body.get(1).get(2).call(model.parts[process]).return();
      });
      body.op(op.unreachable);
    });
  }

  /** (instance, code) -> may the step, which led there, come before the block's free step? */
  private comesBefore(): Func {
    const { codes, tables } = this.code;
    return this.define(2, 1, (body) => {
      const row = body.local();
      body.get(0);
      this.lookUp(body, tables.rowOf);
      body
        .tee(row)
        .i32(0)
        .op(op.lt)
        .if(() => body.i32(0).return());
      body.get(row).i32(codes).op(op.mul).get(1).op(op.add);
      this.lookUp(body, tables.comesBefore);
    });
  }

  /** (state, first step, marks): the state is to be gone on from. */
  private push(): Func {
    const { words, stack } = this.code;
    return this.define(3, 0, (body) => {
      const top = body.local();
      body.getGlobal(this.top).tee(top);
      body
        .getGlobal(this.site.base)
        .i32(this.site.own + stack + mostPending * this.entryBytes)
        .op(op.add);
      body.op(op.geU).if(() => {
        body.i32(1).setGlobal(this.parts.handedOver).return();
      });
      copyWords(body, words, top, 0);
      body
        .get(top)
        .get(1)
        .store(4 * words);
      body
        .get(top)
        .get(2)
        .store(4 * words + 4);
      body.get(top).i32(this.entryBytes).op(op.add).setGlobal(this.top);
    });
  }

  private finish(parts: {
    readonly codeOf: Func;
    readonly comesBefore: Func;
    readonly push: Func;
    readonly stepOf: Func;
  }): Func {
    const { codeOf, comesBefore, push, stepOf } = parts;
    const { give, handedOver, instanceOffset, isStuckSought, model, recordBytes } = this.parts;
    const { analysis, codes, next, stack, tables, words } = this.code;
    return this.define(1, 0, (body) => {
      const [instance, process, code, before, bottom, first] = locals(body, 6);
      const [marks, at, end, entry, records] = locals(body, 5);
      const goesOn = (): void => {
        body.get(process).i32(codes).op(op.mul).get(code).op(op.add);
        this.lookUp(body, tables.goesOn);
      };
      /** Leaves whether the block goes on: `before` says whether it has not taken its free step. */
      const doesGoOn = (): void => {
        goesOn();
        body.i32(1).i32(1).get(before).op(op.sub).op(op.shl).op(op.and).i32(0).op(op.ne);
      };
      body.get(0).load(instanceOffset).set(instance);
      body.get(instance);
      this.lookUp(body, tables.processOf);
      body.tee(process).i32(0).op(op.lt);
      body.if(() => body.get(0).get(instance).call(give).return());
      body.get(process).get(0).call(codeOf).set(code);
      body.get(instance).get(code).call(comesBefore).set(before);
      doesGoOn();
      body.op(op.eqz).if(() => body.get(0).get(instance).call(give).return());
      const own = this.own(body);
      body.get(own).i32(stack).op(op.add).tee(bottom).setGlobal(this.top);
      body.get(own).i32(next).op(op.add).set(records);
      body.get(0).get(instance);
      body
        .i32(1 << lengthShift)
        .get(before)
        .op(op.or);
      body.get(instance);
      this.lookUp(body, tables.beginsCall);
      body.i32(1).op(op.shl).op(op.or).call(push);
      body.block((done) => {
        body.loop((another) => {
          body.getGlobal(this.top).get(bottom).op(op.eq).brIf(done);
          body.getGlobal(this.top).i32(this.entryBytes).op(op.sub).tee(entry).setGlobal(this.top);
          body
            .get(entry)
            .load(4 * words)
            .set(first)
            .get(entry)
            .load(4 * words + 4)
            .set(marks);
          body.get(process).get(entry).get(records).call(stepOf).tee(end).op(op.eqz);
          body.if(() => {
            body.i32(1).setGlobal(handedOver).return();
          });
          body.get(end).get(records).op(op.eq);
          body.if(() => {
            if (analysis.plan.isIdleFree && !isStuckSought) {
              // A call that finds its first lock taken is not begun.
              body
                .get(marks)
                .i32(isBeforeMark | startsCallMark)
                .op(op.and);
              body.i32(isBeforeMark | startsCallMark).op(op.eq);
              body.if(() => {
                body.get(process).get(entry).call(codeOf).set(code);
                goesOn();
                body.i32(4).op(op.and);
                body.if(() => {
                  body.get(process).get(entry).call(model.waitsOn).i32(0).op(op.ge).brIf(another);
                });
              });
            }
            body.get(entry).get(first).call(give).br(another);
          });
          body.get(records).set(at);
          body.loop((each) => {
            body.get(at).load(instanceOffset).set(instance);
            body.get(process).get(at).call(codeOf).set(code);
            body.get(marks).i32(isBeforeMark).op(op.and);
            body.choose(
              () => body.get(instance).get(code).call(comesBefore),
              () => body.i32(0),
            );
            body.set(before);
            doesGoOn();
            body.get(marks).i32(lengthShift).op(op.shr).i32(longest).op(op.ltU).op(op.and);
            body.if(
              () => {
                body.get(at).get(first);
                body.get(marks).i32(~isBeforeMark).op(op.and).get(before).op(op.or);
                body
                  .i32(1 << lengthShift)
                  .op(op.add)
                  .call(push);
              },
              () => body.get(at).get(first).call(give),
            );
            body.get(at).i32(recordBytes).op(op.add).tee(at).get(end).op(op.ne).brIf(each);
          });
          body.br(another);
        });
      });
    });
  }
}

/** (state) -> does each process hold the locks that it is said to hold at its label? */
export function emitClaims(site: Site, analysis: Analysis): Func {
  const { controls } = analysis.table;
  const claims = claimsOf(analysis);
  return new CodeWriter(site).define(1, 1, (body) => {
    controls.forEach((control, process) => {
      if (claims[process].every((locks) => locks.length === 0)) return;
      read(body, control, 0);
      body.switch(claims[process].length, (code) => {
        const locks = claims[process][code];
        if (locks.length === 0) return null;
        return () => {
          for (const lock of locks) {
            read(body, lock, 0);
            body.op(op.eqz).if(() => body.i32(0).return());
          }
        };
      });
    });
    body.i32(1);
  });
}
