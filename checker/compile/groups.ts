/**
 * Which invariants are looked at together, because they read much the same of a state.
 *
 * Invariants read a part of the state only, and states that are found one after the other mostly agree in it: where a
 * device gets to says nothing of where another CPU is in its call. So a back end may remember, exactly, for which
 * values of what a group reads all its formulas held, and look again only at what is new. That is sound because the
 * footprints over-approximate: nothing else of the state decides.
 */
import type { Layout } from "../schema/layout.ts";
import type { Footprint } from "./footprint.ts";
import type { FormulaGroup, Stmt } from "./ir.ts";
import { countOperations } from "./operations.ts";

/** The statements of a formula, and what it reads. */
export interface Looked {
  readonly body: readonly Stmt[];
  readonly footprint: Footprint;
}

/** Formulas join the widest one of a group as long as all read at most so much more than that, as a share. */
const mostWidening = 1 / 8;
/** Operations that remembering takes, about: so many, and so many more for each word that is read. */
const memoOperations = 100;
const memoOperationsPerWord = 20;

/** Puts the formulas into groups; `price`: what remembering takes, as a share of what it usually does. */
export function groupFormulas(layout: Layout, formulas: readonly Looked[], price = 1): FormulaGroup[] {
  const groups: { body: Stmt[]; reads: number[]; most: number }[] = [];
  const wide = formulas
    .map(({ body, footprint }) => ({ body, reads: bitsOf(layout, footprint) }))
    .toSorted((a, b) => countBits(b.reads) - countBits(a.reads));
  for (const { body, reads } of wide) {
    if (body.length === 0) continue;
    const joined = groups.find((group) => countBits(unite(group.reads, reads)) <= group.most);
    if (joined === undefined) {
      groups.push({ body: [...body], reads, most: countBits(reads) * (1 + mostWidening) });
      continue;
    }
    joined.body.push(...body);
    joined.reads = unite(joined.reads, reads);
  }
  const isWorth = ({ body, reads }: (typeof groups)[number]): boolean => {
    const words = reads.filter((bits) => bits !== 0).length;
    return countOperations(body) >= price * (memoOperations + memoOperationsPerWord * words);
  };
  const remembered = groups.filter(isWorth);
  const plain = statementsOf(groups.filter((group) => !isWorth(group)));
  return plain.length === 0 ? remembered : [...remembered, { body: plain, reads: null }];
}

/** All statements of the groups. */
export function statementsOf(groups: readonly Pick<FormulaGroup, "body">[]): Stmt[] {
  return groups.flatMap(({ body }) => body);
}

/** By word: the bits of the leaves that are read. */
function bitsOf(layout: Layout, { reads }: Footprint): number[] {
  const bits = Array.from({ length: layout.words }, () => 0);
  for (const { mask, shift, word } of reads) bits[word] |= mask << shift;
  return bits;
}

function unite(a: readonly number[], b: readonly number[]): number[] {
  return a.map((bits, word) => bits | b[word]);
}

function countBits(words: readonly number[]): number {
  let count = 0;
  for (const word of words) for (let rest = word; rest !== 0; rest &= rest - 1) count++;
  return count;
}
