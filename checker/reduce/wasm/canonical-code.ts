/**
 * The canonical form of a state, as WebAssembly functions: what canonical.ts does, with the same numbers, so that it is
 * the same form. A branch is not spared for renamings that change nothing: the least state is the same, and in how many
 * ways it is reached. Where there are many, the state is handed over.
 */
import { Body } from "../../wasm/body.ts";
import type { Func } from "../../wasm/encoder.ts";
import { i32, op } from "../../wasm/opcodes.ts";
import type { RenamingPlan } from "../symmetry/renaming-plan.ts";
import { type CanonicalPlaces, placeTables, takePlaces } from "./canonical-places.ts";
import { RefinementCode, type RefinementFunctions } from "./refinement-code.ts";
import { RenamingCode } from "./renaming-code.ts";
import type { Room } from "./room.ts";
import { type CanonicalTools, StateReader } from "./state-reader.ts";
import { areSame, copyWords, locals, type Site } from "./writer.ts";

export interface CanonicalFunctions {
  /** (state) -> ways: puts the canonical form in its place; so many renamings leave it as it is. */
  readonly canonise: Func;
  /** (state, to): writes the state, renamed by what lies at `renaming` in the thread's own part. */
  readonly rename: Func;
  /** Offset in the thread's own part: by vertex, what it becomes. */
  readonly renaming: number;
}

/** Leaves of a search for the least state, beyond which it is given up: JavaScript spares those that bring nothing new. */
const mostLeaves = 128;

/** Takes its places in the memory when it is made, and emits its functions when they are known. */
export class CanonicalCode {
  private readonly plan: RenamingPlan;
  private readonly places: CanonicalPlaces;
  private readonly tables: Room;

  constructor(plan: RenamingPlan, shared: Room, own: Room) {
    this.plan = plan;
    this.places = takePlaces(plan, own);
    this.tables = shared;
    placeTables(plan, shared);
  }

  /** `handedOver`: a global variable that is set where there are too many ways to be gone through. */
  emit(site: Site, handedOver: number): CanonicalFunctions {
    const tools = { site, plan: this.plan, places: this.places, tables: this.tables };
    return new CanonicalEmitter(tools, handedOver).emit();
  }
}

class CanonicalEmitter extends StateReader {
  private readonly refinement: RefinementFunctions;
  private readonly rename: Func;
  /** Global variables: the state that is looked at, and in how many ways the best so far was reached (0: there is none). */
  private readonly source: number;
  private readonly ways: number;
  /** How many leaves of the search were come to; and the variable that gives it up. */
  private readonly leaves: number;
  private readonly handedOver: number;

  constructor(tools: CanonicalTools, handedOver: number) {
    super(tools);
    this.handedOver = handedOver;
    this.leaves = this.site.encoder.global(i32);
    this.refinement = new RefinementCode(tools).emit();
    this.rename = new RenamingCode(tools).emit();
    this.source = this.site.encoder.global(i32);
    this.ways = this.site.encoder.global(i32);
  }

  emit(): CanonicalFunctions {
    const renameByOrder = this.renameByOrder();
    const areTiesTwins = this.areTiesTwins(this.areTwins());
    const waysThroughTies = this.waysThroughTies();
    const branch = this.branch(areTiesTwins, this.leaf(renameByOrder, waysThroughTies));
    const { best, renaming, result } = this.places;
    const { vertices } = this.plan.group;
    const canonise = this.define(1, 1, (body) => {
      const own = this.own(body);
      const [ways] = locals(body, 1);
      body.get(0).setGlobal(this.source);
      body.get(0).call(this.refinement.load);
      body.call(this.refinement.refine).i32(vertices).op(op.eq);
      body.if(
        () => body.i32(1).set(ways),
        () => {
          body.call(areTiesTwins);
          body.if(
            () => body.call(waysThroughTies).set(ways),
            () => {
              body.i32(0).setGlobal(this.ways);
              body.i32(0).setGlobal(this.leaves);
              body.i32(0).call(branch);
              this.copyState(body, 0, own, { fromOffset: best });
              body.getGlobal(this.ways).return();
            },
          );
        },
      );
      this.isOrderIdentity(body, own);
      body.op(op.eqz).if(() => {
        body.call(renameByOrder);
        this.copyState(body, 0, own, { fromOffset: result });
      });
      body.get(ways);
    });
    return { canonise, rename: this.rename, renaming };
  }

