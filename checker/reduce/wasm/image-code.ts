/**
 * What is looked at in the images of a state by the exchange of two elements: whether they break a property or show a
 * witness, and whether they have the same successors.
 */
import type { ModelFunctions } from "../../compile/emit-wasm.ts";
import { noted } from "../../parallel/memory-map.ts";
import type { Func } from "../../wasm/encoder.ts";
import { op } from "../../wasm/opcodes.ts";
import type { CanonicalFunctions } from "./canonical-code.ts";
import { areSame, CodeWriter, locals, type Site } from "./writer.ts";

/** Of so many states one is expanded with two elements exchanged, too. A power of two. */
const exchangeEvery = 8;

export interface ImageFunctions {
  /**
   * (state): notes it if a property is broken in an image of it by the exchange of two elements, or a witness shows itself
   * there that nobody has seen, in an image or otherwise.
   */
  readonly look: Func;
  /** (state) -> an image of the state, which is to have the same successors; mostly 0: none. */
  readonly choose: Func;
}

export interface ImageTools {
  readonly model: ModelFunctions;
  readonly forms: CanonicalFunctions;
  /** (state): gives every dead local its first value; null where there are none. */
  readonly reset: Func | null;
  /** (state) -> a number that looks random. */
  readonly hash: Func;
  /** (kind, state): notes a state for the main thread. */
  readonly note: Func;
  /** Vertices of the group, exchanges of two, and where these lie, as renamings. */
  readonly vertices: number;
  readonly count: number;
  readonly exchanges: number;
  /** Where in the thread's own part an image goes, and words of a state. */
  readonly place: number;
  readonly words: number;
  readonly hasWitnesses: boolean;
  /** How far from where it is kept which witnesses were reached it is kept of images. */
  readonly shiftOfShown: number;
  /** Global variables: see ShapeEmitter. */
  readonly isImage: number;
  readonly isTold: number;
  readonly shift: number;
}

export class ImageCode extends CodeWriter {
  private readonly tools: ImageTools;

  constructor(site: Site, tools: ImageTools) {
    super(site);
    this.tools = tools;
  }

  emit(): ImageFunctions {
    const imageBy = this.imageBy();
    return { look: this.look(imageBy), choose: this.choose(imageBy) };
  }

  /** (state, exchange) -> the image of the state by the exchange of that number; 0: it is the state itself. */
  private imageBy(): Func {
    const { exchanges, forms, place, reset, vertices, words } = this.tools;
    const { rename, renaming } = forms;
    return this.define(2, 1, (body) => {
      const [own, row, image] = [this.own(body), body.local(), body.local()];
      body
        .get(1)
        .i32(4 * vertices)
        .op(op.mul)
        .set(row);
      for (let v = 0; v < vertices; v++) {
        body.get(own).get(row);
        body.load(this.site.shared + exchanges + 4 * v).store(renaming + 4 * v);
      }
      body.get(own).i32(place).op(op.add).set(image);
      body.get(0).get(image).call(rename);
      areSame(body, words, 0, image);
      body.if(() => body.i32(0).return());
      if (reset !== null) body.get(image).call(reset);
      body.get(image);
    });
  }

  private look(imageBy: Func): Func {
    const { count, hasWitnesses, isImage, isTold, model, note, shift, shiftOfShown } = this.tools;
    return this.define(1, 0, (body) => {
      const [exchange, image] = locals(body, 2);
      body.i32(1).setGlobal(isImage);
      body.i32(shiftOfShown).setGlobal(shift);
      body.i32(0).setGlobal(isTold);
      body.block((done) => {
        body.loop((each) => {
          body.get(exchange).i32(count).op(op.geU).brIf(done);
          body.get(0).get(exchange).call(imageBy).set(image);
          body.get(exchange).i32(1).op(op.add).set(exchange);
          body.get(image).op(op.eqz).brIf(each);
          body.get(image).call(model.invariants);
          if (hasWitnesses) body.get(image).call(model.witnesses).op(op.or);
          body.getGlobal(isTold).op(op.or).op(op.eqz).brIf(each);
          body.i32(noted.sampled).get(0).call(note);
        });
      });
      body.i32(0).setGlobal(isImage);
      body.i32(0).setGlobal(shift);
    });
  }

  private choose(imageBy: Func): Func {
    const { count, hash } = this.tools;
    return this.define(1, 1, (body) => {
      const [chosen] = locals(body, 1);
      // Not the bits by which states are sampled.
      body.get(0).call(hash).i32(12).op(op.shr).tee(chosen);
      body
        .i32(exchangeEvery - 1)
        .op(op.and)
        .if(() => body.i32(0).return());
      body.get(0).get(chosen).i32(Math.log2(exchangeEvery)).op(op.shr).i32(count).op(op.remU).call(imageBy);
    });
  }
}
