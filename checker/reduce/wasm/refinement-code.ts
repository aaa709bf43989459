/** Colours of vertices, refined until they tell no more apart: as canonical.ts and code.ts refine them. */
import type { Func } from "../../wasm/encoder.ts";
import { op } from "../../wasm/opcodes.ts";
import { StateReader } from "./state-reader.ts";

export interface RefinementFunctions {
  /** (state): reads the state, and gives each vertex the colour of what it says of it alone. */
  readonly load: Func;
  /** (number) -> the number mixed. */
  readonly mix: Func;
  /** -> how many colours there are: orders the vertices of each class by colour. */
  readonly sort: Func;
  /** -> how many colours there are: refines them until no more are told apart, and orders the vertices by them. */
  readonly refine: Func;
}

export class RefinementCode extends StateReader {
  emit(): RefinementFunctions {
    const mix = this.mix();
    const load = this.load(mix);
    const sort = this.sort();
    return { load, mix, sort, refine: this.refine(this.round(mix), mix, sort) };
  }

  private load(mix: Func): Func {
    const { items, related, salts } = this.plan;
    const { alone, colours, order } = this.places;
    return this.define(1, 0, (body) => {
      const [own, x] = [this.own(body), body.local()];
      for (let v = 0; v < this.plan.group.vertices; v++)
        body
          .get(own)
          .i32(0)
          .store(alone + 4 * v);
      for (const item of items) {
        const { at, family, guards, holds, leaf } = item;
        const place = related.indexOf(item);
        const value = (): void => {
          this.read(body, leaf);
          if (holds !== null) this.lookIn(body, this.plan.coloursHeld(holds));
        };
        let put: () => void;
        if (place >= 0) {
          put = () => {
            body.get(own);
            value();
            body.store(this.places.related + 4 * place);
          };
        } else if (holds !== null) {
          put = () => {
            value();
            body.tee(x).i32(this.plan.group.vertices).op(op.ltU);
            body.if(() => {
              body.get(own).get(x).i32(2).op(op.shl).op(op.add).tee(x);
              body.get(x).load(alone).i32(salts[family][0]).op(op.add).store(alone);
            });
          };
        } else if (at.length === 1) {
          const to = alone + 4 * at[0];
          put = () => {
            body.get(own).get(own).load(to);
            value();
            body.i32(1).op(op.add).i32(salts[family][0]).op(op.mul).op(op.add).store(to);
          };
        } else continue;
        if (!this.test(body, guards)) put();
        else if (place < 0) body.if(put);
        else
          body.if(put, () =>
            body
              .get(own)
              .i32(-1)
              .store(this.places.related + 4 * place),
          );
      }
      for (const [kind, { base, elements }] of this.plan.group.classes.entries()) {
        for (let v = base; v < base + elements.length; v++) {
          body
            .get(own)
            .get(own)
            .load(alone + 4 * v)
            .i32(Math.imul(kind + 1, 0x3c6ef372))
            .op(op.add);
          body.call(mix).store(colours + 4 * v);
          body
            .get(own)
            .i32(v)
            .store(order + 4 * v);
        }
      }
    });
  }

  private mix(): Func {
    return this.define(1, 1, (body) => {
      const fold = (by: number): void => {
        body.get(0).get(0).i32(by).op(op.shr).op(op.xor);
      };
      fold(16);
      body.i32(0x21f0aaad).op(op.mul).set(0);
      fold(15);
      body.i32(0x735a2d97).op(op.mul).set(0);
      fold(15);
    });
  }

  private round(mix: Func): Func {
    const { related, salts } = this.plan;
    const { colours, next } = this.places;
    return this.define(0, 0, (body) => {
      const [own, x, h] = [this.own(body), body.local(), body.local()];
      const colour = (vertex: number | null): void => {
        if (vertex === null) body.get(own).get(x).i32(2).op(op.shl).op(op.add).load(colours);
        else body.get(own).load(colours + 4 * vertex);
      };
      related.forEach(({ at, family, guards, holds }, i) => {
        const numbers = salts[family];
        const spread = (vertex: number | null, salt: number): void => {
          const address = body.borrow();
          body.get(own);
          if (vertex === null) body.get(x).i32(2).op(op.shl).op(op.add);
          body.tee(address).get(address);
          const to = next + (vertex === null ? 0 : 4 * vertex);
          body.load(to).get(h).i32(salt).op(op.mul).op(op.add).store(to);
          body.giveBack(address);
        };
        const look = (): void => {
          if (holds === null) body.get(x).i32(1).op(op.add).i32(numbers[1]).op(op.mul);
          else {
            colour(null);
            body.i32(numbers[0]).op(op.xor).i32(numbers[1]).op(op.mul);
          }
          at.forEach((vertex, k) => {
            colour(vertex);
            body
              .i32(numbers[2 * k + 2])
              .op(op.xor)
              .i32(numbers[2 * k + 3])
              .op(op.mul)
              .op(op.add);
          });
          body.call(mix).set(h);
          at.forEach((vertex, k) => spread(vertex, numbers[2 * k + 2]));
          if (holds !== null) spread(null, numbers[2 * at.length + 2]);
        };
        body
          .get(own)
          .load(this.places.related + 4 * i)
          .set(x);
        if (guards.every(({ allowed }) => allowed.every((is) => is === 1))) look();
        else body.get(x).i32(0).op(op.ge).if(look);
      });
    });
  }

  /** -> cells: refines the colours until no more are told apart, and orders the vertices by them. */
  private refine(round: Func, mix: Func, sort: Func): Func {
    const { colours, next } = this.places;
    const { vertices } = this.plan.group;
    return this.define(0, 1, (body) => {
      const [own, cells, now] = [this.own(body), body.local(), body.local()];
      body.call(sort).set(cells);
      body.block((end) => {
        body.loop((again) => {
          body.get(cells).i32(vertices).op(op.ge).brIf(end);
          for (let v = 0; v < vertices; v++)
            body
              .get(own)
              .get(own)
              .load(colours + 4 * v)
              .i32(0x2c1b3c6d)
              .op(op.mul)
              .store(next + 4 * v);
          body.call(round);
          for (let v = 0; v < vertices; v++)
            body
              .get(own)
              .get(own)
              .load(next + 4 * v)
              .call(mix)
              .store(colours + 4 * v);
          body.call(sort).tee(now).get(cells).op(op.le).brIf(end);
          body.get(now).set(cells).br(again);
        });
      });
      body.get(cells);
    });
  }

  /** -> how many colours there are: orders the vertices of each class by colour. */
  private sort(): Func {
    const sortClass = this.sortPlaces((body, own, other, vertex) => {
      this.colourOf(body, own, vertex);
      this.colourOf(body, own, other);
      body.op(op.lt);
    });
    return this.define(0, 1, (body) => {
      const [own, cells] = [this.own(body), body.local()];
      for (const { base, elements } of this.plan.group.classes)
        body
          .i32(base)
          .i32(base + elements.length)
          .call(sortClass);
      body.i32(this.plan.group.classes.length).set(cells);
      this.forNeighbours((here) => {
        this.colourAt(body, own, here);
        this.colourAt(body, own, here - 1);
        body.op(op.ne).get(cells).op(op.add).set(cells);
      });
      body.get(cells);
    });
  }
}
