/**
 * Random walks, as a WebAssembly function: as simulate.ts walks, on the random numbers that each walk is given. A
 * walk on which anything is to be told (a violation, a witness not seen yet, a state on which compiled code gives up)
 * is only marked: the main thread walks it again in JavaScript.
 */
import type { ModelFunctions } from "../compile/emit-wasm.ts";
import { Body } from "../wasm/body.ts";
import type { Func, ModuleEncoder } from "../wasm/encoder.ts";
import { access, atomic, i32, op } from "../wasm/opcodes.ts";
import type { TableFunctions } from "./emit-table.ts";
import { control, type MemoryMap, own } from "./memory-map.ts";

export interface WalkParts {
  /** The thread's area: a global variable. */
  readonly base: number;
  /** A global variable that is not 0 after a violation was noted. */
  readonly noticed: number;
  readonly model: ModelFunctions;
  readonly table: TableFunctions;
  /** (end): see emit-search.ts. */
  readonly sift: Func;
  /** (state): adds it to the thread's digest. */
  readonly digest: Func;
}

export interface WalkFunctions {
  /** -> how many walks: does those that nobody has begun. */
  readonly walks: Func;
  /** (end of the batch, room) -> 1 if there was none: puts the states of the batch that are new in the table. */
  readonly count: Func;
}

export function emitWalks(encoder: ModuleEncoder, map: MemoryMap, parts: WalkParts): WalkFunctions {
  const count = emitCount(encoder, map, parts);
  return { count, walks: emitAllWalks(encoder, emitWalk(encoder, map, parts, count)) };
}

function emitAllWalks(encoder: ModuleEncoder, walk: Func): Func {
  const fn = encoder.declare([], [i32]);
  const body = new Body(0);
  const [k, count] = [body.local(), body.local()];
  body.loop((next) => {
    body.i32(0).i32(1).atomic(atomic.add, control.nextBlock).tee(k).i32(0).load(control.layerBlocks);
    body.op(op.ltU).if(() => {
      body.get(k).call(walk);
      body.get(count).i32(1).op(op.add).set(count).br(next);
    });
  });
  body.get(count);
  encoder.define(fn, body);
  return fn;
}

