/**
 * The search of a layer, as WebAssembly functions: what one thread does with blocks of states until there are no
 * more. All that it needs is in the shared memory; all that needs the model as it was written is noted there for
 * the main thread.
 */
import type { Around, ModelFunctions } from "../compile/emit-wasm.ts";
import { Body } from "../wasm/body.ts";
import type { Func, ModuleEncoder } from "../wasm/encoder.ts";
import { access, atomic, i32, op, type ValueType } from "../wasm/opcodes.ts";
import type { TableFunctions } from "./emit-table.ts";
import { emitWalks } from "./emit-walk.ts";
import {
  batchRecords,
  blockStates,
  command,
  control,
  logEntries,
  type MemoryMap,
  memoBytes,
  noted,
  own,
  reason,
} from "./memory-map.ts";

/** Blocks between two looks at what runs next: optimised code is taken up then. */
const blocksAtOnce = 8;
/** How often a thread looks for work before it sleeps. */
const spins = 2000;

/** Where the model's functions lie in the shared memory what they report. `base`: the thread's area, a global. */
export function aroundModel(map: MemoryMap, base: number, keepLeast: Func): Around {
  const { needs } = map;
  const note = (body: Body, flag: number, candidate: number, instance: number, src: number): void => {
    body.i32(0).at(access.load8, flag).op(op.eqz);
    body.if(() => {
      body.getGlobal(base).i32(candidate).op(op.add).get(src).i32(instance).call(keepLeast);
    });
  };
  return {
    recordBytes: map.recordBytes,
    instanceOffset: map.instanceOffset,
    violated: (body, id, src) => note(body, map.knownInvariants + id, map.invariantCandidate(id), -1, src),
    broken: (body, id, instance, src) =>
      note(body, map.knownSteps + id, map.stepCandidate(id), instance, src),
    isReached: (body, id) => body.getGlobal(base).at(access.load8, map.reached + id),
    reached: (body, id) =>
      body
        .getGlobal(base)
        .i32(1)
        .at(access.store8, map.reached + id),
    memoBytes,
    memo: (body) => body.getGlobal(base).i32(map.memo).op(op.add),
    isServer: (body) => {
      const instance = body.borrow();
      body
        .set(instance)
        .i32(needs.instances)
        .op(op.mul)
        .get(instance)
        .op(op.add)
        .at(access.load8, map.servers);
      body.giveBack(instance);
    },
  };
}

/**
 * (candidate, state, instance): keeps the least state (and of one state, the least instance) that shows something,
 * so that what is reported does not depend on who comes first. Sets the global `noticed`.
 */
export function emitKeepLeast(encoder: ModuleEncoder, map: MemoryMap, noticed: number): Func {
  const { words } = map.needs;
  return define(encoder, 3, 0, (body) => {
    const copy = (): void => {
      body.get(0).i32(1).store();
      for (let i = 0; i < words; i++)
        body
          .get(0)
          .get(1)
          .load(4 * i)
          .store(4 + 4 * i);
      body
        .get(0)
        .get(2)
        .store(4 + 4 * words)
        .return();
    };
    body.i32(1).setGlobal(noticed);
    body.get(0).load().op(op.eqz).if(copy);
    const compare = (mine: () => void, known: () => void): void => {
      mine();
      known();
      body.op(op.ltU).if(copy);
      mine();
      known();
      body.op(op.ne).if(() => body.return());
    };
    for (let i = 0; i < words; i++) {
      compare(
        () => body.get(1).load(4 * i),
        () => body.get(0).load(4 + 4 * i),
      );
    }
    compare(
      () => body.get(2),
      () => body.get(0).load(4 + 4 * words),
    );
  });
}

/** (kind, state): notes a state for the main thread. */
export function emitNote(encoder: ModuleEncoder, map: MemoryMap, base: number): Func {
  return define(encoder, 2, 0, (body) => {
    const [area, at] = [body.local(), body.local()];
    body.getGlobal(base).set(area);
    body.get(area).get(area).load(own.logCount).tee(at).i32(1).op(op.add).store(own.logCount);
    body.get(area).get(at).i32(map.logBytes).op(op.mul).op(op.add).set(at);
    body.get(at).get(0).store(map.log);
    for (let i = 0; i < map.needs.words; i++)
      body
        .get(at)
        .get(1)
        .load(4 * i)
        .store(map.log + 4 + 4 * i);
  });
}

