/**
 * The transitions that reductions make of the model's, for a search in WebAssembly: blocks of steps, dead locals reset,
 * and canonical forms. They are those of the reductions in JavaScript, state for state, but for what those leave out as
 * repetitions of others: the states that these lead to are the same.
 *
 * What a reduction rests on is checked here in every state where that is cheap: that processes hold the locks of their
 * labels, and that no exchange breaks a property or shows a witness that the state itself does not. Where there is
 * anything to be told the state is noted, and looked at in JavaScript; so are some states by their hash, with all checks,
 * and what compiled code found there is compared.
 */
import type { Around, ModelFunctions } from "../../compile/emit-wasm.ts";
import type { Module } from "../../compile/ir.ts";
import type { Instance } from "../../model/model.ts";
import { batchRecords, noted } from "../../parallel/memory-map.ts";
import type { Reshape, Workshop } from "../../parallel/reshape.ts";
import { Body } from "../../wasm/body.ts";
import type { Func } from "../../wasm/encoder.ts";
import { access, i32, op } from "../../wasm/opcodes.ts";
import type { Analysis } from "../merge/analysis.ts";
import type { MergedEvaluator } from "../merge/merged.ts";
import type { SymmetryEvaluator } from "../symmetry/quotient.ts";
import type { OrderEvaluator } from "../order/order.ts";
import { mostKinds } from "../sample.ts";
import type { Leaf } from "../../schema/layout.ts";
import { BlockCode, emitClaims } from "./block-code.ts";
import { CanonicalCode, type CanonicalFunctions } from "./canonical-code.ts";
import { OrderCode, type OrderFunctions } from "./order-code.ts";
import { Room } from "./room.ts";
import { addTo, areSame, CodeWriter, copyWords, read } from "./writer.ts";

/** Successors of a state for which there is room at least: blocks have more ends than steps. */
const roomForSuccessors = 4096;

/** Words that are kept of a kind of states beside one of them. */
export const kindWords = 4;

/** The reductions around a compiled evaluator; null for those that are not used. */
export interface Layers<S> {
  readonly merged: MergedEvaluator<S> | null;
  readonly symmetric: SymmetryEvaluator<S> | null;
  readonly order: OrderEvaluator<S> | null;
}

export class ReducedShape<S> implements Reshape {
  readonly shared = new Room();
  readonly own = new Room();
  readonly mostSuccessors = roomForSuccessors;
  readonly parts: readonly Module[];
  /** What steps do, and which locks are held where; null where no reduction asks for that. */
  readonly analysis: Analysis | null;
  readonly of: Instance<S>;
  readonly words: number;
  readonly symmetric: SymmetryEvaluator<S> | null;
  /** On what it depends of what kind a state is. */
  readonly controls: readonly Leaf[];
  readonly blocks: BlockCode | null;
  readonly canonical: CanonicalCode | null;
  readonly order: OrderCode | null;
  /** By frame of dead locals, the place of what is left of its words, by code. */
  readonly kept: readonly number[];
  /** The place of the renamings that exchange two vertices, one behind the other. */
  readonly exchanges: number;
  /** The place of bits: states whose hash has none of them are looked at in JavaScript. */
  readonly sampleMask: number;
  // Places of each thread
  /** How many states were expanded, and their orbits, in two words. */
  readonly expanded: number;
  readonly orbits: number;
  /** Bytes, from the beginning, of all that is counted and kept of states. */
  readonly countsBytes: number;
  /** A state, and the model's records. */
  readonly state: number;
  readonly records: number;
  /** By kind of states: whether there is one, the rank of the one that is kept, the weight of all in two words, that one. */
  readonly kinds: number;
  /** By witness, a byte: whether an image was seen to show it. */
  readonly shown: number;

