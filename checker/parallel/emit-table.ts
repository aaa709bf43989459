/**
 * The table that threads share, as WebAssembly functions.
 *
 * Whoever finds a place for a state marks its bucket as being filled, with one compare-and-swap, writes the slot,
 * and counts it with the store that takes the mark away. Readers look at the slots counted when they read the
 * marks; slots are never freed. So the first bucket with room, of those in which a state may lie, is the same for
 * two threads with the same state, and one of them finds what the other wrote.
 */
import { Body } from "../wasm/body.ts";
import type { Func, ModuleEncoder } from "../wasm/encoder.ts";
import { access, atomic, i32, i64, op, v128, type ValueType, vector } from "../wasm/opcodes.ts";
import { type Bits, keySources, pushBits, writeHash } from "./key.ts";
import { control, type MemoryMap, moveAtOnce, stashEntries } from "./memory-map.ts";
import { firstDistance, lockedMark, mostHops, placeBits, segments, type Slot } from "./slot.ts";

export interface TableFunctions {
  /**
   * (thread's area, first record, end): counts the records' instances, writes hashes, and keeps, one behind the
   * other, those records whose states this thread did not see lately. Returns their end.
   */
  readonly sift: Func;
  /** (first record, end): writes each record's bucket, and reads there, so that it comes into the cache. */
  readonly locate: Func;
  /**
   * (first record, end, room, list): inserts located records until one that is new finds no room; lists the records
   * that were new. Returns the record that it stopped at, or the end; `stopped` says how many were listed.
   */
  readonly insert: Func;
  /** A global variable: how many records `insert` listed. */
  readonly listed: number;
  /** (hash, others...): puts in a key that is not there. Returns 0 if there is no place for it. */
  readonly place: Func;
  /** (first of the area for keys): moves segments, while there are any, from the old number of buckets to the new one. */
  readonly rehash: Func;
}

/** What a distance of `hops` looks like in the marks of slot 0. */
const distanceMask = 3;

export function emitTable(
  encoder: ModuleEncoder,
  map: MemoryMap,
  usedBits: readonly number[],
  isShared: boolean,
): TableFunctions {
  return new TableEmitter(encoder, map, usedBits, isShared).emit();
}

class TableEmitter {
  private readonly encoder: ModuleEncoder;
  private readonly map: MemoryMap;
  private readonly slot: Slot;
  private readonly usedBits: readonly number[];
  /** Whether other threads may be at work in the same table. */
  private readonly isShared: boolean;
  /** Words of a key beside the hash. */
  private readonly others: number;

  constructor(encoder: ModuleEncoder, map: MemoryMap, usedBits: readonly number[], isShared: boolean) {
    this.encoder = encoder;
    this.map = map;
    this.slot = map.needs.slot;
    this.usedBits = usedBits;
    this.isShared = isShared;
    this.others = Math.ceil(this.slot.otherBits / 32);
  }

  emit(): TableFunctions {
    const listed = this.encoder.global(i32);
    const stash = this.stash();
    const place = this.place(stash);
    return {
      sift: this.sift(),
      locate: this.locate(),
      insert: this.insert(listed, stash),
      listed,
      place,
      rehash: this.rehash(place),
    };
  }

  private define(params: number, results: number, write: (body: Body) => void): Func {
    const i32s = (count: number) => Array.from({ length: count }, (): ValueType => i32);
    const fn = this.encoder.declare(i32s(params), i32s(results));
    const body = new Body(params);
    write(body);
    this.encoder.define(fn, body);
    return fn;
  }

  // Keys and places

  /** Loads the state at `record` and sets the key's other words; and `k0`, where it is given. */
  private loadKey(
    body: Body,
    record: number,
    words: readonly number[],
    others: readonly number[],
    k0?: number,
  ) {
    words.forEach((word, i) =>
      body
        .get(record)
        .load(4 * i)
        .set(word),
    );
    const sources = keySources(body, this.usedBits, words);
    if (k0 !== undefined) {
      pushBits(body, sources, 0, 32);
      body.set(k0);
    }
    others.forEach((other, i) => {
      pushBits(body, sources, 32 * (i + 1), 32);
      body.set(other);
    });
  }