export interface SearchParts {
  /** The thread's area, and whether a violation was noted: global variables. */
  readonly base: number;
  readonly noticed: number;
  readonly model: ModelFunctions;
  readonly table: TableFunctions;
  readonly note: Func;
  /** Whether there are several threads. */
  readonly isShared: boolean;
}

export function emitSearch(encoder: ModuleEncoder, map: MemoryMap, parts: SearchParts): void {
  new SearchEmitter(encoder, map, parts).emit();
}

class SearchEmitter {
  private readonly encoder: ModuleEncoder;
  private readonly map: MemoryMap;
  private readonly parts: SearchParts;
  private readonly base: number;
  private readonly model: ModelFunctions;
  private readonly table: TableFunctions;

  constructor(encoder: ModuleEncoder, map: MemoryMap, parts: SearchParts) {
    this.encoder = encoder;
    this.map = map;
    this.parts = parts;
    this.base = parts.base;
    this.model = parts.model;
    this.table = parts.table;
  }

  emit(): void {
    const { encoder, base, model, table } = this;
    const { note } = this.parts;
    const takeBlock = this.takeBlock();
    const publish = this.publish();
    const digest = this.digest();
    const admit = this.admit(note, takeBlock, publish, digest);
    const takeIn = this.takeIn(admit);
    const sift = this.sift();
    const work = this.work(note, takeIn, sift);
    const { count, walks } = emitWalks(encoder, this.map, { ...this.parts, sift, digest });
    const setBase = define(encoder, 1, 0, (body) => body.get(0).setGlobal(base));
    const exported = {
      setBase,
      work,
      takeIn,
      sift,
      publish,
      walks,
      count,
      serve: this.serve(work, walks),
      rehash: this.rehash(),
      place: table.place,
      expand: model.expand,
      mayBeDeadlock: model.mayBeDeadlock,
      invariants: model.invariants,
      witnesses: model.witnesses,
    };
    for (const [name, fn] of Object.entries(exported)) encoder.export(name, fn);
  }

  /** -> a free block. There is one: see `takeIn`. */
  private takeBlock(): Func {
    const { map } = this;
    return define(this.encoder, 0, 1, (body) => {
      const n = body.local();
      this.lock(body);
      body.i32(0).load(control.freeBlocks).tee(n);
      body.choose(
        () => {
          body.i32(0).get(n).i32(1).op(op.sub).tee(n).store(control.freeBlocks);
          body.get(n).i32(2).op(op.shl).load(map.freeList);
        },
        () => {
          body
            .i32(0)
            .i32(0)
            .load(control.usedBlocks)
            .tee(n)
            .i32(1)
            .op(op.add)
            .store(control.usedBlocks)
            .get(n);
        },
      );
      this.unlock(body);
    });
  }

  private giveBlockBack(body: Body, block: number): void {
    const { map } = this;
    const n = body.local();
    this.lock(body);
    body.i32(0).load(control.freeBlocks).tee(n).i32(2).op(op.shl).get(block).store(map.freeList);
    body.i32(0).get(n).i32(1).op(op.add).store(control.freeBlocks);
    this.unlock(body);
  }

  /** Appends the block that the thread has filled to the next layer. */
  private publish(): Func {
    const { map } = this;
    return define(this.encoder, 0, 0, (body) => {
      const [area, block] = this.area(body, 2);
      body
        .get(area)
        .load(own.outBlock)
        .tee(block)
        .i32(0)
        .op(op.lt)
        .if(() => body.return());
      body.get(block).i32(2).op(op.shl).get(area).load(own.outCount).store(map.blockCounts);
      body.i32(0).i32(1).atomic(atomic.add, control.nextCount).i32(2).op(op.shl);
      body.i32(0).load(control.nextList).op(op.add).get(block).store();
      body.get(area).i32(-1).store(own.outBlock).get(area).i32(0).store(own.outCount);
    });
  }