  private copyState(body: Body, to: number, from: number, offsets: Parameters<typeof copyWords>[4]): void {
    copyWords(body, this.plan.layout.words, to, from, offsets);
  }

  private isOrderIdentity(body: Body, own: number): void {
    body.i32(1);
    for (let v = 0; v < this.plan.group.vertices; v++)
      body
        .get(own)
        .load(this.places.order + 4 * v)
        .i32(v)
        .op(op.eq)
        .op(op.and);
  }

  private renameByOrder(): Func {
    const { order, renaming, result } = this.places;
    return this.define(0, 0, (body) => {
      const own = this.own(body);
      for (let v = 0; v < this.plan.group.vertices; v++)
        body
          .get(own)
          .get(own)
          .load(order + 4 * v)
          .i32(2)
          .op(op.shl)
          .op(op.add)
          .i32(v)
          .store(renaming);
      body.getGlobal(this.source).get(own).i32(result).op(op.add).call(this.rename);
    });
  }

  /** (vertex, vertex) -> does their exchange leave the state as it is? */
  private areTwins(): Func {
    const { renaming, result } = this.places;
    return this.define(2, 1, (body) => {
      const own = this.own(body);
      for (let v = 0; v < this.plan.group.vertices; v++)
        body
          .get(own)
          .i32(v)
          .store(renaming + 4 * v);
      for (const [a, b] of [
        [0, 1],
        [1, 0],
      ])
        body.get(own).get(a).i32(2).op(op.shl).op(op.add).get(b).store(renaming);
      body.getGlobal(this.source).get(own).i32(result).op(op.add).call(this.rename);
      const [source] = locals(body, 1);
      body.getGlobal(this.source).set(source);
      areSame(body, this.plan.layout.words, source, own, result);
    });
  }

  /** -> are any two vertices of one colour twins? If so, those of one colour are in the order of their numbers. */
  private areTiesTwins(areTwins: Func): Func {
    const { order } = this.places;
    const byNumber = this.sortPlaces((body, own, other, vertex) => {
      this.colourOf(body, own, vertex);
      this.colourOf(body, own, other);
      body.op(op.eq).get(vertex).get(other).op(op.lt).op(op.and);
    });
    return this.define(0, 1, (body) => {
      const own = this.own(body);
      this.forNeighbours((here) => {
        this.colourAt(body, own, here);
        this.colourAt(body, own, here - 1);
        body.op(op.eq);
        body.if(() => {
          body
            .get(own)
            .load(order + 4 * here - 4)
            .get(own)
            .load(order + 4 * here)
            .call(areTwins)
            .op(op.eqz);
          body.if(() => body.i32(0).return());
        });
      });
      for (const { base, elements } of this.plan.group.classes)
        body
          .i32(base)
          .i32(base + elements.length)
          .call(byNumber);
      body.i32(1);
    });
  }

  /** -> in how many ways the vertices of one colour can be put in order. */
  private waysThroughTies(): Func {
    return this.define(0, 1, (body) => {
      const [own, ways, run] = [this.own(body), body.local(), body.local()];
      body.i32(1).set(ways);
      for (const { base, elements } of this.plan.group.classes) {
        body.i32(1).set(run);
        for (let here = base + 1; here < base + elements.length; here++) {
          this.colourAt(body, own, here);
          this.colourAt(body, own, here - 1);
          body.op(op.eq);
          body.if(
            () => body.get(run).i32(1).op(op.add).tee(run).get(ways).op(op.mul).set(ways),
            () => body.i32(1).set(run),
          );
        }
      }
      body.get(ways);
    });
  }

