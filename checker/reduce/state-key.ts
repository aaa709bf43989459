/** A packed state as a key of a Map: its words' bits, two characters to a word. Shorter to make than a list of numbers. */
export function keyOfState(words: Int32Array): string {
  let key = "";
  for (let i = 0; i < words.length; i++) key += String.fromCharCode(words[i] & 0xffff, words[i] >>> 16);
  return key;
}