  /** (state): adds it to the thread's digest, which is the one of search/digest.ts. */
  private digest(): Func {
    return define(this.encoder, 1, 0, (body) => {
      const [area, a, b, word] = this.area(body, 4);
      const fold = (of: number, by: number): void => {
        body.get(of).get(of).i32(by).op(op.shr).op(op.xor).set(of);
      };
      body.i32(0x9e3779b9).set(a).i32(0x7f4a7c15).set(b);
      for (let i = 0; i < this.map.needs.words; i++) {
        body
          .get(a)
          .get(0)
          .load(4 * i)
          .tee(word)
          .op(op.xor)
          .i32(0x21f0aaad)
          .op(op.mul)
          .set(a);
        fold(a, 15);
        body.get(a).i32(0x735a2d97).op(op.mul).set(a);
        fold(a, 15);
        body.get(b).i32(11).op(op.rotl).get(word).op(op.add).i32(0x7feb352d).op(op.mul).set(b);
        fold(b, 16);
        body.get(b).i32(0x846ca68b).op(op.mul).set(b);
        fold(b, 16);
      }
      body.get(area).get(area).load(own.digestHigh).get(a).op(op.add).store(own.digestHigh);
      body.get(area).get(area).load(own.digestLow).get(b).op(op.add).store(own.digestLow);
    });
  }

  /** (how many): appends the records listed as new to the next layer, and checks them. */
  private admit(note: Func, takeBlock: Func, publish: Func, digest: Func): Func {
    const { map, model } = this;
    const { words } = map.needs;
    return define(this.encoder, 1, 0, (body) => {
      const [area, list, record, to, count] = this.area(body, 5);
      const seeks = body.local();
      body.get(area).i32(map.found).op(op.add).set(list);
      body.get(area).load(own.outCount).set(count);
      body.i32(0).load(control.isWitnessSought).set(seeks);
      const pushTo = (): void => {
        body.get(area).load(own.outBlock).i32(map.blockBytes).op(op.mul).i32(map.blocks).op(op.add);
        body.get(count).i32(map.stateBytes).op(op.mul).op(op.add).set(to);
      };
      pushTo();
      body.block((end) => {
        body.loop((next) => {
          body.get(0).op(op.eqz).brIf(end);
          body.get(list).load().set(record);
          body.get(area).load(own.outBlock).i32(0).op(op.lt).get(count).i32(blockStates).op(op.eq).op(op.or);
          body.if(() => {
            body.get(area).get(count).store(own.outCount).call(publish);
            body.get(area).call(takeBlock).store(own.outBlock).i32(0).set(count);
            pushTo();
          });
          for (let i = 0; i < words; i++) {
            body.get(to);
            body.get(record).load(4 * i);
            body.store(4 * i);
          }
          body.get(record).call(digest);
          body
            .get(record)
            .call(model.invariants)
            .if(() => body.i32(noted.invariants).get(record).call(note));
          body.get(seeks).if(() => {
            body.get(record).call(model.witnesses);
            body.if(() => body.i32(noted.witnesses).get(record).call(note));
          });
          body.get(to).i32(map.stateBytes).op(op.add).set(to);
          body.get(count).i32(1).op(op.add).set(count);
          body.get(list).i32(4).op(op.add).set(list);
          body.get(0).i32(1).op(op.sub).set(0).br(next);
        });
      });
      body.get(area).get(count).store(own.outCount);
    });
  }

  /** (end): the batch has records up to there; counts them, and leaves those to be inserted. */
  private sift(): Func {
    const { map, table } = this;
    return define(this.encoder, 1, 0, (body) => {
      const [area, first] = this.area(body, 2);
      body.get(area).i32(map.batch).op(op.add).set(first);
      body.get(area).get(area).load(own.transitions).get(0).get(first).op(op.sub);
      body.i32(map.recordBytes).op(op.divU).op(op.add).store(own.transitions);
      body.get(area).get(first).store(own.batchAt);
      body.get(area).get(area).get(first).get(0).call(table.sift).store(own.batchEnd);
    });
  }

