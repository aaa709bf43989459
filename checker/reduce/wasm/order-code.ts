/**
 * Persistent sets, as WebAssembly functions: of the transitions of a state those of the smallest set are kept, as order.ts
 * keeps them. Which sets there are for a combination of labels is found out in JavaScript, when a state with it is met for
 * the first time: it is handed over.
 */
import type { Func } from "../../wasm/encoder.ts";
import { access, op } from "../../wasm/opcodes.ts";
import { type Leaf, readLeaf } from "../../schema/layout.ts";
import type { Analysis } from "../merge/analysis.ts";
import type { PersistentSet } from "../order/persistent.ts";
import type { Room } from "./room.ts";
import { addTo, CodeWriter, copyWords, locals, read, type Site } from "./writer.ts";

/** Combinations of labels for which there is room (a free place ends each look), and bytes for their sets; beyond, states are handed over. */
const mostCombinations = 1 << 13;
const mostLearnt = mostCombinations / 2;
const bytesForSets = 1 << 20;
/** Where an entry leads whose sets have no room. */
const noRoom = 1;

export interface OrderFunctions {
  /** (state) -> the sets for where the processes are; 0: there are none; -1: nobody knows. */
  readonly setsAt: Func;
  /** (records, end, sets) -> the end of those that are kept. */
  readonly keep: Func;
}

/** What tells which sets there are: see order.ts. */
export interface Ordered {
  readonly analysis: Analysis;
  /** By process, by code of its label: may it be a key there? */
  readonly keys: readonly (readonly number[])[];
  setsFor(codes: readonly number[]): readonly PersistentSet[];
}

interface Parts {
  readonly recordBytes: number;
  readonly instanceOffset: number;
  /** Words of a state. */
  readonly words: number;
}

export class OrderCode {
  private readonly order: Ordered;
  private readonly controls: readonly Leaf[];
  private readonly entryWords: number;
  /** By process, by code of its label; and where that lies. */
  private readonly mayBeKey: Ordered["keys"];
  private readonly keys: readonly number[];
  private readonly processOf: number;
  private readonly entries: number;
  private readonly sets: number;
  /** Places of each thread: states in which transitions were put off, transitions that were possible, and taken. */
  readonly reduced: number;
  readonly possible: number;
  readonly taken: number;
  /** What was written down so far: places of sets, by identity, and the next free one. */
  private readonly written = new Map<object, number>();
  private nextFree: number;
  private learnt = 0;

  constructor(order: Ordered, shared: Room, own: Room) {
    this.order = order;
    const { table, plan } = order.analysis;
    this.controls = table.controls;
    this.entryWords = table.controls.length + 2;
    this.mayBeKey = order.keys;
    this.keys = this.mayBeKey.map((each) => shared.constant(Int32Array.from(each)));
    this.processOf = shared.constant(plan.processOf);
    this.entries = shared.words(mostCombinations * this.entryWords);
    this.sets = shared.words(bytesForSets >>> 2);
    // No place is 0, or `noRoom`.
    this.nextFree = this.sets + 8;
    this.reduced = own.words(1);
    this.possible = own.words(2);
    this.taken = own.words(2);
  }

  /** Writes down which sets there are for where the processes are in a state. `from`: where the shared part begins. */
  learn(state: Int32Array, cells: Int32Array, from: number): void {
    const codes = this.controls.map((control) => readLeaf(control, state));
    if (!codes.some((code, process) => this.mayBeKey[process][code] === 1)) return;
    if (this.learnt === mostLearnt) return;
    const first = codes.reduce((hash, code) => (Math.imul(hash, 0x9e3779b1) + code) | 0, 0);
    for (let n = 0; ; n++) {
      const entry = ((first ^ (first >>> 15)) + n) & (mostCombinations - 1);
      const at = (from + this.entries + 4 * entry * this.entryWords) >>> 2;
      if (cells[at] === 0) {
        codes.forEach((code, i) => (cells[at + 2 + i] = code));
        cells[at + 1] = this.write(this.order.setsFor(codes), cells, from);
        cells[at] = 1;
        this.learnt++;
        return;
      }
      if (codes.every((code, i) => cells[at + 2 + i] === code)) return;
    }
  }

  /** Writes a list of sets: its place, 0 for none, or `noRoom`. */
  private write(sets: readonly PersistentSet[], cells: Int32Array, from: number): number {
    if (sets.length === 0) return 0;
    const places: number[] = [];
    for (const { has } of sets) {
      let place = this.written.get(has);
      if (place === undefined) {
        place = this.take(has.length);
        if (place === noRoom) return noRoom;
        new Uint8Array(cells.buffer).set(has, from + place);
        this.written.set(has, place);
      }
      places.push(place);
    }
    const list = this.take(4 + 8 * sets.length);
    if (list === noRoom) return noRoom;
    cells[(from + list) >>> 2] = sets.length;
    sets.forEach(({ key }, i) => {
      cells[(from + list + 4 + 8 * i) >>> 2] = key;
      cells[(from + list + 8 + 8 * i) >>> 2] = places[i];
    });
    return list;
  }

