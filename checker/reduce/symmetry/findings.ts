/**
 * What properties and witnesses say of a state and of each that comes of it by the exchange of two elements: the same,
 * of exchanged things. This is asked in every state that is expanded, for it costs little: a property that names one
 * element shows what it sees in the state or in one of these, however rare the state is.
 */
import type { Evaluator } from "../../evaluate/evaluator.ts";
import type { Instance } from "../../model/model.ts";
import type { AnyArgs, Params } from "../../model/rule.ts";
import type { Canonicaliser } from "./canonical.ts";
import { exchangeOf, renameArgs, type Renaming } from "./commutes.ts";
import { exchangesIn, type Group, type Transposition } from "./group.ts";
import type { DeadLocalReset } from "./reset.ts";

/** A property that tells two elements apart. */
export interface ToldApart {
  readonly what: string;
  readonly exchange: Transposition;
}

/** Something that is asked of states, with its arguments. */
interface Asked {
  readonly property: { readonly name: string; readonly params: Params };
  readonly args: AnyArgs;
}

/** An exchange, and what it makes of each id: -1 where there is no such thing. */
interface Exchange {
  readonly exchange: Transposition;
  readonly a: number;
  readonly b: number;
  readonly renaming: Renaming;
  readonly invariants: Int32Array;
  readonly witnesses: Int32Array;
}

export class FindingsCheck<S> {
  private readonly of: Instance<S>;
  private readonly evaluator: Evaluator;
  private readonly canonicaliser: Canonicaliser;
  private readonly locals: DeadLocalReset;
  private readonly exchanges: readonly Exchange[];
  /** The state after each exchange that changes it, one behind the other. */
  private readonly images: Int32Array;
  private readonly reached: Uint8Array;
  private readonly reachedThere: Uint8Array;

  constructor(
    of: Instance<S>,
    evaluator: Evaluator,
    group: Group,
    canonicaliser: Canonicaliser,
    locals: DeadLocalReset,
  ) {
    this.of = of;
    this.evaluator = evaluator;
    this.canonicaliser = canonicaliser;
    this.locals = locals;
    this.reached = new Uint8Array(of.witnesses.length);
    this.reachedThere = new Uint8Array(of.witnesses.length);
    const exchanges = exchangesIn(group);
    this.images = new Int32Array(exchanges.length * evaluator.words);
    this.exchanges = exchanges.map((exchange) => {
      const vertices = group.vertexOf.get(exchange.sort) as Int32Array;
      const renaming = exchangeOf(group, exchange);
      const idsOf = (list: readonly Asked[]): Int32Array => idsAfter(list, renaming);
      return {
        exchange,
        a: vertices[exchange.a],
        b: vertices[exchange.b],
        renaming,
        invariants: idsOf(of.invariants),
        witnesses: idsOf(of.witnesses),
      };
    });
  }

  /** The first property or witness that says of an exchanged state something else than of the state at `W[o..]`. */
  findBreach(W: Int32Array, o: number): ToldApart | null {
    const { canonicaliser, evaluator, exchanges, images, locals, of, reached, reachedThere } = this;
    const { words } = evaluator;
    if (exchanges.length === 0) return null;
    // Of twins it is the same state, and may yet say something else of the one than of the other.
    const least = canonicaliser.twins.leastIn(W, o);
    let others = 0;
    for (const { a, b, renaming } of exchanges) {
      if (least[a] === least[b]) continue;
      canonicaliser.rename(renaming.of, W, o, images, others * words);
      locals.reset(images, others * words);
      others++;
    }
    const violated = evaluator.violatedInvariants(W, o);
    // Mostly nothing is violated, here or there.
    const isClean = violated.length === 0 && evaluator.countClean?.(images, 0, others) === others;
    if (isClean && reached.length === 0) return null;
    reached.fill(0);
    evaluator.markWitnesses(W, o, reached);
    let next = 0;
    for (const { exchange, a, b, invariants, witnesses } of exchanges) {
      const isOther = least[a] !== least[b];
      const at = isOther ? words * next++ : 0;
      const there = isOther && !isClean ? evaluator.violatedInvariants(images, at) : violated;
      const told = firstTold(violated, there, invariants);
      if (told >= 0) return { what: `the property ${of.invariants[told].property.name}`, exchange };
      if (reached.length === 0) continue;
      reachedThere.fill(0);
      if (isOther) evaluator.markWitnesses(images, at, reachedThere);
      const theirs = isOther ? reachedThere : reached;
      for (let id = 0; id < reached.length; id++) {
        const isThere = witnesses[id] >= 0 && theirs[witnesses[id]] === 1;
        if ((reached[id] === 1) !== isThere)
          return { what: `the witness ${of.witnesses[id].property.name}`, exchange };
      }
    }
    return null;
  }
}

/** The first id that is violated here and not there, or the other way round; or -1. */
function firstTold(here: readonly number[], there: readonly number[], idsThere: Int32Array): number {
  if (here.length === 0) return there.length === 0 ? -1 : there[0];
  const images = here.map((id) => idsThere[id]);
  const missing = here.find((_, i) => !there.includes(images[i]));
  return missing ?? there.find((id) => !images.includes(id)) ?? -1;
}

/** By id, the id of the same with exchanged arguments. */
function idsAfter(list: readonly Asked[], renaming: Renaming): Int32Array {
  const keyOf = ({ property: { name } }: Asked, args: AnyArgs): string => JSON.stringify([name, args]);
  const ids = new Map(list.map((each, id) => [keyOf(each, each.args), id]));
  return Int32Array.from(list, (each) => {
    const args = renameArgs(each.property, each.args, renaming);
    return ids.get(keyOf(each, args)) ?? -1;
  });
}