  /** Inserts what the batch holds from `batchAt` on. The reason is `slice` when all of it went in. */
  private takeIn(admit: Func): Func {
    const { map, table } = this;
    const { threads } = map.needs;
    const blocksForBatch = Math.ceil((batchRecords + map.needs.mostSuccessors) / blockStates) + 1;
    return define(this.encoder, 0, 1, (body) => {
      const [area, from, end, count, room] = this.area(body, 5);
      const [known, stop] = [body.local(), body.local()];
      body.get(area).load(own.batchAt).set(from).get(area).load(own.batchEnd).set(end);
      body
        .get(from)
        .get(end)
        .op(op.eq)
        .if(() => body.i32(reason.slice).return());
      body.get(end).get(from).op(op.sub).i32(map.recordBytes).op(op.divU).set(count);
      // Blocks that are left for this batch and one of each other thread.
      body.i32(0).load(control.freeBlocks).i32(0).load(control.mostBlocks).op(op.add);
      body
        .i32(0)
        .load(control.usedBlocks)
        .op(op.sub)
        .i32(threads * blocksForBatch)
        .op(op.lt);
      body.if(() => body.i32(reason.memory).return());
      // Room is taken for all of the batch, and what was not needed is given back.
      body.loop((again) => {
        this.loadShared(body, control.size);
        body.set(known);
        body.get(known).get(count).op(op.add).i32(0).load(control.growAt).op(op.gtU);
        body.i32(0).load(control.stashed).i32(0).load(control.mostStashed).op(op.gtU).op(op.or);
        body.if(() => body.i32(reason.grow).return());
        body.i32(0).load(control.mostStates).get(known).op(op.sub).set(room);
        body.get(room).get(count).get(room).get(count).op(op.ltU).op(op.select).set(room);
        body.i32(0).get(known).get(known).get(room).op(op.add);
        body.atomic(atomic.compareExchange, control.size).get(known).op(op.ne).brIf(again);
      });
      body.get(from).get(end).call(table.locate).op(op.drop);
      body.get(from).get(end).get(room).get(area).i32(map.found).op(op.add).call(table.insert).set(stop);
      body.getGlobal(table.listed).set(known);
      body.i32(0).get(known).get(room).op(op.sub).atomic(atomic.add, control.size).op(op.drop);
      body.get(known).call(admit);
      body.get(area).get(stop).store(own.batchAt);
      body
        .get(stop)
        .get(end)
        .op(op.eq)
        .if(() => body.i32(reason.slice).return());
      body.get(known).get(room).op(op.eq);
      body.choose(
        () => body.i32(reason.limit),
        () => body.i32(reason.grow),
      );
    });
  }

  /** (blocks) -> reason: works at the layer, at up to so many blocks of it. */
  private work(note: Func, takeIn: Func, sift: Func): Func {
    const { map, model } = this;
    return define(this.encoder, 1, 1, (body) => {
      const [area, src, to, end, limit] = this.area(body, 5);
      const [block, position, count, why, isLast] = Array.from({ length: 5 }, () => body.local());
      const pause = (): void => {
        body.i32(0).i32(1).atomic(atomic.store, control.pause);
      };
      body.i32(0).load(control.isLastLayer).set(isLast);
      body.loop((another) => {
        this.loadShared(body, control.pause);
        body.if(() => body.i32(reason.paused).return());
        // What could not go in before comes first.
        body.call(takeIn).tee(why).i32(reason.slice).op(op.ne);
        body.if(() => {
          pause();
          body.get(why).return();
        });
        body
          .get(area)
          .load(own.logCount)
          .i32(logEntries / 4)
          .op(op.gtU);
        body.if(() => {
          pause();
          body.i32(reason.log).return();
        });
        body.get(area).load(own.block).tee(block).i32(0).op(op.lt);
        body.if(() => {
          body
            .get(0)
            .op(op.eqz)
            .if(() => body.i32(reason.slice).return());
          body.get(0).i32(1).op(op.sub).set(0);
          body.i32(0).i32(1).atomic(atomic.add, control.nextBlock).tee(block);
          body
            .i32(0)
            .load(control.layerBlocks)
            .op(op.geU)
            .if(() => body.i32(reason.done).return());
          body.get(block).i32(2).op(op.shl).i32(0).load(control.currentList).op(op.add).load().set(block);
          body.get(area).get(block).store(own.block).get(area).i32(0).store(own.position);
          body.get(area).get(block).i32(2).op(op.shl).load(map.blockCounts).store(own.count);
        });
        body.get(area).load(own.position).set(position).get(area).load(own.count).set(count);
        body.get(block).i32(map.blockBytes).op(op.mul).i32(map.blocks).op(op.add);
        body.get(position).i32(map.stateBytes).op(op.mul).op(op.add).set(src);
        body
          .get(area)
          .i32(map.batch)
          .op(op.add)
          .tee(to)
          .i32(batchRecords * map.recordBytes)
          .op(op.add)
          .set(limit);
        body.get(area).get(to).store(own.batchAt);
        body.block((full) => {
          body.loop((next) => {
            body.get(position).get(count).op(op.geU).brIf(full);
            body.get(to).get(limit).op(op.geU).brIf(full);
            body.get(src).get(to).call(model.expand).tee(end);
            body.if(
              () => {
                body.get(src).get(to).get(end).call(model.mayBeDeadlock);
                body.i32(0).load(control.isDeadlockSought).op(op.and);
                body.if(() => body.i32(noted.deadlock).get(src).call(note));
                // Of the last layer, only what may be a deadlock is of interest.
                body
                  .get(isLast)
                  .op(op.eqz)
                  .if(() => body.get(end).set(to));
              },
              () => {
                body.i32(noted.deadlock).i32(noted.handedOver).get(isLast).op(op.select).get(src).call(note);
              },
            );
            body.get(src).i32(map.stateBytes).op(op.add).set(src);
            body.get(position).i32(1).op(op.add).set(position).br(next);
          });
        });
        body.get(area).get(position).store(own.position).get(to).call(sift);
        body.get(position).get(count).op(op.geU);
        body.if(() => {
          this.giveBlockBack(body, block);
          body.get(area).i32(-1).store(own.block);
        });
        body.br(another);
      });
      body.op(op.unreachable);
    });
  }