  constructor(of: Instance<S>, module: Module, { merged, order, symmetric }: Layers<S>) {
    const { own, shared } = this;
    this.of = of;
    this.words = module.words;
    this.symmetric = symmetric;
    this.parts = merged?.modules ?? [];
    this.analysis = (merged ?? order)?.analysis ?? null;
    this.controls = (symmetric ?? merged)?.sample.controls ?? [];
    this.expanded = own.words(1);
    this.orbits = own.words(2);
    this.kinds = own.words(mostKinds * (kindWords + module.words));
    this.shown = own.words(Math.ceil(of.witnesses.length / 4));
    this.order = order === null ? null : new OrderCode(order, shared, own);
    this.countsBytes = own.bytes;
    this.state = own.words(module.words);
    this.records = own.words((module.mostSuccessors + 1) * (module.words + 2));
    this.sampleMask = shared.words(1);
    this.blocks =
      merged === null
        ? null
        : new BlockCode(merged.analysis, module.words, module.mostSuccessors, shared, own);
    this.kept = symmetric?.locals.frames.map(({ kept }) => shared.constant(kept)) ?? [];
    const isRenaming = symmetric !== null && symmetric.group.order > 1;
    this.canonical = isRenaming ? new CanonicalCode(symmetric.canonicaliser.plan, shared, own) : null;
    this.exchanges = isRenaming
      ? shared.table(Int32Array.from(symmetric.exchanges.flatMap((each) => [...each.of])))
      : 0;
  }

  get sharedBytes(): number {
    return this.shared.bytes;
  }

  get ownBytes(): number {
    return this.own.bytes;
  }

  begin(workshop: Workshop): ReturnType<Reshape["begin"]> {
    this.shared.close();
    this.own.close();
    const emitter = new ShapeEmitter(this, workshop);
    return { around: emitter.around(), emit: (model) => emitter.emit(model) };
  }
}

class ShapeEmitter<S> extends CodeWriter {
  private readonly shape: ReducedShape<S>;
  private readonly workshop: Workshop;
  // Global variables
  /** Not 0: the state that is being expanded is handed over. */
  private readonly handedOver: number;
  /** Where the next successor goes. */
  private readonly to: number;
  /** May the state last expanded be a deadlock? */
  private readonly isStuck: number;
  /** Not 0: the state is an image, and what properties say of it is not reported; and whether one said anything. */
  private readonly isImage: number;
  private readonly isTold: number;
  /** From where it is kept which witnesses were reached to where it is of images; or 0. */
  private readonly shift: number;

  constructor(shape: ReducedShape<S>, workshop: Workshop) {
    const { base, encoder, map } = workshop;
    super({ encoder, base, shared: map.reshapedShared, own: map.reshapedOwn });
    this.shape = shape;
    this.workshop = workshop;
    this.handedOver = encoder.global(i32);
    this.to = encoder.global(i32);
    this.isStuck = encoder.global(i32);
    this.isImage = encoder.global(i32);
    this.isTold = encoder.global(i32);
    this.shift = encoder.global(i32);
  }

  around(): Around {
    const { around, base, map } = this.workshop;
    const witness = (body: Body): Body => body.getGlobal(base).getGlobal(this.shift).op(op.add);
    return {
      ...around,
      violated: (body, id, src) => {
        body.i32(1).setGlobal(this.isTold);
        body
          .getGlobal(this.isImage)
          .op(op.eqz)
          .if(() => around.violated(body, id, src));
      },
      // A path is to end with that step: the state is expanded in JavaScript, which keeps the one after it.
      broken: (body) => body.i32(1).setGlobal(this.handedOver),
      isReached: (body, id) => witness(body).at(access.load8, map.reached + id),
      reached: (body, id) => {
        body.i32(1).setGlobal(this.isTold);
        witness(body)
          .i32(1)
          .at(access.store8, map.reached + id);
      },
    };
  }

  emit(model: ModelFunctions): ModelFunctions {
    const { analysis, blocks, canonical, of, order } = this.shape;
    const { map } = this.workshop;
    const { instanceOffset, recordBytes } = map;
    const hash = this.hash();
    const reset = this.reset();
    const forms = canonical?.emit(this.site) ?? null;
    const give = this.give(reset, forms);
    const made = blocks?.emit(this.site, {
      model,
      recordBytes,
      instanceOffset,
      give,
      handedOver: this.handedOver,
      isStuckSought: of.model.deadlock === "stuck",
    });
    const parts = {
      model,
      give,
      keepsClaims: analysis === null ? null : emitClaims(this.site, analysis),
      order: order?.emit(this.site, { recordBytes, instanceOffset, words: this.shape.words }) ?? null,
      finish: made?.finish ?? null,
      count: this.count(forms, hash),
      sample: this.sample(hash),
      lookAtImages: forms === null ? null : this.lookAtImages(model, forms, reset),
    };
    const mayBeDeadlock = this.define(3, 1, (body) => body.getGlobal(this.isStuck));
    return { ...model, expand: this.expand(parts), mayBeDeadlock };
  }

