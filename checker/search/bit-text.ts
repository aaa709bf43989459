/** Text of JavaScript that moves bits between words: parts laid one behind the other, and taken apart again. */

/** A part: an expression for a 32-bit word of which the low `bits` bits count, all higher ones being zero. */
export interface BitPart {
  readonly text: string;
  readonly bits: number;
}

/** The words that hold all parts, one behind the other from bit 0 on, as expressions. */
export function joinBits(parts: readonly BitPart[]): string[] {
  const words: string[][] = [];
  let at = 0;
  for (const { text, bits } of parts) {
    if (bits === 0) continue;
    const shift = at & 31;
    (words[at >>> 5] ??= []).push(shift === 0 ? text : `(${text} << ${shift})`);
    if (shift + bits > 32) (words[(at >>> 5) + 1] ??= []).push(`(${text} >>> ${32 - shift})`);
    at += bits;
  }
  return words.map((terms) => terms.join(" | "));
}

/** `bits` bits from bit `from` on, out of words given as expressions, as an expression. */
export function sliceBits(words: readonly string[], from: number, bits: number): string {
  const shift = from & 31;
  const first = from >>> 5;
  const low = shift === 0 ? words[first] : `(${words[first]} >>> ${shift})`;
  const isWithin = shift + bits <= 32;
  const all = isWithin ? low : `(${low} | (${words[first + 1]} << ${32 - shift}))`;
  return bits === 32 ? all : `(${all} & ${maskOf(bits)})`;
}

export function maskOf(bits: number): number {
  return bits === 32 ? -1 : 2 ** bits - 1;
}