  /** What a slot holds: the hash's low bits, then the others. */
  private payload(body: Body, hash: number, others: readonly number[]): Bits[] {
    const { hashBits, otherBits } = this.slot;
    return [
      {
        bits: hashBits,
        push: () =>
          body
            .get(hash)
            .i32(2 ** hashBits - 1)
            .op(op.and),
      },
      ...others.map((other, i): Bits => {
        const bits = Math.min(32, otherBits - 32 * i);
        return { bits, push: () => body.get(other) };
      }),
    ];
  }

  /** Leaves the address of the bucket of a hash, of those that segments with `buckets` (64 bits) of them have. */
  private pushBucket(body: Body, hash: number, buckets: number): void {
    const { map, slot } = this;
    body.get(hash).i32(placeBits).op(op.shr).i32(map.segmentBytes).op(op.mul).i32(map.table).op(op.add);
    body
      .get(hash)
      .i32(2 ** placeBits - 1)
      .op(op.and)
      .op(op.extendU);
    body.get(buckets).op(op.i64mul).i64(placeBits).op(op.i64shr).op(op.wrap);
    body.i32(slot.bucketBytes).op(op.mul).op(op.add);
  }

  /** Where slot 0 of a bucket has its rest; slot `s` has it `restBytes * s` further on. */
  private get rest(): number {
    return 4 + 4 * this.slot.slots;
  }

  private get restBytes(): number {
    return 4 * (this.slot.words - 1) + this.slot.tail;
  }

  private get tailAccess() {
    return this.slot.tail === 1
      ? { load: access.load8, store: access.store8 }
      : { load: access.load16, store: access.store16 };
  }

  /** Leaves the address of slot `s`'s rest, less its offset. */
  private pushRest(body: Body, bucket: number, s: number): void {
    body.get(bucket).get(s).i32(this.restBytes).op(op.mul).op(op.add);
  }

  /** Writes slot `s` of a bucket; `parts` are locals with the payload's words and tail. */
  private writeSlot(body: Body, bucket: number, s: number, parts: readonly number[]): void {
    const { words } = this.slot;
    body.get(bucket).get(s).i32(2).op(op.shl).op(op.add).get(parts[0]).store(4);
    parts.slice(1).forEach((part, i) => {
      this.pushRest(body, bucket, s);
      body.get(part);
      const offset = this.rest + 4 * i;
      if (i + 1 < words) body.at([access.store[0], 0], offset);
      else body.at([this.tailAccess.store[0], 0], offset);
    });
  }

  /** Sets locals to what a slot holds. */
  private readSlot(body: Body, bucket: number, s: number, parts: readonly number[]): void {
    const { words } = this.slot;
    body.get(bucket).get(s).i32(2).op(op.shl).op(op.add).load(4).set(parts[0]);
    parts.slice(1).forEach((part, i) => {
      this.pushRest(body, bucket, s);
      const offset = this.rest + 4 * i;
      if (i + 1 < words) body.at([access.load[0], 0], offset);
      else body.at([this.tailAccess.load[0], 0], offset);
      body.set(part);
    });
  }

  private partsOf(body: Body): number[] {
    return Array.from({ length: this.slot.words + (this.slot.tail > 0 ? 1 : 0) }, () => body.local());
  }

  private setParts(body: Body, sources: readonly Bits[], parts: readonly number[]): void {
    parts.forEach((part, i) => {
      pushBits(body, sources, 32 * i, i < this.slot.words ? 32 : 8 * this.slot.tail);
      body.set(part);
    });
  }

  /** Leaves the marks with one more slot, at distance `d`. `used` slots were filled before. */
  private pushMoreMarks(body: Body, marks: number, used: number, d: number): void {
    body.get(marks).i32(1).op(op.add);
    body.get(d).get(used).i32(1).op(op.shl).i32(firstDistance).op(op.add).op(op.shl).op(op.or);
  }

  private pushBuckets(body: Body, which: number): void {
    body.i32(0).load(which).op(op.extendU);
  }

  // Functions