  private expand(parts: {
    readonly model: ModelFunctions;
    readonly give: Func;
    readonly keepsClaims: Func | null;
    readonly order: OrderFunctions | null;
    readonly finish: Func | null;
    readonly count: Func;
    readonly sample: Func;
    readonly lookAtImages: Func | null;
  }): Func {
    const { count, finish, give, keepsClaims, lookAtImages, model, order, sample } = parts;
    const { instanceOffset, recordBytes } = this.workshop.map;
    return this.define(2, 1, (body) => {
      const [own, at, end, sets] = [this.own(body), body.local(), body.local(), body.local()];
      body.get(0).call(count);
      body.get(0).call(sample);
      if (lookAtImages !== null) body.get(0).call(lookAtImages);
      if (keepsClaims !== null) {
        body.get(0).call(keepsClaims).op(op.eqz);
        body.if(() => body.i32(0).return());
      }
      if (order !== null) {
        body.get(0).call(order.setsAt).tee(sets).i32(-1).op(op.eq);
        body.if(() => body.i32(0).return());
      }
      body.i32(0).setGlobal(this.handedOver);
      body.get(1).setGlobal(this.to);
      body.get(own).i32(this.shape.records).op(op.add).set(at);
      body.get(0).get(at).call(model.expand).tee(end).op(op.eqz);
      body.if(() => body.i32(0).return());
      body.get(0).get(at).get(end).call(model.mayBeDeadlock).setGlobal(this.isStuck);
      body.block((done) => {
        body.loop((each) => {
          body.get(at).get(end).op(op.eq).brIf(done);
          if (finish === null) body.get(at).get(at).load(instanceOffset).call(give);
          else body.get(at).call(finish);
          body.get(at).i32(recordBytes).op(op.add).set(at).br(each);
        });
      });
      body.getGlobal(this.handedOver);
      body.if(() => body.i32(0).return());
      if (order === null) body.getGlobal(this.to);
      else body.get(1).getGlobal(this.to).get(sets).call(order.keep);
    });
  }

  /** (state, first step): the state, canonical and without dead locals, is a successor. */
  private give(reset: Func | null, forms: CanonicalFunctions | null): Func {
    const { base, map } = this.workshop;
    const last = map.batch + map.recordBytes * (batchRecords + map.needs.mostSuccessors - 1);
    return this.define(2, 0, (body) => {
      const to = body.local();
      body.getGlobal(this.to).tee(to).getGlobal(base).i32(last).op(op.add).op(op.geU);
      body.if(() => body.i32(1).setGlobal(this.handedOver).return());
      copyWords(body, this.shape.words, to, 0);
      body.get(to).get(1).store(map.instanceOffset);
      if (reset !== null) body.get(to).call(reset);
      if (forms !== null) body.get(to).call(forms.canonise).op(op.drop);
      body.get(to).i32(map.recordBytes).op(op.add).setGlobal(this.to);
    });
  }

  /** (state): gives every dead local its first value. */
  private reset(): Func | null {
    const frames = this.shape.symmetric?.locals.frames ?? [];
    if (frames.length === 0) return null;
    return this.define(1, 0, (body) => {
      const row = body.local();
      frames.forEach(({ control, words }, n) => {
        read(body, control, 0);
        body
          .i32(4 * words.length)
          .op(op.mul)
          .set(row);
        words.forEach((word, i) => {
          body
            .get(0)
            .get(0)
            .load(4 * word);
          body.get(row).load(this.site.shared + this.shape.kept[n] + 4 * i);
          body.op(op.and).store(4 * word);
        });
      });
    });
  }

