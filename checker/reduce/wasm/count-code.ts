/** Counts the states that are expanded, and their orbits, and keeps one of each kind: each as likely as its orbit is large. */
import type { Func } from "../../wasm/encoder.ts";
import { access, i64, op } from "../../wasm/opcodes.ts";
import type { Leaf } from "../../schema/layout.ts";
import { mostKinds } from "../sample.ts";
import type { CanonicalFunctions } from "./canonical-code.ts";
import { addTo, CodeWriter, copyWords, read, type Site } from "./writer.ts";

/** Words that are kept of a kind of states beside one of them. */
export const kindWords = 6;

export interface CountTools {
  /** On what it depends of what kind a state is. */
  readonly controls: readonly Leaf[];
  /** Places in the thread's own part: see ReducedShape. */
  readonly expanded: number;
  readonly orbits: number;
  readonly kinds: number;
  readonly state: number;
  /** Words of a state; renamings in the group. */
  readonly words: number;
  readonly order: number;
  /** A global variable: see ShapeEmitter. */
  readonly handedOver: number;
}

export class CountCode extends CodeWriter {
  private readonly tools: CountTools;

  constructor(site: Site, tools: CountTools) {
    super(site);
    this.tools = tools;
  }

  /** (state) -> 1: it is counted; or 0: nothing was, and the state is handed over. */
  emit(forms: CanonicalFunctions | null, hash: Func): Func {
    const { controls, expanded, handedOver, kinds, orbits, order, state, words } = this.tools;
    return this.define(1, 1, (body) => {
      const [own, copy, orbit] = [this.own(body), body.local(), body.local()];
      const [kind, rank] = [body.local(), body.local(i64)];
      body.i32(1).set(orbit);
      if (forms !== null) {
        body.get(own).i32(state).op(op.add).set(copy);
        copyWords(body, words, copy, 0);
        body.i32(0).setGlobal(handedOver);
        body.i32(order).get(copy).call(forms.canonise).op(op.divU).set(orbit);
        body.getGlobal(handedOver).if(() => body.i32(0).return());
      }
      body.get(own).get(own).load(expanded).i32(1).op(op.add).store(expanded);
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
      addTo(body, kind, kinds + 16, orbit);
      // The least of random numbers over their weights is, nearly, one with the probability of its weight.
      body.get(0).call(hash).op(op.extendU).i64(31).op(op.i64shl);
      body.get(orbit).op(op.extendU).op(op.i64divU).set(rank);
      body.get(kind).load(kinds).op(op.eqz);
      body
        .get(kind)
        .at(access.load64, kinds + 8)
        .get(rank)
        .op(op.i64gtU)
        .op(op.or);
      body.if(() => {
        body.get(kind).i32(1).store(kinds);
        body
          .get(kind)
          .get(rank)
          .at(access.store64, kinds + 8);
        for (let k = 0; k < words; k++)
          body
            .get(kind)
            .get(0)
            .load(4 * k)
            .store(kinds + 4 * (kindWords + k));
      });
      body.i32(1);
    });
  }
}