  /** -> 1, or 0 if some state found no place: moves segments while there are any. */
  private rehash(): Func {
    const { map, table } = this;
    return define(this.encoder, 0, 1, (body) => {
      body.getGlobal(this.base).i32(map.moving).op(op.add).call(table.rehash);
    });
  }

  /** The life of a thread beside the main one: waits for a phase, does its part, says so. */
  private serve(work: Func, walks: Func): Func {
    const { map, table } = this;
    return define(this.encoder, 0, 0, (body) => {
      const [area, rank, phase, spin] = this.area(body, 4);
      const what = body.local();
      this.loadShared(body, control.phase);
      body.set(phase);
      body.i32(0).i32(1).atomic(atomic.add, control.ready).i32(1).op(op.add).tee(rank);
      body.i32(map.threadBytes).op(op.mul).i32(map.firstThread).op(op.add).tee(area).setGlobal(this.base);
      body.loop((wait) => {
        body.i32(spins).set(spin);
        body.block((begins) => {
          body.loop((again) => {
            this.loadShared(body, control.phase);
            body.get(phase).op(op.ne).brIf(begins);
            body.get(spin).i32(1).op(op.sub).tee(spin).brIf(again);
            body.i32(0).get(phase).i64(-1).atomic(atomic.wait, control.phase).op(op.drop);
            body.i32(1).set(spin).br(again);
          });
        });
        this.loadShared(body, control.phase);
        body.set(phase);
        body
          .i32(0)
          .load(control.command)
          .tee(what)
          .i32(command.quit)
          .op(op.eq)
          .if(() => body.return());
        // Too late for this phase.
        body.get(rank).i32(0).load(control.active).op(op.gtU).brIf(wait);
        body
          .get(what)
          .i32(command.expand)
          .op(op.eq)
          .if(() => {
            body.loop((more) => {
              body.i32(blocksAtOnce).call(work).tee(what).i32(reason.slice).op(op.eq).brIf(more);
            });
            body.get(area).get(what).store(own.reason).i32(0).set(what);
          });
        body
          .get(what)
          .i32(command.walk)
          .op(op.eq)
          .if(() => body.call(walks).op(op.drop));
        body
          .get(what)
          .i32(command.grow)
          .op(op.eq)
          .if(() => {
            body.get(area).get(area).i32(map.moving).op(op.add).call(table.rehash).store(own.reason);
          });
        body.i32(0).i32(1).atomic(atomic.add, control.done).op(op.drop);
        body.i32(0).i32(1).atomic(atomic.notify, control.done).op(op.drop);
        body.br(wait);
      });
    });
  }

  /** The thread's area and more locals. */
  private area(body: Body, count: number): number[] {
    const locals = Array.from({ length: count }, () => body.local());
    body.getGlobal(this.base).set(locals[0]);
    return locals;
  }

  private loadShared(body: Body, address: number): void {
    body.i32(0).atomic(atomic.load, address);
  }

  private lock(body: Body): void {
    if (!this.parts.isShared) return;
    body.loop((again) => {
      body.i32(0).i32(0).i32(1).atomic(atomic.compareExchange, control.blockLock).brIf(again);
    });
  }

  private unlock(body: Body): void {
    if (this.parts.isShared) body.i32(0).i32(0).atomic(atomic.store, control.blockLock);
  }
}

function define(encoder: ModuleEncoder, params: number, results: number, write: (body: Body) => void): Func {
  const i32s = (count: number): ValueType[] => Array.from({ length: count }, () => i32);
  const fn = encoder.declare(i32s(params), i32s(results));
  const body = new Body(params);
  write(body);
  encoder.define(fn, body);
  return fn;
}