/** (number in the round): one walk. */
function emitWalk(encoder: ModuleEncoder, map: MemoryMap, parts: WalkParts, count: Func): Func {
  const { base, model, noticed } = parts;
  const { witnesses, words } = map.needs;
  const fn = encoder.declare([i32], []);
  const body = new Body(1);
  const [area, start, state, to, steps, end] = Array.from({ length: 6 }, () => body.local());
  const [from, isMarked, n] = Array.from({ length: 3 }, () => body.local());
  const s = Array.from({ length: 4 }, () => body.local());
  const mark = (): void => {
    body.i32(1).set(isMarked);
  };
  const copyState = (offset: number): void => {
    for (let i = 0; i < words; i++)
      body
        .get(to)
        .get(from)
        .load(offset + 4 * i)
        .store(4 * i);
    body.get(to).set(state).get(to).i32(map.recordBytes).op(op.add).set(to);
  };
  body.getGlobal(base).set(area);
  body.i32(0).setGlobal(noticed);
  body.get(0).i32(map.walkBytes).op(op.mul).i32(map.walks).op(op.add).tee(start).i32(0).store(map.walkMark);
  s.forEach((word, i) =>
    body
      .get(start)
      .load(4 * i)
      .set(word),
  );
  // The initial state lies before the records of the steps; it was counted with the others.
  body.get(area).i32(map.walkStart).op(op.add).set(to).get(start).set(from);
  copyState(16);
  body.get(area).i32(map.batch).op(op.add).set(to);
  body.block((done) => {
    body.loop((next) => {
      body.get(steps).i32(0).load(control.mostSteps).op(op.geU).brIf(done);
      body.get(steps).i32(1).op(op.add).set(steps);
      body.get(state).get(area).i32(map.log).op(op.add).tee(from).call(model.expand).tee(end).op(op.eqz);
      body.if(() => {
        mark();
        body.br(done);
      });
      body.get(state).get(from).get(end).call(model.mayBeDeadlock).i32(0).load(control.isDeadlockSought);
      body.op(op.and).if(mark);
      body.get(from).get(end).op(op.eq).brIf(done);
      // One of n: the upper bits of a random number times n.
      body.get(s[1]).i32(5).op(op.mul).i32(7).op(op.rotl).i32(9).op(op.mul).op(op.extendU);
      body.get(end).get(from).op(op.sub).i32(map.recordBytes).op(op.divU).op(op.extendU).op(op.i64mul);
      body.i64(32).op(op.i64shr).op(op.wrap).i32(map.recordBytes).op(op.mul).get(from).op(op.add).set(from);
      advance(body, s, n);
      body.get(to).get(from).load(map.instanceOffset).store(map.instanceOffset);
      copyState(0);
      body.get(state).call(model.invariants).if(mark);
      body
        .i32(0)
        .load(control.isWitnessSought)
        .if(() => {
          body.get(state).call(model.witnesses).if(mark);
        });
      body.br(next);
    });
  });
  body.getGlobal(noticed).if(mark);
  for (let i = 0; i < witnesses; i++) {
    // What was reached is known from the next round on, so that it does not matter who walked first.
    body
      .get(area)
      .at(access.load8, map.reached + i)
      .i32(0)
      .at(access.load8, map.knownWitnesses + i);
    body.op(op.ne).if(mark);
    body
      .get(area)
      .i32(0)
      .at(access.load8, map.knownWitnesses + i)
      .at(access.store8, map.reached + i);
  }
  body.get(isMarked).if(() => body.get(start).i32(1).store(map.walkMark).return());
  body
    .get(to)
    .i32(-1)
    .call(count)
    .if(() => body.op(op.unreachable));
  encoder.define(fn, body);
  return fn;
}

function emitCount(encoder: ModuleEncoder, map: MemoryMap, { base, digest, sift, table }: WalkParts): Func {
  const fn = encoder.declare([i32, i32], [i32]);
  const body = new Body(2);
  const [area, from, end, n, list, isFull] = Array.from({ length: 6 }, () => body.local());
  body.getGlobal(base).set(area).get(0).call(sift);
  body.get(area).load(own.batchAt).set(from).get(area).load(own.batchEnd).set(end);
  body.get(from).get(end).call(table.locate).op(op.drop);
  body.get(area).i32(map.found).op(op.add).set(list);
  body.get(from).get(end).get(1).get(list).call(table.insert).get(end).op(op.ne).set(isFull);
  body.i32(0).getGlobal(table.listed).tee(n).atomic(atomic.add, control.size).op(op.drop);
  body.block((done) => {
    body.loop((next) => {
      body.get(n).op(op.eqz).brIf(done);
      body.get(list).load().call(digest);
      body.get(list).i32(4).op(op.add).set(list).get(n).i32(1).op(op.sub).set(n).br(next);
    });
  });
  body.get(area).get(area).i32(map.batch).op(op.add).store(own.batchAt);
  body.get(area).get(area).load(own.batchAt).store(own.batchEnd).get(isFull);
  encoder.define(fn, body);
  return fn;
}

/** The generator of random.ts: xoshiro128**. */
function advance(body: Body, [s0, s1, s2, s3]: readonly number[], t: number): void {
  body.get(s1).i32(9).op(op.shl).set(t);
  body.get(s2).get(s0).op(op.xor).set(s2);
  body.get(s3).get(s1).op(op.xor).set(s3);
  body.get(s1).get(s2).op(op.xor).set(s1);
  body.get(s0).get(s3).op(op.xor).set(s0);
  body.get(s2).get(t).op(op.xor).set(s2);
  body.get(s3).i32(11).op(op.rotl).set(s3);
}
