/**
 * SHA-256 (FIPS 180-4) for texts of some kilobytes: Node's where there is one, else in plain TypeScript, so that the same
 * digest is computed in a browser, and no promise is needed for it.
 */

const firstPrimes = ((): readonly number[] => {
  const primes: number[] = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return primes;
})();

/** The first 32 bits of the fractional part. */
function fraction(x: number): number {
  return Math.floor((x - Math.floor(x)) * 2 ** 32) | 0;
}

const initialHash: readonly number[] = firstPrimes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));
const roundConstants: readonly number[] = firstPrimes.map((prime) => fraction(Math.cbrt(prime)));

function rotate(x: number, by: number): number {
  return (x >>> by) | (x << (32 - by));
}

/** The digest of a text (as UTF-8): 64 hexadecimal digits. */
export function computeSha256(text: string): string {
  // Not an import: the web page loads this file too.
  const host = (globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }).process;
  const crypto = host?.getBuiltinModule?.("node:crypto") as typeof import("node:crypto") | undefined;
  return crypto?.createHash("sha256").update(text).digest("hex") ?? computeSha256Plainly(text);
}

/** The same without the platform's help. */
export function computeSha256Plainly(text: string): string {
  const bytes = pad(new TextEncoder().encode(text));
  const view = new DataView(bytes.buffer);
  const hash = Int32Array.from(initialHash);
  const schedule = new Int32Array(64);
  for (let block = 0; block < bytes.length; block += 64) {
    for (let i = 0; i < 16; i++) schedule[i] = view.getInt32(block + 4 * i);
    for (let i = 16; i < 64; i++) {
      const a = schedule[i - 15];
      const b = schedule[i - 2];
      const small0 = rotate(a, 7) ^ rotate(a, 18) ^ (a >>> 3);
      const small1 = rotate(b, 17) ^ rotate(b, 19) ^ (b >>> 10);
      schedule[i] = (schedule[i - 16] + small0 + schedule[i - 7] + small1) | 0;
    }
    compress(hash, schedule);
  }
  return [...hash].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}

function compress(hash: Int32Array, schedule: Int32Array): void {
  let [a, b, c, d, e, f, g, h] = hash;
  for (let i = 0; i < 64; i++) {
    const big1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const choice = (e & f) ^ (~e & g);
    const one = (h + big1 + choice + roundConstants[i] + schedule[i]) | 0;
    const big0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const majority = (a & b) ^ (a & c) ^ (b & c);
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + big0 + majority) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => {
    hash[i] = (hash[i] + word) | 0;
  });
}

/** The message, a one bit, zeros, and the message's length in bits as 64 bits. */
function pad(message: Uint8Array): Uint8Array<ArrayBuffer> {
  const padded = new Uint8Array(Math.ceil((message.length + 9) / 64) * 64);
  padded.set(message);
  padded[message.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(message.length / 2 ** 29));
  view.setUint32(padded.length - 4, (message.length << 3) >>> 0);
  return padded;
}