  /**
   * Most states that come again do so at once: they need not be looked up in the table, where each would be a miss of
   * the cache. A state that is remembered here is in the table, or in a batch of this thread that goes there.
   */
  private sift(): Func {
    const { map } = this;
    const { words: count } = map.needs;
    return this.define(3, 1, (body) => {
      const [at, to, seen, counter] = [body.local(), body.local(), body.local(), body.local()];
      const words = this.usedBits.map(() => body.local());
      const others = Array.from({ length: this.others }, () => body.local());
      const [k0, hash] = [body.local(), body.local()];
      body.get(1).tee(at).set(to);
      body.block((end) => {
        body.loop((next) => {
          body.get(at).get(2).op(op.geU).brIf(end);
          body.get(at).load(map.instanceOffset).i32(2).op(op.shl).get(0).op(op.add).tee(counter);
          body.get(counter).load(map.taken).i32(1).op(op.add).store(map.taken);
          this.loadKey(body, at, words, others, k0);
          writeHash(body, hash, others, k0);
          body
            .get(hash)
            .i32(map.cacheEntries - 1)
            .op(op.and)
            .i32(map.stateBytes)
            .op(op.mul);
          body.get(0).op(op.add).set(seen);
          for (let i = 0; i < count; i++) {
            body
              .get(seen)
              .load(map.cache + 4 * i)
              .get(words[i])
              .op(op.xor);
            if (i > 0) body.op(op.or);
          }
          body.if(() => {
            for (let i = 0; i < count; i++) {
              body
                .get(seen)
                .get(words[i])
                .store(map.cache + 4 * i);
              body
                .get(to)
                .get(words[i])
                .store(4 * i);
            }
            body.get(to).get(hash).store(map.instanceOffset);
            body.get(to).i32(map.recordBytes).op(op.add).set(to);
          });
          body.get(at).i32(map.recordBytes).op(op.add).set(at).br(next);
        });
      });
      body.get(to);
    });
  }

  private locate(): Func {
    const { map } = this;
    return this.define(2, 1, (body) => {
      const at = body.local();
      const [touched, hash] = [body.local(), body.local()];
      const buckets = body.local(i64);
      this.pushBuckets(body, control.buckets);
      body.set(buckets);
      body.get(0).set(at);
      this.eachRecord(body, at, () => {
        body.get(at).load(map.instanceOffset).set(hash);
        body.get(at);
        this.pushBucket(body, hash, buckets);
        body.store(map.bucketOffset);
      });
      // A loop of its own: with nothing between the reads, the machine has many of them under way at once.
      body.get(0).set(at);
      this.eachRecord(body, at, () => {
        body.get(at).load(map.bucketOffset).load().get(touched).op(op.xor).set(touched);
      });
      body.get(touched);
    });
  }

  /** Runs `each` for the records from `at` to the function's second parameter. */
  private eachRecord(body: Body, at: number, each: () => void): void {
    body.block((end) => {
      body.loop((next) => {
        body.get(at).get(1).op(op.geU).brIf(end);
        each();
        body.get(at).i32(this.map.recordBytes).op(op.add).set(at).br(next);
      });
    });
  }

