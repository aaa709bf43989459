/** A state renamed, as code.ts renames it. */
import type { Func } from "../../wasm/encoder.ts";
import { op } from "../../wasm/opcodes.ts";
import { bytesOf } from "./canonical-places.ts";
import { StateReader } from "./state-reader.ts";

export class RenamingCode extends StateReader {
  /** (state, to): writes the state, in which vertex `v` becomes what lies at `places.renaming` for it. */
  emit(): Func {
    const { homes, kept, moved, tuples } = this.plan;
    const { renamed, renaming, tuples: placesOfTuples } = this.places;
    return this.define(2, 0, (body) => {
      const own = this.own(body);
      const becomes = (vertex: number): void => {
        body.get(own).load(renaming + 4 * vertex);
      };
      const done = new Set<number>();
      for (const { holds } of moved) {
        const table = holds === null ? undefined : renamed.get(holds.join(" "));
        if (holds === null || table === undefined || done.has(table)) continue;
        done.add(table);
        const codes = this.plan.codesOf(holds);
        holds.forEach((vertex, code) => {
          if (vertex < 0) return;
          body.get(own);
          becomes(vertex);
          this.lookIn(body, codes);
          body.store(table + 4 * code);
        });
      }
      for (const { at, name, strides } of tuples) {
        body.get(own);
        at.forEach((vertex, k) => {
          becomes(vertex);
          body.i32(strides[k].base).op(op.sub).i32(strides[k].stride).op(op.mul);
          if (k > 0) body.op(op.add);
        });
        body.store(placesOfTuples.get(name) ?? 0);
      }
      kept.forEach((mask, k) => {
        body.get(1);
        body
          .get(0)
          .load(4 * k)
          .i32(mask)
          .op(op.and);
        body.store(4 * k);
      });
      const address = body.local();
      for (const { at, family, guards, holds, leaf } of moved) {
        const put = (): void => {
          const home = at.length > 0 ? homes[family] : undefined;
          const index = (): void => {
            body.get(own).load(placesOfTuples.get(`I${at.join("_")}`) ?? 0);
          };
          body.get(1);
          if (home !== undefined) {
            index();
            this.lookIn(body, bytesOf(home.words));
            body.op(op.add);
          }
          const word = home === undefined ? 4 * leaf.word : 0;
          body.tee(address).get(address).load(word);
          if (holds === null) this.read(body, leaf);
          else {
            body.get(own);
            this.read(body, leaf);
            body
              .i32(2)
              .op(op.shl)
              .op(op.add)
              .load(renamed.get(holds.join(" ")) ?? 0);
          }
          if (home !== undefined) {
            index();
            this.lookIn(body, home.shifts);
          } else body.i32(leaf.shift);
          body.op(op.shl).op(op.or).store(word);
        };
        if (this.test(body, guards)) body.if(put);
        else put();
      }
    });
  }
}