  /** (level): the least state below a node whose colours are refined, if it is less than the best so far. */
  private branch(areTiesTwins: Func, leaf: Func): Func {
    const { mix, refine, sort } = this.refinement;
    const { colours, levels, order } = this.places;
    const { vertices } = this.plan.group;
    const branch = this.site.encoder.declare([i32], []);
    const body = new Body(1);
    const own = this.own(body);
    const [area, start, end, n, vertex] = locals(body, 5);
    body.getGlobal(this.leaves).i32(mostLeaves).op(op.ge);
    body.if(() => {
      body.i32(1).setGlobal(this.handedOver).return();
    });
    body.call(sort).i32(vertices).op(op.eq);
    body.if(() => {
      body.call(leaf).return();
    });
    body.call(areTiesTwins).if(() => {
      body.call(leaf).return();
    });
    // The first vertices of one colour: they are kept, with all colours, for they are changed below.
    body
      .get(own)
      .get(0)
      .i32(8 * vertices)
      .op(op.mul)
      .op(op.add)
      .set(area);
    body.i32(-1).set(start);
    this.forNeighbours((here) => {
      this.colourAt(body, own, here);
      this.colourAt(body, own, here - 1);
      body.op(op.eq).if(() => {
        body.get(start).i32(0).op(op.lt);
        body.if(
          () =>
            body
              .i32(here - 1)
              .set(start)
              .i32(here)
              .set(end),
          () => {
            // It goes on as long as the last of it is the one before.
            body
              .get(end)
              .i32(here - 1)
              .op(op.eq);
            body.if(() => body.i32(here).set(end));
          },
        );
      });
    });
    for (let v = 0; v < vertices; v++) {
      body
        .get(area)
        .get(own)
        .load(colours + 4 * v)
        .store(levels + 4 * v);
      body
        .get(area)
        .get(own)
        .load(order + 4 * v)
        .store(levels + 4 * (vertices + v));
    }
    body.get(start).set(n);
    body.block((done) => {
      body.loop((each) => {
        body.get(n).get(end).op(op.le).op(op.eqz).brIf(done);
        for (let v = 0; v < vertices; v++)
          body
            .get(own)
            .get(area)
            .load(levels + 4 * v)
            .store(colours + 4 * v);
        body
          .get(area)
          .get(n)
          .i32(2)
          .op(op.shl)
          .op(op.add)
          .load(levels + 4 * vertices)
          .set(vertex);
        body.get(own).get(vertex).i32(2).op(op.shl).op(op.add).tee(vertex);
        body.get(vertex).load(colours).i32(0x6a09e667).op(op.add).call(mix).store(colours);
        body.call(refine).op(op.drop);
        body.get(0).i32(1).op(op.add).call(branch);
        body.get(n).i32(1).op(op.add).set(n).br(each);
      });
    });
    this.site.encoder.define(branch, body);
    return branch;
  }

  /** The state in the order found, here where all vertices differ or are twins. */
  private leaf(renameByOrder: Func, waysThroughTies: Func): Func {
    const { best, result } = this.places;
    return this.define(0, 0, (body) => {
      const [own, ways] = [this.own(body), body.local()];
      const keep = (): void => {
        this.copyState(body, own, own, { toOffset: best, fromOffset: result });
        body.get(ways).setGlobal(this.ways);
      };
      body.getGlobal(this.leaves).i32(1).op(op.add).setGlobal(this.leaves);
      body.call(waysThroughTies).set(ways);
      body.call(renameByOrder);
      body.getGlobal(this.ways).op(op.eqz);
      body.if(() => {
        keep();
        body.return();
      });
      for (let k = 0; k < this.plan.layout.words; k++) {
        const both = (code: number): void => {
          body
            .get(own)
            .load(result + 4 * k)
            .get(own)
            .load(best + 4 * k)
            .op(code);
        };
        both(op.lt);
        body.if(() => {
          keep();
          body.return();
        });
        both(op.ne);
        body.if(() => body.return());
      }
      body.getGlobal(this.ways).get(ways).op(op.add).setGlobal(this.ways);
    });
  }
}