  private insert(listed: number, stash: Func): Func {
    const { isShared, map, slot } = this;
    return this.define(4, 1, (body) => {
      const [list, count, bucket, d] = [3, body.local(), body.local(), body.local()];
      const [marks, used, matches, s] = [body.local(), body.local(), body.local(), body.local()];
      const hash = body.local();
      const words = this.usedBits.map(() => body.local());
      const others = Array.from({ length: this.others }, () => body.local());
      const parts = this.partsOf(body);
      const wanted = body.local(v128);
      const note = (): void => {
        body.get(list).get(0).store().get(list).i32(4).op(op.add).set(list);
        body.get(count).i32(1).op(op.add).set(count);
      };
      body.block((stop) => {
        body.loop((again) => {
          body.get(0).get(1).op(op.geU).brIf(stop);
          body.block((next) => {
            this.loadKey(body, 0, words, others);
            body.get(0).load(map.instanceOffset).set(hash);
            this.setParts(body, this.payload(body, hash, others), parts);
            body.get(parts[0]).vector(vector.splat).set(wanted);
            body.get(0).load(map.bucketOffset).set(bucket);
            body.i32(0).set(d);
            body.loop((probe) => {
              body.get(bucket);
              if (isShared) body.atomic(atomic.load).set(marks);
              else body.load().set(marks);
              body.get(marks).i32(15).op(op.and).set(used);
              this.pushMatches(body, bucket, wanted);
              body.i32(1).get(used).op(op.shl).i32(1).op(op.sub).op(op.and).set(matches);
              body.loop((compare) => {
                body.get(matches).if(() => {
                  body.get(matches).op(op.ctz).set(s);
                  this.pushIsSame(body, bucket, marks, s, d, parts);
                  body.brIf(next);
                  body.get(matches).get(matches).i32(1).op(op.sub).op(op.and).set(matches).br(compare);
                });
              });
              body
                .get(used)
                .i32(slot.slots)
                .op(op.eq)
                .if(() => {
                  body.get(bucket).i32(slot.bucketBytes).op(op.add).set(bucket);
                  body
                    .get(d)
                    .i32(1)
                    .op(op.add)
                    .tee(d)
                    .i32(mostHops + 1)
                    .op(op.ltU)
                    .brIf(probe);
                  const found = used;
                  body.get(hash);
                  for (const other of others) body.get(other);
                  body.get(2).call(stash).tee(found).op(op.eqz).brIf(next);
                  body.get(found).i32(2).op(op.eq).brIf(stop);
                  body.get(2).i32(1).op(op.sub).set(2);
                  note();
                  body.br(next);
                });
              body.get(2).op(op.eqz).brIf(stop);
              if (isShared) {
                body.get(marks).i32(lockedMark).op(op.and).brIf(probe);
                body.get(bucket).get(marks).get(marks).i32(lockedMark).op(op.or);
                body.atomic(atomic.compareExchange).get(marks).op(op.ne).brIf(probe);
              }
              this.writeSlot(body, bucket, used, parts);
              body.get(bucket);
              this.pushMoreMarks(body, marks, used, d);
              if (isShared) body.atomic(atomic.store);
              else body.store();
              body.get(2).i32(1).op(op.sub).set(2);
              note();
            });
          });
          body.get(0).i32(map.recordBytes).op(op.add).set(0).br(again);
        });
      });
      body.get(count).setGlobal(listed).get(0);
    });
  }

  /** Leaves a bit for each slot whose first word is the wanted one; for those not filled, anything. */
  private pushMatches(body: Body, bucket: number, wanted: number): void {
    for (let i = 0; i < this.slot.slots; i += 4) {
      body
        .get(bucket)
        .loadVector(4 + 4 * i)
        .get(wanted)
        .equalMask();
      if (i > 0) body.i32(i).op(op.shl).op(op.or);
    }
  }

  /** Leaves whether slot `s` has the wanted rest and distance. */
  private pushIsSame(
    body: Body,
    bucket: number,
    marks: number,
    s: number,
    d: number,
    parts: readonly number[],
  ): void {
    const { words } = this.slot;
    body.get(marks).get(s).i32(1).op(op.shl).i32(firstDistance).op(op.add).op(op.shr);
    body.i32(distanceMask).op(op.and).get(d).op(op.eq);
    parts.slice(1).forEach((part, i) => {
      this.pushRest(body, bucket, s);
      const offset = this.rest + 4 * i;
      if (i + 1 < words) body.at([access.load[0], 0], offset);
      else body.at([this.tailAccess.load[0], 0], offset);
      body.get(part).op(op.eq).op(op.and);
    });
  }