  private take(bytes: number): number {
    const at = this.nextFree;
    if (at + bytes > this.sets + bytesForSets) return noRoom;
    this.nextFree = 8 * Math.ceil((at + bytes) / 8);
    return at;
  }

  emit(site: Site, parts: Parts): OrderFunctions {
    return { setsAt: this.setsAt(site), keep: this.keep(site, parts) };
  }

  private setsAt(site: Site): Func {
    const { controls, entryWords } = this;
    return new CodeWriter(site).define(1, 1, (body) => {
      const codes = controls.map(() => body.local());
      const [hash, entry, at] = locals(body, 3);
      controls.forEach((control, process) => {
        read(body, control, 0);
        body.set(codes[process]);
      });
      body.i32(0);
      controls.forEach((_, process) => {
        body.get(codes[process]).i32(2).op(op.shl);
        body.load(site.shared + this.keys[process]).op(op.or);
      });
      body.op(op.eqz).if(() => body.i32(0).return());
      for (const code of codes) body.get(hash).i32(0x9e3779b1).op(op.mul).get(code).op(op.add).set(hash);
      body.get(hash).get(hash).i32(15).op(op.shr).op(op.xor).set(entry);
      body.loop((next) => {
        body
          .get(entry)
          .i32(mostCombinations - 1)
          .op(op.and)
          .i32(4 * entryWords)
          .op(op.mul)
          .i32(site.shared + this.entries)
          .op(op.add)
          .tee(at);
        body
          .load()
          .op(op.eqz)
          .if(() => body.i32(-1).return());
        body.get(entry).i32(1).op(op.add).set(entry);
        body.i32(0);
        codes.forEach((code, i) => {
          body
            .get(at)
            .load(8 + 4 * i)
            .get(code)
            .op(op.xor)
            .op(op.or);
        });
        body.brIf(next);
      });
      body.get(at).load(4).tee(at).i32(noRoom).op(op.eq);
      body.if(() => body.i32(-1).return());
      body.get(at);
    });
  }

  private keep(site: Site, { instanceOffset, recordBytes, words }: Parts): Func {
    const { shared } = site;
    const writer = new CodeWriter(site);
    return writer.define(3, 1, (body) => {
      const own = writer.own(body);
      const [n, count, has, key, hasKey] = locals(body, 5);
      const [at, instance, fewest, best, to] = locals(body, 5);
      const [list] = locals(body, 1);
      body.get(1).get(0).op(op.sub).i32(recordBytes).op(op.divU).set(fewest);
      addTo(body, own, this.possible, fewest);
      body.get(2).i32(0).op(op.ne).get(fewest).i32(1).op(op.gtU).op(op.and);
      body.if(() => {
        body.get(2).i32(shared).op(op.add).set(list);
        body.loop((nextSet) => {
          body.get(list).get(n).i32(3).op(op.shl).op(op.add).load(4).set(key);
          body.get(list).get(n).i32(3).op(op.shl).op(op.add).load(8).set(has);
          body.i32(0).set(count).i32(0).set(hasKey).get(0).set(at);
          body.loop((each) => {
            body.get(at).load(instanceOffset).set(instance);
            body.get(count);
            body.get(has).get(instance).op(op.add).at(access.load8, shared);
            body.op(op.add).set(count);
            body.get(hasKey);
            body
              .get(instance)
              .i32(2)
              .op(op.shl)
              .load(shared + this.processOf)
              .get(key)
              .op(op.eq);
            body.op(op.or).set(hasKey);
            body.get(at).i32(recordBytes).op(op.add).tee(at).get(1).op(op.ne).brIf(each);
          });
          body.get(hasKey).get(count).get(fewest).op(op.ltU).op(op.and);
          body.if(() => body.get(has).set(best).get(count).set(fewest));
          body.get(n).i32(1).op(op.add).tee(n).get(list).load().op(op.ltU).brIf(nextSet);
        });
      });
      addTo(body, own, this.taken, fewest);
      body
        .get(best)
        .op(op.eqz)
        .if(() => body.get(1).return());
      body.get(own).get(own).load(this.reduced).i32(1).op(op.add).store(this.reduced);
      body.get(0).set(at).get(0).set(to);
      body.loop((each) => {
        body.get(best).get(at).load(instanceOffset).op(op.add).at(access.load8, shared);
        body.if(() => {
          copyWords(body, words, to, at);
          body.get(to).get(at).load(instanceOffset).store(instanceOffset);
          body.get(to).i32(recordBytes).op(op.add).set(to);
        });
        body.get(at).i32(recordBytes).op(op.add).tee(at).get(1).op(op.ne).brIf(each);
      });
      body.get(to);
    });
  }
}
