/**
 * What an SMMU has in progress, apart from what it does: from an entry of which size, by which context.
 */
import type { Smmu } from "../machine.ts";

type Transaction = Smmu["transactions"][number];
export type Sized = Pick<Transaction, "size">;

/** Was it read from a block's entry? */
export function isOfBlock({ size }: Sized): boolean {
  return size.length > 0 && size[0].isBlock;
}

/** Notes whether it was read from a block's entry. */
export function setSize({ size }: Sized, isBlock: boolean): void {
  if (size.length > 0) size[0].isBlock = isBlock;
}

/** The context descriptor, counted from 1, by which it began; 0 where it is of stage 2. */
export function descriptorBy({ context }: Pick<Transaction, "context">): number {
  return context.length > 0 ? context[0].descriptor : 0;
}

/** Is its domain's id an ASID? */
export function isOfAsid(of: Pick<Transaction, "context">): boolean {
  return descriptorBy(of) > 0;
}

/** What is in progress ends. */
export function endTransaction(of: Transaction): void {
  of.doing = { tag: "nothing" };
  setSize(of, false);
  if (of.context.length > 0) of.context[0].descriptor = 0;
}