  /**
   * (hash, others..., room): 0 if the key is in the stash; 1 if it was put in; 2 if there was no room for it. Few
   * states get here, and one thread at a time.
   */
  private stash(): Func {
    const { map } = this;
    return this.define(2 + this.others, 1, (body) => {
      const room = 1 + this.others;
      const [index, at, result] = [body.local(), body.local(), body.local()];
      const isSame = (): void => {
        body.get(at).load(4).get(0).op(op.eq);
        for (let i = 0; i < this.others; i++)
          body
            .get(at)
            .load(8 + 4 * i)
            .get(1 + i)
            .op(op.eq)
            .op(op.and);
      };
      this.lock(body, control.stashLock);
      body.get(0).i32(0x9e3779b1).op(op.mul).i32(12).op(op.shr).set(index);
      body.block((end) => {
        body.loop((next) => {
          body
            .get(index)
            .i32(stashEntries - 1)
            .op(op.and)
            .tee(index);
          body.i32(map.stashBytes).op(op.mul).i32(map.stash).op(op.add).tee(at).load().op(op.eqz);
          body.if(() => {
            body.i32(2).set(result);
            body.get(room).op(op.eqz).brIf(end);
            // One entry stays free, so that every search ends.
            body
              .i32(0)
              .load(control.stashed)
              .i32(stashEntries - 1)
              .op(op.geU)
              .brIf(end);
            body.get(at).i32(1).store().get(at).get(0).store(4);
            for (let i = 0; i < this.others; i++)
              body
                .get(at)
                .get(1 + i)
                .store(8 + 4 * i);
            body.i32(0).i32(0).load(control.stashed).i32(1).op(op.add).store(control.stashed);
            body.i32(1).set(result).br(end);
          });
          isSame();
          body.brIf(end);
          body.get(index).i32(1).op(op.add).set(index).br(next);
        });
      });
      this.unlock(body, control.stashLock);
      body.get(result);
    });
  }

  private place(stash: Func): Func {
    const { slot } = this;
    return this.define(1 + this.others, 1, (body) => {
      const others = Array.from({ length: this.others }, (_, i) => 1 + i);
      const parts = this.partsOf(body);
      const [bucket, d, marks, used] = [body.local(), body.local(), body.local(), body.local()];
      const buckets = body.local(i64);
      this.setParts(body, this.payload(body, 0, others), parts);
      this.pushBuckets(body, control.buckets);
      body.set(buckets);
      this.pushBucket(body, 0, buckets);
      body.set(bucket);
      body.loop((probe) => {
        body.get(bucket).load().tee(marks).i32(15).op(op.and).tee(used).i32(slot.slots).op(op.ltU);
        body.if(() => {
          this.writeSlot(body, bucket, used, parts);
          body.get(bucket);
          this.pushMoreMarks(body, marks, used, d);
          body.store().i32(1).return();
        });
        body.get(bucket).i32(slot.bucketBytes).op(op.add).set(bucket);
        body
          .get(d)
          .i32(1)
          .op(op.add)
          .tee(d)
          .i32(mostHops + 1)
          .op(op.ltU)
          .brIf(probe);
      });
      body.get(0);
      for (const other of others) body.get(other);
      body.i32(1).call(stash).i32(1).op(op.eq);
    });
  }

  /** (first of the area for keys): moves segments, while there are any left. Returns 0 if a key found no place. */
  private rehash(place: Func): Func {
    const moveSome = this.moveSome(place);
    return this.define(1, 1, (body) => {
      const [segment, chunk, end, result] = Array.from({ length: 4 }, () => body.local());
      body.i32(1).set(result);
      body.loop((another) => {
        body.i32(0).i32(1).atomic(atomic.add, control.nextSegment).tee(segment).i32(segments).op(op.ltU);
        body.if(() => {
          // From the end to the beginning, so that nothing is put where something still lies: a segment has at least
          // a fifth more buckets than before, and some buckets are taken out at once.
          body.i32(0).load(control.oldBuckets).i32(mostHops).op(op.add).set(end);
          body.get(end).i32(1).op(op.sub).i32(-moveAtOnce).op(op.and).set(chunk);
          body.loop((next) => {
            body.get(0).get(segment).get(chunk).get(end).call(moveSome).get(result).op(op.and).set(result);
            body.get(chunk).set(end);
            body
              .get(chunk)
              .op(op.eqz)
              .if(() => body.br(another));
            body.get(chunk).i32(moveAtOnce).op(op.sub).set(chunk).br(next);
          });
        });
      });
      body.get(result);
    });
  }

