/**
 * How a state lies in the state table, to the bit.
 *
 * A state's bits are squeezed together (the mark of a used state and the rest of each word carry nothing). 32 of
 * them, the first, are mixed with all the others into a hash, by a function that can be undone for given others:
 * (hash, others) says as much as the state does, so that comparing them is exact. The hash names the bucket, and
 * what the bucket's place says of it need not be stored: a slot holds the others and the hash's low bits.
 *
 * A bucket is a run of words, mostly one cache line: a word of marks, two bits for each slot (0: free, else 1 and
 * how many buckets further on than its own the state lies); the bytes of the slots that fill no word; the first word of
 * each slot; the other words. Slots are used in order, and never freed.
 */

/** What stays of a bucket's hashes is an interval of this many values more, against rounding. */
const roundingMargin = 4;
/** A mark has two bits: a state lies in its own bucket or in one of the next two. */
export const mostHops = 2;

export interface SlotFormat {
  /** Bits of the hash that a slot holds. */
  readonly hashBits: number;
  /** 32-bit words of a slot, and bytes beside them (0, 1 or 2). */
  readonly slotWords: number;
  readonly slotBytes: number;
  readonly slotsPerBucket: number;
  readonly bucketWords: number;
  /** How many hashes there are to a bucket's home; behind them lie `mostHops` buckets that are nobody's home. */
  readonly buckets: number;
}

/** Words that all buckets take, those at the end included. */
export function wordsOf(format: SlotFormat): number {
  return (format.buckets + mostHops) * format.bucketWords;
}

export function slotsOf(format: SlotFormat): number {
  return format.buckets * format.slotsPerBucket;
}

/** The tightest format with room for `slots` states of which `otherBits` bits are not in the hash. */
export function chooseFormat(otherBits: number, slots: number): SlotFormat {
  for (let bytes = 4; ; bytes++) {
    if (bytes % 4 === 3) continue;
    const shape = shapeOf(bytes);
    const buckets = Math.ceil(slots / shape.slotsPerBucket);
    const hashBits = Math.min(32, Math.ceil(Math.log2(2 ** 32 / buckets + roundingMargin)));
    if (otherBits + hashBits <= 8 * bytes) return { ...shape, hashBits, buckets };
  }
}

function shapeOf(bytes: number): Omit<SlotFormat, "hashBits" | "buckets"> {
  const slotWords = bytes >> 2;
  const slotBytes = bytes & 3;
  // Up to six bytes a bucket is a cache line of 64 bytes.
  const slotsPerBucket = bytes === 5 ? 12 : bytes === 6 ? 10 : 15;
  const bucketWords = 1 + slotsPerBucket * slotWords + Math.ceil((slotsPerBucket * slotBytes) / 4);
  return { slotWords, slotBytes, slotsPerBucket, bucketWords };
}