  /** (state): counts it, and its orbit, and keeps one of its kind: each as likely as its orbit is large. */
  private count(forms: CanonicalFunctions | null, hash: Func): Func {
    const { controls, expanded, kinds, orbits, state, symmetric, words } = this.shape;
    return this.define(1, 0, (body) => {
      const [own, copy, orbit] = [this.own(body), body.local(), body.local()];
      const [kind, rank] = [body.local(), body.local()];
      body.get(own).get(own).load(expanded).i32(1).op(op.add).store(expanded);
      body.i32(1).set(orbit);
      if (forms !== null) {
        body.get(own).i32(state).op(op.add).set(copy);
        copyWords(body, words, copy, 0);
        body
          .i32(symmetric?.group.order ?? 1)
          .get(copy)
          .call(forms.canonise)
          .op(op.divU)
          .set(orbit);
      }
      addTo(body, own, orbits, orbit);
      for (const control of controls) {
        body.get(kind).i32(0x9e3779b1).op(op.mul);
        read(body, control, 0);
        body.op(op.add).set(kind);
      }
      body.get(kind).get(kind).i32(15).op(op.shr).op(op.xor);
      body
        .i32(mostKinds - 1)
        .op(op.and)
        .i32(4 * (kindWords + words))
        .op(op.mul);
      body.get(own).op(op.add).set(kind);
      addTo(body, kind, kinds + 8, orbit);
      // The least of random numbers over their weights is, nearly, one with the probability of its weight.
      body.get(0).call(hash).get(orbit).op(op.divU).set(rank);
      body.get(kind).load(kinds).op(op.eqz);
      body
        .get(rank)
        .get(kind)
        .load(kinds + 4)
        .op(op.ltU)
        .op(op.or);
      body.if(() => {
        body
          .get(kind)
          .i32(1)
          .store(kinds)
          .get(kind)
          .get(rank)
          .store(kinds + 4);
        for (let k = 0; k < words; k++)
          body
            .get(kind)
            .get(0)
            .load(4 * k)
            .store(kinds + 4 * (kindWords + k));
      });
    });
  }

  /** (state) -> a number that looks random. */
  private hash(): Func {
    return this.define(1, 1, (body) => {
      const hash = body.local();
      for (let k = 0; k < this.shape.words; k++) {
        body
          .get(hash)
          .get(0)
          .load(4 * k)
          .op(op.xor)
          .i32(0x9e3779b1)
          .op(op.mul)
          .tee(hash);
        body.get(hash).i32(15).op(op.shr).op(op.xor).i32(0x85ebca77).op(op.mul).set(hash);
      }
      body.get(hash).get(hash).i32(13).op(op.shr).op(op.xor);
    });
  }

  /** (state): notes it if it is one of those to be looked at. */
  private sample(hash: Func): Func {
    const { note } = this.workshop;
    return this.define(1, 0, (body) => {
      body.get(0).call(hash);
      body
        .i32(0)
        .load(this.site.shared + this.shape.sampleMask)
        .op(op.and)
        .op(op.eqz);
      body.if(() => body.i32(noted.sampled).get(0).call(note));
    });
  }

  /**
   * (state): notes it if a property is broken in an image of it by the exchange of two elements, or a witness shows itself
   * there that nobody has seen, in an image or otherwise.
   */
  private lookAtImages(
    model: ModelFunctions,
    { rename, renaming }: CanonicalFunctions,
    reset: Func | null,
  ): Func {
    const { exchanges, of, shown, state, symmetric, words } = this.shape;
    const { map, note } = this.workshop;
    const vertices = symmetric?.group.vertices ?? 0;
    const count = symmetric?.exchanges.length ?? 0;
    return this.define(1, 0, (body) => {
      const [own, exchange, image] = [this.own(body), body.local(), body.local()];
      body.get(own).i32(state).op(op.add).set(image);
      body.i32(1).setGlobal(this.isImage);
      body.i32(map.reshapedOwn + shown - map.reached).setGlobal(this.shift);
      body.i32(0).setGlobal(this.isTold);
      body.block((done) => {
        body.loop((each) => {
          body
            .get(exchange)
            .i32(4 * vertices * count)
            .op(op.geU)
            .brIf(done);
          for (let v = 0; v < vertices; v++)
            body
              .get(own)
              .get(exchange)
              .load(this.site.shared + exchanges + 4 * v)
              .store(renaming + 4 * v);
          body
            .get(exchange)
            .i32(4 * vertices)
            .op(op.add)
            .set(exchange);
          body.get(0).get(image).call(rename);
          areSame(body, words, 0, image);
          body.brIf(each);
          if (reset !== null) body.get(image).call(reset);
          body.get(image).call(model.invariants);
          if (of.witnesses.length > 0) body.get(image).call(model.witnesses).op(op.or);
          body.getGlobal(this.isTold).op(op.or).op(op.eqz).brIf(each);
          body.i32(noted.sampled).get(0).call(note);
        });
      });
      body.i32(0).setGlobal(this.isImage);
      body.i32(0).setGlobal(this.shift);
    });
  }
}