  /**
   * (area for keys, segment, first bucket, end): takes the keys out of some buckets, then puts them where they belong.
   * A function of its own, called often, so that it runs optimised soon.
   */
  private moveSome(place: Func): Func {
    const { map, slot } = this;
    const keyBytes = 4 + 4 * this.others;
    const { hashBits, otherBits } = slot;
    return this.define(4, 1, (body) => {
      const [segment, chunk, end] = [1, 2, 3];
      const [first, j, bucket, marks, s, used, own] = Array.from({ length: 7 }, () => body.local());
      const [to, from, result, low, home, d] = Array.from({ length: 6 }, () => body.local());
      const others = Array.from({ length: this.others }, () => body.local());
      const parts = this.partsOf(body);
      const sources = parts.map(
        (part, i): Bits => ({
          bits: i < slot.words ? 32 : 8 * slot.tail,
          push: () => body.get(part),
        }),
      );
      const old = body.local(i64);
      /** Leaves the least hash of the bucket on the stack, of those with the segment's upper bits left out. */
      const pushLeastHash = (): void => {
        body.op(op.extendU).i64(placeBits).op(op.i64shl).get(old).op(op.i64add);
        body.i64(1).op(op.i64sub).get(old).op(op.i64divU).op(op.wrap);
      };
      this.pushBuckets(body, control.oldBuckets);
      body.set(old).i32(1).set(result).get(0).set(to).get(chunk).set(j);
      body.get(segment).i32(map.segmentBytes).op(op.mul).i32(map.table).op(op.add);
      body.get(chunk).i32(slot.bucketBytes).op(op.mul).op(op.add).tee(first).set(bucket);
      body.loop((nextBucket) => {
        body.get(bucket).load().tee(marks).i32(15).op(op.and).set(used);
        body.i32(0).set(s).get(j);
        pushLeastHash();
        body.set(own);
        body.block((done) => {
          body.loop((nextSlot) => {
            body.get(s).get(used).op(op.geU).brIf(done);
            this.readSlot(body, bucket, s, parts);
            pushBits(body, sources, 0, hashBits);
            body.set(low);
            others.forEach((other, i) => {
              pushBits(body, sources, hashBits + 32 * i, Math.min(32, otherBits - 32 * i));
              body.set(other);
            });
            body.get(marks).get(s).i32(1).op(op.shl).i32(firstDistance).op(op.add).op(op.shr);
            body.i32(distanceMask).op(op.and).tee(d);
            body.choose(
              () => {
                body.get(j).get(d).op(op.sub);
                pushLeastHash();
              },
              () => body.get(own),
            );
            body.set(home).get(to);
            body
              .get(low)
              .get(home)
              .op(op.sub)
              .i32(2 ** hashBits - 1)
              .op(op.and)
              .get(home)
              .op(op.add);
            body.get(segment).i32(placeBits).op(op.shl).op(op.or).store();
            others.forEach((other, i) =>
              body
                .get(to)
                .get(other)
                .store(4 + 4 * i),
            );
            body.get(to).i32(keyBytes).op(op.add).set(to);
            body.get(s).i32(1).op(op.add).set(s).br(nextSlot);
          });
        });
        body.get(bucket).i32(slot.bucketBytes).op(op.add).set(bucket);
        body.get(j).i32(1).op(op.add).tee(j).get(end).op(op.ltU).brIf(nextBucket);
      });
      body.get(first).i32(0).get(end).get(chunk).op(op.sub).i32(slot.bucketBytes).op(op.mul).fill();
      body.get(0).set(from);
      body.block((done) => {
        body.loop((nextKey) => {
          body.get(from).get(to).op(op.geU).brIf(done);
          body.get(from).load();
          for (let i = 0; i < this.others; i++) body.get(from).load(4 + 4 * i);
          body.call(place).get(result).op(op.and).set(result);
          body.get(from).i32(keyBytes).op(op.add).set(from).br(nextKey);
        });
      });
      body.get(result);
    });
  }

  private lock(body: Body, lock: number): void {
    if (!this.isShared) return;
    body.loop((again) => {
      body.i32(0).i32(0).i32(1).atomic(atomic.compareExchange, lock).brIf(again);
    });
  }

  private unlock(body: Body, lock: number): void {
    if (this.isShared) body.i32(0).i32(0).atomic(atomic.store, lock);
  }
}
