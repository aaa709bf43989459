/** Reads what a state says of vertices, for code that renames it. The state's address is in local 0. */
import type { Body } from "../../wasm/body.ts";
import type { Func } from "../../wasm/encoder.ts";
import { op } from "../../wasm/opcodes.ts";
import type { Leaf } from "../../schema/layout.ts";
import type { RenamingPlan } from "../symmetry/renaming-plan.ts";
import type { Guard } from "../symmetry/structure.ts";
import type { CanonicalPlaces } from "./canonical-places.ts";
import type { Room } from "./room.ts";
import { CodeWriter, locals, read, type Site } from "./writer.ts";

export interface CanonicalTools {
  readonly site: Site;
  readonly plan: RenamingPlan;
  readonly places: CanonicalPlaces;
  /** Where tables lie. */
  readonly tables: Room;
}

export class StateReader extends CodeWriter {
  readonly plan: RenamingPlan;
  readonly places: CanonicalPlaces;
  private readonly tables: Room;

  constructor({ places, plan, site, tables }: CanonicalTools) {
    super(site);
    this.plan = plan;
    this.places = places;
    this.tables = tables;
  }

  /** Leaves the code of a leaf of the state on the stack. */
  read(body: Body, leaf: Leaf): void {
    read(body, leaf, 0);
  }

  /** Leaves whether the guards are met on the stack; false: there are none, and nothing is left. */
  test(body: Body, guards: readonly Guard[]): boolean {
    const tests = guards.filter(({ allowed }) => allowed.some((is) => is === 0));
    tests.forEach(({ allowed, leaf }, i) => {
      this.read(body, leaf);
      this.lookIn(body, Int32Array.from(allowed));
      if (i > 0) body.op(op.and);
    });
    return tests.length > 0;
  }

  /** Puts in place of the index on the stack what the table has there. */
  lookIn(body: Body, table: Int32Array): void {
    this.lookUp(body, this.tables.constant(table));
  }

  /** Leaves the colour of the vertex in a local on the stack. */
  colourOf(body: Body, own: number, vertex: number): void {
    body.get(own).get(vertex).i32(2).op(op.shl).op(op.add).load(this.places.colours);
  }

  /** Leaves the colour of the vertex at a place of the order on the stack. */
  colourAt(body: Body, own: number, place: number): void {
    body
      .get(own)
      .get(own)
      .load(this.places.order + 4 * place);
    body.i32(2).op(op.shl).op(op.add).load(this.places.colours);
  }

  /** For each place of the order with one before it in its class. */
  forNeighbours(use: (here: number) => void): void {
    for (const { base, elements } of this.plan.group.classes)
      for (let i = base + 1; i < base + elements.length; i++) use(i);
  }

  /** (from, end): sorts a stretch of `order`; `isBefore` leaves whether the vertex is to come before the other one. */
  sortPlaces(isBefore: (body: Body, own: number, other: number, vertex: number) => void): Func {
    const { order } = this.places;
    return this.define(2, 0, (body) => {
      const [own, i, k, vertex, other] = [this.own(body), ...locals(body, 4)];
      const place = (of: number): void => {
        body.get(own).get(of).i32(2).op(op.shl).op(op.add);
      };
      body.get(0).i32(1).op(op.add).set(i);
      body.block((done) => {
        body.loop((each) => {
          body.get(i).get(1).op(op.ge).brIf(done);
          place(i);
          body.load(order).set(vertex);
          body.get(i).set(k);
          body.block((found) => {
            body.loop((back) => {
              body.get(k).get(0).op(op.le).brIf(found);
              place(k);
              body.load(order - 4).set(other);
              isBefore(body, own, other, vertex);
              body.op(op.eqz).brIf(found);
              place(k);
              body.get(other).store(order);
              body.get(k).i32(1).op(op.sub).set(k).br(back);
            });
          });
          place(k);
          body.get(vertex).store(order);
          body.get(i).i32(1).op(op.add).set(i).br(each);
        });
      });
    });
  }
}
