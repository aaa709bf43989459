/** Codes of the WebAssembly instructions that are used here, by the specification's names. */

export const i32 = 0x7f;
export const i64 = 0x7e;
export const v128 = 0x7b;
export type ValueType = typeof i32 | typeof i64 | typeof v128;

/** Instructions that take their operands from the stack and nothing else. */
export const op = {
  unreachable: 0x00,
  drop: 0x1a,
  select: 0x1b,
  eqz: 0x45,
  eq: 0x46,
  ne: 0x47,
  lt: 0x48,
  ltU: 0x49,
  gtU: 0x4b,
  le: 0x4c,
  ge: 0x4e,
  geU: 0x4f,
  ctz: 0x68,
  add: 0x6a,
  sub: 0x6b,
  mul: 0x6c,
  divU: 0x6e,
  rem: 0x6f,
  remU: 0x70,
  and: 0x71,
  or: 0x72,
  xor: 0x73,
  shl: 0x74,
  shr: 0x76,
  rotl: 0x77,
  i64gtU: 0x56,
  i64add: 0x7c,
  i64sub: 0x7d,
  i64mul: 0x7e,
  i64divU: 0x80,
  i64shl: 0x86,
  i64shr: 0x88,
  wrap: 0xa7,
  extendU: 0xad,
} as const;

/** Loads and stores: the code, and the logarithm of the width in bytes. */
export const access = {
  load: [0x28, 2],
  load8: [0x2d, 0],
  load16: [0x2f, 1],
  load64: [0x29, 3],
  store: [0x36, 2],
  store8: [0x3a, 0],
  store16: [0x3b, 1],
  store64: [0x37, 3],
} as const;

/** The same, atomic: after the prefix 0xfe. */
export const atomic = {
  notify: [0x00, 2],
  wait: [0x01, 2],
  load: [0x10, 2],
  load64: [0x11, 3],
  store: [0x17, 2],
  add: [0x1e, 2],
  compareExchange: [0x48, 2],
} as const;

/** Vectors of four words: after the prefix 0xfd. */
export const vector = {
  splat: 0x11,
  eq: 0x37,
  bitmask: 0xa4,
} as const;
