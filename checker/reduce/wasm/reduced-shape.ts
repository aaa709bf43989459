/**
 * The transitions that reductions make of the model's, for a search in WebAssembly: blocks of steps, dead locals reset,
 * and canonical forms. They are those of the reductions in JavaScript, state for state, but for what those leave out as
 * repetitions of others: the states that these lead to are the same.
 *
 * What a reduction rests on is checked here in every state where that is cheap: that processes hold the locks of their
 * labels, and that no exchange of two elements breaks a property or shows a witness that the state itself does not. One of
 * several states is expanded with two elements exchanged, too. Where there is anything to be told the state is noted, and
 * looked at in JavaScript; so are some states by their hash, with all checks, and what compiled code found there is compared.
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
import { CountCode, kindWords } from "./count-code.ts";
import { ImageCode, type ImageFunctions } from "./image-code.ts";
import { OrderCode, type OrderFunctions } from "./order-code.ts";
import { Room } from "./room.ts";
import { CodeWriter, copyWords, locals, read } from "./writer.ts";

/** Successors of a state for which there is room at least: blocks have more ends than steps. */
const roomForSuccessors = 4096;

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
  /** The state with two elements exchanged. */
  readonly image: number;
  readonly records: number;
  /** By kind of states: whether there is one, the rank of the one that is kept and the weight of all, of two words each, that one. */
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
    this.image = own.words(module.words);
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
    const forms = canonical?.emit(this.site, this.handedOver) ?? null;
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
      hash,
      images: forms === null ? null : this.images(model, forms, reset, hash),
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
    readonly hash: Func;
    readonly images: ImageFunctions | null;
  }): Func {
    const { count, hash, images, keepsClaims, order, sample } = parts;
    const successors = this.successors(parts);
    const sum = this.sum(hash);
    return this.define(2, 1, (body) => {
      const [sets, end, image, endThere, sumThere] = locals(body, 5);
      body.get(0).call(sample);
      if (keepsClaims !== null) {
        body.get(0).call(keepsClaims).op(op.eqz);
        body.if(() => body.i32(0).return());
      }
      if (order !== null) {
        body.get(0).call(order.setsAt).tee(sets).i32(-1).op(op.eq);
        body.if(() => body.i32(0).return());
      }
      if (images !== null) {
        body.get(0).call(images.look);
        body.get(0).call(images.choose).tee(image);
        body.if(() => {
          body.get(image).get(1).call(successors).set(endThere);
          body.get(1).get(endThere).call(sum).set(sumThere);
        });
      }
      body.get(0).get(1).call(successors).tee(end).op(op.eqz);
      body.if(() => body.i32(0).return());
      if (images !== null) {
        body.get(endThere).get(end).op(op.ne);
        body.get(1).get(end).call(sum).get(sumThere).op(op.ne).op(op.or);
        // What is handed over there was not compared.
        body.get(endThere).i32(0).op(op.ne).op(op.and);
        body.if(() => body.i32(noted.doubted).get(0).call(this.workshop.note));
      }
      // What is handed over is counted in JavaScript.
      body.get(0).call(count).op(op.eqz);
      body.if(() => body.i32(0).return());
      if (order === null) body.get(end);
      else body.get(1).get(end).get(sets).call(order.keep);
    });
  }

  /** (state, to) -> the end of its successors; or 0. */
  private successors({
    finish,
    give,
    model,
  }: {
    readonly finish: Func | null;
    readonly give: Func;
    readonly model: ModelFunctions;
  }): Func {
    const { instanceOffset, recordBytes } = this.workshop.map;
    return this.define(2, 1, (body) => {
      const [own, at, end] = [this.own(body), body.local(), body.local()];
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
      body.i32(0).getGlobal(this.to).getGlobal(this.handedOver).op(op.select);
    });
  }

  /** (records, end) -> a number that is the same for the same states in any order. */
  private sum(hash: Func): Func {
    return this.define(2, 1, (body) => {
      const sum = body.local();
      body.block((done) => {
        body.loop((each) => {
          body.get(0).get(1).op(op.geU).brIf(done);
          body.get(sum).get(0).call(hash).op(op.add).set(sum);
          body.get(0).i32(this.workshop.map.recordBytes).op(op.add).set(0).br(each);
        });
      });
      body.get(sum);
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

  private images(
    model: ModelFunctions,
    forms: CanonicalFunctions,
    reset: Func | null,
    hash: Func,
  ): ImageFunctions {
    const { exchanges, image, of, shown, symmetric, words } = this.shape;
    const { map, note } = this.workshop;
    const { isImage, isTold, shift } = this;
    return new ImageCode(this.site, {
      model,
      forms,
      reset,
      hash,
      note,
      exchanges,
      words,
      isImage,
      isTold,
      shift,
      vertices: symmetric?.group.vertices ?? 0,
      count: symmetric?.exchanges.length ?? 0,
      place: image,
      hasWitnesses: of.witnesses.length > 0,
      shiftOfShown: map.reshapedOwn + shown - map.reached,
    }).emit();
  }

  private count(forms: CanonicalFunctions | null, hash: Func): Func {
    const { controls, expanded, kinds, orbits, state, symmetric, words } = this.shape;
    const order = symmetric?.group.order ?? 1;
    const { handedOver } = this;
    return new CountCode(this.site, {
      controls,
      expanded,
      kinds,
      orbits,
      order,
      state,
      words,
      handedOver,
    }).emit(forms, hash);
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
}
