/**
 * How a state lies in the table that threads share, to the bit.
 *
 * As in the table of one thread (search/slot-format.ts), a state's bits are squeezed together, 32 of them are mixed
 * with all the others into a hash by a function that can be undone for given others, and what a bucket's place says
 * of the hash is not stored. The hash's upper bits name one of the segments, the rest the bucket in it: segments
 * grow each by itself, where they are, so that threads share the work.
 *
 * A bucket is one to four cache lines: a word of marks; the first word of each slot, so that four are compared at
 * once; the rest of each slot in one piece. The marks: how many slots are filled (4 bits), whether a thread is
 * filling one (1 bit), and for each slot how many buckets further on than its own the state lies (2 bits).
 */

export const segmentBits = 4;
export const segments = 1 << segmentBits;
/** Bits of the hash that name a bucket in a segment. */
export const placeBits = 32 - segmentBits;
/** A state lies in its own bucket or in one of the next three. */
export const mostHops = 3;
export const lockedMark = 16;
/** Where in the marks the first slot's distance is. */
export const firstDistance = 5;
const lineBytes = 64;
const mostLines = 4;
const mostSlots = 12;

export interface Slot {
  /** Bits of a key that are not in its hash. */
  readonly otherBits: number;
  /** Low bits of the hash that a slot holds. */
  readonly hashBits: number;
  /** 32-bit words of a slot, and bytes beside them (0, 1 or 2). */
  readonly words: number;
  readonly tail: number;
  readonly slots: number;
  readonly bucketBytes: number;
  /** The fewest buckets of a segment with which a hash is known by its place and its low bits. */
  readonly leastBuckets: number;
}

/** The tightest slots for which an empty table takes no more than `mostBytes`. */
export function chooseSlot(otherBits: number, mostBytes: number): Slot {
  for (let bytes = 4; ; bytes++) {
    if (bytes % 4 === 3) continue;
    const hashBits = Math.min(placeBits, 8 * bytes - otherBits);
    if (hashBits < 2) continue;
    const leastBuckets = Math.max(2, Math.ceil(2 ** placeBits / (2 ** hashBits - 1)));
    const { bucketBytes, slots } = bucketFor(bytes);
    if (hashBits < placeBits && tableBytes(leastBuckets, bucketBytes) > mostBytes) continue;
    return { otherBits, hashBits, words: bytes >> 2, tail: bytes & 3, slots, bucketBytes, leastBuckets };
  }
}

/** Bytes of a table of so many buckets in a segment; behind the last lie some that are nobody's own. */
export function tableBytes(buckets: number, bucketBytes: number): number {
  return segments * (buckets + mostHops) * bucketBytes;
}

/** The bucket in which the fewest bytes are lost. */
function bucketFor(slotBytes: number): { bucketBytes: number; slots: number } {
  let best = { bucketBytes: 0, slots: 0, perSlot: Infinity };
  for (let lines = 1; lines <= mostLines || best.slots === 0; lines++) {
    const bucketBytes = lines * lineBytes;
    const slots = Math.min(mostSlots, Math.floor((bucketBytes - 4) / slotBytes));
    const perSlot = bucketBytes / slots;
    if (perSlot < best.perSlot * 0.97) best = { bucketBytes, slots, perSlot };
  }
  return best;
}
